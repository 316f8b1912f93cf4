//! Metrics of Runledger's own tasks as a line of its log, in CloudWatch's embedded metric format:
//! CloudWatch Logs makes metrics of it, and nothing has to be called.
//!
//! The line follows the "Specification: Embedded metric format" of CloudWatch's user guide: a JSON
//! object alone on its line, whose `_aws` names the members that are metrics and dimensions.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

/// Where the metrics appear.
const NAMESPACE: &str = "Runledger/Tasks";

/// `[log]` of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// How each task's metrics are written to the log. Without it they are not.
    pub metrics: Option<LogMetrics>,
}

/// How metrics are written to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogMetrics {
    /// CloudWatch's embedded metric format.
    Emf,
}

/// One value of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskMetric {
    /// Its name.
    pub name: &'static str,
    /// CloudWatch's word for its unit: `Count`, `Seconds`, `None`.
    pub unit: &'static str,
    /// The value.
    pub value: Number,
}

/// The line of a task that ended at `at`, without a line break.
#[must_use]
pub fn embedded_metrics(task: &str, at: Timestamp, metrics: &[TaskMetric]) -> String {
    let named = metrics.iter().map(|metric| json!({ "Name": metric.name, "Unit": metric.unit }));
    let directive = json!({
        "Namespace": NAMESPACE,
        "Dimensions": [["Task"]],
        "Metrics": named.collect::<Vec<_>>(),
    });
    let mut root = Map::new();
    let about = json!({ "Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive] });
    root.insert("_aws".to_owned(), about);
    root.insert("Task".to_owned(), Value::String(task.to_owned()));
    for metric in metrics {
        root.insert(metric.name.to_owned(), Value::Number(metric.value.clone()));
    }
    Value::Object(root).to_string()
}
