//! `deadline-missed`: a job that was to be complete by a time of day and was not. It is over once a
//! run has ended well, however late. Only where a deadline is configured.

use jiff::Timestamp;
use jiff::civil::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::facts::{Facts, JobFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::local_time::{Days, LocalTime, clock};
use crate::alerts::rule::{Rule, job_is_gone};
use crate::alerts::words::{duration, time};

pub(crate) struct DeadlineMissed;

/// When a job is to be complete.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deadline {
    /// By when. Without it there is no deadline.
    by: Option<LocalTime>,
    /// The days of the deadline, where not all.
    days: Days,
    /// From which local time on a good end counts; where that is after `by`, on the day before.
    from: String,
}

impl Default for Deadline {
    fn default() -> Self {
        Self { by: None, days: Days::default(), from: "00:00".to_owned() }
    }
}

impl Rule for DeadlineMissed {
    const CODE: &'static str = "deadline-missed";
    const SEVERITY: Severity = Severity::Critical;
    const MEANING: &'static str =
        "no run ended well between `from` and `by` on one of `days`; off until `by` is set";
    type Limits = Deadline;

    fn check(limits: &Deadline) -> Result<(), String> {
        match clock(&limits.from) {
            Some(_) => Ok(()),
            None => Err(format!("from: `{}` is no time of day, as in \"20:00\"", limits.from)),
        }
    }

    fn find(limits: &Limits<Deadline>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let Some(seen) = facts.seen_through(key) else { continue };
            let limits = limits.of_job(key, job);
            let (Some(by), Some(from)) = (&limits.by, clock(&limits.from)) else { continue };
            let Some(missed) = missed(by, from, &limits.days, job, seen) else { continue };
            let message = format!(
                "{} was to be complete by {} and is not ({})",
                key.job,
                by.as_text(),
                time(missed)
            );
            let late = u64::try_from(seen.duration_since(missed).as_secs()).unwrap_or(0);
            let subject = Subject::job(key, &job.team);
            let subject = match job.open.last() {
                Some(run) => subject.shown_by(&run.identity),
                None => subject,
            };
            let state = match (job.open.last(), job.ends().next_back()) {
                (Some(run), _) => format!("{} is under way", run.identity.run_id),
                (None, Some(end)) => format!("the last run {} at {}", end.state, time(end.ended)),
                (None, None) => "no run is known".to_owned(),
            };
            findings.push(Finding {
                observed: format!("{} late", duration(late)),
                limit: by.as_text(),
                evidence: vec![state],
                advice: "Tell who waits for it; see whether it runs, failed, or never started"
                    .to_owned(),
                ..Finding::new(Self::CODE, severity, subject, message)
            });
        }
        findings
    }

    fn undecided(_: &Limits<Deadline>, facts: &Facts, subject: &Subject) -> Option<String> {
        job_is_gone(facts, subject)
    }
}

/// The last deadline that had come by `seen`, if the job was not complete in time and is not yet.
fn missed(
    by: &LocalTime,
    from: Time,
    days: &Days,
    job: &JobFacts,
    seen: Timestamp,
) -> Option<Timestamp> {
    let (day, due) = by.last_due(days, seen)?;
    let from = by.before(from, day, due)?;
    let done = job.ends().rev().take_while(|end| end.ended >= from).any(|end| end.is_good());
    // A job that was unknown by then had no deadline to keep.
    let known = |at: Timestamp| at < due;
    let was_known = job.ends().next().is_some_and(|end| known(end.ended))
        || job.starts().first().is_some_and(|start| known(*start));
    (!done && was_known).then_some(due)
}
