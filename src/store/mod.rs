//! The one DynamoDB table: keys, items, runs, the delivery ledger, closed months, and the embedded
//! engine.
//!
//! There is one implementation, on `aws-sdk-dynamodb`. With no AWS account the same API is answered
//! in-process from a file (`embedded`). SDK types do not leave this room.

mod alert_state;
mod beyond;
mod bills;
mod chunks;
mod closed;
#[cfg(test)]
pub(crate) mod dying;
mod embedded;
mod error;
mod find;
mod form;
mod item;
mod keys;
mod late;
mod lease;
mod ledger;
mod metric_hours;
mod own_use;
mod period_reader;
mod prices;
mod query;
mod quota_peaks;
mod reservations;
mod roll_ups;
mod runs;
mod sources;
mod table;
mod task_runs;
mod transact;
mod turns;
mod write;

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::aws::{RefuseNoAnswer, RetryTooMany};

pub use alert_state::Generation;
pub use closed::{ClosedBy, ClosedMonth, ClosingOutcome, MonthToClose};
pub use error::StoreError;
pub use form::{FORM, StoredForm};
pub use lease::{Clock, RealClock};
pub use ledger::{
    Ask, Claimed, End, Event, Held, Lease, Ledger, Record, SentMail, SentRecord, Stage,
};
pub use metric_hours::{MetricHour, MetricRecord, UnderWay};
pub use own_use::{CONTAINER_SECONDS_MIN, METRICS_LOGGED, OwnPlace, OwnUse};
pub use period_reader::{Reach, StoredRun};
pub use quota_peaks::WeekPeaks;
pub use reservations::Guard;
pub use roll_ups::{ChangedDays, DayRebuild, Rebuilt};
pub use runs::Saved;
pub use sources::SourceState;
pub use table::{Created, Protection, Table};
pub use task_runs::{ReportInputs, TaskMail, TaskRun};
pub use turns::{Answered, StoredTurn, Turn, TurnState};

/// How the store behaves.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// The file, or the table on AWS, unless `--store` says otherwise.
    pub location: StoreLocation,
    /// Days for which a run is kept after its end.
    pub retention_days: u32,
    /// Items that one transaction carries. DynamoDB takes 100, the DynamoDB Local of 2020 takes 10.
    pub transaction_items: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { location: StoreLocation::default(), retention_days: 130, transaction_items: 100 }
    }
}

/// The table, opened.
#[derive(Clone, Debug)]
pub struct Store {
    /// For what can be collected again.
    table: Table,
    /// The same table, through a connection whose acknowledged writes survive a power failure.
    ledger_table: Table,
    settings: StoreSettings,
}

/// The table's name inside an embedded file, and by default on AWS.
pub const DEFAULT_TABLE: &str = "runledger";

impl Store {
    /// The store in a file; made where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub async fn embedded(path: &Path, settings: StoreSettings) -> Result<Self, StoreError> {
        let opening = embedded::Opening::begin(path).await?;
        let open = |path: &Path, durability| {
            let client = embedded::client(path, durability)?;
            Ok(Table::new(client, DEFAULT_TABLE.to_owned()))
        };
        if let Some(new) = opening.unmade()? {
            open(&new, embedded::Durability::Full)?.create().await?;
            opening.put_in_place(&new)?;
        }
        let table = open(path, embedded::Durability::Normal)?;
        let ledger_table = open(path, embedded::Durability::Full)?;
        ledger_table.create().await?;
        Ok(Self { table, ledger_table, settings })
    }

    /// The store in a DynamoDB table. Nothing is asked of DynamoDB yet.
    #[must_use]
    pub fn dynamodb(
        config: &aws_config::SdkConfig,
        table: String,
        settings: StoreSettings,
    ) -> Self {
        let config = aws_sdk_dynamodb::config::Builder::from(config);
        let config = config.interceptor(RefuseNoAnswer).retry_classifier(RetryTooMany).build();
        let table = Table::new(aws_sdk_dynamodb::Client::from_conf(config), table);
        Self { ledger_table: table.clone(), table, settings }
    }

    /// Runs that ended before this have expired at `now`.
    #[must_use]
    pub fn kept_since(&self, now: jiff::Timestamp) -> jiff::Timestamp {
        let seconds = i64::from(self.settings.retention_days) * 86_400;
        jiff::Timestamp::from_second(now.as_second() - seconds).unwrap_or(jiff::Timestamp::MIN)
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// The table, for the delivery ledger: an acknowledged write stays, whatever happens.
    #[must_use]
    pub const fn ledger_table(&self) -> &Table {
        &self.ledger_table
    }
}

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreLocation {
    /// In a file, with DynamoDB's API answered in-process.
    Embedded(std::path::PathBuf),
    /// In a DynamoDB table.
    Dynamodb(String),
}

impl Default for StoreLocation {
    fn default() -> Self {
        Self::Embedded("runledger.db".into())
    }
}

/// A place that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no store; write `embedded`, `embedded:FILE`, `dynamodb` or `dynamodb:TABLE`")]
pub struct StoreLocationError(String);

impl std::str::FromStr for StoreLocation {
    type Err = StoreLocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, place) = text.split_once(':').map_or((text, None), |(k, p)| (k, Some(p)));
        match (kind, place) {
            ("embedded", None) => Ok(Self::default()),
            ("dynamodb", None) => Ok(Self::Dynamodb(DEFAULT_TABLE.to_owned())),
            ("embedded", Some(file)) if !file.is_empty() => Ok(Self::Embedded(file.into())),
            ("dynamodb", Some(table)) if !table.is_empty() => Ok(Self::Dynamodb(table.to_owned())),
            _ => Err(StoreLocationError(text.to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for StoreLocation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for StoreLocation {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl std::fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(file) => write!(f, "embedded:{}", file.display()),
            Self::Dynamodb(table) => write!(f, "dynamodb:{table}"),
        }
    }
}

crate::model::written::text_schema!(StoreLocation, {
    "type": "string", "title": "store", "pattern": "^(embedded|dynamodb)(:.+)?$",
    "examples": ["embedded:runledger.db", "dynamodb:runledger"]
});
