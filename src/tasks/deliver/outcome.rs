//! What came of each mail, and of all together.

use jiff::Timestamp;
use tracing::debug;

use crate::delivery::SendError;
use crate::model::{Occurrence, SentFile};
use crate::store::StoreError;

/// What came of all mails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// One row for each occurrence, in the order given.
    pub rows: Vec<DeliveryOutcome>,
}

/// What came of one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryOutcome {
    /// Which mail.
    pub occurrence: Occurrence,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was sent just now.
    Sent {
        /// SES's message id, or the hash in the outbox file's name.
        message_id: String,
        /// Its size in bytes.
        bytes: u64,
        /// SHA-256 of its bytes, in hexadecimal.
        sha256: String,
        /// Whether it was marked as a possible duplicate.
        possible_duplicate: bool,
        /// The attachments.
        files: Vec<SentFile>,
        /// The names of attachments that did not fit.
        left_out: Vec<String>,
    },
    /// It was sent before, or by somebody else meanwhile.
    AlreadySent {
        /// The `now` of the report that was sent.
        at: Timestamp,
        /// SES's message id, or the hash in the outbox file's name.
        message_id: String,
    },
    /// It did not leave. The next start tries again.
    Failed {
        /// Why.
        reason: String,
        /// What to do about it; may be empty.
        hint: String,
        /// Whether it may go with nothing changed.
        retryable: bool,
        /// Whether the cause is a service that cannot be used now, whatever the mail.
        unavailable: bool,
    },
    /// It may have left.
    Unknown {
        /// Why that is not known.
        reason: String,
    },
    /// It is never to be sent: a later one says what it had to say.
    Withdrawn {
        /// Why not.
        reason: String,
    },
    /// Somebody else holds it, for longer than one waits.
    Busy {
        /// Who.
        holder: String,
        /// Until when.
        until: Timestamp,
    },
}

/// What came of all mails together. The command line gives each its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every mail is sent, now or before: 0. So is no mail at all.
    Done,
    /// Some are not, or may not be: 4.
    Partly,
    /// None is: 1.
    Failed,
    /// None is, because AWS cannot be used: 5.
    Unavailable,
}

/// What to do about a mail that may have left, in one line.
const UNKNOWN_HINT: &str =
    "ask the recipient, then `--resend` it, or set `on_unknown = \"resend\"` under [mail]";
/// The same of alerts: they go again with whatever is told next, where it is not set otherwise.
const UNKNOWN_ALERT_HINT: &str = "ask the recipient; `runledger alerts --explain` has all of it, \
     and `on_unknown` of the channel, or under [mail], says whether it goes again";

impl Deliveries {
    /// The mails sent just now.
    #[must_use]
    pub fn sent_now(&self) -> usize {
        self.rows.iter().filter(|row| matches!(row.outcome, Outcome::Sent { .. })).count()
    }

    /// Why a mail is not sent, in words: the first that failed, else the first that may have left
    /// or is held by another start.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let failed = |outcome: &&Outcome| matches!(outcome, Outcome::Failed { .. });
        let outcomes = || self.rows.iter().map(|row| &row.outcome).filter(|one| !one.is_sent());
        match outcomes().find(failed).or_else(|| outcomes().next())? {
            Outcome::Failed { reason, .. } => Some(format!("a mail is not sent: {reason}")),
            Outcome::Unknown { reason } => Some(format!("a mail may have been sent: {reason}")),
            Outcome::Busy { holder, until } => {
                Some(format!("a mail is not sent: {holder} holds it until {until}"))
            }
            Outcome::Sent { .. } | Outcome::AlreadySent { .. } | Outcome::Withdrawn { .. } => None,
        }
    }

    /// What came of all together.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let count = |is: fn(&Outcome) -> bool| self.rows.iter().filter(|r| is(&r.outcome)).count();
        let all = self.rows.len();
        let unavailable = count(|o| matches!(o, Outcome::Failed { unavailable: true, .. }));
        if count(Outcome::is_sent) == all {
            Verdict::Done
        } else if unavailable == all {
            Verdict::Unavailable
        } else if count(|o| matches!(o, Outcome::Failed { .. })) == all {
            Verdict::Failed
        } else {
            Verdict::Partly
        }
    }
}

impl Outcome {
    /// Whether the recipient has the mail, as far as the mail service says, or is to have a later
    /// one in its place.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        matches!(self, Self::Sent { .. } | Self::AlreadySent { .. } | Self::Withdrawn { .. })
    }

    /// What to do about a mail of which this came, in one line; empty where nothing is.
    #[must_use]
    pub fn hint(&self, of: &Occurrence) -> &str {
        match self {
            Self::Failed { hint, .. } => hint,
            Self::Unknown { .. } if of.report == Occurrence::ALERTS => UNKNOWN_ALERT_HINT,
            Self::Unknown { .. } => UNKNOWN_HINT,
            Self::Busy { .. } => "start again when the other one is done",
            Self::Sent { .. } | Self::AlreadySent { .. } | Self::Withdrawn { .. } => "",
        }
    }

    /// The outcome of a mail for which the ledger failed before the call.
    pub(super) fn of_ledger(error: &StoreError) -> Self {
        Self::Failed {
            reason: error.to_string(),
            hint: error.hint().to_owned(),
            retryable: true,
            unavailable: error.is_unavailable(),
        }
    }

    /// The outcome of a failed call.
    pub(super) fn of_call(error: &SendError) -> Self {
        match error {
            SendError::Refused { cause, reason } => Self::Failed {
                reason: reason.clone(),
                hint: cause.hint().to_owned(),
                retryable: cause.is_retryable(),
                unavailable: cause.is_unavailable(),
            },
            SendError::Uncertain { reason } => Self::Unknown { reason: reason.clone() },
        }
    }
}

/// One line a mail, for whoever wants the story: what came of each mail is the command line's to
/// tell, once. Addresses mask themselves.
pub(super) fn log(occurrence: &Occurrence, outcome: &Outcome) {
    let Occurrence { report, period, edition, revision, recipient, .. } = occurrence;
    let hint = outcome.hint(occurrence);
    match outcome {
        Outcome::Sent { message_id, bytes, left_out, .. } => {
            debug!(%recipient, report, period, edition, revision, message_id, bytes, "mail sent");
            if !left_out.is_empty() {
                debug!(%recipient, ?left_out, "attachments did not fit; the mail says so");
            }
        }
        Outcome::AlreadySent { at, message_id } => {
            debug!(%recipient, report, period, edition, revision, message_id, %at, "already sent");
        }
        Outcome::Withdrawn { reason } => {
            debug!(%recipient, report, period, edition, revision, reason, "mail withdrawn");
        }
        Outcome::Failed { reason, .. } => {
            debug!(%recipient, report, period, edition, revision, reason, hint, "mail not sent");
        }
        Outcome::Unknown { reason } => {
            debug!(
                %recipient, report, period, edition, revision, reason, hint,
                "mail may have left"
            );
        }
        Outcome::Busy { holder, until } => {
            debug!(
                %recipient, report, period, edition, revision, holder, %until, hint,
                "mail is held by another start"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_counts_recipients() {
        let sent = Outcome::AlreadySent { at: Timestamp::UNIX_EPOCH, message_id: "m".into() };
        let failed = |unavailable| Outcome::Failed {
            reason: String::new(),
            hint: String::new(),
            retryable: true,
            unavailable,
        };
        let unknown = Outcome::Unknown { reason: String::new() };
        let busy = Outcome::Busy { holder: String::new(), until: Timestamp::UNIX_EPOCH };
        let all = |outcomes: &[&Outcome]| {
            let occurrence = Occurrence {
                report: "weekly".into(),
                period: "2026-W46".into(),
                edition: "all".into(),
                revision: 0,
                recipient: "ada@example.org".parse().unwrap(),
                copy: false,
            };
            let row = |outcome: &Outcome| DeliveryOutcome {
                occurrence: occurrence.clone(),
                outcome: outcome.clone(),
            };
            Deliveries { rows: outcomes.iter().map(|o| row(o)).collect() }
        };
        let verdict = |outcomes: &[&Outcome]| all(outcomes).verdict();
        let trouble = |outcomes: &[&Outcome]| all(outcomes).trouble();
        assert_eq!(verdict(&[]), Verdict::Done);
        assert_eq!(trouble(&[&sent]), None);
        let said = trouble(&[&sent, &unknown, &failed(true)]).unwrap();
        assert!(said.starts_with("a mail is not sent: "), "what failed comes first: {said}");
        assert!(trouble(&[&unknown, &busy]).unwrap().starts_with("a mail may have been sent"));
        assert_eq!(verdict(&[&sent, &sent]), Verdict::Done);
        assert_eq!(verdict(&[&sent, &failed(true)]), Verdict::Partly);
        assert_eq!(verdict(&[&failed(false), &failed(true)]), Verdict::Failed);
        assert_eq!(verdict(&[&failed(true), &failed(true)]), Verdict::Unavailable);
        assert_eq!(verdict(&[&unknown]), Verdict::Partly);
        assert_eq!(verdict(&[&failed(true), &unknown]), Verdict::Partly);
        assert_eq!(verdict(&[&busy]), Verdict::Partly);
    }
}
