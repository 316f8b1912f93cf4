//! Finding runs of which a part of the identity is known, on days that it may have ended on. Keys
//! alone are read, which is a tenth of the bytes; the items of those that fit are asked for then.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;

use super::item::Stored;
use super::keys::{self, PARTITION_KEY, SORT_KEY, TTL};
use super::query::{PAGE_ITEMS_MAX, sort_key};
use super::{Store, StoreError, StoredRun, Table};
use crate::model::RunIdentity;

/// Partitions whose keys are read at once.
const CONCURRENCY: usize = 8;

impl Store {
    /// The runs that ended on these UTC days and whose identity is wanted. Where account and region
    /// are known, only keys of that place are read. Expired runs do not count.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn find_on_days(
        &self,
        days: &[Date],
        place: Option<(&str, &str)>,
        now: Timestamp,
        is_wanted: impl Fn(&RunIdentity) -> bool,
    ) -> Result<Vec<StoredRun>, StoreError> {
        let prefix = place.map(|(account, region)| keys::place_prefix(account, region));
        let partitions: Vec<String> =
            days.iter().flat_map(|day| keys::day_partitions(*day)).collect();
        let reads: Vec<_> = partitions
            .into_iter()
            .map(|partition| self.table.alive_keys(partition, prefix.as_deref(), now))
            .collect();
        let mut pages = stream::iter(reads).buffered(CONCURRENCY);
        let mut found = Vec::new();
        while let Some((partition, keys)) = pages.try_next().await? {
            let fits = |key: &&String| keys::parse_identity(key).is_some_and(|own| is_wanted(&own));
            let fitting: Vec<&str> = keys.iter().filter(fits).map(String::as_str).collect();
            for item in self.table.items(&partition, &fitting).await? {
                let stored = Stored::of_item(&item).map_err(|e| self.table.unreadable(&item, e))?;
                found.push(StoredRun { run: stored.run, first_stored: stored.first_stored });
            }
        }
        Ok(found)
    }
}

impl Table {
    /// The sort keys of a partition, those of expired items left out.
    async fn alive_keys(
        &self,
        partition: String,
        prefix: Option<&str>,
        now: Timestamp,
    ) -> Result<(String, Vec<String>), StoreError> {
        let condition = match prefix {
            Some(_) => "#pk = :pk AND begins_with(#sk, :prefix)",
            None => "#pk = :pk",
        };
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression(condition)
            .filter_expression("#ttl > :now")
            .projection_expression("#sk")
            .limit(PAGE_ITEMS_MAX)
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#sk", SORT_KEY)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":pk", AttributeValue::S(partition.clone()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()));
        if let Some(prefix) = prefix {
            let prefix = AttributeValue::S(prefix.to_owned());
            query = query.expression_attribute_values(":prefix", prefix);
        }
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let items = items.map_err(|error| StoreError::of(&self.name, "Query", &error))?;
        Ok((partition, items.iter().filter_map(sort_key).map(str::to_owned).collect()))
    }
}
