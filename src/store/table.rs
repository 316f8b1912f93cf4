//! The table itself: its name, its client, how it is made and checked.

mod look;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};

use super::StoreError;
use super::form::{PLACE, StoredForm};
use super::keys::{PARTITION_KEY, SORT_KEY, TTL};
use super::query::key_of;
use crate::aws::Trouble;

pub use look::Protection;

/// How long to wait for a new table, which takes the real service some ten seconds.
const CREATION_POLLS_MAX: u32 = 120;
const CREATION_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How often the first call is tried: enough for a hiccup, and a machine without a network is told
/// so within seconds. Later calls wait out throttling for a minute.
const FIRST_CALL_ATTEMPTS: u32 = 3;

/// A DynamoDB table and the client that speaks to it.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

/// What `Table::create` found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The table is new.
    New,
    /// The table was there, without TTL, which is on now.
    TtlEnabled,
    /// The table was there as it should be.
    Existing,
}

impl Table {
    /// A table by its name. Nothing is asked of DynamoDB yet.
    #[must_use]
    pub const fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds out whether the table can be used, in a few attempts, by asking in which form it is.
    ///
    /// # Errors
    /// When there is no region, no credentials, no network or no table, reading is not allowed, or
    /// a newer program has written to the table.
    pub async fn reach(&self) -> Result<StoredForm, StoreError> {
        self.has_region()?;
        let asked = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key_of(PLACE.0, PLACE.1)))
            .consistent_read(true)
            .customize()
            .config_override(few_attempts())
            .send()
            .await;
        let error = match asked {
            Ok(answer) => return self.form_of(answer.item.as_ref()),
            Err(error) => error,
        };
        match StoreError::of(&self.name, "GetItem", &error) {
            // It is there, and busy: the calls to come have the patience that this one has not.
            StoreError::Unavailable { trouble: Trouble::Throttled, .. } => {
                Ok(StoredForm::current())
            }
            error => Err(error),
        }
    }

    fn has_region(&self) -> Result<(), StoreError> {
        let region = self.client.config().region();
        region.map(|_| ()).ok_or_else(|| StoreError::NoRegion { table: self.name.clone() })
    }

    /// Creates the table with its keys and TTL where it is missing, and waits until it is usable.
    /// Safe to run twice and from two machines at once.
    ///
    /// # Errors
    /// When DynamoDB cannot be reached or refuses.
    pub async fn create(&self) -> Result<Created, StoreError> {
        self.has_region()?;
        let new = self.create_if_missing().await?;
        self.wait_until_active().await?;
        let enabled = self.enable_ttl().await?;
        Ok(match (new, enabled) {
            (true, _) => Created::New,
            (false, true) => Created::TtlEnabled,
            (false, false) => Created::Existing,
        })
    }

    async fn create_if_missing(&self) -> Result<bool, StoreError> {
        let attribute = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
        };
        let key = |name: &str, kind| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
        };
        let request = self
            .client
            .create_table()
            .table_name(&self.name)
            .billing_mode(BillingMode::PayPerRequest);
        let parts = (
            attribute(PARTITION_KEY),
            attribute(SORT_KEY),
            key(PARTITION_KEY, KeyType::Hash),
            key(SORT_KEY, KeyType::Range),
        );
        let (Ok(pk), Ok(sk), Ok(hash), Ok(range)) = parts else {
            // The builders fail on a missing member only, and none is missing above.
            return Err(self.refused("CreateTable", "incomplete key definition"));
        };
        let created = request
            .attribute_definitions(pk)
            .attribute_definitions(sk)
            .key_schema(hash)
            .key_schema(range)
            .customize()
            .config_override(few_attempts())
            .send()
            .await;
        match created {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::of(&self.name, "CreateTable", &error)),
        }
    }

    async fn wait_until_active(&self) -> Result<(), StoreError> {
        for _ in 0..CREATION_POLLS_MAX {
            let described = self
                .client
                .describe_table()
                .table_name(&self.name)
                .send()
                .await
                .map_err(|error| StoreError::of(&self.name, "DescribeTable", &error))?;
            let status = described.table.and_then(|table| table.table_status);
            if matches!(status, Some(TableStatus::Active | TableStatus::Updating)) {
                return Ok(());
            }
            tokio::time::sleep(CREATION_POLL_INTERVAL).await;
        }
        Err(StoreError::Unavailable {
            table: self.name.clone(),
            operation: "DescribeTable",
            trouble: Trouble::Unreachable,
            message: "the table is still being created".into(),
        })
    }

    /// Whether the table's TTL is on, for the attribute that the items carry.
    ///
    /// # Errors
    /// When DynamoDB cannot be reached or refuses.
    pub async fn has_ttl(&self) -> Result<bool, StoreError> {
        let described = self
            .client
            .describe_time_to_live()
            .table_name(&self.name)
            .send()
            .await
            .map_err(|error| StoreError::of(&self.name, "DescribeTimeToLive", &error))?;
        Ok(described.time_to_live_description.is_some_and(|ttl| {
            ttl.attribute_name.as_deref() == Some(TTL)
                && matches!(
                    ttl.time_to_live_status,
                    Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
                )
        }))
    }

    async fn enable_ttl(&self) -> Result<bool, StoreError> {
        if self.has_ttl().await? {
            return Ok(false);
        }
        let specification = TimeToLiveSpecification::builder()
            .attribute_name(TTL)
            .enabled(true)
            .build()
            .map_err(|error| self.refused("UpdateTimeToLive", &error.to_string()))?;
        let updated = self
            .client
            .update_time_to_live()
            .table_name(&self.name)
            .time_to_live_specification(specification)
            .send()
            .await;
        match updated {
            Ok(_) => Ok(true),
            // Another machine got there first: DynamoDB refuses to turn on what is on.
            Err(_) if self.has_ttl().await? => Ok(false),
            Err(error) => Err(StoreError::of(&self.name, "UpdateTimeToLive", &error)),
        }
    }

    pub(super) fn refused(&self, operation: &'static str, message: &str) -> StoreError {
        StoreError::Refused { table: self.name.clone(), operation, message: message.to_owned() }
    }
}

fn few_attempts() -> aws_sdk_dynamodb::config::Builder {
    let retry = RetryConfig::standard().with_max_attempts(FIRST_CALL_ATTEMPTS);
    aws_sdk_dynamodb::Config::builder().retry_config(retry)
}
