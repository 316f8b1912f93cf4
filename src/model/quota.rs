//! An account's quota in a region.

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
