//! What one run contributes to a report: its facts, priced, and nothing that no figure needs.

use std::hash::{Hash, Hasher};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::held::{Held, held, waited_seconds};
use crate::model::{
    Basis, Engine, ExecutionClass, JobKind, JobRun, Price, PricedRun, RunIdentity, RunState,
    Unpriced, Usd,
};
use crate::pricing::kind_of;

pub use crate::model::JobKey;

/// Attempts of one EMR Serverless run that a chain is followed through; retry policies allow ten.
const ATTEMPTS_MAX: usize = 1_000;

/// What a run was configured with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigurationKey {
    /// The engine.
    pub engine: Engine,
    /// Glue's worker type, EMR Serverless' architecture, `Python shell`, or `-`.
    pub worker_type: String,
    /// The execution class.
    pub execution_class: String,
    /// The Glue version or EMR release.
    pub version: String,
}

/// One run's contribution.
#[derive(Clone, Debug)]
pub struct RunRow {
    pub(super) job: JobKey,
    pub(super) team: String,
    pub(super) state: RunState,
    pub(super) configuration: ConfigurationKey,
    pub(super) identity: RunIdentity,
    pub(super) previous: Vec<u128>,
    pub(super) first_stored: Timestamp,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Timestamp,
    pub(super) runtime_seconds: u64,
    pub(super) worker_count: Option<u32>,
    pub(super) cost: Option<Usd>,
    pub(super) minimum_extra: Usd,
    pub(super) unpriced: Option<Unpriced>,
    pub(super) basis: Option<Basis>,
    pub(super) rate_indexes: [Option<u16>; 3],
    pub(super) assumed_architecture: bool,
    pub(super) dpu_seconds: Decimal,
    pub(super) vcpu_hours: Decimal,
    pub(super) memory_gb_hours: Decimal,
    pub(super) storage_gb_hours: Decimal,
    pub(super) wasted_end: bool,
    pub(super) error: Option<String>,
    pub(super) flex: bool,
    pub(super) held: Held,
    pub(super) waited_seconds: Option<u64>,
}

impl RunRow {
    /// The contribution of a run that has ended; `None` for one that has not.
    #[must_use]
    pub fn of(
        run: &JobRun,
        priced: &PricedRun,
        job: &str,
        team: String,
        first_stored: Timestamp,
    ) -> Option<Self> {
        let ended = run.end()?;
        let identity = run.identity.clone();
        let (unpriced, basis, minimum_extra) = match &priced.price {
            Price::Priced { basis, minimum_extra, .. } => (None, Some(*basis), *minimum_extra),
            Price::Unpriced(reason) => (Some(reason.clone()), None, Usd::ZERO),
        };
        let emr = identity.engine == Engine::EmrServerless;
        let architecture = run.definition.as_ref().and_then(|d| d.architecture.as_ref());
        Some(Self {
            job: JobKey {
                engine: identity.engine.clone(),
                account: identity.account.clone(),
                region: identity.region.clone(),
                job: job.to_owned(),
            },
            team,
            state: run.state.clone(),
            configuration: configuration(run),
            previous: previous(run),
            first_stored,
            started: run.started_at,
            ended,
            runtime_seconds: run.runtime_seconds(),
            worker_count: run.worker_count,
            cost: priced.price.cost(),
            minimum_extra,
            unpriced,
            basis,
            rate_indexes: rate_indexes(&priced.price),
            assumed_architecture: emr && architecture.is_none() && basis.is_some(),
            dpu_seconds: priced.usage.dpu_seconds,
            vcpu_hours: priced.usage.vcpu_hours,
            memory_gb_hours: priced.usage.memory_gb_hours,
            storage_gb_hours: priced.usage.storage_gb_hours,
            wasted_end: run.is_wasted_end(&kind_of(run)),
            // A session that nobody used any more is no failure to look into.
            error: (run.state.is_bad_end() && !run.is_idle_end())
                .then(|| run.error_line().unwrap_or_default()),
            flex: run.execution_class == Some(ExecutionClass::Flex),
            held: held(run),
            waited_seconds: waited_seconds(run),
            identity,
        })
    }
}

/// A stand-in for an identity that is small enough to keep a million of: 128 bits, so that two runs
/// sharing one is out of the question.
pub(super) fn identity_hash(identity: &RunIdentity) -> u128 {
    let half = |salt: u8| {
        let mut hasher = std::hash::DefaultHasher::new();
        (salt, identity).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// Whether the one run follows the other in its chain, near or far: it repeats it.
#[must_use]
pub fn follows(later: &JobRun, earlier: &RunIdentity) -> bool {
    previous(later).contains(&identity_hash(earlier))
}

/// The runs that this one follows in its chain, the nearest first.
pub(super) fn previous(run: &JobRun) -> Vec<u128> {
    let with = |run_id: &str, attempt: u32| {
        let run_id = run_id.to_owned();
        identity_hash(&RunIdentity { run_id, attempt, ..run.identity.clone() })
    };
    if let Some(previous) = &run.previous_run_id {
        // A run that claims to follow itself follows nothing.
        let itself = *previous == run.identity.run_id;
        return if itself { Vec::new() } else { vec![with(previous, run.identity.attempt)] };
    }
    (1..run.identity.attempt)
        .rev()
        .take(ATTEMPTS_MAX)
        .map(|n| with(&run.identity.run_id, n))
        .collect()
}

fn rate_indexes(price: &Price) -> [Option<u16>; 3] {
    let mut indexes = [None; 3];
    if let Price::Priced { lines, .. } = price {
        for (place, line) in indexes.iter_mut().zip(lines) {
            *place = line.rate_index.and_then(|index| u16::try_from(index).ok());
        }
    }
    indexes
}

fn configuration(run: &JobRun) -> ConfigurationKey {
    let dash = || "-".to_owned();
    let worker_type = match &run.identity.engine {
        Engine::EmrServerless => {
            let known = run.definition.as_ref().and_then(|d| d.architecture.as_ref());
            known.map_or_else(dash, |architecture| architecture.as_str().to_owned())
        }
        _ if kind_of(run) == JobKind::PythonShell => "Python shell".to_owned(),
        _ => run.worker_type.clone().unwrap_or_else(dash),
    };
    ConfigurationKey {
        engine: run.identity.engine.clone(),
        worker_type,
        execution_class: run
            .execution_class
            .as_ref()
            .map_or_else(|| "STANDARD".to_owned(), |class| class.as_str().to_owned()),
        version: run.version.clone().unwrap_or_else(dash),
    }
}
