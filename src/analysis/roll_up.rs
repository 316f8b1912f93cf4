//! What each job's runs of one UTC day come to, hour by hour. Pure: whoever reads the day's runs,
//! in whatever order, gets the same.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::Books;
use crate::model::{
    Counts, EarlierUse, HourCount, JobKey, JobRun, LastOwner, PricedRun, RollUp, RunIdentity,
    RunSample, Usd, utc_day,
};
use crate::ownership::{Because, Owner};
use crate::pricing::{by_day, kind_of};
use crate::store::StoredRun;

/// Runs of a job and day of which each is kept: one an hour. Of more, a sample is.
const SAMPLES_MAX: usize = 24;

/// The last runs of a job and day, which are kept whatever the sample: enough to tell a streak of
/// failures, and how often a job starts that has stopped starting.
const LAST_MAX: usize = 12;

/// One run's part in its day.
#[derive(Clone, Debug)]
pub struct RollUpPart {
    job: JobKey,
    team: String,
    hour: u8,
    counts: Counts,
    earlier: Vec<(Date, Usd)>,
    /// Where the run stands among others if a sample is drawn: as good as random, and the same
    /// each time.
    lot: u64,
    sample: RunSample,
    owner: LastOwner,
}

impl RollUpPart {
    /// The part of a run that has ended; `None` for one that has not.
    #[must_use]
    pub fn of(stored: &StoredRun, books: &Books) -> Option<Self> {
        let run = &stored.run;
        let ended = run.end()?;
        let job = books.job(run);
        let owner = books.owner(run, &job);
        let priced = books.price(run);
        let cost = priced.price.cost();
        let runtime_seconds = run.runtime_seconds();
        let mut earlier: BTreeMap<Date, Usd> = BTreeMap::new();
        for share in by_day(run, &priced.price).iter().filter(|share| share.day < utc_day(ended)) {
            *earlier.entry(share.day).or_default() += share.amount;
        }
        let RunIdentity { engine, account, region, .. } = run.identity.clone();
        Some(Self {
            job: JobKey { engine, account, region, job },
            hour: u8::try_from(ended.to_zoned(TimeZone::UTC).hour()).unwrap_or_default(),
            counts: Counts {
                runs: 1,
                failures: run.state.is_bad_end().into(),
                unpriced: cost.is_none().into(),
                runtime_seconds,
                dpu_seconds: priced.usage.dpu_seconds,
                vcpu_hours: priced.usage.vcpu_hours,
                cost: cost.unwrap_or_default(),
            },
            earlier: earlier.into_iter().collect(),
            lot: lot(&run.identity),
            sample: sample(run, &priced, ended),
            team: owner.team.clone(),
            owner: last_owner(run, owner),
        })
    }
}

fn sample(run: &JobRun, priced: &PricedRun, ended: Timestamp) -> RunSample {
    let whole = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
    let mut sample = RunSample {
        ended: whole(ended),
        started: run.start().map(whole),
        run_id: None,
        state: run.state.clone(),
        kind: kind_of(run),
        runtime_seconds: run.runtime_seconds(),
        cost: priced.price.cost(),
    };
    // What went well is evidence of nothing, and ids are long.
    sample.run_id = (!sample.is_good()).then(|| run.identity.run_id.clone());
    sample
}

/// Who pays for a run as alerts ask it.
#[must_use]
pub fn last_owner(run: &JobRun, owner: Owner) -> LastOwner {
    let tagged = matches!(owner.because, Because::RunTag { .. } | Because::DefinitionTag { .. });
    LastOwner { team: owner.team, tagged, tags: run.all_tags() }
}

/// The roll-ups of a day, in the making.
#[derive(Debug, Default)]
pub struct DayRollUps {
    jobs: BTreeMap<JobKey, Job>,
}

#[derive(Debug, Default)]
struct Job {
    hours: BTreeMap<(u8, String), Counts>,
    earlier: BTreeMap<(Date, String), Usd>,
    drawn: BTreeSet<(u64, RunSample)>,
    /// By end, and of several in one second by lot.
    last: BTreeMap<(Timestamp, u64), RunSample>,
    /// The good one that began last, by that.
    good: Option<(Timestamp, u64, RunSample)>,
    /// By whether its tags are known, then by end.
    owner: Option<((bool, Timestamp, u64), LastOwner)>,
}

impl DayRollUps {
    /// Adds a run of the day.
    pub fn add(&mut self, part: RollUpPart) {
        let RollUpPart { job, team, hour, counts, earlier, lot, sample, owner } = part;
        let job = self.jobs.entry(job).or_default();
        for (day, cost) in earlier {
            *job.earlier.entry((day, team.clone())).or_default() += cost;
        }
        *job.hours.entry((hour, team)).or_default() += counts;
        let place = (owner.tags.is_some(), sample.ended, lot);
        if job.owner.as_ref().is_none_or(|(last, _)| *last < place) {
            job.owner = Some((place, owner));
        }
        if sample.is_good() {
            job.good = job.good.take().max(Some((sample.began(), lot, sample.clone())));
        }
        job.last.insert((sample.ended, lot), sample.clone());
        if job.last.len() > LAST_MAX {
            job.last.pop_first();
        }
        job.drawn.insert((lot, sample));
        if job.drawn.len() > SAMPLES_MAX {
            job.drawn.pop_last();
        }
    }

    /// The day's roll-ups, by job.
    #[must_use]
    pub fn finish(self, day: Date) -> Vec<RollUp> {
        let roll_up = |(job, of_job): (JobKey, Job)| {
            let hour = |((hour, team), counts)| HourCount { hour, team, counts };
            let earlier = |((day, team), cost)| EarlierUse { day, team, cost };
            let last = of_job.last.into_iter().map(|((_, lot), run)| (run, lot));
            let good = of_job.good.map(|(_, lot, run)| (run, lot));
            let drawn = of_job.drawn.into_iter().map(|(lot, run)| (run, lot));
            // Ordered by end; a run that is kept for several reasons is kept once.
            let samples: BTreeSet<(RunSample, u64)> = drawn.chain(last).chain(good).collect();
            RollUp {
                day,
                job,
                hours: of_job.hours.into_iter().map(hour).collect(),
                samples: samples.into_iter().map(|(run, _)| run).collect(),
                earlier: of_job.earlier.into_iter().map(earlier).collect(),
                last_owner: of_job.owner.map(|(_, owner)| owner).unwrap_or_default(),
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
    use crate::model::{Engine, RunState};
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
        assert_eq!(day.samples.len(), 5);
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
        assert_eq!((samples.len(), one[0].totals().runs), (SAMPLES_MAX + LAST_MAX, 1440));
        // Were the sample the first or the last ones, its mean would be near an end.
        let mean = samples[..SAMPLES_MAX].iter().map(|s| s.runtime_seconds).sum::<u64>() / 24;
        assert!((400..1040).contains(&mean), "{mean}");
    }
}
