//! `budget-forecast`: a team that will have used more than its budget by the month's end. Once it
//! has, `budget-used` says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{beyond_usd, dollars};

pub(crate) struct BudgetForecast;

/// From when on a forecast is told.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Over {
    /// The part of the budget, in percent.
    percent: u64,
}

impl Default for Over {
    fn default() -> Self {
        Self { percent: 100 }
    }
}

impl Rule for BudgetForecast {
    const CODE: &'static str = "budget-forecast";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a team's forecast for the month is above this part of its budget";
    type Limits = Over;

    fn check(limits: &Over) -> Result<(), String> {
        if limits.percent == 0 { Err("percent: at least 1".to_owned()) } else { Ok(()) }
    }

    fn find(limits: &Limits<Over>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for budget in facts.budgets.iter().filter(|budget| budget.used < budget.budget) {
            let Some(forecast) = budget.forecast else { continue };
            let thousandths = beyond_usd(forecast, budget.budget);
            if thousandths <= limits.of_team(&budget.team).percent.saturating_mul(10) {
                continue;
            }
            let message = format!(
                "{} will have used {} in {} as it goes on, {} % of its budget",
                budget.team,
                dollars(forecast),
                budget.month,
                thousandths / 10
            );
            let subject = Subject::team(&budget.team);
            findings.push(
                Finding::new(Self::CODE, severity, subject, message)
                    .beyond_usd(forecast, budget.budget)
                    .shown(vec![format!("used so far {}", dollars(budget.used))])
                    .advise("Agree on another budget, or see which jobs grew"),
            );
        }
        findings
    }

    fn undecided(_: &Limits<Over>, facts: &Facts, subject: &Subject) -> Option<String> {
        let budget = facts.budgets.iter().find(|budget| budget.team == subject.team);
        match budget {
            None => Some("no budget of the team is known".to_owned()),
            Some(budget) if budget.used >= budget.budget => {
                Some("the budget is used up, which is another alert".to_owned())
            }
            Some(budget) if budget.forecast.is_none() => {
                Some("the month is too young for a forecast".to_owned())
            }
            Some(_) => None,
        }
    }
}
