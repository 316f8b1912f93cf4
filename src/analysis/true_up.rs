//! The estimate beside the bill: what differs, by name, and never by scaling a run.
//!
//! Pure. Quantities are compared first, then rates, then the rest, by UTC day, account and usage
//! type; what remains is told in named lines that add up to the difference exactly.
//!
//! | file | concern |
//! |---|---|
//! | `estimate` | runs, as usage of a day, an account and a usage type |
//! | `known_bill` | bills of several accounts as one: which days are known, in which currency |
//! | `billed` | a line of the bill, by what it is |
//! | `compare` | the two beside each other, and what each difference is called |
//! | `unseen` | where usage is billed whose usage type nobody has told |
//! | `explain` | a difference in a sentence |
//! | `questions` | what the bill says about rules that AWS leaves open |

mod billed;
mod compare;
mod estimate;
mod explain;
mod known_bill;
mod questions;
#[cfg(test)]
mod tests;
mod unseen;

use std::ops::Range;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

pub use compare::{Collected, Facts, compare};
pub use estimate::Estimate;
pub use known_bill::{AccountBill, speaks_for};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// Days that the bill does not know yet, or not finally.
    DaysNotSettled,
    /// Usage of runs' usage types beyond what the runs that are known used.
    RunsNotCaptured,
    /// EMR Serverless workers that were kept ready and belong to no run.
    IdleCapacity,
    /// One of the two before: it is not known whether all runs are.
    IdleOrNotCaptured,
    /// Usage of runs that are known, and of which no rate is.
    UnpricedRuns,
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
    /// The same of runs that were priced at the most they can have cost, and said so.
    UpperBound,
    /// Runs that are on no bill that was read: of other accounts, or billed in another currency.
    OutsideBill,
    /// Runs of engines that no bill of these services can hold: they came with their own cost.
    OtherEngines,
    /// Credits.
    Credits,
    /// Refunds.
    Refunds,
    /// Taxes.
    Tax,
    /// What remains of rounding.
    Rounding,
}

impl GapKind {
    /// The kind in a word or two, as a sentence names it.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::DaysNotSettled => "days not settled",
            Self::RunsNotCaptured => "runs not captured",
            Self::IdleCapacity => "idle pre-initialised capacity",
            Self::IdleOrNotCaptured => "idle capacity or runs not captured",
            Self::UnpricedRuns => "runs without a price",
            Self::Crawlers => "crawlers",
            Self::SessionsNotSeen => "sessions not seen",
            Self::Catalog => "Data Catalog",
            Self::RateVariance => "other rates",
            Self::OtherUsage => "other usage",
            Self::OverEstimate => "estimated above the bill",
            Self::UpperBound => "priced at the most they can cost",
            Self::OutsideBill => "not on this bill",
            Self::OtherEngines => "on no AWS bill",
            Self::Credits => "credits",
            Self::Refunds => "refunds",
            Self::Tax => "tax",
            Self::Rounding => "rounding",
        }
    }
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

/// A settled day on which more was estimated than billed, by more than the tolerance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverEstimate {
    /// The UTC day.
    pub day: Date,
    /// The account.
    pub account: String,
    /// The usage type.
    pub usage_type: String,
    /// What the runs used, as estimated.
    #[serde(with = "rust_decimal::serde::str")]
    pub estimated_quantity: Decimal,
    /// What AWS billed.
    #[serde(with = "rust_decimal::serde::str")]
    pub billed_quantity: Decimal,
    /// The dollars that were estimated too much.
    pub usd: Usd,
}

/// What the bill says about a rule that AWS leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// `minimum-on-dpu-seconds`, `emr-utilisation-of-attempts`.
    pub question: &'static str,
    /// The reading that fits; `None` where the bill does not tell.
    pub answer: Option<&'static str>,
    /// Days, accounts and usage types on which the readings differ and the bill is settled.
    pub compared: usize,
    /// What was billed there.
    #[serde(with = "rust_decimal::serde::str")]
    pub billed_quantity: Decimal,
    /// The two readings.
    pub readings: Vec<Reading>,
    /// In a sentence.
    pub explanation: String,
}

/// One reading of an open rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Its name.
    pub reading: &'static str,
    /// The quantity that it makes of the runs.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// How far that is from the bill, day by day, without regard to the sign.
    #[serde(with = "rust_decimal::serde::str")]
    pub off_by: Decimal,
}

/// The estimate of some UTC days beside their bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrueUp {
    /// The days, the last one excluded.
    #[serde(serialize_with = "range")]
    pub days: Range<Date>,
    /// How many there are.
    pub day_count: usize,
    /// How many of them were read in every account.
    pub days_read: usize,
    /// How many of them are final in every account.
    pub days_settled: usize,
    /// How far their bill is known.
    pub state: BillState,
    /// Why the bill is not known, or not wholly, in a sentence for the reader.
    pub reason: Option<String>,
    /// What the runs were estimated at, on the basis `used`.
    pub estimate_usd: Usd,
    /// Of that, what is of engines that no bill of these services can hold.
    pub off_bill_usd: Usd,
    /// What AWS bills so far; `None` where nothing of it is known.
    pub bill_usd: Option<Usd>,
    /// Bill less estimate, without the days that are not settled and runs that are on no bill.
    pub gap_usd: Option<Usd>,
    /// Whether the gap is beyond the tolerance.
    pub over_tolerance: bool,
    /// What explains the difference: the lines add up to bill less estimate. Largest first.
    pub lines: Vec<GapLine>,
    /// Errors to chase, largest first.
    pub over_estimates: Vec<OverEstimate>,
    /// Open rules, and what the bill says of them.
    pub questions: Vec<Question>,
}

/// A day, account and usage type of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The UTC day.
    pub day: Date,
    /// The account.
    pub account: String,
    /// The usage type without its region's prefix where it is one of runs, else as billed; the
    /// record type of what is no usage.
    pub usage_type: String,
    /// The unit, in AWS's words.
    pub unit: String,
    /// Whether AWS calls the day final.
    pub settled: bool,
    /// What the runs used, as estimated.
    #[serde(with = "rust_decimal::serde::str")]
    pub estimated_quantity: Decimal,
    /// What AWS billed.
    #[serde(with = "rust_decimal::serde::str")]
    pub billed_quantity: Decimal,
    /// What the runs were estimated at.
    pub estimate_usd: Usd,
    /// What AWS bills; `None` where the day was not read.
    pub bill_usd: Option<Usd>,
}

/// What stands for a usage type where runs are of engines that these services do not bill.
const OTHER_ENGINES: &str = "other engines";

impl Compared {
    /// Whether it is of engines that no bill of these services can hold.
    #[must_use]
    pub fn is_on_no_bill(&self) -> bool {
        self.usage_type == OTHER_ENGINES
    }
}

/// The comparison as a whole, and row by row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// What it comes to.
    #[serde(flatten)]
    pub true_up: TrueUp,
    /// By day, account and usage type, in this order.
    pub rows: Vec<Compared>,
}

fn range<S: Serializer>(days: &Range<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct("Days", 2)?;
    fields.serialize_field("start", &days.start)?;
    fields.serialize_field("end", &days.end)?;
    fields.end()
}
