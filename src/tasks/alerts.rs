//! Alerts: evaluated against what was known, committed as the next generation, and told.
//!
//! What is known and the messages that follow from it are one document, and one conditional write
//! makes it count: so of two evaluations at once one tells, and a crash before it leaves everything
//! as it was. Each message is one delivery of the ledger. Before a generation replaces another,
//! whatever of that has not left is withdrawn for good and carried over: so only the newest
//! generation's messages ever leave, what never left is told with what is new, and nothing twice.

mod after_round;
mod carry;
mod generation;
mod outlets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;

pub use self::after_round::{Alerting, AlertsTold};
use self::carry::{Carried, carried};
use self::generation::{Known, Pending};
pub use self::outlets::{LEASE, Outlets};
use super::deliver::Deliveries;
use crate::alerts::{Evaluation, Evaluator, Facts, Message};
use crate::delivery::{Draft, Message as MailMessage, Post, Transport};
use crate::model::{Occurrence, Period, StandingAlerts};
use crate::report::TemplateError;
use crate::store::{Clock, Lease, Ledger, Store, StoreError};
use crate::tables::TableError;

/// What alerts are told with.
pub struct Teller<'a, M, P, C> {
    /// Where what is known is kept.
    pub store: &'a Store,
    /// The rules, and who is told.
    pub evaluator: &'a Evaluator,
    /// The ways out.
    pub outlets: &'a Outlets<M, P>,
    /// For leases alone.
    pub clock: &'a C,
    /// Who tells, for the record.
    pub by: String,
    /// Whether anything leaves. Where nothing does, what is to be told waits for an evaluation that
    /// sends.
    pub sends: bool,
}

/// What came of telling.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What was found.
    pub evaluation: Evaluation,
    /// What became of it.
    pub telling: Telling,
}

/// What became of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Nobody was asked to tell.
    Shown,
    /// What is known stands, and what was to be told was: a row for each recipient that was due, be
    /// it from this evaluation or from an earlier one whose message had not left. None: nothing was
    /// due.
    Done(Deliveries),
    /// Another evaluation was faster, or had a later `now`: what it found is known, and this one's
    /// is not.
    Outrun,
    /// Somebody is still telling what the evaluation before found; the next one goes on from there.
    Busy(Lease),
}

/// Alerts that cannot be evaluated or told.
#[derive(Debug, thiserror::Error)]
pub enum AlertsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The table of all alerts cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// What is known cannot be read or written.
    #[error("what is known of alerts cannot be {0}")]
    State(String),
}

/// Evaluates against what is known, and writes nothing.
///
/// # Errors
/// When the store fails, or what is known cannot be read.
pub async fn look(
    store: &Store,
    evaluator: &Evaluator,
    facts: Facts,
    baseline: bool,
) -> Result<Told, AlertsError> {
    let known = Known::read(store).await?;
    let evaluation = evaluator.evaluate(facts, &known.alerts, baseline);
    Ok(Told { evaluation, telling: Telling::Shown })
}

/// The alerts that stand, as the report of a period repeats them. A report goes out without them
/// rather than not at all, and says so.
///
/// # Errors
/// When the store fails.
pub async fn standing(
    store: &Store,
    evaluator: &Evaluator,
    period: &Period,
    now: Timestamp,
) -> Result<StandingAlerts, StoreError> {
    match Known::read(store).await {
        Ok(known) => Ok(evaluator.standing(&known.alerts, period, now)),
        Err(AlertsError::Store(error)) => Err(error),
        Err(error) => Ok(StandingAlerts::unknown(error.to_string())),
    }
}

impl<M, P, C> Teller<'_, M, P, C>
where
    M: Transport<Draft = MailMessage>,
    P: Transport<Draft = Post>,
    C: Clock,
{
    /// Evaluates, commits what is known from now on, and tells what is to be told and what an
    /// earlier evaluation could not. Safe to start twice, on several machines, and after a crash.
    ///
    /// # Errors
    /// When the store fails. What is committed by then is told by the next evaluation.
    pub async fn tell(&self, facts: Facts, baseline: bool) -> Result<Told, AlertsError> {
        let known = Known::read(self.store).await?;
        let evaluation = self.evaluator.evaluate(facts, &known.alerts, baseline);
        let telling = self.settle(known, &evaluation).await?;
        Ok(Told { evaluation, telling })
    }

    async fn settle(&self, known: Known, evaluation: &Evaluation) -> Result<Telling, AlertsError> {
        if known.number > 0 && evaluation.at < known.at {
            return Ok(Telling::Outrun);
        }
        let messages = evaluation.messages();
        let ledger = Ledger::new(self.store.ledger_table().clone());
        let is_quiet = messages.is_empty() && evaluation.known == known.alerts;
        if is_quiet && !carry::is_cut_short(&ledger, &known).await? {
            let due = carry::due(&ledger, known, self.clock.now()).await?;
            return self.deliver(&ledger, due).await;
        }
        let carried = match carried(self, &ledger, &known).await? {
            Carried::Over(pending) => pending,
            Carried::Busy(lease) => return Ok(Telling::Busy(lease)),
        };
        let next = Known {
            number: known.number + 1,
            at: evaluation.at,
            alerts: evaluation.known.clone(),
            messages: joined(messages, carried, evaluation.at),
        };
        if !self.store.put_alert_generation(known.number, &next.packed()?).await? {
            return Ok(Telling::Outrun);
        }
        self.deliver(&ledger, next.into_deliveries()).await
    }

    async fn deliver(
        &self,
        ledger: &Ledger,
        due: Vec<(Occurrence, Pending)>,
    ) -> Result<Telling, AlertsError> {
        if !self.sends {
            return Ok(Telling::Done(Deliveries::default()));
        }
        self.outlets.deliver(ledger, due, &self.by, self.clock).await.map(Telling::Done)
    }
}

/// The messages of an evaluation with what earlier ones had to tell the same recipients.
fn joined(new: Vec<Message>, carried: Vec<Pending>, at: Timestamp) -> Vec<Pending> {
    let mut all: BTreeMap<String, Pending> = BTreeMap::new();
    for message in new {
        let pending = Pending { message, unknown_ends: 0 };
        all.insert(pending.message.recipient.identity(), pending);
    }
    for Pending { message: earlier, unknown_ends } in carried {
        let identity = earlier.recipient.identity();
        let nothing = || Message { recipient: earlier.recipient.clone(), at, news: Vec::new() };
        let now = all.remove(&identity).map_or_else(nothing, |pending| pending.message);
        if let Some(message) = now.carrying(earlier) {
            all.insert(identity, Pending { message, unknown_ends });
        }
    }
    all.into_values().collect()
}

/// A name that no other start shares.
fn holder(by: &str) -> String {
    let process = std::process::id();
    format!("{by} ({process}, {:016x})", RandomState::new().hash_one(process))
}

/// A draft, marked where its reader may have had a part of it.
fn marked<D: Draft>(draft: D, unknown_ends: u32) -> D {
    if unknown_ends > 0 { draft.marked_as_possible_duplicate() } else { draft }
}
