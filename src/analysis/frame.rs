//! A period's runs as a Polars frame: a row a run, a column a fact, names as numbers.
//!
//! Money is in whole nano-dollars, 128 bits wide, because sums of narrower integers wrap without a
//! word. Texts are interned: a million runs have few thousand different names.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use polars::prelude::*;

use super::AnalysisError;
use super::row::{ConfigurationKey, JobKey, RunRow, identity_hash};
use crate::model::{Basis, Engine, RunState, Usd};

/// Distinct values, numbered in the order they were met.
#[derive(Debug)]
pub(super) struct Names<T> {
    by_value: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { by_value: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    pub(super) fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.by_value.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.by_value.insert(value.clone(), number);
        number
    }

    pub(super) fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

/// The columns while rows are added.
#[derive(Debug, Default)]
pub(super) struct FrameBuilder {
    jobs: Names<JobKey>,
    teams: Names<String>,
    states: Names<RunState>,
    configurations: Names<ConfigurationKey>,
    job: Vec<u32>,
    team: Vec<u32>,
    state: Vec<u32>,
    configuration: Vec<u32>,
    identity: Vec<u128>,
    /// For retries: the row, and the runs it follows.
    previous: Vec<(usize, Vec<u128>)>,
    basis: Vec<Option<Basis>>,
    /// Whether it is only its earlier attempts, while unknown, that make the cost a bound.
    bound_by_attempts: Vec<bool>,
    cost: Vec<i128>,
    minimum_extra: Vec<i128>,
    priced: Vec<bool>,
    wasted_end: Vec<bool>,
    started: Vec<Option<i64>>,
    ended: Vec<i64>,
    runtime: Vec<i64>,
    workers: Vec<Option<u32>>,
    micro_dpu_seconds: Vec<i128>,
    nano_vcpu_hours: Vec<i128>,
}

/// A period's runs, ready to be asked.
#[derive(Debug)]
pub(super) struct RunFrame {
    pub(super) frame: DataFrame,
    pub(super) jobs: Names<JobKey>,
    pub(super) teams: Names<String>,
    pub(super) states: Names<RunState>,
    pub(super) configurations: Names<ConfigurationKey>,
    /// Retries whose predecessor is among the runs.
    pub(super) linked_retries: u64,
    pub(super) by_basis: Vec<Option<Basis>>,
}

impl FrameBuilder {
    pub(super) fn push(&mut self, row: &RunRow) {
        let index = self.job.len();
        let wide = |number: rust_decimal::Decimal, decimals: u32| {
            // Rounded to what a figure shows. Padded as a wide integer, because a large decimal has
            // no room for more digits.
            let number = number.round_dp(decimals);
            number.mantissa() * 10_i128.pow(decimals - number.scale())
        };
        self.identity.push(identity_hash(&row.identity));
        if !row.previous.is_empty() {
            self.previous.push((index, row.previous.clone()));
        }
        self.job.push(self.jobs.number(&row.job));
        self.team.push(self.teams.number(&row.team));
        self.state.push(self.states.number(&row.state));
        self.configuration.push(self.configurations.number(&row.configuration));
        self.basis.push(row.basis);
        let has_attempts = row.identity.engine == Engine::EmrServerless;
        self.bound_by_attempts.push(has_attempts && !row.flex);
        self.cost.push(row.cost.unwrap_or(Usd::ZERO).nanos());
        self.minimum_extra.push(row.minimum_extra.nanos());
        self.priced.push(row.cost.is_some());
        self.wasted_end.push(row.wasted_end);
        self.started.push(row.started.map(jiff::Timestamp::as_second));
        self.ended.push(row.ended.as_second());
        // No run lasts 136 years, and sums of what claims to must not wrap.
        self.runtime.push(row.runtime_seconds.min(u32::MAX.into()).cast_signed());
        self.workers.push(row.worker_count);
        self.micro_dpu_seconds.push(wide(row.dpu_seconds, 6));
        self.nano_vcpu_hours.push(wide(row.vcpu_hours, 9));
    }

    /// The frame. `followed` are the runs outside it that are known to be followed by a later
    /// attempt, `elsewhere` those outside it that are known at all.
    pub(super) fn finish(
        mut self,
        followed: &[u128],
        elsewhere: &HashMap<u128, ()>,
    ) -> Result<RunFrame, AnalysisError> {
        let rows = self.job.len();
        // Of a million runs few are followed by another: only those need be looked up.
        let sought: HashSet<u128> =
            self.previous.iter().flat_map(|(_, previous)| previous).copied().collect();
        let known: HashSet<u128> =
            self.identity.iter().filter(|hash| sought.contains(hash)).copied().collect();
        let mut retry = vec![false; rows];
        let mut linked_retries = 0;
        let mut repeated_hashes: HashMap<u128, ()> =
            followed.iter().map(|hash| (*hash, ())).collect();
        for (row, previous) in &self.previous {
            retry[*row] = true;
            // Any of them will do: of several attempts the one between may not be known.
            linked_retries += u64::from(previous.iter().any(|p| known.contains(p)));
            repeated_hashes.extend(previous.iter().map(|p| (*p, ())));
            // With every earlier attempt at hand, the last one's figures are its own.
            let all_known = previous.iter().all(|p| known.contains(p) || elsewhere.contains_key(p));
            let bound = self.basis[*row] == Some(Basis::UpperBound);
            if bound && self.bound_by_attempts[*row] && all_known {
                self.basis[*row] = Some(Basis::Billed);
            }
        }
        let repeated: Vec<bool> =
            self.identity.iter().map(|hash| repeated_hashes.contains_key(hash)).collect();
        let waste: Vec<i128> = (0..rows)
            .map(|row| {
                let whole = self.wasted_end[row] || repeated[row];
                if whole { self.cost[row] } else { self.minimum_extra[row] }
            })
            .collect();
        drop(self.identity);
        let frame = DataFrame::new(
            rows,
            vec![
                column::<UInt32Type>("job", self.job),
                column::<UInt32Type>("team", self.team),
                column::<UInt32Type>("state", self.state),
                column::<UInt32Type>("configuration", self.configuration),
                column::<Int128Type>("cost", self.cost),
                column::<Int128Type>("minimum_extra", self.minimum_extra),
                column::<Int128Type>("waste", waste),
                column::<Int128Type>("micro_dpu_seconds", self.micro_dpu_seconds),
                column::<Int128Type>("nano_vcpu_hours", self.nano_vcpu_hours),
                column::<Int64Type>("ended", self.ended),
                column::<Int64Type>("runtime", self.runtime),
                Column::new("priced".into(), self.priced),
                Column::new("wasted_end".into(), self.wasted_end),
                Column::new("retry".into(), retry),
                Column::new("repeated".into(), repeated),
                Column::new("started".into(), self.started),
                Column::new("workers".into(), self.workers),
            ],
        )?;
        Ok(RunFrame {
            frame,
            jobs: self.jobs,
            teams: self.teams,
            states: self.states,
            configurations: self.configurations,
            linked_retries,
            by_basis: self.basis,
        })
    }
}

/// How many of the runs of a state ended as its bad ends do and did not fail, given how many did.
pub(super) fn expected_ends(state: &RunState, runs: u32, wasted: u32) -> u64 {
    if state.is_bad_end() { runs.saturating_sub(wasted).into() } else { 0 }
}

/// The number of runs whose end was a waste.
pub(super) fn wasted_ends() -> Expr {
    col("wasted_end").cast(DataType::UInt32).sum().alias("wasted")
}

/// A column that takes the numbers over, where Polars' own conversions would copy them.
fn column<T: PolarsNumericType>(name: &str, values: Vec<T::Native>) -> Column
where
    ChunkedArray<T>: IntoSeries,
{
    ChunkedArray::<T>::from_vec(name.into(), values).into_series().into_column()
}

/// Reads a column of counts or names.
pub(super) fn numbers(frame: &DataFrame, column: &str) -> Result<Vec<u32>, AnalysisError> {
    Ok(frame.column(column)?.u32()?.iter().map(Option::unwrap_or_default).collect())
}

/// Reads a column of nano-dollars, or of other wide integers.
pub(super) fn wide(frame: &DataFrame, column: &str) -> Result<Vec<i128>, AnalysisError> {
    Ok(frame.column(column)?.i128()?.iter().map(Option::unwrap_or_default).collect())
}

/// Reads a column of money.
pub(super) fn money(frame: &DataFrame, column: &str) -> Result<Vec<Usd>, AnalysisError> {
    Ok(wide(frame, column)?.into_iter().map(Usd::from_nanos).collect())
}

/// Reads a column of seconds.
pub(super) fn seconds(frame: &DataFrame, column: &str) -> Result<Vec<u64>, AnalysisError> {
    let column = frame.column(column)?.i64()?;
    Ok(column.iter().map(|s| u64::try_from(s.unwrap_or_default()).unwrap_or_default()).collect())
}
