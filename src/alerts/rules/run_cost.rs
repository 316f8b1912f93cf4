//! `run-cost`: a run that cost too much, within a day or as the job's last one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::speaking_ends;
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{dollars, time};
use crate::model::Usd;

pub(crate) struct RunCost;

/// What one run may cost.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cost {
    /// The most that a run may cost, in US dollars.
    limit_usd: Usd,
}

impl Default for Cost {
    fn default() -> Self {
        Self { limit_usd: Usd::from_nanos(100_000_000_000) }
    }
}

impl Rule for RunCost {
    const CODE: &'static str = "run-cost";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str = "one run cost more than this";
    type Limits = Cost;

    fn find(limits: &Limits<Cost>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let limit = limits.of_job(key, job).limit_usd;
            let dear: Vec<_> = speaking_ends(job, facts.now)
                .filter_map(|end| Some((end.cost?, end)))
                .filter(|(cost, _)| *cost > limit)
                .collect();
            let Some((cost, end)) = dear.iter().max_by_key(|(cost, _)| *cost) else { continue };
            let message = format!("A run of {} cost {}", key.job, dollars(*cost));
            let subject = Subject::job(key, &job.team);
            let subject = Subject { run_id: end.run.unwrap_or_default().to_owned(), ..subject };
            let shown = dear.iter().take(5).map(|(cost, end)| {
                format!(
                    "{} cost {} and ended at {}",
                    end.run.unwrap_or("a run"),
                    dollars(*cost),
                    time(end.ended)
                )
            });
            findings.push(
                Finding::new(Self::CODE, severity, subject, message)
                    .beyond_usd(*cost, limit)
                    .shown(shown.collect())
                    .advise(
                        "Look at its workers and its time: `runledger explain` says what it paid",
                    ),
            );
        }
        findings
    }
}
