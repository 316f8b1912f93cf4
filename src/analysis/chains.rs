//! Which runs are attempts at the same thing: a run and the retries that follow it.
//!
//! Most runs are followed by nothing and are a chain of their own, which is told at once. To know
//! which those are, the retries are looked at first: so a period of millions of runs is read twice,
//! and only runs of longer chains are held.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::BookedRun;
use super::row::{identity_hash, previous};
use crate::model::{JobRun, RunIdentity, RunState, Usd};

/// A chain, as far as its runs are among those looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The first of its runs.
    pub first: RunIdentity,
    /// The last of its runs.
    pub last: RunIdentity,
    /// The job, normalised; of the last run, as are team and state.
    pub job: String,
    /// Who pays.
    pub team: String,
    /// How the last run ended.
    pub state: RunState,
    /// Whether the first of the runs is a retry itself, of a run that is not among them.
    pub begins_earlier: bool,
    /// When the first run began, where that is known.
    pub started_at: Option<Timestamp>,
    /// When the last run ended.
    pub ended_at: Timestamp,
    /// How many runs.
    pub runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// What they cost.
    pub cost_usd: Usd,
}

/// A retry whose predecessor was not known to be retried when it was met: the runs have changed
/// between the two looks at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("runs were stored while they were read")]
pub struct RunsMoved;

/// The chains of a period's runs.
#[derive(Debug, Default)]
pub struct Chains {
    followed: HashSet<u128>,
    held: Vec<(u128, Vec<u128>, Chain)>,
}

impl Chains {
    /// The first look at a run: what it says it follows.
    pub fn look(&mut self, run: &JobRun) {
        self.followed.extend(previous(run));
    }

    /// The second look: a chain of its own is told at once, the runs of longer ones are held.
    ///
    /// # Errors
    /// Where the run follows others that the first look did not see to be followed.
    pub fn add(&mut self, booked: &BookedRun) -> Result<Option<Chain>, RunsMoved> {
        let run = &booked.stored.run;
        let Some(ended_at) = run.end() else { return Ok(None) };
        let (hash, previous) = (identity_hash(&run.identity), previous(run));
        if previous.iter().any(|earlier| !self.followed.contains(earlier)) {
            return Err(RunsMoved);
        }
        let cost = booked.priced.price.cost();
        let alone = Chain {
            first: run.identity.clone(),
            last: run.identity.clone(),
            job: booked.job.clone(),
            team: booked.owner.team.clone(),
            state: run.state.clone(),
            begins_earlier: !previous.is_empty(),
            started_at: run.start(),
            ended_at,
            runs: 1,
            unpriced_runs: u64::from(cost.is_none()),
            runtime_seconds: run.runtime_seconds(),
            cost_usd: cost.unwrap_or_default(),
        };
        if previous.is_empty() && !self.followed.contains(&hash) {
            return Ok(Some(alone));
        }
        self.held.push((hash, previous, alone));
        Ok(None)
    }

    /// The longer chains, in the order in which they ended, ties by their first run.
    #[must_use]
    pub fn finish(self) -> Vec<Chain> {
        let places: HashMap<u128, usize> =
            self.held.iter().enumerate().map(|(place, (hash, ..))| (*hash, place)).collect();
        let mut roots: Vec<usize> = (0..self.held.len()).collect();
        let mut follows = vec![false; self.held.len()];
        for (place, (_, previous, _)) in self.held.iter().enumerate() {
            // Any of them will do: of several attempts the one between may not be known.
            if let Some(before) = previous.iter().find_map(|hash| places.get(hash)) {
                follows[place] = true;
                let (root, before) = (root_of(&mut roots, place), root_of(&mut roots, *before));
                roots[root] = before;
            }
        }
        let mut groups: BTreeMap<usize, Vec<Chain>> = BTreeMap::new();
        for (place, (_, _, mut run)) in self.held.into_iter().enumerate() {
            run.begins_earlier &= !follows[place];
            groups.entry(root_of(&mut roots, place)).or_default().push(run);
        }
        let mut chains: Vec<Chain> = groups.into_values().filter_map(joined).collect();
        chains.sort_by(|a, b| (a.ended_at, &a.first).cmp(&(b.ended_at, &b.first)));
        chains
    }
}

/// The representative of a run's chain. Paths are halved on the way, so long chains stay quick.
fn root_of(roots: &mut [usize], mut place: usize) -> usize {
    while roots[place] != place {
        roots[place] = roots[roots[place]];
        place = roots[place];
    }
    place
}

/// One chain of its runs.
fn joined(mut runs: Vec<Chain>) -> Option<Chain> {
    runs.sort_by(|a, b| {
        let key = |run: &Chain| (run.ended_at, run.first.attempt, run.first.run_id.clone());
        key(a).cmp(&key(b))
    });
    let last = runs.last()?.clone();
    let first = runs.first()?.clone();
    Some(Chain {
        first: first.first,
        begins_earlier: runs.iter().any(|run| run.begins_earlier),
        started_at: runs.iter().filter_map(|run| run.started_at).min(),
        runs: runs.len() as u64,
        unpriced_runs: runs.iter().map(|run| run.unpriced_runs).sum(),
        runtime_seconds: runs.iter().fold(0, |sum, run| sum.saturating_add(run.runtime_seconds)),
        cost_usd: runs.iter().map(|run| run.cost_usd).sum(),
        ..last
    })
}
