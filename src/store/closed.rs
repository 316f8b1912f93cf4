//! Closed months: parts that are written first, in chunks, and one header that makes them count.
//!
//! The parts of a closing lie under its digest, so two closings at once never touch each other's;
//! the header is one conditional write, so one of them wins and a crash leaves the month open or
//! closed, never half. Nothing here expires or is ever overwritten. What is in the parts is not
//! this room's concern.
//!
//! | what | partition key | sort key |
//! |---|---|---|
//! | the header | `CLOSED` | the month |
//! | a chunk | `CLOSED#<month>` | `<digest>#<part>#<number>` |

#[cfg(test)]
mod crashes;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chunks::sha256;
use super::item::Item;
use super::keys::{self, CLOSED, PARTITION_KEY, SORT_KEY};
use super::{Store, StoreError};

const HEADER: &str = "header";

/// A month to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthToClose {
    /// The UTC month: `2026-10`.
    pub month: String,
    /// When, by whom, and why before its bill was final.
    pub closed: ClosedBy,
    /// What is kept, by name.
    pub parts: BTreeMap<String, Vec<u8>>,
}

/// How a month was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedBy {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why before the bill was final, where it was.
    pub forced_because: Option<String>,
}

/// A closed month: its header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedMonth {
    /// The UTC month.
    pub month: String,
    /// How it was closed.
    pub closed: ClosedBy,
    /// SHA-256 over all parts: what their chunks lie under.
    digest: String,
    parts: BTreeMap<String, Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    bytes: usize,
    sha256: String,
}

/// What came of closing a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosingOutcome {
    /// It is closed now.
    Done(ClosedMonth),
    /// It was closed already, by whoever the header says.
    Already(ClosedMonth),
}

impl Store {
    /// The closed months, in their order.
    ///
    /// # Errors
    /// When DynamoDB fails or a header cannot be read.
    pub async fn closed_months(&self) -> Result<Vec<ClosedMonth>, StoreError> {
        let items = self.ledger_table.query_partition(CLOSED, None).await?;
        items.iter().map(|item| self.closed_header(item)).collect()
    }

    /// Closes a month, unless it is closed.
    ///
    /// # Errors
    /// When DynamoDB fails. The month is open then, or, where the very last answer was lost,
    /// closed: closing it again tells.
    pub async fn close_month(&self, to_close: &MonthToClose) -> Result<ClosingOutcome, StoreError> {
        let header = header_of(to_close);
        if let Some(found) = self.closed_month(&to_close.month).await? {
            return Ok(ClosingOutcome::Already(found));
        }
        self.write_chunks(&header, to_close).await?;
        let item = header_item(&header)
            .map_err(|error| self.ledger_table.refused("PutItem", &error.to_string()))?;
        let outcome = if self.ledger_table.put_new(item).await? {
            ClosingOutcome::Done(header.clone())
        } else {
            // Somebody was faster; or the SDK repeated the write, and the first one was ours.
            match self.closed_month(&to_close.month).await? {
                Some(found) if found == header => ClosingOutcome::Done(found),
                Some(found) => ClosingOutcome::Already(found),
                None => {
                    return Err(StoreError::Contended { table: self.ledger_table.name.clone() });
                }
            }
        };
        let (ClosingOutcome::Done(kept) | ClosingOutcome::Already(kept)) = &outcome;
        self.remove_other_chunks(kept).await?;
        Ok(outcome)
    }

    /// The header of a closed month; `None` while it is open.
    ///
    /// # Errors
    /// When DynamoDB fails or the header cannot be read.
    pub async fn closed_month(&self, month: &str) -> Result<Option<ClosedMonth>, StoreError> {
        let items = self.ledger_table.items(CLOSED, &[month]).await?;
        items.first().map(|item| self.closed_header(item)).transpose()
    }

    /// A part of a closed month, as it was written; `None` where it has no such part.
    ///
    /// # Errors
    /// When DynamoDB fails, or the part is not what was written.
    pub async fn closed_part(
        &self,
        month: &ClosedMonth,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(part) = month.parts.get(name) else { return Ok(None) };
        let partition = keys::closed_partition(&month.month);
        let prefix = format!("{}#{name}#", month.digest);
        let bytes = self.ledger_table.chunks(&partition, &prefix).await?;
        if sha256(&bytes) == part.sha256 {
            Ok(Some(bytes))
        } else {
            Err(StoreError::Unreadable {
                table: self.ledger_table.name.clone(),
                key: format!("{partition} / {prefix}"),
                reason: "its chunks are not what was written".to_owned(),
            })
        }
    }

    async fn write_chunks(
        &self,
        header: &ClosedMonth,
        to_close: &MonthToClose,
    ) -> Result<(), StoreError> {
        let partition = keys::closed_partition(&header.month);
        for (name, bytes) in &to_close.parts {
            let prefix = format!("{}#{name}#", header.digest);
            self.ledger_table.put_chunks(&partition, &prefix, bytes).await?;
        }
        Ok(())
    }

    /// Removes what closings left that lost the race, or were cut short before their header.
    async fn remove_other_chunks(&self, kept: &ClosedMonth) -> Result<(), StoreError> {
        let partition = keys::closed_partition(&kept.month);
        for key in self.ledger_table.sort_keys(&partition).await? {
            if !key.starts_with(&format!("{}#", kept.digest)) {
                self.ledger_table.delete_item(&partition, &key).await?;
            }
        }
        Ok(())
    }

    fn closed_header(&self, item: &Item) -> Result<ClosedMonth, StoreError> {
        let packed = item.get(HEADER).and_then(|value| value.as_s().ok());
        let read = packed.map(|packed| serde_json::from_str(packed));
        match read {
            Some(Ok(header)) => Ok(header),
            Some(Err(error)) => Err(self.ledger_table.unreadable(item, error.to_string())),
            None => Err(self.ledger_table.unreadable(item, "no header".into())),
        }
    }
}

fn header_of(to_close: &MonthToClose) -> ClosedMonth {
    let part = |(name, bytes): (&String, &Vec<u8>)| {
        (name.clone(), Part { bytes: bytes.len(), sha256: sha256(bytes) })
    };
    let parts: BTreeMap<String, Part> = to_close.parts.iter().map(part).collect();
    let mut all = Sha256::new();
    for (name, part) in &parts {
        all.update(format!("{name} {} {}\n", part.bytes, part.sha256));
    }
    ClosedMonth {
        month: to_close.month.clone(),
        closed: to_close.closed.clone(),
        digest: format!("{:x}", all.finalize()),
        parts,
    }
}

fn header_item(header: &ClosedMonth) -> Result<Item, serde_json::Error> {
    let mut item: Item = HashMap::from([
        (PARTITION_KEY.to_owned(), AttributeValue::S(CLOSED.to_owned())),
        (SORT_KEY.to_owned(), AttributeValue::S(header.month.clone())),
    ]);
    item.insert(HEADER.to_owned(), AttributeValue::S(serde_json::to_string(header)?));
    Ok(item)
}
