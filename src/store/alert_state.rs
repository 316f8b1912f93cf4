//! What is known of alerts, as one document an evaluation: its chunks first, under a word that
//! nobody else has, then one conditional write of the header, which makes it the next generation.
//! So of two evaluations one counts, and a crash leaves the generation before. What is in the
//! document is not this room's concern.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::chunks::sha256;
use super::item::{Item, VERSION};
use super::keys::{self, ALERT, PARTITION_KEY, SORT_KEY};
use super::{Store, StoreError};

const STATE: &str = "state";
const HEADER: &str = "header";
/// How often a document is read that others replace meanwhile.
const TRIES_MAX: u32 = 10;

/// What was known after an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The number of it: each is one more than the one before, from 1 on.
    pub number: u64,
    /// The document.
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    number: u64,
    /// What the chunks lie under.
    token: String,
    sha256: String,
}

impl Store {
    /// The newest generation; `None` before the first.
    ///
    /// # Errors
    /// When DynamoDB fails, or what is stored cannot be read.
    pub async fn alert_generation(&self) -> Result<Option<Generation>, StoreError> {
        let table = &self.ledger_table;
        for _ in 0..TRIES_MAX {
            let Some(header) = self.alert_header().await? else { return Ok(None) };
            let (number, prefix) = (header.number, format!("{}#", header.token));
            let bytes = table.chunks(&keys::alert_partition(number), &prefix).await?;
            if sha256(&bytes) == header.sha256 {
                return Ok(Some(Generation { number, bytes }));
            }
            // Whoever replaced it meanwhile has removed its chunks.
            if self.alert_header().await?.as_ref() == Some(&header) {
                return Err(StoreError::Unreadable {
                    table: table.name.clone(),
                    key: format!("{ALERT} / {STATE}"),
                    reason: "its chunks are not what was written".to_owned(),
                });
            }
        }
        Err(StoreError::Contended { table: table.name.clone() })
    }

    /// Writes the generation that follows that one (0: none yet). `false` where somebody else has
    /// written it meanwhile.
    ///
    /// # Errors
    /// When DynamoDB fails. It may have been written then, where the very last answer was lost.
    pub async fn put_alert_generation(&self, after: u64, bytes: &[u8]) -> Result<bool, StoreError> {
        let table = &self.ledger_table;
        let number = after + 1;
        let header = Header { number, token: keys::unique(), sha256: sha256(bytes) };
        let (partition, prefix) = (keys::alert_partition(number), format!("{}#", header.token));
        table.put_chunks(&partition, &prefix, bytes).await?;
        let item = header.item().map_err(|error| table.refused("PutItem", &error.to_string()))?;
        // The token in it is nobody else's.
        let is_ours = table.put_version(item, (after > 0).then_some(after)).await?;
        // Chunks that nobody reads do no harm: what cannot be removed now is by the next.
        let _ = self.remove_alert_chunks(number, is_ours.then_some(prefix.as_str()), &prefix).await;
        Ok(is_ours)
    }

    /// Removes the chunks of former generations and of those who lost the race; or, having lost it,
    /// one's own.
    async fn remove_alert_chunks(
        &self,
        number: u64,
        kept: Option<&str>,
        own: &str,
    ) -> Result<(), StoreError> {
        let former =
            if kept.is_some() { number.saturating_sub(2)..=number } else { number..=number };
        for generation in former {
            let partition = keys::alert_partition(generation);
            for key in self.ledger_table.sort_keys(&partition).await? {
                let is_garbage = match kept {
                    Some(kept) => !key.starts_with(kept),
                    None => key.starts_with(own),
                };
                if is_garbage {
                    self.ledger_table.delete_item(&partition, &key).await?;
                }
            }
        }
        Ok(())
    }

    async fn alert_header(&self) -> Result<Option<Header>, StoreError> {
        let items = self.ledger_table.items(ALERT, &[STATE]).await?;
        let Some(item) = items.first() else { return Ok(None) };
        let unreadable = |reason: String| self.ledger_table.unreadable(item, reason);
        let packed = item.get(HEADER).and_then(|value| value.as_s().ok());
        let packed = packed.ok_or_else(|| unreadable("no header".to_owned()))?;
        serde_json::from_str(packed).map(Some).map_err(|error| unreadable(error.to_string()))
    }
}

impl Header {
    fn item(&self) -> Result<Item, serde_json::Error> {
        Ok(HashMap::from([
            (PARTITION_KEY.to_owned(), AttributeValue::S(ALERT.to_owned())),
            (SORT_KEY.to_owned(), AttributeValue::S(STATE.to_owned())),
            (VERSION.to_owned(), AttributeValue::N(self.number.to_string())),
            (HEADER.to_owned(), AttributeValue::S(serde_json::to_string(self)?)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreSettings;
    use crate::store::chunks::CHUNK_BYTES_MAX;

    #[tokio::test]
    async fn of_those_who_write_a_generation_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runledger.db");
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        assert_eq!(store.alert_generation().await.unwrap(), None);
        for after in 0..5_u64 {
            let large: Vec<Vec<u8>> =
                (0..4_u8).map(|who| vec![who; 2 * CHUNK_BYTES_MAX + usize::from(who)]).collect();
            let writes = large.iter().map(|bytes| store.put_alert_generation(after, bytes));
            let won = futures::future::join_all(writes).await;
            let winners: Vec<usize> = (0..4).filter(|who| *won[*who].as_ref().unwrap()).collect();
            assert_eq!(winners.len(), 1, "{won:?}");
            let now = store.alert_generation().await.unwrap().unwrap();
            assert_eq!((now.number, now.bytes == large[winners[0]]), (after + 1, true));
        }
        assert!(!store.put_alert_generation(0, b"late").await.unwrap());
        // Of all that was written, the newest is left.
        for generation in 1..=5 {
            let partition = keys::alert_partition(generation);
            let left = store.ledger_table.sort_keys(&partition).await.unwrap().len();
            assert!(left == 0 || (generation == 5 && left <= 3), "{generation}: {left}");
        }
        store.put_alert_generation(5, b"").await.unwrap();
        assert_eq!(store.alert_generation().await.unwrap().unwrap().bytes, b"");
    }
}
