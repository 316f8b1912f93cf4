//! What is collected from where.

use serde::Deserialize;

use super::{Service, Target};

/// What is collected from where: `[collect]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CollectSettings {
    /// The accounts. None: the account and region of the credentials at hand.
    pub targets: Vec<Target>,
    /// The services, by default both.
    pub engines: Vec<Service>,
    /// Calls under way at once in an account, at least 1. AWS publishes no rate for these calls,
    /// and throttles whoever asks too much.
    pub concurrency: usize,
}

impl Default for CollectSettings {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            engines: vec![Service::Glue, Service::EmrServerless],
            concurrency: 4,
        }
    }
}
