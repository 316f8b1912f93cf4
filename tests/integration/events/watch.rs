//! `watch` as a process: events stored within seconds, an orderly end, and no end by trouble.

use std::time::Instant;

use jiff::ToSpan;

use super::*;
use crate::harness::{Running, Sandbox};

/// A folder whose configuration names a queue of the fakes, with its store.
async fn sandbox(fakes: &Fakes) -> (Sandbox, Store) {
    fakes.home(|place| {
        let queue = Queue::new(Duration::from_millis(500));
        place.sqs.queues.insert("events".into(), queue);
        place.glue.add_job("load", "glueetl", &[("team", "orders")]);
    });
    let sandbox = fakes
        .environment()
        .into_iter()
        .fold(Sandbox::new(), |sandbox, (name, value)| sandbox.with(name, &value));
    let queue = format!("[collect]\nqueue = \"{}/{HOME}/events\"\n", fakes.url());
    sandbox.write("runledger.toml", queue);
    let file = sandbox.path("runledger.db");
    let store = Store::embedded(&file, StoreSettings::default()).await.unwrap();
    (sandbox, store)
}

/// A run that failed a minute ago, as Glue has it, and the event of it.
fn fail(fakes: &Fakes, run_id: &str) {
    let now = Timestamp::now();
    let second = |ago: i64| (now - ago.seconds()).as_second() as f64;
    fakes.home(|place| {
        place.glue.put_run("load", run(run_id, "FAILED", second(660), Some(second(60))));
        let event = glue_event(run_id, "FAILED", &(now - 59.seconds()).to_string());
        place.sqs.queues.get_mut("events").unwrap().send(&event);
    });
}

/// The settled runs of the last two days.
async fn settled(store: &Store) -> usize {
    let now = Timestamp::now();
    let today = runledger::model::utc_day(now);
    let mut runs = Vec::new();
    let run = |stored: runledger::store::StoredRun| Some(stored.run);
    let days = [today - 1.day(), today];
    let reach = runledger::store::Reach::All;
    store.read_days(days, reach, now, run, |page| runs.extend(page)).await.unwrap();
    runs.iter().filter(|run| run.is_settled()).count()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    begun.elapsed()
}

fn start(sandbox: &Sandbox) -> Running {
    sandbox.start(&["watch", "--every", "2s", "--sweep", "1h"])
}

/// The sweep is due once an hour: what comes in meanwhile comes by its event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_stored_within_seconds_and_its_run_asked_for() {
    let fakes = Fakes::start().await;
    let (sandbox, store) = sandbox(&fakes).await;
    let watching = start(&sandbox);
    until("the first sweep is over", async || {
        store.source_states().await.unwrap().iter().any(|s| s.collected_through.is_some())
    })
    .await;
    fakes.forget_log();
    fail(&fakes, "jr_1");
    let took = until("the run is stored", async || settled(&store).await == 1).await;
    assert!(took < Duration::from_secs(15), "{took:?}");
    // The one run was asked for, and nothing was swept.
    assert_eq!((fakes.count("GetJobRun"), fakes.count("GetJobRuns")), (1, 0));

    let told = Instant::now();
    watching.terminate();
    let done = watching.wait().exits(0);
    assert!(told.elapsed() < Duration::from_secs(25), "{:?}", told.elapsed());
    assert!(done.stderr.contains("1 events: 1 runs new"), "{}", done.stderr);
    assert!(done.stderr.trim_end().ends_with("stopped"), "{}", done.stderr);
}

/// Whoever waits for alerts need not wait for the sweep.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_follows_its_event_within_a_minute() {
    let fakes = Fakes::start().await;
    let (sandbox, store) = sandbox(&fakes).await;
    let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let mail =
        "[mail]\nfrom = 'runledger@example.com'\n[alerts]\nrecipients = ['ops@example.com']\n";
    sandbox.write("runledger.toml", format!("{mail}{config}"));
    let watching = start(&sandbox);
    until("the first sweep is over", async || {
        store.source_states().await.unwrap().iter().any(|s| s.collected_through.is_some())
    })
    .await;
    fail(&fakes, "jr_1");
    let told = || {
        let files = std::fs::read_dir(sandbox.path("outbox")).into_iter().flatten().flatten();
        let pages = files.filter(|file| file.path().extension().is_some_and(|end| end == "html"));
        pages
            .map(|page| std::fs::read_to_string(page.path()).unwrap())
            .any(|p| p.contains("failed"))
    };
    let took = until("it is told", async || told()).await;
    assert!(took < Duration::from_secs(30), "{took:?}");
    watching.terminate();
    let done = watching.wait().exits(0);
    assert!(done.stderr.contains("alerts told to 1"), "{}", done.stderr);
}

/// A store that is away from the start is asked for again and again, and does not hold up an end.
#[test]
fn it_waits_for_its_store_and_hears_that_it_is_to_end() {
    let sandbox = Sandbox::new().with_dynamodb("http://127.0.0.1:9");
    let watch = ["--store", "dynamodb:runledger", "watch", "--every", "2s"];
    for seconds in [1, 15] {
        let mut watching = sandbox.start(&watch);
        std::thread::sleep(Duration::from_secs(seconds));
        assert!(!watching.has_ended());
        let told = Instant::now();
        watching.terminate();
        let done = watching.wait().exits(0);
        assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
        assert!(done.stderr.trim_end().ends_with("stopped"), "{}", done.stderr);
        let tries = done.stderr.matches("tried again in").count();
        assert!(seconds == 1 || tries > 1, "{}", done.stderr);
        let errors = done.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, tries, "{}", done.stderr);
    }
    // A time that stands still does not wait.
    sandbox.run(&[&["--now", NOW][..], &watch[..3]].concat()).exits(5);
}

/// While AWS is away nothing is lost and nothing ends; when it is back, neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_does_not_end_it() {
    let fakes = Fakes::start().await;
    let (sandbox, store) = sandbox(&fakes).await;
    for operation in ["ReceiveMessage", "GetJobs", "ListApplications", "GetCallerIdentity"] {
        fakes.fault(operation, None, usize::MAX, Trouble::Denied);
    }
    let mut watching = start(&sandbox);
    until("it has met the trouble twice", async || fakes.count("GetCallerIdentity") > 1).await;
    assert!(!watching.has_ended());
    fakes.heal();
    fail(&fakes, "jr_1");
    until("the run is stored", async || settled(&store).await == 1).await;
    watching.terminate();
    watching.wait().exits(0);
}

/// Killed again and again while events come in, the last one left alone stores them all, and the
/// days are what their runs are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_no_event_is_lost() {
    let fakes = Fakes::start().await;
    let (sandbox, store) = sandbox(&fakes).await;
    for n in 0..5_u64 {
        let watching = start(&sandbox);
        for run in 0..4 {
            fail(&fakes, &format!("jr_{n}_{run}"));
        }
        tokio::time::sleep(Duration::from_millis(150 + n * 260)).await;
        watching.kill();
    }
    let watching = start(&sandbox);
    until("all runs are stored", async || settled(&store).await == 20).await;
    until("the queue is empty", async || {
        let mut left = 0;
        fakes.home(|place| left = place.sqs.queues["events"].messages.len());
        left == 0
    })
    .await;
    watching.terminate();
    watching.wait().exits(0);
    sandbox.run(&["collect"]).exits(0);
    let now = Timestamp::now();
    let today = runledger::model::utc_day(now);
    let mut runs = 0;
    let count = |roll_up: runledger::model::RollUp| runs += roll_up.totals().failures;
    store.roll_ups([today - 1.day(), today], now, count).await.unwrap();
    assert_eq!(runs, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_stands_still_has_one_round() {
    let fakes = Fakes::start().await;
    let (sandbox, _store) = sandbox(&fakes).await;
    fakes.home(|place| place.sqs.queues.get_mut("events").unwrap().send("nonsense"));
    let done = sandbox.run(&["--now", NOW, "watch"]).exits(4);
    assert!(done.stderr.contains("not a JSON object"), "{}", done.stderr);
    let wrong = sandbox.run(&["watch", "--every", "0s"]).exits(2);
    assert!(wrong.stderr.contains("at least 1s"), "{}", wrong.stderr);
}

/// What stays in the queue is nonsense, which it has no dead letters for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_and_how_long_it_has_is_on_record_and_among_the_metrics() {
    let fakes = Fakes::start().await;
    let (sandbox, _store) = sandbox(&fakes).await;
    let sandbox = sandbox.with("RUNLEDGER_LOG_METRICS", "emf");
    fakes.home(|place| {
        let queue = place.sqs.queues.get_mut("events").unwrap();
        queue.visibility = Duration::from_mins(10);
        for body in ["nonsense", "more of it"] {
            queue.send(body);
        }
    });
    let now = "2026-11-10T10:30:00Z";
    let done = sandbox.run(&["--now", now, "collect"]).exits(4);
    let told = sandbox.run(&["--now", now, "history", "--format", "json"]).exits(0).json();
    let counts = &told["tasks"][0]["counts"];
    // An hour and a half since the first, less its millisecond.
    let age = (at(now).as_millisecond() - crate::fakes::sqs::SENT_MILLIS) / 1_000 - 1;
    let expected = [2, 2, 2, age];
    let names =
        ["events_received", "events_unreadable", "events_left", "events_oldest_age_seconds"];
    assert_eq!(names.map(|name| counts[name].as_i64().unwrap()), expected, "{counts}");
    let line = done.log.lines().find(|line| line.contains("\"_aws\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let names = ["EventsReceived", "EventsUnreadable", "EventsLeft", "EventsOldestAgeSeconds"];
    assert_eq!(names.map(|name| line[name].as_i64().unwrap()), expected, "{line}");
}
