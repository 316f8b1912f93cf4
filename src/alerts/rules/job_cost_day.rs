//! `job-cost-day`: a job that costs too much in a day: today so far, or yesterday.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::dollars;
use crate::model::{Usd, utc_day};

pub(crate) struct JobCostDay;

/// What a job may cost.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DayCost {
    /// The most that a UTC day may cost, in US dollars.
    limit_usd: Usd,
}

impl Default for DayCost {
    fn default() -> Self {
        Self { limit_usd: Usd::from_nanos(200_000_000_000) }
    }
}

impl Rule for JobCostDay {
    const CODE: &'static str = "job-cost-day";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "the runs of a job that ended on one UTC day, today or yesterday, cost more than this";
    type Limits = DayCost;

    fn find(limits: &Limits<DayCost>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let today = utc_day(facts.now);
        let yesterday = today.yesterday().unwrap_or(today);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let limit = limits.of_job(key, job).limit_usd;
            let costs = job.day_costs(today);
            let latest = costs.iter().filter(|(day, cost)| *day >= yesterday && *cost > limit);
            let Some((day, cost)) = latest.max_by_key(|(_, cost)| *cost) else { continue };
            let message = format!("{} cost {} on {day}", key.job, dollars(*cost));
            let finding = Finding::new(Self::CODE, severity, Subject::job(key, &job.team), message);
            let week = costs.iter().rev().take(7);
            findings.push(
                finding
                    .beyond_usd(*cost, limit)
                    .shown(week.map(|(day, cost)| format!("{day}: {}", dollars(*cost))).collect())
                    .advise(
                        "See whether it runs more often, longer, or on more workers than before",
                    ),
            );
        }
        findings
    }
}
