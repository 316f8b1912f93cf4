//! The store against every DynamoDB at hand: the embedded one, and the real DynamoDB Local.
//!
//! The same tests for all of them, because there is one implementation; what must come out is
//! computed here without it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::{Timestamp, ToSpan};
use runledger::model::{Definition, Engine, JobRun, Period, Resources, RunIdentity, RunState};
use runledger::store::{Reach, Saved, Store, StoreSettings};

use serde_json::json;

use crate::harness::{Sandbox, dynamodb_url, skipped};

/// Runs a test over a fresh store of each kind.
pub(crate) async fn on_every_store<F: AsyncFn(Store)>(test: F) {
    let folder = tempfile::tempdir().unwrap();
    test(embedded(&folder.path().join("runs.db")).await).await;
    match dynamodb_url() {
        Some(url) => test(on_server(&url).await).await,
        None => skipped("no DynamoDB server; tests/run.sh starts one"),
    }
}

async fn embedded(path: &Path) -> Store {
    Store::embedded(path, StoreSettings::default()).await.unwrap()
}

fn server(url: &str) -> aws_config::SdkConfig {
    let credentials = aws_credential_types::Credentials::new("test", "test", None, None, "tests");
    aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            credentials,
        ))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .build()
}

async fn on_server(url: &str) -> Store {
    let unique = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
    let table = format!("store-{unique:x}");
    let store = Store::dynamodb(&server(url), table, StoreSettings::default());
    store.table().create().await.unwrap();
    store
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-16T06:00:00Z";

fn identity(number: u32) -> RunIdentity {
    RunIdentity {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: format!("jr_{number:064x}"),
        attempt: 1,
    }
}

pub(crate) fn ended(number: u32, end: &str) -> JobRun {
    let mut run = JobRun::new(identity(number), RunState::Succeeded);
    run.ended_at = Some(at(end));
    run.updated_at = run.ended_at;
    run.started_at = Some(at(end) - 10.minutes());
    run.execution_seconds = Some(600);
    run.job_name = Some("load".into());
    run
}

fn running(number: u32, start: &str) -> JobRun {
    let mut run = JobRun::new(identity(number), RunState::Running);
    run.started_at = Some(at(start));
    run.updated_at = run.started_at;
    run
}

async fn stored_in(store: &Store, week: &str, now: &str) -> BTreeMap<String, JobRun> {
    let week = Period::week(week, &jiff::tz::TimeZone::UTC).unwrap();
    let kept = Arc::new(Mutex::new(BTreeMap::new()));
    let into = Arc::clone(&kept);
    store
        .read_days(week.utc_days(), Reach::All, at(now), Some, move |runs| {
            let mut kept = into.lock().unwrap();
            for stored in runs {
                let id = format!("{:?}", stored.run.identity);
                assert!(kept.insert(id, stored.run).is_none(), "a run was read twice");
            }
        })
        .await
        .unwrap();
    let kept = kept.lock().unwrap();
    kept.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_is_what_was_stored_however_often_and_in_whatever_order() {
    on_every_store(async |store| {
        let mut runs: Vec<_> = (0..300)
            .map(|n| {
                let end = at("2026-11-09T00:00:00Z") + (i64::from(n) * 33).minutes();
                ended(n, &end.to_string())
            })
            .collect();
        let first = store.save_runs(runs.clone(), at(NOW)).await.unwrap();
        assert_eq!(first, Saved { new: 300, ..Saved::default() });
        runs.reverse();
        runs.extend(runs.clone());
        let again = store.save_runs(runs.clone(), at(NOW)).await.unwrap();
        assert_eq!(again, Saved { unchanged: 300, ..Saved::default() });
        let stored = stored_in(&store, "2026-W46", NOW).await;
        assert_eq!(stored.len(), 300);
        assert!(runs.iter().all(|run| stored.values().any(|kept| kept == run)));
        assert!(stored_in(&store, "2026-W45", NOW).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_moves_from_open_to_its_day_and_never_back() {
    on_every_store(async |store| {
        let begun = running(1, "2026-11-10T10:00:00Z");
        store.save_runs(vec![begun.clone()], at(NOW)).await.unwrap();
        assert_eq!(store.open_runs(at(NOW)).await.unwrap().len(), 1);
        store.save_runs(vec![ended(1, "2026-11-11T00:00:10Z")], at(NOW)).await.unwrap();
        assert!(store.open_runs(at(NOW)).await.unwrap().is_empty());
        // The old news arrives once more.
        let late = store.save_runs(vec![begun], at(NOW)).await.unwrap();
        assert_eq!(late.unchanged, 1);
        assert!(store.open_runs(at(NOW)).await.unwrap().is_empty());
        assert_eq!(stored_in(&store, "2026-W46", NOW).await.len(), 1);
    })
    .await;
}

/// EMR Serverless may tell the end and the bill late; the run is asked for until both are known,
/// and is in one day only, whichever end was believed first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_moves_to_another_day_leaves_nothing_behind() {
    let emr = |end: Option<&str>, updated: &str, billed: bool| {
        let mut run = JobRun::new(
            RunIdentity {
                engine: Engine::EmrServerless,
                application_id: Some("app".into()),
                ..identity(7)
            },
            RunState::Success,
        );
        run.created_at = Some(at("2026-11-10T22:00:00Z"));
        run.updated_at = Some(at(updated));
        run.ended_at = end.map(at);
        run.billed = billed.then(|| Resources {
            vcpu_hours: 1.into(),
            memory_gb_hours: 1.into(),
            storage_gb_hours: 0.into(),
        });
        run
    };
    let without_end = emr(None, "2026-11-11T00:00:05Z", false);
    let with_end = emr(Some("2026-11-10T23:59:50Z"), "2026-11-11T00:00:05Z", false);
    let settled = emr(Some("2026-11-10T23:59:50Z"), "2026-11-11T00:00:05Z", true);
    on_every_store(async |store| {
        let open = async || store.open_runs(at(NOW)).await.unwrap().len();
        store.save_runs(vec![without_end.clone()], at(NOW)).await.unwrap();
        assert_eq!(open().await, 1);
        store.save_runs(vec![with_end.clone()], at(NOW)).await.unwrap();
        assert_eq!(open().await, 1);
        store.save_runs(vec![settled.clone()], at(NOW)).await.unwrap();
        assert_eq!(open().await, 0);
        store.save_runs(vec![without_end.clone()], at(NOW)).await.unwrap();
        let stored = stored_in(&store, "2026-W46", NOW).await;
        assert_eq!(stored.into_values().collect::<Vec<_>>(), std::slice::from_ref(&settled));
    })
    .await;
}

/// However long after its end a run is told of: an event gives an end that is only near the true
/// one, and an old answer says that the run is still under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_told_months_later_in_any_order_are_one_run() {
    let end = "2026-10-04T23:59:58Z";
    let of_api = ended(1, end);
    let mut of_event = JobRun::new(identity(1), RunState::Succeeded);
    of_event.updated_at = Some(at("2026-10-05T00:00:04Z"));
    let of_old_answer = running(1, "2026-10-04T23:49:58Z");
    let facts = [of_api, of_event, of_old_answer];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    on_every_store(async |store| {
        for (number, order) in orders.into_iter().enumerate() {
            for fact in order {
                let mut run = facts[fact].clone();
                run.identity = identity(u32::try_from(number).unwrap());
                store.save_runs(vec![run], at("2026-12-20T06:00:00Z")).await.unwrap();
            }
        }
        let stored = async |week: &str| stored_in(&store, week, "2026-12-20T06:00:00Z").await;
        let week = stored("2026-W40").await;
        assert_eq!(week.len(), orders.len());
        assert!(week.values().all(|run| run.ended_at == Some(at(end))), "{week:?}");
        assert_eq!(stored("2026-W41").await, BTreeMap::new());
        assert_eq!(store.open_runs(at("2026-12-20T06:00:00Z")).await.unwrap(), Vec::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_past_its_retention_never_counts() {
    on_every_store(async |store| {
        let run = ended(1, "2026-11-10T10:00:00Z");
        store.save_runs(vec![run.clone()], at(NOW)).await.unwrap();
        // The item is still there: nothing here deletes expired items. It does not count.
        let long_after = "2027-04-01T00:00:00Z";
        assert!(stored_in(&store, "2026-W46", long_after).await.is_empty());
        let late = store.save_runs(vec![ended(2, "2026-11-10T10:00:00Z")], at(long_after)).await;
        assert_eq!(late.unwrap(), Saved { too_old: 1, ..Saved::default() });
    })
    .await;
}

/// Eight writers tell the same runs at once, each another part of the story.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_at_once_end_at_the_same_items() {
    on_every_store(async |store| {
        let writers = (0..8_u32).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let runs = (0..20).map(|n| {
                    if writer % 2 == 0 {
                        return running(n, "2026-11-10T10:00:00Z");
                    }
                    let mut run = ended(n, "2026-11-10T10:30:00Z");
                    run.execution_seconds = None;
                    match writer {
                        1 => run.execution_seconds = Some(600),
                        3 => run.worker_count = Some(5),
                        5 => run.version = Some("4.0".into()),
                        _ => run.define(Definition {
                            tags: Some(BTreeMap::from([("team".into(), "orders".into())])),
                            ..Definition::default()
                        }),
                    }
                    run
                });
                store.save_runs(runs.collect(), at(NOW)).await.unwrap();
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        // A racing RUNNING may have been written after its run had ended; the next sweep asks for
        // it again and settles it.
        let left: Vec<_> = store.open_runs(at(NOW)).await.unwrap();
        let numbers = 0..20;
        let retold = numbers.map(|n| ended(n, "2026-11-10T10:30:00Z")).collect();
        store.save_runs(retold, at(NOW)).await.unwrap();
        assert!(left.len() <= 20);
        assert!(store.open_runs(at(NOW)).await.unwrap().is_empty());
        let stored = stored_in(&store, "2026-W46", NOW).await;
        assert_eq!(stored.len(), 20);
        for run in stored.values() {
            assert_eq!(run.execution_seconds, Some(600));
            assert_eq!(run.worker_count, Some(5));
            assert_eq!(run.version.as_deref(), Some("4.0"));
            assert!(run.definition.is_some());
        }
    })
    .await;
}

/// Two processes that make one new file at once, and write into it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_file_may_be_opened_by_many_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        let openers = (0..6).map(|n| {
            let path = path.clone();
            tokio::spawn(async move {
                let store = embedded(&path).await;
                let run = ended(n, "2026-11-10T10:00:00Z");
                store.save_runs(vec![run], at(NOW)).await.unwrap();
            })
        });
        for opener in openers.collect::<Vec<_>>() {
            opener.await.unwrap();
        }
        let store = embedded(&path).await;
        assert_eq!(stored_in(&store, "2026-W46", NOW).await.len(), 6);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_missing_is_named_with_what_to_do() {
    let Some(url) = dynamodb_url() else { return skipped("no DynamoDB server") };
    let store = on_server(&url).await;
    let missing = Store::dynamodb(&server(&url), "missing".into(), StoreSettings::default());
    let error = missing.open_runs(at(NOW)).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no table `missing`");
    assert!(error.hint().contains("runledger init"));
    assert!(store.table().has_ttl().await.unwrap());
}

/// A process forgets its locks on a file when it closes any handle of it, its own look at the
/// file's first bytes too. Then whoever else closes the store takes away the log that it writes to.
#[tokio::test]
async fn a_store_that_a_process_opens_twice_loses_nothing_to_another_process() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("runledger.db");
    let first = embedded(&path).await;
    let end = "2026-11-14T08:00:00Z";
    first.save_runs(vec![ended(1, end)], at(NOW)).await.unwrap();
    let second = embedded(&path).await;
    // It opens the store, writes, and closes it as the last that has it open, for all it can see.
    let import = |id: &str| {
        let run = json!({
            "Id": id, "JobName": "load", "JobRunState": "SUCCEEDED", "ExecutionTime": 600,
            "CompletedOn": end, "LastModifiedOn": end, "GlueVersion": "5.0",
            "WorkerType": "G.1X", "NumberOfWorkers": 2,
        });
        sandbox.write("runs.jsonl", run.to_string());
        let import = ["import", "runs.jsonl", "--account", "111122223333", "--region", "eu-west-1"];
        sandbox.run(&[&["--now", NOW], &import[..]].concat()).exits(0);
    };
    import("jr_of_another");
    first.save_runs(vec![ended(2, end)], at(NOW)).await.unwrap();
    import("jr_of_a_third");
    second.save_runs(vec![ended(3, end)], at(NOW)).await.unwrap();
    drop((first, second));
    let found = stored_in(&embedded(&path).await, "2026-W46", NOW).await;
    assert_eq!(found.len(), 5, "{:?}", found.keys());
}
