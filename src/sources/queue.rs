//! The SQS queue that EventBridge puts the engines' events into: received by long polling, deleted
//! once their runs are stored, or moved to a queue of dead letters with the reason.
//!
//! Knows messages, not what they say; `events` reads them. SQS may give a message twice and in any
//! order, and gives it again where it is not deleted within the queue's visibility timeout.

mod look;

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::aws::{AwsError, Trouble, in_region};

pub use look::QueueFacts;

/// The most that SQS gives in one answer, and takes in one batch.
const BATCH_MAX: i32 = 10;

/// The longest that SQS lets a receiver wait.
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// The attribute of a dead letter that says what is wrong with it.
const REASON: &str = "RunledgerReason";

/// A queue's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAddress(String);

impl QueueAddress {
    /// The region that the URL names, as AWS's own do: `https://sqs.eu-west-1.amazonaws.com/...`.
    /// A queue is only found in its region.
    fn region(&self) -> Option<&str> {
        let host = self.0.split("://").nth(1)?.split(['/', ':']).next()?;
        let mut labels = host.split('.');
        let service = labels.next()?;
        let region = labels.next()?;
        (service == "sqs" && host.contains(".amazonaws.")).then_some(region)
    }
}

impl fmt::Display for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for QueueAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let url = String::deserialize(from)?;
        let is_url = url.starts_with("https://") || url.starts_with("http://");
        if is_url && url.matches('/').count() > 3 {
            return Ok(Self(url));
        }
        Err(serde::de::Error::custom(format!(
            "`{url}` is no queue; write its URL, as \
             \"https://sqs.eu-west-1.amazonaws.com/111122223333/runledger-events\""
        )))
    }
}

crate::model::written::text_schema!(QueueAddress, {
    "type": "string", "title": "queue's URL", "pattern": "^https?://",
    "examples": ["https://sqs.eu-west-1.amazonaws.com/111122223333/runledger-events"]
});

/// A message, received and not yet deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// SQS's id of it, for people.
    pub id: String,
    /// What it says.
    pub body: String,
    /// When it was sent, where SQS says so.
    pub sent: Option<Timestamp>,
    /// What it is deleted by.
    receipt: String,
}

/// The queue, and the one for dead letters.
#[derive(Clone, Debug)]
pub struct EventQueue {
    client: Client,
    dead: Option<(Client, QueueAddress)>,
    url: QueueAddress,
}

impl EventQueue {
    /// Gets ready to receive. Nothing is asked of SQS yet.
    #[must_use]
    pub fn new(config: &SdkConfig, url: QueueAddress, dead_letters: Option<QueueAddress>) -> Self {
        let client = |address: &QueueAddress| match address.region() {
            Some(region) => Client::new(&in_region(config, region)),
            None => Client::new(config),
        };
        let dead = dead_letters.map(|url| (client(&url), url));
        Self { client: client(&url), dead, url }
    }

    /// The queue's URL.
    #[must_use]
    pub const fn url(&self) -> &QueueAddress {
        &self.url
    }

    /// Whether unreadable messages can be moved.
    #[must_use]
    pub const fn has_dead_letters(&self) -> bool {
        self.dead.is_some()
    }

    /// The next messages, at most ten: at once where there are some, else the first to come within
    /// `wait`, else none. At least a second is waited: a receiver who does not wait at all asks a
    /// part of SQS's servers only, and may be told that a queue with messages has none.
    ///
    /// # Errors
    /// When SQS cannot be reached or refuses.
    pub async fn receive(&self, wait: Duration) -> Result<Vec<Message>, AwsError> {
        let wait = wait.clamp(Duration::from_secs(1), WAIT_MAX).as_secs();
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url.0)
            .max_number_of_messages(BATCH_MAX)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .wait_time_seconds(i32::try_from(wait).unwrap_or(BATCH_MAX))
            .send()
            .await
            .map_err(|error| AwsError::new(self.action("ReceiveMessage", &self.url), &error))?;
        let message = |message: aws_sdk_sqs::types::Message| {
            let receipt = message.receipt_handle?;
            let attributes = message.attributes.unwrap_or_default();
            // Milliseconds since 1970.
            let sent = attributes.get(&MessageSystemAttributeName::SentTimestamp);
            let sent = sent.and_then(|sent| Timestamp::from_millisecond(sent.parse().ok()?).ok());
            let (id, body) =
                (message.message_id.unwrap_or_default(), message.body.unwrap_or_default());
            Some(Message { id, body, sent, receipt })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    /// Deletes messages whose runs are stored, and returns how many could not be: those come again,
    /// and are stored again without a change.
    ///
    /// # Errors
    /// When SQS cannot be reached or refuses.
    pub async fn delete(&self, messages: &[Message]) -> Result<u64, AwsError> {
        let mut failed = 0;
        for batch in messages.chunks(BATCH_MAX.unsigned_abs() as usize) {
            let mut entries = Vec::with_capacity(batch.len());
            for (number, message) in batch.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(&message.receipt)
                    .build()
                    .map_err(|error| self.incomplete("DeleteMessageBatch", &error.to_string()))?;
                entries.push(entry);
            }
            let answer = self
                .client
                .delete_message_batch()
                .queue_url(&self.url.0)
                .set_entries(Some(entries))
                .send()
                .await;
            let action = || self.action("DeleteMessageBatch", &self.url);
            let answer = answer.map_err(|error| AwsError::new(action(), &error))?;
            failed += answer.failed.len() as u64;
        }
        Ok(failed)
    }

    /// Moves a message to the dead letters, with the reason; `false` where there is no queue for
    /// them, and the message stays where it is. Sent first and deleted then, so that it may be in
    /// both, and is never in neither.
    ///
    /// # Errors
    /// When SQS cannot be reached or refuses. The message is still in the queue.
    pub async fn bury(&self, message: &Message, reason: &str) -> Result<bool, AwsError> {
        let Some((client, url)) = &self.dead else { return Ok(false) };
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|error| self.incomplete("SendMessage", &error.to_string()))?;
        client
            .send_message()
            .queue_url(&url.0)
            .message_body(&message.body)
            .message_attributes(REASON, reason)
            .send()
            .await
            .map_err(|error| AwsError::new(self.action("SendMessage", url), &error))?;
        self.delete(std::slice::from_ref(message)).await?;
        Ok(true)
    }

    fn action(&self, operation: &str, url: &QueueAddress) -> String {
        let name = url.0.rsplit('/').next().unwrap_or(&url.0);
        format!("sqs {operation} of queue `{name}`")
    }

    /// The SDK's builders fail on a missing member only, and none is missing here.
    fn incomplete(&self, operation: &str, message: &str) -> AwsError {
        let (action, message) = (self.action(operation, &self.url), message.to_owned());
        AwsError { action, trouble: Trouble::Other, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_asked_in_the_region_of_its_url() {
        let region = |url: &str| QueueAddress(url.into()).region().map(str::to_owned);
        let of_aws = region("https://sqs.ap-south-1.amazonaws.com/111122223333/q");
        assert_eq!(of_aws.as_deref(), Some("ap-south-1"));
        let china = region("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q");
        assert_eq!(china.as_deref(), Some("cn-north-1"));
        assert_eq!(region("http://127.0.0.1:4566/000000000000/q"), None);
        assert_eq!(region("http://sqs.eu-west-1.localhost:4566/000000000000/q"), None);
    }

    #[test]
    fn a_queue_is_a_url() {
        let read = |url: &str| serde_json::from_value::<QueueAddress>(url.into());
        assert!(read("https://sqs.eu-west-1.amazonaws.com/111122223333/q").is_ok());
        for wrong in ["q", "arn:aws:sqs:eu-west-1:111122223333:q", "https://sqs.aws.com"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("write its URL"), "{error}");
        }
    }
}
