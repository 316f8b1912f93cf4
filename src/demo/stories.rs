//! What the report of the last complete week must tell, as a table for whoever checks a report,
//! and the quotas that one of the stories is about.
//!
//! The jobs that the stories happen to are in `plots`; stories about many jobs (no owner, no rate,
//! streams) come from `patterns` and `catalogue`.

use super::plots::{BACKFILLS, DELETED, JUMP, LEGACY, NIGHTLY_FAILURE, RETRY_STORM};
use super::teams::{GOODS, IRELAND, NUMBERS, SHOP, VIRGINIA};

/// What a reader of the last complete week's report should find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// A word for it.
    pub code: &'static str,
    /// The account in which it happens; empty where it happens in several.
    pub account: &'static str,
    /// The region in which it happens; empty where it happens in several.
    pub region: &'static str,
    /// The jobs it happens to; empty where they are many.
    pub jobs: &'static [&'static str],
    /// What the report says about it.
    pub finding: &'static str,
}

/// Every story.
#[must_use]
pub fn stories() -> &'static [Story] {
    &STORIES
}

static STORIES: [Story; 9] = [
    Story {
        code: "cost-jump",
        account: NUMBERS,
        region: VIRGINIA,
        jobs: &[JUMP],
        finding: "runs eight times on workdays; since Tuesday 09:00 with 80 workers, not 10, and \
                  hardly any faster: the largest change of all jobs",
    },
    Story {
        code: "nightly-failure",
        account: SHOP,
        region: VIRGINIA,
        jobs: &[NIGHTLY_FAILURE],
        finding: "fails every night for more than two weeks with one and the same error after \
                  most of its work, and so does its one retry: the dearest failure",
    },
    Story {
        code: "quota-squeeze",
        account: SHOP,
        region: VIRGINIA,
        jobs: &[BACKFILLS[0], BACKFILLS[1]],
        finding: "172 backfill runs started at 02:00 on Wednesday: concurrent runs and DPUs peak \
                  above 80 % of the account's quotas, as in no other account",
    },
    Story {
        code: "legacy-minimum",
        account: GOODS,
        region: VIRGINIA,
        jobs: &[LEGACY],
        finding: "Glue 1.0 with 10 DPU, about a minute of work in each run, ten minutes billed: \
                  nearly all of its cost is the minimum, and it has no owner",
    },
    Story {
        code: "retry-storm",
        account: GOODS,
        region: IRELAND,
        jobs: &[RETRY_STORM],
        finding: "while a database did not answer on Thursday from 09:00 to 14:00, each of its \
                  starts was retried up to nine times: most retries of all jobs, little money",
    },
    Story {
        code: "untagged",
        account: "",
        region: "",
        jobs: &[],
        finding: "some of the jobs have no tag that names a team: a visible line of their own",
    },
    Story {
        code: "unpriced",
        account: "",
        region: IRELAND,
        jobs: &[],
        finding: "ARM applications, Glue 6.0 and one Ray job run where the rate card has no rate \
                  for them: stated as unpriced, not as free",
    },
    Story {
        code: "stream-restart",
        account: "",
        region: "",
        jobs: &[],
        finding: "streams restart on Sunday at 22:00 and leave an EXPIRED run behind: no waste",
    },
    Story {
        code: "deleted-job",
        account: NUMBERS,
        region: IRELAND,
        jobs: &[DELETED],
        finding: "a trigger tries to start a job that was deleted: ERROR, at no cost",
    },
];

/// A quota of the company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The account.
    pub account: &'static str,
    /// The region.
    pub region: &'static str,
    /// `glue-concurrent-runs`, `glue-dpus`, `glue-flex-dpus` or `emr-serverless-vcpus`.
    pub key: &'static str,
    /// Its value, in what the key counts.
    pub value: u32,
}

/// The quotas of the company: such that the squeeze shows, and nothing else comes near.
#[must_use]
pub fn quotas() -> Vec<Quota> {
    let places = [
        (SHOP, VIRGINIA),
        (GOODS, VIRGINIA),
        (GOODS, IRELAND),
        (NUMBERS, VIRGINIA),
        (NUMBERS, IRELAND),
    ];
    let values = [
        ("glue-concurrent-runs", 200),
        ("glue-dpus", 1_000),
        ("glue-flex-dpus", 100),
        ("emr-serverless-vcpus", 1_000),
    ];
    places
        .into_iter()
        .flat_map(|(account, region)| {
            values.map(|(key, value)| Quota { account, region, key, value })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::LazyLock;

    use jiff::tz::TimeZone;
    use rust_decimal::Decimal;

    use super::*;
    use crate::demo::{DemoSettings, runs};
    use crate::model::{Architecture, Engine, ExecutionClass, JobKind, JobRun, Period, RunState};

    /// The runs that ended in the last complete week, and in the one before.
    struct Weeks {
        period: Period,
        last: Vec<JobRun>,
        before: Vec<JobRun>,
    }

    /// An ordinary week; one whose Wednesday is the end of a month; and the first and the last
    /// second of the week after.
    static WEEKS: LazyLock<Vec<Weeks>> = LazyLock::new(|| {
        [
            (1, "2026-11-20T10:30:00Z"),
            (2, "2026-10-08T10:30:00Z"),
            (3, "2026-11-16T00:00:00Z"),
            (4, "2026-11-22T23:59:59Z"),
        ]
        .map(|(seed, now)| weeks(DemoSettings { weeks: 3, seed, now: now.parse().unwrap() }))
        .into()
    });

    fn weeks(settings: DemoSettings) -> Weeks {
        let period = Period::last_week(settings.now, &TimeZone::UTC).unwrap();
        let previous = period.previous().unwrap();
        let mut weeks = Weeks { period, last: Vec::new(), before: Vec::new() };
        for run in runs(&settings) {
            match run.end() {
                Some(end) if weeks.period.contains(end) => weeks.last.push(run),
                Some(end) if previous.contains(end) => weeks.before.push(run),
                _ => {}
            }
        }
        weeks
    }

    fn each_week(check: impl Fn(&Weeks)) {
        WEEKS.iter().for_each(check);
    }

    fn name(run: &JobRun) -> &str {
        run.job_name.as_deref().unwrap()
    }

    /// What AWS would count for a Glue run: what it metered, else capacity times time with the
    /// minimum of one minute, or of ten for Spark before 2.0.
    fn dpu_seconds(run: &JobRun) -> Decimal {
        let (Some(capacity), Some(seconds)) = (run.max_capacity, run.execution_seconds) else {
            return Decimal::ZERO;
        };
        let old = matches!(run.version.as_deref(), Some("0.9" | "1.0"));
        let minimum = if old && run.job_kind() == Some(&JobKind::Spark) { 600 } else { 60 };
        run.dpu_seconds.unwrap_or_else(|| capacity * Decimal::from(seconds.max(minimum)))
    }

    /// The job with the most of something, and how much.
    fn top<'r>(
        runs: impl Iterator<Item = &'r JobRun>,
        measure: impl Fn(&JobRun) -> Decimal,
    ) -> (&'r str, Decimal) {
        let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
        for run in runs {
            *sums.entry(name(run)).or_default() += measure(run);
        }
        sums.into_iter().max_by_key(|(_, sum)| *sum).unwrap()
    }

    fn of<'r>(runs: &'r [JobRun], job: &str) -> Vec<&'r JobRun> {
        runs.iter().filter(|run| name(run) == job).collect()
    }

    #[test]
    fn stories_are_told_of_jobs_that_run_where_they_say() {
        let codes: BTreeSet<&str> = stories().iter().map(|story| story.code).collect();
        assert_eq!(codes.len(), stories().len());
        each_week(|weeks| {
            for story in stories() {
                for job in story.jobs {
                    let runs = of(&weeks.last, job);
                    assert!(!runs.is_empty(), "{job}");
                    assert!(runs.iter().all(|run| run.identity.account == story.account
                        && run.identity.region == story.region));
                }
            }
        });
    }

    #[test]
    fn one_job_takes_far_more_than_the_week_before() {
        each_week(|weeks| {
            let workers = |runs: &[JobRun]| -> BTreeSet<u32> {
                of(runs, JUMP).iter().map(|run| run.worker_count.unwrap()).collect()
            };
            assert_eq!(workers(&weeks.before), [10].into());
            assert_eq!(workers(&weeks.last), [10, 80].into());
            let sum =
                |runs: &[JobRun]| of(runs, JUMP).into_iter().map(dpu_seconds).sum::<Decimal>();
            assert!(sum(&weeks.last) > sum(&weeks.before) * Decimal::from(3));
            let (job, _) = top(
                weeks
                    .last
                    .iter()
                    .chain(&weeks.before)
                    .filter(|run| run.identity.engine == Engine::Glue),
                |run| {
                    let last = weeks.period.contains(run.end().unwrap());
                    if last { dpu_seconds(run) } else { -dpu_seconds(run) }
                },
            );
            assert_eq!(job, JUMP);
        });
    }

    #[test]
    fn one_job_fails_every_night_with_the_same_error() {
        each_week(|weeks| {
            for runs in [&weeks.last, &weeks.before] {
                let runs = of(runs, NIGHTLY_FAILURE);
                assert_eq!(runs.len() / 2, runs.iter().filter(|run| run.is_retry()).count());
                let failed: Vec<_> =
                    runs.into_iter().filter(|run| run.state == RunState::Failed).collect();
                assert!(failed.len() >= 14, "{}", failed.len());
                let errors: BTreeSet<_> = failed.iter().map(|run| &run.error).collect();
                assert_eq!(errors.len(), 1);
            }
            let glue = weeks.last.iter().filter(|run| run.identity.engine == Engine::Glue);
            let (job, _) = top(
                glue.filter(|run| run.is_wasted_end(&crate::pricing::kind_of(run))),
                dpu_seconds,
            );
            assert_eq!(job, NIGHTLY_FAILURE);
        });
    }

    /// The highest sum of what runs hold at once, and the second in which it is reached.
    fn peak(runs: &[JobRun], quota: &Quota) -> (Decimal, i64) {
        let mut changes = Vec::new();
        for run in runs.iter().filter(|run| {
            run.identity.account == quota.account && run.identity.region == quota.region
        }) {
            let glue = run.identity.engine == Engine::Glue;
            let flex = run.execution_class == Some(ExecutionClass::Flex);
            let held = match quota.key {
                "glue-concurrent-runs" if glue => Decimal::ONE,
                "glue-dpus" if glue && !flex => run.max_capacity.unwrap(),
                "glue-flex-dpus" if glue && flex => run.max_capacity.unwrap(),
                "emr-serverless-vcpus" if !glue => run.billed.map_or(Decimal::ZERO, |billed| {
                    billed.vcpu_hours * Decimal::from(3_600) / Decimal::from(run.runtime_seconds())
                }),
                _ => continue,
            };
            changes.push((run.start().unwrap().as_second(), held));
            changes.push((run.end().unwrap().as_second(), -held));
        }
        changes.sort_unstable();
        let mut now = Decimal::ZERO;
        let levels = changes.into_iter().map(|(second, change)| {
            now += change;
            (now, second)
        });
        levels.max_by_key(|(level, _)| *level).unwrap_or_default()
    }

    #[test]
    fn one_account_comes_near_its_quotas_and_no_other_does() {
        each_week(|weeks| {
            for quota in quotas() {
                let share = |level: Decimal| level / Decimal::from(quota.value);
                let (level, second) = peak(&weeks.last, &quota);
                let squeezed = quota.account == SHOP
                    && ["glue-concurrent-runs", "glue-dpus"].contains(&quota.key);
                if squeezed {
                    let limits = Decimal::new(8, 1)..Decimal::ONE;
                    assert!(limits.contains(&share(level)), "{quota:?} {level}");
                    let hour = (second - weeks.period.start.as_second()) / 3_600;
                    assert_eq!(hour, 2 * 24 + 2, "Wednesday, between 02:00 and 03:00");
                    assert!(share(peak(&weeks.before, &quota).0) < Decimal::new(5, 1));
                } else {
                    assert!(level > Decimal::ZERO, "{quota:?}");
                    assert!(share(level) < Decimal::new(6, 1), "{quota:?} {level}");
                }
            }
        });
    }

    #[test]
    fn the_legacy_job_pays_for_time_it_does_not_use() {
        each_week(|weeks| {
            let runs = of(&weeks.last, LEGACY);
            assert!(runs.iter().all(|run| run.version.as_deref() == Some("1.0")));
            assert!(
                runs.iter().all(|run| run.definition.clone().unwrap().tags.unwrap().is_empty())
            );
            let billed: Decimal = runs.iter().map(|run| dpu_seconds(run)).sum();
            let used: Decimal = runs
                .iter()
                .map(|run| run.max_capacity.unwrap() * Decimal::from(run.runtime_seconds()))
                .sum();
            assert!(used < billed * Decimal::new(15, 2), "{used} of {billed}");
        });
    }

    #[test]
    fn the_retry_storm_has_most_of_the_retries_and_little_of_the_money() {
        each_week(|weeks| {
            let retries = || weeks.last.iter().filter(|run| run.is_retry());
            let (job, count) = top(retries(), |_| Decimal::ONE);
            assert_eq!(job, RETRY_STORM);
            assert!(count >= Decimal::from(70), "{count}");
            let storm: Decimal = retries().filter(|run| name(run) == job).map(dpu_seconds).sum();
            let nightly: Decimal =
                of(&weeks.last, NIGHTLY_FAILURE).into_iter().map(dpu_seconds).sum();
            assert!(storm < nightly / Decimal::from(10));
        });
    }

    #[test]
    fn an_orchestrator_reruns_what_failed_without_calling_it_a_retry() {
        each_week(|weeks| {
            let mut by_job: BTreeMap<&str, Vec<&JobRun>> = BTreeMap::new();
            for run in weeks.last.iter().filter(|run| run.identity.engine == Engine::Glue) {
                by_job.entry(name(run)).or_default().push(run);
            }
            let mut reruns = 0;
            // Among jobs that start once a day, nothing else starts within a quarter of an hour.
            for runs in by_job.values_mut().filter(|runs| runs.len() < 15) {
                runs.sort_by_key(|run| run.start());
                reruns += runs
                    .windows(2)
                    .filter(|pair| pair[0].state == RunState::Failed && !pair[1].is_retry())
                    .filter(|pair| {
                        let gap = pair[1].start().unwrap().as_second()
                            - pair[0].end().unwrap().as_second();
                        (60..1_000).contains(&gap)
                    })
                    .count();
            }
            assert!(reruns > 0);
        });
    }

    #[test]
    fn some_jobs_have_no_owner() {
        each_week(|weeks| {
            let owned = |run: &JobRun| {
                let own = run
                    .tags
                    .iter()
                    .chain(run.definition.iter().filter_map(|definition| definition.tags.as_ref()));
                own.flatten().any(|(key, _)| ["team", "Team", "owner-team"].contains(&key.as_str()))
            };
            let jobs = |wanted: bool| -> BTreeSet<&str> {
                let glue = weeks.last.iter().filter(|run| run.identity.engine == Engine::Glue);
                glue.filter(|run| owned(run) == wanted).map(name).collect()
            };
            let (tagged, untagged) = (jobs(true).len(), jobs(false).len());
            assert!((8..30).contains(&untagged), "{untagged}");
            assert!(tagged > untagged * 8);
        });
    }

    #[test]
    fn what_has_no_rate_is_in_one_region_and_little() {
        each_week(|weeks| {
            let no_rate = |run: &JobRun| {
                let definition = run.definition.as_ref();
                definition.is_some_and(|d| d.architecture == Some(Architecture::Arm))
                    || (run.identity.region == IRELAND
                        && (run.version.as_deref() == Some("6.0")
                            || run.worker_type.as_deref() == Some("Z.2X")))
            };
            let unpriced: Vec<&JobRun> = weeks.last.iter().filter(|run| no_rate(run)).collect();
            assert!(unpriced.iter().all(|run| run.identity.region == IRELAND));
            let share = 100 * unpriced.len();
            assert!(share > 0 && share < 3 * weeks.last.len(), "{}", unpriced.len());
            let engines: BTreeSet<&Engine> =
                unpriced.iter().map(|run| &run.identity.engine).collect();
            assert_eq!(engines.len(), 2);
        });
    }

    #[test]
    fn streams_expire_and_are_no_waste_and_a_deleted_job_errs_for_nothing() {
        each_week(|weeks| {
            let in_state = |state: RunState| {
                weeks.last.iter().filter(move |run| run.state == state).collect::<Vec<_>>()
            };
            let expired = in_state(RunState::Expired);
            assert_eq!(expired.len(), 6);
            assert!(expired.iter().all(|run| !run.is_wasted_end(&crate::pricing::kind_of(run))));
            let errors = in_state(RunState::Error);
            assert_eq!(errors.len(), 5);
            assert!(errors.iter().all(|run| name(run) == DELETED && run.runtime_seconds() == 0));
        });
    }
}
