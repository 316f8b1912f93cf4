//! What rules look at: plain values, gathered once for all of them. Nothing here was judged yet.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::analysis::JobKey;
use crate::model::{JobKind, RunIdentity, RunState, Usd};

/// Everything that an evaluation knows.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What "now" is.
    pub now: Timestamp,
    /// The jobs, each with its runs.
    pub jobs: BTreeMap<JobKey, JobFacts>,
    /// The quotas, with their use.
    pub quotas: Vec<QuotaFacts>,
    /// The sources that are to be collected.
    pub sources: Vec<SourceFacts>,
    /// The teams that have a budget.
    pub budgets: Vec<BudgetFacts>,
    /// The reports that are to be sent.
    pub reports: Vec<ReportFacts>,
}

/// A job and what is known of its runs.
#[derive(Clone, Debug, Default)]
pub struct JobFacts {
    /// Who pays for its latest run.
    pub team: String,
    /// Whether that is known by a tag.
    pub tagged: bool,
    /// The tags that count for its latest run.
    pub tags: BTreeMap<String, String>,
    /// Runs that ended within the last 24 hours, by end.
    pub ended: Vec<RunFacts>,
    /// Runs under way, by start.
    pub open: Vec<RunFacts>,
    /// Earlier days, the latest last; today's and the days of `ended` are among them.
    pub days: Vec<JobDay>,
}

/// One run, as rules see it.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// What makes the run itself.
    pub identity: RunIdentity,
    /// Where it stands.
    pub state: RunState,
    /// What kind of job it is of.
    pub kind: JobKind,
    /// Whether it retries another run.
    pub is_retry: bool,
    /// When it started, where it did.
    pub started: Option<Timestamp>,
    /// When it ended; `None` while it is under way.
    pub ended: Option<Timestamp>,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// The timeout it was configured with, in minutes.
    pub timeout_minutes: Option<u64>,
    /// How many workers it had.
    pub workers: Option<u32>,
    /// The Glue version or EMR release.
    pub version: Option<String>,
    /// What it cost, where that is known.
    pub cost: Option<Usd>,
    /// The first line of its error.
    pub error: Option<String>,
    /// EMR Serverless: whether its application has a maximum capacity; `None` where not known.
    pub has_maximum: Option<bool>,
}

/// What a job did on one UTC day.
#[derive(Clone, Debug)]
pub struct JobDay {
    /// The day.
    pub day: Date,
    /// Runs that ended on it.
    pub runs: u64,
    /// Of those, with a bad end.
    pub failures: u64,
    /// What they cost.
    pub cost: Usd,
    /// The seconds of work of each, or of a fair sample of many.
    pub runtimes: Vec<u64>,
    /// When the last of them ended well, if one did.
    pub last_good_end: Option<Timestamp>,
    /// When each of them started, as seconds of the day, or of a fair sample of many.
    pub starts: Vec<u32>,
}

/// A quota and its use.
#[derive(Clone, Debug)]
pub struct QuotaFacts {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Which quota.
    pub quota: String,
    /// Its value.
    pub limit: f64,
    /// What is in use now.
    pub now: f64,
    /// The highest use of the last 24 hours, and when.
    pub peak: f64,
    /// When that was.
    pub peak_at: Option<Timestamp>,
    /// Who uses it now, most first: team, use, and the share that the team is configured to have.
    pub by_team: Vec<(String, f64, Option<f64>)>,
    /// Runs that wait for it.
    pub waiting: u64,
}

/// A source and how far it was read.
#[derive(Clone, Debug)]
pub struct SourceFacts {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: String,
    /// Until when it was read completely.
    pub collected_through: Option<Timestamp>,
    /// Why the last try failed.
    pub error: Option<String>,
}

/// A team's budget of a calendar month.
#[derive(Clone, Debug)]
pub struct BudgetFacts {
    /// The team.
    pub team: String,
    /// The month, `2026-11`.
    pub month: String,
    /// The budget.
    pub budget: Usd,
    /// What was used of it on complete days.
    pub used: Usd,
    /// What will have been used at the month's end, where that can be said.
    pub forecast: Option<Usd>,
}

/// A report that is due.
#[derive(Clone, Debug)]
pub struct ReportFacts {
    /// The report's name.
    pub report: String,
    /// The period that it is due for.
    pub period: String,
    /// Since when it is due.
    pub due: Timestamp,
    /// How many of its readers do not have it.
    pub missing: u64,
}
