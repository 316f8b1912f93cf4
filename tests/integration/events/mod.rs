//! Events out of a queue: stored before they are deleted, asked about in the same round, and sorted
//! out where nobody can read them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runledger::config::Config;
use runledger::delivery::{Metric, PutError};
use runledger::model::{Engine, JobRun, RunState};
use runledger::sources::{AwsAccounts, CollectSettings, EventQueue, QueueAddress};
use runledger::store::{RealClock, Store, StoreSettings};
use runledger::tasks::collect::CollectError;
use runledger::tasks::events::Drain;
use runledger::tasks::metrics::MetricSink;
use runledger::tasks::round::{Round, Rounds};
use serde_json::json;

use super::fakes::glue::run;
use super::fakes::sqs::Queue;
use super::fakes::{Fakes, HOME, REGION, Trouble};
use super::store::at;

mod watch;
mod wire;

const NOW: &str = "2026-11-16T06:00:00Z";

/// The documented events of every kind.
const EVENTS: &str = include_str!("../../data/events.json");

/// Takes no metrics.
#[derive(Debug)]
struct NoSink;

impl MetricSink for NoSink {
    async fn put(&self, _: &[Metric]) -> Result<(), PutError> {
        Ok(())
    }
}

/// A store, the fakes, and a queue among them.
struct Scene {
    fakes: Fakes,
    store: Store,
    settings: CollectSettings,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("runledger.db");
        let store = Store::embedded(&file, StoreSettings::default()).await.unwrap();
        let fakes = Fakes::start().await;
        fakes.home(|place| {
            for name in ["events", "dead"] {
                let queue = Queue::new(Duration::from_secs(60));
                place.sqs.queues.insert(name.into(), queue);
            }
        });
        let address = |name: &str| Some(address(&format!("{}/{HOME}/{name}", fakes.url())));
        let settings = CollectSettings {
            queue: address("events"),
            dead_letters: address("dead"),
            ..CollectSettings::default()
        };
        Self { fakes, store, settings, _folder: folder }
    }

    fn send(&self, body: &str) {
        self.queue("events", |queue| queue.send(body));
    }

    fn queue<T>(&self, name: &str, look: impl FnOnce(&mut Queue) -> T) -> T {
        let mut looked = None;
        self.fakes.home(|place| looked = Some(look(place.sqs.queues.get_mut(name).unwrap())));
        looked.unwrap()
    }

    fn bodies(&self, name: &str) -> Vec<String> {
        self.queue(name, |queue| queue.messages.iter().map(|m| m.body.clone()).collect())
    }

    async fn round(&self) -> Round {
        self.round_in(&self.store).await.unwrap()
    }

    async fn round_in(&self, store: &Store) -> Result<Round, CollectError> {
        let config = self.fakes.config().await;
        let dead_letters = self.settings.dead_letters.clone();
        let url = self.settings.queue.clone().unwrap();
        let queue = EventQueue::new(&config, url, dead_letters);
        let mut rounds: Rounds<'_, _, NoSink, _> = Rounds {
            alerts: None,
            store,
            books: Arc::new(Config::default().books(&[]).unwrap()),
            sources: AwsAccounts::new(config),
            settings: &self.settings,
            drain: Some(Drain::new(store, queue, &self.settings)),
            metrics: None,
            clock: RealClock,
        };
        rounds.whole(None, at(NOW)).await
    }
}

fn address(url: &str) -> QueueAddress {
    serde_json::from_value(url.into()).unwrap()
}

fn glue_event(run_id: &str, state: &str, time: &str) -> String {
    json!({
        "version": "0", "id": "e", "source": "aws.glue", "account": HOME, "region": REGION,
        "detail-type": "Glue Job State Change", "time": time, "resources": [],
        "detail": {"jobName": "load", "severity": "INFO", "state": state, "jobRunId": run_id,
                   "message": "Job run said so"},
    })
    .to_string()
}

/// Epoch seconds before the tests' now.
fn hours_ago(hours: f64) -> f64 {
    at(NOW).as_second() as f64 - hours * 3600.0
}

async fn stored(store: &Store) -> Vec<JobRun> {
    let mut runs = Vec::new();
    let days = (8..=16).map(|day| jiff::civil::date(2026, 11, day));
    let run = |stored: runledger::store::StoredRun| Some(stored.run);
    let reach = runledger::store::Reach::All;
    store.read_days(days, reach, at(NOW), run, |page| runs.extend(page)).await.unwrap();
    runs
}

#[tokio::test]
async fn every_kind_of_event_is_stored_and_then_deleted() {
    let scene = Scene::new().await;
    let events: Vec<serde_json::Value> = serde_json::from_str(EVENTS).unwrap();
    // The last first, and each twice: SQS promises neither order nor once.
    for event in events.iter().rev().chain(&events) {
        scene.send(&event.to_string());
    }
    let round = scene.round().await;
    let drained = round.events.as_ref().unwrap();
    assert_eq!((drained.received, drained.poison, drained.undeleted), (8, 0, 0), "{drained:?}");
    assert!(scene.bodies("events").is_empty());
    assert_eq!(round.exit_code(), 0);
    let runs = stored(&scene.store).await;
    let glue = runs.iter().find(|run| run.identity.engine == Engine::Glue).unwrap();
    assert_eq!(
        (glue.job_name.as_deref(), &glue.state),
        (Some("orders-curate"), &RunState::Succeeded)
    );
    let failed = runs.iter().find(|run| run.state == RunState::Failed).unwrap();
    assert_eq!(failed.identity.attempt, 1);
    assert_eq!(scene.round().await.events.unwrap().received, 0);
}

/// The event says which run failed; what it cost only the API says, and is asked in the same round,
/// though the run is older than anything that the sweep would look at.
#[tokio::test]
async fn a_run_that_an_event_names_is_asked_for_in_the_same_round() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[("team", "orders")]);
        let mut run = run("jr_1", "FAILED", hours_ago(80.0), Some(hours_ago(79.0)));
        run["LastModifiedOn"] = json!(hours_ago(79.0));
        place.glue.put_run("load", run);
    });
    scene.send(&glue_event("jr_1", "FAILED", "2026-11-12T23:00:05Z"));
    let round = scene.round().await;
    assert_eq!(round.exit_code(), 0, "{round:?}");
    let [run] = stored(&scene.store).await.try_into().unwrap();
    assert_eq!(run.execution_seconds, Some(3600), "{run:?}");
    assert!(run.is_settled());
    let mut rolled = Vec::new();
    let days = [jiff::civil::date(2026, 11, 12)];
    scene.store.roll_ups(days, at(NOW), |roll_up| rolled.push(roll_up)).await.unwrap();
    assert_eq!((rolled.len(), rolled[0].team(), rolled[0].totals().failures), (1, "orders", 1));
}

#[tokio::test]
async fn what_nobody_can_read_goes_to_the_dead_letters_with_its_reason() {
    let scene = Scene::new().await;
    let foreign = glue_event("jr_9", "FAILED", NOW).replace(HOME, "999900001111");
    let batch = glue_event("jr_8", "FAILED", NOW).replace("aws.glue", "aws.batch");
    let hostile = "\u{1b}[31m{{{".to_owned();
    for poison in [&hostile, &batch, &foreign, &String::new()] {
        scene.send(poison);
    }
    let fine = glue_event("jr_1", "RUNNING", "2026-11-16T05:00:00Z");
    scene.send(&fine);
    let unrelated = fine.replace("Glue Job State Change", "Glue Crawler State Change");
    scene.send(&unrelated);
    let round = scene.round().await;
    let drained = round.events.as_ref().unwrap();
    assert_eq!((drained.received, drained.poison, drained.about_others), (6, 4, 1), "{drained:?}");
    assert_eq!(round.exit_code(), 4);
    assert!(scene.bodies("events").is_empty());
    assert_eq!(scene.store.open_runs(at(NOW)).await.unwrap().len(), 1, "of jr_1 alone");
    let reasons: Vec<String> = scene.queue("dead", |dead| {
        let reason = |m: &super::fakes::sqs::Message| {
            m.attributes["RunledgerReason"]["StringValue"].as_str().unwrap().to_owned()
        };
        dead.messages.iter().map(reason).collect()
    });
    for (reason, says) in
        reasons.iter().zip(["not a JSON object", "`aws.batch`", "account or region"])
    {
        assert!(reason.contains(says), "{reason}");
    }
    assert_eq!((scene.bodies("dead").len(), &scene.bodies("dead")[2]), (4, &foreign));
    assert!(drained.poison_told.iter().all(|told| !told.contains('\u{1b}')));
    assert_eq!(scene.round().await.exit_code(), 0);
}

#[tokio::test]
async fn without_dead_letters_it_is_left_to_the_queue_and_named() {
    let mut scene = Scene::new().await;
    scene.settings.dead_letters = None;
    scene.send("nonsense");
    let round = scene.round().await;
    assert_eq!(round.exit_code(), 4);
    let told = &round.events.unwrap().poison_told[0];
    assert!(told.contains("not a JSON object") && told.contains("redrive policy"), "{told}");
    assert_eq!(scene.bodies("events"), ["nonsense"]);
}

#[tokio::test]
async fn what_is_not_stored_is_not_deleted() {
    let scene = Scene::new().await;
    scene.send(&glue_event("jr_1", "FAILED", "2026-11-16T05:00:00Z"));
    // A table that is not there: the fakes know no DynamoDB.
    let config = scene.fakes.config().await;
    let broken = Store::dynamodb(&config, "missing".into(), StoreSettings::default());
    assert!(scene.round_in(&broken).await.is_err());
    assert_eq!(scene.bodies("events").len(), 1);
    assert_eq!(scene.fakes.count("DeleteMessageBatch"), 0);
    // It comes again when its time out of sight is over.
    scene.queue("events", |queue| queue.messages.clear());
    scene.send(&glue_event("jr_1", "FAILED", "2026-11-16T05:00:00Z"));
    assert_eq!(scene.round().await.events.unwrap().saved.new, 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_deleted_is_told_and_changes_nothing_when_it_comes_again() {
    let scene = Scene::new().await;
    let stuck = glue_event("jr_1", "FAILED", "2026-11-16T05:00:00Z");
    scene.send(&stuck);
    scene.send(&glue_event("jr_2", "FAILED", "2026-11-16T05:00:00Z"));
    scene.queue("events", |queue| {
        queue.undeletable.push(stuck.clone());
        queue.visibility = Duration::from_secs(3);
    });
    let round = scene.round().await;
    assert_eq!((round.events.as_ref().unwrap().undeleted, round.exit_code()), (1, 4));
    assert_eq!(scene.bodies("events"), [stuck]);
    scene.queue("events", |queue| queue.undeletable.clear());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let again = scene.round().await.events.unwrap();
    assert_eq!((again.received, again.saved.new, again.saved.changed), (1, 0, 0));
    assert!(scene.bodies("events").is_empty());
}

#[tokio::test]
async fn a_queue_that_does_not_answer_does_not_keep_the_sources_from_being_read() {
    let scene = Scene::new().await;
    scene.fakes.fault("ReceiveMessage", None, usize::MAX, Trouble::Denied);
    let round = scene.round().await;
    let failure = round.events.as_ref().unwrap().failure.as_ref().unwrap();
    assert!(failure.message.contains("sqs ReceiveMessage of queue `events`"), "{failure:?}");
    assert_eq!((round.exit_code(), round.collected.unwrap().exit_code()), (4, 0));
}

#[tokio::test]
async fn a_queue_of_hundreds_is_drained_to_its_end() {
    let scene = Scene::new().await;
    for n in 0..730 {
        scene.send(&glue_event(&format!("jr_{n}"), "RUNNING", "2026-11-16T05:00:00Z"));
    }
    let drained = scene.round().await.events.unwrap();
    assert_eq!((drained.received, drained.saved.new), (730, 730));
    assert!(scene.bodies("events").is_empty());
}
