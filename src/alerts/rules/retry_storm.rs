//! `retry-storm`: a job that is retried again and again within a day.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EVIDENCE_MAX, shown};
use crate::alerts::facts::{Facts, RunFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{dollars, number};
use crate::model::Usd;

pub(crate) struct RetryStorm;

/// When retries are a storm.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Storm {
    /// How many retries within 24 hours.
    retries: u64,
}

impl Default for Storm {
    fn default() -> Self {
        Self { retries: 10 }
    }
}

impl Rule for RetryStorm {
    const CODE: &'static str = "retry-storm";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str = "a job was retried this often within 24 hours";
    type Limits = Storm;

    fn check(limits: &Storm) -> Result<(), String> {
        if limits.retries == 0 { Err("retries: at least 1".to_owned()) } else { Ok(()) }
    }

    fn find(limits: &Limits<Storm>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let retries: Vec<&RunFacts> =
                job.recent().filter(|run| run.retry_of.is_some()).collect();
            let (limit, count) = (limits.of_job(key, job).retries, number(retries.len()));
            let Some(last) = retries.last().filter(|_| count >= limit) else { continue };
            let cost: Usd = retries.iter().filter_map(|run| run.cost).sum();
            let message = format!(
                "{} was retried {count} times within a day, which cost {}",
                key.job,
                dollars(cost)
            );
            let subject = Subject::job(key, &job.team).shown_by(&last.identity);
            let finding = Finding::new(Self::CODE, severity, subject, message);
            findings.push(
                finding
                    .beyond_count(count, limit, "retry")
                    .shown(retries.iter().rev().take(EVIDENCE_MAX).map(|run| shown(run)).collect())
                    .advise("Lower the job's number of retries, and mend what makes it fail"),
            );
        }
        findings
    }
}
