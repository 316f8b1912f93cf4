//! Who pays, how did runs end, and what were they configured with?

use std::collections::HashMap;

use polars::prelude::*;

use super::frame::{RunFrame, expected_ends, money, numbers, seconds, wasted_ends};
use super::{AnalysisError, ConfigurationFigures, StateFigures, TeamFigures};
use crate::model::Usd;

fn grouped(runs: &RunFrame, by: &str) -> Result<DataFrame, AnalysisError> {
    let unpriced = col("priced").not().cast(DataType::UInt32).sum().alias("unpriced");
    let sums = [
        len().alias("runs"),
        unpriced,
        wasted_ends(),
        col("cost").sum(),
        col("waste").sum(),
        col("runtime").sum(),
    ];
    Ok(runs.frame.clone().lazy().group_by([col(by)]).agg(sums).collect()?)
}

/// Every team that ran something and every one that is named, dearest first, ties by name.
pub(super) fn teams<'n>(
    runs: &RunFrame,
    before: Option<&HashMap<String, Usd>>,
    named: impl IntoIterator<Item = &'n String>,
) -> Result<Vec<TeamFigures>, AnalysisError> {
    let table = grouped(runs, "team")?;
    let (team, count) = (numbers(&table, "team")?, numbers(&table, "runs")?);
    let unpriced = numbers(&table, "unpriced")?;
    let (cost, waste) = (money(&table, "cost")?, money(&table, "waste")?);
    let total: Usd = cost.iter().copied().sum();
    let mut figures: Vec<_> = (0..team.len())
        .map(|row| {
            let name = runs.teams.get(team[row]);
            TeamFigures {
                runs: count[row].into(),
                unpriced_runs: unpriced[row].into(),
                cost_usd: cost[row],
                change_usd: before.map(|b| cost[row] - b.get(name).copied().unwrap_or_default()),
                waste_usd: waste[row],
                share: cost[row].share_of(total),
                ..TeamFigures::of(name)
            }
        })
        .collect();
    for name in named {
        if !figures.iter().any(|figures| figures.team == *name) {
            let change_usd = before.map(|b| -b.get(name).copied().unwrap_or_default());
            figures.push(TeamFigures { change_usd, ..TeamFigures::of(name) });
        }
    }
    figures.sort_by(|a, b| b.cost_usd.cmp(&a.cost_usd).then_with(|| a.team.cmp(&b.team)));
    Ok(figures)
}

/// What each team paid: what the next period's changes are measured against.
pub(super) fn team_costs(runs: &RunFrame) -> Result<HashMap<String, Usd>, AnalysisError> {
    let figures = teams(runs, None, [])?;
    Ok(figures.into_iter().map(|figures| (figures.team, figures.cost_usd)).collect())
}

/// Runs by end state, most first, ties by word.
pub(super) fn states(runs: &RunFrame) -> Result<Vec<StateFigures>, AnalysisError> {
    let table = grouped(runs, "state")?;
    let (state, count) = (numbers(&table, "state")?, numbers(&table, "runs")?);
    let (unpriced, wasted) = (numbers(&table, "unpriced")?, numbers(&table, "wasted")?);
    let (cost, runtime) = (money(&table, "cost")?, seconds(&table, "runtime")?);
    let mut figures: Vec<_> = (0..state.len())
        .map(|row| StateFigures {
            state: runs.states.get(state[row]).as_str().to_owned(),
            runs: count[row].into(),
            expected_ends: expected_ends(runs.states.get(state[row]), count[row], wasted[row]),
            unpriced_runs: unpriced[row].into(),
            cost_usd: cost[row],
            runtime_seconds: runtime[row],
        })
        .collect();
    figures.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.state.cmp(&b.state)));
    Ok(figures)
}

/// Runs by worker type, execution class and version, dearest first, ties by name.
pub(super) fn configurations(runs: &RunFrame) -> Result<Vec<ConfigurationFigures>, AnalysisError> {
    let table = grouped(runs, "configuration")?;
    let (number, count) = (numbers(&table, "configuration")?, numbers(&table, "runs")?);
    let (cost, unpriced) = (money(&table, "cost")?, numbers(&table, "unpriced")?);
    let mut rows: Vec<_> = (0..number.len())
        .map(|row| (runs.configurations.get(number[row]), count[row], unpriced[row], cost[row]))
        .collect();
    rows.sort_by(|a, b| b.3.cmp(&a.3).then_with(|| a.0.cmp(b.0)));
    let figures = rows.into_iter().map(|(key, count, unpriced, cost_usd)| ConfigurationFigures {
        engine: key.engine.to_string(),
        worker_type: key.worker_type.clone(),
        execution_class: key.execution_class.clone(),
        version: key.version.clone(),
        runs: count.into(),
        unpriced_runs: unpriced.into(),
        cost_usd,
    });
    Ok(figures.collect())
}
