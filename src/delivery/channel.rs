//! The channels that the configuration names: SNS topics, and webhooks of Slack and Teams.

use std::time::Duration;

use aws_config::SdkConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use super::post::{Form, Post, PostReady};
use super::secret::{SecretRef, Secrets};
use super::sender::{Accepted, SendError, Transport, Via};
use super::settings::OnUnknown;
use super::sns::Topic;
use super::webhook::Webhook;

/// The longest that one call may take, however long the lease.
const CALL_MAX: Duration = Duration::from_secs(15);

/// `[alerts.channels.NAME]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelSettings {
    /// The service that takes it.
    pub kind: ChannelKind,
    /// With `sns`: the topic's ARN.
    #[serde(default)]
    pub topic: Option<String>,
    /// With `slack` and `teams`: where the webhook's address is, which is a secret.
    #[serde(default)]
    pub url: Option<SecretRef>,
    /// What becomes of a post of which it is not known whether it left. Of an alert two are better
    /// than none.
    #[serde(default = "resend")]
    pub on_unknown: OnUnknown,
}

/// Which service takes posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Amazon SNS.
    Sns,
    /// A Slack webhook.
    Slack,
    /// A Microsoft Teams webhook.
    Teams,
}

const fn resend() -> OnUnknown {
    OnUnknown::Resend
}

impl ChannelSettings {
    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// With the key and what is wrong with it; never with what it is set to.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        match (self.kind, &self.topic, &self.url) {
            (ChannelKind::Sns, Some(topic), None) if Topic::is_arn(topic) => Ok(()),
            (ChannelKind::Sns, _, None) => {
                let text = "write the topic's ARN, `arn:aws:sns:eu-west-1:111122223333:alerts`";
                Err(("topic", text.to_owned()))
            }
            (ChannelKind::Sns, _, Some(_)) => Err(("url", "a topic has none".to_owned())),
            (_, Some(_), _) => Err(("topic", "a webhook has none".to_owned())),
            (_, None, Some(url)) => url.check().map_err(|reason| ("url", reason)),
            (_, None, None) => Err(("url", "write where the webhook's address is".to_owned())),
        }
    }

    /// The form of its posts.
    #[must_use]
    pub const fn form(&self) -> Form {
        match self.kind {
            ChannelKind::Sns => Form::Text,
            ChannelKind::Slack => Form::Slack,
            ChannelKind::Teams => Form::Teams,
        }
    }
}

/// A channel.
#[derive(Clone, Debug)]
pub struct Channel(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Sns(Topic),
    Webhook(Webhook, Via),
}

impl Channel {
    /// The channel of checked settings, with the SDK's shared configuration. A call takes at most
    /// half the lease, so that its answer is on record before anybody takes over.
    #[must_use]
    pub fn new(settings: &ChannelSettings, shared: &SdkConfig, lease: Duration) -> Self {
        let limit = CALL_MAX.min(lease / 2);
        let webhook = |via| {
            let url = settings.url.clone().unwrap_or(SecretRef::Nowhere);
            let secrets = Secrets::new(shared, Webhook::secret_limit(limit));
            Self(Kind::Webhook(Webhook::new(settings.form(), url, secrets, limit), via))
        };
        match settings.kind {
            ChannelKind::Sns => {
                let topic = settings.topic.clone().unwrap_or_default();
                Self(Kind::Sns(Topic::new(shared, topic, limit)))
            }
            ChannelKind::Slack => webhook(Via::Slack),
            ChannelKind::Teams => webhook(Via::Teams),
        }
    }
}

impl Transport for Channel {
    type Draft = Post;

    async fn send(&self, post: &PostReady) -> Result<Accepted, SendError> {
        match &self.0 {
            Kind::Sns(topic) => topic.publish(post).await,
            Kind::Webhook(webhook, _) => webhook.post(post).await,
        }
    }

    fn via(&self) -> Via {
        match &self.0 {
            Kind::Sns(_) => Via::Sns,
            Kind::Webhook(_, via) => *via,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> (&'static str, String) {
        toml::from_str::<ChannelSettings>(text).unwrap().check().unwrap_err()
    }

    #[test]
    fn a_mistake_is_named_and_a_secret_is_not() {
        let settings = "kind = 'sns'\ntopic = 'arn:aws:sns:eu-west-1:111122223333:a'";
        assert_eq!(toml::from_str::<ChannelSettings>(settings).unwrap().check(), Ok(()));
        let settings: ChannelSettings =
            toml::from_str("kind = 'slack'\nurl = 'ssm:/runledger/slack'").unwrap();
        assert_eq!((settings.check(), settings.on_unknown), (Ok(()), OnUnknown::Resend));
        assert_eq!(refusal("kind = 'sns'").0, "topic");
        assert_eq!(refusal("kind = 'sns'\ntopic = 'alerts'").0, "topic");
        assert_eq!(refusal("kind = 'teams'").0, "url");
        assert_eq!(refusal("kind = 'teams'\ntopic = 'x'").0, "topic");
        let (key, reason) = refusal("kind = 'slack'\nurl = 'https://hooks.slack.com/verysecret'");
        assert_eq!(key, "url");
        assert!(reason.contains("env:NAME") && !reason.contains("verysecret"), "{reason}");
        assert!(toml::from_str::<ChannelSettings>("kind = 'pager'").is_err());
    }
}
