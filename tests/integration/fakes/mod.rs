//! AWS services that answer the real SDK over HTTP on this machine: Glue, EMR Serverless, SQS, SES,
//! CloudWatch, Service Quotas, Cost Explorer and STS behind one port, as `AWS_ENDPOINT_URL` reaches
//! them.
//!
//! A fake holds what an account holds, and answers in the service's own wire format: newest runs
//! first, pages with opaque tokens, limits that are enforced, errors in each protocol's shape.
//! Faults are put in by operation. Every request is written down, to be asserted on.
//!
//! Who asks is read from the request's signature: an access key id ends in the account's number.

// Compiled into every integration test, and each uses a part.
#![allow(dead_code, clippy::allow_attributes)]

pub(crate) mod cbor;
pub(crate) mod cloudwatch;
pub(crate) mod cost_explorer;
pub(crate) mod emr_serverless;
pub(crate) mod glue;
pub(crate) mod pricing;
pub(crate) mod service_quotas;
pub(crate) mod ses;
pub(crate) mod sqs;
pub(crate) mod sts;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use serde_json::{Value, json};

/// The account whose credentials the tests hold.
pub(crate) const HOME: &str = "111122223333";

/// The region that the tests are configured for.
pub(crate) const REGION: &str = "eu-west-1";

/// What one account holds in one region.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) glue: glue::Glue,
    pub(crate) emr: emr_serverless::EmrServerless,
    pub(crate) quotas: service_quotas::ServiceQuotas,
    pub(crate) cloudwatch: cloudwatch::CloudWatch,
    pub(crate) bill: cost_explorer::CostExplorer,
    pub(crate) sqs: sqs::Sqs,
    pub(crate) ses: ses::Ses,
}

/// Everything behind the port.
#[derive(Default)]
pub(crate) struct World {
    places: BTreeMap<(String, String), Place>,
    pub(crate) sts: sts::Sts,
    pub(crate) prices: pricing::Pricing,
    /// What the answers' `Date` says, where it is not the time of this machine.
    pub(crate) date: Option<&'static str>,
    /// Regions in which nothing answers.
    pub(crate) down: Vec<&'static str>,
    /// Regions in which everything answers 500: given up sooner.
    pub(crate) broken: Vec<&'static str>,
    faults: Vec<Fault>,
    log: Vec<Asked>,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// 400 with `ThrottlingException`, as JSON protocols throttle.
    Throttled,
    /// 429 with `TooManyRequestsException`.
    TooManyRequests,
    /// 429 and nothing else, as boxes in between throttle.
    BareTooMany,
    /// 400 or 403 with `AccessDeniedException`.
    Denied,
    /// 500 without a body.
    Broken,
    /// 200 with a page that no AWS service writes.
    Garbage,
    /// 200 without a body.
    Empty,
    /// The right answer, late.
    Slow(Duration),
    /// No answer for as long as anyone waits.
    Silent,
}

/// Trouble for the next calls of an operation.
struct Fault {
    operation: String,
    account: Option<String>,
    /// Calls that still go well before the first that does not.
    spared: usize,
    left: usize,
    trouble: Trouble,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) service: &'static str,
    pub(crate) operation: String,
    pub(crate) account: String,
    pub(crate) region: String,
    /// The request's members: its JSON, its form, or its path and query.
    pub(crate) input: Value,
}

/// An answer in the making: status, the error type's header, body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) error_type: Option<String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn ok(body: &Value) -> Self {
        Self { status: 200, error_type: None, body: body.to_string() }
    }

    /// An error as both JSON protocols write it: JSON 1.1 reads `__type`, rest-json the header.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({ "__type": code, "message": message, "Message": message });
        Self { status, error_type: Some(code.to_owned()), body: body.to_string() }
    }
}

/// The fakes, listening.
#[derive(Clone)]
pub(crate) struct Fakes {
    world: Arc<Mutex<World>>,
    address: std::net::SocketAddr,
}

impl Fakes {
    /// Starts to listen on a free port of this machine.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fakes = Self { world: Arc::default(), address: listener.local_addr().unwrap() };
        let router = axum::Router::new().fallback(handle).with_state(fakes.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fakes
    }

    /// The world behind the port.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Changes what the home account holds in the home region.
    pub(crate) fn home(&self, change: impl FnOnce(&mut Place)) {
        self.place(HOME, REGION, change);
    }

    /// Changes what an account holds in a region.
    pub(crate) fn place(&self, account: &str, region: &str, change: impl FnOnce(&mut Place)) {
        let key = (account.to_owned(), region.to_owned());
        change(self.world().places.entry(key).or_default());
    }

    /// Makes the next `times` calls of an operation go wrong, for one account or all.
    pub(crate) fn fault(
        &self,
        operation: &str,
        account: Option<&str>,
        times: usize,
        trouble: Trouble,
    ) {
        let account = account.map(str::to_owned);
        let operation = operation.to_owned();
        let fault = Fault { operation, account, spared: 0, left: times, trouble };
        self.world().faults.push(fault);
    }

    /// Makes every call of an operation go wrong, after a number of them that go well.
    pub(crate) fn fault_after(&self, operation: &str, spared: usize, trouble: Trouble) {
        let operation = operation.to_owned();
        let fault = Fault { operation, account: None, spared, left: usize::MAX, trouble };
        self.world().faults.push(fault);
    }

    /// SQS holds an answer without messages back for as long as the receiver wants to wait.
    async fn long_poll(&self, asked: &Asked) -> Answer {
        let wait = asked.input["WaitTimeSeconds"].as_u64().unwrap_or(0);
        for _ in 0..wait * 20 {
            let answer = self.world().answer(asked);
            if answer.status != 200 || answer.body.contains("ReceiptHandle") {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.world().answer(asked)
    }

    /// Takes every fault away.
    pub(crate) fn heal(&self) {
        self.world().faults.clear();
    }

    /// Every request so far.
    pub(crate) fn log(&self) -> Vec<Asked> {
        self.world().log.clone()
    }

    /// Forgets the requests so far.
    pub(crate) fn forget_log(&self) {
        self.world().log.clear();
    }

    /// How often an operation was asked.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.log().iter().filter(|asked| asked.operation == operation).count()
    }

    /// The address, as `AWS_ENDPOINT_URL` takes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The SDK's configuration for the home account, with waits short enough for a test.
    pub(crate) async fn config(&self) -> SdkConfig {
        let keys = Credentials::new(format!("AKIA{HOME}"), "secret", None, None, "test");
        self.config_with(SharedCredentialsProvider::new(keys)).await
    }

    /// The same with other credentials.
    pub(crate) async fn config_with(&self, credentials: SharedCredentialsProvider) -> SdkConfig {
        let retry = RetryConfig::standard()
            .with_max_attempts(10)
            .with_initial_backoff(Duration::from_millis(1));
        aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .endpoint_url(self.url())
            .credentials_provider(credentials)
            .retry_config(retry)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .load()
            .await
    }

    /// The environment that points the SDK of another process here.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_ACCESS_KEY_ID", format!("AKIA{HOME}")),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }
}

/// Answers one request: written down, gone wrong where a fault says so, else handed to its service.
async fn handle(
    State(fakes): State<Fakes>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let asked = understand(&method, &uri, &headers, &body);
    let fault = {
        let mut world = fakes.world();
        world.log.push(asked.clone());
        let is_down = world.down.contains(&asked.region.as_str());
        let is_broken = world.broken.contains(&asked.region.as_str());
        let whole = is_down.then_some(Trouble::Silent).or(is_broken.then_some(Trouble::Broken));
        whole.or_else(|| world.next_fault(&asked))
    };
    let answer = match fault {
        None if asked.operation == "ReceiveMessage" => fakes.long_poll(&asked).await,
        None => fakes.world().answer(&asked),
        Some(Trouble::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            fakes.world().answer(&asked)
        }
        Some(Trouble::Silent) => std::future::pending().await,
        Some(Trouble::Throttled) => Answer::error(400, "ThrottlingException", "Rate exceeded"),
        Some(Trouble::TooManyRequests) => {
            Answer::error(429, "TooManyRequestsException", "Too many requests")
        }
        Some(Trouble::BareTooMany) => Answer { status: 429, error_type: None, body: String::new() },
        Some(Trouble::Denied) => denied(&asked),
        Some(Trouble::Broken) => Answer { status: 500, error_type: None, body: String::new() },
        Some(Trouble::Empty) => Answer { status: 200, error_type: None, body: String::new() },
        Some(Trouble::Garbage) => {
            let body = "<html><body>Welcome to the hotel network</body></html>".to_owned();
            Answer { status: 200, error_type: None, body }
        }
    };
    let mut response = Response::builder()
        .status(StatusCode::from_u16(answer.status).unwrap())
        .header("x-amzn-requestid", "00000000-0000-4000-8000-000000000000");
    if let Some(date) = fakes.world().date {
        response = response.header("date", date);
    }
    if let Some(error_type) = answer.error_type {
        response = response.header("x-amzn-errortype", error_type);
    }
    // The one protocol that is no text.
    let body = match serde_json::from_str(&answer.body) {
        Ok(json) if asked.service == "cloudwatch" => cbor::encode(&json),
        _ => answer.body.into_bytes(),
    };
    response.body(Body::from(body)).unwrap()
}

/// AWS's words where a permission is missing.
fn denied(asked: &Asked) -> Answer {
    let (account, operation) = (&asked.account, &asked.operation);
    let message = format!(
        "User: arn:aws:sts::{account}:assumed-role/reader/runledger is not authorized to perform: \
         {}:{operation}",
        asked.service
    );
    match asked.service {
        "sts" => sts::error("AccessDenied", &message),
        "emr-serverless" => Answer::error(403, "AccessDeniedException", &message),
        _ => Answer::error(400, "AccessDeniedException", &message),
    }
}

impl World {
    /// The trouble that this request meets, if any.
    fn next_fault(&mut self, asked: &Asked) -> Option<Trouble> {
        let fault = self.faults.iter_mut().find(|fault| {
            fault.left > 0
                && fault.operation == asked.operation
                && fault.account.as_ref().is_none_or(|account| *account == asked.account)
        })?;
        if fault.spared > 0 {
            fault.spared -= 1;
            return None;
        }
        fault.left -= 1;
        Some(fault.trouble.clone())
    }

    /// The right answer; to a key that nobody has, that.
    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.account.len() != 12 || !asked.account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Answer::error(403, "UnrecognizedClientException", "the token is invalid");
        }
        if asked.service == "sts" {
            return self.sts.answer(asked);
        }
        if asked.service == "pricing" {
            return self.prices.answer(asked);
        }
        let key = (asked.account.clone(), asked.region.clone());
        let place = self.places.entry(key).or_default();
        match asked.service {
            "glue" => place.glue.answer(asked),
            "sqs" => place.sqs.answer(asked),
            "ses" => place.ses.answer(asked),
            "cloudwatch" => place.cloudwatch.answer(asked),
            "servicequotas" => place.quotas.answer(asked),
            "ce" => place.bill.answer(asked),
            "emr-serverless" => place.emr.answer(asked),
            other => Answer::error(404, "UnknownOperationException", other),
        }
    }
}

/// Who asks what, from the request's signature, target and path.
fn understand(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Asked {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
    let scope = header("authorization").split_once("Credential=").map_or("", |(_, rest)| rest);
    let mut scope = scope.split(',').next().unwrap_or("").split('/');
    let key = scope.next().unwrap_or("");
    let account = key.get(key.len().saturating_sub(12)..).unwrap_or("").to_owned();
    let region = scope.nth(1).unwrap_or("").to_owned();
    let form = || parameters(&String::from_utf8_lossy(body));
    let (service, operation, input) = match header("x-amz-target").split_once('.') {
        Some((target, operation)) => {
            let service = match target {
                "AWSGlue" => "glue",
                "AWSPriceListService" => "pricing",
                "AWSInsightsIndexService" => "ce",
                "AmazonSQS" => "sqs",
                _ => "servicequotas",
            };
            (service, operation.to_owned(), serde_json::from_slice(body).unwrap_or(Value::Null))
        }
        // In CBOR, whose texts stand in it as they are.
        None if uri.path().starts_with("/service/GraniteServiceVersion20100801/operation/") => {
            let operation = uri.path().rsplit('/').next().unwrap_or("").to_owned();
            let input = cloudwatch::understand(&operation, body);
            ("cloudwatch", operation, input)
        }
        None if uri.path().starts_with("/applications") => {
            let (operation, input) = emr_serverless::understand(method, uri);
            ("emr-serverless", operation, input)
        }
        None if uri.path().starts_with("/v2/email/") => {
            let (operation, input) = ses::understand(method, uri);
            ("ses", operation, input)
        }
        None => ("sts", form()["Action"].as_str().unwrap_or("").to_owned(), form()),
    };
    Asked { service, operation, account, region, input }
}

/// The members of a query or a form. A key given several times becomes a list.
pub(crate) fn parameters(text: &str) -> Value {
    let mut members = serde_json::Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Value::String(percent_decoded(value));
        match members.get_mut(key) {
            None => drop(members.insert(key.to_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(members)
}

/// The text behind `%3A` and `+`.
pub(crate) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).unwrap()
}

/// One page of a list: `token` says where it begins, and is refused where it belongs to another
/// list. Returns the page and the token of the next.
pub(crate) fn page<T: Clone>(
    list: &[T],
    of: &str,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), Answer> {
    let begin = match token {
        None => 0,
        Some(token) => token
            .strip_prefix(&format!("{of}@"))
            .and_then(|begin| begin.parse::<usize>().ok())
            .ok_or_else(|| Answer::error(400, "InvalidInputException", "invalid token"))?,
    };
    let end = list.len().min(begin + size);
    let next = (end < list.len()).then(|| format!("{of}@{end}"));
    Ok((list[begin.min(end)..end].to_vec(), next))
}
