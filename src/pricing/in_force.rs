//! Which rates of the card are in force on a day: what `prices list` shows, and what `prices check`
//! holds against the Price List.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::rate::{Origin, Rate};
use super::rate_card::RateCard;
use super::rate_index::Wanted;
use super::rate_use::Use;
use super::usage_type::UsageType;
use crate::model::{Architecture, Engine, ExecutionClass, JobKind, ListPrice};

/// A Glue version below 6.0, where a usage type is for all of them.
const BEFORE_6: (u32, u32) = (5, 1);

/// A rate that is in force, beside the list's.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'c> {
    /// The rate that is paid.
    pub rate: &'c Rate,
    /// The price list's rate in its place, where there is one; the same where nothing was agreed.
    pub list: Option<&'c Rate>,
}

impl RateCard {
    /// The list's rates that hold on a day: those of each source that no later one replaces.
    #[must_use]
    pub fn lists_in_force(&self, day: Date) -> Vec<&Rate> {
        let lists = || self.rates().iter().filter(|r| r.is_list_price && r.is_in_force(day));
        let is_replaced = |rate: &Rate| {
            let later = |other: &&Rate| other.origin > rate.origin && other.account.is_none();
            lists().filter(later).any(|other| other.covers(rate))
        };
        lists().filter(|rate| !is_replaced(rate)).collect()
    }

    /// Every rate that something is paid at on a day, by engine, region and use.
    #[must_use]
    pub fn in_force(&self, day: Date) -> Vec<InForce<'_>> {
        let lists = self.lists_in_force(day);
        let mut all = Vec::with_capacity(lists.len());
        for rate in self.rates().iter().filter(|rate| rate.is_in_force(day)) {
            match &rate.discounted {
                Some(discounted) => {
                    let list = &self.rates()[discounted.list_index];
                    if lists.iter().any(|other| std::ptr::eq(*other, list)) {
                        all.push(InForce { rate, list: Some(list) });
                    }
                }
                None if !rate.is_list_price => {
                    all.push(InForce { rate, list: one_price(&lists, rate) });
                }
                None => {}
            }
        }
        // What was negotiated comes before any discount, and both before the list.
        let negotiated: Vec<InForce<'_>> =
            all.iter().filter(|paid| paid.rate.discounted.is_none()).copied().collect();
        let replaced = |rate: &Rate, by: &[InForce<'_>]| {
            let everywhere = |paid: &&InForce<'_>| {
                paid.rate.account.is_none() || paid.rate.account == rate.account
            };
            by.iter().filter(everywhere).any(|paid| paid.rate.covers(rate))
        };
        all.retain(|paid| paid.rate.discounted.is_none() || !replaced(paid.rate, &negotiated));
        let agreed = all.clone();
        let listed = lists.into_iter().filter(|list| !replaced(list, &agreed));
        all.extend(listed.map(|rate| InForce { rate, list: Some(rate) }));
        all.sort_by_cached_key(|InForce { rate, .. }| {
            let place = (rate.engine.clone(), rate.region.clone(), rate.component.clone());
            (place, rate.what(), rate.account.clone())
        });
        all
    }

    /// What the card has, on a day, for each use that a price of the list is for.
    #[must_use]
    pub fn listed_for(
        &self,
        price: &ListPrice,
        day: Date,
    ) -> Vec<(&'static UsageType, Option<&Rate>)> {
        let at = day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp());
        let rate = |counted: &'static UsageType| {
            let kind = counted.kinds.first().map_or(JobKind::Spark, |kind| JobKind::from(*kind));
            let class = counted.execution_class.map(ExecutionClass::from);
            let architecture = counted.architecture.map(Architecture::from);
            let (engine, what) = match architecture {
                Some(of) => (Engine::EmrServerless, Use::emr_serverless(&kind, &of)),
                None => (Engine::Glue, Use::glue(&kind, class.as_ref())),
            };
            let found = self.find(&Wanted {
                engine: &engine,
                account: "",
                region: &price.region,
                component: counted.component,
                what,
                version: Some(counted.versions.0.unwrap_or(BEFORE_6)),
                at,
            });
            (counted, found.and_then(|found| found.list))
        };
        UsageType::of(&price.usage_type).into_iter().map(rate).collect()
    }
}

/// The list's rate in the place of a negotiated one; `None` where the list has none, or several
/// prices for what was negotiated as one.
fn one_price<'c>(lists: &[&'c Rate], negotiated: &Rate) -> Option<&'c Rate> {
    let mut replaced = lists.iter().copied().filter(|list| list.overlaps(negotiated));
    let first = replaced.next()?;
    replaced.all(|other| other.usd == first.usd).then_some(first)
}

impl Rate {
    /// What tells it in the Price List: the usage type without its region's prefix, where known.
    #[must_use]
    pub fn tail(&self) -> Option<&'static str> {
        let told = self.usage_type.as_deref().and_then(|told| UsageType::of(told).first().copied());
        told.or_else(|| UsageType::of_rate(self)).map(|known| known.tail)
    }

    /// Whether it was read of the Price List.
    #[must_use]
    pub fn is_of_price_list(&self) -> bool {
        self.origin == Origin::PriceList
    }
}
