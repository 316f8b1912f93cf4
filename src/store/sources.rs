//! How far each source was read, and what the accounts' quotas are.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::item::Item;
use super::keys::{PARTITION_KEY, QUOTA, SORT_KEY, SOURCE};
use super::{Store, StoreError, Table};
use crate::model::{Engine, QuotaPlace, QuotaSource, QuotaValue};

/// How far one account, region and engine was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine.
    #[serde(serialize_with = "engine_word", deserialize_with = "engine_named")]
    pub engine: Engine,
    /// Whether this is of its interactive sessions, which are read apart from its job runs.
    pub sessions: bool,
    /// Until when everything was read and stored; `None` where no sweep has come to its end.
    pub collected_through: Option<Timestamp>,
    /// When the last sweep began.
    pub attempted_at: Timestamp,
    /// Why the last sweep failed, if it did.
    pub error: Option<String>,
}

fn engine_word<S: serde::Serializer>(engine: &Engine, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(engine.as_str())
}

fn engine_named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Engine, D::Error> {
    String::deserialize(deserializer).map(|word| Engine::from(word.as_str()))
}

impl Store {
    /// Every source that was ever read or tried, in the order of account, region, engine.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn source_states(&self) -> Result<Vec<SourceState>, StoreError> {
        let items = self.table.query_partition(SOURCE, None).await?;
        items.iter().map(|item| self.state_of(item)).collect()
    }

    fn state_of(&self, item: &Item) -> Result<SourceState, StoreError> {
        let read = |item: &Item| {
            Some(SourceState {
                account: text(item, "account")?.to_owned(),
                region: text(item, "region")?.to_owned(),
                engine: Engine::from(text(item, "engine")?),
                sessions: text(item, "sessions") == Some("true"),
                collected_through: text(item, "collected_through").and_then(|t| t.parse().ok()),
                attempted_at: text(item, "attempted_at")?.parse().ok()?,
                error: text(item, "error").map(str::to_owned),
            })
        };
        read(item).ok_or_else(|| self.table.unreadable(item, "a member is missing".into()))
    }

    /// How far one source was read; `None` where it never was.
    ///
    /// # Errors
    /// As [`Self::source_states`].
    pub async fn source_state(
        &self,
        place: &QuotaPlace,
    ) -> Result<Option<SourceState>, StoreError> {
        let key = format!("{}#{}#{}", place.account, place.region, place.engine);
        let items = self.table.items(SOURCE, &[&key]).await?;
        items.first().map(|item| self.state_of(item)).transpose()
    }

    /// Puts a source's state on record, in place of the one before. A watermark never moves back:
    /// what was read completely stays read.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn put_source_state(&self, state: &SourceState) -> Result<(), StoreError> {
        let mut key = format!("{}#{}#{}", state.account, state.region, state.engine);
        if state.sessions {
            key += "#sessions";
        }
        let before = self.table.items(SOURCE, &[&key]).await?;
        let known = before
            .first()
            .and_then(|item| text(item, "collected_through")?.parse::<Timestamp>().ok());
        let through = state.collected_through.max(known);
        let mut item = keyed(SOURCE, &key);
        put(&mut item, "account", &state.account);
        put(&mut item, "region", &state.region);
        put(&mut item, "engine", state.engine.as_str());
        if state.sessions {
            put(&mut item, "sessions", "true");
        }
        put(&mut item, "attempted_at", &state.attempted_at.to_string());
        if let Some(through) = through {
            put(&mut item, "collected_through", &through.to_string());
        }
        if let Some(error) = &state.error {
            put(&mut item, "error", error);
        }
        self.table.put_item(item).await
    }

    /// The quotas that were read, in the order of account, region, quota.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn quotas(&self) -> Result<Vec<QuotaValue>, StoreError> {
        self.quotas_beginning("").await
    }

    /// The quotas of one account's region.
    ///
    /// # Errors
    /// As [`Self::quotas`].
    pub async fn quotas_of(
        &self,
        account: &str,
        region: &str,
    ) -> Result<Vec<QuotaValue>, StoreError> {
        self.quotas_beginning(&format!("{account}#{region}#")).await
    }

    async fn quotas_beginning(&self, beginning: &str) -> Result<Vec<QuotaValue>, StoreError> {
        let items = self.table.query_beginning(QUOTA, beginning, None).await?;
        let read = |item: &Item| {
            Some(QuotaValue {
                account: text(item, "account")?.to_owned(),
                region: text(item, "region")?.to_owned(),
                quota: text(item, "quota")?.to_owned(),
                value: text(item, "value")?.parse().ok()?,
                source: match text(item, "applied")? {
                    "true" => QuotaSource::Applied,
                    _ => QuotaSource::Default,
                },
            })
        };
        let incomplete = |item| self.table.unreadable(item, "a member is missing".into());
        items.iter().map(|item| read(item).ok_or_else(|| incomplete(item))).collect()
    }

    /// Puts quotas on record, each in place of the one before.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn put_quotas(&self, quotas: &[QuotaValue]) -> Result<(), StoreError> {
        for quota in quotas {
            let key = format!("{}#{}#{}", quota.account, quota.region, quota.quota);
            let mut item = keyed(QUOTA, &key);
            put(&mut item, "account", &quota.account);
            put(&mut item, "region", &quota.region);
            put(&mut item, "quota", &quota.quota);
            put(&mut item, "value", &quota.value.to_string());
            let applied = quota.source == QuotaSource::Applied;
            put(&mut item, "applied", if applied { "true" } else { "false" });
            self.table.put_item(item).await?;
        }
        Ok(())
    }
}

impl Table {
    pub(super) async fn put_item(&self, item: Item) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of(&self.name, "PutItem", &error))
    }
}

pub(super) fn keyed(partition: &str, sort_key: &str) -> Item {
    let mut item = HashMap::new();
    put(&mut item, PARTITION_KEY, partition);
    put(&mut item, SORT_KEY, sort_key);
    item
}

pub(super) fn put(item: &mut Item, name: &str, value: &str) {
    item.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
}

pub(super) fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
