//! What an AWS error means to whoever reads it: one small set of troubles for every service, each
//! with what to do about it.

use std::error::Error;
use std::fmt::Write;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The longest message that is kept. Some services answer with whole pages.
const MESSAGE_CHARS_MAX: usize = 500;

/// What kind of trouble a call to AWS met, after every retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Still throttled after every retry.
    Throttled,
    /// The credentials are good, and may not do this.
    AccessDenied,
    /// There are no credentials, or AWS does not take them.
    NoCredentials,
    /// No answer: no route, refused, timed out, or the service is failing.
    Unreachable,
    /// What was asked for does not exist.
    NotFound,
    /// Something answered that is not AWS, or not all of its answer came.
    Garbled,
    /// Anything else.
    Other,
}

impl Trouble {
    /// What to do about it, as a sentence without its period.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Throttled => {
                "AWS kept throttling; start again later, or lower `concurrency` under `[collect]`"
            }
            Self::AccessDenied => {
                "allow the role the call that is named above; collecting needs reading calls alone"
            }
            Self::NoCredentials => {
                "set AWS_PROFILE, or give the machine or container a role, and look whether the \
                 credentials have expired (`aws sts get-caller-identity`)"
            }
            Self::Unreachable => {
                "check the network, the region's name, and AWS_ENDPOINT_URL* if one is set"
            }
            Self::NotFound => "look whether it was deleted, and whether the region is right",
            Self::Garbled => {
                "start it again; if it stays, look what answers in AWS's stead: a proxy, a login \
                 page, a wrong AWS_ENDPOINT_URL*"
            }
            Self::Other => "the message above is AWS's own",
        }
    }

    /// The trouble that a service's error code stands for, if the code is one of those that all
    /// services share. The lists are those of the SDKs and of AWS's page "Common errors".
    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "SlowDown"
            | "RequestLimitExceeded"
            | "ProvisionedThroughputExceededException"
            | "LimitExceededException"
            | "RequestThrottled"
            | "BandwidthLimitExceeded" => Self::Throttled,
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "NotAuthorized"
            | "OptInRequired" => Self::AccessDenied,
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "RequestExpired" => Self::NoCredentials,
            "EntityNotFoundException"
            | "ResourceNotFoundException"
            | "NoSuchResourceException"
            | "NotFoundException" => Self::NotFound,
            "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "InternalFailure"
            | "InternalServerError"
            | "InternalServerException"
            | "InternalServiceException"
            | "OperationTimeoutException"
            | "RequestTimeoutException" => Self::Unreachable,
            _ => return None,
        })
    }
}

/// A call to AWS that failed, after every retry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {message}")]
pub struct AwsError {
    /// What was asked, of which service.
    pub action: String,
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// The service's words, or the connection's. Hostile text, of bounded length.
    pub message: String,
}

impl AwsError {
    /// What the SDK's error means.
    #[must_use]
    pub fn new<E>(action: impl Into<String>, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let action = action.into();
        match error {
            // AWS says that all is well, in words that it does not write.
            SdkError::ServiceError(context) if context.raw().status().is_success() => {
                Self::garbled(action, context.err())
            }
            SdkError::ServiceError(context) => {
                let (code, message) = (context.err().code(), context.err().message());
                let status = context.raw().status();
                let trouble = code.and_then(Trouble::of_code).unwrap_or(match status.as_u16() {
                    429 => Trouble::Throttled,
                    500.. => Trouble::Unreachable,
                    _ => Trouble::Other,
                });
                let code = code.map_or_else(|| format!("HTTP {}", status.as_u16()), str::to_owned);
                let text = message.map_or_else(|| code.clone(), |text| format!("{code}: {text}"));
                Self { action, trouble, message: bounded(&text) }
            }
            SdkError::TimeoutError(_) => {
                let message = "no answer in time".to_owned();
                Self { action, trouble: Trouble::Unreachable, message }
            }
            SdkError::ResponseError(_) => match Self::chain(action, error) {
                Self { action, trouble: Trouble::Other, .. } => Self::garbled(action, error),
                broken => broken,
            },
            other => Self::chain(action, other),
        }
    }

    /// An answer that is none.
    fn garbled(action: String, error: &(dyn Error + 'static)) -> Self {
        // Only the first cause speaks of the answer, the others of the SDK's own parts.
        let mut first = error;
        while let Some(cause) = first.source() {
            first = cause;
        }
        let message = bounded(&format!("an answer that cannot be read: {first}"));
        Self { action, trouble: Trouble::Garbled, message }
    }

    /// What an error means that is not a service's answer: the causes are looked through for
    /// missing credentials and for a role that could not be assumed.
    #[must_use]
    pub(super) fn chain(action: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        let action = action.into();
        let mut trouble = None;
        let mut message = error.to_string();
        let mut found_none = false;
        let mut cause = Some(error);
        while let Some(link) = cause {
            // Only an answer of STS is told in its stead: its other errors have causes of their
            // own, which are links of this chain.
            match link.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>() {
                Some(refused @ SdkError::ServiceError(_)) => return Self::new(action, refused),
                // What comes before in the chain says that there are no credentials, for that.
                Some(unanswered) if got_no_answer(unanswered) => {
                    trouble = Some(Trouble::Unreachable);
                }
                _ => trouble = trouble.or_else(|| trouble_of_link(link)),
            }
            found_none |= matches!(
                link.downcast_ref::<CredentialsError>(),
                Some(CredentialsError::CredentialsNotLoaded(_))
            );
            let text = link.to_string();
            if !message.contains(&text) {
                let _ = write!(message, ": {text}");
            }
            cause = link.source();
        }
        if found_none {
            // The SDK's own words list every place with its reason, on a page of lines.
            message = "no AWS credentials in the environment, in a profile, or of a role that \
                       the machine or container has"
                .to_owned();
        }
        let trouble = trouble.unwrap_or(Trouble::Other);
        Self { action, trouble, message: bounded(&message) }
    }

    /// Whether AWS as a whole could not be used, as against one thing that it refused: what exit
    /// code 5 means.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self.trouble, Trouble::Unreachable | Trouble::NoCredentials | Trouble::Throttled)
    }
}

/// Whether a call was made, and nobody answered it.
fn got_no_answer<E>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
        _ => false,
    }
}

/// What one link of a chain of causes tells.
fn trouble_of_link(link: &(dyn Error + 'static)) -> Option<Trouble> {
    if let Some(connection) =
        link.downcast_ref::<aws_smithy_runtime_api::client::result::ConnectorError>()
    {
        let no_answer = connection.is_io() || connection.is_timeout();
        return no_answer.then_some(Trouble::Unreachable);
    }
    link.is::<CredentialsError>().then_some(Trouble::NoCredentials)
}

/// The text on one line, cut at a length that fits a line of a report.
fn bounded(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_services_spell_differently_mean_the_same() {
        for code in ["AccessDenied", "AccessDeniedException"] {
            assert_eq!(Trouble::of_code(code), Some(Trouble::AccessDenied));
        }
        for code in ["ThrottlingException", "TooManyRequestsException", "Throttling"] {
            assert_eq!(Trouble::of_code(code), Some(Trouble::Throttled));
        }
        assert_eq!(Trouble::of_code("ValidationException"), None);
    }

    #[test]
    fn a_missing_credential_is_found_behind_its_wrappers() {
        #[derive(Debug, thiserror::Error)]
        #[error("dispatch failure")]
        struct Wrapper(#[source] CredentialsError);
        let error = Wrapper(CredentialsError::not_loaded("no providers in chain"));
        let told = AwsError::chain("glue GetJobs", &error);
        assert_eq!(told.trouble, Trouble::NoCredentials);
        assert!(told.is_unavailable());
        assert!(told.to_string().starts_with("glue GetJobs: no AWS credentials in "), "{told}");
        let failing = Wrapper(CredentialsError::provider_error("no answer\nfrom the machine"));
        let told = AwsError::chain("glue GetJobs", &failing);
        assert_eq!(told.trouble, Trouble::NoCredentials);
        let text = told.to_string();
        assert!(text.starts_with("glue GetJobs: dispatch failure: "), "{text}");
        assert!(text.ends_with(": no answer from the machine"), "{text}");
    }

    #[test]
    fn a_long_answer_is_cut_between_characters() {
        let told = bounded(&"ä".repeat(MESSAGE_CHARS_MAX + 1));
        assert_eq!(told.chars().count(), MESSAGE_CHARS_MAX + 3);
        assert_eq!(bounded("short"), "short");
    }
}
