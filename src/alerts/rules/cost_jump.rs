//! `cost-jump`: a job whose runs, or whose day, cost far more than they used to.
//!
//! A run is held against the job's runs before it, and today's sum so far against the days before:
//! a job that is as cheap as ever but runs ten times as often jumps too. What is judged is no part
//! of the history that it is judged by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::speaking_ends;
use super::usual::{Jump, Usual, usual};
use crate::alerts::facts::{Facts, JobFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{dollars, time};
use crate::model::{Usd, utc_day};

pub(crate) struct CostJump;

/// When a cost is a jump: all of it must hold.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CostJumps {
    /// How many times the median it is, at least: all of these must hold.
    times: u64,
    /// How many times the usual deviation it is above the median.
    spreads: u64,
    /// How much it is above the median, in US dollars.
    floor_usd: Usd,
    /// How many runs, or days, are known of it.
    history_min: usize,
}

impl Default for CostJumps {
    fn default() -> Self {
        let floor_usd = Usd::from_nanos(5_000_000_000);
        Self { times: 3, spreads: 6, floor_usd, history_min: 10 }
    }
}

/// What jumped.
struct Jumped {
    cost: Usd,
    usual: Usual,
    what: String,
    run: String,
}

impl Rule for CostJump {
    const CODE: &'static str = "cost-jump";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a run, or a job's day, cost far more than its history of the same weekday lets expect";
    type Limits = CostJumps;

    fn check(limits: &CostJumps) -> Result<(), String> {
        if limits.times < 2 { Err("times: at least 2".to_owned()) } else { Ok(()) }
    }

    fn find(limits: &Limits<CostJumps>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let limits = limits.of_job(key, job);
            let jump = Jump {
                times: limits.times,
                spreads: limits.spreads,
                floor: micros(limits.floor_usd),
                least: limits.history_min,
            };
            let jumped =
                run_jumped(facts, job, jump).into_iter().chain(day_jumped(facts, job, jump));
            let Some(worst) = jumped.max_by_key(|jumped| jumped.cost) else { continue };
            let (limit, median) = (dollars_of(worst.usual.limit), dollars_of(worst.usual.median));
            let (cost, usually) = (dollars(worst.cost), dollars(median));
            let message = format!("{} of {} cost {cost}, usually {usually}", worst.what, key.job);
            let subject = Subject { run_id: worst.run, ..Subject::job(key, &job.team) };
            findings.push(
                Finding::new(Self::CODE, severity, subject, message)
                    .beyond_usd(worst.cost, limit)
                    .shown(vec![format!("usual {usually}, a jump from {} on", dollars(limit))])
                    .advise("Compare its input, its workers and its number of runs with before"),
            );
        }
        findings
    }
}

/// The dearest run that jumped, of those that tell what the job does now.
fn run_jumped(facts: &Facts, job: &JobFacts, jump: Jump) -> Option<Jumped> {
    let judged: Vec<_> = speaking_ends(job, facts.now).collect();
    let first = judged.last()?.ended;
    let weekday = |end: &crate::alerts::facts::End<'_>| utc_day(end.ended).weekday();
    let before = job.ends().take_while(|end| end.ended < first);
    let mut history: Vec<_> =
        before.filter_map(|end| Some((weekday(&end), micros(end.cost?)))).collect();
    let mut worst: Option<Jumped> = None;
    // From the earliest on, so that each is held against all before it.
    for end in judged.iter().rev() {
        let Some(cost) = end.cost else { continue };
        let known = usual(&history, weekday(end), jump);
        history.push((weekday(end), micros(cost)));
        let Some(usual) = known.filter(|usual| micros(cost) > usual.limit) else { continue };
        if worst.as_ref().is_none_or(|worst| cost > worst.cost) {
            let what = format!("The run that ended at {}", time(end.ended));
            let run = end.run.unwrap_or_default().to_owned();
            worst = Some(Jumped { cost, usual, what, run });
        }
    }
    worst
}

/// Today so far, or yesterday, if it jumped.
fn day_jumped(facts: &Facts, job: &JobFacts, jump: Jump) -> Option<Jumped> {
    let today = utc_day(facts.now);
    let yesterday = today.yesterday().ok()?;
    let costs = job.day_costs(today);
    let split = costs.partition_point(|(day, _)| *day < yesterday);
    let mut history: Vec<_> =
        costs[..split].iter().map(|(day, cost)| (day.weekday(), micros(*cost))).collect();
    let mut worst: Option<Jumped> = None;
    for (day, cost) in &costs[split..] {
        let known = usual(&history, day.weekday(), jump);
        history.push((day.weekday(), micros(*cost)));
        let Some(usual) = known.filter(|usual| micros(*cost) > usual.limit) else { continue };
        if worst.as_ref().is_none_or(|worst| *cost > worst.cost) {
            let what = format!("The day {day}");
            worst = Some(Jumped { cost: *cost, usual, what, run: String::new() });
        }
    }
    worst
}

/// Micro-dollars: fine enough for what is usual.
fn micros(usd: Usd) -> u64 {
    u64::try_from(usd.nanos().max(0) / 1_000).unwrap_or(u64::MAX)
}

fn dollars_of(micros: u64) -> Usd {
    Usd::from_nanos(i128::from(micros) * 1_000)
}
