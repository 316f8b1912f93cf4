//! The simulated company as a whole: its calendar, and its runs day by day.

use jiff::Timestamp;

use super::chain::chain;
use super::job::Job;
use super::rhythm::{DAY, Rhythm};
use super::{catalogue, plots};
use crate::model::{JobRun, utc_day};

/// What the simulation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoSettings {
    /// How many complete weeks to simulate, Monday to Monday in UTC; what has passed of the current
    /// week comes on top. The stories are about the last complete week; with fewer than two there
    /// is nothing to compare it with.
    pub weeks: u32,
    /// Decides everything that chance decides. Equal settings give equal runs.
    pub seed: u64,
    /// What "now" is: nothing starts after it, and what has not ended by then is running.
    pub now: Timestamp,
}

impl DemoSettings {
    /// How many weeks where nothing else is asked for: enough for a trend and a month-end close.
    pub const WEEKS: u32 = 6;
    /// The seed where nothing else is asked for.
    pub const SEED: u64 = 1;
}

/// The calendar of a simulation, in seconds of the Unix epoch, and its seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct World {
    /// The seed.
    pub(super) seed: u64,
    /// Now, in milliseconds.
    pub(super) now_ms: i64,
    /// The Monday with which the simulation begins.
    pub(super) from: i64,
    /// The Monday with which the last complete week begins.
    pub(super) last_week: i64,
}

impl World {
    pub(super) fn of(settings: &DemoSettings) -> Self {
        let today = settings.now.as_second().div_euclid(DAY);
        // Day 4 of the epoch, 5 January 1970, was a Monday.
        let monday = (today - (today - 4).rem_euclid(7)) * DAY;
        Self {
            seed: settings.seed,
            now_ms: settings.now.as_millisecond(),
            from: monday - i64::from(settings.weeks) * 7 * DAY,
            last_week: monday - 7 * DAY,
        }
    }

    /// The runs that began on a day, or follow from a start on that day, in the order in which they
    /// began.
    fn day(&self, jobs: &[Job], day: i64) -> Vec<JobRun> {
        let midnight = day * DAY;
        let date = utc_day(instant(midnight * 1_000));
        let mut runs = Vec::new();
        for job in jobs {
            // Streams are at work already when the simulation begins.
            if midnight < self.from && job.rhythm != Rhythm::Stream {
                continue;
            }
            for start in job.rhythm.starts(midnight, date) {
                runs.extend(chain(self, job, start));
            }
        }
        runs.sort_by(|a, b| (a.start(), &a.identity).cmp(&(b.start(), &b.identity)));
        runs
    }
}

/// The instant of so many milliseconds since the Unix epoch. Beyond the calendar there is no
/// company: such instants are the last one.
pub(super) fn instant(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX)
}

/// The runs of the company, as its sources would have told them by now, day after day: a few
/// thousand are in memory at a time.
pub fn runs(settings: &DemoSettings) -> impl Iterator<Item = JobRun> + use<> {
    let world = World::of(settings);
    let mut jobs = catalogue::jobs(world.seed);
    jobs.extend(plots::jobs(world.last_week));
    let first = world.from.div_euclid(DAY) - 7;
    let today = world.now_ms.div_euclid(DAY * 1_000);
    (first..=today).flat_map(move |day| world.day(&jobs, day))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::LazyLock;

    use super::*;
    use crate::model::{Engine, JobKind, RunIdentity, RunState};

    fn settings(seed: u64, now: &str) -> DemoSettings {
        DemoSettings { weeks: 6, seed, now: now.parse().unwrap() }
    }

    const NOW: &str = "2026-11-20T10:30:00Z";
    static RUNS: LazyLock<Vec<JobRun>> = LazyLock::new(|| runs(&settings(1, NOW)).collect());

    #[test]
    fn the_same_seed_gives_the_same_runs_and_another_seed_others() {
        let again: Vec<JobRun> = runs(&settings(1, NOW)).collect();
        assert!(again == *RUNS);
        let ids: BTreeSet<&str> = RUNS.iter().map(|run| run.identity.run_id.as_str()).collect();
        assert!(runs(&settings(2, NOW)).all(|run| !ids.contains(run.identity.run_id.as_str())));
    }

    #[test]
    fn identities_are_unique_and_retries_point_at_runs_that_failed() {
        let by_id: BTreeMap<&RunIdentity, &JobRun> =
            RUNS.iter().map(|run| (&run.identity, run)).collect();
        assert_eq!(by_id.len(), RUNS.len());
        let mut retries = BTreeMap::<&str, usize>::new();
        for run in RUNS.iter().filter(|run| run.is_retry()) {
            let before = match &run.previous_run_id {
                Some(id) => RunIdentity { run_id: id.clone(), ..run.identity.clone() },
                None => RunIdentity { attempt: run.identity.attempt - 1, ..run.identity.clone() },
            };
            let before = by_id[&before];
            assert_eq!(before.state, RunState::Failed);
            assert_eq!(before.job_name, run.job_name);
            assert!(before.end() <= run.start());
            *retries.entry(run.identity.engine.as_str()).or_default() += 1;
        }
        assert!(retries["glue"] > 300 && retries["emr-serverless"] > 20, "{retries:?}");
    }

    #[test]
    fn a_glue_id_is_64_hexadecimal_digits_and_a_retry_says_which_it_is() {
        for run in RUNS.iter().filter(|run| run.identity.engine == Engine::Glue) {
            let id = run.identity.run_id.strip_prefix("jr_").unwrap();
            let (hash, attempt) = id.split_once("_attempt_").unwrap_or((id, "0"));
            assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
            let before = match attempt.parse::<u32>().unwrap() {
                0 => None,
                1 => Some(format!("jr_{hash}")),
                number => Some(format!("jr_{hash}_attempt_{}", number - 1)),
            };
            assert_eq!(run.previous_run_id, before);
        }
    }

    #[test]
    fn nothing_is_after_now_and_ends_follow_starts() {
        let now = settings(1, NOW).now;
        for run in RUNS.iter() {
            assert!(run.start().is_some_and(|start| start <= now));
            assert!(run.updated_at.is_some_and(|updated| updated <= now));
            assert!(run.definition.as_ref().is_none_or(|d| d.observed_at <= now));
            assert_eq!(run.state.is_terminal(), run.ended_at.is_some());
            if let (Some(start), Some(end)) = (run.started_at, run.ended_at) {
                assert!(start < end && end <= now, "{:?}", run.identity);
                let took = u64::try_from(end.as_second() - start.as_second()).unwrap();
                assert!(run.execution_seconds.unwrap() <= took + 1);
            }
        }
        let open = RUNS.iter().filter(|run| !run.state.is_terminal()).count();
        // Six streams, and what a workday's morning has in the air.
        assert!((7..60).contains(&open), "{open}");
    }

    /// What is known of the past does not change because time moves on.
    #[test]
    fn the_past_stays_when_now_moves_on() {
        let later: BTreeMap<RunIdentity, JobRun> = runs(&settings(1, "2026-11-22T23:59:59Z"))
            .map(|run| (run.identity.clone(), run))
            .collect();
        assert!(later.len() > RUNS.len());
        for run in RUNS.iter() {
            let mut same = later[&run.identity].clone();
            if run.state.is_terminal() {
                same.billed = run.billed;
                assert!(same == *run, "{:?}", run.identity);
            }
        }
    }

    /// The company lives by UTC: a week in which clocks change somewhere has as many runs.
    #[test]
    fn no_change_of_clocks_moves_a_run() {
        let per_week = |now: &str| {
            let runs = runs(&DemoSettings { weeks: 1, ..settings(1, now) });
            let hours = runs
                .filter(|run| run.job_name.as_deref().is_some_and(|name| name.ends_with("-load")))
                .filter(|run| !run.is_retry())
                .map(|run| run.start().unwrap().as_second().div_euclid(3_600).rem_euclid(168))
                .fold(BTreeMap::<i64, usize>::new(), |mut hours, hour| {
                    *hours.entry(hour).or_default() += 1;
                    hours
                });
            hours.keys().copied().collect::<BTreeSet<i64>>()
        };
        // Mondays after the last Sundays of October, and of a month without a change.
        assert_eq!(per_week("2026-10-26T00:00:00Z"), per_week("2026-09-28T00:00:00Z"));
    }

    #[test]
    fn a_week_has_the_size_and_the_states_of_a_real_one() {
        let world = World::of(&settings(1, NOW));
        for week in 0..6 {
            let from = world.from + week * 7 * DAY;
            let ended: Vec<&JobRun> = RUNS
                .iter()
                .filter(|run| {
                    run.end().is_some_and(|e| (from..from + 7 * DAY).contains(&e.as_second()))
                })
                .collect();
            assert!((8_000..15_000).contains(&ended.len()), "{}", ended.len());
            let in_percent = |wanted: fn(&RunState) -> bool| {
                100.0 * ended.iter().filter(|run| wanted(&run.state)).count() as f64
                    / ended.len() as f64
            };
            assert!((1.0..6.0).contains(&in_percent(RunState::is_bad_end)));
            assert!((0.05..1.0).contains(&in_percent(RunState::is_stopped)));
            assert!((0.01..0.5).contains(&in_percent(|state| *state == RunState::Timeout)));
        }
    }

    #[test]
    fn weekends_are_calmer_and_mondays_longer() {
        let world = World::of(&settings(1, NOW));
        let mut starts = [0_usize; 7];
        let mut seconds = [0_u64; 7];
        for run in RUNS.iter().filter(|run| run.job_kind() != Some(&JobKind::Streaming)) {
            let second = run.start().unwrap().as_second();
            if (world.from..world.last_week).contains(&second) {
                let weekday = usize::try_from((second - world.from) / DAY % 7).unwrap();
                starts[weekday] += 1;
                seconds[weekday] += run.runtime_seconds();
            }
        }
        assert!(starts[5] < starts[2] * 7 / 10 && starts[6] < starts[2] * 7 / 10, "{starts:?}");
        assert!(seconds[0] > seconds[2], "{seconds:?}");
    }

    /// Auto-scaled and Flex runs take less than their capacity for all of their time; the others
    /// say nothing about it.
    #[test]
    fn dpu_seconds_stay_below_capacity_times_time() {
        let mut metered = 0;
        for run in RUNS.iter().filter(|run| run.dpu_seconds.is_some()) {
            let full = run.max_capacity.unwrap()
                * rust_decimal::Decimal::from(run.execution_seconds.unwrap());
            assert!(run.dpu_seconds < Some(full), "{:?}", run.identity);
            metered += 1;
        }
        assert!(metered > 1_000, "{metered}");
    }

    #[test]
    fn only_the_latest_emr_runs_are_not_billed_yet() {
        let now = settings(1, NOW).now;
        let ended = RUNS
            .iter()
            .filter(|run| run.identity.engine == Engine::EmrServerless && run.state.is_terminal());
        let (billed, waiting): (Vec<&JobRun>, Vec<&JobRun>) =
            ended.partition(|run| run.billed.is_some());
        assert!((1..20).contains(&waiting.len()), "{}", waiting.len());
        for run in waiting {
            assert!(now.as_second() - run.end().unwrap().as_second() < 3_600);
        }
        for run in billed {
            let (used, billed) = (run.used.unwrap(), run.billed.unwrap());
            assert!(billed.vcpu_hours >= used.vcpu_hours);
            assert!(billed.memory_gb_hours >= used.memory_gb_hours);
        }
    }
}
