//! The rules, one file each, and what several of them ask.

mod bad_end;
mod usual;

pub(super) mod application_unbounded;
pub(super) mod budget_forecast;
pub(super) mod budget_used;
pub(super) mod collection_stale;
pub(super) mod cost_jump;
pub(super) mod deadline_missed;
pub(super) mod duration_jump;
pub(super) mod duration_limit;
pub(super) mod failure_streak;
pub(super) mod job_cost_day;
pub(super) mod job_cost_week;
pub(super) mod legacy_glue;
pub(super) mod noisy_neighbour;
pub(super) mod owner_missing;
pub(super) mod quota_near;
pub(super) mod report_overdue;
pub(super) mod retry_storm;
pub(super) mod run_cost;
pub(super) mod run_failed;
pub(super) mod run_missing;
pub(super) mod run_stopped;
pub(super) mod run_timeout;
pub(super) mod running_long;
pub(super) mod timeout_setting;
pub(super) mod worker_limit;

#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod evidence_tests;
#[cfg(test)]
mod other_tests;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod time_tests;

use jiff::{SignedDuration, Timestamp};

use super::facts::{End, Facts, JobFacts, QuotaFacts, RunFacts, WINDOW};
use super::finding::Subject;
use super::words::{counted, duration, number, time};

/// How many lines show what a rule found, where many would.
const EVIDENCE_MAX: usize = 3;

/// For how long a job's last end speaks for the job, where nothing has ended since: long enough for
/// one that runs once a week.
const LAST_END_SPEAKS: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The latest run within a day of which something is known, and that.
fn latest_configured<T>(
    job: &JobFacts,
    known: impl Fn(&RunFacts) -> Option<T>,
) -> Option<(&RunFacts, T)> {
    let known = |run| Some((run, known(run)?));
    // The later of two that started at once is the one under way.
    job.recent().filter_map(known).max_by_key(|(run, _)| run.started)
}

/// A run and where it stands, as evidence.
fn shown(run: &RunFacts) -> String {
    let (id, state) = (&run.identity.run_id, &run.state);
    match (run.ended, run.started) {
        (Some(ended), _) => format!("{id} {state} at {}", time(ended)),
        (None, Some(started)) => format!("{id} {state} since {}", time(started)),
        (None, None) => format!("{id} {state}, not started"),
    }
}

/// How long the longest of the ends before took, as evidence.
fn longest<'a>(ends: impl Iterator<Item = End<'a>>) -> String {
    let seconds: Vec<u64> = ends.map(|end| end.runtime_seconds).collect();
    let longest = seconds.iter().max().copied().unwrap_or_default();
    match seconds.len() {
        0 => "no other run of it is known".to_owned(),
        runs => format!("longest of {}: {}", counted(number(runs), "other run"), duration(longest)),
    }
}

/// The ends that tell what a job does now: those within a day, and the last one however it is.
fn speaking_ends(job: &JobFacts, now: Timestamp) -> impl Iterator<Item = End<'_>> {
    let last = job.ends().next_back().map(|end| end.ended);
    let speaks = move |end: &End<'_>| {
        let age = now.duration_since(end.ended);
        age < WINDOW || (Some(end.ended) == last && age < LAST_END_SPEAKS)
    };
    job.ends().rev().take_while(speaks)
}

/// An amount of a quota as people read it: whole, or with one decimal.
fn amount(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A use as thousandths of its limit. A float, because nothing is paid by it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and neither a use nor a limit is negative"
)]
fn share_thousandths(used: f64, limit: f64) -> u64 {
    // A little is added for what binary fractions take away: 0.8 of 10 is 8.
    if limit > 0.0 { (used / limit * 1_000.0 + 1e-6) as u64 } else { 0 }
}

/// Why nothing can be said of a quota: it was not read.
fn quota_is_gone(facts: &Facts, subject: &Subject) -> Option<String> {
    let is_it = |quota: &QuotaFacts| {
        quota.account == subject.account
            && quota.region == subject.region
            && quota.quota == subject.detail
    };
    let known = facts.quotas.iter().any(is_it);
    (!known).then(|| "the quota and its use are not known now".to_owned())
}
