//! The booked tables: each is a sum of finest cells in cents, so all of them agree.

use std::collections::BTreeMap;

use super::cell::Nanos;
use super::statement::{CostCenterRow, Job, Row, TeamRow, Unallocated, UnallocatedJob};
use crate::model::Usd;
use crate::ownership::UNALLOCATED;

fn summed<K: Ord + Clone>(jobs: &[Job], key: impl Fn(&Job) -> K) -> Vec<(K, Nanos)> {
    let mut sums: BTreeMap<K, Nanos> = BTreeMap::new();
    for job in jobs {
        let Job { own_usd: own, shared_usd: shared, correction_usd: correction, .. } = *job;
        *sums.entry(key(job)).or_default() += Nanos { own, shared, correction };
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    // A stable sort of what is in the order of keys: ties stay in it.
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.sum()));
    sums
}

pub(super) fn rows(jobs: &[Job]) -> Vec<Row> {
    let key = |job: &Job| {
        let key = &job.key;
        (key.team.clone(), key.cost_center.clone(), key.account.clone())
    };
    let row = |((team, cost_center, account), sum): (_, Nanos)| Row {
        team,
        cost_center,
        account,
        own_usd: sum.own,
        shared_usd: sum.shared,
        correction_usd: sum.correction,
        usd: sum.sum(),
    };
    summed(jobs, key).into_iter().map(row).collect()
}

pub(super) fn cost_centers(jobs: &[Job]) -> Vec<CostCenterRow> {
    let row = |(cost_center, sum): (String, Nanos)| CostCenterRow {
        cost_center,
        own_usd: sum.own,
        shared_usd: sum.shared,
        correction_usd: sum.correction,
        usd: sum.sum(),
    };
    summed(jobs, |job| job.key.cost_center.clone()).into_iter().map(row).collect()
}

pub(super) fn teams(jobs: &[Job]) -> Vec<TeamRow> {
    let row = |(team, sum): (String, Nanos)| TeamRow {
        team,
        own_usd: sum.own,
        shared_usd: sum.shared,
        correction_usd: sum.correction,
        usd: sum.sum(),
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
        usd: job.usd,
    };
    let mut ranked: Vec<_> = jobs.iter().filter(nobodys).map(ranked).collect();
    ranked.sort_by_key(|job| std::cmp::Reverse(job.usd));
    let runs_usd = ranked.iter().map(|job| job.usd).sum();
    Unallocated { usd: runs_usd + lines_usd, runs_usd, lines_usd, jobs: ranked }
}
