//! Turns: what was done at the due times of schedules. Each is claimed by a conditional write under
//! a lease, so that of two schedulers one does it, and what a killed one began another finishes.
//!
//! A turn is the record of trying, and protects nothing by itself: what a task must not do twice
//! (a mail) its own ledger keeps it from.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::{Item, VERSION};
use super::keys::TTL;
use super::query::key_of;
use super::{Store, StoreError};
use crate::model::utc_day;

const TURN: &str = "turn";
/// The sort key of when a schedule was first looked at.
const SINCE: &str = "SINCE";
/// The sort key of how far back every turn is answered for: done, or told to be given up.
const ANSWERED: &str = "ANSWERED";
/// As long as roll-ups: two years of Mondays would say nothing more.
const KEPT_SECONDS: i64 = 400 * 86_400;

/// What is on record of one due time of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The schedule's name.
    pub schedule: String,
    /// When it was due.
    pub due: Timestamp,
    /// How far it got.
    pub state: TurnState,
    /// How often it was begun.
    pub attempts: u32,
    /// Who began it last: a person or container, and its process.
    pub by: String,
    /// When that was.
    pub began_at: Timestamp,
    /// The exit code that it ended with last.
    pub exit: Option<u8>,
    /// What went wrong, in words.
    pub failure: Option<String>,
    /// Whether it was never done and never will be: it became older than is made up for. Its state
    /// is then that of one that is done, so that earlier versions leave it alone too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}

impl Turn {
    /// Whether it was begun at most: nobody has done it.
    #[must_use]
    pub const fn is_undone(&self) -> bool {
        !matches!(self.state, TurnState::Done { .. })
    }
}

/// How far a turn got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TurnState {
    /// Somebody is at it.
    UnderWay {
        /// Until when, by the real clock, unless they say so again.
        until: Timestamp,
    },
    /// It is done.
    Done {
        /// Since when.
        at: Timestamp,
    },
    /// It failed.
    Failed {
        /// From when on it is tried again.
        again_at: Timestamp,
    },
}

/// Up to when every turn of a schedule is answered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// That instant, included.
    pub until: Timestamp,
    version: u64,
}

/// A turn as it was read: what the next write is conditioned on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTurn {
    /// The turn.
    pub turn: Turn,
    version: u64,
}

impl StoredTurn {
    /// A turn that is on no record yet.
    #[must_use]
    pub const fn new(turn: Turn) -> Self {
        Self { turn, version: 0 }
    }

    /// What is to be on record in place of this.
    #[must_use]
    pub const fn with(&self, turn: Turn) -> Self {
        Self { turn, version: self.version }
    }
}

impl Store {
    /// What is on record of these due times.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn turns_at(
        &self,
        schedule: &str,
        due: &[Timestamp],
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let mut months: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for due in due {
            months.entry(partition(schedule, *due)).or_default().push(due.to_string());
        }
        let mut turns = Vec::new();
        for (partition, keys) in months {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            for item in &self.ledger_table.items(&partition, &keys).await? {
                turns.push(self.turn_of(item)?);
            }
        }
        turns.sort_by_key(|stored| stored.turn.due);
        Ok(turns)
    }

    /// The turns of a schedule that were due in the UTC month of an instant, the oldest first.
    ///
    /// # Errors
    /// As [`Self::turns_at`].
    pub async fn turns_in_month_of(
        &self,
        schedule: &str,
        instant: Timestamp,
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let items = self.ledger_table.query_partition(&partition(schedule, instant), None).await?;
        items.iter().map(|item| self.turn_of(item)).collect()
    }

    fn turn_of(&self, item: &Item) -> Result<StoredTurn, StoreError> {
        of_item(item).map_err(|reason| self.ledger_table.unreadable(item, reason))
    }

    /// When a schedule was first looked at. The first look is put on record.
    ///
    /// # Errors
    /// When DynamoDB fails or the item cannot be read.
    pub async fn first_look(
        &self,
        schedule: &str,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let key = format!("TURN#{schedule}");
        loop {
            if let Some(since) = self.looked_at_since(schedule).await? {
                return Ok(since);
            }
            let mut item = key_of(&key, SINCE);
            item.insert(SINCE.to_owned(), AttributeValue::S(now.to_string()));
            // Whether this look or another one's was the first, it is read above.
            self.ledger_table.put_new(item).await?;
        }
    }

    /// When a schedule was first looked at, where it ever was; only reads.
    ///
    /// # Errors
    /// As [`Self::first_look`].
    pub async fn looked_at_since(&self, schedule: &str) -> Result<Option<Timestamp>, StoreError> {
        let table = &self.ledger_table;
        let items = table.items(&format!("TURN#{schedule}"), &[SINCE]).await?;
        let Some(item) = items.first() else { return Ok(None) };
        let since = item.get(SINCE).and_then(|v| v.as_s().ok()?.parse().ok());
        since.ok_or_else(|| table.unreadable(item, "its time is none".to_owned())).map(Some)
    }

    /// Up to when every turn of a schedule is answered for, where that is on record: what the next
    /// write of it is conditioned on.
    ///
    /// # Errors
    /// As [`Self::first_look`].
    pub async fn answered(&self, schedule: &str) -> Result<Option<Answered>, StoreError> {
        let table = &self.ledger_table;
        let items = table.items(&format!("TURN#{schedule}"), &[ANSWERED]).await?;
        let Some(item) = items.first() else { return Ok(None) };
        let until = item.get(ANSWERED).and_then(|v| v.as_s().ok()?.parse().ok());
        let version = item.get(VERSION).and_then(|v| v.as_n().ok()?.parse().ok());
        let known = until.zip(version).map(|(until, version)| Answered { until, version });
        known.ok_or_else(|| table.unreadable(item, "its time is none".to_owned())).map(Some)
    }

    /// Puts on record up to when every turn is answered for, unless somebody else did since
    /// `before` was read.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn answer(
        &self,
        schedule: &str,
        before: Option<Answered>,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let version = before.map_or(0, |before| before.version);
        let mut item = key_of(&format!("TURN#{schedule}"), ANSWERED);
        item.insert(ANSWERED.to_owned(), AttributeValue::S(until.to_string()));
        item.insert(VERSION.to_owned(), AttributeValue::N((version + 1).to_string()));
        self.ledger_table.put_version(item, (version > 0).then_some(version)).await?;
        Ok(())
    }

    /// Puts a turn on record; `false` where somebody else did since it was read.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn put_turn(&self, stored: &mut StoredTurn) -> Result<bool, StoreError> {
        let table = &self.ledger_table;
        let turn = &stored.turn;
        let text = serde_json::to_string(turn)
            .map_err(|error| table.refused("PutItem", &error.to_string()))?;
        let mut item = key_of(&partition(&turn.schedule, turn.due), &turn.due.to_string());
        let number = |number: i64| AttributeValue::N(number.to_string());
        item.insert(TTL.to_owned(), number(turn.due.as_second() + KEPT_SECONDS));
        item.insert(VERSION.to_owned(), AttributeValue::N((stored.version + 1).to_string()));
        item.insert(TURN.to_owned(), AttributeValue::S(text));
        // Who began a turn, and when, is in it.
        let is_put =
            table.put_version(item, (stored.version > 0).then_some(stored.version)).await?;
        stored.version += u64::from(is_put);
        Ok(is_put)
    }
}

/// A month's turns are together: what is due every ten minutes has some thousands of them.
fn partition(schedule: &str, due: Timestamp) -> String {
    format!("TURN#{schedule}#{}", utc_day(due).strftime("%Y-%m"))
}

fn of_item(item: &Item) -> Result<StoredTurn, String> {
    let text = item.get(TURN).and_then(|v| v.as_s().ok()).ok_or("no turn")?;
    let version = item.get(VERSION).and_then(|v| v.as_n().ok()).ok_or("no version")?;
    Ok(StoredTurn {
        turn: serde_json::from_str(text).map_err(|error| error.to_string())?,
        version: version.parse().map_err(|_| "its version is no number")?,
    })
}
