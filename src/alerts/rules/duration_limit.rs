//! `duration-limit`: a run that took too long, or has been going on for too long: the time it used,
//! not the timeout that it was given. Streams and sessions last as long as they may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{bad_end, shown, speaking_ends};
use crate::alerts::facts::{End, Facts, JobFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::duration;
use crate::analysis::JobKey;

pub(crate) struct DurationLimit;

/// How long a run may take.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Time {
    /// The longest time, in minutes.
    limit_minutes: u64,
}

impl Default for Time {
    fn default() -> Self {
        Self { limit_minutes: 1_440 }
    }
}

impl Rule for DurationLimit {
    const CODE: &'static str = "duration-limit";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a run took, or is under way for, longer than this: time used, not the timeout";
    type Limits = Time;

    fn find(limits: &Limits<Time>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let limit = limits.of_job(key, job).limit_minutes.saturating_mul(60);
            let ended = longest_ended(facts, job);
            let open = longest_open(facts, key, job);
            let Some((seconds, run, is_open, evidence)) = ended.into_iter().chain(open).max()
            else {
                continue;
            };
            if seconds <= limit {
                continue;
            }
            let verb = if is_open { "is under way for" } else { "took" };
            let message = format!("A run of {} {verb} {}", key.job, duration(seconds));
            let subject = Subject { run_id: run, ..Subject::job(key, &job.team) };
            findings.push(
                Finding::new(Self::CODE, severity, subject, message)
                    .beyond_seconds(seconds, limit)
                    .shown(vec![evidence])
                    .advise("Look at what it waits for, and set a timeout that would end it"),
            );
        }
        findings
    }
}

/// Seconds, the run's id, whether it is under way, and what shows it.
type Lasted = (u64, String, bool, String);

fn longest_ended(facts: &Facts, job: &JobFacts) -> Option<Lasted> {
    let ends = speaking_ends(job, facts.now).filter(|end| end.is_batch());
    let lasted = |end: End<'_>| {
        let run = end.run.unwrap_or_default().to_owned();
        (end.runtime_seconds, run, false, bad_end::shown(&end))
    };
    ends.map(lasted).max()
}

fn longest_open(facts: &Facts, key: &JobKey, job: &JobFacts) -> Option<Lasted> {
    let seen = facts.seen_through(key)?;
    let lasting = job.open.iter().filter(|run| run.is_batch());
    lasting
        .filter_map(|run| {
            let seconds = run.elapsed_seconds(seen)?;
            Some((seconds, run.identity.run_id.clone(), true, shown(run)))
        })
        .max()
}
