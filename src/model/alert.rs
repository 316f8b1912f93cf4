//! The words of an alert that other rooms know: how bad, about whom, and what a report repeats of
//! one that stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobKey, RunIdentity};

/// How bad a finding is; greater is worse.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

impl Severity {
    /// The word in messages, JSON and stored states.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Whom a finding is about. Empty where it is about nothing so narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine, in its word.
    pub engine: String,
    /// The job.
    pub job: String,
    /// The run that shows it; not part of the fingerprint.
    pub run_id: String,
    /// The EMR Serverless application of that run; not part of the fingerprint.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub application_id: String,
    /// The team.
    pub team: String,
    /// What else tells two subjects of one rule apart: a quota's name, an application's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Subject {
    /// A job.
    #[must_use]
    pub fn job(key: &JobKey, team: &str) -> Self {
        Self {
            account: key.account.clone(),
            region: key.region.clone(),
            engine: key.engine.as_str().to_owned(),
            job: key.job.clone(),
            team: team.to_owned(),
            ..Self::default()
        }
    }

    /// A team.
    #[must_use]
    pub fn team(team: &str) -> Self {
        Self { team: team.to_owned(), ..Self::default() }
    }

    /// The same subject, shown by a run.
    #[must_use]
    pub fn shown_by(self, run: &RunIdentity) -> Self {
        let application_id = run.application_id.clone().unwrap_or_default();
        Self { run_id: run.run_id.clone(), application_id, ..self }
    }
}

/// An alert that was told and is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingAlert {
    /// The rule's stable code.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands: `OPEN`, `NO_DATA` or `STALE`.
    pub state: String,
    /// What makes it the same alert at other times.
    pub fingerprint: String,
    /// Whom it is about.
    pub subject: Subject,
    /// What was observed when it was told last, with its unit; and the limit likewise.
    pub observed: String,
    /// Empty where there is none.
    pub limit: String,
    /// One sentence: what is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// When it began.
    pub opened_at: Timestamp,
}

/// The alerts that stand, as a report repeats them. At most [`StandingAlerts::MAX`] of them: they
/// are put on record with the report, and thousands that stand are no reading matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingAlerts {
    /// The most severe first, then the oldest.
    pub alerts: Vec<StandingAlert>,
    /// How many stand, by team; of no team under the empty name.
    pub by_team: BTreeMap<String, u64>,
    /// Why it is not known which stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

impl StandingAlerts {
    /// How many are kept one by one.
    pub const MAX: usize = 100;

    /// Those that stand, in any order.
    #[must_use]
    pub fn new(mut alerts: Vec<StandingAlert>) -> Self {
        let mut by_team = BTreeMap::<String, u64>::new();
        for alert in &alerts {
            *by_team.entry(alert.subject.team.clone()).or_default() += 1;
        }
        alerts.sort_by(|a, b| {
            let worse = b.severity.cmp(&a.severity);
            worse
                .then_with(|| a.opened_at.cmp(&b.opened_at))
                .then_with(|| a.fingerprint.cmp(&b.fingerprint))
        });
        alerts.truncate(Self::MAX);
        Self { alerts, by_team, missing: None }
    }

    /// Where it cannot be known which stand.
    #[must_use]
    pub fn unknown(why: String) -> Self {
        Self { missing: Some(why), ..Self::default() }
    }

    /// Those that concern a team, or all; and how many there are.
    #[must_use]
    pub fn of(&self, team: Option<&str>) -> (Vec<StandingAlert>, u64) {
        let Some(team) = team else {
            return (self.alerts.clone(), self.by_team.values().sum());
        };
        let own = self.alerts.iter().filter(|alert| alert.subject.team == team);
        (own.cloned().collect(), self.by_team.get(team).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(severity: Severity, team: &str, opened: i64) -> StandingAlert {
        StandingAlert {
            code: "run-failed".into(),
            severity,
            state: "OPEN".into(),
            fingerprint: format!("{team}|{opened}"),
            subject: Subject::team(team),
            observed: String::new(),
            limit: String::new(),
            message: "1 run failed".into(),
            advice: String::new(),
            opened_at: Timestamp::from_second(opened).unwrap(),
        }
    }

    #[test]
    fn the_gravest_are_kept_and_all_are_counted_by_team() {
        let warnings = (0..150).map(|second| alert(Severity::Warning, "orders", second));
        let critical =
            [alert(Severity::Critical, "", 900), alert(Severity::Critical, "sales", 800)];
        let standing = StandingAlerts::new(warnings.chain(critical).collect());
        let (all, total) = standing.of(None);
        assert_eq!((all.len(), total), (StandingAlerts::MAX, 152));
        let first: Vec<_> = all[..3].iter().map(|alert| alert.fingerprint.as_str()).collect();
        assert_eq!(first, ["sales|800", "|900", "orders|0"]);
        let (orders, total) = standing.of(Some("orders"));
        assert_eq!((orders.len(), total), (98, 150));
        assert!(orders.iter().all(|alert| alert.subject.team == "orders"));
        assert_eq!(standing.of(Some("nobody")), (Vec::new(), 0));
    }
}
