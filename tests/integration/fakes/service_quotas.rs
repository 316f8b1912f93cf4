//! Service Quotas in JSON 1.1: applied values where an account has them, AWS's defaults beside.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Asked};

/// The quotas of one account and region, by service and code.
#[derive(Default)]
pub(crate) struct ServiceQuotas {
    applied: BTreeMap<(String, String), f64>,
    defaults: BTreeMap<(String, String), f64>,
    metrics: BTreeMap<String, Value>,
}

impl ServiceQuotas {
    /// Sets what the account was given.
    pub(crate) fn apply(&mut self, service: &str, code: &str, value: f64) {
        self.applied.insert((service.to_owned(), code.to_owned()), value);
    }

    /// Sets AWS's default.
    pub(crate) fn set_default(&mut self, service: &str, code: &str, value: f64) {
        self.defaults.insert((service.to_owned(), code.to_owned()), value);
    }

    /// Names the metric of a quota's use.
    pub(crate) fn measure_by(&mut self, code: &str, metric: Value) {
        self.metrics.insert(code.to_owned(), metric);
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        let text = |name: &str| asked.input[name].as_str().unwrap_or("").to_owned();
        let key = (text("ServiceCode"), text("QuotaCode"));
        let value = match asked.operation.as_str() {
            "GetServiceQuota" => self.applied.get(&key),
            "GetAWSDefaultServiceQuota" => self.defaults.get(&key),
            other => return Answer::error(400, "UnknownOperationException", other),
        };
        match value {
            Some(value) => {
                Answer::ok(&json!({ "Quota": quota(&key, *value, self.metrics.get(&key.1)) }))
            }
            None => Answer::error(
                400,
                "NoSuchResourceException",
                "The request failed because the specified quota does not exist.",
            ),
        }
    }
}

fn quota((service, code): &(String, String), value: f64, metric: Option<&Value>) -> Value {
    let mut quota = json!({
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaName": "A quota",
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false
    });
    if let Some(metric) = metric {
        quota["UsageMetric"] = metric.clone();
    }
    quota
}
