//! The scripted month through store and ledger: by two evaluators side by side, and with a crash
//! after every call of the store. And channels that are down, slow, or lose their answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::alerts::month::{Month, SETTINGS, lines};
use crate::alerts::{AlertSettings, Finding, JobFacts, Recipients, Severity, Subject};
use crate::delivery::{
    Accepted, Cause, ChannelSettings, MailSettings, PostReady, Ready, Rendered, SendError, Via,
};
use crate::report::Templates;
use crate::store::StoreSettings;
use crate::store::dying::dying;

/// A clock that stands still except when somebody waits.
#[derive(Clone)]
struct TestClock(Arc<Mutex<Timestamp>>);

impl TestClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new("2026-11-01T00:00:00Z".parse().unwrap())))
    }

    fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::try_from(span).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, span: Duration) {
        self.advance(span);
        tokio::task::yield_now().await;
    }
}

/// What left, by the occurrence's key: the bytes, each time.
type Left = Arc<Mutex<BTreeMap<String, Vec<Vec<u8>>>>>;

/// A way out that notes what leaves, and fails as told.
#[derive(Clone)]
struct Way {
    via: Via,
    left: Left,
    answer: Arc<Mutex<Option<SendError>>>,
}

impl Way {
    fn new(via: Via) -> Self {
        Self { via, left: Arc::default(), answer: Arc::default() }
    }

    fn fails(&self, error: Option<SendError>) {
        *self.answer.lock().unwrap() = error;
    }

    async fn send(&self, key: &str, bytes: &[u8]) -> Result<Accepted, SendError> {
        // Long enough for others to get in between.
        tokio::task::yield_now().await;
        let answer = self.answer.lock().unwrap().clone();
        if let Some(error @ SendError::Refused { .. }) = answer {
            return Err(error);
        }
        self.left.lock().unwrap().entry(key.to_owned()).or_default().push(bytes.to_vec());
        answer.map_or_else(|| Ok(Accepted { message_id: "id".into() }), Err)
    }

    /// What left, each time, as text.
    fn texts(&self) -> Vec<String> {
        let left = self.left.lock().unwrap();
        left.values().flatten().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

struct Mails(Way);
struct Posts(Way);

impl Transport for Mails {
    type Draft = MailMessage;

    async fn send(&self, mail: &Rendered) -> Result<Accepted, SendError> {
        self.0.send(&mail.key, mail.bytes()).await
    }

    fn via(&self) -> Via {
        self.0.via
    }
}

impl Transport for Posts {
    type Draft = Post;

    async fn send(&self, post: &PostReady) -> Result<Accepted, SendError> {
        self.0.send(&post.key, post.bytes()).await
    }

    fn via(&self) -> Via {
        self.0.via
    }
}

/// Everything that a test needs, in a folder of its own.
struct Stage {
    store: Store,
    evaluator: Evaluator,
    outlets: Outlets<Mails, Posts>,
    clock: TestClock,
    mails: Way,
    posts: Way,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new(settings: &str, mails: Via) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runledger.db");
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        let settings: AlertSettings = toml::from_str(settings).unwrap();
        settings.check().unwrap();
        let (mails, posts) = (Way::new(mails), Way::new(Via::Slack));
        let mail: MailSettings = toml::from_str("from = 'runledger@example.com'").unwrap();
        let channels = settings.channels.clone().into_iter();
        let channels: BTreeMap<String, (ChannelSettings, Posts)> =
            channels.map(|(name, of)| (name, (of, Posts(posts.clone())))).collect();
        let outlets = Outlets {
            templates: Templates::load(None).unwrap(),
            mail: Some((mail, Mails(mails.clone()))),
            channels,
        };
        let recipients = Recipients::new(&settings, &BTreeMap::new());
        let evaluator = Evaluator::new(&settings, recipients).unwrap();
        let clock = TestClock::new();
        Self { store, evaluator, outlets, clock, mails, posts, _folder: folder }
    }

    fn teller<'a>(&'a self, store: &'a Store) -> Teller<'a, Mails, Posts, TestClock> {
        let Self { evaluator, outlets, clock, .. } = self;
        Teller { store, evaluator, outlets, clock, by: "test".into(), sends: true }
    }

    async fn tell(&self, facts: Facts) -> Told {
        self.teller(&self.store).tell(facts, false).await.unwrap()
    }

    async fn known(&self) -> Known {
        Known::read(&self.store).await.unwrap()
    }
}

/// The messages of every generation, by the keys of their deliveries: what was told when it left.
#[derive(Default)]
struct Committed(BTreeMap<String, Message>);

impl Committed {
    fn note(&mut self, known: &Known) {
        for (occurrence, pending) in known.clone().into_deliveries() {
            self.0.insert(occurrence.key(), pending.message);
        }
    }

    /// The notices that left, a line each, in order.
    fn told(&self, way: &Way) -> Vec<String> {
        let mut by_time: BTreeMap<Timestamp, Vec<Message>> = BTreeMap::new();
        for key in way.left.lock().unwrap().keys() {
            let message = self.0.get(key).unwrap_or_else(|| panic!("never committed: {key}"));
            by_time.entry(message.at).or_default().push(message.clone());
        }
        let mut told: Vec<String> = by_time.values().flat_map(|of| lines(of)).collect();
        told.sort();
        told
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_evaluators_side_by_side_tell_the_month_once() {
    let month = Month::read();
    let stage = Stage::new(SETTINGS, Via::Ses).await;
    let (mut committed, mut outrun) = (Committed::default(), 0);
    let (one, two) = (stage.teller(&stage.store), stage.teller(&stage.store));
    for facts in month.facts() {
        let (first, second) =
            futures::join!(one.tell(facts.clone(), false), two.tell(facts, false));
        let tellings = [first.unwrap().telling, second.unwrap().telling];
        outrun += tellings.iter().filter(|telling| !matches!(telling, Telling::Done(_))).count();
        committed.note(&stage.known().await);
    }
    assert_eq!(committed.told(&stage.mails), month.expected());
    let left = stage.mails.left.lock().unwrap();
    assert!(left.values().all(|times| times.len() == 1), "each once");
    assert!(outrun > 20, "they met {outrun} times");
}

/// Each evaluation that writes dies after no call of the store, after one, after two and so on,
/// until it lives; the next one goes on from what that left. Mails go into an outbox, where a
/// repeat is the same file.
async fn told_through_crashes(answers: bool) {
    let month = Month::read();
    let stage = Stage::new(SETTINGS, Via::Outbox).await;
    let (mut committed, mut crashes) = (Committed::default(), 0);
    for facts in month.facts() {
        let before = stage.known().await;
        let evaluation = stage.evaluator.evaluate(facts.clone(), &before.alerts, false);
        if evaluation.known == before.alerts && evaluation.messages().is_empty() {
            continue;
        }
        for calls in 0.. {
            let store = dying(&stage.store, calls, answers);
            let told = stage.teller(&store).tell(facts.clone(), false).await;
            committed.note(&stage.known().await);
            // Whoever comes next comes after the leases of the dead.
            stage.clock.advance(Duration::from_secs(300));
            let lived = matches!(&told, Ok(Told { telling: Telling::Done(done), .. })
                if done.rows.iter().all(|row| row.outcome.is_sent()));
            if lived {
                break;
            }
            crashes += 1;
        }
    }
    assert_eq!(committed.told(&stage.mails), month.expected());
    let left = stage.mails.left.lock().unwrap();
    assert!(left.values().all(|times| times.iter().all(|t| *t == times[0])), "the same file");
    assert!(crashes > 300, "{crashes} crashes");
}

#[tokio::test]
async fn a_crash_after_every_call_tells_the_month_once() {
    told_through_crashes(true).await;
}

#[tokio::test]
async fn a_crash_whose_last_call_still_counts_tells_the_month_once() {
    told_through_crashes(false).await;
}

const CHANNEL: &str = "recipients = ['ops']\n[channels.ops]\nkind = 'slack'\nurl = 'env:X'\n\
                       [rules.owner-missing]\nenabled = false";

/// A job of each name whose last run failed, as of an hour of the day.
fn failed(hour: i64, jobs: &[&str]) -> Facts {
    ended(hour, jobs.iter().map(|job| (*job, "FAILED")))
}

/// Jobs and how the last run of each ended.
fn ended<'j>(hour: i64, jobs: impl Iterator<Item = (&'j str, &'j str)>) -> Facts {
    let midnight: Timestamp = "2026-11-14T00:00:00Z".parse().unwrap();
    let now = midnight + SignedDuration::from_hours(hour);
    let mut facts = Facts { now, ..Facts::default() };
    for (job, state) in jobs {
        let run = crate::alerts::month::run(job, state, now - SignedDuration::from_mins(5));
        let of_job = JobFacts { team: "orders".into(), tagged: true, ..JobFacts::default() };
        let key = crate::alerts::month::job_key(job);
        facts.jobs.insert(key, JobFacts { ended: vec![run], ..of_job });
    }
    facts
}

#[tokio::test]
async fn a_webhook_that_is_down_for_a_day_gets_one_message_when_it_is_back() {
    let stage = Stage::new(CHANNEL, Via::Outbox).await;
    let down = SendError::Refused { cause: Cause::Stumbled, reason: "answered 503".into() };
    stage.posts.fails(Some(down));
    let names = ["a-job", "b-job", "c-job", "d-job"];
    // One more fails every six hours. What is over before it was ever told is nobody's news.
    let facts = |hour: i64| {
        let state = |job: &str| if job == "a-job" && hour >= 20 { "SUCCEEDED" } else { "FAILED" };
        let known = names.iter().zip([0, 6, 12, 18]).filter(move |(_, from)| hour >= *from);
        ended(hour, known.map(move |(job, _)| (*job, state(job))))
    };
    for hour in 0..24 {
        let Telling::Done(done) = stage.tell(facts(hour)).await.telling else { panic!() };
        assert!(done.rows.iter().all(|row| !row.outcome.is_sent()), "{done:?}");
        stage.clock.advance(Duration::from_secs(3600));
    }
    assert!(stage.posts.texts().is_empty());
    stage.posts.fails(None);
    for hour in 24..27 {
        stage.tell(facts(hour)).await;
    }
    let texts = stage.posts.texts();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(names[1..].iter().all(|name| texts[0].contains(name)), "{}", texts[0]);
    assert!(!texts[0].contains("a-job"), "{}", texts[0]);
    assert!(!texts[0].contains("possible duplicate"));
}

#[tokio::test]
async fn a_lost_answer_is_told_again_and_marked() {
    let stage = Stage::new(CHANNEL, Via::Outbox).await;
    stage.posts.fails(Some(SendError::Uncertain { reason: "no answer".into() }));
    stage.tell(failed(0, &["load"])).await;
    stage.posts.fails(None);
    stage.tell(failed(1, &["load", "other"])).await;
    let texts = stage.posts.texts();
    assert_eq!(texts.len(), 2);
    assert!(!texts[0].contains("possible duplicate"));
    assert!(texts[1].contains("[possible duplicate]") && texts[1].contains("other"));
    stage.tell(failed(2, &["load", "other"])).await;
    assert_eq!(stage.posts.texts().len(), 2, "and then no more");
}

#[tokio::test]
async fn quiet_evaluations_write_nothing_and_late_ones_neither() {
    let stage = Stage::new(CHANNEL, Via::Outbox).await;
    assert_eq!(stage.tell(failed(0, &[])).await.telling, Telling::Done(Deliveries::default()));
    assert_eq!(stage.known().await.number, 0, "nothing was ever found");
    stage.tell(failed(5, &["load"])).await;
    stage.tell(failed(6, &["load"])).await;
    assert_eq!(stage.known().await.number, 1);
    let late = stage.tell(failed(4, &["load", "other"])).await;
    assert_eq!(late.telling, Telling::Outrun);
    assert_eq!((stage.known().await.number, stage.posts.texts().len()), (1, 1));
    // Two with the same `now` may have different things to tell.
    stage.tell(failed(6, &["load", "other"])).await;
    assert_eq!((stage.known().await.number, stage.posts.texts().len()), (2, 2));
}

#[tokio::test]
async fn the_first_day_is_taken_as_known() {
    let stage = Stage::new(CHANNEL, Via::Outbox).await;
    let mut teller = stage.teller(&stage.store);
    teller.sends = false;
    teller.tell(failed(0, &["load"]), true).await.unwrap();
    stage.tell(failed(1, &["load", "new"])).await;
    let texts = stage.posts.texts();
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("\\\"new") || texts[0].contains("new"), "{}", texts[0]);
    assert!(!texts[0].contains("load"), "{}", texts[0]);
}

#[tokio::test]
async fn a_channel_that_is_gone_is_dropped_and_the_rest_is_told() {
    let mut stage = Stage::new(CHANNEL, Via::Outbox).await;
    let down = SendError::Refused { cause: Cause::Gone, reason: "answered 404".into() };
    stage.posts.fails(Some(down));
    stage.tell(failed(0, &["load"])).await;
    stage.outlets.channels.clear();
    let Telling::Done(done) = stage.tell(failed(1, &["load"])).await.telling else { panic!() };
    assert!(format!("{done:?}").contains("no such channel any more"), "{done:?}");
    stage.tell(failed(2, &["load", "other"])).await;
    stage.tell(failed(3, &["load", "other"])).await;
    assert!(stage.posts.texts().is_empty());
}

/// However many there are: each way out gets what it takes, the mail has the list of all, and what
/// is kept is small.
#[tokio::test]
async fn a_hundred_thousand_findings_at_once() {
    let channel = CHANNEL.replace("['ops']", "['ops', 'ops@example.com', 'boss@example.com']");
    let stage = Stage::new(&channel, Via::Ses).await;
    let jobs: Vec<String> = (0..100_000).map(|n| format!("load-{n:06}")).collect();
    let facts = ended(0, jobs.iter().map(|job| (job.as_str(), "FAILED")));
    let told = stage.tell(facts.clone()).await;
    assert_eq!(told.evaluation.alerts.len(), 100_000);
    let Telling::Done(done) = &told.telling else { panic!() };
    assert!(done.rows.len() == 3 && done.rows.iter().all(|row| row.outcome.is_sent()), "{done:?}");
    let posts = stage.posts.texts();
    assert!(posts.len() == 1 && posts[0].len() < 40_000 && posts[0].contains("more. All are in"));
    let bytes = stage.store.alert_generation().await.unwrap().unwrap().bytes.len();
    assert!(bytes < 20_000_000, "{bytes} bytes are kept");
    for mail in stage.mails.texts() {
        assert!(mail.len() < 20_000_000 && mail.contains("alerts-2026-11-14T00-00.csv.gz"));
        assert!(!mail.contains("was left out"));
    }
    // The next one is quiet.
    assert_eq!(stage.tell(facts).await.telling, Telling::Done(Deliveries::default()));
    let message = &stage.known().await.messages[0].message;
    let attached = outlets::attachments(message).unwrap();
    let mut csv = String::new();
    let packed = attached[0].bytes.bytes().unwrap();
    let mut unpacked = flate2::read::GzDecoder::new(&*packed);
    std::io::Read::read_to_string(&mut unpacked, &mut csv).unwrap();
    assert_eq!(csv.lines().count(), 100_001);
    assert!(csv.contains("load-000000") && csv.contains("load-099999"));
}

#[test]
fn a_document_reads_back() {
    let subject = Subject { job: "löad".into(), ..Subject::default() };
    let finding = Finding::new("run-cost", Severity::Warning, subject, "x".into());
    let at: Timestamp = "2026-11-14T12:00:00.5Z".parse().unwrap();
    let news = crate::alerts::News {
        notice: crate::alerts::Notice::Open,
        fingerprint: finding.fingerprint(),
        opened_at: at,
        finding: finding.into(),
    };
    let message =
        Message { recipient: "\"A, b\" <a@example.com>".parse().unwrap(), at, news: vec![news] };
    let messages = vec![Pending { message, unknown_ends: 2 }];
    let known = Known { number: 7, at, alerts: BTreeMap::new(), messages };
    let read = Known::unpacked(7, &known.packed().unwrap()).unwrap();
    assert_eq!(read, known);
    assert_eq!(known.period(), "2026-11-14T12:00:00Z.7");
    assert!(Known::unpacked(7, b"junk").is_err());
}
