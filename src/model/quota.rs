//! An account's quota in a region.

use jiff::Timestamp;
use serde::Serialize;

use super::Engine;

/// Glue: runs at once in the account and region.
pub const GLUE_CONCURRENT_RUNS: &str = "glue-concurrent-runs";
/// Glue: runs at once of any one job.
pub const GLUE_RUNS_PER_JOB: &str = "glue-concurrent-runs-per-job";
/// Glue: DPUs at once.
pub const GLUE_DPUS: &str = "glue-dpus";
/// Glue: spare (Flex) DPUs at once.
pub const GLUE_FLEX_DPUS: &str = "glue-flex-dpus";
/// EMR Serverless: vCPUs at once.
pub const EMR_SERVERLESS_VCPUS: &str = "emr-serverless-vcpus";

/// Every quota that is looked at.
pub const QUOTAS: [&str; 5] =
    [GLUE_CONCURRENT_RUNS, GLUE_RUNS_PER_JOB, GLUE_DPUS, GLUE_FLEX_DPUS, EMR_SERVERLESS_VCPUS];

/// The value of a quota.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaValue {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Which quota: one of this module's words.
    pub quota: String,
    /// Its value, in runs, DPUs or vCPUs.
    pub value: f64,
    /// Who says so.
    pub source: QuotaSource,
}

/// Who says what a quota's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaSource {
    /// The configuration: it comes before what AWS says.
    Configured,
    /// Service Quotas: the account's own value.
    Applied,
    /// Service Quotas: AWS's default, because the account's own value is not available.
    Default,
}

impl QuotaSource {
    /// The source's word in the JSON: `configured`, `applied`, `default`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Applied => "applied",
            Self::Default => "default",
        }
    }
}

/// The most that was held of a quota in a week.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaPeak {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Which quota: one of this module's words.
    pub quota: String,
    /// The most that was held for certain, in runs, DPUs or vCPUs.
    pub peak: f64,
}

/// What AWS itself measured of a quota's use over a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredUse {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Which quota: one of this module's words.
    pub quota: String,
    /// The most that was in use at once, in runs, DPUs or vCPUs; `None` where AWS does not tell.
    pub peak: Option<f64>,
    /// When the span began in which that was.
    pub peak_at: Option<Timestamp>,
    /// How long that span is.
    pub within_seconds: Option<i32>,
    /// Why AWS does not tell.
    pub not_told: Option<String>,
}

impl MeasuredUse {
    /// A quota of whose use AWS does not tell, and why.
    #[must_use]
    pub fn not_told(account: &str, region: &str, quota: &str, reason: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            quota: quota.to_owned(),
            peak: None,
            peak_at: None,
            within_seconds: None,
            not_told: Some(reason.to_owned()),
        }
    }
}

/// A quota's name for people; an unknown word as it is.
#[must_use]
pub fn quota_title(quota: &str) -> &str {
    match quota {
        GLUE_CONCURRENT_RUNS => "Glue concurrent job runs",
        GLUE_RUNS_PER_JOB => "Glue concurrent runs of one job",
        GLUE_DPUS => "Glue DPUs",
        GLUE_FLEX_DPUS => "Glue Flex DPUs",
        EMR_SERVERLESS_VCPUS => "EMR Serverless vCPUs",
        other => other,
    }
}

/// The account, region and engine whose runs share quotas.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaPlace {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: Engine,
}
