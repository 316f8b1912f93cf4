//! What did the period come to?

use polars::prelude::*;
use rust_decimal::Decimal;

use super::frame::{RunFrame, expected_ends, money, numbers, seconds, wasted_ends, wide};
use super::{AnalysisError, Totals};
use crate::model::Usd;

/// How soon after a bad end the next run of the same job is probably somebody's rerun of it.
const RERUN_WITHIN_SECONDS: i64 = 15 * 60;

/// The period's sums.
pub(super) fn totals(runs: &RunFrame) -> Result<Totals, AnalysisError> {
    let by_state = runs
        .frame
        .clone()
        .lazy()
        .group_by([col("state")])
        .agg([len().alias("runs"), wasted_ends(), col("cost").sum(), col("runtime").sum()])
        .collect()?;
    let mut totals = Totals { jobs: runs.jobs.len() as u64, ..Totals::default() };
    let columns = (
        numbers(&by_state, "state")?,
        numbers(&by_state, "runs")?.into_iter().zip(numbers(&by_state, "wasted")?),
        money(&by_state, "cost")?,
        seconds(&by_state, "runtime")?,
    );
    for (((state, (count, wasted)), cost), runtime) in
        columns.0.into_iter().zip(columns.1).zip(columns.2).zip(columns.3)
    {
        let state = runs.states.get(state);
        totals.expected_ends += expected_ends(state, count, wasted);
        let count = u64::from(count);
        totals.runs += count;
        totals.cost_usd += cost;
        totals.runtime_seconds += runtime;
        if state.is_bad_end() {
            totals.failed_cost_usd += cost;
        }
        if state.is_stopped() {
            totals.stopped_cost_usd += cost;
        }
        *totals.by_state.entry(state.as_str().to_owned()).or_default() += count;
    }
    let zero = || lit(0).cast(DataType::Int128);
    let of = |flag: &str| when(col(flag)).then(col("cost")).otherwise(zero()).sum();
    let sums = runs
        .frame
        .clone()
        .lazy()
        .select([
            of("retry").alias("retry_cost"),
            of("repeated").alias("repeated_cost"),
            col("waste").sum(),
            col("micro_dpu_seconds").sum(),
            col("nano_vcpu_hours").sum(),
            col("retry").cast(DataType::UInt32).sum().alias("retries"),
            col("priced").not().cast(DataType::UInt32).sum().alias("unpriced"),
        ])
        .collect()?;
    let sum =
        |column: &str| Ok::<_, AnalysisError>(wide(&sums, column)?.first().copied().unwrap_or(0));
    let count = |column: &str| {
        Ok::<_, AnalysisError>(u64::from(numbers(&sums, column)?.first().copied().unwrap_or(0)))
    };
    totals.retry_cost_usd = Usd::from_nanos(sum("retry_cost")?);
    totals.repeated_cost_usd = Usd::from_nanos(sum("repeated_cost")?);
    totals.waste_usd = Usd::from_nanos(sum("waste")?);
    totals.dpu_hours = hours_of_micro_seconds(sum("micro_dpu_seconds")?);
    totals.vcpu_hours = Decimal::try_from_i128_with_scale(sum("nano_vcpu_hours")?, 9)
        .unwrap_or(Decimal::MAX)
        .normalize();
    totals.retries = count("retries")?;
    totals.unpriced_runs = count("unpriced")?;
    totals.chains = totals.runs - runs.linked_retries;
    totals.probable_reruns = probable_reruns(runs)?;
    Ok(totals)
}

/// DPU-hours of micro-DPU-seconds, rounded half to even at six decimals.
pub(super) fn hours_of_micro_seconds(micro_seconds: i128) -> Decimal {
    Decimal::try_from_i128_with_scale(micro_seconds, 6)
        .map(|seconds| (seconds / Decimal::from(3600)).round_dp(6).normalize())
        .unwrap_or(Decimal::MAX)
}

/// Runs that are no retry, and the first of their job to start shortly after a bad end that no
/// retry of its own follows.
fn probable_reruns(runs: &RunFrame) -> Result<u64, AnalysisError> {
    let column = |name: &str| runs.frame.column(name);
    let (job, wasted_end) = (column("job")?.u32()?, column("wasted_end")?.bool()?);
    let (started, ended) = (column("started")?.i64()?, column("ended")?.i64()?);
    let (retry, repeated) = (column("retry")?.bool()?, column("repeated")?.bool()?);
    let mut bad_ends = vec![Vec::new(); runs.jobs.len()];
    let mut starts = vec![Vec::new(); runs.jobs.len()];
    for row in 0..runs.frame.height() {
        let Some(job) = job.get(row).map(|job| job as usize) else { continue };
        // A streaming job's weekly restart is no bad end, so what follows it is no rerun.
        if wasted_end.get(row) == Some(true) && repeated.get(row) == Some(false) {
            bad_ends[job].extend(ended.get(row));
        }
        if retry.get(row) == Some(false) {
            starts[job].extend(started.get(row));
        }
    }
    let mut reruns = 0;
    for (mut ends, mut starts) in bad_ends.into_iter().zip(starts) {
        ends.sort_unstable();
        starts.sort_unstable();
        let mut taken = 0;
        for end in ends {
            let next = taken.max(starts.partition_point(|start| *start < end));
            if starts.get(next).is_some_and(|start| start - end <= RERUN_WITHIN_SECONDS) {
                reruns += 1;
                taken = next + 1;
            }
        }
    }
    Ok(reruns)
}
