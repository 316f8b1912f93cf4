//! What Runledger's own tasks used of AWS, as their records tell: what its owner pays for it by.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::TaskRun;
use crate::aws::ContainerSize;
use crate::model::Architecture;

/// A container on Fargate is billed by the second, and for a minute at least (AWS Fargate pricing).
pub const CONTAINER_SECONDS_MIN: u64 = 60;

/// Counts the metrics that a run wrote into the log: CloudWatch makes custom metrics of them.
pub const METRICS_LOGGED: &str = "metrics_logged";

/// What was used, of everything that has a price of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnUse {
    /// Thousandths of a vCPU, times seconds.
    pub milli_vcpu_seconds: u64,
    /// Mebibytes, times seconds.
    pub mib_seconds: u64,
    /// DynamoDB's read request units, estimated.
    pub read_units: u64,
    /// DynamoDB's write request units, estimated.
    pub write_units: u64,
    /// Requests to Cost Explorer.
    pub cost_explorer_requests: u64,
    /// Mails by SES.
    pub mails: u64,
    /// Custom metrics of CloudWatch, times the hours in which each had a value.
    #[serde(skip_serializing_if = "is_none_used")]
    pub metric_hours: u64,
}

/// Where that was: by region and processor prices differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPlace {
    /// The region.
    pub region: String,
    /// The container's processor.
    pub processor: Architecture,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_none_used(count: &u64) -> bool {
    *count == 0
}

impl OwnUse {
    /// What a container used in so many seconds.
    #[must_use]
    pub const fn of_container(size: ContainerSize, seconds: u64) -> Self {
        let none = Self {
            milli_vcpu_seconds: 0,
            mib_seconds: 0,
            read_units: 0,
            write_units: 0,
            cost_explorer_requests: 0,
            mails: 0,
            metric_hours: 0,
        };
        Self {
            milli_vcpu_seconds: size.milli_vcpu.saturating_mul(seconds),
            mib_seconds: size.memory_mib.saturating_mul(seconds),
            ..none
        }
    }

    /// What a task called; its container is counted apart, since several tasks may share one.
    #[must_use]
    pub fn of_calls(run: &TaskRun) -> Self {
        let count = |name: &str| run.counts.get(name).copied().unwrap_or(0);
        let calls = |wanted: &str| {
            let calls = run.calls.iter().filter(|(name, _)| name.starts_with(wanted));
            calls.map(|(_, calls)| *calls).sum()
        };
        Self {
            read_units: count("dynamodb_read_units"),
            write_units: count("dynamodb_write_units"),
            cost_explorer_requests: calls("Cost Explorer "),
            mails: calls("SESv2 SendEmail"),
            metric_hours: count("metrics_put"),
            ..Self::default()
        }
    }

    /// Whether nothing was used that AWS charges for.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for OwnUse {
    fn add_assign(&mut self, more: Self) {
        let add = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        add(&mut self.milli_vcpu_seconds, more.milli_vcpu_seconds);
        add(&mut self.mib_seconds, more.mib_seconds);
        add(&mut self.read_units, more.read_units);
        add(&mut self.write_units, more.write_units);
        add(&mut self.cost_explorer_requests, more.cost_explorer_requests);
        add(&mut self.mails, more.mails);
        add(&mut self.metric_hours, more.metric_hours);
    }
}
