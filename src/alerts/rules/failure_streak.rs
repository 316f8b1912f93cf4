//! `failure-streak`: a job that only ends badly, time after time. A chain of retries is one time;
//! runs that somebody stopped neither lengthen a streak nor end it. While it is told, its runs are
//! not told one by one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bad_end;
use super::run_failed::RunFailed;
use super::run_timeout::RunTimeout;
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{number, time};

pub(crate) struct FailureStreak;

/// When a row of bad ends is a streak.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Streak {
    /// How many bad ends in a row.
    runs: u64,
}

impl Default for Streak {
    fn default() -> Self {
        Self { runs: 3 }
    }
}

impl Rule for FailureStreak {
    const CODE: &'static str = "failure-streak";
    const SEVERITY: Severity = Severity::Critical;
    const MEANING: &'static str =
        "a job ended badly this often in a row, each chain of retries once";
    const PARTS: &'static [&'static str] = &[RunFailed::CODE, RunTimeout::CODE];
    type Limits = Streak;

    fn check(limits: &Streak) -> Result<(), String> {
        if limits.runs < 2 { Err("runs: a streak has at least 2".to_owned()) } else { Ok(()) }
    }

    fn find(limits: &Limits<Streak>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let mut bad = bad_end::unrepaired(job);
            bad.retain(|end| end.state.is_bad_end());
            let (limit, runs) = (limits.of_job(key, job).runs, number(bad.len()));
            let (Some(first), Some(last)) = (bad.first(), bad.last()) else { continue };
            if runs < limit {
                continue;
            }
            let message = format!(
                "{} has ended badly {runs} times in a row since {}{}",
                key.job,
                time(first.ended),
                bad_end::why(last)
            );
            let subject = bad_end::shown_by(Subject::job(key, &job.team), last);
            let finding = Finding::new(Self::CODE, severity, subject, message);
            findings.push(
                finding
                    .beyond_count(runs, limit, "bad end")
                    .advise("Stop its schedule until it is mended: every further run costs money"),
            );
        }
        findings
    }

    fn undecided(_: &Limits<Streak>, facts: &Facts, subject: &Subject) -> Option<String> {
        bad_end::undecided(facts, subject)
    }
}
