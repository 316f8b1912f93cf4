//! `quota-near`: a quota that was nearly used up within a day.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{amount, quota_is_gone, share_thousandths};
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::time;

pub(crate) struct QuotaNear;

/// How near is too near.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Near {
    /// From this part of the quota on, in percent, it is a warning.
    warning_percent: u64,
    /// From this part of the quota on, in percent, it is critical.
    critical_percent: u64,
}

impl Default for Near {
    fn default() -> Self {
        Self { warning_percent: 80, critical_percent: 90 }
    }
}

impl Rule for QuotaNear {
    const CODE: &'static str = "quota-near";
    const SEVERITY: Severity = Severity::Critical;
    const MEANING: &'static str =
        "the use of a quota within a day was this near to it: a warning, then critical";
    type Limits = Near;

    fn check(limits: &Near) -> Result<(), String> {
        if limits.warning_percent == 0 || limits.warning_percent > limits.critical_percent {
            return Err("warning_percent: above 0, and critical_percent not below it".to_owned());
        }
        Ok(())
    }

    fn find(limits: &Limits<Near>, facts: &Facts) -> Vec<Finding> {
        let Near { warning_percent, critical_percent } = *limits.of_all();
        let mut findings = Vec::new();
        for quota in &facts.quotas {
            let most = quota.peak.max(quota.now);
            let share = share_thousandths(most, quota.limit);
            let own = match share {
                share if share >= critical_percent.saturating_mul(10) => Severity::Critical,
                share if share >= warning_percent.saturating_mul(10) => Severity::Warning,
                _ => continue,
            };
            let when = quota.peak_at.filter(|_| quota.peak > quota.now);
            let when = when.map_or_else(|| "now".to_owned(), |at| format!("at {}", time(at)));
            let message = format!(
                "{} of {} in {} was used to {} % {when}",
                quota.quota,
                quota.account,
                quota.region,
                share / 10
            );
            let subject = Subject {
                account: quota.account.clone(),
                region: quota.region.clone(),
                detail: quota.quota.clone(),
                ..Subject::default()
            };
            let by_team = quota.by_team.iter().filter(|team| team.used > 0.0).take(5);
            let mut evidence: Vec<_> =
                by_team.map(|t| format!("{} uses {}", t.team, amount(t.used))).collect();
            if evidence.is_empty() {
                evidence.push("no team uses any of it now".to_owned());
            }
            findings.push(Finding {
                observed: amount(most),
                limit: amount(quota.limit),
                magnitude: share,
                evidence,
                advice: "Spread the starts, or ask AWS for a higher quota; `runledger quota show` \
                         says who shared the peak"
                    .to_owned(),
                ..Finding::new(Self::CODE, limits.severity(own), subject, message)
            });
        }
        findings
    }

    fn undecided(_: &Limits<Near>, facts: &Facts, subject: &Subject) -> Option<String> {
        quota_is_gone(facts, subject)
    }
}
