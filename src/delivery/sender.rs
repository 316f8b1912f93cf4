//! Handing a mail over: what may come of it, and the two ways to do it.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::Message;
use super::outbox::Outbox;
use super::render::{RenderError, Rendered};
use super::ses::Ses;
use crate::model::{Address, Occurrence, SentFile};

/// The way something leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// A folder of files.
    Outbox,
    /// Amazon SES.
    Ses,
    /// Amazon SNS.
    Sns,
    /// A Slack webhook.
    Slack,
    /// A Microsoft Teams webhook.
    Teams,
}

impl Via {
    /// The word in the configuration and the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::Ses => "ses",
            Self::Sns => "sns",
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }

    /// Whether sending the same again changes nothing. Services have no idempotency token; in the
    /// outbox a repeat is the same file.
    #[must_use]
    pub const fn is_repeatable(self) -> bool {
        matches!(self, Self::Outbox)
    }
}

/// A mail was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The name it was given: SES's message id, or the hash in the outbox file's name.
    pub message_id: String,
}

/// A mail was not taken, or it is not known whether it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It certainly did not leave.
    #[error("{reason}")]
    Refused {
        /// Why, as far as one can act on it.
        cause: Cause,
        /// What was said, with addresses masked.
        reason: String,
    },
    /// It may have left: sending it again may be a second mail.
    #[error("{reason}")]
    Uncertain {
        /// What was said, with addresses masked.
        reason: String,
    },
}

/// Why a mail was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Too many at once: again in a moment.
    Throttled,
    /// The day's quota is used up.
    DailyQuota,
    /// The service could not be reached; nothing was written.
    Unreachable,
    /// No region is set.
    Region,
    /// No credentials, or none that are valid.
    Credentials,
    /// The credentials may not send.
    Denied,
    /// The sender's address or domain is not verified.
    SenderUnverified,
    /// The account is in the sandbox, and the recipient is not verified.
    Sandbox,
    /// Sending is paused or the account is suspended.
    AccountStopped,
    /// The recipient's address is not accepted.
    Recipient,
    /// The configuration set does not exist.
    ConfigurationSet,
    /// The mail itself is refused.
    Content,
    /// The outbox folder cannot be written.
    Folder,
    /// The secret that a channel's settings refer to cannot be had, or is no address.
    Secret,
    /// The webhook or the topic is gone, or was never there.
    Gone,
    /// A channel's own trouble, which it says that it did nothing in.
    Stumbled,
    /// Refused in words not known here.
    Other,
}

impl Cause {
    /// Whether the same mail may be taken later with nothing changed by a person.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::DailyQuota | Self::Unreachable | Self::Stumbled)
    }

    /// Whether the service as such cannot be used now, whatever the mail.
    #[must_use]
    pub const fn is_unavailable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unreachable | Self::Credentials | Self::Stumbled)
    }

    /// What to do about it; empty where the reason says all.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Throttled => {
                "it takes fewer in that time; start again, only what is missing is sent"
            }
            Self::DailyQuota => {
                "the account's 24-hour sending quota is used up; start again later, or have it raised"
            }
            Self::Unreachable => {
                "check the network, the region and AWS_ENDPOINT_URL_SESV2; then start again"
            }
            Self::Region => "set AWS_REGION, or `region` in the AWS profile",
            Self::Credentials => "give AWS credentials: a role, AWS_PROFILE, or `aws sso login`",
            Self::Denied => {
                "allow ses:SendEmail and ses:SendRawEmail on the sending identity, for a topic sns:Publish"
            }
            Self::SenderUnverified => {
                "verify the address or domain of `from` under [mail] in SES, in the region used"
            }
            Self::Sandbox => {
                "the account is in the SES sandbox: ask for production access, or verify the recipient"
            }
            Self::AccountStopped => {
                "sending is stopped for the account; see its status in the SES console"
            }
            Self::Recipient => "correct the recipient's address in the configuration",
            Self::ConfigurationSet => "correct or remove `configuration_set` under [mail]",
            Self::Folder => "make the folder of `outbox` under [mail] writable",
            Self::Secret => {
                "set what the channel's `url` refers to, and allow ssm:GetParameter or \
                 secretsmanager:GetSecretValue on it (and kms:Decrypt on its key)"
            }
            Self::Gone => "make the webhook or the topic anew, and put its address in place",
            Self::Stumbled => "it goes with the next evaluation",
            Self::Content | Self::Other => "",
        }
    }
}

/// What can be delivered: a mail, or a post for a channel. Made into bytes once, so that what is on
/// record is what left.
pub trait Draft: Clone + Send + Sync {
    /// The bytes that leave.
    type Ready: Ready;

    /// Makes it that occurrence's: its key, and whom it is to.
    fn bind(&mut self, occurrence: &Occurrence);

    /// The same, marked for a reader who may have it already.
    #[must_use]
    fn marked_as_possible_duplicate(self) -> Self;

    /// The bytes, at most so many of them.
    ///
    /// # Errors
    /// When it does not fit.
    fn render(&self, size_max: usize) -> Result<Self::Ready, RenderError>;

    /// What "now" was when it was made.
    fn date(&self) -> Timestamp;
}

/// Bytes that are about to leave.
pub trait Ready: Send + Sync {
    /// The bytes.
    fn bytes(&self) -> &[u8];

    /// Their SHA-256, in hexadecimal.
    fn sha256(&self) -> &str;

    /// The files that go with it.
    fn files(&self) -> Vec<SentFile> {
        Vec::new()
    }

    /// The names of files that did not fit; its reader is told.
    fn left_out(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What takes drafts of one kind: [`Sender`] mails, [`super::Channel`] posts.
pub trait Transport: Sync {
    /// What it takes.
    type Draft: Draft;

    /// Hands over one, in one attempt.
    ///
    /// # Errors
    /// [`SendError`] says whether it may have left.
    fn send(
        &self,
        ready: &<Self::Draft as Draft>::Ready,
    ) -> impl Future<Output = Result<Accepted, SendError>> + Send;

    /// Which way it is.
    fn via(&self) -> Via;
}

/// The ways there are.
#[derive(Clone, Debug)]
pub enum Sender {
    /// Amazon SES.
    Ses(Ses),
    /// A folder of files.
    Outbox(Outbox),
}

impl Transport for Sender {
    type Draft = Message;

    async fn send(&self, mail: &Rendered) -> Result<Accepted, SendError> {
        match self {
            Self::Ses(ses) => ses.send(mail).await,
            Self::Outbox(outbox) => outbox.send(mail).await,
        }
    }

    fn via(&self) -> Via {
        match self {
            Self::Ses(_) => Via::Ses,
            Self::Outbox(_) => Via::Outbox,
        }
    }
}

/// A text of others with every mail address in it masked: services repeat addresses in their
/// errors, and errors go to logs.
#[must_use]
pub fn masked(text: &str) -> String {
    let is_edge = |c: char| c.is_whitespace() || ",;:<>()[]\"'`".contains(c);
    text.split_inclusive(is_edge)
        .map(|token| {
            let word = token.trim_end_matches(is_edge);
            let bare = word.trim_end_matches('.');
            match bare.parse::<Address>() {
                Ok(address) => token.replacen(bare, &address.to_string(), 1),
                Err(_) => token.to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_foreign_texts_are_masked() {
        assert_eq!(
            masked("failed the check in region EU-WEST-1: Ada <ada@example.com>, eve@example.org."),
            "failed the check in region EU-WEST-1: Ada <a***@e***.com>, e***@e***.org."
        );
        assert_eq!(masked("nothing here @ all: 5xx"), "nothing here @ all: 5xx");
    }
}
