//! Draining the event queue: what events say of runs is stored, and only then are they deleted.
//!
//! Safe to stop at any instant and to run twice at once: a message that was stored and not deleted
//! comes again and changes nothing. What cannot be read is moved to the dead letters with its
//! reason, or left to the queue's own policy, and is told either way.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::collect::Failure;
use crate::aws::AwsError;
use crate::model::{Engine, JobRun, RunIdentity};
use crate::sources::{CollectSettings, EventQueue, Message, Target, runs_of_event};
use crate::store::{Saved, Store, StoreError};

/// Messages stored at once.
const BATCH_MAX: usize = 500;

/// How long messages are gathered before they are stored: much less than the shortest visibility
/// timeout that makes sense, so that none comes again meanwhile.
const GATHER_MAX: Duration = Duration::from_secs(5);

/// How long an empty queue is waited for while more messages may be there.
const NEXT: Duration = Duration::from_secs(1);

/// Unreadable messages that are told one by one.
const TOLD_MAX: usize = 50;

/// Unreadable messages that are remembered, so as not to be told each time they come again.
const REMEMBERED_MAX: usize = 10_000;

/// What draining came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Messages received.
    pub received: u64,
    /// What storing their runs came to.
    pub saved: Saved,
    /// Messages about other things than a run, or of an engine that is not collected.
    pub about_others: u64,
    /// Messages that cannot be read, or are of an account that is not collected.
    pub poison: u64,
    /// The first of them, each with its reason.
    pub poison_told: Vec<String>,
    /// Messages that could not be deleted, and come again.
    pub undeleted: u64,
    /// The runs that were told of.
    pub named: BTreeSet<RunIdentity>,
    /// When the oldest message was sent, where any was received.
    pub oldest_sent: Option<Timestamp>,
    /// How many messages waited when it was drained, approximately; none where nobody asked, or
    /// SQS did not say.
    pub left: Option<u64>,
    /// Why the queue was not drained to its end, if it was not.
    pub failure: Option<Failure>,
}

impl Drained {
    /// Takes what a later round came to.
    pub fn add(&mut self, other: Self) {
        self.received += other.received;
        self.saved += other.saved;
        self.about_others += other.about_others;
        self.poison += other.poison;
        self.poison_told.extend(other.poison_told);
        self.poison_told.truncate(TOLD_MAX);
        self.undeleted += other.undeleted;
        self.named.extend(other.named);
        self.oldest_sent = self.oldest_sent.into_iter().chain(other.oldest_sent).min();
        self.left = other.left.or(self.left);
        self.failure = other.failure.or(self.failure.take());
    }

    fn tell(&mut self, what: String) {
        self.poison += 1;
        if self.poison_told.len() < TOLD_MAX {
            self.poison_told.push(what);
        }
    }
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Saved { new, changed, unchanged, too_old, .. } = self.saved;
        let events = self.received;
        write!(f, "{events} events: {new} runs new, {changed} changed, {unchanged} unchanged")?;
        for (count, what) in [
            (too_old, "past their retention"),
            (self.about_others, "about other things"),
            (self.poison, "unreadable"),
            (self.undeleted, "not deleted, and to come again"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        if let Some(failure) = &self.failure {
            write!(f, "; not read to the end: {}", failure.message)?;
        }
        Ok(())
    }
}

/// The queue, and what is wanted from it.
#[derive(Debug)]
pub struct Drain<'d> {
    store: &'d Store,
    queue: EventQueue,
    settings: &'d CollectSettings,
    /// The accounts that are collected.
    targets: Vec<Target>,
    /// Unreadable messages that were met and are still in the queue.
    met: BTreeSet<String>,
}

/// Messages that are not stored yet. Whoever drops them gets them again.
#[derive(Debug)]
pub struct Received {
    messages: Vec<Message>,
    trouble: Option<AwsError>,
}

impl Received {
    /// Whether there is nothing to do about it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.trouble.is_none()
    }
}

/// What one message is good for.
enum Content {
    Runs(Vec<JobRun>),
    Poison(String),
}

impl<'d> Drain<'d> {
    /// Gets ready to drain.
    #[must_use]
    pub const fn new(store: &'d Store, queue: EventQueue, settings: &'d CollectSettings) -> Self {
        Self { store, queue, settings, targets: Vec::new(), met: BTreeSet::new() }
    }

    /// Says which accounts and regions are collected: a run of another one could never be asked
    /// for, so an event of it is a mistake, or somebody's invention.
    pub fn expect(&mut self, targets: Vec<Target>) {
        self.targets = targets;
    }

    /// Drains the queue until it is empty.
    ///
    /// # Errors
    /// When the store fails. Nothing was deleted then that is not stored.
    pub async fn to_the_end(&mut self, now: Timestamp) -> Result<Drained, StoreError> {
        let mut all = Drained::default();
        loop {
            let received = self.receive(NEXT).await;
            let round = self.store(received, now).await?;
            let is_last = round.received == round.poison || round.failure.is_some();
            all.add(round);
            if is_last {
                self.look(&mut all).await;
                return Ok(all);
            }
        }
    }

    /// Notes how many messages wait. It is a figure to watch by and no more: a role that may not
    /// ask has its events all the same.
    pub async fn look(&self, drained: &mut Drained) {
        match self.queue.messages_left().await {
            Ok(left) => drained.left = Some(left),
            Err(error) => tracing::debug!(%error, "how many events wait is not known"),
        }
    }

    /// Stores what was received, deletes what is stored, and sorts out what cannot be read.
    ///
    /// # Errors
    /// When the store fails. Nothing was deleted then that is not stored.
    pub async fn store(
        &mut self,
        received: Received,
        now: Timestamp,
    ) -> Result<Drained, StoreError> {
        let Received { messages, trouble } = received;
        let mut drained = Drained {
            received: messages.len() as u64,
            oldest_sent: messages.iter().filter_map(|message| message.sent).min(),
            ..Drained::default()
        };
        let (mut runs, mut read, mut poison) = (Vec::new(), Vec::new(), Vec::new());
        for message in messages {
            match self.content(&message.body) {
                Content::Runs(told) => {
                    drained.about_others += u64::from(told.is_empty());
                    runs.extend(told);
                    read.push(message);
                }
                Content::Poison(reason) => poison.push((message, reason)),
            }
        }
        drained.named.extend(runs.iter().map(|run| run.identity.clone()));
        drained.saved = self.store.save_runs(runs, now).await?;
        // From here on nothing can be lost: what fails now comes again.
        let mut troubles: Vec<AwsError> = trouble.into_iter().collect();
        match self.queue.delete(&read).await {
            Ok(failed) => drained.undeleted = failed,
            Err(error) => {
                drained.undeleted = read.len() as u64;
                troubles.push(error);
            }
        }
        for (message, reason) in poison {
            self.bury(&message, &reason, &mut drained, &mut troubles).await;
        }
        drained.failure = troubles.first().map(Failure::of_aws);
        Ok(drained)
    }

    /// Waits for messages, at most so long, and gathers some hundreds where there are so many.
    pub async fn receive(&self, wait: Duration) -> Received {
        let (mut messages, mut wait, mut begun) = (Vec::new(), wait, None);
        while messages.len() < BATCH_MAX {
            match self.queue.receive(wait).await {
                Ok(more) if more.is_empty() => break,
                Ok(more) => messages.extend(more),
                Err(error) => return Received { messages, trouble: Some(error) },
            }
            if begun.get_or_insert_with(Instant::now).elapsed() > GATHER_MAX {
                break;
            }
            wait = NEXT;
        }
        Received { messages, trouble: None }
    }

    fn content(&self, body: &str) -> Content {
        let runs = match runs_of_event(body) {
            Ok(runs) => runs,
            Err(error) => return Content::Poison(error.to_string()),
        };
        let is_collected = |run: &JobRun| {
            let mut engines = self.settings.engines.iter().map(|service| Engine::from(*service));
            engines.any(|engine| engine == run.identity.engine)
        };
        let runs: Vec<JobRun> = runs.into_iter().filter(is_collected).collect();
        match runs.iter().find(|run| !self.is_expected(&run.identity)) {
            // Not quoted: an account that is not ours may be anything.
            Some(_) => Content::Poison(
                "an event of an account or region that `[[collect.targets]]` does not name".into(),
            ),
            None => Content::Runs(runs),
        }
    }

    fn is_expected(&self, run: &RunIdentity) -> bool {
        self.targets
            .iter()
            .any(|target| target.account == run.account && target.regions.contains(&run.region))
    }

    async fn bury(
        &mut self,
        message: &Message,
        reason: &str,
        drained: &mut Drained,
        troubles: &mut Vec<AwsError>,
    ) {
        let fate = match self.queue.bury(message, reason).await {
            Ok(true) => "moved to the dead letters",
            Ok(false) => "left in the queue to its redrive policy",
            Err(error) => {
                troubles.push(error);
                "still in the queue"
            }
        };
        if self.met.len() >= REMEMBERED_MAX {
            self.met.clear();
        }
        if self.met.insert(message.id.clone()) {
            drained.tell(format!("message {}: {reason}; {fate}", message.id));
        } else {
            drained.poison += 1;
        }
    }
}
