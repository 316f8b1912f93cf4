//! Rows of a comparison that have something in common, in cents that add up as they are printed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::analysis::{Compared, TrueUp};
use crate::model::{Usd, in_cents_of};

const NANOS_PER_CENT: i128 = 10_000_000;

/// Estimate and bill in whole cents: what every table's columns add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) estimate: Usd,
    /// `None` where nothing of it is known.
    pub(super) bill: Option<Usd>,
}

impl Sums {
    pub(super) fn of(true_up: &TrueUp) -> Self {
        let rounded = |usd: Usd| Usd::from_nanos(usd.cents() * NANOS_PER_CENT);
        Self { estimate: rounded(true_up.estimate_usd), bill: true_up.bill_usd.map(rounded) }
    }

    /// Bill less estimate, as both are printed.
    pub(super) fn gap(self) -> Option<Usd> {
        self.bill.map(|bill| bill - self.estimate)
    }
}

/// What rows come to that have something in common.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// In whole cents, once grouped.
    pub(super) estimate: Usd,
    /// Likewise.
    pub(super) bill: Usd,
    /// Whether the bill was read of any of them.
    pub(super) is_read: bool,
    /// Whether AWS calls the bill of all of them final.
    pub(super) is_settled: bool,
    /// Whether runs used anything of it.
    pub(super) is_estimated: bool,
    /// Whether the bill has anything of it.
    pub(super) is_billed: bool,
    /// Whether it can be on no bill.
    pub(super) is_on_no_bill: bool,
    /// What runs used, and what is billed.
    pub(super) quantities: [Decimal; 2],
    pub(super) unit: String,
}

impl Group {
    fn add(&mut self, row: &Compared) {
        self.estimate += row.estimate_usd;
        self.bill += row.bill_usd.unwrap_or_default();
        self.is_read |= row.bill_usd.is_some();
        self.is_settled &= row.settled || row.is_on_no_bill();
        self.is_estimated |= !row.estimate_usd.is_zero() || !row.estimated_quantity.is_zero();
        let billed = row.bill_usd.is_some_and(|usd| !usd.is_zero());
        self.is_billed |= billed || !row.billed_quantity.is_zero();
        self.is_on_no_bill |= row.is_on_no_bill();
        self.quantities[0] = self.quantities[0].saturating_add(row.estimated_quantity);
        self.quantities[1] = self.quantities[1].saturating_add(row.billed_quantity);
        if self.unit.is_empty() {
            self.unit.clone_from(&row.unit);
        }
    }
}

/// The groups of rows of one name, in the order of names, in cents that add up to the sums.
pub(super) fn grouped(
    rows: &[Compared],
    name: impl Fn(&Compared) -> String,
    sums: Sums,
) -> Vec<(String, Group)> {
    let mut groups = BTreeMap::<String, Group>::new();
    for row in rows {
        let new = || Group { is_settled: true, ..Group::default() };
        groups.entry(name(row)).or_insert_with(new).add(row);
    }
    let column = |amount: fn(&Group) -> Usd| groups.values().map(amount).collect::<Vec<_>>();
    let estimates = in_cents_of(sums.estimate.cents(), &column(|group| group.estimate));
    let bills = sums.bill.unwrap_or_default().cents();
    let bills = in_cents_of(bills, &column(|group| group.bill));
    for ((group, estimate), bill) in groups.values_mut().zip(estimates).zip(bills) {
        (group.estimate, group.bill) = (estimate, bill);
    }
    groups.into_iter().collect()
}
