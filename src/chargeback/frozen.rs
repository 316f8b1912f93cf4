//! What a closed month keeps for ever beside its rendered files: its cells, exact, what it booked
//! for earlier months, and the rates that later facts about it are priced with.
//!
//! It is JSON whose members are only ever added to. The files (text, JSON, CSV, HTML) are frozen as
//! they were rendered and never made again, so no later version changes a byte of them; what a
//! later version may change is how a month that is still open looks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cell::{CellKey, Nanos};
use super::correction::{BalancePart, Correction};
use super::settings::kind_of;
use super::statement::{Line, Statement, TotalIs};
use crate::analysis::GapKind;
use crate::model::Usd;
use crate::pricing::{PricingSettings, Rate, RateCard};

/// The format that this version writes.
const FORMAT: u32 = 1;

/// A closed month, as later months need it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// Raised when an older version could no longer read it rightly.
    format: u32,
    /// The version of Runledger that closed it.
    runledger: String,
    /// The UTC month.
    pub month: String,
    /// What its total is.
    pub says_total_is: TotalIs,
    /// Its total.
    pub total_usd: Usd,
    /// Its total without corrections of earlier months.
    pub month_usd: Usd,
    /// Its final bill, where the total is one; months that older versions closed do not say.
    #[serde(default)]
    pub bill_usd: Option<Usd>,
    /// What is in its total beside the bill, of engines that no bill holds; likewise.
    #[serde(default)]
    pub off_bill_usd: Option<Usd>,
    /// What of its bill was lines, by kind: nothing where it was closed on an estimate; likewise.
    #[serde(default)]
    pub lines: Option<BTreeMap<GapKind, Usd>>,
    /// Its cells, in the order of their keys: what a run ledger's cells are places in.
    pub cells: Vec<FrozenCell>,
    /// What was booked for earlier months.
    pub corrections: Vec<FrozenCorrection>,
    /// How runs were priced.
    pub pricing: PricingSettings,
    /// The rates in force.
    pub rates: Vec<Rate>,
}

/// A cell of a closed month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenCell {
    /// Its key: the owner among others.
    #[serde(flatten)]
    pub key: CellKey,
    /// What it bears, exact.
    #[serde(flatten)]
    pub nanos: Nanos,
}

/// What a closed month booked for an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenCorrection {
    /// The earlier month.
    pub month: String,
    /// Corrections of its runs.
    pub runs_usd: Usd,
    /// What made everything booked for it its final bill.
    pub balance_usd: Usd,
    /// That, part by part; months that older versions closed do not say.
    #[serde(default)]
    pub balance: Option<Vec<BalancePart>>,
    /// Of the corrections, those of engines that no bill holds.
    #[serde(default)]
    pub off_bill_usd: Usd,
}

/// A closed month that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum FrozenError {
    /// Not JSON, or a member is missing.
    #[error("closed month {month} cannot be read: {reason}")]
    Unreadable {
        /// The month.
        month: String,
        /// What is wrong.
        reason: String,
    },
    /// Written by a newer version.
    #[error("closed month {month} was written in format {format}, and this version reads {FORMAT}")]
    Newer {
        /// The month.
        month: String,
        /// Its format.
        format: u32,
    },
}

impl Frozen {
    /// What is to be frozen of a statement, with the rates that made it.
    #[must_use]
    pub fn of(
        statement: &Statement,
        corrections: &[Correction],
        card: &RateCard,
        pricing: &PricingSettings,
    ) -> Self {
        let cell = |(key, nanos): &(CellKey, Nanos)| FrozenCell { key: key.clone(), nanos: *nanos };
        let correction = |correction: &Correction| FrozenCorrection {
            month: correction.month.clone(),
            runs_usd: correction.runs_usd(),
            balance_usd: correction.balance_usd(),
            balance: Some(correction.balance.clone()),
            off_bill_usd: correction.off_bill_usd,
        };
        let own_line = |line: &&Line| line.month.is_none();
        let mut lines = BTreeMap::new();
        for line in statement.lines.iter().filter(own_line) {
            if let Some(kind) = line.kind.as_deref().and_then(kind_of) {
                *lines.entry(kind).or_default() += line.usd;
            }
        }
        Self {
            format: FORMAT,
            runledger: env!("CARGO_PKG_VERSION").to_owned(),
            month: statement.month.clone(),
            says_total_is: statement.says_total_is,
            total_usd: statement.total_usd,
            month_usd: statement.total_usd - statement.earlier_months_usd,
            bill_usd: statement.bill_usd,
            off_bill_usd: Some(statement.off_bill_usd),
            lines: Some(lines),
            cells: statement.cells.iter().map(cell).collect(),
            corrections: corrections.iter().map(correction).collect(),
            pricing: pricing.clone(),
            rates: card.rates().to_vec(),
        }
    }

    /// The bytes that are kept.
    ///
    /// # Errors
    /// Never for what this program computes: every member is a text, a number or a list.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FrozenError> {
        serde_json::to_vec(self).map_err(|error| FrozenError::Unreadable {
            month: self.month.clone(),
            reason: error.to_string(),
        })
    }

    /// Reads the bytes of a month.
    ///
    /// # Errors
    /// When they are none, or a newer version's.
    pub fn of_bytes(month: &str, bytes: &[u8]) -> Result<Self, FrozenError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let unreadable = |error: serde_json::Error| FrozenError::Unreadable {
            month: month.to_owned(),
            reason: error.to_string(),
        };
        // Asked first: what else a newer format changes is not known.
        let Head { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format > FORMAT {
            return Err(FrozenError::Newer { month: month.to_owned(), format });
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }
}
