//! An account's quota in a region.

/// Glue: runs at once in the account and region.
pub const GLUE_CONCURRENT_RUNS: &str = "glue-concurrent-runs";
/// Glue: DPUs at once.
pub const GLUE_DPUS: &str = "glue-dpus";
/// Glue: spare (Flex) DPUs at once.
pub const GLUE_FLEX_DPUS: &str = "glue-flex-dpus";
/// EMR Serverless: vCPUs at once.
pub const EMR_SERVERLESS_VCPUS: &str = "emr-serverless-vcpus";

/// Every quota that is looked at.
pub const QUOTAS: [&str; 4] =
    [GLUE_CONCURRENT_RUNS, GLUE_DPUS, GLUE_FLEX_DPUS, EMR_SERVERLESS_VCPUS];

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
    /// Whether it is the account's own value, rather than AWS's default.
    pub applied: bool,
}
