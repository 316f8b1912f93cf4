//! One mail's way through the ledger and out.

use std::time::Duration;

use tracing::{error, warn};

use super::outcome::Outcome;
use super::{Mail, Terms};
use crate::delivery::{Accepted, Cause, Draft, Ready, SendError, Transport, WholeCall};
use crate::store::{Ask, Claimed, Clock, End, Held, Ledger, SentMail, StoreError};

/// The first pause between two looks at a delivery that somebody else holds; each further one is
/// twice as long, up to the longest.
const WAIT_STEP: Duration = Duration::from_millis(50);
const WAIT_STEP_MAX: Duration = Duration::from_secs(2);
/// The first pause after a call that came too soon; each further one is twice as long.
const BACK_OFF: Duration = Duration::from_millis(500);
/// How often the end of a call is tried to be put on record, beyond the SDK's own retries.
const RECORD_TRIES_MAX: u32 = 4;
/// How often a claim may be lost between claiming and sending before one gives up.
const CLAIMS_MAX: u32 = 4;

type ReadyOf<T> = <<T as Transport>::Draft as Draft>::Ready;

/// All that one mail's delivery needs.
pub(super) struct Attempt<'a, T, C> {
    pub(super) ledger: &'a Ledger,
    pub(super) transport: &'a T,
    pub(super) clock: &'a C,
    pub(super) terms: &'a Terms,
    pub(super) ask: &'a Ask,
}

impl<T: Transport, C: Clock> Attempt<'_, T, C> {
    /// Delivers one mail, if it is due.
    pub(super) async fn run(&self, mail: &Mail<T::Draft>) -> Result<Outcome, StoreError> {
        for _ in 0..CLAIMS_MAX {
            // Kept to the end on record: cut before it, the mail would be held until its lease is
            // over, or UNKNOWN.
            let (claimed, _whole) = self.claim(mail).await?;
            let held = match claimed {
                Claimed::Yours(held) => held,
                Claimed::Sent(SentMail { at, message_id, .. }) => {
                    return Ok(Outcome::AlreadySent { at, message_id });
                }
                Claimed::Unknown { reason } => return Ok(Outcome::Unknown { reason }),
                Claimed::Withdrawn { reason, .. } => return Ok(Outcome::Withdrawn { reason }),
                Claimed::Busy(lease) => {
                    return Ok(Outcome::Busy { holder: lease.holder, until: lease.until });
                }
            };
            if let Some(outcome) = self.send(mail, held).await? {
                return Ok(outcome);
            }
            // The claim was lost before the call: this process stood still for a whole lease.
        }
        Ok(Outcome::Failed {
            reason: "the claim was lost again and again before the mail could be sent".to_owned(),
            hint: "this machine is too slow for the lease; raise `lease` under [mail]".to_owned(),
            retryable: true,
            unavailable: false,
        })
    }

    /// Claims the mail. Whoever holds it is waited for until the lease ends, and once more as long
    /// where they renew it.
    async fn claim(&self, mail: &Mail<T::Draft>) -> Result<(Claimed, WholeCall), StoreError> {
        let patience = self.terms.lease * 2;
        let (mut waited, mut pause) = (Duration::ZERO, WAIT_STEP);
        loop {
            let whole = WholeCall::begin().await;
            let now = self.clock.now();
            let claimed = self.ledger.claim(&mail.occurrence, self.ask, now).await?;
            let Claimed::Busy(lease) = &claimed else {
                return Ok((claimed, whole));
            };
            if waited >= patience {
                return Ok((claimed, whole));
            }
            drop(whole);
            if waited.is_zero() {
                let (recipient, holder) = (&mail.occurrence.recipient, &lease.holder);
                warn!(%recipient, holder, until = %lease.until, "waiting for another start");
            }
            let left = Duration::try_from(lease.until.duration_since(now)).unwrap_or_default();
            // A little past its end, and never not at all.
            let step = (left + Duration::from_millis(10)).min(pause);
            self.clock.sleep(step).await;
            waited += step;
            pause = (pause * 2).min(WAIT_STEP_MAX);
        }
    }

    /// Renders and sends what is held; `None` where the hold was lost before the call.
    async fn send(&self, mail: &Mail<T::Draft>, held: Held) -> Result<Option<Outcome>, StoreError> {
        let possible_duplicate = held.record().unknown_ends > 0 && !mail.occurrence.copy;
        let message = if possible_duplicate {
            mail.message.clone().marked_as_possible_duplicate()
        } else {
            mail.message.clone()
        };
        let rendered = match message.render(self.terms.size_max) {
            Ok(rendered) => rendered,
            Err(error) => {
                let reason = error.to_string();
                let end = End::Failed { reason: reason.clone(), retryable: false };
                self.record(&held, &end).await?;
                let hint = String::new();
                return Ok(Some(Outcome::Failed {
                    reason,
                    hint,
                    retryable: false,
                    unavailable: false,
                }));
            }
        };
        let Some(held) = self.begin(&held).await? else {
            return Ok(None);
        };
        let answer = self.call(&rendered, &held).await;
        let (end, outcome) = self.end_of(mail, &rendered, answer, possible_duplicate);
        if let Err(failure) = self.record(&held, &end).await {
            return Ok(Some(unrecorded(&outcome, &failure)));
        }
        Ok(Some(outcome))
    }

    /// Puts SENDING on record with enough of the lease left for a whole call: the write itself may
    /// have taken long.
    async fn begin(&self, held: &Held) -> Result<Option<Held>, StoreError> {
        let mut held = held.clone();
        for _ in 0..CLAIMS_MAX {
            let now = self.clock.now();
            let begun = self.ledger.begin(&held, self.ask, self.transport.via(), now).await?;
            let Some(begun) = begun else {
                return Ok(None);
            };
            if self.has_time(&begun) {
                return Ok(Some(begun));
            }
            held = begun;
        }
        // Nothing was sent, so the next start may try at once.
        let reason = "the ledger took longer than the lease to answer".to_owned();
        self.record(&held, &End::Failed { reason, retryable: true }).await?;
        Ok(None)
    }

    /// A call may take half the lease, so that is what must be left of it.
    fn has_time(&self, held: &Held) -> bool {
        let left = held.record().lease_until().map(|until| until.duration_since(self.clock.now()));
        left.and_then(|left| Duration::try_from(left).ok())
            .is_some_and(|left| left >= self.terms.lease / 2)
    }

    /// Calls, and calls again while the service says that it was too soon and the lease allows.
    async fn call(&self, mail: &ReadyOf<T>, held: &Held) -> Result<Accepted, SendError> {
        let mut pause = BACK_OFF;
        loop {
            let answer = self.transport.send(mail).await;
            if !matches!(&answer, Err(SendError::Refused { cause: Cause::Throttled, .. })) {
                return answer;
            }
            self.clock.sleep(pause).await;
            pause *= 2;
            if !self.has_time(held) {
                return answer;
            }
        }
    }

    fn end_of(
        &self,
        mail: &Mail<T::Draft>,
        rendered: &ReadyOf<T>,
        answer: Result<Accepted, SendError>,
        possible_duplicate: bool,
    ) -> (End, Outcome) {
        match answer {
            Ok(Accepted { message_id }) => {
                let bytes = rendered.bytes().len() as u64;
                let left_out = rendered.left_out();
                let end = End::Sent(SentMail {
                    message_id: message_id.clone(),
                    bytes,
                    sha256: rendered.sha256().to_owned(),
                    at: mail.message.date(),
                    by: self.terms.by.clone(),
                    total_usd: mail.total_usd,
                    via: self.transport.via(),
                    files: rendered.files(),
                });
                let (sha256, files) = (rendered.sha256().to_owned(), rendered.files());
                let sent = Outcome::Sent {
                    message_id,
                    bytes,
                    sha256,
                    possible_duplicate,
                    files,
                    left_out,
                };
                (end, sent)
            }
            Err(error) => {
                let end = match &error {
                    SendError::Refused { cause, reason } => {
                        End::Failed { reason: reason.clone(), retryable: cause.is_retryable() }
                    }
                    SendError::Uncertain { reason } => End::Unknown { reason: reason.clone() },
                };
                (end, Outcome::of_call(&error))
            }
        }
    }

    /// Puts a call's end on record, with patience: an end that is lost is an UNKNOWN.
    async fn record(&self, held: &Held, end: &End) -> Result<(), StoreError> {
        let mut tries = 1;
        loop {
            let now = self.clock.now();
            match self.ledger.finish(held, end, &self.terms.by, now).await {
                Ok(_) => return Ok(()),
                Err(failure) if tries >= RECORD_TRIES_MAX => return Err(failure),
                Err(_) => self.clock.sleep(BACK_OFF * 2_u32.pow(tries)).await,
            }
            tries += 1;
        }
    }
}

/// The outcome of a call whose end could not be put on record: the ledger says SENDING, and will
/// say UNKNOWN when the lease is over. The log is then the only place that knows better.
fn unrecorded(outcome: &Outcome, failure: &StoreError) -> Outcome {
    error!(%failure, ?outcome, "the end of a call could not be put on record");
    Outcome::Unknown { reason: format!("its end could not be put on record: {failure}") }
}
