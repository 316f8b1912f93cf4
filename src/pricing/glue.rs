//! What a Glue run cost.
//!
//! - `DPUSeconds`, where AWS gives them (Flex, auto scaling), are the quantity as it stands.
//! - Else capacity times time, with a minimum of one minute; ten for Spark before Glue 2.0.
//! - A session's `DPUSeconds` are capacity times time already (source: `Session` in the Glue API
//!   reference), so the minimum applies to them.
//! - Glue 6.0 and later, Flex and memory-optimised workers have rates of their own.
//!
//! Sources: `JobRun` in the Glue API reference for the members' meaning; the Glue pricing page for
//! minimum and granularity. A run bills the time it consumed resources (`ExecutionTime`), which is
//! not the time from start to end, and it bills whether it fails or not.

use rust_decimal::Decimal;

use super::PricingSettings;
use super::rate::parse_version;
use super::rate_card::{Found, RateCard};
use super::rate_index::Wanted;
use super::rate_use::Use;
use super::reasoning::{CapacityFrom, GlueQuantity, GlueReasoning, KindFrom};
use super::unpriced::missing_rate;
use crate::model::{
    AmountOutOfRange, Basis, CostLine, ExecutionClass, JobKind, JobRun, Price, PricedRun, Unpriced,
    Usage, Usd,
};

const SECONDS_PER_HOUR: u32 = 3600;
/// Spark from Glue 2.0 on, Flex, Ray, sessions and Python shell.
const MINIMUM_SECONDS: u64 = 60;
/// Spark on Glue 0.9 and 1.0 alone.
const LEGACY_MINIMUM_SECONDS: u64 = 600;

/// What was used, before its price is known.
struct Quantity {
    /// With the billing minimum.
    dpu_seconds: Decimal,
    /// Without it.
    used_dpu_seconds: Decimal,
    basis: Basis,
    because: GlueQuantity,
}

pub(super) fn price(run: &JobRun, card: &RateCard, settings: &PricingSettings) -> PricedRun {
    explain(run, card, settings).0
}

/// A run's price, and what it rests on.
pub(super) fn explain(
    run: &JobRun,
    card: &RateCard,
    settings: &PricingSettings,
) -> (PricedRun, GlueReasoning) {
    let (kind, kind_from) = kind_and_source(run);
    let minimum_seconds = minimum_seconds(run, &kind);
    let (priced, quantity) = match quantity(run, &kind, minimum_seconds, settings) {
        Ok(quantity) => (of_quantity(run, &kind, &quantity, card), Some(quantity.because)),
        Err(reason) => {
            let usage = Usage::default();
            (PricedRun { price: Price::Unpriced(reason), usage }, None)
        }
    };
    (priced, GlueReasoning { kind, kind_from, minimum_seconds, quantity })
}

fn of_quantity(run: &JobRun, kind: &JobKind, quantity: &Quantity, card: &RateCard) -> PricedRun {
    let usage = Usage { dpu_seconds: quantity.dpu_seconds, ..Usage::default() };
    let price = if quantity.dpu_seconds.is_zero() {
        // Nothing was used, so nothing is owed, whatever the rate is.
        let (lines, minimum_extra) = (Vec::new(), Usd::ZERO);
        Price::Priced { lines, basis: quantity.basis, minimum_extra }
    } else {
        priced(run, kind, quantity, card).unwrap_or_else(Price::Unpriced)
    };
    PricedRun { price, usage }
}

/// The kind of a run: what its job's definition says, else what its capacity gives away.
#[must_use]
pub fn kind_of(run: &JobRun) -> JobKind {
    kind_and_source(run).0
}

fn kind_and_source(run: &JobRun) -> (JobKind, KindFrom) {
    if let Some(kind) = run.job_kind() {
        let from = if run.kind.is_some() { KindFrom::Run } else { KindFrom::Command };
        return (kind.clone(), from);
    }
    match run.worker_type.as_deref() {
        // Ray workers are the only ones of this family, and G.025X is for streaming alone.
        Some(worker) if worker.starts_with("Z.") => (JobKind::Ray, KindFrom::WorkerType),
        Some("G.025X") => (JobKind::Streaming, KindFrom::WorkerType),
        // A Python shell has no worker type, and at most one DPU; Spark has at least two.
        None if run.max_capacity.is_some_and(|dpus| dpus <= Decimal::ONE && !dpus.is_zero()) => {
            (JobKind::PythonShell, KindFrom::Capacity)
        }
        _ => (JobKind::Spark, KindFrom::Assumed),
    }
}

/// DPUs (M-DPUs for R.* and Z.*) of one worker; `None` for a type that is not known.
#[must_use]
pub fn dpu_factor(worker_type: &str) -> Option<Decimal> {
    let whole = |factor: i64| Some(Decimal::from(factor));
    match worker_type {
        "G.025X" => Some(Decimal::new(25, 2)),
        "Standard" | "G.1X" | "R.1X" => whole(1),
        "G.2X" | "R.2X" | "Z.2X" => whole(2),
        "G.4X" | "R.4X" => whole(4),
        "G.8X" | "R.8X" => whole(8),
        "G.12X" => whole(12),
        "G.16X" => whole(16),
        _ => None,
    }
}

/// Whether the run's workers are memory-optimised (R.*, Z.*): counted and billed in M-DPU.
#[must_use]
pub fn is_memory_optimised(run: &JobRun) -> bool {
    run.worker_type.as_deref().is_some_and(|w| w.starts_with("R.") || w.starts_with("Z."))
}

fn quantity(
    run: &JobRun,
    kind: &JobKind,
    minimum: u64,
    settings: &PricingSettings,
) -> Result<Quantity, Unpriced> {
    let seconds = run.execution_seconds;
    let metered = run.dpu_seconds;
    if let Some(dpu_seconds) = metered.filter(|metered| *metered > Decimal::ZERO) {
        let (raised, because) = match seconds {
            Some(seconds)
                if (settings.minimum_applies_to_metered || *kind == JobKind::Session)
                    && (1..minimum).contains(&seconds) =>
            {
                let raised = dpu_seconds
                    .checked_mul(minimum.into())
                    .and_then(|product| product.checked_div(seconds.into()))
                    .ok_or(Unpriced::OutOfRange)?;
                (raised, GlueQuantity::Raised { dpu_seconds, seconds })
            }
            _ => (dpu_seconds, GlueQuantity::Metered { dpu_seconds }),
        };
        return Ok(Quantity {
            dpu_seconds: raised,
            used_dpu_seconds: dpu_seconds,
            basis: Basis::Metered,
            because,
        });
    }
    let seconds = match (seconds, metered) {
        // While a run is under way its source may not have begun to count: that is no use of 0.
        (Some(0), _) if !run.state.is_terminal() => return Err(Unpriced::NoTime),
        (Some(0), _) => {
            let nothing = Decimal::ZERO;
            let basis = if metered.is_some() { Basis::Metered } else { Basis::Provisioned };
            return Ok(Quantity {
                dpu_seconds: nothing,
                used_dpu_seconds: nothing,
                basis,
                because: GlueQuantity::Nothing,
            });
        }
        (Some(seconds), _) => seconds,
        (None, _) => return Err(Unpriced::NoTime),
    };
    let (capacity, capacity_from) = capacity(run)?;
    let flex = run.execution_class == Some(ExecutionClass::Flex);
    // Flex bills what it acquired, and AWS metered none of what time was used for: in both cases
    // capacity times time is only what it cannot exceed.
    let basis = if flex || metered.is_some() { Basis::UpperBound } else { Basis::Provisioned };
    let times =
        |seconds: u64| capacity.checked_mul(Decimal::from(seconds)).ok_or(Unpriced::OutOfRange);
    Ok(Quantity {
        dpu_seconds: times(seconds.max(minimum))?,
        used_dpu_seconds: times(seconds)?,
        basis,
        because: GlueQuantity::Provisioned { capacity, capacity_from, seconds },
    })
}

fn minimum_seconds(run: &JobRun, kind: &JobKind) -> u64 {
    let version = run.version.as_deref().and_then(parse_version);
    let spark = matches!(kind, JobKind::Spark | JobKind::Streaming);
    if spark && version.is_some_and(|version| version < (2, 0)) {
        LEGACY_MINIMUM_SECONDS
    } else {
        MINIMUM_SECONDS
    }
}

/// The run's own capacity in DPU, M-DPU for memory-optimised workers.
fn capacity(run: &JobRun) -> Result<(Decimal, CapacityFrom), Unpriced> {
    // AWS fills MaxCapacity for runs with workers too, but does not say in which unit it counts
    // memory-optimised ones. A capacity of 0 is none that a run could have had.
    let told = run.max_capacity.filter(|dpus| !dpus.is_zero());
    if let Some(dpus) = told.filter(|_| !is_memory_optimised(run)) {
        return Ok((dpus, CapacityFrom::MaxCapacity));
    }
    let (Some(worker_type), Some(workers)) = (&run.worker_type, run.worker_count) else {
        return Err(Unpriced::NoCapacity);
    };
    let factor =
        dpu_factor(worker_type).ok_or_else(|| Unpriced::UnknownWorkerType(worker_type.clone()))?;
    let dpus = factor.checked_mul(Decimal::from(workers)).ok_or(Unpriced::OutOfRange)?;
    Ok((dpus, CapacityFrom::Workers { factor, workers }))
}

fn priced(
    run: &JobRun,
    kind: &JobKind,
    quantity: &Quantity,
    card: &RateCard,
) -> Result<Price, Unpriced> {
    if let JobKind::Other(name) = kind {
        return Err(Unpriced::UnknownKind(name.to_string()));
    }
    let (component, unit) =
        if is_memory_optimised(run) { ("M-DPU", "M-DPU-Hours") } else { ("DPU", "DPU-Hours") };
    let wanted = wanted(run, kind, component);
    if wanted.version.is_none() && matches!(kind, JobKind::Spark | JobKind::Streaming) {
        return Err(Unpriced::NoVersion);
    }
    let Some(Found { index, rate, list }) = card.find(&wanted) else {
        return Err(missing_rate(run, kind, None, card, &[wanted]));
    };
    let amount = |dpu_seconds| Usd::of_usage(dpu_seconds, SECONDS_PER_HOUR, rate.usd);
    let (amount, used) = match (amount(quantity.dpu_seconds), amount(quantity.used_dpu_seconds)) {
        (Ok(amount), Ok(used)) => (amount, used),
        (Err(AmountOutOfRange), _) | (_, Err(AmountOutOfRange)) => {
            return Err(Unpriced::OutOfRange);
        }
    };
    let line = CostLine {
        component,
        quantity: hours(quantity.dpu_seconds),
        unit,
        rate: rate.usd,
        list_rate: list.map_or(rate.usd, |list| list.usd),
        rate_index: Some(index),
        amount,
    };
    let minimum_extra = amount - used;
    Ok(Price::Priced { lines: vec![line], basis: quantity.basis, minimum_extra })
}

/// The rate that a run's use of a component asks for.
pub(super) fn wanted<'r>(run: &'r JobRun, kind: &JobKind, component: &'static str) -> Wanted<'r> {
    Wanted {
        engine: &run.identity.engine,
        account: &run.identity.account,
        region: &run.identity.region,
        component,
        what: Use::glue(kind, run.execution_class.as_ref()),
        version: run.version.as_deref().and_then(parse_version),
        at: run.end().or_else(|| run.start()),
    }
}

/// Seconds as hours, rounded half to even at nine decimals. For showing: amounts are computed from
/// the seconds.
pub(super) fn hours(seconds: Decimal) -> Decimal {
    (seconds / Decimal::from(SECONDS_PER_HOUR)).round_dp(9).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Definition, Engine, RunIdentity, RunState};

    fn run(worker: &str, workers: u32, seconds: u64, version: &str) -> JobRun {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "us-east-1".into(),
            engine: Engine::Glue,
            application_id: None,
            run_id: "jr_1".into(),
            attempt: 1,
        };
        let mut run = JobRun::new(identity, RunState::Succeeded);
        run.ended_at = Some("2026-11-10T06:00:00Z".parse().unwrap());
        run.worker_type = Some(worker.into());
        run.worker_count = Some(workers);
        run.execution_seconds = Some(seconds);
        run.version = Some(version.into());
        run
    }

    fn cost(run: &JobRun) -> String {
        let card = RateCard::shipped().unwrap();
        match price(run, &card, &PricingSettings::default()).price {
            Price::Unpriced(reason) => reason.to_string(),
            priced => format!("{} {}", priced.cost().unwrap(), priced.basis_word()),
        }
    }

    /// The worked example of the Glue pricing page: 6 DPUs, 15 minutes.
    #[test]
    fn aws_own_example() {
        assert_eq!(cost(&run("G.1X", 6, 900, "5.0")), "0.66 provisioned");
        assert_eq!(cost(&run("G.1X", 6, 900, "6.0")), "0.462 provisioned");
    }

    /// By hand: 10 DPU x 60 s x 0.44 / 3600 = 0.07333...; x 600 s = 0.7333...
    #[test]
    fn the_minimum_is_a_minute_and_ten_before_glue_2() {
        assert_eq!(cost(&run("G.1X", 10, 20, "2.0")), "0.073333333 provisioned");
        assert_eq!(cost(&run("Standard", 10, 20, "1.0")), "0.733333333 provisioned");
        assert_eq!(cost(&run("Standard", 10, 20, "0.9")), "0.733333333 provisioned");
        assert_eq!(cost(&run("G.1X", 10, 900, "1.0")), "1.10 provisioned");
        let card = RateCard::shipped().unwrap();
        let priced = price(&run("G.1X", 10, 20, "2.0"), &card, &PricingSettings::default()).price;
        let Price::Priced { minimum_extra, .. } = priced else { panic!("{priced:?}") };
        assert_eq!(minimum_extra.to_string(), "0.048888889");
    }

    /// By hand: 0.0625 DPU x 60 s x 0.44 / 3600.
    #[test]
    fn a_python_shell_has_the_one_minute_minimum_whatever_its_version() {
        let mut shell = run("", 0, 20, "1.0");
        (shell.worker_type, shell.worker_count) = (None, None);
        shell.max_capacity = Some(Decimal::new(625, 4));
        assert_eq!(cost(&shell), "0.000458333 provisioned");
        shell.version = None;
        assert_eq!(cost(&shell), "0.000458333 provisioned");
    }

    #[test]
    fn dpu_seconds_are_the_quantity_as_it_stands() {
        // A real auto-scaled run: 53 s at a maximum of 12 DPU, 240 DPU-seconds metered.
        let mut scaled = run("G.1X", 12, 53, "4.0");
        scaled.dpu_seconds = Some(240.into());
        assert_eq!(cost(&scaled), "0.029333333 metered");
        scaled.execution_class = Some(ExecutionClass::Flex);
        assert_eq!(cost(&scaled), "0.019333333 metered");
        scaled.dpu_seconds = Some(0.into());
        assert_eq!(cost(&scaled), "0.058 upper-bound");
        scaled.execution_seconds = Some(0);
        assert_eq!(cost(&scaled), "0.00 metered");
    }

    #[test]
    fn memory_optimised_workers_have_their_own_unit_and_rate() {
        let mut memory = run("R.2X", 5, 3600, "5.0");
        memory.max_capacity = Some(999.into());
        assert_eq!(cost(&memory), "5.20 provisioned");
        memory.version = Some("6.0".into());
        assert_eq!(cost(&memory), "3.64 provisioned");
        memory.execution_class = Some(ExecutionClass::Flex);
        assert_eq!(cost(&memory), "no rate for Glue 6.0 spark FLEX M-DPU in us-east-1");
        let mut ray = run("Z.2X", 5, 3600, "4.0");
        ray.define(Definition { kind: Some(JobKind::Ray), ..Definition::default() });
        assert_eq!(cost(&ray), "4.40 provisioned");
    }

    #[test]
    fn a_session_has_its_own_rate_and_the_minute() {
        let mut session = run("G.1X", 5, 20, "5.0");
        session.kind = Some(JobKind::Session);
        // By hand: 5 DPU x 60 s x 0.44 / 3600.
        assert_eq!(cost(&session), "0.036666667 provisioned");
        // DPUSeconds are 5 x 20 here, and no more than what the minimum is counted from.
        session.dpu_seconds = Some(100.into());
        assert_eq!(cost(&session), "0.036666667 metered");
        // 5 x 7.5 is for a second that was begun: x 60 / 8 = 281.25 DPU-seconds.
        (session.dpu_seconds, session.execution_seconds) = (Some("37.5".parse().unwrap()), Some(8));
        assert_eq!(cost(&session), "0.034375 metered");
        (session.dpu_seconds, session.execution_seconds) = (Some(18_000.into()), Some(3600));
        assert_eq!(cost(&session), "2.20 metered");
        session.dpu_seconds = None;
        session.identity.region = "ap-south-1".into();
        assert_eq!(cost(&session), "no rate for Glue 5.0 session STANDARD DPU in ap-south-1");
    }

    #[test]
    fn what_is_not_known_is_never_guessed() {
        let mut unknown = run("G.99X", 5, 3600, "5.0");
        assert_eq!(cost(&unknown), "worker type G.99X is not known");
        unknown.max_capacity = Some(10.into());
        assert_eq!(cost(&unknown), "4.40 provisioned");
        unknown.version = None;
        assert_eq!(cost(&unknown), "the Glue version is not known");
        unknown.execution_seconds = None;
        assert_eq!(cost(&unknown), "the execution time is not known");
        unknown.execution_seconds = Some(0);
        assert_eq!(cost(&unknown), "0.00 provisioned");
        let mut running = run("G.1X", 5, 0, "5.0");
        running.state = RunState::Running;
        assert_eq!(cost(&running), "the execution time is not known");
        let mut no_capacity = run("G.1X", 5, 3600, "5.0");
        no_capacity.max_capacity = Some(0.into());
        assert_eq!(cost(&no_capacity), "2.20 provisioned");
        no_capacity.worker_type = None;
        assert_eq!(cost(&no_capacity), "the capacity is not known");
        let mut elsewhere = run("G.1X", 5, 3600, "5.0");
        elsewhere.identity.region = "mars-north-1".into();
        assert_eq!(cost(&elsewhere), "no rate for Glue 5.0 spark STANDARD DPU in mars-north-1");
    }
}
