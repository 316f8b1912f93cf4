//! Several starts over one ledger, for real: on every table there is, many rounds.

use runledger::delivery::{Cause, OnUnknown, Outbox, Sender, Via};
use runledger::model::DeliveryState;
use runledger::store::{RealClock, Stage as State};
use runledger::tasks::deliver::{Deliveries, Mail, Order, Outcome, Verdict, deliver};
use sha2::{Digest, Sha256};

use super::stage::{
    Counting, LEASE, Reaction, Stage, Tables, TestClock, at, embedded, mail, terms,
};

const RECIPIENTS: [&str; 3] = ["ada@example.org", "eve@example.org", "bob@example.net"];

fn mails() -> Vec<Mail> {
    RECIPIENTS.iter().map(|recipient| mail(recipient)).collect()
}

fn resend() -> Order {
    Order::Resend { why: "they deleted it".into() }
}

/// One start, on the real clock, as its own task.
fn start(stage: &Stage, service: &Counting, order: Order) -> tokio::task::JoinHandle<Deliveries> {
    let (ledger, service) = (stage.ledger.clone(), service.clone());
    tokio::spawn(async move {
        let terms = terms(order, OnUnknown::Hold);
        deliver(&ledger, &service, mails(), &terms, &RealClock).await.unwrap()
    })
}

async fn once(
    stage: &Stage,
    service: &Counting,
    order: Order,
    on_unknown: OnUnknown,
) -> Deliveries {
    let terms = terms(order, on_unknown);
    deliver(&stage.ledger, service, mails(), &terms, &TestClock::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn starts_at_once_send_each_mail_once() {
    let tables = Tables::find();
    for round in 0..12 {
        for stage in tables.empty().await {
            let service = Counting::new(Via::Ses, vec![]);
            let starts: Vec<_> = (0..3).map(|_| start(&stage, &service, Order::Send)).collect();
            let mut sent = 0;
            for done in futures::future::join_all(starts).await {
                let deliveries = done.unwrap();
                assert_eq!(deliveries.verdict(), Verdict::Done, "round {round}: {deliveries:?}");
                sent += deliveries.sent_now();
            }
            assert_eq!(sent, RECIPIENTS.len());
            for recipient in RECIPIENTS {
                assert_eq!(service.mails_to(recipient).len(), 1, "round {round}, {recipient}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn resends_at_once_send_each_mail_once_more() {
    let tables = Tables::find();
    for _ in 0..6 {
        for stage in tables.empty().await {
            let service = Counting::new(Via::Ses, vec![]);
            start(&stage, &service, Order::Send).await.unwrap();
            let starts: Vec<_> = (0..3).map(|_| start(&stage, &service, resend())).collect();
            for done in futures::future::join_all(starts).await {
                assert_eq!(done.unwrap().verdict(), Verdict::Done);
            }
            let counts = RECIPIENTS.map(|recipient| service.mails_to(recipient).len());
            // Whoever asked after a mail was sent again asked for a third one, and started later.
            assert!(counts.iter().all(|count| (2..=4).contains(count)), "{counts:?}");
            let records = stage.ledger.records("weekly", "2026-W46").await.unwrap();
            for record in &records {
                let wishes = record.history.iter().filter(|e| e.why == "resend: they deleted it");
                let count = service.mails_to(record.occurrence.recipient.in_full()).len();
                assert_eq!(wishes.count(), count - 1, "every further mail has its reason");
            }
        }
    }
}

#[tokio::test]
async fn one_failure_does_not_stop_the_others_and_is_tried_again() {
    let tables = Tables::find();
    for stage in tables.empty().await {
        let first = Counting::new(Via::Ses, vec![Reaction::Refuse(Cause::Sandbox)]);
        let deliveries = once(&stage, &first, Order::Send, OnUnknown::Hold).await;
        assert_eq!(deliveries.verdict(), Verdict::Partly);
        let Outcome::Failed { hint, retryable: false, .. } = &deliveries.rows[0].outcome else {
            panic!("{deliveries:?}")
        };
        assert!(hint.contains("sandbox"), "{hint}");
        assert_eq!(first.count(), 2);
        let again = once(&stage, &first, Order::Send, OnUnknown::Hold).await;
        assert_eq!((again.verdict(), again.sent_now(), first.count()), (Verdict::Done, 1, 3));
    }
}

#[tokio::test]
async fn no_service_at_all_is_said_as_such() {
    let stage = embedded().await;
    let dead = Counting::new(Via::Ses, vec![Reaction::Refuse(Cause::Unreachable); 3]);
    let deliveries = once(&stage, &dead, Order::Send, OnUnknown::Hold).await;
    assert_eq!(deliveries.verdict(), Verdict::Unavailable);
}

#[tokio::test]
async fn a_throttled_mail_is_sent_within_the_lease_or_fails() {
    let stage = embedded().await;
    let slow = Counting::new(Via::Ses, vec![Reaction::Refuse(Cause::Throttled); 3]);
    let deliveries = once(&stage, &slow, Order::Send, OnUnknown::Hold).await;
    assert_eq!((deliveries.verdict(), slow.count()), (Verdict::Done, 3));
    let records = stage.ledger.records("weekly", "2026-W46").await.unwrap();
    assert!(records.iter().all(|record| record.attempts == 1), "one claim, several calls");

    let stage = embedded().await;
    let never = Counting::new(Via::Ses, vec![Reaction::Refuse(Cause::Throttled); 1_000]);
    let deliveries = once(&stage, &never, Order::Send, OnUnknown::Hold).await;
    assert_eq!((deliveries.verdict(), never.count()), (Verdict::Unavailable, 0));
}

#[tokio::test]
async fn an_unknown_end_is_held_or_sent_again_as_the_policy_says() {
    let tables = Tables::find();
    for stage in tables.empty().await {
        let service = Counting::new(Via::Ses, vec![Reaction::TakeInSilence]);
        let first = once(&stage, &service, Order::Send, OnUnknown::Hold).await;
        assert_eq!((first.verdict(), service.count()), (Verdict::Partly, 3));
        let held = once(&stage, &service, Order::Send, OnUnknown::Hold).await;
        assert!(matches!(held.rows[0].outcome, Outcome::Unknown { .. }), "{held:?}");
        assert_eq!(service.count(), 3);
        let resent = once(&stage, &service, Order::Send, OnUnknown::Resend).await;
        assert_eq!((resent.verdict(), resent.sent_now()), (Verdict::Done, 1));
        let mails = service.mails_to(RECIPIENTS[0]);
        let has_mark = |index: usize| {
            String::from_utf8_lossy(&mails[index].bytes).contains("Subject: [possible duplicate] ")
        };
        assert_eq!((mails.len(), has_mark(0), has_mark(1)), (2, false, true));
        // Once its end is known, a wish for another copy is not a possible duplicate.
        once(&stage, &service, resend(), OnUnknown::Hold).await;
        let last = service.mails_to(RECIPIENTS[0]).pop().unwrap();
        assert!(!String::from_utf8_lossy(&last.bytes).contains("possible duplicate"));
    }
}

#[tokio::test]
async fn a_live_claim_is_waited_for_and_then_taken_over() {
    let tables = Tables::find();
    for stage in tables.empty().await {
        let clock = TestClock::new();
        let ask = runledger::store::Ask {
            by: "other".into(),
            holder: "other start".into(),
            lease: LEASE,
            on_unknown: OnUnknown::Hold,
            why: "due".into(),
            again: None,
        };
        let now = runledger::store::Clock::now(&clock);
        let claimed = stage.ledger.claim(&mails()[0].occurrence, &ask, now).await.unwrap();
        let service = Counting::new(Via::Ses, vec![]);
        let terms = terms(Order::Send, OnUnknown::Hold);
        let done = deliver(&stage.ledger, &service, mails(), &terms, &clock).await.unwrap();
        assert_eq!((done.verdict(), service.count()), (Verdict::Done, 3));
        let waited = runledger::store::Clock::now(&clock).duration_since(now);
        assert!(waited.as_secs() >= 60, "the lease was respected: {waited:?}");
        // The first holder comes back and finds that it may not send.
        let runledger::store::Claimed::Yours(held) = claimed else { panic!("{claimed:?}") };
        let begun = stage.ledger.begin(&held, &ask, Via::Ses, now).await.unwrap();
        assert_eq!(begun, None);
    }
}

#[tokio::test]
async fn what_was_sent_is_on_record_with_who_and_why() {
    let tables = Tables::find();
    for stage in tables.empty().await {
        let service = Counting::new(Via::Ses, vec![]);
        assert_eq!(stage.ledger.sent_record("weekly", "2026-W46", "all").await.unwrap(), None);
        once(&stage, &service, Order::Send, OnUnknown::Hold).await;
        let records = stage.ledger.records("weekly", "2026-W46").await.unwrap();
        assert_eq!(records.len(), 3);
        let ada = records.iter().find(|r| r.occurrence.recipient.in_full() == RECIPIENTS[0]);
        let State::Sent(sent) = &ada.unwrap().stage else { panic!("{records:?}") };
        let bytes = &service.mails_to(RECIPIENTS[0])[0];
        assert_eq!((sent.bytes, &sent.sha256), (bytes.bytes.len() as u64, &bytes.sha256));
        assert_eq!((sent.message_id.as_str(), sent.by.as_str()), ("id-1", "test"));
        let states: Vec<_> = ada.unwrap().history.iter().map(|e| e.to).collect();
        use DeliveryState::{Claimed, Sending, Sent};
        assert_eq!(states, [Claimed, Sending, Sent]);

        // A restatement is a revision of its own, with a total of its own.
        let revision = stage.ledger.revision("weekly", "2026-W46", "all").await.unwrap() + 1;
        let restated = mails().into_iter().map(|mut mail| {
            mail.occurrence.revision = revision;
            mail.message.date = at("2026-11-17T06:00:00Z");
            mail.total_usd = "14".parse().unwrap();
            mail
        });
        let terms = terms(Order::Restate { why: "late runs".into() }, OnUnknown::Hold);
        let restated: Vec<Mail> = restated.collect();
        let clock = TestClock::new();
        for expected in [3, 0] {
            let mails = restated.clone();
            let done = deliver(&stage.ledger, &service, mails, &terms, &clock).await.unwrap();
            assert_eq!((done.verdict(), done.sent_now()), (Verdict::Done, expected));
        }
        let record = stage.ledger.sent_record("weekly", "2026-W46", "all").await.unwrap().unwrap();
        assert_eq!(record.first_at, at("2026-11-16T06:00:00Z"));
        assert_eq!(record.first_total_usd.to_string(), "12.50");
        assert_eq!((record.revision, record.total_usd.to_string()), (1, "14.00".into()));
        assert_eq!(stage.ledger.revision("weekly", "2026-W46", "all").await.unwrap(), 1);
        let records = stage.ledger.records("weekly", "2026-W46").await.unwrap();
        let reasons = records.iter().filter(|r| r.history[0].why == "restate: late runs");
        assert_eq!(reasons.count(), 3);
        for other in
            [("weekly", "2026-W47", "all"), ("weekly", "2026-W46", "team"), ("w", "x", "y")]
        {
            let (report, period, edition) = other;
            assert_eq!(stage.ledger.sent_record(report, period, edition).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn a_copy_is_on_record_and_never_counts() {
    let tables = Tables::find();
    for stage in tables.empty().await {
        let service = Counting::new(Via::Ses, vec![]);
        let mut copy = mail(RECIPIENTS[0]);
        copy.occurrence.copy = true;
        let (terms, clock) = (terms(Order::Send, OnUnknown::Hold), TestClock::new());
        for count in 1..=2 {
            let copies = vec![copy.clone()];
            let done = deliver(&stage.ledger, &service, copies, &terms, &clock).await.unwrap();
            assert_eq!((done.sent_now(), service.count()), (1, count));
        }
        assert_eq!(stage.ledger.sent_record("weekly", "2026-W46", "all").await.unwrap(), None);
        let done = once(&stage, &service, Order::Send, OnUnknown::Hold).await;
        assert_eq!((done.sent_now(), service.count()), (3, 5));
        let records = stage.ledger.records("weekly", "2026-W46").await.unwrap();
        assert_eq!(records.iter().filter(|r| r.occurrence.copy).count(), 1);
    }
}

#[tokio::test]
async fn the_same_person_twice_in_a_list_gets_one_mail() {
    let stage = embedded().await;
    let service = Counting::new(Via::Ses, vec![Reaction::Refuse(Cause::Other)]);
    let twice = vec![mail("ada@example.org"), mail("Ada@Example.org")];
    let (terms, clock) = (terms(Order::Send, OnUnknown::Hold), TestClock::new());
    let done = deliver(&stage.ledger, &service, twice, &terms, &clock).await.unwrap();
    assert_eq!((done.rows.len(), service.count()), (1, 0));
}

#[tokio::test]
async fn a_mail_too_large_fails_and_says_so() {
    let stage = embedded().await;
    let service = Counting::new(Via::Ses, vec![]);
    let mut terms = terms(Order::Send, OnUnknown::Hold);
    terms.size_max = 500;
    let clock = TestClock::new();
    let done = deliver(&stage.ledger, &service, mails(), &terms, &clock).await.unwrap();
    assert_eq!((done.verdict(), service.count()), (Verdict::Failed, 0));
    let Outcome::Failed { reason, .. } = &done.rows[0].outcome else { panic!("{done:?}") };
    assert!(reason.contains("max_megabytes"), "{reason}");
    assert!(!reason.contains("ada@"), "no address in a reason: {reason}");
}

/// The outbox by the real sender: what is there is what the ledger says.
#[tokio::test]
async fn the_outbox_holds_what_the_ledger_says() {
    let stage = embedded().await;
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(folder.path().join("outbox"));
    let sender = Sender::Outbox(outbox.clone());
    let terms = terms(Order::Send, OnUnknown::Hold);
    let done = deliver(&stage.ledger, &sender, mails(), &terms, &RealClock).await.unwrap();
    assert_eq!((done.verdict(), done.sent_now()), (Verdict::Done, 3));
    for record in stage.ledger.records("weekly", "2026-W46").await.unwrap() {
        let State::Sent(sent) = &record.stage else { panic!("{record:?}") };
        let path = outbox.path_of(&record.occurrence.key());
        assert!(path.to_str().unwrap().ends_with(&format!(".{}.eml", sent.message_id)));
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(format!("{:x}", Sha256::digest(&bytes)), sent.sha256);
        assert_eq!(bytes.len() as u64, sent.bytes);
    }
    assert_eq!(std::fs::read_dir(outbox.folder()).unwrap().count(), 6);
}
