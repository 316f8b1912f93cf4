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
        let mut items = self.query_partition(partition, None).await?;
        items.retain(|item| sort_key(item).is_some_and(|key| wanted.contains(key)));
        Ok(items)
    }

    /// All items of a partition, whole; without those expired at `alive_at`, where it is given.
    pub(super) async fn query_partition(
        &self,
        partition: &str,
        alive_at: Option<Timestamp>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let mut query = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", PARTITION_KEY)
                .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
                .set_exclusive_start_key(start);
            if let Some(now) = alive_at {
                query = query
                    .filter_expression("attribute_not_exists(#ttl) OR #ttl > :now")
                    .expression_attribute_names("#ttl", TTL)
                    .expression_attribute_values(
                        ":now",
                        AttributeValue::N(now.as_second().to_string()),
                    );
            }
            let page = query.send().await.map_err(|e| StoreError::of(&self.name, "Query", &e))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
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

fn sort_key(item: &Item) -> Option<&str> {
    item.get(SORT_KEY)?.as_s().ok().map(String::as_str)
}
