//! Delivers mails, each to its one recipient: claim, render, say so, send, record.
//!
//! The order is the promise: the ledger says SENDING before the call and how it ended after it, so
//! a crash in between leaves either nothing sent or a call whose end is UNKNOWN on record, never a
//! mail that nobody knows of. One recipient's failure does not stop the others. What a mail says is
//! not decided here.

mod attempt;
mod outcome;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

pub use self::outcome::{Deliveries, DeliveryOutcome, Outcome, Verdict};
use crate::delivery::{Draft, Message, OnUnknown, Transport};
use crate::model::{Occurrence, Usd};
use crate::store::{Ask, Clock, Ledger, StoreError};

/// A mail that is due, and what it is; or a post for a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail<D = Message> {
    /// What it counts as in the ledger. Its recipient and key replace those of the message, so that
    /// the two cannot differ.
    pub occurrence: Occurrence,
    /// The mail.
    pub message: D,
    /// The total that it states.
    pub total_usd: Usd,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send what is not yet sent.
    Send,
    /// Send again what is SENT or UNKNOWN, for a reason that goes on record.
    Resend {
        /// The reason.
        why: String,
    },
    /// Send a new revision, for a reason that goes on record. The mails' occurrences carry it.
    Restate {
        /// The reason.
        why: String,
    },
}

/// The terms of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Who sends, for the record: a person, a host.
    pub by: String,
    /// What was asked for.
    pub order: Order,
    /// How long one mail may take from claim to answer.
    pub lease: Duration,
    /// What to do about a mail that may have left.
    pub on_unknown: OnUnknown,
    /// The largest mail, in bytes.
    pub size_max: usize,
}

/// Delivers the mails, one after the other, and says of each what came of it.
///
/// Safe to start twice, on several machines, and after a crash: who is SENT is passed over, whom
/// somebody else is serving is waited for.
///
/// # Errors
/// When the ledger cannot be read at all; nothing is sent then.
pub async fn deliver<T: Transport, C: Clock>(
    ledger: &Ledger,
    transport: &T,
    mails: Vec<Mail<T::Draft>>,
    terms: &Terms,
    clock: &C,
) -> Result<Deliveries, StoreError> {
    let ask = Ask {
        by: terms.by.clone(),
        holder: holder(&terms.by),
        lease: terms.lease,
        on_unknown: terms.on_unknown,
        why: terms.order.in_words(),
        again: None,
    };
    let seen = versions_seen(ledger, &mails, &terms.order).await?;
    let mut served = HashSet::new();
    let mut rows = Vec::with_capacity(mails.len());
    for mut mail in mails {
        let key = mail.occurrence.key();
        if !served.insert(key.clone()) {
            continue;
        }
        let ask = Ask { again: seen.get(&key).copied(), ..ask.clone() };
        mail.message.bind(&mail.occurrence);
        let attempt = attempt::Attempt { ledger, transport, clock, terms, ask: &ask };
        let outcome = attempt.run(&mail).await.unwrap_or_else(|error| Outcome::of_ledger(&error));
        outcome::log(&mail.occurrence, &outcome);
        rows.push(DeliveryOutcome { occurrence: mail.occurrence, outcome });
    }
    Ok(Deliveries { rows })
}

/// What the records were when a resend was asked for. Taken once, before anything is sent: of two
/// who ask at once, the second finds the records moved on, and has what it asked for.
///
/// It is read for plain sending too: a ledger that cannot be read must be known before the first
/// mail leaves, not after it.
async fn versions_seen<D>(
    ledger: &Ledger,
    mails: &[Mail<D>],
    order: &Order,
) -> Result<HashMap<String, u64>, StoreError> {
    let mut families: Vec<(&str, &str)> = mails
        .iter()
        .map(|m| (m.occurrence.report.as_str(), m.occurrence.period.as_str()))
        .collect();
    families.sort_unstable();
    families.dedup();
    let mut seen = HashMap::new();
    for (report, period) in families {
        for record in ledger.records(report, period).await? {
            if matches!(order, Order::Resend { .. }) {
                seen.insert(record.occurrence.key(), record.version);
            }
        }
    }
    Ok(seen)
}

impl Order {
    fn in_words(&self) -> String {
        match self {
            Self::Send => "due".to_owned(),
            Self::Resend { why } => format!("resend: {why}"),
            Self::Restate { why } => format!("restate: {why}"),
        }
    }
}

/// A name that no other start shares, on this machine or another.
fn holder(by: &str) -> String {
    let process = std::process::id();
    format!("{by} ({process}, {:016x})", RandomState::new().hash_one(process))
}
