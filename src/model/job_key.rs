//! What a job is called wherever figures are kept by job.

use super::Engine;

/// A job, as figures name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    /// The engine.
    pub engine: Engine,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The job's name, normalised.
    pub job: String,
}
