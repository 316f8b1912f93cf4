//! What to know before a month is booked: nothing that is missing goes unsaid.

use std::collections::BTreeMap;

use super::book::Facts;
use crate::analysis::{BillState, TrueUp};
use crate::model::Usd;

/// Accounts named one by one; more are counted.
const NAMED_MAX: usize = 5;

pub(super) fn warnings(
    facts: &Facts<'_>,
    unpriced: &BTreeMap<String, u64>,
    own_usd: Usd,
    final_bill: Option<&TrueUp>,
) -> Vec<String> {
    let mut said = Vec::new();
    // Once the total is the bill, what such runs cost is in it, though in no team's own use.
    let where_to = if final_bill.is_some() {
        "in no team's own use; what AWS billed for them is among the lines"
    } else {
        "in no amount"
    };
    let mut unpriced: Vec<_> = unpriced.iter().collect();
    unpriced.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    for (reason, number) in unpriced.iter().take(NAMED_MAX) {
        let runs = runs(**number);
        said.push(format!("{runs} without a price, because {reason}: {where_to}"));
    }
    if let more @ 1.. = unpriced.iter().skip(NAMED_MAX).map(|(_, number)| **number).sum::<u64>() {
        said.push(format!("{} without a price for other reasons: {where_to}", runs(more)));
    }
    for (month, number) in facts.unpriced_before {
        let runs = runs(*number);
        said.push(format!(
            "{runs} of {month}, which is closed, without a price to this day: booked nowhere"
        ));
    }
    if facts.under_way_runs > 0 {
        let runs = runs(facts.under_way_runs);
        said.push(format!(
            "{runs} had not ended: only what their meters were read at is in the month"
        ));
    }
    if facts.without_end_runs > 0 {
        let runs = runs(facts.without_end_runs);
        said.push(format!("{runs} ended at a time that no source gave: they are in no month"));
    }
    for missing in facts.not_collected.iter().take(NAMED_MAX) {
        let why = missing.error.as_deref().unwrap_or("not read up to the month's end");
        said.push(format!(
            "{} in {} of account {}: {why}",
            missing.engine, missing.region, missing.account
        ));
    }
    if let more @ 1.. = facts.not_collected.len().saturating_sub(NAMED_MAX) {
        said.push(format!("and {more} more accounts and regions that were not read to its end"));
    }
    said.extend_from_slice(facts.also);
    if let Some(bill) = final_bill.filter(|bill| bill.estimate_usd != own_usd) {
        // Both come from the same runs, so this is more than a matter of rounding.
        said.push(format!(
            "the bill was compared with an estimate of {}, and own use is {own_usd}: compare again",
            bill.estimate_usd
        ));
    }
    if facts.bill.is_some_and(|bill| bill.state == BillState::Partial) {
        said.push("AWS still calls a part of the bill an estimate".to_owned());
    }
    said
}

fn runs(number: u64) -> String {
    format!("{number} {}", if number == 1 { "run" } else { "runs" })
}
