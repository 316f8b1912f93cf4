//! The estimate beside the bill: what differs, by name, and never by scaling a run.
//!
//! Pure. Quantities are compared first, then rates, then the rest, by UTC day, account and usage
//! type; what remains is told in named lines that add up to the difference exactly.

use std::ops::Range;

use jiff::civil::Date;
use serde::Serialize;

use crate::model::Usd;

/// How far the bill of some days is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BillState {
    /// Nothing of it was read.
    Unknown,
    /// Some days were read, or AWS still calls some of them estimated.
    Partial,
    /// AWS calls every day final.
    Final,
}

/// Why the bill is not what the runs were estimated at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// Days that the bill does not know yet, or not finally.
    DaysNotSettled,
    /// Usage of runs' usage types beyond what the runs that are known used.
    RunsNotCaptured,
    /// EMR Serverless workers that were kept ready and belong to no run.
    IdleCapacity,
    /// Crawlers.
    Crawlers,
    /// Interactive sessions that were not seen.
    SessionsNotSeen,
    /// The Data Catalog.
    Catalog,
    /// The same usage at another rate: negotiated, or stale.
    RateVariance,
    /// Usage types of the services that are none of the above.
    OtherUsage,
    /// Runs that were estimated above what was billed on settled days: an error to chase.
    OverEstimate,
    /// Credits.
    Credits,
    /// Refunds.
    Refunds,
    /// Taxes.
    Tax,
    /// What remains of rounding.
    Rounding,
}

/// One named part of the difference between bill and estimate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapLine {
    /// Why.
    pub kind: GapKind,
    /// The account; `None` where the bill does not tell it apart.
    pub account: Option<String>,
    /// The usage type or record type that it is about, where it is about one.
    pub usage_type: Option<String>,
    /// What it adds to the estimate; negative where it takes away.
    pub usd: Usd,
    /// In a sentence, with the quantities or rates that show it.
    pub explanation: String,
}

/// The estimate of some UTC days beside their bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrueUp {
    /// The days, the last one excluded.
    #[serde(skip)]
    pub days: Range<Date>,
    /// How far their bill is known.
    pub state: BillState,
    /// Why the bill is not known, or not wholly, in a sentence for the reader.
    pub reason: Option<String>,
    /// What the runs were estimated at, on the basis `used`.
    pub estimate_usd: Usd,
    /// What AWS bills so far; `None` where nothing of it is known.
    pub bill_usd: Option<Usd>,
    /// What explains the difference: the lines add up to bill less estimate. Largest first.
    pub lines: Vec<GapLine>,
}
