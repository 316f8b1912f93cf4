//! Reading items by their keys: whole partitions by Query, single items by BatchGetItem. No Scan.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::Timestamp;

use super::item::Item;
use super::keys::{PARTITION_KEY, SORT_KEY, TTL};
use super::{StoreError, Table};

/// From so many keys on, one Query of their partition is cheaper than asking for each.
const KEYS_PER_QUERY_MIN: usize = 64;
/// Items read for each key asked for, beyond which asking for the keys is cheaper after all.
const READ_PER_KEY_MAX: usize = 4;
/// Items that a page may hold: about what fits into DynamoDB's 1 MB. The embedded engine, told no
/// limit, reads the rest of the partition for each page, and a large day costs its square.
pub(super) const PAGE_ITEMS_MAX: i32 = 2_000;
/// The same for items that are nearly as large as an item may be.
const LARGE_ITEMS_MAX: i32 = 3;
/// DynamoDB's limit.
const BATCH_GET_KEYS_MAX: usize = 100;

impl Table {
    /// The items of a partition that have these sort keys.
    pub(super) async fn items(
        &self,
        partition: &str,
        sort_keys: &[&str],
    ) -> Result<Vec<Item>, StoreError> {
        if sort_keys.len() < KEYS_PER_QUERY_MIN {
            return self.batch_get(partition, sort_keys).await;
        }
        let wanted: std::collections::HashSet<&str> = sort_keys.iter().copied().collect();
        let (mut found, mut read, mut start) = (Vec::new(), 0, None);
        loop {
            let (items, next) = self.query_page(partition, "", None, start).await?;
            read += items.len();
            found.extend(
                items.into_iter().filter(|i| sort_key(i).is_some_and(|k| wanted.contains(k))),
            );
            if next.is_none() {
                return Ok(found);
            }
            if read > sort_keys.len() * READ_PER_KEY_MAX {
                // The partition holds far more than is asked for: reading it whole for each batch
                // would make a long import quadratic.
                return self.batch_get(partition, sort_keys).await;
            }
            start = next;
        }
    }

    /// All items of a partition, whole; without those expired at `alive_at`, where it is given.
    pub(super) async fn query_partition(
        &self,
        partition: &str,
        alive_at: Option<Timestamp>,
    ) -> Result<Vec<Item>, StoreError> {
        self.query_beginning(partition, "", alive_at).await
    }

    /// The items of a partition whose sort keys begin so; without those expired at `alive_at`.
    pub(super) async fn query_beginning(
        &self,
        partition: &str,
        beginning: &str,
        alive_at: Option<Timestamp>,
    ) -> Result<Vec<Item>, StoreError> {
        let (mut all, mut start) = (Vec::new(), None);
        loop {
            let (items, next) = self.query_page(partition, beginning, alive_at, start).await?;
            all.extend(items);
            if next.is_none() {
                return Ok(all);
            }
            start = next;
        }
    }

    /// The items of a partition whose sort keys begin so, in their order. They may be large.
    pub(super) async fn query_prefix(
        &self,
        partition: &str,
        prefix: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#sk", SORT_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .limit(LARGE_ITEMS_MAX);
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        items.map_err(|error| StoreError::of(&self.name, "Query", &error))
    }

    /// The sort keys of a partition, in their order.
    pub(super) async fn sort_keys(&self, partition: &str) -> Result<Vec<String>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .projection_expression("#sk")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#sk", SORT_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let items = items.map_err(|error| StoreError::of(&self.name, "Query", &error))?;
        Ok(items.iter().filter_map(sort_key).map(str::to_owned).collect())
    }

    /// One page of a partition, and where the next one begins.
    async fn query_page(
        &self,
        partition: &str,
        beginning: &str,
        alive_at: Option<Timestamp>,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let keys = if beginning.is_empty() {
            "#pk = :pk"
        } else {
            "#pk = :pk AND begins_with(#sk, :beginning)"
        };
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression(keys)
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .limit(PAGE_ITEMS_MAX)
            .set_exclusive_start_key(start);
        if !beginning.is_empty() {
            query = query
                .expression_attribute_names("#sk", SORT_KEY)
                .expression_attribute_values(":beginning", AttributeValue::S(beginning.to_owned()));
        }
        if let Some(now) = alive_at {
            let now = AttributeValue::N(now.as_second().to_string());
            query = query
                .filter_expression("attribute_not_exists(#ttl) OR #ttl > :now")
                .expression_attribute_names("#ttl", TTL)
                .expression_attribute_values(":now", now);
        }
        let page = query.send().await.map_err(|e| StoreError::of(&self.name, "Query", &e))?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }

    async fn batch_get(
        &self,
        partition: &str,
        sort_keys: &[&str],
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for chunk in sort_keys.chunks(BATCH_GET_KEYS_MAX) {
            let keys = chunk.iter().map(|key| key_of(partition, key)).collect();
            let mut wanted = Some(keys);
            while let Some(keys) = wanted.take() {
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(true)
                    .build()
                    .map_err(|e| self.refused("BatchGetItem", &e.to_string()))?;
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.name, request)
                    .send()
                    .await
                    .map_err(|e| StoreError::of(&self.name, "BatchGetItem", &e))?;
                items.extend(
                    answer.responses.unwrap_or_default().remove(&self.name).into_iter().flatten(),
                );
                let left = answer.unprocessed_keys.unwrap_or_default().remove(&self.name);
                if let Some(left) = left.filter(|left| !left.keys.is_empty()) {
                    // DynamoDB was short of capacity for the rest: ask for it a little later.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    wanted = Some(left.keys);
                }
            }
        }
        Ok(items)
    }

    /// The error for an item that cannot be read.
    pub(super) fn unreadable(&self, item: &Item, reason: String) -> StoreError {
        let text = |name| item.get(name).and_then(|v: &AttributeValue| v.as_s().ok());
        let (pk, sk) = (text(PARTITION_KEY), text(SORT_KEY));
        let key = format!("{} / {}", pk.map_or("?", |s| s), sk.map_or("?", |s| s));
        StoreError::Unreadable { table: self.name.clone(), key, reason }
    }
}

/// The key of an item, as DynamoDB wants it.
pub(super) fn key_of(partition: &str, sort_key: &str) -> Item {
    HashMap::from([
        (PARTITION_KEY.to_owned(), AttributeValue::S(partition.to_owned())),
        (SORT_KEY.to_owned(), AttributeValue::S(sort_key.to_owned())),
    ])
}

pub(super) fn sort_key(item: &Item) -> Option<&str> {
    item.get(SORT_KEY)?.as_s().ok().map(String::as_str)
}
