//! Roll-ups under every order of saving and rebuilding, with two that rebuild at once and a crash
//! before or after any write: a day without a mark is right at every instant, and one rebuilding
//! at the end makes all days so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use proptest::prelude::*;
use tokio::sync::Notify;

use super::*;
use crate::model::{
    Counts, Engine, HourCount, JobKey, JobRun, LastOwner, RunIdentity, RunState, Usd, utc_day,
};
use crate::store::{Reach, StoreSettings};

const NOW: &str = "2026-11-16T06:00:00Z";

/// What happens at one request of a connection.
#[derive(Clone, Copy, Debug)]
enum Incident {
    /// The process is killed before the request leaves, or after it was carried out.
    Crash { carried_out: bool },
    /// Others are at work before the request leaves.
    Pause,
}

/// A connection on which something happens at the request of this number.
#[derive(Clone, Debug)]
struct Line {
    inner: SharedHttpClient,
    state: Arc<LineState>,
}

#[derive(Debug)]
struct LineState {
    at: usize,
    incident: Incident,
    seen: AtomicUsize,
    paused: Notify,
    go_on: Notify,
}

#[derive(Debug)]
struct LineConnector {
    inner: SharedHttpConnector,
    state: Arc<LineState>,
}

impl HttpClient for Line {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(LineConnector { inner, state: Arc::clone(&self.state) })
    }
}

impl HttpConnector for LineConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, state) = (self.inner.clone(), Arc::clone(&self.state));
        HttpConnectorFuture::new(async move {
            let number = state.seen.fetch_add(1, Ordering::SeqCst);
            let dead = || ConnectorError::user("killed".into());
            match state.incident {
                Incident::Crash { carried_out } if number == state.at => {
                    if carried_out {
                        inner.call(request).await?;
                    }
                    Err(dead())
                }
                Incident::Crash { .. } if number > state.at => Err(dead()),
                Incident::Pause if number == state.at => {
                    state.paused.notify_one();
                    state.go_on.notified().await;
                    inner.call(request).await
                }
                _ => inner.call(request).await,
            }
        })
    }
}

/// The same store, through a line on which something happens.
fn through(store: &Store, at: usize, incident: Incident) -> (Store, Arc<LineState>) {
    let inner = store.table.client.config().http_client().unwrap();
    let seen = AtomicUsize::new(0);
    let (paused, go_on) = (Notify::new(), Notify::new());
    let state = Arc::new(LineState { at, incident, seen, paused, go_on });
    let line = Line { inner, state: Arc::clone(&state) };
    let config = store.table.client.config().to_builder().http_client(line);
    let config = config.retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled());
    let mut store = store.clone();
    store.table.client = aws_sdk_dynamodb::Client::from_conf(config.build());
    (store, state)
}

/// What one fact says of a run: its number, job, end (hours since a Monday), and how new it is.
type Fact = (u32, u8, Option<i64>, i64);

#[derive(Clone, Debug)]
enum Step {
    Save(Vec<Fact>),
    Rebuild,
    CrashedSave(Vec<Fact>, usize, bool),
    CrashedRebuild(usize, bool),
    /// A rebuilding that stops before a request, while the others happen.
    Overlapped(usize, Vec<Self>),
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn run((number, job, end_hour, updated): Fact) -> JobRun {
    let identity = RunIdentity {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: format!("jr_{number}"),
        attempt: 1,
    };
    let monday: Timestamp = "2026-11-09T00:00:00Z".parse().unwrap();
    let after = |hours: i64| Timestamp::from_second(monday.as_second() + hours * 3600).unwrap();
    let state = if end_hour.is_some() { RunState::Succeeded } else { RunState::Running };
    let mut run = JobRun::new(identity, state);
    run.started_at = Some(monday);
    run.ended_at = end_hour.map(after);
    run.updated_at = Some(after(100 + updated));
    run.job_name = Some(format!("job-{job}"));
    run
}

/// Runs by day and job: the plainest roll-up that there is.
type Counted = BTreeMap<(Date, String), u64>;

async fn counted(store: &Store, days: impl IntoIterator<Item = Date>) -> Counted {
    let mut counted = Counted::new();
    let take = |runs: Vec<(Date, String)>| {
        runs.into_iter().for_each(|key| *counted.entry(key).or_default() += 1);
    };
    let key = |stored: crate::store::StoredRun| {
        Some((stored.run.end().map(utc_day)?, stored.run.job_name?))
    };
    store.read_days(days, Reach::All, now(), key, take).await.unwrap();
    counted
}

async fn rebuild(store: &Store) -> Result<(), StoreError> {
    let changed = store.changed_days(now()).await?;
    for day in changed.days() {
        let Some(rebuild) = store.begin_day(&changed, day, now()).await? else { continue };
        let mut jobs: BTreeMap<String, u64> = BTreeMap::new();
        let take = |names: Vec<String>| {
            names.into_iter().for_each(|job| *jobs.entry(job).or_default() += 1);
        };
        let name = |stored: crate::store::StoredRun| stored.run.job_name;
        store.read_days([day], Reach::All, now(), name, take).await?;
        let roll_up = |(job, runs): (String, u64)| RollUp {
            day,
            job: JobKey {
                engine: Engine::Glue,
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                job,
            },
            hours: vec![HourCount {
                hour: 0,
                team: "a".into(),
                counts: Counts { runs, cost: Usd::ZERO, ..Counts::default() },
            }],
            samples: Vec::new(),
            retries: Vec::new(),
            earlier: Vec::new(),
            last_owner: LastOwner::default(),
        };
        let roll_ups: Vec<RollUp> = jobs.into_iter().map(roll_up).collect();
        store.finish_day(rebuild, &roll_ups).await?;
    }
    Ok(())
}

fn week() -> impl Iterator<Item = Date> {
    (9..=13).map(|day| jiff::civil::date(2026, 11, day))
}

/// That every day without a mark is what its runs are.
async fn check(store: &Store) {
    let changed = store.changed_days(now()).await.unwrap();
    let settled: Vec<Date> = week().filter(|day| changed.days().all(|c| c != *day)).collect();
    let mut rolled = Counted::new();
    let take = |roll_up: RollUp| {
        rolled.insert((roll_up.day, roll_up.job.job.clone()), roll_up.totals().runs);
    };
    store.roll_ups(settled.clone(), now(), take).await.unwrap();
    assert_eq!(rolled, counted(store, settled).await);
}

async fn take(store: &Store, step: &Step) {
    match step {
        Step::Save(facts) => {
            let runs = facts.iter().copied().map(run).collect();
            store.save_runs(runs, now()).await.unwrap();
        }
        Step::Rebuild => rebuild(store).await.unwrap(),
        Step::CrashedSave(facts, at, carried_out) => {
            let (dying, _) = through(store, *at, Incident::Crash { carried_out: *carried_out });
            let runs = facts.iter().copied().map(run).collect();
            let _ = dying.save_runs(runs, now()).await;
        }
        Step::CrashedRebuild(at, carried_out) => {
            let (dying, _) = through(store, *at, Incident::Crash { carried_out: *carried_out });
            let _ = rebuild(&dying).await;
        }
        Step::Overlapped(at, others) => {
            let (slow, line) = through(store, *at, Incident::Pause);
            let slow = tokio::spawn(async move { rebuild(&slow).await });
            tokio::pin!(slow);
            tokio::select! {
                () = line.paused.notified() => {}
                done = &mut slow => return done.unwrap().unwrap(),
            }
            for other in others {
                Box::pin(take(store, other)).await;
                check(store).await;
            }
            line.go_on.notify_one();
            slow.await.unwrap().unwrap();
        }
    }
    check(store).await;
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = (0..4_u32, 0..2_u8, prop::option::weighted(0.8, 0..110_i64), 0..6_i64);
    prop::collection::vec(fact, 1..4)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let plain = prop_oneof![
        3 => facts().prop_map(Step::Save),
        2 => Just(Step::Rebuild),
        2 => (facts(), 0..9_usize, any::<bool>()).prop_map(|(f, n, d)| Step::CrashedSave(f, n, d)),
        2 => (0..14_usize, any::<bool>()).prop_map(|(n, d)| Step::CrashedRebuild(n, d)),
    ];
    let overlapped = (0..14_usize, prop::collection::vec(plain.clone(), 1..4))
        .prop_map(|(at, others)| Step::Overlapped(at, others));
    prop::collection::vec(prop_oneof![3 => plain, 2 => overlapped], 1..9)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn a_day_without_a_mark_is_right_whatever_happened(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("runledger.db");
            let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
            for step in &steps {
                take(&store, step).await;
            }
            rebuild(&store).await.unwrap();
            assert_eq!(store.changed_days(now()).await.unwrap().days().count(), 0);
            check(&store).await;
        });
    }
}

/// What a day came to stays when its runs expire: neither a late run nor a wish rebuilds it from
/// the few that are left.
#[tokio::test]
async fn a_day_whose_runs_expire_keeps_its_roll_ups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runledger.db");
    let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
    let runs = (0..4).map(|n| run((n, 0, Some(i64::from(n)), 0))).collect();
    store.save_runs(runs, now()).await.unwrap();
    rebuild(&store).await.unwrap();
    // 130 days after the day's first hours: two of the runs are gone, two are there.
    let then: Timestamp = "2027-03-19T01:30:00Z".parse().unwrap();
    let late = run((9, 0, Some(20), 0));
    assert_eq!(store.save_runs(vec![late], then).await.unwrap().new, 1);
    store.mark_days(week(), then).await.unwrap();
    let changed = store.changed_days(then).await.unwrap();
    assert_eq!(changed.days().next(), Some(jiff::civil::date(2026, 11, 10)));
    // Kept for longer from now on: that does not bring back what has expired.
    let longer = StoreSettings { retention_days: 300, ..StoreSettings::default() };
    let store = Store::embedded(&path, longer).await.unwrap();
    store.mark_days(week(), then).await.unwrap();
    let changed = store.changed_days(then).await.unwrap();
    let monday = jiff::civil::date(2026, 11, 9);
    assert!(store.begin_day(&changed, monday, then).await.unwrap().is_none());
    let mut runs = 0;
    store.roll_ups([monday], then, |roll_up| runs += roll_up.totals().runs).await.unwrap();
    assert_eq!(runs, 4);
    // And after its own 400 days a roll-up no longer counts.
    let later: Timestamp = "2027-12-16T00:00:00Z".parse().unwrap();
    store.roll_ups([monday], later, |_| panic!("it has expired")).await.unwrap();
}

/// The narrow case, at every request: one has read a day's runs and not yet written, while a run
/// changes its job and another rebuilds the day. What the slower one read is old by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_rebuild_a_day_the_one_with_the_older_runs_writes_nothing() {
    for at in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runledger.db");
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        take(&store, &Step::Save(vec![(0, 0, Some(5), 0), (1, 1, Some(6), 0)])).await;
        let others = [Step::Save(vec![(0, 1, Some(5), 1), (2, 0, Some(7), 0)]), Step::Rebuild];
        take(&store, &Step::Overlapped(at, others[..].to_vec())).await;
        let gone = [Step::Save(vec![(2, 1, Some(7), 1)]), Step::Rebuild];
        take(&store, &Step::Save(vec![(3, 1, Some(8), 0)])).await;
        take(&store, &Step::Overlapped(at, gone.to_vec())).await;
    }
}
