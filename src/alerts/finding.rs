//! What a rule found: about whom, what was observed against which limit, and what to do about it.

use serde::{Deserialize, Serialize};

use crate::model::Engine;

/// How bad a finding is; greater is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
    /// The team.
    pub team: String,
    /// What else tells two subjects of one rule apart: a quota's name, an application's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Subject {
    /// A job.
    #[must_use]
    pub fn job(account: &str, region: &str, engine: &Engine, job: &str, team: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            engine: engine.as_str().to_owned(),
            job: job.to_owned(),
            team: team.to_owned(),
            ..Self::default()
        }
    }
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's stable code.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whom it is about.
    pub subject: Subject,
    /// What was observed, with its unit, as people read it.
    pub observed: String,
    /// The limit that it is beyond, likewise.
    pub limit: String,
    /// How far beyond the limit, in thousandths of it: what a later evaluation compares to tell
    /// whether it became worse. A number of the rule's own where there is no such ratio.
    pub magnitude: u64,
    /// One sentence: what happened.
    pub message: String,
    /// What shows it: run ids, days, amounts; a line each.
    pub evidence: Vec<String>,
    /// What to do about it.
    pub advice: String,
}

impl Finding {
    /// What makes two findings the same one at different times: the rule and the subject, never a
    /// number or the run that happens to show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let Subject { account, region, engine, job, team, detail, run_id: _ } = &self.subject;
        // A team's change of name or owner does not make another problem of a job.
        let team = if job.is_empty() { team.as_str() } else { "" };
        let parts = [account.as_str(), region, engine, job, team, detail];
        let escaped = parts.map(|part| part.replace('%', "%25").replace('|', "%7C"));
        format!("{}|{}", self.code, escaped.join("|"))
    }
}
