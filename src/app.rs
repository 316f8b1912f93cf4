//! The composition root: from the configuration to the clients. The only room that builds them.

use std::path::PathBuf;

use crate::aws;
use crate::config::Config;
use crate::store::{Store, StoreError, StoreLocation};

/// What commands work with.
#[derive(Clone, Debug)]
pub struct App {
    /// The configuration.
    pub config: Config,
    /// Where the store is.
    pub location: StoreLocation,
    /// The store, opened.
    pub store: Store,
}

impl App {
    /// Opens the store; `location` comes before the configuration's. An embedded store is made where
    /// there is none, a table is not: `init` does that.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn open(config: Config, location: Option<StoreLocation>) -> Result<Self, StoreError> {
        let location = location.unwrap_or_else(|| config.store.location.clone());
        let settings = config.store.clone();
        let store = match &location {
            StoreLocation::Embedded(file) => Store::embedded(&absolute(file), settings).await?,
            StoreLocation::Dynamodb(table) => {
                Store::dynamodb(&aws::load().await, table.clone(), settings)
            }
        };
        Ok(Self { config, location, store })
    }
}

/// SQLite wants a path with a folder in it.
fn absolute(file: &std::path::Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}
