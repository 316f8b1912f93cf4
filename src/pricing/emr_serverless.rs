//! What an EMR Serverless run cost: what AWS says it billed, times the rates of the application's
//! architecture.
//!
//! `billedResourceUtilization` includes the one-minute minimum of each worker and the storage over
//! 20 GB, and leaves out idle pre-initialised workers, which belong to no run (source: the EMR
//! Serverless API reference). It does not tell driver from executors, so a Flex run, whose
//! executors are discounted, is priced at the standard rates as an upper bound. Whether a later
//! attempt's figures include the earlier ones' is not documented: until every attempt is known, its
//! cost is an upper bound too.

use super::PricingSettings;
use super::glue::kind_of;
use super::rate_card::{Found, RateCard};
use super::rate_index::Wanted;
use super::rate_use::Use;
use super::reasoning::EmrReasoning;
use super::unpriced::missing_rate;
use crate::model::{
    Architecture, Basis, CostLine, ExecutionClass, JobRun, Price, PricedRun, Resources, Unpriced,
    Usage, Usd,
};

pub(super) fn price(run: &JobRun, card: &RateCard, settings: &PricingSettings) -> PricedRun {
    // An interim figure prices a run under way, never one that has ended.
    let known = run.billed.filter(|_| run.billed_is_final() || !run.state.is_terminal());
    let Some(billed) = known else {
        // What was used of storage includes what is free, so it does not wait for a price.
        let usage = run.used.map_or_else(Usage::default, |used| Usage {
            vcpu_hours: used.vcpu_hours,
            memory_gb_hours: used.memory_gb_hours,
            ..Usage::default()
        });
        return PricedRun { price: Price::Unpriced(Unpriced::NotBilledYet), usage };
    };
    let usage = Usage {
        vcpu_hours: billed.vcpu_hours,
        memory_gb_hours: billed.memory_gb_hours,
        storage_gb_hours: billed.storage_gb_hours,
        ..Usage::default()
    };
    let price = priced(run, &billed, card, settings).unwrap_or_else(Price::Unpriced);
    PricedRun { price, usage }
}

fn priced(
    run: &JobRun,
    billed: &Resources,
    card: &RateCard,
    settings: &PricingSettings,
) -> Result<Price, Unpriced> {
    let used = run.used.unwrap_or(*billed);
    let components = [
        ("vCPU", "vCPU-Hours", billed.vcpu_hours, used.vcpu_hours),
        ("memory", "GB-Hours", billed.memory_gb_hours, used.memory_gb_hours),
        // Used storage includes what is free, so it says nothing of a minimum.
        ("storage", "GB-Hours", billed.storage_gb_hours, billed.storage_gb_hours),
    ];
    let mut lines = Vec::with_capacity(components.len());
    let mut minimum_extra = Usd::ZERO;
    let mut missing = Vec::new();
    for (component, unit, quantity, used) in components {
        if quantity.is_zero() {
            continue;
        }
        let wanted = wanted(run, component, settings);
        let Some(Found { index, rate, list }) = card.find(&wanted) else {
            missing.push(wanted);
            continue;
        };
        let amount = |hours| Usd::of_usage(hours, 1, rate.usd).map_err(|_| Unpriced::OutOfRange);
        let billed_amount = amount(quantity)?;
        minimum_extra += billed_amount - amount(used.min(quantity))?;
        lines.push(CostLine {
            component,
            quantity,
            unit,
            rate: rate.usd,
            list_rate: list.map_or(rate.usd, |list| list.usd),
            rate_index: Some(index),
            amount: billed_amount,
        });
    }
    if !missing.is_empty() {
        let architecture = Some(architecture(run, settings));
        return Err(missing_rate(run, &kind_of(run), architecture, card, &missing));
    }
    let is_bound = is_flex(run) || is_later_attempt(run);
    let basis = if is_bound { Basis::UpperBound } else { Basis::Billed };
    Ok(Price::Priced { lines, basis, minimum_extra })
}

/// The architecture that a run is priced for.
pub(super) fn architecture<'r>(run: &'r JobRun, settings: &'r PricingSettings) -> &'r Architecture {
    known_architecture(run).unwrap_or(&settings.assumed_architecture)
}

fn known_architecture(run: &JobRun) -> Option<&Architecture> {
    run.definition.as_ref()?.architecture.as_ref()
}

/// What a run's price rests on.
pub(super) fn reasoning(run: &JobRun, settings: &PricingSettings) -> EmrReasoning {
    EmrReasoning {
        architecture: architecture(run, settings).clone(),
        architecture_is_known: known_architecture(run).is_some(),
        flex: is_flex(run),
        later_attempt: is_later_attempt(run),
    }
}

fn is_flex(run: &JobRun) -> bool {
    run.execution_class == Some(ExecutionClass::Flex)
}

const fn is_later_attempt(run: &JobRun) -> bool {
    run.identity.attempt > 1
}

/// The rate that a run's use of a component asks for.
pub(super) fn wanted<'r>(
    run: &'r JobRun,
    component: &'static str,
    settings: &PricingSettings,
) -> Wanted<'r> {
    Wanted {
        engine: &run.identity.engine,
        account: &run.identity.account,
        region: &run.identity.region,
        component,
        what: Use::emr_serverless(&kind_of(run), architecture(run, settings)),
        version: None,
        at: run.end().or_else(|| run.start()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Definition, Engine, RunIdentity, RunState, Stamp};

    fn run() -> JobRun {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::EmrServerless,
            application_id: Some("app".into()),
            run_id: "run".into(),
            attempt: 1,
        };
        let hours = |text: &str| text.parse().unwrap();
        let mut run = JobRun::new(identity, RunState::Success);
        run.ended_at = Some("2026-11-10T06:00:00Z".parse().unwrap());
        run.billed = Some(Resources {
            vcpu_hours: hours("1.267"),
            memory_gb_hours: hours("5.067"),
            storage_gb_hours: hours("0.0"),
        });
        run.used = Some(Resources {
            vcpu_hours: hours("1.204"),
            memory_gb_hours: hours("4.816"),
            storage_gb_hours: hours("6.02"),
        });
        run
    }

    fn priced(run: &JobRun) -> Price {
        let card = RateCard::shipped().unwrap();
        super::super::price(run, &card, &PricingSettings::default()).price
    }

    /// By hand: 1.267 x 0.052624 = 0.066674608; 5.067 x 0.0057785 = 0.0292796595, half to even.
    #[test]
    fn billed_resources_times_rates() {
        let price = priced(&run());
        let Price::Priced { lines, basis, minimum_extra } = &price else { panic!("{price:?}") };
        let amounts: Vec<_> = lines.iter().map(|line| line.amount.to_string()).collect();
        assert_eq!(amounts, ["0.066674608", "0.02927966"]);
        assert_eq!(*basis, Basis::Billed);
        // 0.063 x 0.052624 + 0.251 x 0.0057785, each part rounded.
        assert_eq!(minimum_extra.to_string(), "0.004765716");
    }

    #[test]
    fn what_is_not_yet_billed_is_unpriced() {
        let mut waiting = run();
        waiting.billed = None;
        assert_eq!(priced(&waiting), Price::Unpriced(Unpriced::NotBilledYet));
        let mut interim = run();
        interim.older.insert("billed".into(), Stamp { terminal: false, updated_at: None });
        assert_eq!(priced(&interim), Price::Unpriced(Unpriced::NotBilledYet));
    }

    #[test]
    fn architecture_flex_and_attempts() {
        let mut arm = run();
        arm.define(Definition { architecture: Some(Architecture::Arm), ..Definition::default() });
        assert_eq!(priced(&arm).basis_word(), "unpriced");
        arm.identity.region = "ap-southeast-1".into();
        assert_eq!(priced(&arm).cost().unwrap().to_string(), "0.095740177");
        let mut flex = run();
        flex.execution_class = Some(ExecutionClass::Flex);
        assert_eq!(priced(&flex).basis_word(), "upper-bound");
        let mut second = run();
        second.identity.attempt = 2;
        assert_eq!(priced(&second).basis_word(), "upper-bound");
    }
}
