//! The words of delivery: what is to reach whom, and how far it got.

use serde::{Deserialize, Serialize};

/// One report for one period for one recipient: the thing that is sent at most once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Occurrence {
    /// The report's name: `weekly`.
    pub report: String,
    /// The period's name: `2026-W46`.
    pub period: String,
    /// The edition: `all`, or the team whose runs it shows.
    pub edition: String,
    /// 0 for the report, 1 for its first restatement, and so on.
    pub revision: u32,
    /// The recipient's address.
    pub recipient: String,
}

/// How far an occurrence got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DeliveryState {
    /// Somebody holds it, under a lease. Nothing has left yet.
    Claimed,
    /// The call to the mail service is about to be made, or was made.
    Sending,
    /// The mail service has taken it.
    Sent,
    /// The mail service has refused it, or could not be reached. Nothing left.
    Failed,
    /// The call was begun and its end is not known: the mail may have left.
    Unknown,
}

impl DeliveryState {
    /// The state's word in the ledger and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "CLAIMED",
            Self::Sending => "SENDING",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::Unknown => "UNKNOWN",
        }
    }
}
