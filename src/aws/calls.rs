//! Counting the calls that are made to AWS, of every service and operation, where they all pass:
//! in the SDK's HTTP client. No room need know of it, and none can forget to.
//!
//! An operation is counted when the SDK has put its configuration together, once however often it
//! is tried; attempts after the first are counted apart, as AWS charges and throttles them too. For
//! DynamoDB, whose price is by the size of what is read and written, the request units are
//! estimated from the sizes of requests and answers. What is asked in-process is no call to AWS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;

/// DynamoDB's units: a strongly consistent read of so many bytes, the write of so many (Amazon
/// DynamoDB developer guide, "Read and write operations").
const READ_UNIT_BYTES: u64 = 4_096;
const WRITE_UNIT_BYTES: u64 = 1_024;
/// How the target of every DynamoDB request begins; the operation follows.
const DYNAMODB: &str = "DynamoDB_20120810.";

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// How often each operation was asked for, by service and operation: `Glue GetJobRuns`.
    pub calls: BTreeMap<String, u64>,
    /// Attempts after the first of all of them together.
    pub retries: u64,
    /// Half read request units of DynamoDB, estimated: an eventually consistent read takes a half.
    pub half_read_units: u64,
    /// Write request units of DynamoDB, estimated.
    pub write_units: u64,
}

/// A count that goes on, shared by whoever makes calls and whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<CallCounts>>);

impl Calls {
    /// What was counted since the last time, which is taken off.
    #[must_use]
    pub fn take(&self) -> CallCounts {
        self.with(std::mem::take)
    }

    fn with<T>(&self, change: impl FnOnce(&mut CallCounts) -> T) -> T {
        // Counts are whole whatever panicked beside them.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The client, with every call that goes through it counted.
    pub(super) fn counting(&self, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Counting { inner, calls: self.clone() })
    }
}

#[derive(Clone, Debug)]
struct Counting<C> {
    inner: C,
    calls: Calls,
}

impl HttpClient for Counting<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Counting { inner, calls: self.calls.clone() })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_base_client_config(components, config)
    }

    /// The one place on the way of an operation that knows its name and is passed once.
    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = config.load::<Metadata>() {
            let name = format!("{} {}", operation.service(), operation.name());
            self.calls.with(|counts| *counts.calls.entry(name).or_default() += 1);
        }
        self.inner.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

impl HttpConnector for Counting<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if is_retry(&request) {
            self.calls.with(|counts| counts.retries += 1);
        }
        let use_of = DynamoDbUse::of(&request);
        let answer = self.inner.call(request);
        let Some(use_of) = use_of else { return answer };
        let calls = self.calls.clone();
        HttpConnectorFuture::new(async move {
            let response = answer.await?;
            // What was refused, throttled or failed is not charged as it was asked for.
            if response.status().is_success() {
                calls.with(|counts| use_of.add_to(counts, &response));
            }
            Ok(response)
        })
    }
}

/// The SDK tells the service which attempt it is: `attempt=2; max=10`.
fn is_retry(request: &HttpRequest) -> bool {
    let attempt = request.headers().get("amz-sdk-request").and_then(|told| {
        let told = told.split(';').next()?.trim();
        told.strip_prefix("attempt=")?.parse::<u32>().ok()
    });
    attempt.is_some_and(|attempt| attempt > 1)
}

/// What a request to DynamoDB uses, as far as the request tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DynamoDbUse {
    /// Half units for each four kilobytes of the answer.
    Reads { halves: u64 },
    /// Units.
    Writes { units: u64 },
}

impl DynamoDbUse {
    fn of(request: &HttpRequest) -> Option<Self> {
        let operation = request.headers().get("x-amz-target")?.strip_prefix(DYNAMODB)?;
        Self::of_body(operation, request.body().bytes().unwrap_or_default())
    }

    fn of_body(operation: &str, body: &[u8]) -> Option<Self> {
        let kilobytes = (body.len() as u64).div_ceil(WRITE_UNIT_BYTES);
        // Each item is rounded up by itself, so there are at least as many units as items.
        let items = |names: &[&str]| names.iter().map(|name| occurrences(body, name)).sum::<u64>();
        Some(match operation {
            "GetItem" | "Query" | "Scan" | "BatchGetItem" => {
                let is_strong = occurrences(body, r#""ConsistentRead":true"#) > 0;
                Self::Reads { halves: if is_strong { 2 } else { 1 } }
            }
            "TransactGetItems" => Self::Reads { halves: 4 },
            "PutItem" | "UpdateItem" | "DeleteItem" => Self::Writes { units: kilobytes },
            "BatchWriteItem" => {
                let items = items(&[r#""PutRequest":{"#, r#""DeleteRequest":{"#]);
                Self::Writes { units: kilobytes.max(items) }
            }
            "TransactWriteItems" => {
                let kinds =
                    [r#""Put":{"#, r#""Update":{"#, r#""Delete":{"#, r#""ConditionCheck":{"#];
                Self::Writes { units: 2 * kilobytes.max(items(&kinds)) }
            }
            _ => return None,
        })
    }

    fn add_to(self, counts: &mut CallCounts, response: &HttpResponse) {
        match self {
            Self::Writes { units } => counts.write_units += units,
            Self::Reads { halves } => {
                let length = response.headers().get("content-length");
                let length = length.and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
                counts.half_read_units += halves * length.div_ceil(READ_UNIT_BYTES).max(1);
            }
        }
    }
}

/// How often a piece of JSON stands in a request. In a text of others its quotes would be escaped.
fn occurrences(body: &[u8], piece: &str) -> u64 {
    body.windows(piece.len()).filter(|window| *window == piece.as_bytes()).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_sizes_and_items() {
        let of = |operation: &str, body: &str| DynamoDbUse::of_body(operation, body.as_bytes());
        let writes = |units| Some(DynamoDbUse::Writes { units });
        assert_eq!(of("PutItem", &"x".repeat(1_024)), writes(1));
        assert_eq!(of("PutItem", &"x".repeat(1_025)), writes(2));
        let two = r#"{"TransactItems":[{"Put":{"Item":{}}},{"Delete":{"Key":{}}}]}"#;
        assert_eq!(of("TransactWriteItems", two), writes(4));
        let text = r#"{"TransactItems":[{"Put":{"Item":{"a":{"S":"\"Put\":{"}}}}]}"#;
        assert_eq!(of("TransactWriteItems", text), writes(2));
        let reads = |halves| Some(DynamoDbUse::Reads { halves });
        assert_eq!(of("Query", r#"{"ConsistentRead":true}"#), reads(2));
        assert_eq!(of("Query", "{}"), reads(1));
        assert_eq!(of("DescribeTable", "{}"), None);
    }
}
