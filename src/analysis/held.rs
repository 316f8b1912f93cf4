//! What a run holds of its engine's capacity quota: over its whole time once it has ended, and now
//! while it goes on. Floats, because nothing is paid by it.

use std::collections::HashMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::model::{Engine, JobRun};
use crate::pricing::{dpu_factor, is_memory_optimised};
use crate::quota::Units;

/// What a run held of a capacity quota while it ran.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Held {
    /// The same all the time.
    Exactly(f64),
    /// On average, and never more than `most`, where AWS sets such a bound.
    OnAverage {
        /// DPUs or vCPUs, averaged over the run's time.
        average: f64,
        /// What it cannot have exceeded.
        most: Option<f64>,
    },
    /// Not known.
    Unknown,
}

impl Held {
    /// What a run held at any one moment, as far as can be said: its average, nothing where nothing
    /// is known.
    pub(super) const fn typical(self) -> f64 {
        match self {
            Self::Exactly(held) | Self::OnAverage { average: held, .. } => held,
            Self::Unknown => 0.0,
        }
    }
}

/// Seconds from a run's creation to its start, in which it waited to be scheduled and for capacity.
/// Only EMR Serverless tells both; Glue does not say afterwards that a run has waited.
pub(super) fn waited_seconds(run: &JobRun) -> Option<u64> {
    let waited = run.started_at?.as_second() - run.created_at?.as_second();
    u64::try_from(waited).ok()
}

/// What a run held of its capacity quota.
pub(super) fn held(run: &JobRun) -> Held {
    if run.identity.engine == Engine::EmrServerless {
        let (Some(used), seconds) = (run.billed.or(run.used), run.runtime_seconds()) else {
            return Held::Unknown;
        };
        let Some(vcpu_hours) = used.vcpu_hours.to_f64().filter(|_| seconds > 0) else {
            return Held::Unknown;
        };
        #[expect(clippy::cast_precision_loss, reason = "seconds of a run are far below 2^52")]
        let average = vcpu_hours * 3600.0 / seconds as f64;
        let most = run.definition.as_ref().and_then(|d| d.maximum_vcpus).and_then(number);
        return Held::OnAverage { average, most: most.filter(|most| *most >= average) };
    }
    let capacity = configured_dpus(run);
    match (run.dpu_seconds.and_then(number).filter(|used| *used > 0.0), run.execution_seconds) {
        (Some(used), Some(seconds)) if seconds > 0 => {
            #[expect(clippy::cast_precision_loss, reason = "seconds of a run are far below 2^52")]
            let average = used / seconds as f64;
            Held::OnAverage { average, most: capacity.filter(|most| *most >= average) }
        }
        _ => capacity.map_or(Held::Unknown, Held::Exactly),
    }
}

/// The DPUs that a Glue run was configured with: what it holds, or its most where it scales.
fn configured_dpus(run: &JobRun) -> Option<f64> {
    let by_workers = || {
        let factor = dpu_factor(run.worker_type.as_deref()?)?;
        number(factor.checked_mul(run.worker_count?.into())?)
    };
    // As in pricing: the unit of MaxCapacity is not known for memory-optimised workers.
    let told = run.max_capacity.filter(|dpus| !dpus.is_zero() && !is_memory_optimised(run));
    told.and_then(number).or_else(by_workers)
}

fn number(decimal: Decimal) -> Option<f64> {
    decimal.to_f64()
}

/// What each of these runs, none of which has ended, holds or will hold at most. The runs of one
/// EMR Serverless application together are bound by what it may have: each is given an even part of
/// that, so that it counts once.
#[must_use]
pub fn units_now(runs: &[JobRun]) -> Vec<Units> {
    let mut in_application: HashMap<Option<&str>, f64> = HashMap::new();
    let is_serverless = |run: &&JobRun| run.identity.engine == Engine::EmrServerless;
    for run in runs.iter().filter(is_serverless) {
        *in_application.entry(run.identity.application_id.as_deref()).or_default() += 1.0;
    }
    let units = |run: &JobRun| {
        if is_serverless(&run) {
            let most = run.definition.as_ref().and_then(|d| d.maximum_vcpus).and_then(number);
            let sharers = in_application.get(&run.identity.application_id.as_deref());
            return match (most, sharers) {
                (Some(most), Some(sharers)) => Units::AtMost(most / sharers),
                _ => Units::Unknown,
            };
        }
        match (configured_dpus(run), run.dpu_seconds) {
            (Some(dpus), None) => Units::Fixed(dpus),
            // AWS counts DPU-seconds where the size changes, or the capacity is spare.
            (Some(dpus), Some(_)) => Units::AtMost(dpus),
            (None, _) => Units::Unknown,
        }
    };
    runs.iter().map(units).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Definition, RunIdentity, RunState};

    fn run(engine: Engine, application: Option<&str>) -> JobRun {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine,
            application_id: application.map(str::to_owned),
            run_id: "r".into(),
            attempt: 1,
        };
        JobRun::new(identity, RunState::Running)
    }

    #[test]
    fn runs_of_one_application_share_its_bound() {
        let serverless = |application: &str, most: Option<u32>| {
            let mut run = run(Engine::EmrServerless, Some(application));
            run.define(Definition { maximum_vcpus: most.map(Decimal::from), ..Default::default() });
            run
        };
        let runs = [serverless("a", Some(30)), serverless("b", None), serverless("a", Some(30))];
        assert_eq!(units_now(&runs), [Units::AtMost(15.0), Units::Unknown, Units::AtMost(15.0)]);
    }

    #[test]
    fn a_glue_run_holds_what_it_is_configured_with() {
        let mut one = run(Engine::Glue, None);
        assert_eq!(units_now(&[one.clone()]), [Units::Unknown]);
        (one.worker_type, one.worker_count) = (Some("G.2X".into()), Some(5));
        assert_eq!(units_now(&[one.clone()]), [Units::Fixed(10.0)]);
        one.dpu_seconds = Some(Decimal::ZERO);
        assert_eq!(units_now(&[one.clone()]), [Units::AtMost(10.0)]);
    }
}
