//! SES as it answers on the wire, and what its answers mean for a mail: certainly not sent, or
//! perhaps.

use std::time::{Duration, Instant};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use runledger::delivery::{Accepted, Cause, Rendered, SendError, Ses};

use super::ses_fake::{Answer, FakeSes};
use super::stage::{message, sdk_config};
use crate::harness::{http_get, ses_url};

const LEASE: Duration = Duration::from_secs(60);

fn mail() -> Rendered {
    message("ada@example.org").render(usize::MAX).unwrap()
}

async fn send_to(url: &str, lease: Duration) -> Result<Accepted, SendError> {
    Ses::new(&sdk_config(url).await, None, lease).send(&mail()).await
}

async fn answered(answer: Answer) -> Result<Accepted, SendError> {
    let fake = FakeSes::start(answer).await;
    let result = send_to(&fake.url, LEASE).await;
    assert_eq!(fake.requests().len(), 1, "one attempt, whatever comes of it");
    if let Err(error) = &result {
        let told = error.to_string();
        assert!(!told.contains("ada@") && !told.contains("runledger@"), "an address in {told}");
    }
    result
}

fn cause(result: Result<Accepted, SendError>) -> Cause {
    match result {
        Err(SendError::Refused { cause, .. }) => cause,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_very_bytes_go_to_the_one_recipient() {
    let fake = FakeSes::start(Answer::Accept).await;
    let ses = Ses::new(&sdk_config(&fake.url).await, Some("reports".into()), LEASE);
    let mail = mail();
    let accepted = ses.send(&mail).await.unwrap();
    assert_eq!(accepted.message_id, "0100-message");
    let (line, body) = fake.requests().pop().unwrap();
    assert_eq!(line, "POST /v2/email/outbound-emails HTTP/1.1");
    assert_eq!(body["Destination"], serde_json::json!({"ToAddresses": ["ada@example.org"]}));
    assert_eq!(body["FromEmailAddress"], "runledger@example.com");
    assert_eq!(body["ConfigurationSetName"], "reports");
    let data = body["Content"]["Raw"]["Data"].as_str().unwrap();
    assert_eq!(aws_smithy_types::base64::decode(data).unwrap(), mail.bytes);
}

#[tokio::test]
async fn a_refusal_has_a_cause_and_a_hint() {
    let not_verified = "Email address is not verified. The following identities failed the check \
                        in region EU-WEST-1: ";
    let refusals = [
        (
            400,
            "MessageRejected",
            format!("{not_verified}runledger@example.com"),
            Cause::SenderUnverified,
        ),
        (400, "MessageRejected", format!("{not_verified}ada@example.org"), Cause::Sandbox),
        (
            400,
            "MailFromDomainNotVerifiedException",
            "mail.example.com".into(),
            Cause::SenderUnverified,
        ),
        (400, "AccountSuspendedException", "suspended".into(), Cause::AccountStopped),
        (400, "SendingPausedException", "paused".into(), Cause::AccountStopped),
        (400, "BadRequestException", "Missing final '@domain'".into(), Cause::Recipient),
        (
            404,
            "NotFoundException",
            "Configuration set <x> does not exist.".into(),
            Cause::ConfigurationSet,
        ),
        (403, "AccessDeniedException", "User is not authorized".into(), Cause::Denied),
        (
            403,
            "UnrecognizedClientException",
            "The security token is invalid".into(),
            Cause::Credentials,
        ),
        (
            429,
            "TooManyRequestsException",
            "Maximum sending rate exceeded.".into(),
            Cause::Throttled,
        ),
        (400, "ThrottlingException", "Daily message quota exceeded.".into(), Cause::DailyQuota),
        (418, "Teapot", "ada@example.org is short and stout".into(), Cause::Other),
    ];
    for (status, code, message, expected) in refusals {
        let found = cause(answered(Answer::Error(status, code, message)).await);
        assert_eq!(found, expected, "{status} {code}");
        assert!(found.hint().is_empty() == (found == Cause::Other), "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_or_broken_is_uncertain() {
    let answers = [
        Answer::HangUp,
        Answer::Garbage(200),
        Answer::Garbage(502),
        Answer::Error(500, "InternalServiceErrorException", "oops ada@example.org".into()),
        Answer::Error(503, "ServiceUnavailable", String::new()),
        Answer::Error(408, "RequestTimeout", String::new()),
    ];
    for answer in answers {
        let result = answered(answer.clone()).await;
        assert!(matches!(result, Err(SendError::Uncertain { .. })), "{answer:?}: {result:?}");
    }
    // A refusal in words that cannot be read is a refusal.
    assert_eq!(cause(answered(Answer::Garbage(400)).await), Cause::Other);
}

#[tokio::test]
async fn silence_ends_within_half_the_lease_and_is_uncertain() {
    let fake = FakeSes::start(Answer::Silence).await;
    let begun = Instant::now();
    let result = send_to(&fake.url, Duration::from_secs(2)).await;
    assert!(matches!(result, Err(SendError::Uncertain { .. })), "{result:?}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(fake.requests().len(), 1);
}

/// Nothing was written, so the mail cannot have left.
#[tokio::test]
async fn without_a_connection_nothing_left() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    assert_eq!(cause(send_to(&closed, LEASE).await), Cause::Unreachable);
    assert_eq!(cause(send_to("http://ses.invalid", LEASE).await), Cause::Unreachable);
}

#[tokio::test]
async fn without_credentials_nothing_left() {
    #[derive(Debug)]
    struct Nobody;
    impl ProvideCredentials for Nobody {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let error = CredentialsError::not_loaded("no providers in chain");
            future::ProvideCredentials::ready(Err(error))
        }
    }
    let fake = FakeSes::start(Answer::Accept).await;
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(Nobody);
    let config = sdk_config(&fake.url).await.into_builder().credentials_provider(provider).build();
    let result = Ses::new(&config, None, LEASE).send(&mail()).await;
    assert_eq!(cause(result), Cause::Credentials);
    assert!(fake.requests().is_empty());
}

/// The peer parses what arrives with a mail parser of its own.
#[tokio::test]
async fn a_ses_of_others_takes_the_mail() {
    let Some(url) = ses_url() else { return };
    let mut message = message("ada@example.org");
    message.subject = format!("Köln, {:?}", Instant::now());
    let mail = message.render(usize::MAX).unwrap();
    Ses::new(&sdk_config(&url).await, None, LEASE).send(&mail).await.unwrap();
    let store = tokio::task::spawn_blocking(move || http_get(&url, "/store").1).await.unwrap();
    let store: serde_json::Value = serde_json::from_str(&store).unwrap();
    let emails = store["emails"].as_array().unwrap().iter();
    let ours: Vec<_> = emails.filter(|mail| mail["subject"] == *message.subject).collect();
    let [ours] = ours[..] else { panic!("{} mails with this subject", ours.len()) };
    assert_eq!(ours["destination"]["to"], serde_json::json!(["ada@example.org"]), "{ours}");
    assert_eq!(ours["body"]["html"].as_str().unwrap().trim(), message.html, "{ours}");
    assert_eq!(ours["body"]["text"].as_str().unwrap().trim(), message.text.trim(), "{ours}");
    assert_eq!(ours["attachments"].as_array().unwrap().len(), 1, "{ours}");
}
