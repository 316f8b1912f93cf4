//! The delivery ledger: what was sent to whom, so that nobody gets a report twice or not at all.
//!
//! Every change is one conditional write of the whole record, decided by the pure `record` and
//! conditioned on the version that was read. Records never expire. The ledger sends nothing, and
//! reads no clock: the caller says what time it is.

mod item;
#[cfg(test)]
mod races;
mod record;

use jiff::Timestamp;

use super::item::Item;
use super::query::key_of;
use super::{StoreError, Table};
use crate::delivery::Via;
use crate::model::{Occurrence, Usd};
use record::Decision;
pub use record::{Ask, End, Event, Lease, Record, SentMail, Stage};

/// How often a decision is made anew because somebody else was faster.
const TRIES_MAX: u32 = 20;

/// The ledger in a table.
#[derive(Clone, Debug)]
pub struct Ledger {
    table: Table,
}

/// What came of asking for a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    /// It is the asker's, until the lease ends.
    Yours(Held),
    /// Somebody else is at it.
    Busy(Lease),
    /// It is done.
    Sent(SentMail),
    /// It is never to be sent: a later one says what it had to say.
    Withdrawn {
        /// Why not.
        reason: String,
        /// The calls before that whose end is not known: where there are any, it may have left.
        unknown_ends: u32,
    },
    /// It may have left, and the policy is to leave it alone.
    Unknown {
        /// Why its end is not known.
        reason: String,
    },
}

/// A delivery in the asker's hands: the record as written last.
#[derive(Clone, Debug, PartialEq)]
pub struct Held(Box<Record>);

impl Held {
    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.0
    }
}

/// When a report of a period was sent, and what it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentRecord {
    /// The `now` of the first mail: what was stored later is late.
    pub first_at: Timestamp,
    /// The total that the first mail stated.
    pub first_total_usd: Usd,
    /// The newest revision that was sent.
    pub revision: u32,
    /// The total that the newest revision stated: what readers know now.
    pub total_usd: Usd,
}

/// Whether a conditional write took place.
enum Written {
    Done,
    Outrun,
}

impl Ledger {
    /// The ledger in that table; it wants the one whose writes are synced
    /// ([`super::Store::ledger_table`]).
    #[must_use]
    pub const fn new(table: Table) -> Self {
        Self { table }
    }

    /// Every record of a report for a period: all editions, recipients, revisions and copies.
    ///
    /// # Errors
    /// When DynamoDB fails, or a record cannot be read.
    pub async fn records(&self, report: &str, period: &str) -> Result<Vec<Record>, StoreError> {
        let items = self.table.query_partition(&item::partition(report, period), None).await?;
        let read = |found| item::of_item(found).map_err(|e| self.table.unreadable(found, e));
        items.iter().map(read).collect()
    }

    /// The revision that is to be delivered now: 0, or the newest restatement that was begun. A
    /// restatement is this plus one; one that was cut short is finished by sending again.
    ///
    /// # Errors
    /// As [`Self::records`].
    pub async fn revision(
        &self,
        report: &str,
        period: &str,
        edition: &str,
    ) -> Result<u32, StoreError> {
        let records = self.records(report, period).await?;
        let mails = records.iter().map(|r| &r.occurrence).filter(|o| !o.copy);
        Ok(mails.filter(|o| o.edition == edition).map(|o| o.revision).max().unwrap_or(0))
    }

    /// When that edition of the report was first sent to anybody, and which total its readers know;
    /// `None` where nobody got it. Copies do not count.
    ///
    /// # Errors
    /// As [`Self::records`].
    pub async fn sent_record(
        &self,
        report: &str,
        period: &str,
        edition: &str,
    ) -> Result<Option<SentRecord>, StoreError> {
        let records = self.records(report, period).await?;
        let counts = |r: &&Record| !r.occurrence.copy && r.occurrence.edition == edition;
        let sent: Vec<(u32, &SentMail)> = records
            .iter()
            .filter(counts)
            .filter_map(|r| Some((r.occurrence.revision, r.first_sent.as_ref()?)))
            .collect();
        let first = sent.iter().min_by_key(|(revision, mail)| (mail.at, *revision));
        let newest = sent.iter().max_by_key(|(revision, mail)| (*revision, mail.at));
        Ok(first.zip(newest).map(|((_, first), (revision, newest))| SentRecord {
            first_at: first.at,
            first_total_usd: first.total_usd,
            revision: *revision,
            total_usd: newest.total_usd,
        }))
    }

    /// Asks for a delivery: claims it where it is due and free.
    ///
    /// # Errors
    /// When DynamoDB fails, or others kept changing the record.
    pub async fn claim(
        &self,
        occurrence: &Occurrence,
        ask: &Ask,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        self.take(occurrence, |found| record::decide(occurrence, found, ask, now)).await
    }

    /// Takes a delivery back, so that nobody ever makes it: [`Claimed::Yours`] where it has not
    /// left, with [`Held::record`] saying whether it may have. The asker's `why` is its reason.
    ///
    /// # Errors
    /// As [`Self::claim`].
    pub async fn withdraw(
        &self,
        occurrence: &Occurrence,
        ask: &Ask,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        self.take(occurrence, |found| record::decide_withdrawal(occurrence, found, ask, now)).await
    }

    async fn take(
        &self,
        occurrence: &Occurrence,
        decide: impl Fn(Option<&Record>) -> Decision,
    ) -> Result<Claimed, StoreError> {
        for _ in 0..TRIES_MAX {
            let found = self.get(occurrence).await?;
            let (next, claimed) = match decide(found.as_ref()) {
                Decision::Take(next) => (next.clone(), Claimed::Yours(Held(Box::new(next)))),
                Decision::Hold { reason, write: Some(next) } => (next, Claimed::Unknown { reason }),
                Decision::Hold { reason, write: None } => return Ok(Claimed::Unknown { reason }),
                Decision::Wait(lease) => return Ok(Claimed::Busy(lease)),
                Decision::Sent(mail) => return Ok(Claimed::Sent(mail)),
                Decision::Withdrawn { reason } => {
                    let unknown_ends = found.map_or(0, |record| record.unknown_ends);
                    return Ok(Claimed::Withdrawn { reason, unknown_ends });
                }
            };
            if matches!(self.put(found.as_ref(), &next).await?, Written::Done) {
                return Ok(claimed);
            }
        }
        Err(StoreError::Contended { table: self.table.name.clone() })
    }

    /// Says that the call is about to be made: to be done right before it. `None` where somebody
    /// has taken over; then the call must not be made.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn begin(
        &self,
        held: &Held,
        ask: &Ask,
        via: Via,
        now: Timestamp,
    ) -> Result<Option<Held>, StoreError> {
        let next = held.0.sending(ask, via, now);
        Ok(match self.put(Some(&held.0), &next).await? {
            Written::Done => Some(Held(Box::new(next))),
            Written::Outrun => None,
        })
    }

    /// Puts the call's end on record, and gives the record as it is then. Where somebody has
    /// declared the end unknown meanwhile, it is known now; where somebody has claimed the delivery
    /// anew, the end is only noted, and the record's state is theirs.
    ///
    /// # Errors
    /// When DynamoDB fails, or others kept changing the record.
    pub async fn finish(
        &self,
        held: &Held,
        end: &End,
        by: &str,
        now: Timestamp,
    ) -> Result<Record, StoreError> {
        let claim = held.0.claim;
        let mut current = held.record().clone();
        for _ in 0..TRIES_MAX {
            let next = current.ended(claim, end, by, now);
            if matches!(self.put(Some(&current), &next).await?, Written::Done) {
                return Ok(next);
            }
            if let Some(found) = self.get(&current.occurrence).await? {
                current = found;
            }
        }
        Err(StoreError::Contended { table: self.table.name.clone() })
    }

    async fn get(&self, occurrence: &Occurrence) -> Result<Option<Record>, StoreError> {
        let found = self.get_item(occurrence).await?;
        let read = |found| item::of_item(&found).map_err(|e| self.table.unreadable(&found, e));
        found.map(read).transpose()
    }

    async fn get_item(&self, occurrence: &Occurrence) -> Result<Option<Item>, StoreError> {
        let partition = item::partition(&occurrence.report, &occurrence.period);
        self.table.get(key_of(&partition, &item::sort_key(occurrence))).await
    }

    /// Writes `next` if the record is still what `seen` says.
    async fn put(&self, seen: Option<&Record>, next: &Record) -> Result<Written, StoreError> {
        let new = item::to_item(next).map_err(|e| self.table.refused("PutItem", &e))?;
        // The holder's own name is in it.
        let is_put = self.table.put_version(new, seen.map(|seen| seen.version)).await?;
        Ok(if is_put { Written::Done } else { Written::Outrun })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

    use super::*;
    use crate::delivery::OnUnknown;
    use crate::store::{Store, StoreSettings};

    /// A connection that loses the answer to the first of every two writes.
    #[derive(Clone, Debug)]
    struct Lossy {
        inner: SharedHttpClient,
        writes: Arc<AtomicU32>,
    }

    #[derive(Debug)]
    struct LossyConnector {
        inner: SharedHttpConnector,
        writes: Arc<AtomicU32>,
    }

    impl HttpClient for Lossy {
        fn http_connector(
            &self,
            settings: &HttpConnectorSettings,
            components: &RuntimeComponents,
        ) -> SharedHttpConnector {
            let inner = self.inner.http_connector(settings, components);
            SharedHttpConnector::new(LossyConnector { inner, writes: Arc::clone(&self.writes) })
        }
    }

    impl HttpConnector for LossyConnector {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let loses = target.ends_with("PutItem")
                && self.writes.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
            let answer = self.inner.call(request);
            HttpConnectorFuture::new(async move {
                let answer = answer.await?;
                if loses {
                    Err(ConnectorError::io("the answer is lost".into()))
                } else {
                    Ok(answer)
                }
            })
        }
    }

    /// The SDK repeats each write and is told that the record has moved: by its own first try.
    #[tokio::test]
    async fn a_write_whose_answer_is_lost_is_known_as_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runledger.db");
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        let table = store.ledger_table();
        let inner = table.client.config().http_client().unwrap();
        let writes = Arc::new(AtomicU32::new(0));
        let lossy = Lossy { inner, writes: Arc::clone(&writes) };
        let config = table.client.config().to_builder().http_client(lossy).build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        let ledger = Ledger::new(Table::new(client, table.name.clone()));

        let occurrence = Occurrence {
            report: "weekly".into(),
            period: "2026-W46".into(),
            edition: "all".into(),
            revision: 0,
            recipient: "Ada <ada@example.org>".parse().unwrap(),
            copy: false,
        };
        let ask = Ask {
            by: "test".into(),
            holder: "one".into(),
            lease: Duration::from_secs(60),
            on_unknown: OnUnknown::Hold,
            why: "due".into(),
            again: None,
        };
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let claimed = ledger.claim(&occurrence, &ask, now).await.unwrap();
        let Claimed::Yours(held) = claimed else { panic!("{claimed:?}") };
        let held = ledger.begin(&held, &ask, Via::Ses, now).await.unwrap().expect("still ours");
        let end = End::Failed { reason: "no".into(), retryable: false };
        let record = ledger.finish(&held, &end, "test", now).await.unwrap();
        assert_eq!(record.history.len(), 3, "each transition once: {record:#?}");
        assert_eq!(writes.load(Ordering::SeqCst), 6, "each write twice");

        // What another has written is not taken for ours.
        let other = Ask { holder: "two".into(), ..ask.clone() };
        let first = ledger.claim(&occurrence, &other, now).await.unwrap();
        assert!(matches!(first, Claimed::Yours(_)));
        assert_eq!(ledger.begin(&held, &ask, Via::Ses, now).await.unwrap(), None);
    }
}
