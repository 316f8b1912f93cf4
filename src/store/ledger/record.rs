//! The life of one delivery, as pure transitions: who may do what to a record in which state.
//!
//! Nothing here reads or writes; `ledger` writes what these functions return, conditioned on the
//! version that they were given. A version that moved means that somebody else was faster, and
//! that the transition is to be decided anew. So the version is the fencing token: whoever was
//! taken over can write nothing more. Clocks only decide how long to wait; where two machines'
//! clocks differ, somebody is taken over early, and the token still holds.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::delivery::{OnUnknown, Via};
use crate::model::{DeliveryState, Occurrence, SentFile, Usd};

/// The events a record keeps; older ones are counted and dropped.
const HISTORY_MAX: usize = 40;
/// The sendings that a record keeps beside the first.
const SENT_AGAIN_MAX: usize = 20;
/// Characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 500;
/// After so many calls with an unknown end, `resend` leaves the mail to a person: a service whose
/// answers get lost every time would else mail the same reader at every start.
const UNKNOWN_ENDS_MAX: u32 = 3;

/// What the ledger knows of one occurrence.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What it is about.
    pub occurrence: Occurrence,
    /// How far it got.
    pub stage: Stage,
    /// Raised by each write: what conditional writes are conditioned on.
    pub version: u64,
    /// The number of claims so far; it tells one holder's call from a later one's.
    pub claim: u32,
    /// The calls begun so far.
    pub attempts: u32,
    /// The calls since the last known sending whose end is not known: where there are any, the next
    /// mail is marked as a possible duplicate.
    pub unknown_ends: u32,
    /// The first sending, whatever came later.
    pub first_sent: Option<SentMail>,
    /// The sendings after the first, oldest first; of very many the last.
    pub sent_again: Vec<SentMail>,
    /// What happened, oldest first.
    pub history: Vec<Event>,
    /// Events that no longer fit the history.
    pub history_dropped: u32,
    /// Members that a newer version wrote; kept as they are.
    pub rest: BTreeMap<String, serde_json::Value>,
}

/// How far a delivery got, with what is known at that point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "UPPERCASE")]
pub enum Stage {
    /// Somebody holds it. Nothing has left.
    Claimed(Lease),
    /// The call is about to be made, or was made.
    Sending {
        /// Who makes it, and until when.
        #[serde(flatten)]
        lease: Lease,
        /// Which way.
        via: Via,
    },
    /// It was taken.
    Sent(SentMail),
    /// It was refused.
    Failed {
        /// Why.
        reason: String,
        /// Whether it may go with nothing changed.
        retryable: bool,
    },
    /// The call's end is not known.
    Unknown {
        /// Why not.
        reason: String,
    },
    /// It did not leave and never will.
    Withdrawn {
        /// Why not.
        reason: String,
    },
}

/// A hold on a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it: a name that no other start shares.
    pub holder: String,
    /// When others may take over.
    pub until: Timestamp,
}

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentMail {
    /// The name it was given by SES, or the hash in the outbox file's.
    pub message_id: String,
    /// The mail's size.
    pub bytes: u64,
    /// SHA-256 of the mail's bytes, in hexadecimal.
    pub sha256: String,
    /// The `now` of the report: what was stored later is not in it.
    pub at: Timestamp,
    /// Who sent it.
    pub by: String,
    /// The total that it states.
    pub total_usd: Usd,
    /// Which way it left.
    pub via: Via,
    /// The files that went with it; of mails of earlier versions they are not known. The item has
    /// them beside the record, where an earlier version leaves them alone.
    #[serde(skip)]
    pub files: Vec<SentFile>,
}

/// One thing that happened to a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the real clock.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The state it led to.
    pub to: DeliveryState,
    /// Why.
    pub why: String,
}

/// Who asks for a delivery, and on what terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who, for the record: a person, a host.
    pub by: String,
    /// A name for this start that no other shares.
    pub holder: String,
    /// How long a claim holds.
    pub lease: Duration,
    /// What to do about an unknown end.
    pub on_unknown: OnUnknown,
    /// Why, for the record: `scheduled`, or what `--resend` and `--restate` were given.
    pub why: String,
    /// To send again what is SENT or UNKNOWN, the version that was seen when it was asked. A
    /// record that has moved on since was served by somebody else, perhaps by the same wish.
    pub again: Option<u64>,
}

/// What may be done for a delivery now.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// Write this record: then it is yours.
    Take(Record),
    /// Somebody else is at it, until then.
    Wait(Lease),
    /// It is done.
    Sent(SentMail),
    /// It is never to be sent.
    Withdrawn { reason: String },
    /// It may have left, and is left alone. The record is to be written first if it is new.
    Hold { reason: String, write: Option<Record> },
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was taken.
    Sent(SentMail),
    /// It was refused, or never made.
    Failed {
        /// Why.
        reason: String,
        /// Whether it may go with nothing changed.
        retryable: bool,
    },
    /// Not known.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// Decides what `ask` may do for an occurrence of which the ledger holds `found`.
pub(super) fn decide(
    occurrence: &Occurrence,
    found: Option<&Record>,
    ask: &Ask,
    now: Timestamp,
) -> Decision {
    let Some(record) = found else {
        return Decision::Take(Record::new(occurrence.clone()).claimed(ask, now, &ask.why));
    };
    let take = |why: &str| Decision::Take(record.claimed(ask, now, why));
    let asked_again = ask.again == Some(record.version) || occurrence.copy;
    match &record.stage {
        Stage::Claimed(lease) | Stage::Sending { lease, .. } if now < lease.until => {
            Decision::Wait(lease.clone())
        }
        Stage::Claimed(lease) => take(&format!("the lease of {} ran out", lease.holder)),
        Stage::Sending { lease, via } if via.is_repeatable() => {
            take(&format!("the lease of {} ran out; a repeat is the same file", lease.holder))
        }
        Stage::Sending { lease, .. } => {
            let reason = format!("{} did not come back from its call", lease.holder);
            let unknown = record.lost(ask, now, &reason);
            if asked_again || unknown.may_be_resent(ask) {
                Decision::Take(unknown.claimed(ask, now, &unknown.why_again(ask)))
            } else {
                Decision::Hold { reason, write: Some(unknown) }
            }
        }
        Stage::Sent(_) if asked_again => take(&ask.why),
        Stage::Sent(mail) => Decision::Sent(mail.clone()),
        Stage::Failed { reason, .. } => take(&format!("again after: {reason}")),
        Stage::Withdrawn { reason } => Decision::Withdrawn { reason: reason.clone() },
        Stage::Unknown { reason } => {
            if asked_again || record.may_be_resent(ask) {
                take(&record.why_again(ask))
            } else {
                Decision::Hold { reason: reason.clone(), write: None }
            }
        }
    }
}

/// Decides whether an occurrence may be taken back, so that it never leaves: wherever it might be
/// taken to be sent, and it has not been withdrawn yet.
pub(super) fn decide_withdrawal(
    occurrence: &Occurrence,
    found: Option<&Record>,
    ask: &Ask,
    now: Timestamp,
) -> Decision {
    match decide(occurrence, found, ask, now) {
        Decision::Take(claimed) => {
            let stage = Stage::Withdrawn { reason: cut(&ask.why) };
            Decision::Take(claimed.moved(stage, &ask.by, now, &ask.why))
        }
        other => other,
    }
}

impl Record {
    fn new(occurrence: Occurrence) -> Self {
        Self {
            occurrence,
            // Replaced by the claim that every new record begins with.
            stage: Stage::Failed { reason: String::new(), retryable: true },
            version: 0,
            claim: 0,
            attempts: 0,
            unknown_ends: 0,
            first_sent: None,
            sent_again: Vec::new(),
            history: Vec::new(),
            history_dropped: 0,
            rest: BTreeMap::new(),
        }
    }

    /// The state's word.
    #[must_use]
    pub const fn state(&self) -> DeliveryState {
        match self.stage {
            Stage::Claimed(_) => DeliveryState::Claimed,
            Stage::Sending { .. } => DeliveryState::Sending,
            Stage::Sent(_) => DeliveryState::Sent,
            Stage::Failed { .. } => DeliveryState::Failed,
            Stage::Unknown { .. } => DeliveryState::Unknown,
            Stage::Withdrawn { .. } => DeliveryState::Withdrawn,
        }
    }

    /// Every sending that is on record, oldest first. Earlier versions kept the first and the last.
    #[must_use]
    pub fn sendings(&self) -> Vec<&SentMail> {
        let mut sendings: Vec<&SentMail> = self.first_sent.iter().chain(&self.sent_again).collect();
        if let Stage::Sent(last) = &self.stage
            && !sendings.contains(&last)
        {
            sendings.push(last);
        }
        sendings
    }

    /// Whether its reader may have a mail of it: one was sent, or a call was begun of which it is
    /// not known how it ended.
    #[must_use]
    pub const fn may_have_left(&self) -> bool {
        let is_open = matches!(self.stage, Stage::Sending { .. } | Stage::Unknown { .. });
        is_open
            || self.unknown_ends > 0
            || self.first_sent.is_some()
            || matches!(self.stage, Stage::Sent(_))
    }

    /// When others may take over, while somebody holds it.
    #[must_use]
    pub const fn lease_until(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Claimed(lease) | Stage::Sending { lease, .. } => Some(lease.until),
            _ => None,
        }
    }

    /// The policy `resend` has its limit.
    const fn may_be_resent(&self, ask: &Ask) -> bool {
        matches!(ask.on_unknown, OnUnknown::Resend) && self.unknown_ends < UNKNOWN_ENDS_MAX
    }

    fn why_again(&self, ask: &Ask) -> String {
        if ask.again.is_some() {
            ask.why.clone()
        } else {
            "its end is unknown, and the policy is to resend".to_owned()
        }
    }

    fn claimed(&self, ask: &Ask, now: Timestamp, why: &str) -> Self {
        let lease = Lease { holder: ask.holder.clone(), until: after(now, ask.lease) };
        let mut next = self.moved(Stage::Claimed(lease), &ask.by, now, why);
        next.claim += 1;
        next
    }

    /// The holder begins its call, or renews its lease before another attempt.
    pub(super) fn sending(&self, ask: &Ask, via: Via, now: Timestamp) -> Self {
        let lease = Lease { holder: ask.holder.clone(), until: after(now, ask.lease) };
        let mut next = self.moved(Stage::Sending { lease, via }, &ask.by, now, via.as_str());
        next.attempts += 1;
        next
    }

    /// A call that nobody came back from.
    fn lost(&self, ask: &Ask, now: Timestamp, reason: &str) -> Self {
        let mut next = self.moved(Stage::Unknown { reason: cut(reason) }, &ask.by, now, reason);
        next.unknown_ends += 1;
        next
    }

    /// The end of the call of claim number `claim`.
    ///
    /// Where somebody has claimed the delivery since, a call that was taken after all still counts
    /// while theirs has not begun: it makes theirs needless, and the moved version stops it. Any
    /// other late end is only noted, for the new holder's own call decides.
    pub(super) fn ended(&self, claim: u32, end: &End, by: &str, now: Timestamp) -> Self {
        let is_current = claim == self.claim && !matches!(self.stage, Stage::Sent(_));
        let is_news = matches!(end, End::Sent(_))
            && !matches!(self.stage, Stage::Sent(_) | Stage::Sending { .. });
        if !is_current && !is_news {
            let mut next = self.clone();
            let why = format!("claim {claim} ended late: {}", end.in_words());
            next.note(self.state(), by, now, &why);
            return next;
        }
        let (stage, why) = match end {
            End::Sent(mail) => (Stage::Sent(mail.clone()), mail.message_id.clone()),
            End::Failed { reason, retryable } => {
                (Stage::Failed { reason: cut(reason), retryable: *retryable }, reason.clone())
            }
            End::Unknown { reason } => (Stage::Unknown { reason: cut(reason) }, reason.clone()),
        };
        let mut next = self.moved(stage, by, now, &why);
        match end {
            End::Sent(mail) => {
                next.unknown_ends = 0;
                if next.first_sent.is_none() {
                    next.first_sent = Some(mail.clone());
                } else {
                    next.sent_again.push(mail.clone());
                    let too_many = next.sent_again.len().saturating_sub(SENT_AGAIN_MAX);
                    next.sent_again.drain(..too_many);
                }
            }
            End::Failed { .. } => {}
            End::Unknown { .. } => next.unknown_ends += 1,
        }
        next
    }

    fn moved(&self, stage: Stage, by: &str, now: Timestamp, why: &str) -> Self {
        let mut next = self.clone();
        next.stage = stage;
        next.note(next.state(), by, now, why);
        next
    }

    fn note(&mut self, to: DeliveryState, by: &str, at: Timestamp, why: &str) {
        self.version += 1;
        self.history.push(Event { at, by: cut(by), to, why: cut(why) });
        while self.history.len() > HISTORY_MAX {
            self.history.remove(0);
            self.history_dropped += 1;
        }
    }
}

impl End {
    fn in_words(&self) -> String {
        match self {
            Self::Sent(mail) => format!("sent as {}", mail.message_id),
            Self::Failed { reason, .. } => format!("failed: {reason}"),
            Self::Unknown { reason } => format!("unknown: {reason}"),
        }
    }
}

fn after(now: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span)
        .ok()
        .and_then(|span| now.checked_add(span).ok())
        .unwrap_or(Timestamp::MAX)
}

fn cut(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}
