//! Usage of runs whose usage type nobody has told, as Ray's, found on the bill: so that it stands
//! there as one thing, and not once as an estimate and once as a bill that cancel each other.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::GapKind;
use super::billed::{Billed, Item, is_rounding};
use super::estimate::{Cell, Place, Under};

/// What usage types of Ray are taken to say of themselves.
const RAY: &str = "Ray";

/// Where the runs of an account are billed whose usage type nobody has told.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The usage type, without its region's prefix.
    pub(super) tail: String,
    /// What is billed under it.
    pub(super) days: BTreeMap<Date, Billed>,
}

/// Takes from what is billed beside runs what is those runs': usage that no run is known to be
/// billed under, and whose name says so, or whose quantity is theirs. By account; one without such
/// usage is not in it.
pub(super) fn found(
    cells: &BTreeMap<Place, Cell>,
    others: &mut BTreeMap<(Date, String, Item), Billed>,
) -> BTreeMap<String, Found> {
    let mut wanted = BTreeMap::<&str, Decimal>::new();
    for ((_, account, under), cell) in cells {
        if *under == Under::UnseenType {
            *wanted.entry(account).or_default() += cell.quantity + cell.unpriced;
        }
    }
    let mut all = BTreeMap::new();
    for (account, quantity) in wanted {
        let Some(tail) = tail_of(account, quantity, others) else { continue };
        let mut found = Found { tail, days: BTreeMap::new() };
        others.retain(|(day, of, item), billed| {
            let is_it = of == account && bare(item) == Some(&*found.tail);
            if is_it {
                let sum = found.days.entry(*day).or_default();
                sum.amount += billed.amount;
                sum.quantity += billed.quantity;
                sum.unit.clone_from(&billed.unit);
            }
            !is_it
        });
        all.insert(account.to_owned(), found);
    }
    all
}

fn tail_of(
    account: &str,
    quantity: Decimal,
    others: &BTreeMap<(Date, String, Item), Billed>,
) -> Option<String> {
    let mut billed = BTreeMap::<&str, Decimal>::new();
    for ((_, of, item), found) in others {
        if let Some(tail) = bare(item).filter(|_| of == account) {
            *billed.entry(tail).or_default() += found.quantity;
        }
    }
    let is_same = |billed: &Decimal| is_rounding(*billed - quantity, quantity);
    let says_so = billed.keys().find(|tail| tail.split('-').any(|part| part == RAY));
    let same = billed.iter().find(|(_, billed)| is_same(billed)).map(|(tail, _)| tail);
    says_so.or(same).map(|tail| (*tail).to_owned())
}

/// A usage type that no run is known to be billed under, without its region's prefix.
fn bare(item: &Item) -> Option<&str> {
    let Item::Usage(GapKind::OtherUsage, name) = item else { return None };
    Some(name.split_once('-').map_or(name.as_str(), |(_, tail)| tail))
}
