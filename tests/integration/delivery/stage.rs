//! What the tests of delivery share: mails that are due, ledgers to play on, a mail service that
//! counts, and a clock that is moved by waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use jiff::{SignedDuration, Timestamp};
use runledger::delivery::{
    Accepted, Attachment, Message, OnUnknown, Rendered, SendError, Transport, Via,
};
use runledger::model::{Occurrence, Usd};
use runledger::store::{Clock, Ledger, Store, StoreSettings, Table};
use runledger::tasks::deliver::{Mail, Order, Terms};

use crate::harness::dynamodb_url;

pub(super) const LEASE: Duration = Duration::from_secs(60);

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn occurrence(recipient: &str) -> Occurrence {
    Occurrence {
        report: "weekly".into(),
        period: "2026-W46".into(),
        edition: "all".into(),
        revision: 0,
        recipient: recipient.parse().unwrap(),
        copy: false,
    }
}

pub(super) fn message(recipient: &str) -> Message {
    Message {
        from: "Runledger <runledger@example.com>".parse().unwrap(),
        to: recipient.parse().unwrap(),
        reply_to: None,
        subject: "Data jobs, week 46".into(),
        text: "Cost 12.50\n".into(),
        html: "<html><body><p>Cost 12.50</p></body></html>".into(),
        attachments: vec![Attachment {
            file_name: "runs.csv".into(),
            content_type: "text/csv".into(),
            bytes: b"run,cost\n1,12.50\n".to_vec().into(),
        }],
        date: at("2026-11-16T06:00:00Z"),
        key: occurrence(recipient).key(),
    }
}

pub(super) fn mail(recipient: &str) -> Mail {
    let total_usd = "12.50".parse::<Usd>().unwrap();
    Mail { occurrence: occurrence(recipient), message: message(recipient), total_usd }
}

pub(super) fn terms(order: Order, on_unknown: OnUnknown) -> Terms {
    Terms { by: "test".into(), order, lease: LEASE, on_unknown, size_max: 20_000_000 }
}

/// A ledger of its own, and the folder that it goes with.
pub(super) struct Stage {
    pub(super) ledger: Ledger,
    _folder: tempfile::TempDir,
}

/// Where a test's ledgers are: in the embedded store, and in the DynamoDB server where there is
/// one.
pub(super) struct Tables {
    server: Option<String>,
}

impl Tables {
    /// Says aloud where a server is missing, once a test.
    pub(super) fn find() -> Self {
        Self { server: dynamodb_url() }
    }

    /// An empty ledger in each.
    pub(super) async fn empty(&self) -> Vec<Stage> {
        let mut stages = vec![embedded().await];
        if let Some(url) = &self.server {
            stages.push(served(url).await);
        }
        stages
    }
}

/// An empty ledger in the embedded store.
pub(super) async fn embedded() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runledger.db");
    let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
    Stage { ledger: Ledger::new(store.ledger_table().clone()), _folder: folder }
}

/// The SDK's configuration for a server on this machine.
pub(super) async fn sdk_config(url: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(aws_credential_types::Credentials::for_tests())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .load()
        .await
}

async fn served(url: &str) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let config = sdk_config(url).await;
    // The temporary folder's name is one that no other test has.
    let name = folder.path().file_name().unwrap().to_str().unwrap().replace('.', "delivery-");
    let table = Table::new(aws_sdk_dynamodb::Client::new(&config), name);
    table.create().await.unwrap();
    Stage { ledger: Ledger::new(table), _folder: folder }
}

/// A clock that stands still except when somebody waits.
#[derive(Clone)]
pub(super) struct TestClock(Arc<Mutex<Timestamp>>);

impl TestClock {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(at("2026-11-16T06:00:05Z"))))
    }

    pub(super) fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::try_from(span).unwrap()).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, span: Duration) {
        self.advance(span);
        tokio::task::yield_now().await;
    }
}

/// What a pretended mail service does with a mail.
#[derive(Clone, Debug)]
pub(super) enum Reaction {
    Take,
    /// The mail leaves, and the answer is lost.
    TakeInSilence,
    Refuse(runledger::delivery::Cause),
}

/// A mail service that counts the mails that leave, by the recipient's mailbox.
#[derive(Clone)]
pub(super) struct Counting {
    pub(super) via: Via,
    left: Arc<Mutex<BTreeMap<String, Vec<Rendered>>>>,
    reactions: Arc<Mutex<Vec<Reaction>>>,
}

impl Counting {
    /// Takes every mail, after it has reacted as told to the first ones.
    pub(super) fn new(via: Via, reactions: Vec<Reaction>) -> Self {
        let mut reactions = reactions;
        reactions.reverse();
        Self { via, left: Arc::default(), reactions: Arc::new(Mutex::new(reactions)) }
    }

    pub(super) fn mails_to(&self, recipient: &str) -> Vec<Rendered> {
        self.left.lock().unwrap().get(recipient).cloned().unwrap_or_default()
    }

    pub(super) fn count(&self) -> usize {
        self.left.lock().unwrap().values().map(Vec::len).sum()
    }
}

impl Transport for Counting {
    type Draft = Message;

    async fn send(&self, mail: &Rendered) -> Result<Accepted, SendError> {
        // Long enough for others to get in between, on any number of threads.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let reaction = self.reactions.lock().unwrap().pop().unwrap_or(Reaction::Take);
        if let Reaction::Refuse(cause) = reaction {
            return Err(SendError::Refused { cause, reason: "refused by the test".into() });
        }
        let mut left = self.left.lock().unwrap();
        let mails = left.entry(mail.to.mailbox().to_owned()).or_default();
        mails.push(mail.clone());
        if matches!(reaction, Reaction::TakeInSilence) {
            return Err(SendError::Uncertain { reason: "silence of the test".into() });
        }
        Ok(Accepted { message_id: format!("id-{}", mails.len()) })
    }

    fn via(&self) -> Via {
        self.via
    }
}
