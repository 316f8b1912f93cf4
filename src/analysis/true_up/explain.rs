//! A difference in a sentence: what the figures show, and no more than they show.

use rust_decimal::Decimal;

use super::compare::Sum;
use super::known_bill::KnownBill;
use super::{BillState, GapKind};
use crate::model::Usd;

/// Decimals of quantities and rates in a sentence.
const SHOWN: u32 = 6;

/// Why the difference is there, with the quantities or rates that show it.
pub(super) fn explained(kind: GapKind, usage_type: Option<&str>, sum: &Sum) -> String {
    let days = match sum.days.len() {
        1 => "1 day".to_owned(),
        number => format!("{number} days"),
    };
    let billed = quantity(sum.billed, &sum.unit);
    let estimated = quantity(sum.estimated, &sum.unit);
    let both = format!("{billed} billed, {estimated} of known runs, on {days}");
    match kind {
        GapKind::DaysNotSettled => {
            format!("{days} that the bill does not know yet, or not finally")
        }
        GapKind::RunsNotCaptured => format!("{both}: runs that no source told of"),
        GapKind::IdleCapacity => {
            format!("{both}, and every run is known: workers that were kept ready and idle")
        }
        GapKind::IdleOrNotCaptured => format!(
            "{both}: idle pre-initialised capacity or runs that were not captured; which cannot be \
             told, since not every EMR Serverless run of the account is known for these days"
        ),
        GapKind::UnpricedRuns => {
            format!("{both}: the rest, or a part of it, is of runs that are known and have no rate")
        }
        GapKind::Crawlers => format!("{billed} of crawlers on {days}"),
        GapKind::SessionsNotSeen => format!("{both}: interactive sessions that were not seen"),
        GapKind::Catalog => format!("{billed} of the Data Catalog on {days}"),
        GapKind::RateVariance if usage_type.is_some() && sum.billed.is_zero() => {
            "a discount on what was used".to_owned()
        }
        GapKind::RateVariance => format!(
            "billed at {}, estimated at {}: a negotiated rate, or a stale one",
            rate(sum.bill_usd, sum.billed),
            rate(sum.estimate_usd, sum.estimated)
        ),
        GapKind::OtherUsage => match usage_type {
            Some(_) => format!("{billed} that no run is known to be billed under, on {days}"),
            None => "runs whose usage type nobody has seen yet: their bill is other usage".into(),
        },
        GapKind::OverEstimate if sum.beyond => {
            format!("{both}: estimated above a final bill, which is an error to chase")
        }
        GapKind::OverEstimate => {
            format!("{both}: estimated above a final bill, within the tolerance")
        }
        GapKind::UpperBound => {
            format!("{both}: runs that were priced at the most they can have cost")
        }
        GapKind::OutsideBill => {
            "runs that are on no bill that was read, or on one in another currency".to_owned()
        }
        GapKind::OtherEngines => {
            "runs of engines that no AWS bill holds: they count as what they were imported with"
                .to_owned()
        }
        GapKind::Credits => format!("credits on {days}"),
        GapKind::Refunds => format!("refunds on {days}"),
        GapKind::Tax => format!("tax on {days}"),
        GapKind::Rounding => "differences too small to have a name".to_owned(),
    }
}

/// Why the bill is not wholly known; `None` where it is.
pub(super) fn reason(
    state: BillState,
    known: &KnownBill<'_>,
    problems: &[String],
    (count, read, settled): (usize, usize, usize),
) -> Option<String> {
    if state == BillState::Final {
        return None;
    }
    let mut reasons: Vec<String> = known
        .foreign
        .iter()
        .map(|((account, currency), amount)| {
            format!(
                "account {account} is billed in {currency} ({}), which is not compared",
                amount.round_dp(2)
            )
        })
        .collect();
    if known.is_empty() {
        reasons.push("the bill of these days was not read".to_owned());
    } else if read < count {
        reasons.push(format!("{} of {count} days not read in every account", count - read));
    }
    if settled < read {
        reasons.push(format!("AWS may still change {} of {count} days", read - settled));
    }
    reasons.extend_from_slice(problems);
    Some(reasons.join("; "))
}

fn quantity(quantity: Decimal, unit: &str) -> String {
    let number = quantity.round_dp(SHOWN).normalize();
    match unit {
        "" | "N/A" => number.to_string(),
        unit => format!("{number} {unit}"),
    }
}

fn rate(usd: Usd, quantity: Decimal) -> String {
    let dollars = Decimal::try_from_i128_with_scale(usd.nanos(), 9).ok();
    let rate = dollars.and_then(|dollars| dollars.checked_div(quantity));
    rate.map_or_else(
        || "no rate".to_owned(),
        |rate| format!("${}", rate.round_dp(SHOWN).normalize()),
    )
}
