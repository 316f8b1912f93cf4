//! What a run cost, line by line, or why that cannot be said.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::Usd;

/// How a run's quantity came about, from the surest to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// AWS says what it billed.
    Billed,
    /// `DPUSeconds`, as AWS metered them.
    Metered,
    /// Capacity times time, with the billing minimum.
    Provisioned,
    /// Certainly not more than this: a Flex run without a split, capacity times time where AWS
    /// metered nothing, an EMR Serverless attempt whose earlier attempts are not all known.
    UpperBound,
    /// The cost came with the run.
    Imported,
}

impl Basis {
    /// Every basis, in order.
    pub const ALL: [Self; 5] =
        [Self::Billed, Self::Metered, Self::Provisioned, Self::UpperBound, Self::Imported];

    /// The basis' word in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billed => "billed",
            Self::Metered => "metered",
            Self::Provisioned => "provisioned",
            Self::UpperBound => "upper-bound",
            Self::Imported => "imported",
        }
    }
}

/// One line of a run's cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostLine {
    /// What was used: `DPU`, `M-DPU`, `vCPU`, `memory`, `storage`, or `imported`.
    pub component: &'static str,
    /// How much of it, in `unit`s, rounded half to even at nine decimals. The amount is computed
    /// from the exact quantity, not from this one.
    pub quantity: Decimal,
    /// `DPU-Hours`, `M-DPU-Hours`, `vCPU-Hours`, `GB-Hours`.
    pub unit: &'static str,
    /// US dollars per unit: what is paid, after overrides and discounts.
    pub rate: Decimal,
    /// US dollars per unit on the price list; equal to `rate` where nothing was negotiated, and
    /// where the list has none.
    pub list_rate: Decimal,
    /// Where in the rate card the rate stands; `None` for an imported cost.
    pub rate_index: Option<usize>,
    /// Quantity times rate, rounded once.
    pub amount: Usd,
}

/// Why a run has no cost. Never 0, never a default rate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Unpriced {
    /// The rate card has no such rate.
    #[error("no rate for {0}")]
    NoRate(Box<MissingRate>),
    /// A Spark run without a Glue version.
    #[error("the Glue version is not known")]
    NoVersion,
    /// The source gave neither DPU-seconds nor a capacity.
    #[error("the capacity is not known")]
    NoCapacity,
    /// A worker type whose DPU factor is not known, and no other capacity.
    #[error("worker type {0} is not known")]
    UnknownWorkerType(String),
    /// The job's command is one that this version does not know.
    #[error("job command {0} is not known")]
    UnknownKind(String),
    /// AWS has not yet said what it billed.
    #[error("billed resources are not known yet")]
    NotBilledYet,
    /// The source did not say how long the run took.
    #[error("the execution time is not known")]
    NoTime,
    /// An engine that Runledger does not price, imported without a cost.
    #[error("engine {0} is not priced, and the import brought no cost")]
    Engine(String),
    /// A number beyond the range of money.
    #[error("a quantity is out of range")]
    OutOfRange,
}

/// A rate that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MissingRate {
    /// `glue`, `emr-serverless`.
    pub engine: &'static str,
    /// The region.
    pub region: String,
    /// What is counted and has no rate: `DPU`, `M-DPU`, or of EMR Serverless what was billed.
    pub components: Vec<&'static str>,
    /// Glue: the kind of job.
    pub kind: Option<String>,
    /// Glue: the version.
    pub version: Option<String>,
    /// Glue: the execution class.
    pub execution_class: Option<String>,
    /// EMR Serverless: the architecture.
    pub architecture: Option<String>,
    /// Where the card has such a rate for other days only: from the first one to the last one,
    /// which is excluded.
    pub other_days: Option<(Option<Date>, Option<Date>)>,
}

impl fmt::Display for MissingRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.engine == "glue" { "Glue" } else { "EMR Serverless" })?;
        let words = [&self.version, &self.kind, &self.execution_class, &self.architecture];
        for word in words.into_iter().flatten() {
            write!(f, " {word}")?;
        }
        write!(f, " {} in {}", self.components.join(" and "), self.region)?;
        let Some((from, to)) = self.other_days else { return Ok(()) };
        f.write_str("; the card has it")?;
        if let Some(from) = from {
            write!(f, " from {from}")?;
        }
        if let Some(to) = to {
            write!(f, " to {to}")?;
        }
        f.write_str(" only")
    }
}

/// What the run took of the account's capacity, priced or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// DPU- and M-DPU-seconds, billing minimum included.
    pub dpu_seconds: Decimal,
    /// EMR Serverless vCPU-hours.
    pub vcpu_hours: Decimal,
    /// EMR Serverless memory, in GB-hours.
    pub memory_gb_hours: Decimal,
    /// EMR Serverless storage beyond what is free, in GB-hours.
    pub storage_gb_hours: Decimal,
}

/// The price of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// Known, line by line.
    Priced {
        /// The lines that make it.
        lines: Vec<CostLine>,
        /// How the quantity came about.
        basis: Basis,
        /// The part of the cost that a billing minimum added over the seconds used.
        minimum_extra: Usd,
    },
    /// Not known.
    Unpriced(Unpriced),
}

impl Price {
    /// The sum of the lines, or `None` where the run is unpriced.
    #[must_use]
    pub fn cost(&self) -> Option<Usd> {
        match self {
            Self::Priced { lines, .. } => Some(lines.iter().map(|line| line.amount).sum()),
            Self::Unpriced(_) => None,
        }
    }

    /// The word for tables: the basis, or `unpriced`.
    #[must_use]
    pub fn basis_word(&self) -> Cow<'static, str> {
        match self {
            Self::Priced { basis, .. } => basis.as_str().into(),
            Self::Unpriced(_) => "unpriced".into(),
        }
    }
}

/// A run's price with what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedRun {
    /// The price, or why there is none.
    pub price: Price,
    /// What the run took, as far as that is known.
    pub usage: Usage,
}
