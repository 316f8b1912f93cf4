//! A post as plain text, and Amazon SNS, which takes it: one call of `Publish`, in one attempt.
//!
//! Limits: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html> (256 KB; a subject of at
//! most 100 ASCII characters without line breaks, which begins with a letter, number or mark).

use std::fmt::Write as _;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_sns::Client;
use aws_sdk_sns::config::http::HttpResponse;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::publish::PublishError;

use super::post::{Post, PostReady, safe_link};
use super::sender::{Accepted, Cause, SendError, masked};
use super::transmitted::{Transmitted, in_words, is_refusal, is_refused_connection};

/// Things that are shown at most.
pub(super) const ITEMS_MAX: usize = 200;
/// The most bytes of a text: SNS takes 262,144, attributes included.
pub(super) const BYTES_MAX: usize = 250_000;
const SUBJECT_CHARS_MAX: usize = 100;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The order of a FIFO topic's messages is kept within a group; alerts are one.
const GROUP: &str = "runledger";

/// The text.
pub(super) fn text(post: &Post) -> String {
    let mut text = format!("{}\n{}\n", post.title, post.intro);
    // Writing to a string cannot fail.
    for section in post.sections.iter().filter(|section| section.total > 0) {
        let _ = writeln!(text, "\n{}", section.heading().to_uppercase().replace(" OF ", " of "));
        for group in &section.groups {
            let _ = writeln!(text, "\n{}", group.heading());
            for item in &group.items {
                let _ = writeln!(text, "- {}", item.text);
                for line in &item.lines {
                    let _ = writeln!(text, "  {line}");
                }
                if let Some(link) = item.link.as_deref().and_then(safe_link) {
                    let _ = writeln!(text, "  {link}");
                }
            }
        }
    }
    if let Some(notice) = post.cut_notice() {
        let _ = writeln!(text, "\n{notice}");
    }
    text
}

/// A topic.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// A topic, in the region that its ARN names. A call may take as long as the limit.
    pub(super) fn new(shared: &SdkConfig, arn: String, limit: Duration) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(limit.min(CONNECT_TIMEOUT))
            .operation_timeout(limit)
            .build();
        let region = arn.split(':').nth(3).map(|region| Region::new(region.to_owned()));
        let config = aws_sdk_sns::config::Builder::from(shared)
            .region(region)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self { client: Client::from_conf(config), arn }
    }

    /// Whether a text is a topic's ARN.
    pub(super) fn is_arn(text: &str) -> bool {
        let parts: Vec<&str> = text.split(':').collect();
        let is_word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        matches!(parts[..], ["arn", partition, "sns", region, account, name]
            if [partition, region, account, name].into_iter().all(is_word))
    }

    pub(super) async fn publish(&self, post: &PostReady) -> Result<Accepted, SendError> {
        let transmitted = Transmitted::default();
        let message = String::from_utf8_lossy(&post.bytes).into_owned();
        let mut publish = self.client.publish().topic_arn(&self.arn).message(message);
        publish = publish.subject(subject(&post.title));
        if self.arn.ends_with(".fifo") {
            let id = &post.sha256;
            publish = publish.message_group_id(GROUP).message_deduplication_id(id);
        }
        let answer = publish.customize().interceptor(transmitted.clone()).send().await;
        let refused = |error: &Failure| SendError::Refused {
            cause: cause_in_chain(error),
            reason: masked(&in_words(error)),
        };
        match answer {
            Ok(output) => Ok(Accepted { message_id: output.message_id.unwrap_or_default() }),
            Err(error) if !transmitted.has_begun() => Err(refused(&error)),
            Err(error @ SdkError::DispatchFailure(_))
                if cause_in_chain(&error) == Cause::Unreachable =>
            {
                Err(refused(&error))
            }
            Err(error) => Err(classified(&error)),
        }
    }
}

type Failure = SdkError<PublishError, HttpResponse>;

fn cause_in_chain(error: &Failure) -> Cause {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if current.is::<aws_credential_types::provider::error::CredentialsError>() {
            return Cause::Credentials;
        }
        if is_refused_connection(current) {
            return Cause::Unreachable;
        }
        source = current.source();
    }
    Cause::Other
}

fn classified(error: &Failure) -> SendError {
    let SdkError::ServiceError(answer) = error else {
        return SendError::Uncertain { reason: masked(&in_words(error)) };
    };
    let status = answer.raw().status().as_u16();
    let code = answer.err().code().unwrap_or_default();
    let words = masked(answer.err().message().unwrap_or_default());
    let reason = format!("SNS answered {status} {code}: {words}");
    if !is_refusal(status) {
        return SendError::Uncertain { reason };
    }
    SendError::Refused { cause: cause_of(status, code), reason }
}

fn cause_of(status: u16, code: &str) -> Cause {
    match code {
        "Throttled" | "Throttling" | "ThrottlingException" | "ThrottledException" => {
            Cause::Throttled
        }
        "NotFound" | "NotFoundException" => Cause::Gone,
        "AuthorizationError" | "AccessDenied" | "AuthorizationErrorException" => Cause::Denied,
        "InvalidClientTokenId"
        | "ExpiredToken"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Cause::Credentials,
        "InvalidParameter" | "InvalidParameterValue" => Cause::Content,
        _ if status == 429 => Cause::Throttled,
        _ => Cause::Other,
    }
}

/// A title as a subject: what is no ASCII becomes a question mark.
fn subject(title: &str) -> String {
    let ascii = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let subject: String = title.trim().chars().map(ascii).take(SUBJECT_CHARS_MAX).collect();
    if subject.is_empty() { "Runledger".to_owned() } else { subject }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_what_sns_takes() {
        assert_eq!(subject("2 critical: Köln\nx"), "2 critical: K?ln?x");
        assert_eq!(subject(&"x".repeat(200)).len(), 100);
        assert_eq!(subject("  "), "Runledger");
    }

    #[test]
    fn a_topic_has_an_arn() {
        assert!(Topic::is_arn("arn:aws:sns:eu-west-1:111122223333:runledger.fifo"));
        for text in ["", "runledger", "arn:aws:sqs:eu-west-1:1:x", "arn:aws:sns:eu-west-1:1:x:sub"]
        {
            assert!(!Topic::is_arn(text), "{text}");
        }
    }
}
