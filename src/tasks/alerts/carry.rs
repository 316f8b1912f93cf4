//! What a generation had to tell and has not told: what of it is due, and how it is carried into
//! the next one.

use jiff::Timestamp;

use super::generation::{Known, Pending, REPORT};
use super::{AlertsError, Teller, holder};
use crate::delivery::{Message, OnUnknown, Post, Transport};
use crate::model::{DeliveryState, Occurrence};
use crate::store::{Ask, Claimed, Clock, Lease, Ledger, Record, Stage};

/// After so many calls with an unknown end a message is left at that, as the ledger does.
const UNKNOWN_ENDS_MAX: u32 = 3;

/// What is to be told with the next generation.
pub(super) enum Carried {
    /// What has not left, and is withdrawn.
    Over(Vec<Pending>),
    /// Somebody is at it.
    Busy(Lease),
}

/// Whether an evaluation has withdrawn messages of this generation and then not replaced it: what
/// they had to say is to be carried over, whatever there is to tell.
pub(super) async fn is_cut_short(ledger: &Ledger, known: &Known) -> Result<bool, AlertsError> {
    if known.messages.is_empty() {
        return Ok(false);
    }
    let records = ledger.records(REPORT, &known.period()).await?;
    Ok(records.iter().any(|record| record.state() == DeliveryState::Withdrawn))
}

/// The messages of a generation that are to be delivered now: not those that left or may have left
/// and are held, and not those that somebody else is at.
pub(super) async fn due(
    ledger: &Ledger,
    known: Known,
    now: Timestamp,
) -> Result<Vec<(Occurrence, Pending)>, AlertsError> {
    if known.messages.is_empty() {
        return Ok(Vec::new());
    }
    let records = ledger.records(REPORT, &known.period()).await?;
    let is_due = |occurrence: &Occurrence| match record_of(&records, occurrence) {
        None => true,
        Some(record) => match record.state() {
            DeliveryState::Sent | DeliveryState::Withdrawn => false,
            DeliveryState::Unknown => record.unknown_ends < UNKNOWN_ENDS_MAX,
            DeliveryState::Failed => true,
            _ => record.lease_until().is_none_or(|until| until <= now),
        },
    };
    let mut due = known.into_deliveries();
    due.retain(|(occurrence, _)| is_due(occurrence));
    Ok(due)
}

/// Takes back what a generation had to tell and has not told, for good: whoever may still mean to
/// tell it finds it withdrawn.
pub(super) async fn carried<M, P, C>(
    teller: &Teller<'_, M, P, C>,
    ledger: &Ledger,
    known: &Known,
) -> Result<Carried, AlertsError>
where
    M: Transport<Draft = Message>,
    P: Transport<Draft = Post>,
    C: Clock,
{
    let mut over = Vec::new();
    if known.messages.is_empty() {
        return Ok(Carried::Over(over));
    }
    let records = ledger.records(REPORT, &known.period()).await?;
    let holder = holder(&teller.by);
    for pending in &known.messages {
        let occurrence = known.occurrence(&pending.message.recipient);
        let record = record_of(&records, &occurrence);
        if record.is_some_and(|record| is_lost_but_repeatable(record, teller.clock.now())) {
            // Whoever was at it may have written the file. Writing it again is the same file, and
            // then it is told, and nothing of it is told again.
            let again = vec![(occurrence.clone(), pending.clone())];
            let done = teller.outlets.deliver(ledger, again, &teller.by, teller.clock).await?;
            if done.rows.iter().all(|row| row.outcome.is_sent()) {
                continue;
            }
        }
        let (lease, on_unknown) = teller.outlets.terms(&occurrence.recipient);
        let ask = Ask {
            by: teller.by.clone(),
            holder: holder.clone(),
            lease,
            on_unknown,
            why: "carried over into a later evaluation's message".to_owned(),
            again: None,
        };
        let unknown_ends = match ledger.withdraw(&occurrence, &ask, teller.clock.now()).await? {
            Claimed::Yours(held) => held.record().unknown_ends,
            Claimed::Withdrawn { unknown_ends, .. } => unknown_ends,
            Claimed::Sent(_) | Claimed::Unknown { .. } => continue,
            Claimed::Busy(lease) => return Ok(Carried::Busy(lease)),
        };
        let unknown_ends = pending.unknown_ends + unknown_ends;
        // A channel that the configuration no longer has is not told any more.
        if !teller.outlets.leads_to(&occurrence.recipient) {
            continue;
        }
        if on_unknown == OnUnknown::Hold || unknown_ends < UNKNOWN_ENDS_MAX {
            over.push(Pending { message: pending.message.clone(), unknown_ends });
        }
    }
    Ok(Carried::Over(over))
}

fn record_of<'r>(records: &'r [Record], occurrence: &Occurrence) -> Option<&'r Record> {
    let key = occurrence.key();
    records.iter().find(|record| record.occurrence.key() == key)
}

fn is_lost_but_repeatable(record: &Record, now: Timestamp) -> bool {
    let Stage::Sending { lease, via } = &record.stage else { return false };
    via.is_repeatable() && lease.until <= now
}
