//! What each job's runs of one UTC day come to, hour by hour. Pure: whoever reads the day's runs,
//! in whatever order, gets the same.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Books;
use crate::model::{
    Counts, EarlierUse, HourCount, JobKey, JobRun, LastOwner, PricedRun, RetryOf, RollUp,
    RunIdentity, RunSample, Usd, utc_day,
};
use crate::ownership::{Because, Owner};
use crate::pricing::{by_day, kind_of};
use crate::store::StoredRun;

/// Runs of a job and day that are kept one by one, the last ones: as many as alerts hold a run
/// against, so that a history of days is the same as one of runs.
const LAST_MAX: usize = 60;

/// Errors that are kept of each way to end, the last ones. An alert shows one; the others are for
/// when runs of the next day, of which nothing is known yet, try the last ones again.
const ERRORS_MAX: u8 = 3;

/// What tells a run from others that ended in the same second: its id and attempt.
type Tie = (String, u32);

/// One run's part in its day.
#[derive(Clone, Debug)]
pub struct RollUpPart {
    job: JobKey,
    team: String,
    hour: u8,
    counts: Counts,
    earlier: Vec<(Date, Usd)>,
    tie: Tie,
    retry_of: Option<RetryOf>,
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
        let RunIdentity { engine, account, region, run_id, attempt, .. } = run.identity.clone();
        Some(Self {
            job: JobKey { engine, account, region, job },
            hour: u8::try_from(ended.to_zoned(TimeZone::UTC).hour()).unwrap_or_default(),
            counts: Counts {
                runs: 1,
                failures: run.is_wasted_end(&kind_of(run)).into(),
                unpriced: cost.is_none().into(),
                runtime_seconds,
                dpu_seconds: priced.usage.dpu_seconds,
                vcpu_hours: priced.usage.vcpu_hours,
                cost: cost.unwrap_or_default(),
            },
            earlier: earlier.into_iter().collect(),
            retry_of: run.retry_of(),
            tie: (run_id, attempt),
            sample: sample(run, &priced, ended),
            team: owner.team.clone(),
            owner: last_owner(run, owner),
        })
    }
}

fn sample(run: &JobRun, priced: &PricedRun, ended: Timestamp) -> RunSample {
    let whole = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
    let sample = RunSample {
        ended: whole(ended),
        started: run.started_at.map(whole),
        run_id: Some(run.identity.run_id.clone()),
        attempt: run.identity.attempt,
        application_id: run.identity.application_id.clone(),
        error: run.error_line(),
        state: run.state.clone(),
        kind: kind_of(run),
        runtime_seconds: run.runtime_seconds(),
        cost: priced.price.cost(),
    };
    // What went well is evidence of nothing, and ids are long.
    if sample.is_good() { sample.anonymous() } else { sample }
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
    /// By end.
    last: BTreeMap<(Timestamp, Tie), RunSample>,
    /// What others try again: of a run the attempts below a number, and when the first of those
    /// others began.
    retried: BTreeMap<String, (u32, Timestamp)>,
    /// The good one that began last, by that.
    good: Option<(Timestamp, Tie, RunSample)>,
    /// By whether its tags are known, then by end.
    owner: Option<((bool, Timestamp, Tie), LastOwner)>,
}

impl DayRollUps {
    /// Adds a run of the day.
    pub fn add(&mut self, part: RollUpPart) {
        let RollUpPart { job, team, hour, counts, earlier, tie, retry_of, sample, owner } = part;
        let job = self.jobs.entry(job).or_default();
        if let Some(RetryOf { run_id, below }) = retry_of {
            let (known, first) = job.retried.entry(run_id).or_insert((below, sample.began()));
            (*known, *first) = (below.max(*known), sample.began().min(*first));
        }
        for (day, cost) in earlier {
            *job.earlier.entry((day, team.clone())).or_default() += cost;
        }
        *job.hours.entry((hour, team)).or_default() += counts;
        let place = (owner.tags.is_some(), sample.ended, tie.clone());
        if job.owner.as_ref().is_none_or(|(last, _)| *last < place) {
            job.owner = Some((place, owner));
        }
        if sample.is_good() {
            let good = (sample.began(), tie.clone(), sample.clone());
            job.good = job.good.take().max(Some(good));
        }
        job.last.insert((sample.ended, tie), sample);
        if job.last.len() > LAST_MAX {
            job.last.pop_first();
        }
    }

    /// The day's roll-ups, by job.
    #[must_use]
    pub fn finish(self, day: Date) -> Vec<RollUp> {
        let roll_up = |(job, of_job): (JobKey, Job)| {
            let hour = |((hour, team), counts)| HourCount { hour, team, counts };
            let earlier = |((day, team), cost)| EarlierUse { day, team, cost };
            let retries = retries_across(&of_job);
            let mut last = of_job.last;
            anonymise(&mut last, &of_job.retried);
            // Where it is among the last already, it is kept once.
            last.extend(of_job.good.map(|(_, tie, run)| ((run.ended, tie), run)));
            RollUp {
                day,
                job,
                hours: of_job.hours.into_iter().map(hour).collect(),
                samples: last.into_values().collect(),
                retries,
                earlier: of_job.earlier.into_iter().map(earlier).collect(),
                last_owner: of_job.owner.map(|(_, owner)| owner).unwrap_or_default(),
            }
        };
        self.jobs.into_iter().map(roll_up).collect()
    }
}

/// What the day's runs try again that ended on an earlier day. Of very many those that began first,
/// because they follow the ends before midnight; no more, because no more of those are kept.
fn retries_across(job: &Job) -> Vec<RetryOf> {
    let firsts = job.last.keys().filter(|(_, (_, attempt))| *attempt == 1);
    let firsts: BTreeSet<&str> = firsts.map(|(_, (run_id, _))| run_id.as_str()).collect();
    let across = job.retried.iter().filter(|(run_id, _)| !firsts.contains(run_id.as_str()));
    let mut across: Vec<_> =
        across.map(|(run_id, (below, began))| (*began, run_id, *below)).collect();
    across.sort_unstable();
    across.truncate(LAST_MAX);
    let retry =
        |(_, run_id, below): (Timestamp, &String, u32)| RetryOf { run_id: run_id.clone(), below };
    across.into_iter().map(retry).collect()
}

/// Takes the ids of what was tried again, and the errors of all but the last of each way to end:
/// texts are long.
fn anonymise(
    last: &mut BTreeMap<(Timestamp, Tie), RunSample>,
    retried: &BTreeMap<String, (u32, Timestamp)>,
) {
    let mut told: BTreeMap<_, u8> = BTreeMap::new();
    for ((_, (run_id, attempt)), sample) in last.iter_mut().rev() {
        if retried.get(run_id).is_some_and(|(below, _)| attempt < below) {
            *sample = sample.clone().anonymous();
        } else if sample.run_id.is_some() {
            let kept = told.entry(sample.state.clone()).or_default();
            *kept = kept.saturating_add(1);
            if *kept > ERRORS_MAX {
                sample.error = None;
            }
        }
    }
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
    fn the_order_of_the_runs_makes_no_difference_and_of_many_the_last_are_kept() {
        let of = |n: u32| {
            let end = format!("2026-11-10T{:02}:{:02}:00Z", n / 60 % 24, n % 60);
            let state = if n < 1_200 { "SUCCEEDED" } else { "FAILED" };
            ended(n, &end, state, if n.is_multiple_of(3) { "a" } else { "b" })
        };
        let mut runs: Vec<_> = (0..1440).map(of).collect();
        let one = rolled(&runs);
        runs.reverse();
        runs.rotate_left(77);
        assert_eq!(rolled(&runs), one);
        // The last good one too, by which one knows what the failures have to be made good since.
        let kept: Vec<u64> = one[0].samples.iter().map(|s| s.runtime_seconds).collect();
        assert_eq!(kept, std::iter::once(1_199).chain(1_380..1_440).collect::<Vec<_>>());
        assert_eq!((one[0].totals().runs, one[0].totals().failures), (1_440, 240));
        let ids = one[0].samples.iter().map(|run| run.run_id.is_some());
        assert_eq!(ids.collect::<Vec<_>>(), [&[false][..], &[true; 60]].concat());
    }

    #[test]
    fn what_was_tried_again_has_no_id_and_counts_in_the_hours() {
        let mut runs: Vec<_> =
            (1..=4).map(|n| ended(n, &format!("2026-11-10T0{n}:00:00Z"), "FAILED", "a")).collect();
        runs[1].run.previous_run_id = Some("r1".into());
        // The second attempt of the third.
        runs[3].run.identity.run_id = "r3".into();
        runs[3].run.identity.attempt = 2;
        let ids = |runs: &[StoredRun]| {
            let [day] = rolled(runs).try_into().unwrap();
            assert_eq!((day.totals().runs, day.totals().failures), (4, 4));
            day.samples.into_iter().map(|sample| sample.run_id).collect::<Vec<_>>()
        };
        let wanted = [None, Some("r2".to_owned()), None, Some("r3".to_owned())];
        assert_eq!(ids(&runs), wanted);
        runs.reverse();
        assert_eq!(ids(&runs), wanted);
    }

    /// What a run of the next day tries again is not known on the day itself: the failure before it
    /// may be the one that counts.
    #[test]
    fn the_last_errors_of_each_way_to_end_are_kept() {
        let mut runs: Vec<_> =
            (1..=6).map(|n| ended(n, &format!("2026-11-10T0{n}:00:00Z"), "FAILED", "a")).collect();
        runs.push(ended(7, "2026-11-10T00:30:00Z", "TIMEOUT", "a"));
        for stored in &mut runs {
            stored.run.error = Some(format!("error of {}", stored.run.identity.run_id));
        }
        runs[5].run.previous_run_id = Some("r5".into());
        let [day] = rolled(&runs).try_into().unwrap();
        let errors: Vec<_> = day
            .samples
            .iter()
            .filter_map(|run| run.error.as_deref()?.strip_prefix("error of "))
            .collect();
        assert_eq!(errors, ["r7", "r3", "r4", "r6"]);
    }

    /// What was used on earlier days is the part of the cost that its time there is.
    #[test]
    fn what_was_used_before_midnight_is_told_by_day() {
        let mut run = ended(10, "2026-11-10T06:00:00Z", "SUCCEEDED", "a");
        run.run.started_at = Some("2026-11-08T18:00:00Z".parse().unwrap());
        let [day] = rolled(&[run]).try_into().unwrap();
        let told: Vec<_> = day.earlier.iter().map(|e| (e.day.day(), e.cost.to_string())).collect();
        let dollars = [(8, "1.666666667"), (9, "6.666666667")];
        assert_eq!(told, dollars.map(|(day, usd)| (day, usd.to_owned())));
    }

    /// A run of which nobody read the tags says nothing about who owns the job.
    #[test]
    fn the_owner_is_that_of_the_last_run_whose_tags_were_read() {
        let tagged = ended(1, "2026-11-10T01:00:00Z", "SUCCEEDED", "a");
        let mut untagged = ended(2, "2026-11-10T02:00:00Z", "SUCCEEDED", "b");
        untagged.run.tags = None;
        let [day] = rolled(&[tagged, untagged]).try_into().unwrap();
        assert_eq!((day.last_owner.team.as_str(), day.last_owner.tagged), ("a", true));
        assert_eq!(day.last_owner.tags.unwrap()["team"], "a");
    }
}
