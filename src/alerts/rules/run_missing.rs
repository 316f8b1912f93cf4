//! `run-missing`: a job that has not started although it should have: by a stated schedule, or by
//! the rhythm that its own starts have.
//!
//! A rhythm is a period that the latest starts kept without a gap: less than half a day apart and
//! even; the same time on seven days in a row; the same weekday and time in three weeks in a row
//! (which weekday jobs keep too). What has no rhythm is never missed, and neither is what has been
//! gone for two weeks: it may have been retired.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::facts::{Facts, JobFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::local_time::{Days, LocalTime};
use crate::alerts::rule::{Rule, job_is_gone};
use crate::alerts::words::{duration, time};

pub(crate) struct RunMissing;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Starts at the same time of day in a row that make a daily rhythm.
const DAYS_IN_A_ROW: i32 = 7;
/// Weeks in a row that make a weekly one.
const WEEKS_IN_A_ROW: i32 = 3;
/// Starts that make a rhythm of less than half a day.
const EVEN_STARTS: usize = 12;
/// How far from its time a start may be and still keep the rhythm: a change of clocks, and a queue.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(90);
/// What has been gone for so long may have been retired.
const RETIRED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// When a start is missing.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Missing {
    /// How long after it was expected, in minutes.
    grace_minutes: u32,
    /// When it is to start, where its own rhythm is not to decide.
    starts_at: Option<LocalTime>,
    /// The days of `starts_at`, where not all.
    days: Days,
}

impl Default for Missing {
    fn default() -> Self {
        Self { grace_minutes: 120, starts_at: None, days: Days::default() }
    }
}

/// A start that should have been.
struct Expected {
    at: Timestamp,
    /// By what it was expected.
    by: String,
}

impl Rule for RunMissing {
    const CODE: &'static str = "run-missing";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a job has not started that should have, by `starts_at` and `days` or by its own rhythm";
    type Limits = Missing;

    fn find(limits: &Limits<Missing>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            // A source that was not read says nothing about what did not happen.
            let Some(seen) = facts.seen_through(key) else { continue };
            let limits = limits.of_job(key, job);
            let Some(expected) = missing(limits, job, seen) else { continue };
            let late = u64::try_from(seen.duration_since(expected.at).as_secs()).unwrap_or(0);
            let message = format!(
                "{} has not started: expected at {} {}",
                key.job,
                time(expected.at),
                expected.by
            );
            let last = job.starts().last().map(|start| format!("last start {}", time(*start)));
            let finding = Finding::new(Self::CODE, severity, Subject::job(key, &job.team), message);
            findings.push(Finding {
                observed: format!("{} late", duration(late)),
                limit: duration(u64::from(limits.grace_minutes) * 60),
                advice: "See whether its trigger or schedule is switched off".to_owned(),
                evidence: last.into_iter().collect(),
                ..finding
            });
        }
        findings
    }

    fn undecided(_: &Limits<Missing>, facts: &Facts, subject: &Subject) -> Option<String> {
        let Some(job) = facts.job(subject) else { return job_is_gone(facts, subject) };
        let retired =
            job.starts().last().is_none_or(|last| facts.now.duration_since(*last) > RETIRED);
        retired.then(|| "it has not started for two weeks, and may have been retired".to_owned())
    }
}

/// The start that should have been by `seen` and was not.
fn missing(limits: &Missing, job: &JobFacts, seen: Timestamp) -> Option<Expected> {
    let grace = SignedDuration::from_mins(limits.grace_minutes.into());
    let starts = job.starts();
    let last = *starts.last()?;
    if seen.duration_since(last) > RETIRED {
        return None;
    }
    if let Some(starts_at) = &limits.starts_at {
        let (_, at) = starts_at.last_due(&limits.days, seen - grace)?;
        let first = *starts.first()?;
        // A little early is no other start, and what was new then could not be missed.
        let is_missing = last < at - SignedDuration::from_mins(30) && first < at - DAY;
        let by = format!("by its schedule, {}", starts_at.as_text());
        return is_missing.then_some(Expected { at, by });
    }
    let rhythms = [even(&starts), in_a_row(&starts, last, DAY, DAYS_IN_A_ROW)];
    let next = rhythms.into_iter().flatten();
    let next = next.map(|(period, by)| Expected { at: last + period, by });
    let all = next.chain(weekly(&starts, last, seen - grace));
    all.filter(|next| next.at + grace < seen).min_by_key(|next| next.at)
}

/// Starts that follow each other evenly, less than half a day apart: the longest gap of the latest.
fn even(starts: &[Timestamp]) -> Option<(SignedDuration, String)> {
    let latest = &starts[starts.len().checked_sub(EVEN_STARTS)?..];
    let mut gaps: Vec<_> = latest.windows(2).map(|two| two[1].duration_since(two[0])).collect();
    gaps.sort_unstable();
    let (median, longest) = (gaps[gaps.len() / 2], *gaps.last()?);
    let is_even = longest <= median * 2 && longest < DAY / 2 && median > SignedDuration::ZERO;
    // A burst is no rhythm: it has to have gone on for a day.
    let gaps = starts.windows(2).rev().map(|two| two[1].duration_since(two[0]));
    let kept: SignedDuration = gaps.take_while(|gap| *gap <= median * 2).sum();
    let is_even = is_even && kept >= DAY;
    let shown = duration(u64::try_from(median.as_secs()).unwrap_or(0));
    is_even.then(|| (longest, format!("as it starts every {shown}")))
}

/// Whether there were starts at the time of `from` in so many periods in a row, itself included.
fn in_a_row(
    starts: &[Timestamp],
    from: Timestamp,
    period: SignedDuration,
    times: i32,
) -> Option<(SignedDuration, String)> {
    let kept = (0..times).all(|back| started_near(starts, from - period * back));
    let often = if period == DAY { "day" } else { "week" };
    kept.then(|| (period, format!("as every {often} at that time")))
}

/// The first start of the last week that had one of three weeks before it, and has none this week:
/// what every weekday and every weekly job keeps.
fn weekly(starts: &[Timestamp], last: Timestamp, until: Timestamp) -> Option<Expected> {
    let latest = starts.iter().rev().take_while(|start| **start + WEEK + WEEK > until);
    let mut due: Vec<_> = latest.filter(|start| **start + WEEK <= until).collect();
    due.reverse();
    // A start since then, even at an odd time, means that somebody saw to it.
    let is_missing = |start: &&Timestamp| **start + WEEK > last + TOLERANCE;
    let missed = due.into_iter().filter(is_missing);
    let mut kept = missed.filter_map(|start| {
        let (_, by) = in_a_row(starts, *start, WEEK, WEEKS_IN_A_ROW)?;
        Some(Expected { at: *start + WEEK, by })
    });
    kept.next()
}

fn started_near(starts: &[Timestamp], at: Timestamp) -> bool {
    let from = starts.partition_point(|start| *start < at - TOLERANCE);
    starts.get(from).is_some_and(|start| *start <= at + TOLERANCE)
}
