//! Secrets by reference: the configuration says where one is, and it is read when it is needed. It
//! is in no file of ours, in no log and in no error, not even where somebody wrote it in place of a
//! reference.

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use serde::{Deserialize, Deserializer};

use super::sender::{Cause, SendError};

/// How often a store of secrets is asked.
const ATTEMPTS: u32 = 3;
/// A part of a secret's address that is longer than this is taken out of foreign texts.
const TELLING_CHARS_MIN: usize = 6;

/// Where a secret is.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// In an environment variable: `env:NAME`.
    Environment(String),
    /// In SSM Parameter Store: `ssm:/path`.
    Parameter(String),
    /// In Secrets Manager: `secretsmanager:ID`.
    SecretsManager(String),
    /// In none of these places. What was written is not kept: it may be the secret itself.
    Nowhere,
}

impl SecretRef {
    /// Reads a reference.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let Some((kind, place)) = text.split_once(':') else { return Self::Nowhere };
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        // Parameter Store's and Secrets Manager's own alphabets, ARNs included.
        let is_id = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@:!-".contains(&b);
        let all = |is: fn(u8) -> bool| !place.is_empty() && place.bytes().all(is);
        match kind {
            "env" if all(is_name) => Self::Environment(place.to_owned()),
            "ssm" if all(is_id) => Self::Parameter(place.to_owned()),
            "secretsmanager" if all(is_id) => Self::SecretsManager(place.to_owned()),
            _ => Self::Nowhere,
        }
    }

    /// # Errors
    /// Where it refers to nothing.
    pub(super) fn check(&self) -> Result<(), String> {
        if *self != Self::Nowhere {
            return Ok(());
        }
        let text = "write where the secret is: `env:NAME`, `ssm:/path` or `secretsmanager:ID`; the \
                    secret itself does not belong into this file";
        Err(text.to_owned())
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Parameter(path) => write!(f, "ssm:{path}"),
            Self::SecretsManager(id) => write!(f, "secretsmanager:{id}"),
            Self::Nowhere => f.write_str("nowhere"),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Never fails: an error would show the line that it is about.
impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self::of(&text))
    }
}

crate::model::written::text_schema!(SecretRef, {
    "type": "string", "title": "where a secret is", "pattern": "^(env|ssm|secretsmanager):",
    "examples": ["env:SLACK_URL", "ssm:/runledger/slack", "secretsmanager:runledger/teams"]
});

/// A secret. It prints as nothing.
#[derive(Clone)]
pub(super) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// The secret itself, for the one call that needs it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// A text of others without the secret in it, whole or in parts: who answers at an address may
    /// repeat the path that was asked for.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        let mut shown = text.replace(&self.0, "***");
        let host = self.0.split('/').nth(2).unwrap_or_default();
        let is_telling = |part: &&str| part.len() >= TELLING_CHARS_MIN && *part != host;
        for part in self.0.split(['/', '?', '&', '=', '#']).filter(is_telling) {
            shown = shown.replace(part, "***");
        }
        shown
    }
}

/// Where secrets are read.
#[derive(Clone, Debug)]
pub(super) struct Secrets {
    parameters: aws_sdk_ssm::Client,
    secrets: aws_sdk_secretsmanager::Client,
}

impl Secrets {
    /// With the SDK's shared configuration; a secret is there within the limit, or not at all.
    pub(super) fn new(shared: &SdkConfig, limit: Duration) -> Self {
        let timeouts = TimeoutConfig::builder().operation_timeout(limit).build();
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = shared.to_builder().timeout_config(timeouts).retry_config(retry).build();
        Self {
            parameters: aws_sdk_ssm::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
        }
    }

    /// The secret.
    pub(super) async fn read(&self, at: &SecretRef) -> Result<Secret, SendError> {
        // The service's own words are left out: nobody can say what is in them.
        let unread = |why: &str| SendError::Refused {
            cause: Cause::Secret,
            reason: format!("the secret {at} cannot be read: {why}"),
        };
        let found = match at {
            SecretRef::Environment(name) => {
                std::env::var(name).map_err(|_| unread("the variable is not set"))?
            }
            SecretRef::Parameter(path) => {
                let asked = self.parameters.get_parameter().name(path).with_decryption(true);
                let answer = asked.send().await.map_err(|error| unread(code(&error)))?;
                let value = answer.parameter.and_then(|parameter| parameter.value);
                value.ok_or_else(|| unread("it is empty"))?
            }
            SecretRef::SecretsManager(id) => {
                let asked = self.secrets.get_secret_value().secret_id(id);
                let answer = asked.send().await.map_err(|error| unread(code(&error)))?;
                answer.secret_string.ok_or_else(|| unread("it is no text"))?
            }
            SecretRef::Nowhere => return Err(unread("it is no reference")),
        };
        let found = found.trim();
        if found.is_empty() {
            return Err(unread("it is empty"));
        }
        Ok(Secret(found.to_owned()))
    }
}

/// The service's code of a failure, which is a word of AWS's and nothing else.
fn code<E, R>(error: &aws_smithy_runtime_api::client::result::SdkError<E, R>) -> &str
where
    E: aws_sdk_ssm::error::ProvideErrorMetadata,
{
    error.as_service_error().and_then(|e| e.meta().code()).unwrap_or("AWS did not answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_place_and_never_is_the_secret() {
        for text in ["env:SLACK_URL", "ssm:/runledger/slack", "secretsmanager:runledger/teams"] {
            let at = SecretRef::of(text);
            assert_eq!((at.to_string().as_str(), at.check()), (text, Ok(())));
        }
        let raw = "https://hooks.slack.com/services/T0/B0/verysecret";
        for text in [raw, "env:", "env:A B", "ssm:", "vault:x", "", "env:https://x"] {
            let at = SecretRef::of(text);
            assert_eq!(at, SecretRef::Nowhere, "{text}");
            let said = format!("{at:?} {}", at.check().unwrap_err());
            assert!(!said.contains("verysecret") && said.contains("`env:NAME`"), "{said}");
        }
    }

    #[test]
    fn a_secret_is_not_seen_in_what_others_say() {
        let secret =
            Secret("https://hooks.example.com/services/T012345/B0/verysecret?k=hidden1".into());
        let text = "no /services/T012345/B0/verysecret at hooks.example.com (hidden1)";
        assert_eq!(secret.hidden_in(text), "no /***/***/B0/*** at hooks.example.com (***)");
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[tokio::test]
    async fn a_variable_that_is_not_set_is_named() {
        let config = SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest());
        let secrets = Secrets::new(&config.build(), Duration::from_secs(1));
        let at = SecretRef::of("env:RUNLEDGER_NO_SUCH_VARIABLE");
        let error = secrets.read(&at).await.unwrap_err().to_string();
        assert!(error.contains("env:RUNLEDGER_NO_SUCH_VARIABLE") && error.contains("not set"));
    }
}
