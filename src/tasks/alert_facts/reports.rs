//! Reports that should have reached their readers by now, by the delivery ledger.
//!
//! A report is taken to be weekly and due some hours after its week: that is what it is without a
//! schedule. A week in which no run ended has nothing to report.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::alerts::{JobFacts, ReportFacts};
use crate::analysis::JobKey;
use crate::model::{Occurrence, Period, utc_day};
use crate::report::ReportSettings;
use crate::store::{Ledger, Record, Store, StoreError};

/// How long after its week a report is due: Monday noon, in its own zone.
const DUE_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// The reports that are due for their last week, with how many of their readers have not got it.
pub(super) async fn due(
    store: &Store,
    reports: &BTreeMap<String, ReportSettings>,
    jobs: &BTreeMap<JobKey, JobFacts>,
    now: Timestamp,
) -> Result<Vec<ReportFacts>, StoreError> {
    let ledger = Ledger::new(store.ledger_table().clone());
    let mut due = Vec::new();
    for (name, settings) in reports {
        // The zone was checked when the configuration was loaded.
        let Ok(zone) = settings.zone() else { continue };
        let Ok(week) = Period::last_week(now - DUE_AFTER, &zone) else { continue };
        let readers = readers(settings);
        if readers.is_empty() || !has_runs(jobs, &week) {
            continue;
        }
        let records = ledger.records(name, &week.name).await?;
        let missing = readers.iter().filter(|reader| !has_it(&records, reader)).count();
        due.push(ReportFacts {
            report: name.clone(),
            period: week.name,
            due: week.end + DUE_AFTER,
            missing: u64::try_from(missing).unwrap_or(u64::MAX),
        });
    }
    Ok(due)
}

/// Who is to get which edition: the edition and the address's identity.
fn readers(settings: &ReportSettings) -> Vec<(&str, String)> {
    let whole = (Occurrence::WHOLE_COMPANY, &settings.recipients);
    let teams = settings.teams.iter().map(|(team, to)| (team.as_str(), to));
    let each = std::iter::once(whole).chain(teams);
    each.flat_map(|(edition, to)| to.iter().map(move |to| (edition, to.identity()))).collect()
}

fn has_it(records: &[Record], (edition, reader): &(&str, String)) -> bool {
    records.iter().any(|record| {
        let to = &record.occurrence;
        let is_theirs = !to.copy && to.edition == *edition && to.recipient.identity() == *reader;
        is_theirs && record.first_sent.is_some()
    })
}

/// Whether anything ended in a week. Days at its edges may lie in the weeks beside it, which is
/// near enough to tell a new installation from a silent one.
fn has_runs(jobs: &BTreeMap<JobKey, JobFacts>, week: &Period) -> bool {
    let days = utc_day(week.start)..utc_day(week.end);
    jobs.values().flat_map(|job| &job.days).any(|day| days.contains(&day.day))
        || jobs
            .values()
            .flat_map(|job| &job.ended)
            .any(|run| run.ended.is_some_and(|end| week.contains(end)))
}
