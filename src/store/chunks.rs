//! Bytes that are more than an item holds, in items of one partition whose sort keys begin alike.
//! They count for nothing by themselves: whoever writes them says with a header, afterwards and
//! conditionally, that they do, and keeps their hash there.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::query::key_of;
use super::{StoreError, Table};

/// The most bytes of a chunk: an item may have 400 KB, its keys and names included.
pub(super) const CHUNK_BYTES_MAX: usize = 350_000;
/// Chunks under way at once.
const CONCURRENCY: usize = 4;
const BYTES: &str = "bytes";

impl Table {
    /// Writes bytes as the chunks of a prefix that nobody else uses for other bytes.
    pub(super) async fn put_chunks(
        &self,
        partition: &str,
        prefix: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let chunks = bytes.chunks(CHUNK_BYTES_MAX).enumerate().map(|(number, chunk)| {
            let mut item = key_of(partition, &format!("{prefix}{number:06}"));
            item.insert(BYTES.to_owned(), AttributeValue::B(Blob::new(chunk)));
            self.put_item(item)
        });
        stream::iter(chunks.collect::<Vec<_>>())
            .buffer_unordered(CONCURRENCY)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }

    /// The bytes of the chunks of a prefix; fewer than were written where some are gone.
    pub(super) async fn chunks(
        &self,
        partition: &str,
        prefix: &str,
    ) -> Result<Vec<u8>, StoreError> {
        let items = self.query_prefix(partition, prefix).await?;
        let mut bytes = Vec::new();
        for item in &items {
            let chunk = item.get(BYTES).and_then(|value| value.as_b().ok());
            let chunk = chunk.ok_or_else(|| self.unreadable(item, "it holds no bytes".into()))?;
            bytes.extend_from_slice(chunk.as_ref());
        }
        Ok(bytes)
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
