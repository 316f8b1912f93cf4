//! The computed report: every number that the mail, the text, the JSON and the tables show.
//!
//! Computed once per report and only read afterwards, so all of them agree. Serialised, it is the
//! documented `report --format json`: the field names are a contract, and money is a decimal
//! string.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::{OwnCost, TrueUp};
use crate::model::{MissingRate, Period, RunIdentity, StandingAlert, Usd};
use crate::quota::{Forecast, NoForecast};

/// A report's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The period reported on.
    #[serde(serialize_with = "period")]
    pub period: Period,
    /// The name of the period before, which changes are measured against.
    pub compared_with: String,
    /// What "now" was: the report says what was known then.
    pub as_of: Timestamp,
    /// The team whose runs alone are shown; `None` for the whole company.
    pub team: Option<String>,
    /// 0 for the report, 1 for its first restatement, and so on.
    pub revision: u32,
    /// How complete the numbers are.
    pub completeness: Completeness,
    /// The period's sums.
    pub totals: Totals,
    /// The sums of the period before; `None` where nothing is stored of it.
    pub before: Option<Totals>,
    /// Every job with a run that ended in the period, dearest first, ties by key.
    pub jobs: Vec<JobFigures>,
    /// Who pays, dearest first; `Unallocated` is a line like any other.
    pub teams: Vec<TeamFigures>,
    /// Runs and cost by end state, most runs first.
    pub states: Vec<StateFigures>,
    /// Runs and cost by worker type, execution class and version, dearest first.
    pub configurations: Vec<ConfigurationFigures>,
    /// Bad ends, grouped by job and error, dearest first.
    pub failures: Vec<FailureFigures>,
    /// Where the waste comes from.
    pub waste: Waste,
    /// Use against quota, per account, region and quota.
    pub quotas: Vec<QuotaFigures>,
    /// Runs that had not ended at `as_of`, longest first.
    pub still_running: Vec<OpenRun>,
    /// The estimate of the period's UTC days beside their bill, where something of it was read;
    /// `None` in a team's own edition.
    pub bill: Option<TrueUp>,
    /// Why there is no bill, although one is to be read; in a sentence without its period.
    pub bill_missing: Option<String>,
    /// Alerts that were told and are not over, the gravest first. At most
    /// [`StandingAlerts::MAX`](crate::model::StandingAlerts::MAX).
    pub alerts: Vec<StandingAlert>,
    /// How many of them there are.
    pub alerts_total: u64,
    /// Why it is not known which there are; in a sentence.
    pub alerts_missing: Option<String>,
    /// What Runledger itself cost in the days before, as far as that is known; `None` in a team's
    /// own edition, and where nothing is.
    pub runledger_cost: Option<OwnCost>,
    /// What to do about it, most money first.
    pub actions: Vec<Action>,
}

/// How complete a report is, and what to say where it is not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Completeness {
    /// Runs that ended in the period, priced or not.
    pub runs: u64,
    /// Of those, runs without a cost.
    pub unpriced_runs: u64,
    /// Why, with how many runs and how much usage waits for it, most runs first.
    pub unpriced_reasons: Vec<UnpricedReason>,
    /// Runs that had not ended at `as_of`.
    pub still_running: u64,
    /// Runs of this period first stored after its report was sent.
    pub late_runs: u64,
    /// Runs that have ended at a time that no source gave: they are in no period.
    pub without_end: u64,
    /// EMR Serverless runs priced for an assumed architecture, because their application is not
    /// known (imported files do not tell it).
    pub assumed_architecture_runs: u64,
    /// Until when every configured account and region has been read; `None` before the first
    /// collection (imported files say nothing about what they lack).
    pub collected_through: Option<Timestamp>,
    /// Accounts and regions that could not be read, or not up to the period's end.
    pub not_collected: Vec<NotCollected>,
    /// Where a part of the period is past its retention: runs that ended before this are gone.
    pub kept_since: Option<Timestamp>,
    /// Runs by basis of their cost.
    pub by_basis: BTreeMap<&'static str, u64>,
    /// Rates that were used though their source has no date, and where they come from.
    pub undated_rates: Vec<String>,
    /// Rates that were used and were agreed with AWS, by the configuration, in place of the list's.
    pub agreed_rates: u64,
    /// When the report was due, where it goes out late.
    pub overdue_since: Option<Timestamp>,
    /// What late runs changed about the period before since its report was sent, where that is
    /// more than the threshold.
    pub restated_before: Option<Restated>,
}

/// Runs without a cost, by reason, with the usage that waits for a price.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UnpricedReason {
    /// The reason, in words.
    pub reason: String,
    /// The rate that is missing, where that is the reason.
    pub missing_rate: Option<MissingRate>,
    /// How many runs.
    pub runs: u64,
    /// Their DPU-hours, as far as known.
    #[serde(with = "rust_decimal::serde::str")]
    pub dpu_hours: Decimal,
    /// Their vCPU-hours that wait for a rate, as far as known.
    #[serde(with = "rust_decimal::serde::str")]
    pub vcpu_hours: Decimal,
    /// Their GB-hours of memory that wait for a rate, as far as known.
    #[serde(with = "rust_decimal::serde::str")]
    pub memory_gb_hours: Decimal,
    /// Their GB-hours of storage that wait for a rate, as far as known.
    #[serde(with = "rust_decimal::serde::str")]
    pub storage_gb_hours: Decimal,
}

/// An account and region of which something is missing.
#[derive(Clone, Debug, Serialize)]
pub struct NotCollected {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: String,
    /// Until when it was read completely, if ever.
    pub collected_through: Option<Timestamp>,
    /// What went wrong last time, if anything did.
    pub error: Option<String>,
}

/// A total that moved after its report was sent.
#[derive(Clone, Debug, Serialize)]
pub struct Restated {
    /// The period.
    pub period: String,
    /// The total as it was sent.
    pub sent_usd: Usd,
    /// The total as it is now.
    pub now_usd: Usd,
}

/// The sums of a period.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Runs that ended in the period.
    pub runs: u64,
    /// Jobs with such a run.
    pub jobs: u64,
    /// Chains: runs less the retries whose predecessor is among them.
    pub chains: u64,
    /// Runs after the first of their chain.
    pub retries: u64,
    /// Runs that an orchestrator probably started because of a bad end shortly before; not retries.
    pub probable_reruns: u64,
    /// Runs without a cost.
    pub unpriced_runs: u64,
    /// Runs by AWS's word for their state.
    pub by_state: BTreeMap<String, u64>,
    /// Of those, ends that are no failures though their state is one of a bad end: a streaming
    /// job's weekly restart (`EXPIRED`), a session that nobody used any more (`TIMEOUT`).
    pub expected_ends: u64,
    /// What the priced runs cost.
    pub cost_usd: Usd,
    /// Of that, runs with a bad end.
    pub failed_cost_usd: Usd,
    /// Of that, retries.
    pub retry_cost_usd: Usd,
    /// Of that, runs that a later attempt repeated.
    pub repeated_cost_usd: Usd,
    /// Of that, runs that were stopped or cancelled.
    pub stopped_cost_usd: Usd,
    /// The waterfall's sum, each dollar once.
    pub waste_usd: Usd,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// DPU- and M-DPU-hours.
    #[serde(with = "rust_decimal::serde::str")]
    pub dpu_hours: Decimal,
    /// EMR Serverless vCPU-hours.
    #[serde(with = "rust_decimal::serde::str")]
    pub vcpu_hours: Decimal,
}

/// One job in the period.
#[derive(Clone, Debug, Serialize)]
pub struct JobFigures {
    /// The engine.
    pub engine: String,
    /// The account.
    pub account: String,
    /// What the account is called, where it has a name.
    pub account_name: Option<String>,
    /// The region.
    pub region: String,
    /// The job's name: hostile text.
    pub job: String,
    /// Who pays for it: the team of its dearest share of runs.
    pub team: String,
    /// Its runs.
    pub runs: u64,
    /// Of those, retries.
    pub retries: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// Runs by state.
    pub by_state: BTreeMap<String, u64>,
    /// Of those, ends that are no failures though their state is one of a bad end: a streaming
    /// job's weekly restart (`EXPIRED`), a session that nobody used any more (`TIMEOUT`).
    pub expected_ends: u64,
    /// What its priced runs cost.
    pub cost_usd: Usd,
    /// The cost less that of the period before; `None` where nothing is stored of that period.
    pub change_usd: Option<Usd>,
    /// Its part of the waste.
    pub waste_usd: Usd,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// `NumberOfWorkers`, averaged over the runs that have it; 0 where none has.
    pub avg_workers: f64,
}

/// One team in the period.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TeamFigures {
    /// The team.
    pub team: String,
    /// Its runs.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What they cost.
    pub cost_usd: Usd,
    /// The cost less that of the period before; `None` where nothing is stored of that period.
    pub change_usd: Option<Usd>,
    /// Its part of the waste.
    pub waste_usd: Usd,
    /// Its part of the whole, 0 to 1.
    pub share: f64,
    /// Its budget for the calendar month, where one is configured.
    pub budget_usd: Option<Usd>,
    /// The month's forecast, where there is a budget.
    pub forecast_usd: Option<Usd>,
    /// What was used of it on the month's complete days, where there is one.
    pub budget_used_usd: Option<Usd>,
    /// The last complete day that counts, where there is a budget and any day is complete.
    pub budget_through: Option<Date>,
    /// Why days that are over are not complete, where there is a budget and there are such days.
    pub budget_incomplete_because: Option<String>,
}

impl TeamFigures {
    /// A team that ran nothing.
    #[must_use]
    pub fn of(team: &str) -> Self {
        Self { team: team.to_owned(), ..Self::default() }
    }
}

/// Runs that ended in one state.
#[derive(Clone, Debug, Serialize)]
pub struct StateFigures {
    /// AWS's word.
    pub state: String,
    /// How many.
    pub runs: u64,
    /// Of those, ends that are no failures though their state is one of a bad end: a streaming
    /// job's weekly restart (`EXPIRED`), a session that nobody used any more (`TIMEOUT`).
    pub expected_ends: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What they cost.
    pub cost_usd: Usd,
    /// Seconds of work.
    pub runtime_seconds: u64,
}

/// Runs of one configuration.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigurationFigures {
    /// The engine.
    pub engine: String,
    /// Glue's worker type, or the architecture of EMR Serverless; `-` where there is none.
    pub worker_type: String,
    /// `STANDARD`, `FLEX`.
    pub execution_class: String,
    /// The Glue version or the EMR release.
    pub version: String,
    /// How many runs.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What they cost.
    pub cost_usd: Usd,
}

/// Bad ends of one job with one error.
#[derive(Clone, Debug, Serialize)]
pub struct FailureFigures {
    /// The engine.
    pub engine: String,
    /// The account.
    pub account: String,
    /// What the account is called, where it has a name.
    pub account_name: Option<String>,
    /// The region.
    pub region: String,
    /// The job.
    pub job: String,
    /// Who pays.
    pub team: String,
    /// The state of the latest.
    pub state: String,
    /// How many runs ended so.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What they cost.
    pub cost_usd: Usd,
    /// Whether they are a streaming job's weekly restarts (`EXPIRED`): failed cost by their state,
    /// but no waste, and nothing to mend.
    pub restart: bool,
    /// The error of the latest, first line, cut: hostile text. Empty where AWS gave none.
    pub error: String,
    /// The latest run.
    #[serde(serialize_with = "identity")]
    pub latest: RunIdentity,
    /// When the latest ended.
    pub latest_end: Timestamp,
}

/// The waterfall: each dollar in the first step that it fits.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Waste {
    /// Runs with a bad end.
    pub bad_end_usd: Usd,
    /// Other runs that a later attempt repeated.
    pub repeated_usd: Usd,
    /// What a billing minimum added over the seconds used, of the rest.
    pub minimum_usd: Usd,
}

/// Use against one quota.
#[derive(Clone, Debug, Serialize)]
pub struct QuotaFigures {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The quota's key: `glue-concurrent-runs`, `glue-dpus`, `glue-flex-dpus`,
    /// `emr-serverless-vcpus`.
    pub quota: String,
    /// The quota's value; `None` where it is neither configured nor read from Service Quotas.
    pub limit: Option<f64>,
    /// Who says so: `configured`, `applied`, or `default` where Service Quotas has no value of the
    /// account's own.
    pub limit_source: Option<&'static str>,
    /// The peak that is certain.
    pub peak: f64,
    /// The peak that is possible: equal where the use is known exactly, `None` where there is no
    /// upper bound.
    pub peak_upper: Option<f64>,
    /// When the peak was.
    pub peak_at: Option<Timestamp>,
    /// The jobs that shared the peak, largest first, with what each held.
    pub shared_by: Vec<PeakShare>,
    /// The certain peak's part of the limit; 0 where there is no limit.
    pub share: f64,
    /// Seconds in which the certain use was over 80 % of the limit.
    pub seconds_over_80: u64,
    /// Seconds in which the certain use was over 90 % of the limit.
    pub seconds_over_90: u64,
    /// What each team held, largest peak first.
    pub teams: Vec<TeamUse>,
    /// Runs that are known to have waited before they held any of it.
    pub waited_runs: u64,
    /// For how many seconds they waited, all together.
    pub waited_seconds: u64,
    /// When the quota will be reached, where the trend of the weekly peaks says so.
    pub forecast: Option<Forecast>,
    /// Why not, where it was looked for: it is for weeks.
    pub no_forecast: Option<NoForecast>,
}

/// A team's use of a quota.
#[derive(Clone, Debug, Serialize)]
pub struct TeamUse {
    /// The team.
    pub team: String,
    /// The most that it held for certain.
    pub peak: f64,
    /// The most that it can have held; `None` where there is no upper bound.
    pub peak_upper: Option<f64>,
    /// What it held when all teams together were at their peak.
    pub held_at_peak: f64,
}

/// A job's part of a peak.
#[derive(Clone, Debug, Serialize)]
pub struct PeakShare {
    /// The job.
    pub job: String,
    /// What it held at the peak.
    pub held: f64,
}

/// A run that has not ended.
#[derive(Clone, Debug, Serialize)]
pub struct OpenRun {
    /// The run.
    #[serde(serialize_with = "identity")]
    pub identity: RunIdentity,
    /// Its job.
    pub job: String,
    /// Who pays.
    pub team: String,
    /// AWS's word.
    pub state: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// Seconds since it began.
    pub running_seconds: u64,
    /// What it has used so far, where that can be said.
    pub cost_so_far_usd: Option<Usd>,
}

/// What to do, and what it would bring.
#[derive(Clone, Debug, Serialize)]
pub struct Action {
    /// A stable word for the kind of advice: `fix-failures`, `upgrade-glue`, `set-owner` ...
    pub code: &'static str,
    /// What to do, in a sentence: contains hostile names.
    pub advice: String,
    /// What the period's figures say it would have saved or concerns.
    pub usd: Usd,
}

fn period<S: Serializer>(period: &Period, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeStruct;
    let mut fields = serializer.serialize_struct("Period", 4)?;
    fields.serialize_field("name", &period.name)?;
    fields.serialize_field("start", &period.start)?;
    fields.serialize_field("end", &period.end)?;
    fields.serialize_field("time_zone", period.zone_name())?;
    fields.end()
}

fn identity<S: Serializer>(identity: &RunIdentity, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeStruct;
    let mut fields = serializer.serialize_struct("RunIdentity", 6)?;
    fields.serialize_field("account", &identity.account)?;
    fields.serialize_field("region", &identity.region)?;
    fields.serialize_field("engine", &identity.engine)?;
    fields.serialize_field("application_id", &identity.application_id)?;
    fields.serialize_field("run_id", &identity.run_id)?;
    fields.serialize_field("attempt", &identity.attempt)?;
    fields.end()
}
