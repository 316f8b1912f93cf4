//! The places that are held in quotas: all reservations of one account, region and engine in one
//! item, which every grant writes anew, conditioned on the version that its decision was made from.
//!
//! One item, because a Glue run counts against several quotas at once, and because reading one item
//! and writing it conditionally has no gaps: a Query beside a transaction may see one part of what
//! was written and not the other. Ended reservations leave with the next write, so the item holds
//! what is live, of which there are at most as many as runs may be.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{Item, VERSION};
use super::keys::{self, RESERVE, SORT_KEY};
use super::query::key_of;
use super::{Store, StoreError};
use crate::model::{QuotaPlace, Reservation};

/// The packed reservations.
const HELD: &str = "held";
/// DynamoDB takes 400 KB; a reservation is some 300 bytes.
const HELD_BYTES_MAX: usize = 350_000;
/// The longest pause of a loser.
const PAUSE_MAX: Duration = Duration::from_millis(400);

/// The reservations of one place, as read: what a decision is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// Where.
    pub place: QuotaPlace,
    /// The reservations; ended ones may be among them.
    pub reservations: Vec<Reservation>,
    /// What the next write is conditioned on; 0 where there is no item yet.
    version: u64,
}

impl Store {
    /// The reservations of a place.
    ///
    /// # Errors
    /// When DynamoDB fails, or the item cannot be read.
    pub async fn guard(&self, place: &QuotaPlace) -> Result<Guard, StoreError> {
        match self.guard_item(place).await? {
            None => Ok(Guard { place: place.clone(), reservations: Vec::new(), version: 0 }),
            Some(item) => self.guard_of(&item),
        }
    }

    /// The reservations of every place that ever had one.
    ///
    /// # Errors
    /// As [`Self::guard`].
    pub async fn guards(&self) -> Result<Vec<Guard>, StoreError> {
        let items = self.ledger_table.query_partition(RESERVE, None).await?;
        items.iter().map(|item| self.guard_of(item)).collect()
    }

    /// Writes the guard's reservations, if nobody has written since it was read. `false` where
    /// somebody has: then all is to be decided anew.
    ///
    /// # Errors
    /// When DynamoDB fails, or the place has more reservations than fit into an item.
    pub async fn put_guard(&self, guard: &Guard) -> Result<bool, StoreError> {
        let table = &self.ledger_table;
        let packed = serde_json::to_string(&guard.reservations)
            .map_err(|error| table.refused("PutItem", &error.to_string()))?;
        if packed.len() > HELD_BYTES_MAX {
            return Err(table.refused("PutItem", "there are too many reservations in one place"));
        }
        let mut item = key_of(RESERVE, &keys::place_key(&guard.place));
        item.insert(VERSION.into(), AttributeValue::N((guard.version + 1).to_string()));
        item.insert(HELD.into(), AttributeValue::S(packed));
        // Equal reservations are as good from whoever wrote them.
        table.put_version(item, (guard.version > 0).then_some(guard.version)).await
    }

    /// Waits for a loser's next try: longer each time, and not as long as the other losers.
    pub async fn pause_after_race(attempt: u32) {
        let longest = Duration::from_millis(10).saturating_mul(1 << attempt.min(8)).min(PAUSE_MAX);
        let millis = u64::try_from(longest.as_millis()).unwrap_or(1).max(1);
        let random = RandomState::new().hash_one(attempt);
        tokio::time::sleep(Duration::from_millis(random % millis)).await;
    }

    async fn guard_item(&self, place: &QuotaPlace) -> Result<Option<Item>, StoreError> {
        self.ledger_table.get(key_of(RESERVE, &keys::place_key(place))).await
    }

    fn guard_of(&self, item: &Item) -> Result<Guard, StoreError> {
        let unreadable = |reason: &str| self.ledger_table.unreadable(item, reason.to_owned());
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let place = text(SORT_KEY).and_then(|key| keys::parse_place(key));
        let place = place.ok_or_else(|| unreadable("its sort key is no place"))?;
        let version = item.get(VERSION).and_then(|value| value.as_n().ok()?.parse().ok());
        let version = version.ok_or_else(|| unreadable("no version"))?;
        let packed = text(HELD).ok_or_else(|| unreadable("no reservations"))?;
        let reservations =
            serde_json::from_str(packed).map_err(|error| unreadable(&error.to_string()))?;
        Ok(Guard { place, reservations, version })
    }
}
