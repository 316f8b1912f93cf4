//! Reading a period's runs: a Query per UTC day and shard, side by side, page by page.
//!
//! The reader hands each run to a function and keeps only what that returns, and passes it on page
//! by page, so a report over a million runs never holds a million runs. The order is
//! that of the keys, whatever order the pages arrived in.

use std::ops::Range;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt, stream};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use tokio::sync::mpsc;

use super::item::{RETRY, RUN, STARTED, run_of_item};
use super::keys::{self, PARTITION_KEY, SORT_KEY, TTL};
use super::query::PAGE_ITEMS_MAX;
use super::{Store, StoreError, Table};
use crate::model::{JobRun, utc_day};

/// Partitions read at once. Each has one page of at most 1 MB in flight, and what was kept of a few
/// pages before it; so this bounds memory.
const CONCURRENCY: usize = 4;
/// How far from now days are read, unless runs are kept for longer: three years.
const REACH_DAYS: i64 = 3 * 366;
/// Pages of one partition that wait for their turn.
const PAGES_WAITING_MAX: usize = 8;

/// A run as it was read.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// What is known of the run.
    pub run: JobRun,
    /// When it was first stored.
    pub first_stored: Timestamp,
}

/// Which runs of a day are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    All,
    /// Those that started before the instant, and retries: what can still touch an earlier period.
    StartedBefore(Timestamp),
}

impl Store {
    /// Reads the runs that ended on these UTC days, hands each to `keep`, on several threads, and
    /// what that makes of them to `take`, in the order of the keys. Expired runs do not count.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn read_days<T, F>(
        &self,
        days: impl IntoIterator<Item = Date>,
        reach: Reach,
        now: Timestamp,
        keep: F,
        mut take: impl FnMut(Vec<T>),
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        F: Fn(StoredRun) -> Option<T> + Send + Sync + 'static,
    {
        let keep = Arc::new(keep);
        let within = self.days_that_can_hold_runs(now);
        let days = days.into_iter().filter(|day| within.contains(day));
        let partitions: Vec<String> = days.flat_map(keys::day_partitions).collect();
        let read = |partition: String| {
            let (table, keep) = (self.table.clone(), Arc::clone(&keep));
            // A task each, so that pages are taken apart on all processors.
            let (pages, taken) = mpsc::channel(PAGES_WAITING_MAX);
            let reading = tokio::spawn(async move {
                table.read_partition(&partition, reach, now, &*keep, &pages).await
            });
            futures::future::ready((taken, reading))
        };
        let mut partitions = stream::iter(partitions).map(read).buffered(CONCURRENCY);
        while let Some((mut pages, reading)) = partitions.next().await {
            while let Some(page) = pages.recv().await {
                take(page);
            }
            reading.await.map_err(|error| self.table.refused("Query", &error.to_string()))??;
        }
        Ok(())
    }
}

impl Store {
    /// The days that it makes sense to ask for, so that a period of two thousand years is not a
    /// million Queries: what is older has expired, whatever the retention was when it was stored,
    /// and what is newer is not yet.
    fn days_that_can_hold_runs(&self, now: Timestamp) -> Range<Date> {
        let reach = i64::from(self.settings.retention_days).max(REACH_DAYS);
        let today = utc_day(now);
        today.saturating_sub(reach.days())..today.saturating_add(REACH_DAYS.days())
    }
}

impl Table {
    async fn read_partition<T>(
        &self,
        partition: &str,
        reach: Reach,
        now: Timestamp,
        keep: &(impl Fn(StoredRun) -> Option<T> + Sync),
        pages_out: &mpsc::Sender<Vec<T>>,
    ) -> Result<(), StoreError> {
        let number = |n: i64| AttributeValue::N(n.to_string());
        let filter = match reach {
            Reach::All => "#ttl > :now",
            Reach::StartedBefore(_) => {
                "#ttl > :now AND (#started < :before OR attribute_exists(#retry))"
            }
        };
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .limit(PAGE_ITEMS_MAX)
            .key_condition_expression("#pk = :pk")
            .filter_expression(filter)
            .projection_expression("#sk, #run")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#sk", SORT_KEY)
            .expression_attribute_names("#run", RUN)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":now", number(now.as_second()));
        if let Reach::StartedBefore(before) = reach {
            query = query
                .expression_attribute_names("#started", STARTED)
                .expression_attribute_names("#retry", RETRY)
                .expression_attribute_values(":before", number(before.as_second()));
        }
        let mut pages = query.into_paginator().send();
        while let Some(page) =
            pages.try_next().await.map_err(|error| StoreError::of(&self.name, "Query", &error))?
        {
            let mut kept = Vec::with_capacity(page.items().len());
            for item in page.items() {
                let (run, first_stored) =
                    run_of_item(item).map_err(|reason| self.unreadable(item, reason))?;
                kept.extend(keep(StoredRun { run, first_stored }));
            }
            if pages_out.send(kept).await.is_err() {
                // Nobody takes them any more: the reader gave up because of another partition.
                break;
            }
        }
        Ok(())
    }
}
