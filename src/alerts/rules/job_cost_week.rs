//! `job-cost-week`: a job that costs too much in seven days, today so far among them.

use jiff::ToSpan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::dollars;
use crate::model::{Usd, utc_day};

pub(crate) struct JobCostWeek;

/// What a job may cost.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WeekCost {
    /// The most that seven UTC days may cost, in US dollars.
    limit_usd: Usd,
}

impl Default for WeekCost {
    fn default() -> Self {
        Self { limit_usd: Usd::from_nanos(1_000_000_000_000) }
    }
}

impl Rule for JobCostWeek {
    const CODE: &'static str = "job-cost-week";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "the runs of a job that ended on the last seven UTC days cost more than this";
    type Limits = WeekCost;

    fn find(limits: &Limits<WeekCost>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let today = utc_day(facts.now);
        let first = today.saturating_sub(6.days());
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let limit = limits.of_job(key, job).limit_usd;
            let mut costs = job.day_costs(today);
            costs.retain(|(day, _)| *day >= first);
            let cost: Usd = costs.iter().map(|(_, cost)| *cost).sum();
            if cost <= limit {
                continue;
            }
            let message = format!("{} cost {} in seven days", key.job, dollars(cost));
            let finding = Finding::new(Self::CODE, severity, Subject::job(key, &job.team), message);
            let days = costs.iter().rev();
            findings.push(
                finding
                    .beyond_usd(cost, limit)
                    .shown(days.map(|(day, cost)| format!("{day}: {}", dollars(*cost))).collect())
                    .advise("The weekly report says what part of it is waste"),
            );
        }
        findings
    }
}
