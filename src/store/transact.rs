//! Transactions of conditional writes: all of them or none, and an answer that tells a lost race
//! from a failure.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};

use super::item::{Item, VERSION};
use super::keys::{PARTITION_KEY, SORT_KEY};
use super::query::key_of;
use super::{StoreError, Table};

/// What the smallest DynamoDB (the downloadable one, 2020) takes in one transaction.
pub(super) const TRANSACTION_ITEMS_MIN: usize = 10;
/// What DynamoDB takes in one transaction.
pub(super) const TRANSACTION_ITEMS_MAX: usize = 100;

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transacted {
    /// All of it is written.
    Done,
    /// Nothing is written, because a condition did not hold or another writer was at the same
    /// items, or because the table is too busy.
    Lost {
        /// Whether the first action's own condition is what did not hold.
        first_failed: bool,
    },
}

impl Table {
    /// Puts an item: in place of the version seen, or where none was seen.
    pub(super) fn put_seen(
        &self,
        item: Item,
        seen: Option<u64>,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.name).set_item(Some(item));
        let put = match seen {
            None => put
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", PARTITION_KEY),
            Some(version) => put
                .condition_expression("#version = :seen")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":seen", AttributeValue::N(version.to_string())),
        };
        let put = put.build().map_err(|e| self.refused("TransactWriteItems", &e.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Puts an item, whatever is there.
    pub(super) fn put_over(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.name).set_item(Some(item)).build();
        let put = put.map_err(|e| self.refused("TransactWriteItems", &e.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Deletes an item of the version seen.
    pub(super) fn delete_seen(
        &self,
        partition: &str,
        sort_key: &str,
        seen: u64,
    ) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .key(PARTITION_KEY, AttributeValue::S(partition.to_owned()))
            .key(SORT_KEY, AttributeValue::S(sort_key.to_owned()))
            .condition_expression("#version = :seen")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()))
            .build()
            .map_err(|e| self.refused("TransactWriteItems", &e.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Deletes an item, whatever is there.
    pub(super) fn delete_any(
        &self,
        partition: &str,
        sort_key: &str,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = key_of(partition, sort_key);
        let delete = Delete::builder().table_name(&self.name).set_key(Some(key)).build();
        let delete = delete.map_err(|e| self.refused("TransactWriteItems", &e.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Does all actions or none.
    pub(super) async fn transact(
        &self,
        actions: Vec<TransactWriteItem>,
    ) -> Result<Transacted, StoreError> {
        let written =
            self.client.transact_write_items().set_transact_items(Some(actions)).send().await;
        let Err(error) = written else { return Ok(Transacted::Done) };
        // The SDK repeats a throttled call, but no transaction that was cancelled for it.
        let may_be_repeated = |code: Option<&str>| match code {
            None | Some("None" | "ConditionalCheckFailed" | "TransactionConflict") => true,
            Some(code) => matches!(code, "ThrottlingError" | "ProvisionedThroughputExceeded"),
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if cancelled.cancellation_reasons().iter().all(|r| may_be_repeated(r.code())) =>
            {
                let first = cancelled.cancellation_reasons().first().and_then(|r| r.code());
                Ok(Transacted::Lost { first_failed: first == Some("ConditionalCheckFailed") })
            }
            Some(service) if service.is_transaction_in_progress_exception() => {
                Ok(Transacted::Lost { first_failed: false })
            }
            _ => Err(StoreError::of(&self.name, "TransactWriteItems", &error)),
        }
    }
}
