//! The booked tables: each is a sum of finest cells in cents, so all of them agree.

use std::collections::BTreeMap;

use super::cell::Nanos;
use super::statement::{CostCenterRow, Job, Row, TeamRow, Unallocated, UnallocatedJob};
use crate::model::Usd;
use crate::ownership::UNALLOCATED;

/// What some cells come to.
#[derive(Default)]
struct Sum {
    booked: Nanos,
    runs: u64,
    unpriced_runs: u64,
}

/// The sums of the cells with equal keys, dearest first.
fn summed<K: Ord>(jobs: &[Job], key: impl Fn(&Job) -> K) -> Vec<(K, Sum)> {
    let mut sums: BTreeMap<K, Sum> = BTreeMap::new();
    for job in jobs {
        let Job { own_usd: own, shared_usd: shared, correction_usd: correction, .. } = *job;
        let sum = sums.entry(key(job)).or_default();
        sum.booked += Nanos { own, shared, correction };
        sum.runs += job.runs;
        sum.unpriced_runs += job.unpriced_runs;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    // A stable sort of what is in the order of keys: ties stay in it.
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.booked.sum()));
    sums
}

pub(super) fn rows(jobs: &[Job]) -> Vec<Row> {
    let key = |job: &Job| {
        let key = &job.key;
        (key.team.clone(), key.cost_center.clone(), key.account.clone())
    };
    let row = |((team, cost_center, account), sum): (_, Sum)| Row {
        team,
        cost_center,
        account,
        runs: sum.runs,
        unpriced_runs: sum.unpriced_runs,
        own_usd: sum.booked.own,
        shared_usd: sum.booked.shared,
        correction_usd: sum.booked.correction,
        usd: sum.booked.sum(),
    };
    summed(jobs, key).into_iter().map(row).collect()
}

pub(super) fn cost_centers(jobs: &[Job]) -> Vec<CostCenterRow> {
    let row = |(cost_center, sum): (String, Sum)| CostCenterRow {
        cost_center,
        runs: sum.runs,
        unpriced_runs: sum.unpriced_runs,
        own_usd: sum.booked.own,
        shared_usd: sum.booked.shared,
        correction_usd: sum.booked.correction,
        usd: sum.booked.sum(),
    };
    summed(jobs, |job| job.key.cost_center.clone()).into_iter().map(row).collect()
}

pub(super) fn teams(jobs: &[Job]) -> Vec<TeamRow> {
    let row = |(team, sum): (String, Sum)| TeamRow {
        team,
        runs: sum.runs,
        unpriced_runs: sum.unpriced_runs,
        own_usd: sum.booked.own,
        shared_usd: sum.booked.shared,
        correction_usd: sum.booked.correction,
        usd: sum.booked.sum(),
    };
    summed(jobs, |job| job.key.team.clone()).into_iter().map(row).collect()
}

pub(super) fn unallocated(jobs: &[Job], lines_usd: Usd) -> Unallocated {
    let nobodys = |job: &&Job| job.key.team == UNALLOCATED;
    let ranked = |job: &Job| UnallocatedJob {
        job: job.key.job.clone(),
        account: job.key.account.clone(),
        region: job.key.region.clone(),
        engine: job.key.engine.clone(),
        runs: job.runs,
        unpriced_runs: job.unpriced_runs,
        usd: job.usd,
    };
    let mut ranked: Vec<_> = jobs.iter().filter(nobodys).map(ranked).collect();
    ranked.sort_by_key(|job| std::cmp::Reverse(job.usd));
    let runs_usd = ranked.iter().map(|job| job.usd).sum();
    Unallocated { usd: runs_usd + lines_usd, runs_usd, lines_usd, jobs: ranked }
}
