//! The finest cells of a month: whatever finance sums is a sum of these.

use serde::{Deserialize, Serialize};

use crate::model::Usd;

/// A cell's key. Ordered as its fields are, which also decides ties between cents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellKey {
    /// The cost centre; empty where none is known.
    pub cost_center: String,
    /// The team, or `Unallocated`.
    pub team: String,
    /// The account; empty in a cell that only bears a fixed share.
    pub account: String,
    /// The region; empty likewise.
    pub region: String,
    /// The engine; empty likewise.
    pub engine: String,
    /// The job: hostile text; empty likewise.
    pub job: String,
}

/// What a cell bears, exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nanos {
    /// What its runs used in the month.
    #[serde(rename = "own_usd")]
    pub own: Usd,
    /// Its part of lines that are split.
    #[serde(rename = "shared_usd")]
    pub shared: Usd,
    /// What is corrected of months closed before.
    #[serde(rename = "correction_usd")]
    pub correction: Usd,
}

impl Nanos {
    /// Own, shared and correction together.
    #[must_use]
    pub fn sum(&self) -> Usd {
        self.own + self.shared + self.correction
    }
}

impl std::ops::AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        self.own += other.own;
        self.shared += other.shared;
        self.correction += other.correction;
    }
}
