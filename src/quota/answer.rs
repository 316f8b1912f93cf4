//! What `quota check` answers: the verdict, why, and the figures it was made from. Serialised, it
//! is the documented `quota check --format json`.

use serde::Serialize;

/// Whether a planned start fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does.
    Fits,
    /// It does not.
    DoesNotFit,
    /// Something that decides is not known.
    CannotKnow,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence without its period.
    pub reason: String,
    /// Each quota that the start counts against.
    pub quotas: Vec<QuotaAnswer>,
}

/// How it stands with one quota, in its own units: runs, DPUs or vCPUs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuotaAnswer {
    /// The quota.
    pub quota: String,
    /// Its value; `None` where nobody says.
    pub limit: Option<f64>,
    /// Who says: `configured`, `applied`, `default`.
    pub limit_source: Option<&'static str>,
    /// What runs hold, and those that wait for capacity will hold. The most that they can, where
    /// AWS does not say how much it is now.
    pub running: f64,
    /// The part of it that is such an upper bound.
    pub running_at_most: f64,
    /// The part of it that waits.
    pub waiting: f64,
    /// Runs whose capacity nobody knows; they are in `running` with what the setting says.
    pub unknown_runs: u64,
    /// What live reservations hold of which no run has shown up.
    pub reserved: f64,
    /// What is kept free for other teams' baselines and windows.
    pub kept_for_others: f64,
    /// What is asked for.
    pub asked: f64,
    /// What could be given: never below zero; `None` where the limit is not known.
    pub free: Option<f64>,
    /// How it stands with the team's own share, where it has one.
    pub team: Option<TeamRoom>,
    /// Whether it fits; `None` where it cannot be known.
    pub fits: Option<bool>,
}

/// A team's share of a quota.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeamRoom {
    /// What its runs and reservations hold.
    pub used: f64,
    /// What it is sure of for the time asked about.
    pub sure_of: f64,
    /// What it may not exceed.
    pub burst: Option<f64>,
}

/// How it stands with one quota now, asked by nobody. The members are those of [`QuotaAnswer`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The quota.
    pub quota: String,
    /// Its value; `None` where nobody says.
    pub limit: Option<f64>,
    /// Who says.
    pub limit_source: Option<&'static str>,
    /// What runs hold and will hold, at most.
    pub running: f64,
    /// The part of it that is an upper bound.
    pub running_at_most: f64,
    /// The part of it that waits.
    pub waiting: f64,
    /// Runs whose capacity nobody knows.
    pub unknown_runs: u64,
    /// What live reservations hold of which no run has shown up.
    pub reserved: f64,
    /// Each team that holds something, or has a share.
    pub teams: Vec<TeamStanding>,
}

/// How it stands with a team.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeamStanding {
    /// The team.
    pub team: String,
    /// What its runs hold and will hold, at most.
    pub running: f64,
    /// The part of it that waits.
    pub waiting: f64,
    /// How many of its runs wait for capacity.
    pub waiting_runs: u64,
    /// What its reservations hold.
    pub reserved: f64,
    /// What it is sure of now.
    pub sure_of: f64,
    /// What it may not exceed.
    pub burst: Option<f64>,
}
