//! Finding a run's rate among all: by engine and region first, then the few that are left in the
//! order in which they come before each other. A million look-ups take a fraction of a second.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::rate::{Origin, Rate, Version};
use super::rate_use::Use;
use crate::model::Engine;

/// What a rate is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) engine: &'a Engine,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) component: &'static str,
    pub(super) what: Use,
    pub(super) version: Option<Version>,
    /// The instant of use.
    pub(super) at: Option<Timestamp>,
}

/// Where rates stand in the card.
#[derive(Clone, Debug, Default)]
pub(super) struct RateIndex {
    glue: Buckets,
    emr_serverless: Buckets,
}

/// An engine's lanes by region, in the order in which they are to be tried.
type Buckets = BTreeMap<String, Vec<Lane>>;

/// The rates of one source for one use, one after the other: what they are for is compared once,
/// however often the rate has changed.
#[derive(Clone, Debug)]
struct Lane {
    component: &'static str,
    what: Use,
    versions: (Option<Version>, Option<Version>),
    account: Option<String>,
    /// Whether they are list prices, or what was negotiated in their place.
    is_list_price: bool,
    origin: Origin,
    /// In the order of their days, which do not overlap.
    spans: Vec<Span>,
}

/// A rate with its days.
#[derive(Clone, Debug)]
struct Span {
    /// Epoch seconds.
    seconds: Range<i64>,
    index: usize,
    /// The discounts that come off it, with their accounts; those for one account first.
    discounted: Vec<(Option<String>, Self)>,
}

impl RateIndex {
    /// Adds a rate of the card, with the rates that discounts make of it.
    pub(super) fn add(&mut self, rates: &[Rate], index: usize, discounted: &[usize]) {
        let rate = &rates[index];
        let mut span = Span::of(rate, index);
        let cheaper = discounted.iter().map(|index| {
            let rate = &rates[*index];
            (rate.account.clone(), Span::of(rate, *index))
        });
        span.discounted = cheaper.collect();
        span.discounted.sort_by_key(|(account, _)| account.is_none());
        let is_glue = rate.engine == Engine::Glue.as_str();
        let buckets = if is_glue { &mut self.glue } else { &mut self.emr_serverless };
        let lanes = buckets.entry(rate.region.clone()).or_default();
        let lane = Lane::of(rate);
        match lanes.iter_mut().find(|other| other.is_the_same(&lane)) {
            Some(known) => known.spans.push(span),
            None => lanes.push(Lane { spans: vec![span], ..lane }),
        }
    }

    /// Puts the lanes into the order in which they come before each other: what was negotiated,
    /// then the lists by whose word they are; and what is for one account before what is for all.
    pub(super) fn sort(&mut self) {
        let buckets = self.glue.values_mut().chain(self.emr_serverless.values_mut());
        for lanes in buckets {
            lanes.sort_by_key(|lane| {
                (lane.is_list_price, Reverse(lane.origin), lane.account.is_none())
            });
            for lane in lanes {
                lane.spans.sort_by_key(|span| span.seconds.start);
            }
        }
    }

    /// The rate that a use is paid at, and the list's.
    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Option<(usize, Option<usize>)> {
        let second = wanted.at.map(Timestamp::as_second);
        let lanes = self.bucket(wanted).iter().filter(|lane| lane.fits(wanted));
        let mut fitting = lanes.filter_map(|lane| Some((lane, lane.at(second)?)));
        let (lane, first) = fitting.next()?;
        let is_for = |account: &Option<String>| {
            account.as_deref().is_none_or(|account| account == wanted.account)
        };
        let paid = first
            .discounted
            .iter()
            .find(|(account, discounted)| is_for(account) && discounted.is_in_force(second));
        let list = if lane.is_list_price {
            Some(first)
        } else {
            fitting.find(|(lane, _)| lane.is_list_price).map(|(_, span)| span)
        };
        let index = paid.map_or(first.index, |(_, discounted)| discounted.index);
        Some((index, list.map(|list| list.index)))
    }

    /// A rate for the same use, whatever the day.
    pub(super) fn find_on_other_days(&self, wanted: &Wanted<'_>) -> Option<usize> {
        let lane = self.bucket(wanted).iter().find(|lane| lane.fits(wanted))?;
        lane.spans.first().map(|span| span.index)
    }

    fn bucket(&self, wanted: &Wanted<'_>) -> &[Lane] {
        let buckets = match wanted.engine {
            Engine::Glue => &self.glue,
            Engine::EmrServerless => &self.emr_serverless,
            Engine::Other(_) => return &[],
        };
        buckets.get(wanted.region).map_or(&[], Vec::as_slice)
    }
}

impl Lane {
    fn of(rate: &Rate) -> Self {
        let components = ["DPU", "M-DPU", "vCPU", "memory", "storage"];
        let component = components.into_iter().find(|known| *known == rate.component);
        Self {
            component: component.unwrap_or_default(),
            what: Use::of(rate),
            versions: rate.versions,
            account: rate.account.clone(),
            is_list_price: rate.is_list_price,
            origin: rate.origin,
            spans: Vec::new(),
        }
    }

    fn is_the_same(&self, other: &Self) -> bool {
        (self.component, self.what, self.versions, self.is_list_price, self.origin)
            == (other.component, other.what, other.versions, other.is_list_price, other.origin)
            && self.account == other.account
    }

    fn fits(&self, wanted: &Wanted<'_>) -> bool {
        let (from, below) = self.versions;
        self.component == wanted.component
            && self.what.meets(&wanted.what)
            && from.is_none_or(|from| wanted.version.is_some_and(|v| v >= from))
            && below.is_none_or(|below| wanted.version.is_some_and(|v| v < below))
            && self.account.as_deref().is_none_or(|own| own == wanted.account)
    }

    /// The rate in force at a second.
    fn at(&self, second: Option<i64>) -> Option<&Span> {
        let begun = match second {
            Some(second) => self.spans.partition_point(|span| span.seconds.start <= second),
            None => 1,
        };
        self.spans.get(begun.checked_sub(1)?).filter(|span| span.is_in_force(second))
    }
}

impl Span {
    fn of(rate: &Rate, index: usize) -> Self {
        let midnight = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        // A day that has no midnight in UTC is the calendar's last.
        let second = |day: Date| midnight(day).map_or(i64::MAX, Timestamp::as_second);
        let (from, to) = rate.days;
        let seconds = from.map_or(i64::MIN, second)..to.map_or(i64::MAX, second);
        Self { seconds, index, discounted: Vec::new() }
    }

    /// Whether it is in force at a second; a use whose time is not known fits what is always so.
    fn is_in_force(&self, second: Option<i64>) -> bool {
        match second {
            Some(second) => self.seconds.contains(&second),
            None => self.seconds == (i64::MIN..i64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::super::{PricingSettings, RateCard};
    use super::*;
    use crate::model::{ExecutionClass, JobKind, ListPrice};

    const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
    const KINDS: [&str; 3] = ["spark", "streaming", "python-shell"];
    const CLASSES: [&str; 2] = ["STANDARD", "FLEX"];

    /// Days of March 2026.
    fn day(number: u8) -> Date {
        jiff::civil::date(2026, 3, number as i8)
    }

    /// What a random rate or discount is for: kind, class, account, first and last day.
    type Random = (usize, usize, usize, u8, u8);

    fn random() -> impl Strategy<Value = Random> {
        (0..4_usize, 0..3_usize, 0..3_usize, 1..28_u8, 1..10_u8)
    }

    /// The configuration's text; a place beyond the known words is for all of them.
    fn settings(rates: &[Random], discounts: &[Random]) -> PricingSettings {
        let mut text = String::new();
        let days = |from: u8, length: u8| {
            format!(
                "from = \"{}\"\nto = \"{}\"\n",
                day(from),
                day(from).checked_add(jiff::Span::new().days(length)).unwrap()
            )
        };
        let account = |place: usize| {
            ACCOUNTS
                .get(place)
                .map(|account| format!("account = \"{account}\"\n"))
                .unwrap_or_default()
        };
        for (place, (kind, class, owner, from, length)) in rates.iter().enumerate() {
            text += &format!(
                "[[rates]]\nengine = \"glue\"\ncomponent = \"DPU\"\nsource = \"s\"\n{}{}",
                account(*owner),
                days(*from, *length)
            );
            text += &KINDS.get(*kind).map(|k| format!("kinds = [\"{k}\"]\n")).unwrap_or_default();
            text += &CLASSES
                .get(*class)
                .map(|c| format!("execution_class = \"{c}\"\n"))
                .unwrap_or_default();
            text += &format!("usd = {{ eu-west-1 = \"{}\" }}\n", Decimal::new(place as i64 + 1, 1));
        }
        for (place, (.., owner, from, length)) in discounts.iter().enumerate() {
            text += &format!(
                "[[discounts]]\npercent = \"{}\"\nsource = \"s\"\n{}{}",
                place + 1,
                account(*owner),
                days(*from, *length)
            );
        }
        toml::from_str(&text).unwrap()
    }

    /// Whether a rate is for a use, by its words.
    fn is_for(rate: &Rate, kind: &str, class: &str, account: &str, on: Date) -> bool {
        rate.region == "eu-west-1"
            && rate.component == "DPU"
            && (rate.kinds.is_empty() || rate.kinds.iter().any(|own| own == kind))
            && rate.execution_class.as_deref().is_none_or(|own| own == class)
            && rate.account.as_deref().is_none_or(|own| own == account)
            && rate.versions.0.is_none_or(|from| from <= (5, 0))
            && rate.versions.1.is_none_or(|below| (5, 0) < below)
            && rate.is_in_force(on)
    }

    fn listed(from: u8) -> ListPrice {
        ListPrice {
            region: "eu-west-1".into(),
            usage_type: "EU-ETL-DPU-Hour".into(),
            sku: "S".into(),
            operation: String::new(),
            unit: "DPU-Hour".into(),
            usd: Decimal::new(41, 2),
            effective: day(from),
            published: day(from),
            source: "list".into(),
            read_at: Timestamp::UNIX_EPOCH,
        }
    }

    proptest! {
        /// Any card is either refused or has the one rate that a search through all of them finds:
        /// negotiated before discounted before listed, one account before all, the later source
        /// before the earlier.
        #[test]
        fn the_rate_is_the_one_that_a_search_through_all_finds(
            rates in prop::collection::vec(random(), 0..4),
            discounts in prop::collection::vec(random(), 0..3),
            from in 1..28_u8, on in 1..28_u8,
            kind in 0..3_usize, class in 0..2_usize, of in 0..2_usize,
        ) {
            let Ok(card) = RateCard::new(&[listed(from)], &settings(&rates, &discounts)) else {
                return Ok(());
            };
            let (kind, class, account, on) = (KINDS[kind], CLASSES[class], ACCOUNTS[of], day(on));
            let fitting: Vec<_> = card.rates().iter()
                .filter(|rate| is_for(rate, kind, class, account, on)).collect();
            let rank = |rate: &&&Rate| (rate.discounted.is_none() && !rate.is_list_price,
                rate.origin, rate.account.is_some());
            let list = fitting.iter().filter(|rate| rate.is_list_price).max_by_key(rank);
            let paid = fitting.iter().filter(|rate| rate.discounted.as_ref().is_none_or(|off| {
                list.is_some_and(|list| std::ptr::eq::<Rate>(*list, &card.rates()[off.list_index]))
            })).max_by_key(rank);
            let class = ExecutionClass::from(class);
            let found = card.find(&Wanted {
                engine: &Engine::Glue,
                account,
                region: "eu-west-1",
                component: "DPU",
                what: Use::glue(&JobKind::from(kind), Some(&class)),
                version: Some((5, 0)),
                at: Some(on.to_zoned(TimeZone::UTC).unwrap().timestamp()),
            });
            prop_assert_eq!(found.map(|found| found.rate), paid.copied());
            prop_assert_eq!(found.and_then(|found| found.list), list.copied());
            // Spark before 6.0 always has a price of the list, which ships.
            if let (Some(list), "spark", ExecutionClass::Standard) = (list, kind, &class) {
                let read = on >= day(from);
                let origin = if read { Origin::PriceList } else { Origin::Shipped };
                prop_assert_eq!(list.origin, origin);
            }
        }
    }
}
