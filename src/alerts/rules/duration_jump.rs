//! `duration-jump`: a run that took far longer than the job's runs before it. One that is still
//! under way is `running-long`'s affair; streams and sessions last as long as they may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::usual::{Jump, usual};
use super::{bad_end, longest, speaking_ends};
use crate::alerts::facts::{End, Facts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{duration, time};
use crate::model::utc_day;

pub(crate) struct DurationJump;

/// When a length is a jump: all of it must hold.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DurationJumps {
    /// How many times the median it is, at least: all of these must hold.
    times: u64,
    /// How many times the usual deviation it is above the median.
    spreads: u64,
    /// How much it is above the median, in minutes.
    floor_minutes: u64,
    /// How many runs are known of it.
    history_min: usize,
}

impl Default for DurationJumps {
    fn default() -> Self {
        Self { times: 3, spreads: 6, floor_minutes: 15, history_min: 10 }
    }
}

impl Rule for DurationJump {
    const CODE: &'static str = "duration-jump";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a run took far longer than its job's history of the same weekday lets expect";
    type Limits = DurationJumps;

    fn check(limits: &DurationJumps) -> Result<(), String> {
        if limits.times < 2 { Err("times: at least 2".to_owned()) } else { Ok(()) }
    }

    fn find(limits: &Limits<DurationJumps>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let limits = limits.of_job(key, job);
            let jump = Jump {
                times: limits.times,
                spreads: limits.spreads,
                floor: limits.floor_minutes.saturating_mul(60),
                least: limits.history_min,
            };
            let judged: Vec<_> = speaking_ends(job, facts.now).filter(|e| e.is_batch()).collect();
            let Some(first) = judged.last().map(|end| end.ended) else { continue };
            let mut history: Vec<_> = job
                .ends()
                .take_while(|end| end.ended < first)
                .filter(counts)
                .map(|end| (utc_day(end.ended).weekday(), end.runtime_seconds))
                .collect();
            let mut worst = None;
            for end in judged.iter().rev() {
                let (weekday, seconds) = (utc_day(end.ended).weekday(), end.runtime_seconds);
                let usual = usual(&history, weekday, jump);
                if counts(end) {
                    history.push((weekday, seconds));
                }
                let jumped = usual.filter(|usual| seconds > usual.limit);
                worst =
                    worst.max(jumped.map(|usual| (seconds, usual.limit, usual.median, end.ended)));
            }
            let Some((seconds, limit, median, ended)) = worst else { continue };
            let (took, usually) = (duration(seconds), duration(median));
            let message = format!(
                "The run of {} that ended at {} took {took}, usually {usually}",
                key.job,
                time(ended)
            );
            let run = judged.iter().find(|end| end.ended == ended);
            let run_id = run.and_then(|end| end.run).unwrap_or_default().to_owned();
            let before = job.ends().take_while(|end| end.ended < ended).filter(counts);
            let evidence = run.map(bad_end::shown).into_iter().chain([longest(before)]);
            let subject = Subject { run_id, ..Subject::job(key, &job.team) };
            findings.push(
                Finding::new(Self::CODE, severity, subject, message)
                    .beyond_seconds(seconds, limit)
                    .shown(evidence.collect())
                    .advise("Compare its input and its workers with before"),
            );
        }
        findings
    }
}

/// Whether a run's length is one that the job usually has: not if it failed early on.
fn counts(end: &End<'_>) -> bool {
    end.is_batch() && end.is_good()
}
