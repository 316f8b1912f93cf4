//! From prices of AWS's Price List to rates: which usage types are rates, and what each of them was
//! from when to when. Nothing that was read is ever forgotten: a price is in force from its day to
//! the day of the next one.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::rate::{Origin, Rate};
use super::usage_type::UsageType;
use crate::model::ListPrice;

/// What the Price List says of one region and usage type, whatever prefix it has, by effective day.
/// Where a list corrected a price for a day on which it was in force already, the last reading
/// holds.
#[derive(Clone, Debug, Default)]
pub struct PriceHistory<'p>(BTreeMap<(&'p str, &'static str), BTreeMap<Date, &'p ListPrice>>);

/// What a newly read price is to a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// Nothing was known of it.
    New,
    /// It is another price than was known for its day.
    Changed {
        /// What was known.
        before: Decimal,
    },
    /// It is what was known.
    Unchanged,
}

impl<'p> PriceHistory<'p> {
    /// The history that prices make, in any order. Those of no run are left out.
    #[must_use]
    pub fn of(prices: &'p [ListPrice]) -> Self {
        let mut history = Self::default();
        for price in prices {
            let Some(tail) = tail(&price.usage_type) else { continue };
            let days = history.0.entry((&price.region, tail)).or_default();
            let known = days.entry(price.effective).or_insert(price);
            if price.read_at >= known.read_at {
                *known = price;
            }
        }
        history
    }

    /// The price that was in force on a day, for what the usage type counts.
    #[must_use]
    pub fn on(&self, region: &str, usage_type: &str, day: Date) -> Option<&'p ListPrice> {
        let days = self.0.get(&(region, tail(usage_type)?))?;
        days.range(..=day).next_back().map(|(_, price)| *price)
    }

    /// What a price is to what is known.
    #[must_use]
    pub fn novelty(&self, read: &ListPrice) -> Novelty {
        match self.on(&read.region, &read.usage_type, read.effective) {
            None => Novelty::New,
            Some(known) if known.usd == read.usd => Novelty::Unchanged,
            Some(known) => Novelty::Changed { before: known.usd },
        }
    }

    /// The last price of each region and usage type.
    pub fn latest(&self) -> impl Iterator<Item = &'p ListPrice> {
        self.0.values().filter_map(|days| days.values().next_back().copied())
    }

    /// Every rate that the prices make: a price holds until the next one begins.
    #[must_use]
    pub fn rates(&self) -> Vec<Rate> {
        let mut rates = Vec::new();
        for ((_, tail), days) in &self.0 {
            let ends = days.keys().skip(1).map(|day| Some(*day)).chain([None]);
            for (price, end) in days.values().zip(ends) {
                let counted = UsageType::of(tail);
                rates.extend(counted.iter().map(|counted| rate(price, counted, end)));
            }
        }
        rates
    }
}

/// What a usage type is called without its region's prefix; `None` where no run is billed under it.
fn tail(usage_type: &str) -> Option<&'static str> {
    UsageType::of(usage_type).first().map(|known| known.tail)
}

fn rate(price: &ListPrice, counted: &UsageType, to: Option<Date>) -> Rate {
    let text = |text: &str| text.to_owned();
    Rate {
        engine: text(counted.engine),
        region: price.region.clone(),
        component: text(counted.component),
        kinds: counted.kinds.iter().map(|kind| text(kind)).collect(),
        versions: counted.versions,
        execution_class: counted.execution_class.map(text),
        architecture: counted.architecture.map(text),
        account: None,
        days: (Some(price.effective), to),
        usd: price.usd,
        as_of: Some(price.published.to_string()),
        source: price.source.clone(),
        origin: Origin::PriceList,
        is_list_price: true,
        discounted: None,
        sku: Some(price.sku.clone()),
        usage_type: Some(price.usage_type.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(usage_type: &str, usd: &str, effective: &str, read_hour: i64) -> ListPrice {
        let read_at = jiff::Timestamp::from_second(1_790_000_000 + 3600 * read_hour).unwrap();
        ListPrice {
            region: "eu-west-1".into(),
            usage_type: usage_type.into(),
            sku: "SKU".into(),
            operation: "Jobrun".into(),
            unit: "DPU-Hour".into(),
            usd: usd.parse().unwrap(),
            effective: effective.parse().unwrap(),
            published: effective.parse().unwrap(),
            source: "a list".into(),
            read_at,
        }
    }

    #[test]
    fn a_price_holds_until_the_next_one_begins() {
        let prices = [
            price("EU-ETL-DPU-Hour", "0.40", "2026-11-10", 1),
            price("EU-ETL-DPU-Hour", "0.44", "2026-01-01", 0),
            price("EU-Crawler-DPU-Hour", "0.44", "2026-01-01", 0),
        ];
        let rates = PriceHistory::of(&prices).rates();
        let told: Vec<_> = rates.iter().map(|r| (r.usd, r.days, r.kinds.join("+"))).collect();
        let day = |text: &str| Some(text.parse().unwrap());
        let (first, second) = (day("2026-01-01"), day("2026-11-10"));
        let usd = |text: &str| text.parse().unwrap();
        // The usage type counts Spark and Python shell alike.
        assert_eq!(
            told,
            [
                (usd("0.44"), (first, second), "spark+streaming".to_owned()),
                (usd("0.44"), (first, second), "python-shell".to_owned()),
                (usd("0.40"), (second, None), "spark+streaming".to_owned()),
                (usd("0.40"), (second, None), "python-shell".to_owned()),
            ]
        );
    }

    #[test]
    fn what_was_read_last_of_a_day_holds() {
        let prices = [
            price("EU-ETL-DPU-Hour", "0.41", "2026-01-01", 2),
            price("EU-ETL-DPU-Hour", "0.44", "2026-01-01", 1),
        ];
        let history = PriceHistory::of(&prices);
        let usd: Vec<_> = history.latest().map(|price| price.usd.to_string()).collect();
        assert_eq!(usd, ["0.41"]);
    }

    #[test]
    fn a_price_is_new_changed_or_known() {
        let known = [price("EU-ETL-DPU-Hour", "0.44", "2026-02-01", 0)];
        let history = PriceHistory::of(&known);
        let novelty = |usd: &str, effective: &str| {
            history.novelty(&price("EU-ETL-DPU-Hour", usd, effective, 1))
        };
        let changed = Novelty::Changed { before: "0.44".parse().unwrap() };
        assert_eq!(novelty("0.4400", "2026-02-01"), Novelty::Unchanged);
        assert_eq!(novelty("0.44", "2026-05-01"), Novelty::Unchanged);
        assert_eq!(novelty("0.45", "2026-05-01"), changed);
        assert_eq!(novelty("0.45", "2026-02-01"), changed);
        // It tells of days of which nothing was known.
        assert_eq!(novelty("0.44", "2026-01-01"), Novelty::New);
    }

    proptest! {
        /// Whatever was read in whatever order, at most one rate is in force for a use on a day:
        /// the last reading of the last effective day until then.
        #[test]
        fn one_price_a_day(
            read in prop::collection::vec((1_i8..28, 1_u32..99), 1..20), on in 1_i8..28
        ) {
            let day = |n: i8| jiff::civil::date(2026, 3, n);
            let prices: Vec<_> = read
                .iter()
                .zip(0..)
                .map(|((from, cents), hour)| {
                    let usd = Decimal::new(i64::from(*cents), 2).to_string();
                    price("EU-ETL-Flex-DPU-Hour", &usd, &day(*from).to_string(), hour)
                })
                .collect();
            let mut shuffled = prices.clone();
            shuffled.reverse();
            let rates = PriceHistory::of(&shuffled).rates();
            let in_force: Vec<_> = rates.iter().filter(|rate| rate.is_in_force(day(on))).collect();
            let mut expected = None;
            for (place, (from, _)) in read.iter().enumerate() {
                let later = expected.is_none_or(|(known, _)| *from >= known);
                if *from <= on && later {
                    expected = Some((*from, place));
                }
            }
            let usd: Vec<_> = in_force.iter().map(|rate| rate.usd).collect();
            let expected: Vec<_> =
                expected.map(|(_, place)| prices[place].usd).into_iter().collect();
            prop_assert_eq!(usd, expected);
        }
    }
}
