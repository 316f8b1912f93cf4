//! `running-long`: a run that is still under way, far longer than the job usually takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::longest;
use super::usual::{Jump, usual};
use crate::alerts::facts::{End, Facts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{duration, time};
use crate::model::utc_day;

pub(crate) struct RunningLong;

/// When a run is under way for too long: all of it must hold.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Long {
    /// How many times the median it is, at least: all of these must hold.
    times: u64,
    /// How many times the usual deviation it is above the median.
    spreads: u64,
    /// How much it is above the median, in minutes.
    floor_minutes: u64,
    /// How many runs are known of it.
    history_min: usize,
}

impl Default for Long {
    fn default() -> Self {
        Self { times: 3, spreads: 6, floor_minutes: 30, history_min: 5 }
    }
}

impl Rule for RunningLong {
    const CODE: &'static str = "running-long";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str = "a run is still under way, far longer than its job usually takes";
    type Limits = Long;

    fn check(limits: &Long) -> Result<(), String> {
        if limits.times < 2 { Err("times: at least 2".to_owned()) } else { Ok(()) }
    }

    fn find(limits: &Limits<Long>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            // As of what was read: a source that lags makes no run longer.
            let Some(seen) = facts.seen_through(key) else { continue };
            let limits = limits.of_job(key, job);
            let jump = Jump {
                times: limits.times,
                spreads: limits.spreads,
                floor: limits.floor_minutes.saturating_mul(60),
                least: limits.history_min,
            };
            let lasting = job.open.iter().filter(|run| run.is_batch());
            let lasting = lasting.filter_map(|run| Some((run.elapsed_seconds(seen)?, run)));
            let Some((seconds, run)) = lasting.max_by_key(|(seconds, _)| *seconds) else {
                continue;
            };
            let good = || job.ends().filter(End::is_good);
            let history: Vec<_> =
                good().map(|end| (utc_day(end.began()).weekday(), end.runtime_seconds)).collect();
            let started = run.started.unwrap_or(seen);
            let Some(usual) = usual(&history, utc_day(started).weekday(), jump) else { continue };
            if seconds <= usual.limit {
                continue;
            }
            let (lasts, usually) = (duration(seconds), duration(usual.median));
            let message = format!(
                "A run of {} is under way for {lasts} since {}, usually {usually}",
                key.job,
                time(started)
            );
            let subject = Subject::job(key, &job.team).shown_by(&run.identity);
            findings.push(
                Finding::new(Self::CODE, severity, subject, message)
                    .beyond_seconds(seconds, usual.limit)
                    .shown(vec![format!("{} {}", run.identity.run_id, run.state), longest(good())])
                    .advise("See whether it hangs; it costs money until it ends or times out"),
            );
        }
        findings
    }
}
