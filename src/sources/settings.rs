//! What is collected from where, and whose bill is read.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::sweep::account;
use super::{QueueAddress, Service, Target};
use crate::model::Usd;
use crate::model::written::AccountId;

/// What is collected from where: `[collect]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CollectSettings {
    /// The accounts that are read. Without any: the account and region of the credentials at hand.
    pub targets: Vec<Target>,
    /// The services whose runs are read.
    pub engines: Vec<Service>,
    /// Calls under way at once in an account. AWS publishes no rate for these calls,
    /// and throttles whoever asks too much.
    #[schemars(range(min = 1))]
    pub concurrency: usize,
    /// The queue that EventBridge puts the engines' events into, if there is one.
    pub queue: Option<QueueAddress>,
    /// Where messages go that cannot be read, with the reason. Without it they stay in the queue,
    /// whose own redrive policy moves them, without a reason.
    pub dead_letters: Option<QueueAddress>,
}

impl Default for CollectSettings {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            engines: vec![Service::Glue, Service::EmrServerless],
            concurrency: 4,
            queue: None,
            dead_letters: None,
        }
    }
}

/// Whose bill is read, what that may cost, and how far an estimate may be off: `[bill]` of the
/// configuration. Without accounts no bill is read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BillSettings {
    /// The accounts in which Cost Explorer is asked: one that pays for others, or members one by
    /// one. Without any, no bill is read.
    pub accounts: Vec<BillTarget>,
    /// Requests to Cost Explorer that one `bill refresh` may make. AWS takes $0.01 for each.
    pub max_requests: u32,
    /// By how much of the bill, in percent, it may differ from the estimate before that is told as
    /// a difference to chase: it has to be beyond this and `tolerance_usd`.
    pub tolerance_percent: Decimal,
    /// By how many US dollars it may differ, likewise.
    pub tolerance_usd: Usd,
    /// The services whose bill is read as a whole, by Cost Explorer's names; found by name where
    /// there are none here. EMR Serverless is found by its usage types, and EMR is none of these.
    pub services: Vec<String>,
}

impl Default for BillSettings {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            max_requests: 30,
            tolerance_percent: Decimal::TWO,
            tolerance_usd: Usd::from_nanos(1_000_000_000),
            services: Vec::new(),
        }
    }
}

impl BillSettings {
    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self) -> Result<(), String> {
        for (index, target) in self.accounts.iter().enumerate() {
            if self.accounts[..index].iter().any(|other| other.account == target.account) {
                return Err(format!("account {} is there twice", target.account));
            }
        }
        if self.tolerance_percent < Decimal::ZERO || self.tolerance_usd < Usd::ZERO {
            return Err("a tolerance is not below 0".to_owned());
        }
        Ok(())
    }
}

/// An account in which Cost Explorer is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BillTarget {
    /// The account. Who it is that answers is checked.
    #[serde(deserialize_with = "account")]
    #[schemars(with = "AccountId")]
    pub account: String,
    /// Whether it pays for others: its bill is then that of all accounts that it names.
    #[serde(default)]
    pub payer: bool,
    /// The role to assume there; without one, the credentials at hand are that account's own.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy demands.
    #[serde(default)]
    pub external_id: Option<String>,
}
