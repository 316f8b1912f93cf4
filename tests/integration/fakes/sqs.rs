//! SQS in JSON 1.0: queues that give a message again where it is not deleted in time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Answer, Asked};

/// The queues of one account and region, by the last part of their URL.
#[derive(Default)]
pub(crate) struct Sqs {
    pub(crate) queues: BTreeMap<String, Queue>,
}

/// When a queue's first message is sent, but for a millisecond: 2026-11-10T09:00:00Z.
pub(crate) const SENT_MILLIS: i64 = 1_794_301_200_000;

/// A queue.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) messages: Vec<Message>,
    /// How long a received message is out of sight.
    pub(crate) visibility: Duration,
    /// Messages that a batch says it could not delete.
    pub(crate) undeletable: Vec<String>,
    /// Whether it moves what is received too often.
    pub(crate) redrives: bool,
    sent: u64,
    received: u64,
}

/// A message of a queue.
pub(crate) struct Message {
    pub(crate) body: String,
    /// The text of its attribute, where it has one.
    pub(crate) attributes: Value,
    /// When it was sent, as SQS counts it.
    pub(crate) sent_millis: i64,
    id: u64,
    unseen_until: Option<Instant>,
    receipt: String,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(visibility: Duration) -> Self {
        Self { visibility, ..Self::default() }
    }

    /// Puts a message in.
    pub(crate) fn send(&mut self, body: &str) {
        let (body, attributes) = (body.to_owned(), Value::Null);
        self.sent += 1;
        let (id, receipt) = (self.sent, String::new());
        let sent_millis = SENT_MILLIS + i64::try_from(id).unwrap();
        let unseen_until = None;
        self.messages.push(Message { body, attributes, sent_millis, id, unseen_until, receipt });
    }

    fn receive(&mut self, most: usize) -> Vec<Value> {
        let now = Instant::now();
        let visible = self.messages.iter_mut().filter(|m| m.unseen_until.is_none_or(|u| u <= now));
        let mut given = Vec::new();
        for message in visible.take(most) {
            self.received += 1;
            message.receipt = format!("receipt-{}", self.received);
            message.unseen_until = Some(now + self.visibility);
            given.push(json!({
                "MessageId": format!("id-{}", message.id),
                "ReceiptHandle": message.receipt,
                "Body": message.body,
                "Attributes": { "SentTimestamp": message.sent_millis.to_string() },
            }));
        }
        given
    }
}

impl Sqs {
    pub(crate) fn answer(&mut self, asked: &Asked) -> Answer {
        let input = &asked.input;
        let name = input["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next());
        let Some(queue) = name.and_then(|name| self.queues.get_mut(name)) else {
            let code = "com.amazonaws.sqs#QueueDoesNotExist";
            return Answer::error(400, code, "The specified queue does not exist.");
        };
        match asked.operation.as_str() {
            "ReceiveMessage" => {
                let most = input["MaxNumberOfMessages"].as_u64().unwrap_or(1);
                Answer::ok(&json!({ "Messages": queue.receive(most as usize) }))
            }
            "DeleteMessageBatch" => {
                let (mut done, mut failed) = (Vec::new(), Vec::new());
                for entry in input["Entries"].as_array().unwrap() {
                    let id = entry["Id"].as_str().unwrap();
                    let receipt = entry["ReceiptHandle"].as_str().unwrap();
                    let of_receipt = |m: &Message| m.receipt == receipt;
                    let found = queue.messages.iter().position(of_receipt);
                    let is_stuck = |at: usize| queue.undeletable.contains(&queue.messages[at].body);
                    if found.is_some_and(is_stuck) {
                        failed.push(json!({ "Id": id, "Code": "InternalError",
                                            "SenderFault": false }));
                        continue;
                    }
                    found.map(|at| queue.messages.remove(at));
                    done.push(json!({ "Id": id }));
                }
                Answer::ok(&json!({ "Successful": done, "Failed": failed }))
            }
            "SendMessage" => {
                queue.send(input["MessageBody"].as_str().unwrap());
                queue.messages.last_mut().unwrap().attributes = input["MessageAttributes"].clone();
                Answer::ok(&json!({ "MessageId": "sent", "MD5OfMessageBody": "" }))
            }
            "GetQueueAttributes" => {
                let mut attributes =
                    json!({ "ApproximateNumberOfMessages": queue.messages.len().to_string() });
                if queue.redrives {
                    attributes["RedrivePolicy"] =
                        json!({ "maxReceiveCount": 5 }).to_string().into();
                }
                Answer::ok(&json!({ "Attributes": attributes }))
            }
            other => Answer::error(400, "UnknownOperationException", other),
        }
    }
}
