//! Writing and deleting single items, and what a refused condition means.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{Item, VERSION};
use super::keys::{PARTITION_KEY, SORT_KEY};
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

    /// Writes an item in place of the version that was seen, `None` for none; `false` where
    /// another process has written since. Whoever may race says in the item who writes it, or
    /// writes what is as good from any.
    pub(super) async fn put_version(
        &self,
        item: Item,
        seen: Option<u64>,
    ) -> Result<bool, StoreError> {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item.clone()));
        let put = match seen {
            None => put
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", PARTITION_KEY),
            Some(seen) => put
                .condition_expression("#version = :seen")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":seen", AttributeValue::N(seen.to_string())),
        };
        if self.written(put.send().await)? {
            return Ok(true);
        }
        // The SDK repeats a call whose answer was lost, and the repeat meets the first one's write:
        // what is there and equal in every member is ours.
        Ok(self.item_like(&item).await? == Some(item))
    }

    /// The item with the same keys.
    async fn item_like(&self, item: &Item) -> Result<Option<Item>, StoreError> {
        let keys = [PARTITION_KEY, SORT_KEY].map(|name| (name.to_owned(), item.get(name).cloned()));
        let keys = keys.into_iter().filter_map(|(name, value)| Some((name, value?)));
        self.get(keys.collect()).await
    }

    /// The item of these keys, as it is now.
    pub(super) async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(key));
        let answer = get.consistent_read(true).send().await;
        let answer = answer.map_err(|error| StoreError::of(&self.name, "GetItem", &error))?;
        Ok(answer.item)
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
