//! A month's statement: what every format shows, and what closing freezes.
//!
//! Serialised, it is the documented `chargeback --format json`: field names are a contract that
//! grows and never breaks. Amounts of rows are whole cents that add up; sums at the top are exact.

use jiff::Timestamp;
use serde::Serialize;

use super::Outlook;
use super::cell::{CellKey, Nanos};
use crate::model::Usd;

/// What a month's total is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TotalIs {
    /// What AWS billed, finally.
    Bill,
    /// What the runs were estimated at, because the bill is not known or not final.
    Estimate,
}

/// A month by cost centre, team, account and job.
#[derive(Clone, Debug, Serialize)]
pub struct Statement {
    /// The UTC month: `2026-10`.
    pub month: String,
    /// `used`: cost by the UTC day on which it was used.
    pub basis: &'static str,
    /// Whether the month is closed.
    pub closed: bool,
    /// Whether anything can be known of its runs: not where all of them have expired.
    pub is_known: bool,
    /// How it was closed, where it is.
    pub closing: Option<Closing>,
    /// What "now" was.
    pub as_of: Timestamp,
    /// What the total is.
    pub says_total_is: TotalIs,
    /// The final bill; `null` where it is not known or not final.
    pub bill_usd: Option<Usd>,
    /// What AWS billed so far, where the bill is not final.
    pub bill_so_far_usd: Option<Usd>,
    /// Why the bill is not known, or not final, where it is not.
    pub bill_reason: Option<String>,
    /// Cost of runs that ended in the month, basis `ended`: the total of the month's report.
    pub ended_usd: Usd,
    /// From there to `own_usd`: "ended here, used elsewhere".
    pub bridge_usd: Usd,
    /// The bridge's parts.
    pub bridge: Bridge,
    /// What runs used in the month.
    pub own_usd: Usd,
    /// Of that, what is of engines that no bill of Glue or EMR Serverless can hold: it is in the
    /// total beside the bill.
    pub off_bill_usd: Usd,
    /// What was split over cells.
    pub shared_usd: Usd,
    /// What is corrected in cells for months closed before.
    pub correction_usd: Usd,
    /// Lines that stay unallocated.
    pub unallocated_usd: Usd,
    /// Own, shared, corrections and unallocated lines together.
    pub total_usd: Usd,
    /// Of that, what belongs to months closed before.
    pub earlier_months_usd: Usd,
    /// The same five in booked cents: sums of the tables below.
    pub booked: BookedTotals,
    /// By team, cost centre and account, dearest first.
    pub rows: Vec<Row>,
    /// By cost centre, dearest first.
    pub cost_centers: Vec<CostCenterRow>,
    /// By team, dearest first.
    pub teams: Vec<TeamRow>,
    /// The finest cells, in the order of their keys.
    pub jobs: Vec<Job>,
    /// Every line that no run explains, and how it was split.
    pub lines: Vec<Line>,
    /// Of these, what stays unallocated.
    pub residuals: Vec<Residual>,
    /// All that nobody owns: runs and lines.
    pub unallocated: Unallocated,
    /// Budgets of teams, where there are any.
    pub budgets: Vec<Outlook>,
    /// How many runs there are, and of what kind.
    pub counts: Counts,
    /// What to know before booking it.
    pub warnings: Vec<String>,
    /// The cells, exact; for freezing.
    #[serde(skip)]
    pub cells: Vec<(CellKey, Nanos)>,
}

/// How a month was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closing {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why before the bill was final, where it was.
    pub forced_because: Option<String>,
}

/// From what ended in a month to what was used in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bridge {
    /// Added: used here by runs that ended later.
    pub ended_later_usd: Usd,
    /// Added: used here by runs that had not ended, up to their last reading.
    pub under_way_usd: Usd,
    /// Taken away: used before by runs that ended here.
    pub used_before_usd: Usd,
}

/// Sums in booked cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BookedTotals {
    /// Own use.
    pub own_usd: Usd,
    /// Shares of lines.
    pub shared_usd: Usd,
    /// Corrections.
    pub correction_usd: Usd,
    /// Lines that stay unallocated.
    pub unallocated_usd: Usd,
    /// All together: the total, rounded once.
    pub total_usd: Usd,
}

/// A row of the booked table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The team, or `Unallocated`.
    pub team: String,
    /// The cost centre; empty where none is known.
    pub cost_center: String,
    /// The account.
    pub account: String,
    /// Its runs: those that used something in the month or ended in it.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What its runs used.
    pub own_usd: Usd,
    /// Its part of lines that are split.
    pub shared_usd: Usd,
    /// What is corrected of earlier months.
    pub correction_usd: Usd,
    /// The three together.
    pub usd: Usd,
}

/// A cost centre's sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CostCenterRow {
    /// The cost centre; empty where none is known.
    pub cost_center: String,
    /// Its runs: those that used something in the month or ended in it.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What its runs used.
    pub own_usd: Usd,
    /// Its part of lines that are split.
    pub shared_usd: Usd,
    /// What is corrected of earlier months.
    pub correction_usd: Usd,
    /// The three together.
    pub usd: Usd,
}

/// A team's sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TeamRow {
    /// The team, or `Unallocated`.
    pub team: String,
    /// Its runs: those that used something in the month or ended in it.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What its runs used.
    pub own_usd: Usd,
    /// Its part of lines that are split.
    pub shared_usd: Usd,
    /// What is corrected of earlier months.
    pub correction_usd: Usd,
    /// The three together.
    pub usd: Usd,
}

/// A finest cell, booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Where it belongs.
    #[serde(flatten)]
    pub key: CellKey,
    /// Runs that used something in the month or ended in it.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What its runs used.
    pub own_usd: Usd,
    /// Its part of lines that are split.
    pub shared_usd: Usd,
    /// What is corrected of earlier months.
    pub correction_usd: Usd,
    /// The three together.
    pub usd: Usd,
}

/// A line that no run of the month explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What kind of line: `tax`, `idle-capacity`, or `earlier-month`.
    pub name: String,
    /// The earlier month that it is about, where it is about one.
    pub month: Option<String>,
    /// What the bill has there: the name, but of an earlier month the kind of that month's line,
    /// and `null` where nothing tells.
    pub kind: Option<String>,
    /// The account, where the line is about one.
    pub account: Option<String>,
    /// The usage type, likewise.
    pub usage_type: Option<String>,
    /// How much, exact.
    pub usd: Usd,
    /// How it was split.
    pub split: String,
    /// What stays unallocated, exact.
    pub unallocated_usd: Usd,
    /// What it is, in a sentence.
    pub explanation: String,
    /// Why something stays unallocated, where it does.
    pub reason: Option<String>,
}

/// What stays unallocated of a line, booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Residual {
    /// What kind of line.
    pub name: String,
    /// The earlier month that it is about, where it is about one.
    pub month: Option<String>,
    /// As in a line.
    pub kind: Option<String>,
    /// The account, where the line is about one.
    pub account: Option<String>,
    /// The usage type, likewise.
    pub usage_type: Option<String>,
    /// In cents.
    pub usd: Usd,
    /// What it is, and why nobody bears it.
    pub reason: String,
}

/// All that nobody owns, dearest first. The runs are part of own, shared and corrections; the lines
/// are what the rest of the total is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unallocated {
    /// Both together, in cents.
    pub usd: Usd,
    /// The row of the team `Unallocated`.
    pub runs_usd: Usd,
    /// Lines that stay unallocated.
    pub lines_usd: Usd,
    /// The jobs that cause the first.
    pub jobs: Vec<UnallocatedJob>,
}

/// A job that nobody owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnallocatedJob {
    /// The job.
    pub job: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: String,
    /// Its runs.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// What it bears, in cents.
    pub usd: Usd,
}

/// How many runs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Runs that ended in the month.
    pub ended_runs: u64,
    /// Runs that used something in the month or ended in it.
    pub runs: u64,
    /// Of those, without a cost: they are in no amount.
    pub unpriced_runs: u64,
    /// Runs that began before the month's end and had not ended.
    pub under_way_runs: u64,
    /// Runs that have ended at a time that no source gave: they are in no month.
    pub without_end_runs: u64,
    /// Runs by which months closed before are corrected.
    pub corrected_runs: u64,
}
