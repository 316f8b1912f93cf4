//! Which hours were put as metrics: claimed by a conditional write before the call, marked after.
//!
//! CloudWatch adds up what it is given, so what may have been put is never put again. An hour's
//! metrics go out in the order of their keys, some at a time; the record says up to which key they
//! are out, and up to which a call is under way. A call whose process is gone, or whose answer was
//! lost, counts as done and stands on record as not known.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::{Item, VERSION};
use super::keys::{self, TTL};
use super::query::key_of;
use super::{Store, StoreError};

const HOUR: &str = "hour";
/// As long as the roll-ups that the metrics are made of.
const KEPT_SECONDS: i64 = 400 * 86_400;

/// What is on record of one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricHour {
    /// When the hour begins.
    pub hour: Timestamp,
    /// What is known of it.
    pub record: MetricRecord,
    version: u64,
}

/// How far an hour's metrics are out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// The key up to which they are out, or may be.
    pub out_to: Option<String>,
    /// Whether all of them are.
    pub done: bool,
    /// The call that is under way.
    pub under_way: Option<UnderWay>,
    /// Metrics that are out.
    pub put: u64,
    /// Calls of which it is not known whether they counted, in words.
    pub unknown: Vec<String>,
}

/// A call that was about to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// The last key that it puts.
    pub to: String,
    /// Until when its process certainly has written what came of it, by the real clock.
    pub until: Timestamp,
    /// Tells it from the same call of another process.
    claim: String,
}

impl UnderWay {
    /// A call that is about to be made.
    #[must_use]
    pub fn new(to: String, until: Timestamp) -> Self {
        Self { to, until, claim: keys::unique() }
    }
}

impl MetricRecord {
    /// A call whose process is gone: it may have counted.
    pub fn give_up(&mut self, reason: &str) {
        if let Some(call) = self.under_way.take() {
            let from = self.out_to.as_deref().unwrap_or("the first");
            self.unknown.push(format!("after {from}, up to {}: {reason}", call.to));
            self.out_to = Some(call.to);
        }
    }
}

impl Store {
    /// What is on record of an hour; a fresh record where nothing is.
    ///
    /// # Errors
    /// When DynamoDB fails or the item cannot be read.
    pub async fn metric_hour(&self, hour: Timestamp) -> Result<MetricHour, StoreError> {
        let key = hour.to_string();
        let items = self.ledger_table.items(&keys::metric_partition(hour), &[&key]).await?;
        let Some(item) = items.first() else {
            return Ok(MetricHour { hour, record: MetricRecord::default(), version: 0 });
        };
        let read = |item: &Item| -> Result<(MetricRecord, u64), String> {
            let text = item.get(HOUR).and_then(|v| v.as_s().ok()).ok_or("no record")?;
            let version = item.get(VERSION).and_then(|v| v.as_n().ok()).ok_or("no version")?;
            let record = serde_json::from_str(text).map_err(|error| error.to_string())?;
            Ok((record, version.parse().map_err(|_| "its version is no number")?))
        };
        let (record, version) =
            read(item).map_err(|reason| self.ledger_table.unreadable(item, reason))?;
        Ok(MetricHour { hour, record, version })
    }

    /// Puts on record what is known of an hour; `false` where another process did so since it was
    /// read. The change then counts for nothing.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn put_metric_hour(&self, hour: &mut MetricHour) -> Result<bool, StoreError> {
        let table = &self.ledger_table;
        let text = serde_json::to_string(&hour.record);
        let text = text.map_err(|error| table.refused("PutItem", &error.to_string()))?;
        let mut item = key_of(&keys::metric_partition(hour.hour), &hour.hour.to_string());
        let number = |number: i64| AttributeValue::N(number.to_string());
        item.insert(TTL.to_owned(), number(hour.hour.as_second() + KEPT_SECONDS));
        item.insert(VERSION.to_owned(), AttributeValue::N((hour.version + 1).to_string()));
        item.insert(HOUR.to_owned(), AttributeValue::S(text));
        let is_put = table.put_version(item, (hour.version > 0).then_some(hour.version)).await?;
        hour.version += 1;
        Ok(is_put)
    }
}
