//! What the lists said, sorted: prices that can be used, and everything that cannot, with the
//! reason. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Places, tail};
use crate::model::{ListPrice, utc_day};
use crate::pricing::{RateCard, UsageType};
use crate::sources::price_list::{Reading, Scope};
use crate::sources::price_list_convert::{GLUE, Listed, PriceList, Refusal};

/// A list that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Which list.
    pub source: String,
    /// Why not.
    pub reason: String,
    /// What to do.
    pub hint: &'static str,
    /// Whether AWS, or the server, could not be used at all.
    pub is_unavailable: bool,
}

/// What several lists said.
#[derive(Debug, Default)]
pub struct Lists {
    /// The lists that were read.
    pub read: Vec<String>,
    /// The lists that could not be read.
    pub unread: Vec<Unread>,
    /// Prices of what runs are billed under, in the order of lists, regions and usage types.
    pub prices: Vec<ListPrice>,
    /// Prices of what runs are billed under that cannot be used, each with its reason.
    pub refused: Vec<String>,
    /// Products that no run is billed under as far as is known, by usage type.
    pub not_understood: BTreeMap<String, u64>,
    /// Prices of nothing: what is free is not billed.
    pub free: u64,
    /// Products of EMR on EC2 and EKS.
    pub passed_over: u64,
    /// Regions and usage types that the lists have, usable or not.
    seen: Places,
    /// What the lists have all prices of.
    scopes: Vec<(&'static str, Scope, BTreeSet<String>)>,
}

impl Lists {
    /// Sorts what was read, for these regions, or for all where there are none.
    #[must_use]
    pub fn of(readings: Vec<Reading>, card: &RateCard, regions: &[String], now: Timestamp) -> Self {
        let mut lists = Self::default();
        for Reading { source, scope, list } in readings {
            match list {
                Ok(list) => lists.add(source, scope, list, card, regions, now),
                Err(error) => lists.unread.push(Unread {
                    reason: error.to_string(),
                    hint: error.hint(),
                    is_unavailable: error.is_unavailable(),
                    source,
                }),
            }
        }
        lists
    }

    /// Whether something went wrong that leaves a price out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.unread.is_empty() || !self.refused.is_empty()
    }

    /// Whether the lists ought to have a price and do not.
    pub(super) fn lacks(&self, engine: &str, region: &str, tail: &'static str) -> bool {
        let covers = |(of, scope, seen): &(&str, Scope, BTreeSet<String>)| {
            *of == engine
                && match scope {
                    Scope::Everywhere => true,
                    Scope::Region(only) => only == region,
                    Scope::RegionsSeen => seen.contains(region),
                }
        };
        !self.seen.contains(&(region.to_owned(), tail)) && self.scopes.iter().any(covers)
    }

    fn add(
        &mut self,
        source: String,
        scope: Scope,
        list: PriceList,
        card: &RateCard,
        regions: &[String],
        now: Timestamp,
    ) {
        let is_wanted = |listed: &Listed| regions.is_empty() || regions.contains(&listed.region);
        let products: Vec<_> = list.products.into_iter().filter(is_wanted).collect();
        if products.is_empty() {
            self.unread.push(Unread {
                source,
                reason: "the list has no product".to_owned(),
                hint: "look whether the region's name is right; a new region may not be listed yet",
                is_unavailable: false,
            });
            return;
        }
        let engine = if list.service == GLUE { "glue" } else { "emr-serverless" };
        let seen = products.iter().map(|listed| listed.region.clone()).collect();
        self.scopes.push((engine, scope, seen));
        self.passed_over += list.passed_over;
        self.refused.extend(list.garbage.iter().map(|what| format!("{source}: {what}")));
        let published = list.published.unwrap_or_else(|| utc_day(now));
        let mut usable = BTreeMap::<_, Vec<ListPrice>>::new();
        for listed in products {
            if UsageType::of(&listed.usage_type).is_empty() {
                *self.not_understood.entry(listed.usage_type).or_default() += 1;
                continue;
            }
            let key = (listed.region.clone(), tail(&listed.usage_type));
            self.seen.insert(key.clone());
            match price(listed, &source, published, now, card) {
                Ok(price) => usable.entry(key).or_default().push(price),
                Err(None) => self.free += 1,
                Err(Some(why)) => self.refused.push(why),
            }
        }
        for prices in usable.into_values() {
            match the_one(prices) {
                Ok(price) => self.prices.push(price),
                Err(why) => self.refused.push(why),
            }
        }
        self.read.push(source);
    }
}

/// The price of a product; `Err(None)` where it is free, and else why it cannot be used.
fn price(
    listed: Listed,
    source: &str,
    published: jiff::civil::Date,
    now: Timestamp,
    card: &RateCard,
) -> Result<ListPrice, Option<String>> {
    let Listed { sku, region, usage_type, operation, offer } = listed;
    let name = format!("{usage_type} in {region} (SKU {sku})");
    let offer = offer.map_err(|refusal| match refusal {
        Refusal::Free => None,
        refusal => Some(format!("{name}: {refusal}")),
    })?;
    let price = ListPrice {
        region,
        usage_type,
        sku,
        operation,
        unit: offer.unit,
        usd: offer.usd,
        effective: offer.effective,
        published,
        source: source.to_owned(),
        read_at: now,
    };
    match card.refusal(&price) {
        Some(why) => Err(Some(format!("{name}: {why}"))),
        None => Ok(price),
    }
}

/// The one price of a region and usage type. A list may name it under several SKUs; where those say
/// different things, neither is known to be right.
fn the_one(mut prices: Vec<ListPrice>) -> Result<ListPrice, String> {
    prices.sort_by(|a, b| (a.effective, &a.sku).cmp(&(b.effective, &b.sku)));
    let said: Vec<_> =
        prices.iter().map(|price| format!("{} USD (SKU {})", price.usd, price.sku)).collect();
    let first = prices.swap_remove(0);
    if prices.iter().all(|price| price.usd == first.usd) {
        return Ok(first);
    }
    let (usage_type, region) = (&first.usage_type, &first.region);
    Err(format!("{usage_type} in {region} has several prices: {}", said.join(", ")))
}
