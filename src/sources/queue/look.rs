//! Looking at the queues without taking anything out of them.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{EventQueue, QueueAddress};
use crate::aws::AwsError;

/// What SQS says of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFacts {
    /// Messages that wait to be received, approximately.
    pub waiting: u64,
    /// Whether SQS moves what is received again and again to a queue of dead letters.
    pub has_redrive: bool,
}

impl EventQueue {
    /// What SQS says of the queue, and of the one for dead letters where there is one.
    pub async fn look_at_queues(
        &self,
    ) -> (Result<QueueFacts, AwsError>, Option<Result<QueueFacts, AwsError>>) {
        let queue = self.facts(&self.client, &self.url).await;
        let dead = match &self.dead {
            Some((client, url)) => Some(self.facts(client, url).await),
            None => None,
        };
        (queue, dead)
    }

    /// How many messages wait in the queue, approximately; none where SQS does not say.
    ///
    /// # Errors
    /// When SQS cannot be reached or refuses.
    pub async fn messages_left(&self) -> Result<u64, AwsError> {
        Ok(self.facts(&self.client, &self.url).await?.waiting)
    }

    async fn facts(&self, client: &Client, url: &QueueAddress) -> Result<QueueFacts, AwsError> {
        let waiting = QueueAttributeName::ApproximateNumberOfMessages;
        let answer = client
            .get_queue_attributes()
            .queue_url(&url.0)
            .attribute_names(waiting.clone())
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .send()
            .await
            .map_err(|error| AwsError::new(self.action("GetQueueAttributes", url), &error))?;
        let attribute = |name| answer.attributes.as_ref().and_then(|all| all.get(name));
        let number = attribute(&waiting).and_then(|number| number.parse().ok());
        Ok(QueueFacts {
            waiting: number.unwrap_or(0),
            has_redrive: attribute(&QueueAttributeName::RedrivePolicy).is_some(),
        })
    }
}
