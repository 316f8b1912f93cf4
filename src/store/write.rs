//! Writing and deleting single items, and what a refused condition means.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};

use super::item::Item;
use super::keys::PARTITION_KEY;
use super::query::key_of;
use super::{StoreError, Table};

impl Table {
    /// Writes an item where there is none of its keys; `false` where there is.
    pub(super) async fn put_new(&self, item: Item) -> Result<bool, StoreError> {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let put = put
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PARTITION_KEY);
        self.written(put.send().await)
    }

    /// Whether a conditional write took place.
    pub(super) fn written(
        &self,
        answer: Result<PutItemOutput, SdkError<PutItemError>>,
    ) -> Result<bool, StoreError> {
        match answer {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(StoreError::of(&self.name, "PutItem", &error)),
        }
    }

    /// Deletes the item of these keys, if there is one.
    pub(super) async fn delete_item(&self, partition: &str, key: &str) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(key_of(partition, key)))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of(&self.name, "DeleteItem", &error))
    }
}
