//! What a command leaves behind of its own work: the record in the store, the line at its end, and
//! its metrics. Commands only count; none of this decides anything, and none of it stops a task.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::Number;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

use super::log::{TOLD, caution, line, tell_failure};
use super::{Exit, Failure, World};
use crate::analysis::{OwnCost, OwnCostSettings};
use crate::app::App;
use crate::aws::{Calls, container_size};
use crate::delivery::{LogMetrics, TaskMetric, embedded_metrics};
use crate::model::Usd;
use crate::store::{METRICS_LOGGED, OwnPlace, OwnUse, ReportInputs, Store, TaskMail, TaskRun};
use crate::tasks::deliver::{Deliveries, Outcome};

/// How long a record's word holds that its task is under way, and how often it is renewed.
const LEASE: Duration = Duration::from_mins(5);
const RENEWED_EVERY: Duration = Duration::from_mins(1);
/// How long is waited for a record to be written: the work itself is not to wait for a store that
/// does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where `[log] metrics` may be said too, as a container's settings are.
const METRICS_VARIABLE: &str = "RUNLEDGER_LOG_METRICS";

/// Counts the turns of a schedule that a record says are given up.
pub(super) const GIVEN_UP: &str = "turns_given_up";

/// The record of the command under way; of one that only reads there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal(Option<Arc<Mutex<Page>>>);

#[derive(Debug)]
struct Page {
    run: TaskRun,
    begun: Instant,
    store: Option<Store>,
    metrics: Option<LogMetrics>,
    /// What was asked of AWS by the program.
    calls: Calls,
    rates: OwnCostSettings,
    place: Option<OwnPlace>,
    quiet: bool,
}

/// A run that has ended, and what is told of it.
struct Ended {
    run: TaskRun,
    cost: Option<Usd>,
    has_metrics: bool,
}

/// A task that is about to be done: its name, and the command line without the program.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) words: Vec<String>,
}

/// The record of work that goes on beside the one who tells of it, as a sweep of `watch` does.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) journal: Journal,
    done: oneshot::Sender<Result<Exit, Failure>>,
    kept: JoinHandle<()>,
}

impl Beside {
    /// Begins the record of a task that needs nothing but the store that is open.
    pub(super) fn begin(task: &Task, world: &World, app: &App) -> Self {
        let journal = Journal::of(task, world);
        journal.open(app);
        let (done, told) = oneshot::channel();
        let (own, span) = (journal.clone(), journal.span());
        let keeping = async move {
            own.measure().await;
            own.put().await;
            let cut = || Err(Failure::failed("told to stop before the end"));
            let done = own.kept(told).await.unwrap_or_else(|_| cut());
            own.end(&done).await;
        };
        Self { journal, done, kept: tokio::spawn(keeping.instrument(span)) }
    }

    /// Says how it ended; what is returned is ready when that is on record.
    pub(super) fn end(self, result: Result<Exit, Failure>) -> JoinHandle<()> {
        // Nobody listens where the record is no longer kept.
        let _ = self.done.send(result);
        self.kept
    }

    /// Says that it was cut short.
    pub(super) fn cut(self) -> JoinHandle<()> {
        self.kept
    }
}

/// Does a command's work and keeps its record, where it is one of which there is one. A failure is
/// told here, beside the task's other events, and nowhere again.
pub(super) async fn recorded(
    task: Option<Task>,
    world: &World,
    work: impl AsyncFnOnce(&World) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let Some(task) = task else {
        return work(world).await.inspect_err(tell_failure);
    };
    let journal = Journal::of(&task, world);
    let world = World { journal: journal.clone(), ..world.clone() };
    let span = journal.span();
    let kept = async {
        let done = journal.kept(work(&world)).await.inspect_err(tell_failure);
        journal.end(&done).await;
        done
    };
    kept.instrument(span).await
}

impl Journal {
    /// A record that is begun, and not yet written: the store is not open yet.
    pub(super) fn of(task: &Task, world: &World) -> Self {
        let mut run = TaskRun::begun(&task.name, &task.words, world.who(), world.now);
        if let Some(occasion) = &world.occasion {
            run.schedule = Some(occasion.schedule.name.clone());
            run.due = Some(occasion.due.at);
        }
        let (begun, quiet) = (Instant::now(), world.quiet);
        let (calls, rates) = (Calls::default(), OwnCostSettings::default());
        let (store, metrics, place) = (None, None, None);
        let page = Page { run, begun, store, metrics, calls, rates, place, quiet };
        Self(Some(Arc::new(Mutex::new(page))))
    }

    /// Whether there is a record: of what stores or sends there is.
    pub(super) const fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    fn page(&self) -> Option<MutexGuard<'_, Page>> {
        let page = self.0.as_ref()?;
        // Nothing panics while it holds a page; and a page is worth keeping if something did.
        Some(page.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, change: impl FnOnce(&mut TaskRun)) {
        if let Some(mut page) = self.page() {
            change(&mut page.run);
        }
    }

    /// What stands beside every event of the run: of the highest level, so that it does so however
    /// few events are asked for.
    pub(super) fn span(&self) -> Span {
        match self.page() {
            Some(page) => {
                tracing::error_span!(target: TOLD, "task", task = page.run.task, run = page.run.id)
            }
            None => Span::none(),
        }
    }

    /// Puts the beginning on record, now that the store is open.
    pub(super) async fn begin(&self, app: &App) {
        self.open(app);
        self.measure().await;
        self.put().await;
    }

    /// Notes the size of the container, where there is one.
    async fn measure(&self) {
        let size = container_size().await;
        self.note(|run| run.container = size);
    }

    fn open(&self, app: &App) {
        if let Some(mut page) = self.page() {
            page.store = Some(app.store.clone());
            let said = std::env::var(METRICS_VARIABLE).is_ok_and(|said| said == "emf");
            page.metrics = app.config.log.metrics.or(said.then_some(LogMetrics::Emf));
            page.calls = app.calls.clone();
            page.rates = app.config.own_cost.clone();
            page.place = app.place();
        }
    }

    /// Adds to one of the record's counts.
    pub(super) fn count(&self, name: &str, more: u64) {
        self.note(|run| run.count(name, more));
    }

    /// Notes which period the task is about.
    pub(super) fn period(&self, name: &str) {
        self.note(|run| run.period = Some(name.to_owned()));
    }

    /// Puts on record what a report is computed with.
    pub(super) async fn inputs(&self, inputs: ReportInputs) {
        self.note(|run| run.inputs = Some(inputs));
        self.put().await;
    }

    /// Notes what came of mails.
    pub(super) fn deliveries(&self, deliveries: &Deliveries) {
        self.note(|run| {
            for row in &deliveries.rows {
                let name = match &row.outcome {
                    Outcome::Sent { message_id, sha256, files, .. } => {
                        let (message_id, sha256) = (message_id.clone(), sha256.clone());
                        run.sent(TaskMail { message_id, sha256, files: files.clone() });
                        "mails_sent"
                    }
                    Outcome::AlreadySent { .. } => "mails_already_sent",
                    Outcome::Failed { .. } => "mails_failed",
                    Outcome::Withdrawn { .. } => "mails_withdrawn",
                    Outcome::Unknown { .. } => "mails_unknown",
                    Outcome::Busy { .. } => "mails_busy",
                };
                run.count(name, 1);
            }
            if let Some(trouble) = deliveries.trouble() {
                run.failed(&trouble);
            }
        });
    }

    /// Notes what went wrong.
    pub(super) fn failed(&self, failure: &Failure) {
        self.note(|run| run.failed(&failure.message));
    }

    /// What went wrong so far, in words without addresses.
    pub(super) fn failure(&self) -> Option<String> {
        self.page()?.run.failure.clone()
    }

    /// Does the work, saying again and again that it is under way.
    async fn kept<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let first = tokio::time::Instant::now() + RENEWED_EVERY;
        let mut renewals = tokio::time::interval_at(first, RENEWED_EVERY);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = renewals.tick() => {
                    // Beside the work, which does not wait for it.
                    let journal = self.clone();
                    tokio::spawn(async move { journal.put().await });
                }
            }
        }
    }

    /// Puts the end on record, and tells it. A command that never reached the store has said why
    /// by its exit, and leaves no record.
    pub(super) async fn end(&self, done: &Result<Exit, Failure>) {
        let exit = match done {
            Ok(exit) => *exit,
            Err(failure) => {
                self.failed(failure);
                failure.exit
            }
        };
        let Some(page) = self.ended(exit) else { return };
        self.put().await;
        let (run, cost) = (page.run, page.cost);
        summary(&run, cost);
        if page.has_metrics {
            line(&embedded_metrics(&run.task, ended(&run), &values(&run, cost)));
        }
    }

    fn ended(&self, exit: Exit) -> Option<Ended> {
        let mut page = self.page()?;
        page.store.as_ref()?;
        page.run.ended = Some(after(page.run.began, page.begun.elapsed()));
        page.run.exit = Some(exit.code());
        let counted = page.calls.take();
        page.run.called(counted);
        let cost = own_cost(&page.run, &page.rates, page.place.as_ref());
        let has_metrics = page.metrics == Some(LogMetrics::Emf);
        if has_metrics {
            let metrics = values(&page.run, cost).len();
            page.run.count(METRICS_LOGGED, metrics as u64);
        }
        Some(Ended { run: page.run.clone(), cost, has_metrics })
    }

    /// Writes the record as it is now.
    async fn put(&self) {
        let (store, run, quiet) = {
            let Some(mut page) = self.page() else { return };
            page.run.until = after(page.run.began, page.begun.elapsed() + LEASE);
            let Some(store) = page.store.clone() else { return };
            (store, page.run.clone(), page.quiet)
        };
        let failed = match tokio::time::timeout(PATIENCE, store.put_task_run(&run)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the store does not answer".to_owned(),
        };
        caution(quiet, &format!("this run is not on record: {failed}"), None);
    }
}

/// The real clock's time, seen from what "now" is for the command: `--now` stands still.
fn after(began: Timestamp, elapsed: Duration) -> Timestamp {
    let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::ZERO);
    began.checked_add(elapsed).unwrap_or(Timestamp::MAX)
}

fn ended(run: &TaskRun) -> Timestamp {
    run.ended.unwrap_or(run.began)
}

fn seconds(run: &TaskRun) -> u64 {
    u64::try_from(ended(run).duration_since(run.began).as_secs()).unwrap_or(0)
}

/// One line at a task's end; the span beside it says which task and which run.
fn summary(run: &TaskRun, cost: Option<Usd>) {
    let count = |name: &str| run.counts.get(name).copied();
    tracing::info!(
        target: "task",
        exit = run.exit,
        seconds = seconds(run),
        schedule = run.schedule,
        period = run.period,
        runs_new = count("runs_new"),
        runs_changed = count("runs_changed"),
        runs_unpriced = count("runs_unpriced"),
        mails_sent = count("mails_sent"),
        mails_already_sent = count("mails_already_sent"),
        mails_failed = count("mails_failed"),
        mails_unknown = count("mails_unknown"),
        mails_withdrawn = count("mails_withdrawn"),
        mails_busy = count("mails_busy"),
        events_received = count("events_received"),
        events_left = count("events_left"),
        events_oldest_age_seconds = count("events_oldest_age_seconds"),
        lag_seconds = count("lag_seconds"),
        aws_calls = count("aws_calls"),
        aws_retries = count("aws_retries"),
        aws = (!run.calls.is_empty()).then(|| by_service(run)),
        estimated_cost_usd = cost.map(|usd| usd.to_string()),
        "task ended"
    );
}

/// How often each service was called: `DynamoDB 120, Glue 31`.
fn by_service(run: &TaskRun) -> String {
    let mut services: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, times) in &run.calls {
        // An operation's name has no spaces, a service's may.
        let service = name.rsplit_once(' ').map_or(name.as_str(), |(service, _)| service);
        *services.entry(service).or_default() += times;
    }
    let told = services.iter().map(|(service, times)| format!("{service} {times}"));
    told.collect::<Vec<_>>().join(", ")
}

/// What a run cost by itself, as far as that has a price.
fn own_cost(run: &TaskRun, rates: &OwnCostSettings, place: Option<&OwnPlace>) -> Option<Usd> {
    let mut used = OwnUse::of_calls(run);
    if let Some(size) = run.container {
        used += OwnUse::of_container(size, seconds(run));
    }
    OwnCost::of(&used, 0, rates, place)?.usd
}

/// The metrics of a run: what it counted, and nothing of what it did not.
fn values(run: &TaskRun, cost: Option<Usd>) -> Vec<TaskMetric> {
    let count = |name: &str| run.counts.get(name).copied();
    let collected = match (count("runs_new"), count("runs_changed")) {
        (None, None) => None,
        (new, changed) => Some(new.unwrap_or(0).saturating_add(changed.unwrap_or(0))),
    };
    let whole = [
        ("RunsCollected", "Count", collected),
        ("RunsUnpriced", "Count", count("runs_unpriced")),
        ("MailsSent", "Count", count("mails_sent")),
        ("MailsFailed", "Count", count("mails_failed")),
        ("MailsUnknown", "Count", count("mails_unknown")),
        ("MailsAlreadySent", "Count", count("mails_already_sent")),
        ("MailsWithdrawn", "Count", count("mails_withdrawn")),
        ("MailsBusy", "Count", count("mails_busy")),
        ("EventsReceived", "Count", count("events_received")),
        ("EventsUnreadable", "Count", count("events_unreadable")),
        ("EventsLeft", "Count", count("events_left")),
        ("EventsOldestAgeSeconds", "Seconds", count("events_oldest_age_seconds")),
        ("LagSeconds", "Seconds", count("lag_seconds")),
        ("DurationSeconds", "Seconds", Some(seconds(run))),
        ("AwsCalls", "Count", count("aws_calls")),
        ("AwsRetries", "Count", count("aws_retries")),
        ("DynamoDbReadUnits", "Count", count("dynamodb_read_units")),
        ("DynamoDbWriteUnits", "Count", count("dynamodb_write_units")),
    ];
    let number = |(name, unit, value): (&'static str, &'static str, Option<u64>)| {
        Some(TaskMetric { name, unit, value: value?.into() })
    };
    let mut metrics: Vec<_> = whole.into_iter().filter_map(number).collect();
    if let Some(value) = cost.and_then(|usd| usd.to_string().parse::<Number>().ok()) {
        metrics.push(TaskMetric { name: "EstimatedCostUSD", unit: "None", value });
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::CallCounts;

    /// The rules of the specification, read off the line as CloudWatch would.
    #[test]
    fn the_line_is_valid_embedded_metric_format() {
        let began = "2026-11-16T07:00:00Z".parse().unwrap();
        let mut run = TaskRun::begun("bill refresh", &[], "test".into(), began);
        run.ended = Some("2026-11-16T07:00:12.9Z".parse().unwrap());
        run.count("runs_new", 2);
        let calls = [("Cost Explorer GetCostAndUsage".to_owned(), 123), ("STS X".to_owned(), 1)];
        run.called(CallCounts { calls: calls.into(), retries: 4, ..CallCounts::default() });
        let cost = own_cost(&run, &OwnCostSettings::default(), None);
        let line = embedded_metrics(&run.task, ended(&run), &values(&run, cost));
        assert!(!line.contains('\n'));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["_aws"]["Timestamp"], 1_794_812_412_900_u64);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Runledger/Tasks");
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[dimension.as_str().unwrap()].is_string());
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        let named: Vec<_> = metrics.iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
        let expected =
            ["RunsCollected", "DurationSeconds", "AwsCalls", "AwsRetries", "EstimatedCostUSD"];
        assert_eq!(named, expected);
        assert_eq!((&line["AwsCalls"], &line["AwsRetries"]), (&124.into(), &4.into()));
        assert_eq!(by_service(&run), "Cost Explorer 123, STS 1");
        for metric in metrics {
            assert!(line[metric["Name"].as_str().unwrap()].is_number());
            assert!(["Count", "Seconds", "None"].contains(&metric["Unit"].as_str().unwrap()));
        }
        assert_eq!((&line["RunsCollected"], &line["DurationSeconds"]), (&2.into(), &12.into()));
        assert_eq!(line["EstimatedCostUSD"].to_string(), "1.23");
    }
}
