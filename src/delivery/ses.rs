//! Amazon SES v2: one raw mail to one recipient, in one attempt, and what its answer means.
//!
//! `SendEmail` has no idempotency token, so the SDK must not retry by itself: only the ledger
//! knows whether a second attempt is a second mail. Retrying after a refusal is the caller's.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::http::HttpResponse;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, RawMessage};

use super::render::Rendered;
use super::sender::{Accepted, Cause, SendError, masked};
use super::transmitted::{Transmitted, in_words, is_refusal, is_refused_connection};

const CONNECT_SECONDS_MAX: u64 = 5;

/// Amazon SES in one region.
#[derive(Clone, Debug)]
pub struct Ses {
    client: Client,
    configuration_set: Option<String>,
}

impl Ses {
    /// SES with the SDK's shared configuration. A call may take half the lease, so that its answer
    /// is on record before anybody takes over.
    #[must_use]
    pub fn new(shared: &SdkConfig, configuration_set: Option<String>, lease: Duration) -> Self {
        let limit = lease / 2;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(limit.min(Duration::from_secs(CONNECT_SECONDS_MAX)))
            .operation_timeout(limit)
            .build();
        let config = aws_sdk_sesv2::config::Builder::from(shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self { client: Client::from_conf(config), configuration_set }
    }

    /// Hands the mail's bytes to SES, for its one recipient.
    ///
    /// # Errors
    /// [`SendError::Refused`] where SES or the network said no before the mail could leave,
    /// [`SendError::Uncertain`] where the answer was lost or is a failure of SES's own.
    pub async fn send(&self, mail: &Rendered) -> Result<Accepted, SendError> {
        let refused = |error: &dyn Error| SendError::Refused {
            cause: Cause::Content,
            reason: masked(&error.to_string()),
        };
        let raw = RawMessage::builder()
            .data(Blob::new(mail.bytes.clone()))
            .build()
            .map_err(|error| refused(&error))?;
        let transmitted = Transmitted::default();
        let answer = self
            .client
            .send_email()
            .from_email_address(mail.from.mailbox())
            // Not left to the To header: what is in the mail must not decide who gets it.
            .destination(Destination::builder().to_addresses(mail.to.mailbox()).build())
            .content(EmailContent::builder().raw(raw).build())
            .set_configuration_set_name(self.configuration_set.clone())
            .customize()
            .interceptor(transmitted.clone())
            .send()
            .await;
        match answer {
            Ok(output) => Ok(Accepted { message_id: output.message_id.unwrap_or_default() }),
            Err(error) if !transmitted.has_begun() => Err(SendError::Refused {
                cause: self.cause_before_transmission(&error),
                reason: masked(&in_words(&error)),
            }),
            Err(error) => Err(classified(&error, mail.to.mailbox())),
        }
    }

    fn cause_before_transmission(&self, error: &Failure) -> Cause {
        if self.client.config().region().is_none() {
            return Cause::Region;
        }
        cause_in_chain(error)
    }
}

type Failure = SdkError<SendEmailError, HttpResponse>;

/// What a failed call means for the mail.
fn classified(error: &Failure, recipient: &str) -> SendError {
    let reason = || masked(&in_words(error));
    match error {
        // No connection to write it to.
        SdkError::DispatchFailure(_) if cause_in_chain(error) == Cause::Unreachable => {
            SendError::Refused { cause: Cause::Unreachable, reason: reason() }
        }
        SdkError::ServiceError(answer) if is_refusal(answer.raw().status().as_u16()) => {
            let code = answer.err().code().unwrap_or_default();
            let message = answer.err().message().unwrap_or_default();
            SendError::Refused {
                cause: cause_of(answer.raw().status().as_u16(), code, message, recipient),
                reason: format!("SES answered {code}: {}", masked(message)),
            }
        }
        // Taken, perhaps, in words that cannot be read.
        SdkError::ServiceError(answer) if answer.raw().status().is_success() => {
            SendError::Uncertain { reason: format!("SES answered nonsense: {}", reason()) }
        }
        SdkError::ServiceError(answer) => SendError::Uncertain {
            reason: format!(
                "SES answered {} {}: {}",
                answer.raw().status().as_u16(),
                answer.err().code().unwrap_or("without a code"),
                masked(answer.err().message().unwrap_or("and without a word"))
            ),
        },
        SdkError::ResponseError(answer) if is_refusal(answer.raw().status().as_u16()) => {
            SendError::Refused { cause: Cause::Other, reason: reason() }
        }
        _ => SendError::Uncertain { reason: reason() },
    }
}

fn cause_in_chain(error: &Failure) -> Cause {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = source {
        if current.is::<CredentialsError>() {
            return Cause::Credentials;
        }
        if is_refused_connection(current) {
            return Cause::Unreachable;
        }
        source = current.source();
    }
    Cause::Other
}

/// The cause behind a refusal, from its code and, where SES uses one code for many causes, from
/// the words that its developer guide lists for it.
fn cause_of(status: u16, code: &str, message: &str, recipient: &str) -> Cause {
    let says = |words: &str| message.to_ascii_lowercase().contains(words);
    match code {
        _ if says("daily") && says("quota") => Cause::DailyQuota,
        "LimitExceededException" => Cause::DailyQuota,
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" => Cause::Throttled,
        "AccountSuspendedException" | "SendingPausedException" => Cause::AccountStopped,
        "MailFromDomainNotVerifiedException" => Cause::SenderUnverified,
        "MessageRejected" if says("not verified") => {
            // SES lists every address that failed. A recipient among them means the sandbox:
            // outside of it only senders are checked.
            if says(&recipient.to_ascii_lowercase()) {
                Cause::Sandbox
            } else {
                Cause::SenderUnverified
            }
        }
        "MessageRejected" if says("paused") || says("disabled") => Cause::AccountStopped,
        "MessageRejected" if says("blacklist") => Cause::Recipient,
        "BadRequestException" if says("address") || says("domain") => Cause::Recipient,
        "NotFoundException" => Cause::ConfigurationSet,
        "AccessDeniedException" | "AccessDenied" => Cause::Denied,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException" => Cause::Credentials,
        "MessageRejected" | "BadRequestException" => Cause::Content,
        _ if status == 429 => Cause::Throttled,
        _ if status == 413 => Cause::Content,
        _ => Cause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are those of the developer guide, "Amazon SES email sending errors".
    #[test]
    fn causes_of_refusals() {
        let cause = |code, message| cause_of(400, code, message, "ada@example.org");
        let unverified = "Email address is not verified. The following identities failed the \
                          check in region US-EAST-1: runledger@example.com";
        assert_eq!(cause("MessageRejected", unverified), Cause::SenderUnverified);
        let both = format!("{unverified}, Ada@example.org");
        assert_eq!(cause("MessageRejected", &both), Cause::Sandbox);
        assert_eq!(
            cause("MessageRejected", "Sending paused for this account."),
            Cause::AccountStopped
        );
        assert_eq!(cause("BadRequestException", "Illegal address"), Cause::Recipient);
        assert_eq!(
            cause("TooManyRequestsException", "Maximum sending rate exceeded."),
            Cause::Throttled
        );
        assert_eq!(
            cause("TooManyRequestsException", "Daily message quota exceeded"),
            Cause::DailyQuota
        );
        assert_eq!(cause("AccessDeniedException", "not authorized"), Cause::Denied);
        assert_eq!(cause("ExpiredTokenException", "expired"), Cause::Credentials);
        assert_eq!(cause("NotFoundException", "Configuration set x"), Cause::ConfigurationSet);
        assert_eq!(cause_of(429, "", "", "x"), Cause::Throttled);
        assert_eq!(cause("Teapot", "short and stout"), Cause::Other);
    }
}
