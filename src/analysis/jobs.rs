//! What did each job cost, how did it run, and what changed?

use std::collections::{BTreeMap, HashMap};

use polars::prelude::*;

use super::frame::{RunFrame, expected_ends, money, numbers, seconds, wasted_ends};
use super::{AnalysisError, JobFigures};
use crate::analysis::row::JobKey;
use crate::model::Usd;

/// Every job, dearest first, ties by key. `before` are the costs of the period before, or `None`
/// where nothing is stored of it.
pub(super) fn jobs(
    runs: &RunFrame,
    before: Option<&HashMap<JobKey, Usd>>,
) -> Result<Vec<JobFigures>, AnalysisError> {
    let table = runs
        .frame
        .clone()
        .lazy()
        .group_by([col("job")])
        .agg([
            len().alias("runs"),
            col("retry").cast(DataType::UInt32).sum().alias("retries"),
            col("priced").not().cast(DataType::UInt32).sum().alias("unpriced"),
            col("cost").sum(),
            col("waste").sum(),
            col("runtime").sum(),
            col("workers").mean().alias("avg_workers"),
        ])
        .collect()?;
    let (mut states, mut teams) = (states(runs)?, teams(runs)?);
    let job = numbers(&table, "job")?;
    let (count, retries, unpriced) =
        (numbers(&table, "runs")?, numbers(&table, "retries")?, numbers(&table, "unpriced")?);
    let (cost, waste) = (money(&table, "cost")?, money(&table, "waste")?);
    let runtime = seconds(&table, "runtime")?;
    let avg_workers = table.column("avg_workers")?.f64()?;
    let mut figures = Vec::with_capacity(job.len());
    for row in 0..job.len() {
        let (by_state, expected_ends) = states.remove(&job[row]).unwrap_or_default();
        let key = runs.jobs.get(job[row]);
        figures.push(JobFigures {
            engine: key.engine.to_string(),
            account: key.account.clone(),
            account_name: None,
            region: key.region.clone(),
            job: key.job.clone(),
            team: teams.remove(&job[row]).unwrap_or_default(),
            runs: count[row].into(),
            retries: retries[row].into(),
            unpriced_runs: unpriced[row].into(),
            by_state,
            expected_ends,
            cost_usd: cost[row],
            change_usd: before.map(|b| cost[row] - b.get(key).copied().unwrap_or_default()),
            waste_usd: waste[row],
            runtime_seconds: runtime[row],
            avg_workers: avg_workers.get(row).unwrap_or(0.0),
        });
    }
    figures.sort_by(|a, b| {
        let key =
            |j: &JobFigures| (j.engine.clone(), j.account.clone(), j.region.clone(), j.job.clone());
        b.cost_usd.cmp(&a.cost_usd).then_with(|| key(a).cmp(&key(b)))
    });
    Ok(figures)
}

/// What each job cost: what the next period's changes are measured against.
pub(super) fn costs(runs: &RunFrame) -> Result<HashMap<JobKey, Usd>, AnalysisError> {
    let table =
        runs.frame.clone().lazy().group_by([col("job")]).agg([col("cost").sum()]).collect()?;
    let keys = numbers(&table, "job")?.into_iter().map(|job| runs.jobs.get(job).clone());
    Ok(keys.zip(money(&table, "cost")?).collect())
}

/// Runs by state, and the ends among them that are expected though their state is a bad one.
type States = (BTreeMap<String, u64>, u64);

fn states(runs: &RunFrame) -> Result<HashMap<u32, States>, AnalysisError> {
    let table = runs
        .frame
        .clone()
        .lazy()
        .group_by([col("job"), col("state")])
        .agg([len().alias("runs"), wasted_ends()])
        .collect()?;
    let mut states: HashMap<u32, States> = HashMap::new();
    let columns = numbers(&table, "job")?.into_iter().zip(numbers(&table, "state")?);
    let counts = numbers(&table, "runs")?.into_iter().zip(numbers(&table, "wasted")?);
    for ((job, state), (count, wasted)) in columns.zip(counts) {
        let state = runs.states.get(state);
        let (by_state, expected) = states.entry(job).or_default();
        by_state.insert(state.as_str().to_owned(), count.into());
        *expected += expected_ends(state, count, wasted);
    }
    Ok(states)
}

/// The team of each job: that of its dearest runs, ties by runs, then by name.
fn teams(runs: &RunFrame) -> Result<HashMap<u32, String>, AnalysisError> {
    let table = runs
        .frame
        .clone()
        .lazy()
        .group_by([col("job"), col("team")])
        .agg([col("cost").sum(), len().alias("runs")])
        .collect()?;
    let mut best: HashMap<u32, (Usd, u32, std::cmp::Reverse<&String>)> = HashMap::new();
    let keys = numbers(&table, "job")?.into_iter().zip(numbers(&table, "team")?);
    let values = money(&table, "cost")?.into_iter().zip(numbers(&table, "runs")?);
    for ((job, team), (cost, count)) in keys.zip(values) {
        let candidate = (cost, count, std::cmp::Reverse(runs.teams.get(team)));
        let current = best.entry(job).or_insert(candidate);
        if candidate > *current {
            *current = candidate;
        }
    }
    Ok(best.into_iter().map(|(job, (_, _, team))| (job, team.0.clone())).collect())
}
