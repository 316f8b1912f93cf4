//! What is known of alerts after an evaluation, and the messages that follow from it, as one
//! document: JSON, packed. A message refers to the alerts that are known, so that what many
//! recipients are told is stored once.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AlertsError;
use crate::alerts::{Finding, Known as KnownAlert, Message, News, Notice};
use crate::model::{Occurrence, Recipient};
use crate::store::Store;

/// The report's name in the delivery ledger.
pub(super) const REPORT: &str = Occurrence::ALERTS;
/// Raised when an older version could not read what is written.
const FORMAT: u32 = 1;
const BUFFER_BYTES: usize = 65_536;

/// What is known after an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    /// The generation; 0 before the first.
    pub(super) number: u64,
    /// What "now" was.
    pub(super) at: Timestamp,
    /// The alerts, by fingerprint.
    pub(super) alerts: BTreeMap<String, KnownAlert>,
    /// What was to be told.
    pub(super) messages: Vec<Pending>,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pending {
    pub(super) message: Message,
    /// How many calls that may have told a part of it have an unknown end.
    pub(super) unknown_ends: u32,
}

#[derive(Serialize, Deserialize)]
struct Document<A, N> {
    format: u32,
    at: Timestamp,
    alerts: A,
    messages: Vec<StoredMessage<N>>,
}

#[derive(Serialize, Deserialize)]
struct StoredMessage<N> {
    recipient: Recipient,
    #[serde(default)]
    unknown_ends: u32,
    news: Vec<N>,
}

/// News whose finding is that of the known alert where it says none.
#[derive(Serialize, Deserialize)]
struct StoredNews<F> {
    notice: Notice,
    fingerprint: String,
    opened_at: Timestamp,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    finding: Option<F>,
}

const fn none<T>() -> Option<T> {
    None
}

impl Known {
    /// The newest generation.
    pub(super) async fn read(store: &Store) -> Result<Self, AlertsError> {
        match store.alert_generation().await? {
            None => Ok(Self::default()),
            Some(generation) => Self::unpacked(generation.number, &generation.bytes),
        }
    }

    /// The document's bytes.
    pub(super) fn packed(&self) -> Result<Vec<u8>, AlertsError> {
        let messages = self.messages.iter().map(|pending| StoredMessage {
            recipient: pending.message.recipient.clone(),
            unknown_ends: pending.unknown_ends,
            news: pending.message.news.iter().map(|news| self.stored(news)).collect(),
        });
        let messages = messages.collect();
        let document = Document { format: FORMAT, at: self.at, alerts: &self.alerts, messages };
        let packer = GzEncoder::new(Vec::new(), Compression::fast());
        // JSON comes in pieces of a few bytes, and each would be a call of the packer.
        let mut packer = BufWriter::with_capacity(BUFFER_BYTES, packer);
        let failed =
            |error: &dyn std::fmt::Display| AlertsError::State(format!("written: {error}"));
        serde_json::to_writer(&mut packer, &document).map_err(|error| failed(&error))?;
        let packer = packer.into_inner().map_err(|error| failed(&error))?;
        packer.finish().map_err(|error| failed(&error))
    }

    fn stored<'n>(&self, news: &'n News) -> StoredNews<&'n Finding> {
        let known = self.alerts.get(&news.fingerprint);
        let is_known = known.is_some_and(|known| known.finding == news.finding);
        StoredNews {
            notice: news.notice,
            fingerprint: news.fingerprint.clone(),
            opened_at: news.opened_at,
            finding: (!is_known).then_some(&*news.finding),
        }
    }

    pub(super) fn unpacked(number: u64, bytes: &[u8]) -> Result<Self, AlertsError> {
        let failed = |why: String| AlertsError::State(format!("read: {why}"));
        let reader = std::io::BufReader::with_capacity(BUFFER_BYTES, GzDecoder::new(bytes));
        let document: Document<BTreeMap<String, KnownAlert>, StoredNews<Finding>> =
            serde_json::from_reader(reader).map_err(|error| failed(error.to_string()))?;
        let Document { format, at, alerts, messages: stored } = document;
        if format != FORMAT {
            return Err(failed(format!("format {format} is a newer version's: upgrade")));
        }
        let mut messages = Vec::with_capacity(stored.len());
        for StoredMessage { recipient, unknown_ends, news: stored } in stored {
            let mut news = Vec::with_capacity(stored.len());
            for StoredNews { notice, fingerprint, opened_at, finding } in stored {
                let known = || alerts.get(&fingerprint).map(|known| Arc::clone(&known.finding));
                let finding = finding.map(Arc::new).or_else(known);
                let finding = finding.ok_or_else(|| failed("news of nothing known".to_owned()))?;
                news.push(News { notice, fingerprint, opened_at, finding });
            }
            messages.push(Pending { message: Message { recipient, at, news }, unknown_ends });
        }
        Ok(Self { number, at, alerts, messages })
    }

    /// Its messages, each with what it counts as. They may be large, so they are not copied.
    pub(super) fn into_deliveries(mut self) -> Vec<(Occurrence, Pending)> {
        let messages = std::mem::take(&mut self.messages).into_iter();
        messages.map(|pending| (self.occurrence(&pending.message.recipient), pending)).collect()
    }

    /// What a message of it counts as. The generation is part of its period: two evaluations may
    /// have had the same `now`.
    pub(super) fn occurrence(&self, recipient: &Recipient) -> Occurrence {
        Occurrence {
            report: REPORT.to_owned(),
            period: self.period(),
            edition: Occurrence::WHOLE_COMPANY.to_owned(),
            revision: 0,
            recipient: recipient.clone(),
            copy: false,
        }
    }

    /// The period's name in the ledger.
    pub(super) fn period(&self) -> String {
        format!("{}.{}", self.at.strftime("%Y-%m-%dT%H:%M:%SZ"), self.number)
    }
}
