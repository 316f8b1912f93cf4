//! What each job's runs of one UTC day come to, hour by hour. Pure: whoever reads the day's runs,
//! in whatever order, gets the same.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::Books;
use crate::model::{Counts, HourCount, JobKey, LastEnd, RollUp, RunIdentity, RunSample, RunState};
use crate::store::StoredRun;

/// Runs of a job and day of which each is kept: one an hour. Of more, a sample is.
const SAMPLES_MAX: usize = 24;

/// One run's part in its day.
#[derive(Clone, Debug)]
pub struct RollUpPart {
    job: JobKey,
    team: String,
    hour: u8,
    counts: Counts,
    /// Where the run stands among others if a sample is drawn: as good as random, and the same
    /// each time.
    lot: u64,
    sample: RunSample,
    state: RunState,
    run_id: String,
}

impl RollUpPart {
    /// The part of a run that has ended; `None` for one that has not.
    #[must_use]
    pub fn of(stored: &StoredRun, books: &Books) -> Option<Self> {
        let run = &stored.run;
        let ended = run.end()?;
        let job = books.job(run);
        let team = books.owner(run, &job).team;
        let priced = books.price(run);
        let cost = priced.price.cost();
        let failed = run.state.is_bad_end();
        let runtime_seconds = run.runtime_seconds();
        let RunIdentity { engine, account, region, run_id, .. } = run.identity.clone();
        Some(Self {
            job: JobKey { engine, account, region, job },
            team,
            hour: u8::try_from(ended.to_zoned(TimeZone::UTC).hour()).unwrap_or_default(),
            counts: Counts {
                runs: 1,
                failures: failed.into(),
                unpriced: cost.is_none().into(),
                runtime_seconds,
                dpu_seconds: priced.usage.dpu_seconds,
                vcpu_hours: priced.usage.vcpu_hours,
                cost: cost.unwrap_or_default(),
            },
            lot: lot(&run.identity),
            sample: RunSample {
                ended,
                started: run.start().and_then(|at| Timestamp::from_second(at.as_second()).ok()),
                runtime_seconds,
                cost,
                failed,
            },
            state: run.state.clone(),
            run_id,
        })
    }
}

/// The roll-ups of a day, in the making.
#[derive(Debug, Default)]
pub struct DayRollUps {
    jobs: BTreeMap<JobKey, Job>,
}

#[derive(Debug)]
struct Job {
    hours: BTreeMap<(u8, String), Counts>,
    samples: BTreeSet<(u64, RunSample)>,
    last_good_end: Option<Timestamp>,
    /// The last to end, and of several in one second the one whose id comes last.
    last: (Timestamp, String, RunState),
}

impl DayRollUps {
    /// Adds a run of the day.
    pub fn add(&mut self, part: RollUpPart) {
        let RollUpPart { job, team, hour, counts, lot, sample, state, run_id } = part;
        let good_end = (state.is_terminal() && !sample.failed).then_some(sample.ended);
        let last = (sample.ended, run_id, state);
        let job = self.jobs.entry(job).or_insert_with(|| Job {
            hours: BTreeMap::new(),
            samples: BTreeSet::new(),
            last_good_end: None,
            last: last.clone(),
        });
        *job.hours.entry((hour, team)).or_default() += counts;
        job.samples.insert((lot, sample));
        if job.samples.len() > SAMPLES_MAX {
            job.samples.pop_last();
        }
        job.last_good_end = job.last_good_end.max(good_end);
        if (&last.0, &last.1) > (&job.last.0, &job.last.1) {
            job.last = last;
        }
    }

    /// The day's roll-ups, by job.
    #[must_use]
    pub fn finish(self, day: Date) -> Vec<RollUp> {
        let roll_up = |(job, of_job): (JobKey, Job)| {
            let hour = |((hour, team), counts)| HourCount { hour, team, counts };
            let mut samples: Vec<_> = of_job.samples.into_iter().map(|(_, run)| run).collect();
            samples.sort_unstable();
            let (at, run_id, state) = of_job.last;
            RollUp {
                day,
                job,
                hours: of_job.hours.into_iter().map(hour).collect(),
                samples,
                last_good_end: of_job.last_good_end,
                last_end: LastEnd { at, state, run_id },
            }
        };
        self.jobs.into_iter().map(roll_up).collect()
    }
}

/// A number drawn by the run's identity. Not the standard library's hash, which may change between
/// versions: then every stored sample would.
fn lot(identity: &RunIdentity) -> u64 {
    let mut hash = Sha256::new();
    hash.update(identity.run_id.as_bytes());
    hash.update(identity.attempt.to_be_bytes());
    hash.update(identity.application_id.as_deref().unwrap_or_default());
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Engine, JobRun, Usd};
    use crate::ownership::{Ownership, OwnershipSettings};
    use crate::pricing::{PricingSettings, RateCard};

    fn books() -> Books {
        Books {
            card: RateCard::shipped().unwrap(),
            pricing: PricingSettings::default(),
            ownership: Ownership::new(&OwnershipSettings::default()).unwrap(),
            names: crate::model::JobNames::new(&[]).unwrap(),
        }
    }

    fn ended(number: u32, end: &str, state: &str, team: &str) -> StoredRun {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::from("spark-on-k8s"),
            application_id: None,
            run_id: format!("r{number}"),
            attempt: 1,
        };
        let mut run = JobRun::new(identity, RunState::from(state));
        run.job_name = Some("load".into());
        run.ended_at = Some(end.parse().unwrap());
        run.execution_seconds = Some(u64::from(number));
        run.imported_cost = Some(Usd::from_nanos(i128::from(number) * 1_000_000_000));
        run.tags = Some([("team".to_owned(), team.to_owned())].into());
        StoredRun { run, first_stored: Timestamp::UNIX_EPOCH }
    }

    fn rolled(runs: &[StoredRun]) -> Vec<RollUp> {
        let (books, mut day) = (books(), DayRollUps::default());
        runs.iter().filter_map(|run| RollUpPart::of(run, &books)).for_each(|part| day.add(part));
        day.finish(jiff::civil::date(2026, 11, 10))
    }

    #[test]
    fn an_hour_is_that_of_the_end_and_a_team_that_of_the_run() {
        let runs = [
            ended(1, "2026-11-10T00:00:00Z", "SUCCEEDED", "a"),
            ended(2, "2026-11-10T00:59:59.9Z", "FAILED", "a"),
            ended(3, "2026-11-10T00:30:00Z", "SUCCEEDED", "b"),
            ended(4, "2026-11-10T23:59:59Z", "TIMEOUT", "a"),
            ended(5, "2026-11-10T23:59:59Z", "STOPPED", "a"),
        ];
        let [day] = rolled(&runs).try_into().unwrap();
        let told: Vec<_> = day
            .hours
            .iter()
            .map(|h| (h.hour, h.team.as_str(), h.counts.runs, h.counts.failures, h.counts.cost))
            .collect();
        let dollars = |n: i128| Usd::from_nanos(n * 1_000_000_000);
        assert_eq!(
            told,
            [(0, "a", 2, 1, dollars(3)), (0, "b", 1, 0, dollars(3)), (23, "a", 2, 1, dollars(9))]
        );
        assert_eq!((day.last_end.run_id.as_str(), day.samples.len()), ("r5", 5));
        assert_eq!(day.team(), "a");
    }

    #[test]
    fn the_order_of_the_runs_makes_no_difference_and_many_are_sampled_fairly() {
        let of = |n: u32| {
            let end = format!("2026-11-10T{:02}:{:02}:00Z", n / 60 % 24, n % 60);
            ended(n, &end, "SUCCEEDED", if n.is_multiple_of(3) { "a" } else { "b" })
        };
        let mut runs: Vec<_> = (0..1440).map(of).collect();
        let one = rolled(&runs);
        runs.reverse();
        runs.rotate_left(77);
        assert_eq!(rolled(&runs), one);
        let samples = &one[0].samples;
        assert_eq!((samples.len(), one[0].totals().runs), (SAMPLES_MAX, 1440));
        // Were the sample the first or the last ones, its mean would be near an end.
        let mean = samples.iter().map(|s| s.runtime_seconds).sum::<u64>() / 24;
        assert!((400..1040).contains(&mean), "{mean}");
    }
}
