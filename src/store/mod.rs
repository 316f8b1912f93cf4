//! The one DynamoDB table: keys, items, runs, the delivery ledger, and the embedded engine.
//!
//! There is one implementation, on `aws-sdk-dynamodb`. With no AWS account the same API is answered
//! in-process from a file (`embedded`). SDK types do not leave this room.

mod embedded;
mod error;
mod item;
mod keys;
mod period_reader;
mod query;
mod runs;
mod sources;
mod table;

use std::path::Path;

use serde::Deserialize;

pub use error::StoreError;
pub use period_reader::{Reach, StoredRun};
pub use runs::Saved;
pub use sources::SourceState;
pub use table::{Created, Table};

/// How the store behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// Days for which a run is kept after its end.
    pub retention_days: u32,
    /// Items that one transaction carries. DynamoDB takes 100, DynamoDB Local 10.
    pub transaction_items: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { retention_days: 130, transaction_items: 100 }
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
        let open = |durability| {
            let client = embedded::client(path, durability)?;
            Ok(Table::new(client, DEFAULT_TABLE.to_owned()))
        };
        let table = open(embedded::Durability::Normal)?;
        let ledger_table = open(embedded::Durability::Full)?;
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
        let table = Table::new(aws_sdk_dynamodb::Client::new(config), table);
        Self { ledger_table: table.clone(), table, settings }
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
