//! Reports that should have reached their readers by now, by the delivery ledger.
//!
//! A weekly report is due when its schedule says so, to whom its schedule says, and without one
//! some hours after its week. A week in which no run ended has nothing to report.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::FactsSources;
use crate::alerts::{JobFacts, ReportFacts};
use crate::analysis::JobKey;
use crate::model::{Occurrence, Period, utc_day};
use crate::report::ReportSettings;
use crate::schedule::{Schedule, Schedules};
use crate::store::{Ledger, Record, Store, StoreError};

/// How long after its week a report is due that has no schedule: Monday noon, in its own zone.
const DUE_AFTER: SignedDuration = SignedDuration::from_hours(12);
/// How many weeks back a report is missed: as far as roll-ups tell whether there was any run.
const WEEKS: usize = 5;

/// The reports that are due, each for the last weeks, the oldest first, with how many of their
/// readers have not got it.
pub(super) async fn due(
    store: &Store,
    sources: &FactsSources<'_>,
    jobs: &BTreeMap<JobKey, JobFacts>,
    now: Timestamp,
) -> Result<Vec<ReportFacts>, StoreError> {
    let ledger = Ledger::new(store.ledger_table().clone());
    let mut due = Vec::new();
    for (name, settings) in sources.reports {
        let schedule = sources.schedules.as_ref().and_then(|all| schedule_of(all, name));
        let readers = readers(settings, schedule);
        if readers.is_empty() {
            continue;
        }
        let weeks = weeks(settings, schedule, now);
        // Of what was due before the schedule was first looked at, or anything was first sent,
        // nobody has promised it.
        let since = match schedule {
            Some(schedule) => store.looked_at_since(&schedule.name).await?,
            None => None,
        };
        let mut was_sending = false;
        for (week, at) in weeks {
            let records = ledger.records(name, &week.name).await?;
            was_sending |= records.iter().any(|record| !record.occurrence.copy);
            let is_promised = was_sending || since.is_some_and(|since| since <= at);
            if !is_promised || !has_runs(jobs, &week) {
                continue;
            }
            let missing = readers.iter().filter(|reader| !has_it(&records, reader)).count();
            due.push(ReportFacts {
                report: name.clone(),
                period: week.name,
                due: at,
                missing: u64::try_from(missing).unwrap_or(u64::MAX),
            });
        }
    }
    Ok(due)
}

/// The schedule that sends a report for each week.
fn schedule_of<'s>(schedules: &'s Schedules, report: &str) -> Option<&'s Schedule> {
    let is_it =
        |schedule: &&Schedule| schedule.enabled && schedule.is_weekly() && schedule.sends(report);
    schedules.iter().find(is_it)
}

/// The last weeks whose report is due, the oldest first, and since when.
fn weeks(
    settings: &ReportSettings,
    schedule: Option<&Schedule>,
    now: Timestamp,
) -> Vec<(Period, Timestamp)> {
    // The zone was checked when the configuration was loaded.
    let last = settings.zone().ok().and_then(|zone| Period::last_week(now, &zone).ok());
    let weeks = std::iter::successors(last, |week| week.previous().ok()).take(WEEKS);
    let due_at = |week: &Period| match schedule {
        Some(schedule) => schedule.after(week.end).next(),
        None => Some(week.end + DUE_AFTER),
    };
    let mut weeks: Vec<_> = weeks.filter_map(|week| Some((due_at(&week)?, week))).collect();
    weeks.retain(|(at, _)| *at <= now);
    weeks.reverse();
    weeks.into_iter().map(|(at, week)| (week, at)).collect()
}

/// Who is to get which edition: the edition and the address's identity.
fn readers<'a>(
    settings: &'a ReportSettings,
    schedule: Option<&'a Schedule>,
) -> Vec<(&'a str, String)> {
    let editions = schedule.and_then(|schedule| schedule.editions.as_ref());
    let goes_out = |name: &str| editions.is_none_or(|all| all.iter().any(|one| one == name));
    let own = schedule.and_then(|schedule| schedule.recipients.as_ref());
    let whole = (Occurrence::WHOLE_COMPANY, own.unwrap_or(&settings.recipients));
    let teams = settings.teams.iter().map(|(team, to)| (team.as_str(), to));
    let each = std::iter::once(whole).chain(teams).filter(|(name, _)| goes_out(name));
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
