//! What jobs' runs of a day come to, kept for longer than the runs: rebuilt from them, never added
//! to, so that no replay, late run or crash can make them wrong.
//!
//! A transaction that changes a day's runs leaves a mark of its own under `CHANGED`. Whoever
//! rebuilds a day first lists the marks, then takes the day's next generation, reads the runs,
//! writes what differs, and at last removes the marks that were listed. Each write is conditioned
//! on the generation: of two that rebuild one day, the one that took it first writes nothing any
//! more once the other has begun, and leaves the marks to it. What changes after the marks were
//! listed has a mark that nobody removes. So a day without marks is right, and a crash at any
//! instant only leaves a mark too many.

#[cfg(test)]
mod forms;
mod packed;
#[cfg(test)]
mod races;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, DeleteRequest, ReturnValue, TransactWriteItem, WriteRequest,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::item::Item;
use super::keys::{self, CHANGED, DAYS, SORT_KEY, TTL};
use super::query::key_of;
use super::transact::{TRANSACTION_ITEMS_MAX, TRANSACTION_ITEMS_MIN, Transacted};
use super::{Store, StoreError, Table};
use crate::model::RollUp;

/// Days for which a roll-up is kept, where runs are not kept for longer.
const KEPT_DAYS: i64 = 400;
/// The packed roll-ups of an item.
const ROLL_UPS: &str = "rollups";
/// The one of an item of the first form.
const ROLL_UP: &str = "rollup";
/// Bytes of roll-ups that an item carries, unless it is a single one. DynamoDB's limit is 400 kB.
const ITEM_BYTES_MAX: usize = 200_000;
/// Bytes that a transaction carries. DynamoDB's limit is 4 MB.
const TRANSACTION_BYTES_MAX: usize = 3_000_000;
/// How often a day was begun to be rebuilt.
const GENERATION: &str = "generation";
/// Until when a day's runs are all there, epoch seconds: the earliest that any settings said.
const WHOLE_UNTIL: &str = "whole_until";
/// The form in which a day's roll-ups were written last; the first one is not on record.
const FORM: &str = "form";
/// Days read at once.
const CONCURRENCY: usize = 4;
/// How often a transaction that lost a race is tried again, after pauses that double.
const TRIES_MAX: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);
/// DynamoDB's limit for BatchWriteItem.
const BATCH_WRITE_MAX: usize = 25;

/// The days whose roll-ups are not known to be right, each with its marks.
#[derive(Clone, Debug, Default)]
pub struct ChangedDays(BTreeMap<Date, Vec<String>>);

impl ChangedDays {
    /// The days, in order.
    pub fn days(&self) -> impl Iterator<Item = Date> {
        self.0.keys().copied()
    }
}

/// A day that is being rebuilt.
#[derive(Debug)]
pub struct DayRebuild {
    day: Date,
    generation: String,
    marks: Vec<String>,
}

/// What rebuilding a day came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// The day is right.
    Done {
        /// Items that are new or changed.
        written: u64,
        /// Items of jobs that have no run on the day any more.
        removed: u64,
    },
    /// Another process began to rebuild it meanwhile, and has the newer runs.
    Overtaken,
}

impl Store {
    /// Hands every roll-up of these UTC days to `take`, by day. Expired ones do not count.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn roll_ups(
        &self,
        days: impl IntoIterator<Item = Date>,
        now: Timestamp,
        mut take: impl FnMut(RollUp),
    ) -> Result<(), StoreError> {
        // A list of futures rather than a closure, so that the whole is `Send` for any lifetime.
        let days: Vec<_> = days.into_iter().map(|day| self.day_items(day, now)).collect();
        let mut days = stream::iter(days).buffered(CONCURRENCY);
        while let Some((day, items)) = days.try_next().await? {
            for item in items {
                let read = unpacked(&item, day);
                let read = read.map_err(|reason| self.table.unreadable(&item, reason))?;
                read.into_iter().for_each(&mut take);
            }
        }
        Ok(())
    }

    async fn day_items(&self, day: Date, now: Timestamp) -> Result<(Date, Vec<Item>), StoreError> {
        let partition = keys::roll_up_partition(day);
        Ok((day, self.table.query_partition(&partition, Some(now)).await?))
    }

    /// The days of which a run changed since they were last rebuilt. To be asked before the runs
    /// are read.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn changed_days(&self, now: Timestamp) -> Result<ChangedDays, StoreError> {
        let mut days: BTreeMap<Date, Vec<String>> = BTreeMap::new();
        for item in self.table.query_partition(CHANGED, Some(now)).await? {
            let mark = text(&item, SORT_KEY).unwrap_or_default();
            let day = keys::day_of_mark(mark)
                .ok_or_else(|| self.table.unreadable(&item, "its key is no day".to_owned()))?;
            days.entry(day).or_default().push(mark.to_owned());
        }
        Ok(ChangedDays(days))
    }

    /// Marks those of these days as changed that were never rolled up, or in an earlier form: whose
    /// runs were stored by a version that knew no roll-ups, or fewer facts of them. A day that
    /// nobody ran anything on is one of them once.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn mark_unknown_days(
        &self,
        days: Range<Date>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut known = BTreeSet::new();
        for item in self.table.query_partition(DAYS, Some(now)).await? {
            let form = item.get(FORM).and_then(|form| form.as_n().ok()?.parse::<i64>().ok());
            if form == Some(packed::FORM) {
                known.extend(text(&item, SORT_KEY).and_then(|day| day.parse::<Date>().ok()));
            }
        }
        let days = days.start.series(1.day()).take_while(|day| *day < days.end);
        self.mark_days(days.filter(|day| !known.contains(day)), now).await
    }

    /// Marks days as changed though their runs did not: prices, rules or names did. Days of which
    /// runs have expired are left out: what is known of them stays.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn mark_days(
        &self,
        days: impl IntoIterator<Item = Date>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for mark in days.into_iter().filter_map(|day| self.mark(day, now)) {
            self.table.put_item(mark).await?;
        }
        Ok(())
    }

    /// The mark that a day's runs change; none where some of them have expired, because then the
    /// day can no longer be rebuilt.
    pub(super) fn mark(&self, day: Date, now: Timestamp) -> Option<Item> {
        let until = self.whole_until(day);
        (until > now.as_second()).then(|| {
            let mut mark = key_of(CHANGED, &keys::mark_key(day));
            mark.insert(TTL.to_owned(), number(until));
            mark
        })
    }

    /// Begins to rebuild a changed day. `None` where some of its runs have expired: its roll-ups
    /// stay as they are.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn begin_day(
        &self,
        changed: &ChangedDays,
        day: Date,
        now: Timestamp,
    ) -> Result<Option<DayRebuild>, StoreError> {
        let whole_until = self.whole_until(day);
        let answer = self
            .table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(key_of(DAYS, &day.to_string())))
            .update_expression(
                "SET #until = if_not_exists(#until, :until), #ttl = :ttl, #form = :form \
                 ADD #generation :one",
            )
            .expression_attribute_names("#until", WHOLE_UNTIL)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_names("#generation", GENERATION)
            .expression_attribute_names("#form", FORM)
            // A day is begun while it has marks: it is not of this form before they are removed.
            .expression_attribute_values(":form", number(packed::FORM))
            .expression_attribute_values(":until", number(whole_until))
            .expression_attribute_values(":ttl", number(self.roll_up_expiry(day)))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| StoreError::of(&self.table.name, "UpdateItem", &error))?;
        let item = answer.attributes.unwrap_or_default();
        let figure = |name| item.get(name).and_then(|value| value.as_n().ok());
        let generation = figure(GENERATION).cloned();
        let generation =
            generation.ok_or_else(|| self.table.unreadable(&item, "no generation".to_owned()))?;
        // Runs may have been stored while they were kept for a shorter time than now.
        let first = figure(WHOLE_UNTIL).and_then(|until| until.parse::<i64>().ok());
        if first.unwrap_or(whole_until).min(whole_until) <= now.as_second() {
            return Ok(None);
        }
        let marks = changed.0.get(&day).cloned().unwrap_or_default();
        Ok(Some(DayRebuild { day, generation, marks }))
    }

    /// How often each of these days was begun to be rebuilt: days that never held a run are not
    /// there. What was counted of a day's runs, read after this, is right as long as this is.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn day_generations(
        &self,
        days: impl IntoIterator<Item = Date>,
    ) -> Result<BTreeMap<Date, u64>, StoreError> {
        let keys: Vec<String> = days.into_iter().map(|day| day.to_string()).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut generations = BTreeMap::new();
        for item in self.table.items(DAYS, &keys).await? {
            let day = text(&item, SORT_KEY).and_then(|key| key.parse().ok());
            let generation = item.get(GENERATION).and_then(|value| value.as_n().ok()?.parse().ok());
            let (Some(day), Some(generation)) = (day, generation) else {
                return Err(self.table.unreadable(&item, "no day, or no generation".to_owned()));
            };
            generations.insert(day, generation);
        }
        Ok(generations)
    }

    /// Writes what a day's runs come to, as they were read since the day was begun, and removes
    /// what no longer is.
    ///
    /// # Errors
    /// When DynamoDB fails. The day keeps its marks, and is rebuilt again.
    pub async fn finish_day(
        &self,
        rebuild: DayRebuild,
        roll_ups: &[RollUp],
    ) -> Result<Rebuilt, StoreError> {
        let partition = keys::roll_up_partition(rebuild.day);
        let mut stored: HashMap<String, String> = HashMap::new();
        for item in self.table.query_partition(&partition, None).await? {
            let member = |name| text(&item, name).unwrap_or_default().to_owned();
            stored.insert(member(SORT_KEY), member(ROLL_UPS));
        }
        let (mut actions, mut written) = (Vec::new(), 0);
        for (key, packed) in packed_by_key(rebuild.day, roll_ups) {
            if stored.remove(&key).as_ref() != Some(&packed) {
                let (mut item, bytes) = (key_of(&partition, &key), packed.len());
                item.insert(TTL.to_owned(), number(self.roll_up_expiry(rebuild.day)));
                item.insert(ROLL_UPS.to_owned(), AttributeValue::S(packed));
                actions.push((self.table.put_over(item)?, bytes));
                written += 1;
            }
        }
        let mut removed = 0;
        for key in stored.keys() {
            actions.push((self.table.delete_any(&partition, key)?, key.len()));
            removed += 1;
        }
        if !self.write_fenced(&rebuild, actions).await? {
            return Ok(Rebuilt::Overtaken);
        }
        self.table.delete_marks(&rebuild.marks).await?;
        Ok(Rebuilt::Done { written, removed })
    }

    /// Writes these, each with its bytes, as long as nobody else has begun the day; `false` where
    /// somebody has. One after the other, because transactions that check one item collide.
    async fn write_fenced(
        &self,
        rebuild: &DayRebuild,
        actions: Vec<(TransactWriteItem, usize)>,
    ) -> Result<bool, StoreError> {
        let fence = self.table.fence(rebuild)?;
        let mut size = self.settings.transaction_items.clamp(2, TRANSACTION_ITEMS_MAX) - 1;
        let (mut rest, mut tries) = (actions.as_slice(), 0);
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(fitting(rest).min(size));
            let chunk = chunk.iter().map(|(action, _)| action.clone());
            let all = std::iter::once(fence.clone()).chain(chunk).collect();
            match self.table.transact(all).await {
                Ok(Transacted::Done) => (rest, tries) = (later, 0),
                Ok(Transacted::Lost { first_failed: true }) => return Ok(false),
                Ok(Transacted::Lost { first_failed: false }) if tries < TRIES_MAX => {
                    tokio::time::sleep(PAUSE * 2_u32.pow(tries)).await;
                    tries += 1;
                }
                Ok(Transacted::Lost { .. }) => {
                    return Err(StoreError::Contended { table: self.table.name.clone() });
                }
                Err(StoreError::Refused { .. }) if size >= TRANSACTION_ITEMS_MIN => {
                    size = TRANSACTION_ITEMS_MIN - 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// From when on the first of a day's runs may have expired.
    fn whole_until(&self, day: Date) -> i64 {
        start_of(day) + i64::from(self.settings.retention_days) * 86_400
    }

    fn roll_up_expiry(&self, day: Date) -> i64 {
        let days = KEPT_DAYS.max(self.settings.retention_days.into());
        start_of(day) + (days + 1) * 86_400
    }
}

impl Table {
    /// Holds as long as the day is of the generation that was taken.
    fn fence(&self, rebuild: &DayRebuild) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key_of(DAYS, &rebuild.day.to_string())))
            .condition_expression("#generation = :mine")
            .expression_attribute_names("#generation", GENERATION)
            .expression_attribute_values(":mine", AttributeValue::N(rebuild.generation.clone()))
            .build()
            .map_err(|e| self.refused("TransactWriteItems", &e.to_string()))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    async fn delete_marks(&self, marks: &[String]) -> Result<(), StoreError> {
        for chunk in marks.chunks(BATCH_WRITE_MAX) {
            let mut deletes = Vec::with_capacity(chunk.len());
            for mark in chunk {
                let request = DeleteRequest::builder().set_key(Some(key_of(CHANGED, mark))).build();
                let request =
                    request.map_err(|e| self.refused("BatchWriteItem", &e.to_string()))?;
                deletes.push(WriteRequest::builder().delete_request(request).build());
            }
            while !deletes.is_empty() {
                let answer = self
                    .client
                    .batch_write_item()
                    .request_items(&self.name, deletes)
                    .send()
                    .await
                    .map_err(|error| StoreError::of(&self.name, "BatchWriteItem", &error))?;
                deletes = answer
                    .unprocessed_items
                    .unwrap_or_default()
                    .remove(&self.name)
                    .unwrap_or_default();
                if !deletes.is_empty() {
                    // DynamoDB was short of capacity for the rest.
                    tokio::time::sleep(PAUSE * 4).await;
                }
            }
        }
        Ok(())
    }
}

/// The texts of a day's roll-ups, by sort key. Where a job's is does not depend on the others, so
/// that a change of one job rewrites one item and not all.
fn packed_by_key(day: Date, roll_ups: &[RollUp]) -> Vec<(String, String)> {
    let mut buckets: BTreeMap<u32, Vec<&RollUp>> = BTreeMap::new();
    for roll_up in roll_ups {
        buckets.entry(keys::roll_up_bucket(&roll_up.job)).or_default().push(roll_up);
    }
    let mut all = Vec::with_capacity(buckets.len());
    for (bucket, roll_ups) in buckets {
        let mut texts = Vec::new();
        pack_within(day, &roll_ups, &mut texts);
        let keyed = |(part, text)| (format!("{bucket:02}#{part}"), text);
        all.extend(texts.into_iter().enumerate().map(keyed));
    }
    all
}

/// Packs roll-ups into as few texts as halving finds.
fn pack_within(day: Date, roll_ups: &[&RollUp], texts: &mut Vec<String>) {
    let text = packed::pack(day, roll_ups);
    if text.len() <= ITEM_BYTES_MAX || roll_ups.len() < 2 {
        texts.push(text);
        return;
    }
    let (first, second) = roll_ups.split_at(roll_ups.len() / 2);
    pack_within(day, first, texts);
    pack_within(day, second, texts);
}

/// The roll-ups of an item, of whichever form.
fn unpacked(item: &Item, day: Date) -> Result<Vec<RollUp>, String> {
    match (text(item, ROLL_UPS), text(item, ROLL_UP)) {
        (Some(packed), _) => packed::unpack(packed, day),
        (None, Some(first)) => packed::unpack_first(first, day).map(|roll_up| vec![roll_up]),
        (None, None) => Err("no packed roll-ups".to_owned()),
    }
}

/// How many of these actions a transaction's bytes allow: at least one.
fn fitting(actions: &[(TransactWriteItem, usize)]) -> usize {
    let mut bytes = 0;
    let fits = actions.iter().take_while(|(_, size)| {
        bytes += size;
        bytes <= TRANSACTION_BYTES_MAX
    });
    fits.count().max(1)
}

/// The second in which a UTC day begins.
fn start_of(day: Date) -> i64 {
    let start = day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    start.unwrap_or(Timestamp::MIN).as_second()
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
