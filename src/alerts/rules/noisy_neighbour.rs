//! `noisy-neighbour`: a team that uses more of a quota than is its share while others wait for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EVIDENCE_MAX, amount, quota_is_gone, share_thousandths};
use crate::alerts::facts::{Facts, TeamUse};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::counted;

pub(crate) struct NoisyNeighbour;

/// What a team may use while others wait.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Share {
    /// The part of the quota in percent, where no share of the team is configured.
    percent: u32,
}

impl Default for Share {
    fn default() -> Self {
        Self { percent: 50 }
    }
}

impl Rule for NoisyNeighbour {
    const CODE: &'static str = "noisy-neighbour";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a team uses more of a quota than its share, else this part of it, while others wait";
    type Limits = Share;

    fn check(limits: &Share) -> Result<(), String> {
        if (1..=100).contains(&limits.percent) {
            Ok(())
        } else {
            Err("percent: 1 to 100".to_owned())
        }
    }

    fn find(limits: &Limits<Share>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for quota in &facts.quotas {
            let all_waiting: u64 = quota.by_team.iter().map(|team| team.waiting).sum();
            for team in &quota.by_team {
                let percent = limits.of_team(&team.team).percent;
                let share = team.share.unwrap_or(quota.limit * f64::from(percent) / 100.0);
                let others = all_waiting - team.waiting;
                if others == 0 || team.used <= share {
                    continue;
                }
                let message = format!(
                    "{} uses {} of {} ({} in {}) while {} of others wait",
                    team.team,
                    amount(team.used),
                    quota.quota,
                    quota.account,
                    quota.region,
                    counted(others, "run")
                );
                let subject = Subject {
                    account: quota.account.clone(),
                    region: quota.region.clone(),
                    team: team.team.clone(),
                    detail: quota.quota.clone(),
                    ..Subject::default()
                };
                let waits = |other: &&TeamUse| other.waiting > 0 && other.team != team.team;
                let mut waiting: Vec<_> = quota.by_team.iter().filter(waits).collect();
                waiting.sort_by(|a, b| b.waiting.cmp(&a.waiting).then(a.team.cmp(&b.team)));
                let evidence = |other: &&TeamUse| {
                    let (used, waiting) = (amount(other.used), counted(other.waiting, "run"));
                    format!("{} uses {used}, and {waiting} of it wait", other.team)
                };
                findings.push(Finding {
                    evidence: waiting.iter().take(EVIDENCE_MAX).map(evidence).collect(),
                    observed: amount(team.used),
                    limit: amount(share),
                    magnitude: share_thousandths(team.used, share),
                    advice: "Start fewer of its runs at once, or agree on another share".to_owned(),
                    ..Finding::new(Self::CODE, severity, subject, message)
                });
            }
        }
        findings
    }

    fn undecided(_: &Limits<Share>, facts: &Facts, subject: &Subject) -> Option<String> {
        quota_is_gone(facts, subject)
    }
}
