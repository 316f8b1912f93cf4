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
                let identity = |one: &Address| Recipient::Mail(one.clone()).identity();
                if !known.iter().any(|one| identity(one) == identity(to)) {
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
                if inputs.is_none() {
                    // Whoever was at the report last may have been about other readers.
                    tables.are_all = false;
                    inputs = all.last().and_then(|run| run.inputs.clone());
                }
            }
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

/// What a mail was computed with whose call has no known end: by the one who made that call.
fn inputs_of_call<'r>(record: &Record, runs: &'r [TaskRun]) -> Option<&'r ReportInputs> {
    let calls = record.history.iter().rev();
    let by = { calls }.find(|event| event.to == DeliveryState::Sending).map(|event| &event.by);
    let own = runs.iter().rev().find(|run| Some(&run.by) == by);
    own.and_then(|run| run.inputs.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Event;

    fn record(edition: &str, revision: u32, to: &str, stage: Stage, by: &str) -> Record {
        let state = DeliveryState::Sending;
        let at = Timestamp::UNIX_EPOCH;
        Record {
            occurrence: Occurrence {
                report: "weekly".into(),
                period: "2026-W46".into(),
                edition: edition.into(),
                revision,
                recipient: to.parse().unwrap(),
                copy: false,
            },
            stage,
            version: 3,
            claim: 1,
            attempts: 1,
            unknown_ends: 0,
            first_sent: None,
            sent_again: Vec::new(),
            history: vec![Event { at, by: by.into(), to: state, why: "ses".into() }],
            history_dropped: 0,
            rest: BTreeMap::new(),
        }
    }

    fn unknown() -> Stage {
        Stage::Unknown { reason: "no answer".into() }
    }

    fn failed() -> Stage {
        Stage::Failed { reason: "refused".into(), retryable: true }
    }

    fn run(by: &str, attachments: &[&str]) -> TaskRun {
        let mut run = TaskRun::begun("report", &[], by.into(), Timestamp::UNIX_EPOCH);
        run.inputs = Some(ReportInputs {
            version: String::new(),
            configuration: String::new(),
            templates: String::new(),
            rates: String::new(),
            sources: Vec::new(),
            overdue_since: None,
            alerts: Default::default(),
            attachments: attachments.iter().map(|name| (*name).to_owned()).collect(),
            report: Some("weekly".into()),
            copy: false,
            own_use: None,
            own_place: None,
        });
        run
    }

    #[test]
    fn a_call_has_the_tables_of_the_start_that_made_it() {
        let runs = [run("one", &["runs.csv"]), run("two", &[])];
        let of = |by: &str| {
            let record = record("all", 0, "ada@example.org", unknown(), by);
            inputs_of_call(&record, &runs).map(|inputs| inputs.attachments.len())
        };
        assert_eq!((of("one"), of("two"), of("a third")), (Some(1), Some(0), None));
    }

    #[test]
    fn readers_are_those_of_editions_that_somebody_may_have() {
        let all = OnRecord(vec![
            record("all", 0, "ada@example.org", unknown(), "one"),
            record("all", 0, "bob@example.org", failed(), "one"),
            record("all", 1, "ADA@example.org", failed(), "one"),
            record("orders", 0, "eve@example.org", failed(), "one"),
        ]);
        let readers = all.readers();
        assert_eq!(readers.keys().collect::<Vec<_>>(), ["all"]);
        let whole: Vec<&str> = readers["all"].iter().map(Address::mailbox).collect();
        assert_eq!(whole, ["ada@example.org", "bob@example.org"]);
        assert!(all.is_restated("all") && !all.is_restated("orders"));
        // Nobody has the restatement yet, so the mails of before it are the newest.
        let newest = |at: usize| all.is_newest(&all.0[at]);
        assert!(newest(0) && !newest(1) && !newest(2) && !newest(3));
    }

    #[test]
    fn what_may_have_left_and_is_not_asked_for_is_named() {
        let ada = record("all", 0, "ada@example.org", unknown(), "one");
        let bob = record("all", 0, "bob@example.org", unknown(), "one");
        let of_team = record("orders", 0, "ada@example.org", unknown(), "one");
        let newer = record("all", 1, "bob@example.org", failed(), "one");
        let all = OnRecord(vec![ada.clone(), bob, of_team.clone(), newer]);
        let outcome = Outcome::Unknown { reason: String::new() };
        let addressed = [DeliveryOutcome { occurrence: ada.occurrence, outcome }];
        let left: Vec<Occurrence> =
            all.unknown_beside(&addressed).into_iter().map(|row| row.occurrence).collect();
        assert_eq!(left, [of_team.occurrence]);
    }
}
