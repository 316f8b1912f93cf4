//! What takes the place of mails that are on record, or may have left: it goes to the readers that
//! the ledger has, with the tables that those mails had or were to have. Nothing is sent here.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::deliver::{DeliveryOutcome, Outcome};
use super::publish::{Publication, files_asked_for};
use super::replay::{files_then, inputs_then};
use crate::model::{Address, DeliveryState, Occurrence, Recipient};
use crate::store::{Ledger, Record, ReportInputs, Stage, Store, StoreError, TaskRun};
use crate::tables::TableFile;

/// The mails of a report for a period that the ledger has: all editions and revisions, no copies.
#[derive(Clone, Debug)]
pub struct OnRecord(Vec<Record>);

/// The tables that mails had, or were to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Those that are on record.
    pub files: Vec<TableFile>,
    /// Whether those of every mail are: of a start that was killed before it could say so, they are
    /// not.
    pub are_all: bool,
}

impl OnRecord {
    /// Reads them.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn read(ledger: &Ledger, report: &str, period: &str) -> Result<Self, StoreError> {
        let mut records = ledger.records(report, period).await?;
        records
            .retain(|record| !record.occurrence.copy && record.state() != DeliveryState::Withdrawn);
        Ok(Self(records))
    }

    /// To whom each edition was sent, or was to be; without those that nobody can have yet.
    #[must_use]
    pub fn readers(&self) -> BTreeMap<String, Vec<Address>> {
        let mut readers: BTreeMap<String, Vec<Address>> = BTreeMap::new();
        for record in &self.0 {
            let about = &record.occurrence;
            // Reports go out as mails alone.
            let Recipient::Mail(to) = &about.recipient else { continue };
            if self.of_edition(&about.edition).any(Record::may_have_left) {
                let known = readers.entry(about.edition.clone()).or_default();
                if !known.contains(to) {
                    known.push(to.clone());
                }
            }
        }
        readers
    }

    /// Whether a restatement of an edition was begun.
    #[must_use]
    pub fn is_restated(&self, edition: &str) -> bool {
        self.of_edition(edition).any(|record| record.occurrence.revision > 0)
    }

    fn of_edition<'a>(&'a self, edition: &'a str) -> impl Iterator<Item = &'a Record> {
        self.0.iter().filter(move |record| record.occurrence.edition == edition)
    }

    /// The tables of each edition's newest revision, of all its mails together: whoever had fewer
    /// may get more, and nobody fewer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tables(
        &self,
        store: &Store,
        publication: &Publication<'_>,
    ) -> Result<Tables, StoreError> {
        let mut runs = None;
        let mut tables = Tables { files: Vec::new(), are_all: true };
        for record in self.0.iter().filter(|record| self.is_newest(record)) {
            if publication.team.is_some_and(|team| team != record.occurrence.edition) {
                continue;
            }
            let sendings = record.sendings();
            let period = &publication.request.period.name;
            let mut inputs = match sendings.last() {
                Some(sent) => inputs_then(store, period, sent).await?,
                None => None,
            };
            if inputs.is_none() {
                let all = match &runs {
                    Some(all) => all,
                    None => runs.insert(sending_runs(store, publication).await?),
                };
                inputs = inputs_of_call(record, all).cloned();
            }
            tables.are_all &= inputs.is_some();
            tables.files.extend(files_then(inputs.as_ref()));
        }
        tables.files = files_asked_for(&tables.files);
        Ok(tables)
    }

    /// Whether a mail may have left, and none of a newer revision of its edition.
    fn is_newest(&self, record: &Record) -> bool {
        let about = &record.occurrence;
        let left = self.of_edition(&about.edition).filter(|other| other.may_have_left());
        let newest = left.map(|other| other.occurrence.revision).max();
        record.may_have_left() && newest == Some(about.revision)
    }

    /// The mails of which it is not known whether they left, to readers who are not among these and
    /// have no newer one.
    #[must_use]
    pub fn unknown_beside(&self, addressed: &[DeliveryOutcome]) -> Vec<DeliveryOutcome> {
        let same = |one: &Occurrence, other: &Occurrence| {
            one.edition == other.edition && one.recipient.identity() == other.recipient.identity()
        };
        let mut left = Vec::new();
        for record in &self.0 {
            let about = &record.occurrence;
            let reason = match &record.stage {
                Stage::Unknown { reason } => reason.clone(),
                Stage::Sending { lease, .. } => format!("{} may be at its call", lease.holder),
                _ => continue,
            };
            let is_addressed = addressed.iter().any(|row| same(&row.occurrence, about));
            let is_old = self.0.iter().any(|other| {
                same(&other.occurrence, about) && other.occurrence.revision > about.revision
            });
            if !is_addressed && !is_old {
                let reason = format!("{reason}; it is not among those that were asked for");
                let outcome = Outcome::Unknown { reason };
                left.push(DeliveryOutcome { occurrence: about.clone(), outcome });
            }
        }
        left
    }
}

/// The runs of tasks that may have sent the report, the oldest first.
async fn sending_runs(
    store: &Store,
    publication: &Publication<'_>,
) -> Result<Vec<TaskRun>, StoreError> {
    let request = publication.request;
    // What is not over is not sent.
    let (since, until): (Timestamp, Timestamp) = (request.period.end, request.now);
    let mut runs = store.task_runs(since, until).await?;
    runs.retain(|run| {
        let is_ours = |inputs: &ReportInputs| {
            // Earlier versions did not say which report it was.
            let report = inputs.report.as_deref();
            !inputs.copy && report.is_none_or(|report| report == publication.report)
        };
        run.period.as_deref() == Some(request.period.name.as_str())
            && run.inputs.as_ref().is_some_and(is_ours)
    });
    Ok(runs)
}

/// What a mail was computed with whose call has no known end: of the one who made that call, else
/// of whoever was last at the report.
fn inputs_of_call<'r>(record: &Record, runs: &'r [TaskRun]) -> Option<&'r ReportInputs> {
    let calls = record.history.iter().rev();
    let by = { calls }.find(|event| event.to == DeliveryState::Sending).map(|event| &event.by);
    let own = runs.iter().rev().find(|run| Some(&run.by) == by);
    own.or(runs.last()).and_then(|run| run.inputs.as_ref())
}
