//! Roll-ups against every DynamoDB at hand: what they say is what the runs of the day say, counted
//! here another way.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use runledger::config::Config;
use runledger::model::{JobRun, RunState, Usd};
use runledger::store::Store;
use runledger::tasks::roll_up::{roll_up, roll_up_days};

use crate::harness::Sandbox;
use crate::store::{at, ended, on_every_store};

const NOW: &str = "2026-11-16T06:00:00Z";

/// Runs, failures and cents by day, job and hour.
type Counted = BTreeMap<(Date, String, u8), (u64, u64, i128)>;

/// A run of one of three jobs that ends at some minute of the week, for a dollar a minute.
fn made(number: u32) -> JobRun {
    let end = at("2026-11-09T00:00:00Z") + (i64::from(number) * 37 % (7 * 1440)).minutes();
    let mut run = ended(number, &end.to_string());
    run.identity.engine = "spark-on-k8s".into();
    run.job_name = Some(format!("job-{}", number % 3));
    run.state = if number.is_multiple_of(7) { RunState::Failed } else { RunState::Succeeded };
    run.imported_cost = Some(Usd::from_nanos(i128::from(number) * 10_000_000));
    run
}

fn counted(runs: &[JobRun]) -> Counted {
    let mut counted = Counted::new();
    for run in runs {
        let end = run.ended_at.unwrap().to_string();
        let day: Date = end[..10].parse().unwrap();
        let hour = end[11..13].parse().unwrap();
        let key = (day, run.job_name.clone().unwrap(), hour);
        let count = counted.entry(key).or_default();
        count.0 += 1;
        count.1 += u64::from(run.state == RunState::Failed);
        count.2 += run.imported_cost.unwrap().nanos() / 10_000_000;
    }
    counted
}

async fn kept(store: &Store) -> Counted {
    let mut kept = Counted::new();
    let days = (8..=16).map(|day| date(2026, 11, day));
    let take = |roll_up: runledger::model::RollUp| {
        for hour in &roll_up.hours {
            let key = (roll_up.day, roll_up.job.job.clone(), hour.hour);
            let (counts, cents) = (hour.counts, hour.counts.cost.nanos() / 10_000_000);
            assert!(kept.insert(key, (counts.runs, counts.failures, cents)).is_none());
        }
    };
    store.roll_ups(days, at(NOW), take).await.unwrap();
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_of_roll_ups_is_what_its_runs_are_through_replay_and_correction() {
    let books = Arc::new(Config::default().books(&[]).unwrap());
    on_every_store(async |store| {
        let runs: Vec<JobRun> = (0..400).map(made).collect();
        store.save_runs(runs.clone(), at(NOW)).await.unwrap();
        let first = roll_up(&store, &books, at(NOW)).await.unwrap();
        assert_eq!(first.days, 7, "{first:?}");
        assert_eq!(kept(&store).await, counted(&runs));
        // The same once more is no change, and marks no day.
        store.save_runs(runs.clone(), at(NOW)).await.unwrap();
        assert_eq!(roll_up(&store, &books, at(NOW)).await.unwrap().days, 0);
        // Late runs, corrected ones, and one that turns out to have ended on another day.
        let mut all: Vec<JobRun> = (0..430).map(made).collect();
        all[5].state = RunState::Timeout;
        all[5].updated_at = Some(at("2026-11-16T01:00:00Z"));
        all[7].ended_at = Some(at("2026-11-12T12:00:00Z"));
        all[7].updated_at = Some(at("2026-11-16T01:00:00Z"));
        store.save_runs(all[400..].to_vec(), at(NOW)).await.unwrap();
        store.save_runs(vec![all[5].clone()], at(NOW)).await.unwrap();
        roll_up(&store, &books, at(NOW)).await.unwrap();
        let mut right = all.clone();
        right[7] = made(7);
        right[5].state = RunState::Failed;
        assert_eq!(kept(&store).await, counted(&right));
    })
    .await;
}

/// What prices, owns and names runs may change; on wish the past is computed anew.
#[tokio::test]
async fn days_are_rolled_up_again_on_wish() {
    on_every_store(async |store| {
        let runs: Vec<JobRun> = (0..40).map(made).collect();
        store.save_runs(runs.clone(), at(NOW)).await.unwrap();
        let books = Arc::new(Config::default().books(&[]).unwrap());
        roll_up(&store, &books, at(NOW)).await.unwrap();
        let text = "[[jobs.fold]]\npattern = '-[0-9]$'\nreplace = ''";
        let folding = Config::parse(text, "r.toml".as_ref()).unwrap().books(&[]).unwrap();
        let days = date(2026, 11, 9)..date(2026, 11, 16);
        let again = roll_up_days(&store, &Arc::new(folding), days, at(NOW)).await.unwrap();
        assert!(again.removed > 0, "{again:?}");
        let folded = runs.into_iter().map(|mut run| {
            run.job_name = Some("job".into());
            run
        });
        assert_eq!(kept(&store).await, counted(&folded.collect::<Vec<_>>()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_rolls_up_the_days_it_touched() {
    let sandbox = Sandbox::new();
    let rows = "account,region,engine,job,run_id,state,ended_at,cost_usd\n\
                111122223333,eu-west-1,spark-on-k8s,load,r1,SUCCEEDED,2026-11-10T10:30:00Z,1.50\n\
                111122223333,eu-west-1,spark-on-k8s,load,r2,FAILED,2026-11-10T10:40:00Z,0.25\n";
    sandbox.write("runs.csv", rows);
    sandbox.run(&["--now", NOW, "import", "runs.csv"]).exits(0);
    let file = sandbox.path("runledger.db");
    let store = Store::embedded(&file, runledger::store::StoreSettings::default()).await.unwrap();
    let right = [((date(2026, 11, 10), "load".to_owned(), 10), (2, 1, 175))];
    assert_eq!(kept(&store).await, Counted::from(right));
}
