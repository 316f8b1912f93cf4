//! Settled hours as metrics: each once, whoever asks, whatever is lost.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use runledger::config::Config;
use runledger::delivery::{CloudWatch, Metric, MetricPer, MetricSettings, PutError};
use runledger::model::{JobRun, Usd};
use runledger::store::{Clock, Store};
use runledger::tasks::metrics::{MetricSink, MetricsPut, put_metrics};
use runledger::tasks::roll_up::roll_up;

use crate::fakes::{Fakes, Trouble};
use crate::store::{at, ended, on_every_store};

const NOW: &str = "2026-11-10T15:20:00Z";

/// Takes metrics, answers as it is told to, and remembers.
#[derive(Default)]
struct Sink {
    taken: Mutex<Vec<Metric>>,
    answers: Mutex<Vec<PutError>>,
}

impl MetricSink for Sink {
    async fn put(&self, metrics: &[Metric]) -> Result<(), PutError> {
        let answer = self.answers.lock().unwrap().pop();
        if !matches!(answer, Some(PutError::Refused(_))) {
            self.taken.lock().unwrap().extend_from_slice(metrics);
        }
        answer.map_or(Ok(()), Err)
    }
}

/// The real clock, set by the test.
#[derive(Clone)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

fn error() -> String {
    "put: lost".to_owned()
}

async fn put(store: &Store, sink: &Sink, now: &str) -> MetricsPut {
    let settings = MetricSettings::default();
    put_metrics(store, sink, &settings, &At(at(now)), at(now)).await.unwrap()
}

/// A run of a team's that ended at a time of the day, for a dollar.
fn made(number: u32, time: &str, team: &str) -> JobRun {
    let mut run = ended(number, &format!("2026-11-10T{time}Z"));
    run.identity.engine = "spark-on-k8s".into();
    run.imported_cost = Some(Usd::from_nanos(1_000_000_000));
    run.tags = Some([("team".to_owned(), team.to_owned())].into());
    run
}

async fn save(store: &Store, runs: Vec<JobRun>) {
    let now = at("2026-11-16T00:00:00Z");
    store.save_runs(runs, now).await.unwrap();
    let books = Arc::new(Config::default().books(&[]).unwrap());
    roll_up(store, &books, now).await.unwrap();
}

fn sums(sink: &Sink, name: &str) -> Vec<(String, String, f64)> {
    let taken = sink.taken.lock().unwrap();
    let of_name = taken.iter().filter(|metric| metric.name == name);
    let sum =
        |m: &Metric| (m.at.to_string()[11..16].to_owned(), m.dimensions[0].1.clone(), m.value);
    of_name.map(sum).collect()
}

#[tokio::test]
async fn an_hour_is_put_once_and_only_when_it_has_settled() {
    on_every_store(async |store| {
        let sink = Sink::default();
        save(
            &store,
            vec![
                made(1, "10:10:00", "b"),
                made(2, "10:59:59", "b"),
                made(3, "10:30:00", "a"),
                made(4, "11:30:00", "a"),
                made(5, "12:30:00", "a"),
            ],
        )
        .await;
        // At 15:20 with three hours to settle, 12:20 has settled: the hours before 12:00.
        let done = put(&store, &sink, NOW).await;
        assert_eq!((done.hours, done.metrics, done.series), (2, 9, 6), "{done:?}");
        let told = |hour: &str, team: &str, value| (hour.to_owned(), team.to_owned(), value);
        assert_eq!(
            sums(&sink, "CostUSD"),
            [told("10:00", "a", 1.0), told("10:00", "b", 2.0), told("11:00", "a", 1.0)]
        );
        // A late run: of an hour that is out, it is in `hourly` alone.
        save(&store, vec![made(6, "10:20:00", "c")]).await;
        assert_eq!(put(&store, &sink, NOW).await.hours, 0);
        assert_eq!(put(&store, &sink, "2026-11-10T16:00:00Z").await.hours, 1);
        assert_eq!(sums(&sink, "Runs").last(), Some(&told("12:00", "a", 1.0)));
        // Nothing was put long after: a day later an hour's time is over.
        save(&store, vec![made(7, "13:20:00", "c")]).await;
        assert_eq!(put(&store, &sink, "2026-11-11T18:00:00Z").await.hours, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_is_put_later_and_what_may_have_counted_never_again() {
    on_every_store(async |store| {
        let sink = Sink::default();
        save(&store, vec![made(1, "10:10:00", "a"), made(2, "11:10:00", "a")]).await;
        sink.answers.lock().unwrap().push(PutError::Refused(error()));
        let refused = put(&store, &sink, NOW).await;
        assert_eq!((refused.hours, refused.refused.is_some()), (0, true), "{refused:?}");
        sink.answers.lock().unwrap().push(PutError::Uncertain(error()));
        let uncertain = put(&store, &sink, NOW).await;
        assert_eq!((uncertain.hours, uncertain.unknown.len()), (2, 1), "{uncertain:?}");
        assert_eq!(
            put(&store, &sink, NOW).await,
            MetricsPut { series: 3, ..MetricsPut::default() }
        );
        assert_eq!(sums(&sink, "Runs").len(), 2);
        let record = store.metric_hour(at("2026-11-10T10:00:00Z")).await.unwrap().record;
        assert!(record.done && record.unknown[0].contains("lost"), "{record:?}");
    })
    .await;
}

/// A sink whose process dies in the call, before or after CloudWatch took the metrics.
struct Dying(Sink);

impl MetricSink for Dying {
    async fn put(&self, metrics: &[Metric]) -> Result<(), PutError> {
        self.0.put(metrics).await?;
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_call_whose_process_died_is_not_repeated_and_stands_on_record() {
    on_every_store(async |store| {
        save(&store, vec![made(1, "11:10:00", "a")]).await;
        let (dying, settings) = (Dying(Sink::default()), MetricSettings::default());
        let clock = At(at(NOW));
        let call = put_metrics(&store, &dying, &settings, &clock, at(NOW));
        let second = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(second, call).await.is_err(), "it died");
        // Its claim still holds: it may be at work.
        let sink = Sink::default();
        let early = put(&store, &sink, "2026-11-10T15:20:30Z").await;
        assert_eq!((early.hours, early.unknown.len()), (0, 0));
        let late = put(&store, &sink, "2026-11-10T15:30:00Z").await;
        assert_eq!((late.hours, late.unknown.len()), (0, 1), "{late:?}");
        assert!(sink.taken.lock().unwrap().is_empty());
        assert!(late.unknown[0].contains("the process that put them was stopped"), "{late:?}");
        assert!(store.metric_hour(at("2026-11-10T11:00:00Z")).await.unwrap().record.done);
    })
    .await;
}

/// Eight at once: every hour goes out once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_put_the_same_hours_each_hour_has_one() {
    on_every_store(async |store| {
        save(&store, (0..12).map(|n| made(n, &format!("{n:02}:10:00"), "a")).collect()).await;
        let sink = Arc::new(Sink::default());
        let putters: Vec<_> = (0..8)
            .map(|_| {
                let (store, sink) = (store.clone(), Arc::clone(&sink));
                tokio::spawn(async move { put(&store, &sink, NOW).await })
            })
            .collect();
        for putter in putters {
            putter.await.unwrap();
        }
        assert_eq!(sums(&sink, "Runs").len(), 12);
    })
    .await;
}

#[tokio::test]
async fn so_many_jobs_that_they_take_several_calls_all_go_out_once() {
    on_every_store(async |store| {
        let runs: Vec<JobRun> = (0..700)
            .map(|n| {
                let mut run = made(n, "11:10:00", "a");
                run.job_name = Some(
                    format!("job {}", (b'a' + (n % 26) as u8) as char).repeat(1 + n as usize / 26),
                );
                run
            })
            .collect();
        save(&store, runs).await;
        let settings = MetricSettings { per: MetricPer::Job, ..MetricSettings::default() };
        let sink = Sink::default();
        // The second of three calls is refused; the next time goes on where it was.
        *sink.answers.lock().unwrap() = vec![PutError::Refused(error())];
        let clock = At(at(NOW));
        let first = put_metrics(&store, &sink, &settings, &clock, at(NOW)).await.unwrap();
        assert!(first.refused.is_some());
        let second = put_metrics(&store, &sink, &settings, &clock, at(NOW)).await.unwrap();
        assert_eq!((second.hours, second.series), (1, 2100), "{second:?}");
        let mut jobs: Vec<String> = sink
            .taken
            .lock()
            .unwrap()
            .iter()
            .filter(|metric| metric.name == "Runs")
            .map(|metric| metric.dimensions[3].1.clone())
            .collect();
        assert_eq!(jobs.len(), 700);
        jobs.sort_unstable();
        jobs.dedup();
        assert_eq!(jobs.len(), 700);
        let usd = second.usd_a_month(&settings);
        assert_eq!(usd.normalize().to_string(), "630", "2,100 series at 30 cents");
    })
    .await;
}

fn one() -> Metric {
    Metric {
        name: "CostUSD",
        is_count: false,
        dimensions: vec![("Team", "orders".to_owned())],
        at: at("2026-11-10T10:00:00Z"),
        value: 1.25,
    }
}

/// The body is CBOR: texts as they are, a double as 0xfb and its eight bytes.
#[tokio::test]
async fn cloudwatch_gets_each_point_in_one_call_and_no_second_one() {
    let fakes = Fakes::start().await;
    let sink = CloudWatch::new(&fakes.config().await, "Runledger".into());
    sink.put(&[one()]).await.unwrap();
    let [asked] = fakes.log().try_into().unwrap();
    assert_eq!((asked.service, asked.operation.as_str()), ("cloudwatch", "PutMetricData"));
    let body: Vec<u8> = serde_json::from_value(asked.input).unwrap();
    let holds = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
    for text in ["Runledger", "CostUSD", "Team", "orders"] {
        assert!(holds(text.as_bytes()), "{text}");
    }
    assert!(holds(&[&[0xfb], 1.25_f64.to_be_bytes().as_slice()].concat()));
    // A failure of its own may have counted; a refusal has not, nor has what never left.
    fakes.fault("PutMetricData", None, 1, Trouble::Broken);
    assert!(matches!(sink.put(&[one()]).await, Err(PutError::Uncertain(_))));
    fakes.fault("PutMetricData", None, 1, Trouble::Denied);
    assert!(matches!(sink.put(&[one()]).await, Err(PutError::Refused(_))));
    assert_eq!(fakes.count("PutMetricData"), 3, "the SDK repeats none");
    let nobody = fakes.config().await.into_builder().endpoint_url("http://127.0.0.1:1").build();
    let nobody = CloudWatch::new(&nobody, "Runledger".into());
    assert!(matches!(nobody.put(&[one()]).await, Err(PutError::Refused(_))));
}
