//! The facts that alerts are judged by, against every DynamoDB at hand: what is gathered is what
//! the runs say, counted here another way.

mod beside_runs;
mod precision;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan};
use runledger::alerts::{Facts, JobFacts};
use runledger::config::Config;
use runledger::model::{JobRun, RunState, Usd};
use runledger::store::Store;
use runledger::tasks::alert_facts::{FactsSources, alert_facts};
use runledger::tasks::budgets::outlooks;
use runledger::tasks::roll_up::roll_up;

use crate::store::{at, ended, on_every_store};

pub(crate) const NOW: &str = "2026-11-16T06:00:00Z";

pub(crate) fn config(text: &str) -> Config {
    Config::parse(text, Path::new("runledger.toml")).unwrap()
}

pub(crate) async fn facts(store: &Store, config: &Config, now: &str) -> Facts {
    let books = Arc::new(config.books(&[]).unwrap());
    let Config { budgets, reports, quotas, quota_check, .. } = config;
    let expected = config.expected_sources();
    let schedules = config.schedules().ok();
    let sources = FactsSources { budgets, reports, quotas, quota_check, expected, schedules };
    alert_facts(store, &books, &sources, at(now)).await.unwrap().tidied()
}

/// A run of one of three jobs, one every 97 minutes back from 5:30 of the day that is now, for as
/// many dollars as its number; every seventh fails, and each lasts as long as its number tells.
fn made(number: u32) -> JobRun {
    let end = at("2026-11-16T05:30:00Z") - (i64::from(number) * 97).minutes();
    let seconds = 60 + i64::from(number) * 131 % 30_000;
    let mut run = ended(number, &end.to_string());
    run.identity.engine = "spark-on-k8s".into();
    run.started_at = Some(end - seconds.seconds());
    run.execution_seconds = Some(u64::try_from(seconds).unwrap());
    run.job_name = Some(format!("job-{}", number % 3));
    run.state = if number.is_multiple_of(7) { RunState::Failed } else { RunState::Succeeded };
    run.imported_cost = Some(Usd::from_nanos(i128::from(number) * 1_000_000_000));
    let team = if number.is_multiple_of(2) { "even" } else { "odd" };
    run.tags = Some(BTreeMap::from([("team".to_owned(), team.to_owned())]));
    run
}

fn job<'f>(facts: &'f Facts, name: &str) -> &'f JobFacts {
    facts.jobs.iter().find(|(key, _)| key.job == name).map(|(_, job)| job).unwrap()
}

/// What is known of each job: the runs of the last day, and the runs and whole dollars by day.
type Known = BTreeMap<String, (BTreeSet<String>, BTreeMap<Date, (u64, i128)>)>;

/// The same of runs, by plain counting.
fn counted(runs: &[JobRun]) -> Known {
    let mut known = Known::new();
    let (now, today) = (at(NOW), jiff::civil::date(2026, 11, 16));
    for run in runs.iter().filter(|run| run.ended_at.unwrap() <= now) {
        let job = known.entry(run.job_name.clone().unwrap()).or_default();
        let end = run.ended_at.unwrap();
        if now.duration_since(end) < SignedDuration::from_hours(24) {
            job.0.insert(run.identity.run_id.clone());
        }
        let day: Date = end.to_string()[..10].parse().unwrap();
        if day < today && day >= today - 35.days() {
            let of_day = job.1.entry(day).or_default();
            *of_day = (of_day.0 + 1, of_day.1 + run.imported_cost.unwrap().nanos() / 1_000_000_000);
        }
    }
    known
}

fn gathered(facts: &Facts) -> Known {
    let of_job = |job: &JobFacts| {
        let ended = job.ended.iter().map(|run| run.identity.run_id.clone()).collect();
        let days = job.days.iter();
        let days = days.map(|d| (d.day, (d.runs, d.cost.nanos() / 1_000_000_000))).collect();
        (ended, days)
    };
    facts.jobs.iter().map(|(key, job)| (key.job.clone(), of_job(job))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_are_what_the_runs_say_through_replay_and_late_arrival() {
    let config = config("");
    on_every_store(async |store| {
        // Forty days of them.
        let mut runs: Vec<JobRun> = (0..600).map(made).collect();
        store.save_runs(runs.clone(), at(NOW)).await.unwrap();
        let first = facts(&store, &config, NOW).await;
        assert_eq!(gathered(&first), counted(&runs));
        // Days with few runs keep all of them, the failed ones with their ids.
        let failed: BTreeSet<String> = (0..=510)
            .filter(|n| n % 21 == 0)
            .filter(|n| i64::from(*n) * 97 > 24 * 60)
            .map(|n| made(n).identity.run_id)
            .collect();
        let ends = job(&first, "job-0").days.iter().flat_map(|day| &day.ends);
        let named: BTreeSet<String> = ends.filter_map(|end| end.run_id.clone()).collect();
        assert_eq!(named, failed);
        // Once more is no change at all.
        store.save_runs(runs.clone(), at(NOW)).await.unwrap();
        assert_eq!(format!("{:?}", facts(&store, &config, NOW).await), format!("{first:?}"));
        // A run of five days ago that comes late, and one that turns out to be another job's.
        runs.push(JobRun { ended_at: Some(at("2026-11-11T10:00:00Z")), ..made(600) });
        runs[100].job_name = Some("job-9".into());
        runs[100].updated_at = Some(at("2026-11-16T05:45:00Z"));
        let late = vec![runs[600].clone(), runs[100].clone()];
        store.save_runs(late, at(NOW)).await.unwrap();
        let after = facts(&store, &config, NOW).await;
        assert_eq!(gathered(&after), counted(&runs));
        assert_ne!(gathered(&after), gathered(&first));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn budgets_from_roll_ups_are_those_from_runs() {
    let config = config("[budgets]\neven = '30000'\nodd = '90000'\nnobody = '1'\n");
    on_every_store(async |store| {
        // Nine weeks, so that there is a forecast; many runs cross a midnight.
        let runs: Vec<JobRun> = (0..950).map(made).collect();
        store.save_runs(runs, at(NOW)).await.unwrap();
        let facts = facts(&store, &config, NOW).await;
        let books = Arc::new(config.books(&[]).unwrap());
        let month = runledger::model::Period::month("2026-11", &jiff::tz::TimeZone::UTC).unwrap();
        let (budgets, expected) = (&config.budgets, config.expected_sources());
        let outlooks = outlooks(&store, &books, budgets, &month, &expected, at(NOW)).await.unwrap();
        assert_eq!(facts.budgets.len(), 3);
        for (budget, outlook) in facts.budgets.iter().zip(&outlooks) {
            assert_eq!((&budget.team, budget.budget), (&outlook.team, outlook.budget_usd));
            assert_eq!(budget.forecast, outlook.forecast.map(|forecast| forecast.usd));
            // What was used today: the part of each run of today since midnight.
            let today =
                (0..4).map(made).filter(|run| run.tags.as_ref().unwrap()["team"] == budget.team);
            let midnight = at("2026-11-16T00:00:00Z");
            let part = |run: &JobRun| {
                let (start, end) = (run.started_at.unwrap(), run.ended_at.unwrap());
                let whole = i128::from(end.as_second() - start.as_second());
                let inside = i128::from(end.as_second() - start.max(midnight).as_second());
                run.imported_cost.unwrap().nanos() * inside / whole
            };
            let today: i128 =
                today.filter(|run| run.ended_at.unwrap() > midnight).map(|r| part(&r)).sum();
            let difference = (budget.used - outlook.used_usd).nanos() - today;
            assert!(difference.abs() <= 4, "{}: {difference} nano-dollars", budget.team);
        }
        assert!(outlooks[0].forecast.is_some() && outlooks[0].used_usd > Usd::ZERO);
    })
    .await;
}

/// Clocks that are ahead, and runs that change what was rolled up of them after it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_days_neither_break_facts_nor_make_any_up() {
    let config = config("");
    on_every_store(async |store| {
        let of = |number: u32, end: &str| JobRun { ended_at: Some(at(end)), ..made(number) };
        let skewed = vec![
            of(3, "2026-11-16T06:20:00Z"),
            of(6, "2026-11-16T09:00:00Z"),
            of(9, "2026-11-18T09:00:00Z"),
            JobRun {
                started_at: Some(at("2026-11-16T05:00:00Z")),
                ..of(12, "2026-11-16T04:00:00Z")
            },
        ];
        store.save_runs(skewed, at(NOW)).await.unwrap();
        let now = facts(&store, &config, NOW).await;
        let ends: Vec<_> = job(&now, "job-0").ended.iter().map(|run| run.ended.unwrap()).collect();
        assert_eq!(ends, [at("2026-11-16T04:00:00Z"), at(NOW)]);
        assert!(job(&now, "job-0").ended.iter().all(|run| run.started <= run.ended));
        // Two that are under way; one of them ends at once, and is then no longer.
        let open = |number: u32| {
            let mut run = JobRun { state: RunState::Running, ended_at: None, ..made(number) };
            run.updated_at = run.started_at;
            run
        };
        store.save_runs(vec![open(15), open(18)], at(NOW)).await.unwrap();
        assert_eq!(job(&facts(&store, &config, NOW).await, "job-0").open.len(), 2);
        let books = Arc::new(config.books(&[]).unwrap());
        roll_up(&store, &books, at(NOW)).await.unwrap();
        store.save_runs(vec![made(15)], at(NOW)).await.unwrap();
        let after = facts(&store, &config, NOW).await;
        let after = job(&after, "job-0");
        let id = made(15).identity.run_id;
        assert!(after.open.iter().all(|run| run.identity.run_id != id) && after.open.len() == 1);
        let days = after.days.iter().map(|day| day.runs).sum::<u64>();
        assert_eq!(days, 1, "{:?}", after.days);
    })
    .await;
}
