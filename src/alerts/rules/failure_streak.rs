//! `failure-streak`: a job that only ends badly, time after time. A chain of retries is one time;
//! runs that somebody stopped neither lengthen a streak nor end it. While it is told, its runs are
//! not told one by one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EVIDENCE_MAX;
use super::bad_end::{self, Gaps};
use super::run_failed::RunFailed;
use super::run_timeout::RunTimeout;
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::{Rule, job_is_gone};
use crate::alerts::words::{number, time};
use crate::model::RunState;

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
            let gaps = Gaps::of(facts, job, first);
            let message = format!(
                "{} has ended badly {}{runs} times in a row since {}{}{}",
                key.job,
                gaps.bound(),
                time(first.ended),
                if gaps.earlier { " or before" } else { "" },
                bad_end::why(last)
            );
            let subject = bad_end::shown_by(Subject::job(key, &job.team), last);
            let finding = Finding::new(Self::CODE, severity, subject, message)
                .beyond_count(runs, limit, "bad end");
            let observed = format!("{}{}", gaps.bound(), finding.observed);
            findings.push(
                Finding { observed, ..finding }
                    .shown(bad.iter().rev().take(EVIDENCE_MAX).map(bad_end::shown).collect())
                    .advise("Stop its schedule until it is mended: every further run costs money"),
            );
        }
        findings
    }

    fn undecided(_: &Limits<Streak>, facts: &Facts, subject: &Subject) -> Option<String> {
        let Some(job) = facts.job(subject) else { return job_is_gone(facts, subject) };
        let is_tried = job.open.iter().any(|run| run.retry_of.is_some());
        // Since the last good end all is known, so that fewer bad ends than a streak has are none.
        bad_end::undecided(facts, subject, RunState::is_bad_end)
            .filter(|_| is_tried || bad_end::last_good(job).is_none())
    }
}
