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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Basis, CostLine, Engine, Price, PricedRun, Usage};
    use crate::ownership::{Because, Owner};
    use crate::store::StoredRun;
    use rust_decimal::Decimal;

    /// A run that costs as many nano-dollars as its number says, and follows another.
    fn booked(number: usize, follows: Option<usize>) -> BookedRun {
        let id = |number: usize| format!("jr_{number}");
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::Glue,
            application_id: None,
            run_id: id(number),
            attempt: 1,
        };
        let mut run = JobRun::new(identity, RunState::Succeeded);
        let second = 1_800_000_000 + i64::try_from(number).unwrap();
        run.ended_at = Timestamp::from_second(second).ok();
        run.previous_run_id = follows.map(id);
        let line = CostLine {
            component: "DPU",
            quantity: Decimal::ONE,
            unit: "DPU-Hours",
            rate: Decimal::ONE,
            list_rate: Decimal::ONE,
            rate_index: None,
            amount: Usd::from_nanos(i128::try_from(number).unwrap()),
        };
        let (lines, minimum_extra) = (vec![line], Usd::ZERO);
        let price = Price::Priced { lines, basis: Basis::Metered, minimum_extra };
        BookedRun {
            stored: StoredRun { run, first_stored: Timestamp::UNIX_EPOCH },
            job: "load".into(),
            owner: Owner {
                team: "orders".into(),
                cost_center: None,
                environment: None,
                because: Because::Nobody,
            },
            priced: PricedRun { price, usage: Usage::default() },
        }
    }

    fn chains_of(runs: &[BookedRun]) -> Vec<Chain> {
        let mut chains = Chains::default();
        runs.iter().for_each(|run| chains.look(&run.stored.run));
        let mut all: Vec<Chain> = runs.iter().filter_map(|run| chains.add(run).unwrap()).collect();
        all.extend(chains.finish());
        all
    }

    #[test]
    fn retries_are_one_chain_with_what_they_follow() {
        let runs = [booked(1, None), booked(2, None), booked(3, Some(2)), booked(4, Some(3))];
        let chains = chains_of(&[&runs[..], &[booked(9, Some(8))]].concat());
        let shown: Vec<_> = chains
            .iter()
            .map(|c| {
                (&*c.first.run_id, &*c.last.run_id, c.runs, c.cost_usd.nanos(), c.begins_earlier)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("jr_1", "jr_1", 1, 1, false),
                ("jr_2", "jr_4", 3, 9, false),
                ("jr_9", "jr_9", 1, 9, true),
            ]
        );
    }

    #[test]
    fn a_retry_that_came_between_the_two_looks_is_noticed() {
        let mut chains = Chains::default();
        assert!(chains.add(&booked(1, None)).unwrap().is_some());
        assert_eq!(chains.add(&booked(2, Some(1))), Err(RunsMoved));
    }

    proptest! {
        /// Every run is in one chain, whatever follows what, in circles too; and the order in which
        /// the runs come changes nothing.
        #[test]
        fn chains_partition_runs(
            follows in prop::collection::vec(0_usize..40, 1..30), turn in 0_usize..30,
        ) {
            let run = |(number, other): (usize, &usize)| {
                booked(number, Some(*other).filter(|other| *other != number && *other > 5))
            };
            let mut runs: Vec<BookedRun> = follows.iter().enumerate().map(run).collect();
            let chains = chains_of(&runs);
            let expected: usize = (0..runs.len()).sum();
            let cost: Usd = chains.iter().map(|chain| chain.cost_usd).sum();
            prop_assert_eq!(cost.nanos(), i128::try_from(expected).unwrap());
            let count: u64 = chains.iter().map(|chain| chain.runs).sum();
            prop_assert_eq!(count, runs.len() as u64);
            // Two runs are in one chain where steps from each to what it follows lead to one place.
            let last = |mut number: usize| {
                let mut seen = std::collections::BTreeSet::new();
                while let Some(other) = follows.get(number).copied()
                    && other != number && other > 5 && other < follows.len()
                    && seen.insert(number)
                {
                    number = other;
                }
                // Of a circle the least, wherever it was entered.
                if seen.contains(&number) { circle(&follows, number) } else { number }
            };
            let places: std::collections::BTreeSet<usize> = (0..runs.len()).map(last).collect();
            prop_assert_eq!(chains.len(), places.len());
            let turn = turn % runs.len();
            runs.rotate_left(turn);
            let sorted = |mut chains: Vec<Chain>| {
                chains.sort_by(|a, b| a.first.cmp(&b.first));
                chains
            };
            prop_assert_eq!(sorted(chains_of(&runs)), sorted(chains));
        }
    }

    /// The least number of a circle.
    fn circle(follows: &[usize], from: usize) -> usize {
        let (mut least, mut number) = (from, follows[from]);
        while number != from {
            (least, number) = (least.min(number), follows[number]);
        }
        least
    }
}
