//! What to do about it, and what it is worth: advice that follows from the period's own figures.

use std::collections::HashMap;

use polars::prelude::*;

use super::frame::{RunFrame, money, numbers};
use super::{Action, AnalysisError, Completeness, FailureFigures, QuotaFigures};
use crate::model::{Engine, Period, Usd, quota_title};
use crate::ownership::UNALLOCATED;
use crate::pricing::RateCard;

/// How many pieces of advice a report gives: few enough to be followed.
const ACTIONS_MAX: usize = 6;
/// What is worth less in a period is not worth a reader's time: one dollar.
const WORTH_MIN: Usd = Usd::from_nanos(1_000_000_000);
/// How near its limit a quota's peak is worth a word.
const QUOTA_SHARE_MIN: f64 = 0.8;
/// The part of a peak from which on a job is worth naming.
const WORTH_SPREADING_MIN: f64 = 0.1;

/// What advice is drawn from.
pub(super) struct Evidence<'a> {
    pub(super) runs: &'a RunFrame,
    pub(super) card: &'a RateCard,
    /// At whose end rates are looked up, and in whose zone times are told.
    pub(super) period: &'a Period,
    pub(super) failures: &'a [FailureFigures],
    pub(super) quotas: &'a [QuotaFigures],
    pub(super) completeness: &'a Completeness,
}

/// The advice that is worth most; what has no price in dollars comes last.
pub(super) fn actions(evidence: &Evidence<'_>) -> Result<Vec<Action>, AnalysisError> {
    let mut priceless = Vec::new();
    priceless.extend(
        evidence.quotas.iter().filter_map(|quota| spread_load(quota, evidence.period)).take(1),
    );
    priceless.extend(add_rate(evidence.completeness));
    let mut actions = Vec::new();
    actions.extend(evidence.failures.iter().take(3).filter_map(fix_failure));
    actions.extend(upgrade_glue(evidence)?);
    actions.extend(leave_minimum(evidence.runs)?);
    actions.extend(set_owner(evidence.runs)?);
    actions.sort_by(|a, b| b.usd.cmp(&a.usd).then_with(|| a.advice.cmp(&b.advice)));
    // What has no price must not be crowded out by small sums: a full quota stops everybody.
    actions.truncate(ACTIONS_MAX - priceless.len());
    actions.extend(priceless);
    Ok(actions)
}

fn fix_failure(failure: &FailureFigures) -> Option<Action> {
    let FailureFigures { job, runs, error, state, cost_usd, restart, .. } = failure;
    if *restart || *cost_usd < WORTH_MIN {
        return None;
    }
    let times = if *runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    let why = if error.is_empty() { "without an error text".to_owned() } else { error.clone() };
    let advice = format!("Fix {job}: {times} ended {state}: {why}");
    Some(Action { code: "fix-failures", advice, usd: *cost_usd })
}

/// What jobs on Glue before 6.0 would have cost less at the 6.0 rates, for the same DPU time.
fn upgrade_glue(evidence: &Evidence<'_>) -> Result<Option<Action>, AnalysisError> {
    let runs = evidence.runs;
    let table = runs
        .frame
        .clone()
        .lazy()
        .group_by([col("job"), col("configuration")])
        .agg([col("cost").sum()])
        .collect()?;
    let mut by_job: HashMap<u32, Usd> = HashMap::new();
    let keys = numbers(&table, "job")?.into_iter().zip(numbers(&table, "configuration")?);
    for ((job, configuration), cost) in keys.zip(money(&table, "cost")?) {
        let (region, configuration) =
            (&runs.jobs.get(job).region, runs.configurations.get(configuration));
        if configuration.engine != Engine::Glue {
            continue;
        }
        let saving = evidence.card.saving_on_glue_6(
            region,
            &configuration.worker_type,
            &configuration.execution_class,
            &configuration.version,
            cost,
            evidence.period.end,
        );
        if let Some(saving) = saving {
            *by_job.entry(job).or_default() += saving;
        }
    }
    let total: Usd = by_job.values().copied().sum();
    let best = by_job.iter().max_by_key(|(job, saving)| (**saving, runs.jobs.get(**job)));
    let Some((job, saving)) = best.filter(|_| total >= WORTH_MIN) else { return Ok(None) };
    let name = &runs.jobs.get(*job).job;
    let others = by_job.len() - 1;
    let advice = if others == 0 {
        format!("Move {name} to Glue 6.0: the same DPU time costs less there")
    } else {
        let jobs =
            if others == 1 { "1 other job".to_owned() } else { format!("{others} other jobs") };
        format!(
            "Move {name} (${} of it) and {jobs} to Glue 6.0: the same DPU time costs less there",
            cents(*saving)
        )
    };
    Ok(Some(Action { code: "upgrade-glue", advice, usd: total }))
}

fn leave_minimum(runs: &RunFrame) -> Result<Option<Action>, AnalysisError> {
    let useful = col("wasted_end").or(col("repeated")).not();
    let table = runs
        .frame
        .clone()
        .lazy()
        .filter(useful)
        .group_by([col("job")])
        .agg([col("minimum_extra").sum()])
        .collect()?;
    let jobs = numbers(&table, "job")?.into_iter().map(|job| runs.jobs.get(job));
    let dearest = jobs.zip(money(&table, "minimum_extra")?).max_by_key(|(key, usd)| (*usd, *key));
    Ok(dearest.filter(|(_, usd)| *usd >= WORTH_MIN).map(|(key, usd)| Action {
        code: "avoid-minimum",
        advice: format!(
            "Join the short runs of {}: so much was paid for time below the billing minimum",
            key.job
        ),
        usd,
    }))
}

fn set_owner(runs: &RunFrame) -> Result<Option<Action>, AnalysisError> {
    let table = runs
        .frame
        .clone()
        .lazy()
        .group_by([col("job"), col("team")])
        .agg([col("cost").sum()])
        .collect()?;
    let teams = numbers(&table, "team")?;
    let rows = numbers(&table, "job")?.into_iter().zip(teams).zip(money(&table, "cost")?);
    let unowned: Vec<_> = rows
        .filter(|((_, team), _)| runs.teams.get(*team) == UNALLOCATED)
        .map(|((job, _), cost)| (cost, runs.jobs.get(job)))
        .collect();
    let total: Usd = unowned.iter().map(|(cost, _)| *cost).sum();
    let Some((_, dearest)) = unowned.iter().max().filter(|_| total >= WORTH_MIN) else {
        return Ok(None);
    };
    let jobs =
        if unowned.len() == 1 { "1 job".to_owned() } else { format!("{} jobs", unowned.len()) };
    let advice =
        format!("Give {jobs} an owner by a team tag, {} first: nobody pays for them", dearest.job);
    Ok(Some(Action { code: "set-owner", advice, usd: total }))
}

fn spread_load(quota: &QuotaFigures, period: &Period) -> Option<Action> {
    if quota.share < QUOTA_SHARE_MIN {
        return None;
    }
    let QuotaFigures { account, region, share, shared_by, peak, .. } = quota;
    // Who held next to nothing cannot help.
    let large = shared_by.iter().filter(|share| share.held >= peak * WORTH_SPREADING_MIN);
    let jobs: Vec<_> = large.take(3).map(|share| share.job.as_str()).collect();
    let spread = match jobs.split_last() {
        None => "Spread the starts".to_owned(),
        Some((only, [])) => format!("Spread the runs of {only}"),
        Some((last, others)) => format!("Spread {} and {last}", others.join(", ")),
    };
    let when = quota.peak_at.map_or_else(String::new, |at| {
        let at = at.to_zoned(period.time_zone.clone()).strftime("%A %-d %b at %H:%M");
        format!(" on {at} ({})", period.zone_name())
    });
    let advice = format!(
        "{spread}, or ask for a higher quota: {} in {account} {region} peaked at {:.0} % of \
         {}{when}",
        quota_title(&quota.quota),
        share * 100.0,
        quota.limit.unwrap_or_default(),
    );
    Some(Action { code: "spread-load", advice, usd: Usd::ZERO })
}

fn add_rate(completeness: &Completeness) -> Option<Action> {
    let reason = completeness.unpriced_reasons.iter().find(|r| r.reason.starts_with("no rate"))?;
    let runs = if reason.runs == 1 { "1 run".to_owned() } else { format!("{} runs", reason.runs) };
    let advice = format!("Complete the rate card: {runs} without a cost, {}", reason.reason);
    Some(Action { code: "add-rate", advice, usd: Usd::ZERO })
}

fn cents(usd: Usd) -> String {
    let cents = usd.cents();
    format!("{}.{:02}", cents / 100, cents.unsigned_abs() % 100)
}
