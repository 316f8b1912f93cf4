//! The rate card and AWS's Price List: what was read is sorted into what can be used and what
//! cannot, then put on record, or held against the card. Prices are added and never taken away.

mod sorted;

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;

pub use sorted::{Lists, Unread};

use crate::model::{ListPrice, utc_day};
use crate::pricing::{
    Novelty, PriceHistory, PricingSettings, Rate, RateCard, RateCardError, UsageType,
};
use crate::sources::price_list::Reading;
use crate::store::{Store, StoreError};

/// Prices that cannot be compared or put on record.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// The store failed. What was put on record until then stays, and doing it again is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configured rates cannot be used.
    #[error(transparent)]
    RateCard(#[from] RateCardError),
}

/// What a refresh came to.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// What the lists said.
    pub lists: Lists,
    /// Prices of which nothing was known for their day.
    pub new: Vec<ListPrice>,
    /// Prices that are others than were known, with those.
    pub changed: Vec<(Decimal, ListPrice)>,
    /// Prices that are as they were known.
    pub unchanged: u64,
    /// Prices on record that the lists no longer have. They stay.
    pub no_longer_listed: Vec<ListPrice>,
}

/// Puts the prices of the lists on record, as far as they are new or other than what is known.
///
/// # Errors
/// When the store fails, or the configured rates cannot be used. A list that could not be read is
/// no error but part of the outcome.
pub async fn refresh(
    store: &Store,
    settings: &PricingSettings,
    readings: Vec<Reading>,
    regions: &[String],
    now: Timestamp,
) -> Result<Refreshed, PricesError> {
    let known = store.prices().await?;
    let card = RateCard::new(&known, settings)?;
    let lists = Lists::of(readings, &card, regions, now);
    let latest: Vec<_> = PriceHistory::of(&known).latest().cloned().collect();
    let mut outcome = Refreshed { lists, ..Refreshed::default() };
    let gone = |price: &&ListPrice| {
        let tail = tail(&price.usage_type);
        outcome.lists.lacks(engine(&price.usage_type), &price.region, tail)
    };
    outcome.no_longer_listed = latest.iter().filter(gone).cloned().collect();
    let mut record = known;
    let mut write = Vec::new();
    for price in &outcome.lists.prices {
        match PriceHistory::of(&record).novelty(price) {
            Novelty::New => outcome.new.push(price.clone()),
            Novelty::Changed { before } => outcome.changed.push((before, price.clone())),
            Novelty::Unchanged => {
                outcome.unchanged += 1;
                write.extend(seen_again(&record, price));
                continue;
            }
        }
        record.push(price.clone());
        write.push(price.clone());
    }
    store.put_prices(&write).await?;
    Ok(outcome)
}

/// A known price that a newer list confirms, with that list's day and name.
fn seen_again(record: &[ListPrice], read: &ListPrice) -> Option<ListPrice> {
    let history = PriceHistory::of(record);
    let known = history.on(&read.region, &read.usage_type, read.effective)?;
    (read.published > known.published).then(|| ListPrice {
        published: read.published,
        source: read.source.clone(),
        sku: read.sku.clone(),
        ..known.clone()
    })
}

/// Where the card and the Price List are not of one mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The card has another rate.
    Differs {
        /// What the list says.
        price: ListPrice,
        /// What the card has in its place.
        card: Box<Rate>,
    },
    /// The card has no such rate.
    NotInCard {
        /// What the list says.
        price: ListPrice,
        /// Of which runs, in words.
        what: String,
    },
    /// The card has a rate that the list has no longer.
    NotListed {
        /// What the card has.
        card: Box<Rate>,
    },
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub struct Checked {
    /// What the lists said.
    pub lists: Lists,
    /// Rates that are the same in both.
    pub same: u64,
    /// Where they differ.
    pub differences: Vec<Difference>,
}

/// Holds the card, as it is on the day of `now`, against the lists. Nothing is put on record.
///
/// # Errors
/// When the store cannot be read, or the configured rates cannot be used.
pub async fn check(
    store: &Store,
    settings: &PricingSettings,
    readings: Vec<Reading>,
    regions: &[String],
    now: Timestamp,
) -> Result<Checked, PricesError> {
    let card = RateCard::new(&store.prices().await?, settings)?;
    let lists = Lists::of(readings, &card, regions, now);
    Ok(compare(&card, lists, now))
}

fn compare(card: &RateCard, lists: Lists, now: Timestamp) -> Checked {
    let today = utc_day(now);
    let mut outcome = Checked::default();
    for price in &lists.prices {
        // A price that begins later is compared with what the card has from then on.
        for (counted, rate) in card.listed_for(price, today.max(price.effective)) {
            match rate {
                Some(rate) if rate.usd == price.usd => outcome.same += 1,
                Some(rate) => outcome.differences.push(Difference::Differs {
                    price: price.clone(),
                    card: Box::new(rate.clone()),
                }),
                None => outcome
                    .differences
                    .push(Difference::NotInCard { price: price.clone(), what: counted.what() }),
            }
        }
    }
    let gone = |rate: &&Rate| {
        rate.tail().is_some_and(|tail| lists.lacks(&rate.engine, &rate.region, tail))
    };
    let unlisted = card.lists_in_force(today).into_iter().filter(gone);
    let unlisted = unlisted.map(|rate| Difference::NotListed { card: Box::new(rate.clone()) });
    outcome.differences.extend(unlisted);
    outcome.lists = lists;
    outcome
}

fn tail(usage_type: &str) -> &'static str {
    UsageType::of(usage_type).first().map_or("", |known| known.tail)
}

fn engine(usage_type: &str) -> &'static str {
    UsageType::of(usage_type).first().map_or("", |known| known.engine)
}

/// Regions and tails of usage types, as a set.
type Places = BTreeSet<(String, &'static str)>;
