//! The rate card: whether every region has rates, and how old AWS's Price List is that was read.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::check::{Check, Group};
use crate::model::{ListPrice, utc_day};
use crate::pricing::RateCard;

/// AWS changes prices a few times a year, and lists new workers more often.
const STALE: SignedDuration = SignedDuration::from_hours(30 * 24);

const GROUP: Group = Group::Prices;
const FIX: &str = "`runledger prices refresh` reads AWS's Price List";

pub(super) fn judge(
    card: &RateCard,
    listed: &[ListPrice],
    regions: &BTreeSet<String>,
    now: Timestamp,
) -> Vec<Check> {
    let newest = listed.iter().map(|price| price.read_at).max();
    let age = newest.map(|read| (read, now.duration_since(read)));
    let list = match age {
        None => Check::warn(GROUP, "price list", "never read: the rates that ship are used", FIX),
        Some((read, age)) if age > STALE => {
            let found = format!("last read at {read:.0}, more than 30 days ago");
            Check::warn(GROUP, "price list", &found, FIX)
        }
        Some((read, _)) => Check::ok(GROUP, "price list", &format!("read at {read:.0}")),
    };
    let day = utc_day(now);
    let has_rate =
        |region: &str| card.rates().iter().any(|r| r.region == region && r.is_in_force(day));
    let without: Vec<&str> =
        regions.iter().map(String::as_str).filter(|region| !has_rate(region)).collect();
    let mut checks = vec![list];
    if !without.is_empty() {
        let found = format!("no rate is known in {}: its runs stay unpriced", without.join(", "));
        checks.push(Check::wrong(GROUP, "regions", &found, FIX));
    } else if !regions.is_empty() {
        let all = regions.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        checks.push(Check::ok(GROUP, "regions", &format!("rates are known in {all}")));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn price(read_at: &str) -> ListPrice {
        ListPrice {
            region: "eu-west-1".into(),
            usage_type: "EU-ETL-DPU-Hour".into(),
            sku: "X".into(),
            operation: "Jobrun".into(),
            unit: "DPU-Hour".into(),
            usd: "0.44".parse().unwrap(),
            effective: "2026-01-01".parse().unwrap(),
            published: "2026-01-01".parse().unwrap(),
            source: "test".into(),
            read_at: read_at.parse().unwrap(),
        }
    }

    fn states(listed: &[ListPrice], regions: &[&str]) -> Vec<State> {
        let card = RateCard::shipped().unwrap();
        let regions = regions.iter().map(|region| (*region).to_owned()).collect();
        let now = "2026-11-16T12:00:00Z".parse().unwrap();
        judge(&card, listed, &regions, now).iter().map(|check| check.state).collect()
    }

    #[test]
    fn a_price_list_grows_stale_after_thirty_days() {
        assert_eq!(states(&[], &[]), [State::Warn]);
        let old = price("2026-10-17T11:59:59Z");
        assert_eq!(states(std::slice::from_ref(&old), &[]), [State::Warn]);
        assert_eq!(states(&[price("2026-10-17T12:00:00Z"), old], &[]), [State::Ok]);
    }

    #[test]
    fn a_region_without_any_rate_is_wrong() {
        assert_eq!(states(&[], &["eu-west-1"]), [State::Warn, State::Ok]);
        let moon = states(&[], &["eu-west-1", "moon-central-1"]);
        assert_eq!(moon, [State::Warn, State::Wrong]);
    }
}
