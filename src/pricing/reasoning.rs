//! Why a run's price is what it is: what the pricing of a run decides on its way, told by the very
//! functions that decide it, so that no explanation can drift from the price. Words are `report`'s.

use rust_decimal::Decimal;

use super::{PricingSettings, RateCard, emr_serverless, glue};
use crate::model::{Architecture, Engine, JobKind, JobRun, PricedRun};

/// What a run's price rests on.
#[derive(Clone, Debug, PartialEq)]
pub enum Reasoning {
    /// The cost came with the run.
    Imported,
    /// Glue's rules.
    Glue(GlueReasoning),
    /// EMR Serverless's rules.
    EmrServerless(EmrReasoning),
    /// An engine without rules.
    NotPriced,
}

/// What pricing a Glue run decided.
#[derive(Clone, Debug, PartialEq)]
pub struct GlueReasoning {
    /// The kind of job that it is priced as.
    pub kind: JobKind,
    /// How that is known.
    pub kind_from: KindFrom,
    /// The seconds that are billed at least.
    pub minimum_seconds: u64,
    /// How the quantity came about; `None` where there is none.
    pub quantity: Option<GlueQuantity>,
}

/// How a run's kind is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindFrom {
    /// The run says it itself.
    Run,
    /// Its job's command.
    Command,
    /// Only one kind has such workers.
    WorkerType,
    /// Only a Python shell has so little capacity, and no workers.
    Capacity,
    /// Nothing says it, and Spark is what runs are.
    Assumed,
}

/// How a Glue run's DPU-seconds came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GlueQuantity {
    /// `DPUSeconds`, as they stand.
    Metered {
        /// What AWS metered.
        dpu_seconds: Decimal,
    },
    /// `DPUSeconds` of a run that was shorter than the minimum, raised to it.
    Raised {
        /// What AWS metered.
        dpu_seconds: Decimal,
        /// `ExecutionTime`.
        seconds: u64,
    },
    /// Capacity times time.
    Provisioned {
        /// DPUs, or M-DPUs.
        capacity: Decimal,
        /// Whose word that is.
        capacity_from: CapacityFrom,
        /// `ExecutionTime`.
        seconds: u64,
    },
    /// No time was used.
    Nothing,
}

/// Whose word a Glue run's capacity is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CapacityFrom {
    /// `MaxCapacity`.
    MaxCapacity,
    /// `NumberOfWorkers` times the worker type's factor.
    Workers {
        /// DPUs of one worker.
        factor: Decimal,
        /// How many there were.
        workers: u32,
    },
}

/// What pricing an EMR Serverless run decided.
#[derive(Clone, Debug, PartialEq)]
pub struct EmrReasoning {
    /// The architecture that it is priced for.
    pub architecture: Architecture,
    /// Whether the application says so; else it is the configured assumption.
    pub architecture_is_known: bool,
    /// Whether its executors were discounted in a way that nobody tells apart.
    pub flex: bool,
    /// Whether it is a later attempt, whose figures may include earlier ones'.
    pub later_attempt: bool,
}

/// Prices a run as [`super::price`] does, and says why so.
#[must_use]
pub fn explain(
    run: &JobRun,
    card: &RateCard,
    settings: &PricingSettings,
) -> (PricedRun, Reasoning) {
    let priced = || super::price(run, card, settings);
    if run.imported_cost.is_some() {
        return (priced(), Reasoning::Imported);
    }
    match &run.identity.engine {
        Engine::Glue => {
            let (priced, reasoning) = glue::explain(run, card, settings);
            (priced, Reasoning::Glue(reasoning))
        }
        Engine::EmrServerless => {
            (priced(), Reasoning::EmrServerless(emr_serverless::reasoning(run, settings)))
        }
        Engine::Other(_) => (priced(), Reasoning::NotPriced),
    }
}
