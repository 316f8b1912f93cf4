//! CloudWatch custom metrics: one call of `PutMetricData`, in one attempt, and what its answer
//! means.
//!
//! CloudWatch adds a point to those it has of the same metric and minute, and has no token by which
//! it would know a call again: so the SDK must not retry by itself, and a call whose answer is lost
//! may have counted. Whether an hour is due is not decided here.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::http::HttpResponse;
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use jiff::Timestamp;
use jiff::fmt::serde::unsigned_duration::friendly::compact;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::transmitted::{Transmitted, in_words, is_refusal, is_refused_connection};
use crate::model::written::SpanText;

/// How long a call may take.
pub const CALL_MAX: Duration = Duration::from_secs(30);

/// The longest value of a dimension, in characters (API reference, "Dimension").
const DIMENSION_CHARS_MAX: usize = 1024;

/// Characters of an answer's words that are told.
const WORDS_MAX: usize = 500;

/// `[metrics]` of the configuration: its being there turns them on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricSettings {
    /// The namespace that the metrics appear under.
    pub namespace: String,
    /// What has metrics of its own.
    pub per: MetricPer,
    /// How long after its end an hour is put, up to 168h: what becomes known of it later is in the
    /// table `hourly` alone.
    #[serde(deserialize_with = "settle", serialize_with = "compact::required::serialize")]
    #[schemars(with = "SpanText")]
    pub settle: Duration,
    /// What one custom metric costs a month in your region, in US dollars: by this `collect` says
    /// what they come to.
    pub usd_per_metric: Decimal,
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self {
            namespace: "Runledger".to_owned(),
            per: MetricPer::Team,
            settle: Duration::from_secs(3 * 3600),
            usd_per_metric: Decimal::new(30, 2),
        }
    }
}

/// What has metrics of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricPer {
    /// Each team.
    Team,
    /// Each job: many more metrics, and each costs money.
    Job,
}

/// An hour must be over, and CloudWatch takes points of the last two weeks.
fn settle<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(from)?;
    let span = text.parse::<jiff::SignedDuration>().ok().and_then(|span| span.try_into().ok());
    match span {
        Some(span) if (Duration::ZERO..=Duration::from_secs(7 * 86_400)).contains(&span) => {
            Ok(span)
        }
        _ => Err(serde::de::Error::custom(format!(
            "`{text}` is no time to settle; write it like \"3h\", up to 168h"
        ))),
    }
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The metric's name.
    pub name: &'static str,
    /// Whether it counts things; dollars and hours have no unit in CloudWatch.
    pub is_count: bool,
    /// Whose it is: names and values.
    pub dimensions: Vec<(&'static str, String)>,
    /// The hour's begin.
    pub at: Timestamp,
    /// The value. A float, because CloudWatch takes nothing else: nothing is booked from it.
    pub value: f64,
}

/// Why metrics were not put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// CloudWatch has none of them: they may be put again.
    #[error("{0}")]
    Refused(String),
    /// CloudWatch may have them: put again, they might count twice.
    #[error("whether CloudWatch took the metrics is not known: {0}")]
    Uncertain(String),
}

/// CloudWatch in one region.
#[derive(Clone, Debug)]
pub struct CloudWatch {
    client: Client,
    namespace: String,
}

type Failure = SdkError<PutMetricDataError, HttpResponse>;

impl CloudWatch {
    /// Metrics that fit into one call. CloudWatch takes 1,000.
    pub const METRICS_MAX: usize = 1000;

    /// CloudWatch with the SDK's shared configuration.
    #[must_use]
    pub fn new(shared: &SdkConfig, namespace: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_timeout(CALL_MAX)
            .build();
        let config = aws_sdk_cloudwatch::config::Builder::from(shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self { client: Client::from_conf(config), namespace }
    }

    /// Puts metrics, at most [`CloudWatch::METRICS_MAX`].
    ///
    /// # Errors
    /// [`PutError::Refused`] where CloudWatch or the network said no, [`PutError::Uncertain`] where
    /// the answer was lost or is a failure of CloudWatch's own.
    pub async fn put(&self, metrics: &[Metric]) -> Result<(), PutError> {
        let transmitted = Transmitted::default();
        let answer = self
            .client
            .put_metric_data()
            .namespace(&self.namespace)
            .set_metric_data(Some(metrics.iter().map(datum).collect()))
            .customize()
            .interceptor(transmitted.clone())
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        let told = format!("cloudwatch PutMetricData: {}", told(&error));
        let refused = !transmitted.has_begun() || is_certain(&error);
        Err(if refused { PutError::Refused(told) } else { PutError::Uncertain(told) })
    }
}

/// CloudWatch's own words, or the connection's.
fn told(error: &Failure) -> String {
    let SdkError::ServiceError(answer) = error else { return in_words(error) };
    let code = answer.err().code().map(str::to_owned);
    let code = code.unwrap_or_else(|| format!("HTTP {}", answer.raw().status().as_u16()));
    let words = answer.err().message().map(|message| format!("{code}: {message}"));
    let words = words.unwrap_or(code);
    words.chars().take(WORDS_MAX).collect()
}

/// Whether a failed call certainly had no effect.
fn is_certain(error: &Failure) -> bool {
    match error {
        SdkError::ServiceError(answer) => is_refusal(answer.raw().status().as_u16()),
        SdkError::ResponseError(answer) => is_refusal(answer.raw().status().as_u16()),
        SdkError::DispatchFailure(_) => {
            let mut link: Option<&(dyn Error + 'static)> = Some(error);
            while let Some(current) = link {
                if is_refused_connection(current) {
                    return true;
                }
                link = current.source();
            }
            false
        }
        _ => false,
    }
}

fn datum(metric: &Metric) -> MetricDatum {
    let dimension = |(name, value): &(&'static str, String)| {
        Dimension::builder().name(*name).value(printable(value)).build()
    };
    MetricDatum::builder()
        .metric_name(metric.name)
        .set_dimensions(Some(metric.dimensions.iter().map(dimension).collect()))
        .timestamp(DateTime::from_secs(metric.at.as_second()))
        .unit(if metric.is_count { StandardUnit::Count } else { StandardUnit::None })
        .value(metric.value)
        .build()
}

/// A dimension's value: printable ASCII that does not begin with a colon, as the API reference
/// demands. Anything else is written as `%` and its bytes, so that two names stay two.
fn printable(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for (at, letter) in value.char_indices() {
        let is_plain = letter == ' ' || letter.is_ascii_graphic();
        if is_plain && letter != '%' && !(at == 0 && letter == ':') {
            text.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    text.truncate(DIMENSION_CHARS_MAX);
    if text.trim().is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_is_printable_ascii_and_two_names_stay_two() {
        assert_eq!(printable("orders (eu)"), "orders (eu)");
        assert_eq!(printable(":Zürich\n"), "%3AZ%C3%BCrich%0A");
        assert_eq!(printable("100%"), "100%25");
        assert_eq!(printable("  "), "-");
        assert_eq!(printable(&"ü".repeat(400)).len(), DIMENSION_CHARS_MAX);
    }

    #[test]
    fn settings_have_defaults_and_name_mistakes() {
        let read = |text: &str| toml::from_str::<MetricSettings>(text).map_err(|e| e.to_string());
        assert_eq!(read("").unwrap(), MetricSettings::default());
        let set = read("per = 'job'\nsettle = '90m'\nusd_per_metric = '0.10'").unwrap();
        assert_eq!((set.per, set.settle.as_secs()), (MetricPer::Job, 5400));
        assert!(read("settle = '30 days'").unwrap_err().contains("write it like"));
        assert!(read("per = 'run'").unwrap_err().contains("team"));
    }
}
