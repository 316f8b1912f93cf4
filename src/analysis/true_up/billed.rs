//! What is billed, by what it is, and the arithmetic of parts: exact as far as the bill is.

use rust_decimal::Decimal;

use super::GapKind;
use crate::model::{BillLine, Usd};
use crate::pricing::UsageType;

/// A difference of at most one part in so many is rounding: quantities and rates come with some
/// nine digits, and are cut at both ends.
const ROUNDING_PARTS: i64 = 100_000;
/// Decimals to which the bill's figures are taken. They come with ten, and sums of these are exact.
const AMOUNT_DECIMALS: u32 = 15;
pub(super) const QUANTITY_DECIMALS: u32 = 12;

/// What is billed, by what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Runs(&'static str),
    Usage(GapKind, String),
    Record(GapKind, String),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Billed {
    pub(super) amount: Decimal,
    pub(super) quantity: Decimal,
    pub(super) unit: String,
}

pub(super) fn item(line: &BillLine) -> Item {
    let Some(usage_type) = &line.usage_type else {
        let word = line.record_type.to_lowercase();
        let kind = match word.as_str() {
            "tax" => GapKind::Tax,
            word if word.contains("credit") => GapKind::Credits,
            word if word.contains("refund") => GapKind::Refunds,
            // A negotiated price may come as a discount on the list price.
            word if word.contains("discount") => GapKind::RateVariance,
            _ => GapKind::OtherUsage,
        };
        return Item::Record(kind, line.record_type.clone());
    };
    if let Some(tail) = run_tail(line) {
        return Item::Runs(tail);
    }
    let kind = if usage_type.contains("Crawler") {
        GapKind::Crawlers
    } else if usage_type.contains("Catalog-") {
        GapKind::Catalog
    } else if usage_type.contains("GlueInteractiveSession") {
        GapKind::SessionsNotSeen
    } else {
        GapKind::OtherUsage
    };
    Item::Usage(kind, usage_type.clone())
}

/// The usage type of runs that a line is, without its region's prefix.
pub(super) fn run_tail(line: &BillLine) -> Option<&'static str> {
    let known = UsageType::of(line.usage_type.as_deref()?);
    known.first().map(|known| known.tail)
}

pub(super) fn is_emr(tail: &str) -> bool {
    tail.starts_with("EMR-SERVERLESS-")
}

pub(super) fn amount(line: &BillLine) -> Decimal {
    line.amount.round_dp(AMOUNT_DECIMALS)
}

/// The bill's dollars as ours, rounded half to even. What was read is far within range.
pub(super) fn usd(amount: Decimal) -> Usd {
    Usd::from_decimal(amount.round_dp(9)).unwrap_or_default()
}

pub(super) fn is_rounding(difference: Decimal, of: Decimal) -> bool {
    difference.abs().saturating_mul(ROUNDING_PARTS.into()) <= of.abs()
}

/// The part of an amount that a quantity is of a whole, rounded half to even.
pub(super) fn part_of(amount: Usd, quantity: Decimal, whole: Decimal) -> Usd {
    let units = |quantity: Decimal| {
        let mut quantity = quantity.round_dp(9);
        quantity.rescale(9);
        u128::try_from(quantity.mantissa()).unwrap_or_default()
    };
    let (mut part, mut whole) = (units(quantity), units(whole));
    // Beyond the range of the arithmetic, the last digits of a ratio do not matter.
    while whole > u128::from(u64::MAX) {
        (part, whole) = (part >> 1, whole >> 1);
    }
    let narrow = |units: u128| u64::try_from(units).unwrap_or(u64::MAX);
    amount.scaled(narrow(part), narrow(whole)).unwrap_or_default()
}
