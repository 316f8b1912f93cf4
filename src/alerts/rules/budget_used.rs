//! `budget-used`: how much of a team's budget of the month is used, told at each step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{beyond_usd, dollars};

pub(crate) struct BudgetUsed;

/// The steps.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Steps {
    /// Parts of the budget in percent, each greater than the one before. The last is critical, the
    /// one before it a warning, any other good to know.
    percents: Vec<u64>,
}

impl Default for Steps {
    fn default() -> Self {
        Self { percents: vec![50, 80, 100] }
    }
}

impl Rule for BudgetUsed {
    const CODE: &'static str = "budget-used";
    const SEVERITY: Severity = Severity::Critical;
    const MEANING: &'static str =
        "a team has used so much of its month's budget: the last step critical, then warning, info";
    type Limits = Steps;

    fn check(limits: &Steps) -> Result<(), String> {
        let rising = limits.percents.windows(2).all(|two| two[0] < two[1]);
        match limits.percents.first() {
            Some(1..) if rising => Ok(()),
            _ => Err("percents: steps above 0, each greater than the one before".to_owned()),
        }
    }

    fn find(limits: &Limits<Steps>, facts: &Facts) -> Vec<Finding> {
        let mut findings = Vec::new();
        for budget in &facts.budgets {
            let used = beyond_usd(budget.used, budget.budget);
            let steps = &limits.of_team(&budget.team).percents;
            let Some(step) = steps.iter().rposition(|percent| used >= percent * 10) else {
                continue;
            };
            let own = match steps.len() - step {
                1 => Severity::Critical,
                2 => Severity::Warning,
                _ => Severity::Info,
            };
            let percent = used / 10;
            let message = format!(
                "{} has used {percent} % of its budget for {}: {} of {}",
                budget.team,
                budget.month,
                dollars(budget.used),
                dollars(budget.budget)
            );
            let subject = Subject::team(&budget.team);
            let finding = Finding::new(Self::CODE, limits.severity(own), subject, message);
            findings.push(Finding {
                observed: dollars(budget.used),
                limit: dollars(budget.budget),
                // A step is told once; only far beyond the last one is worse again.
                magnitude: if step + 1 == steps.len() { used } else { 0 },
                evidence: vec![format!("{} % of {}", steps[step], dollars(budget.budget))],
                advice: "The team's part of the weekly report says which jobs cost most".to_owned(),
                ..finding
            });
        }
        findings
    }

    fn undecided(_: &Limits<Steps>, facts: &Facts, subject: &Subject) -> Option<String> {
        let known = facts.budgets.iter().any(|budget| budget.team == subject.team);
        (!known).then(|| "no budget of the team is known".to_owned())
    }
}
