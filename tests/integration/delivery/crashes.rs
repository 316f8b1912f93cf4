//! A start that dies at each step in turn, and what the next one makes of it.
//!
//! A start's steps are the ledger's questions and writes, each of which reads the clock first, and
//! the call to the mail service, before and after the mail has left. Dying is a panic in a task of
//! its own: nothing after it is run, as after a kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use runledger::delivery::{Accepted, Message, OnUnknown, Rendered, SendError, Transport, Via};
use runledger::model::DeliveryState;
use runledger::store::Clock;
use runledger::tasks::deliver::{Mail, Order, deliver};

use super::stage::{Counting, LEASE, Stage, Tables, TestClock, mail, terms};

const RECIPIENTS: [&str; 2] = ["ada@example.org", "eve@example.org"];

/// Lets a number of steps pass, and dies at the next.
#[derive(Clone)]
struct Fuse(Arc<AtomicUsize>);

impl Fuse {
    fn new(steps: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(steps)))
    }

    fn burn(&self) {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        // Without the panic hook, because these deaths are not the test's own.
        if left.is_err() {
            std::panic::resume_unwind(Box::new("killed by the test"));
        }
    }
}

struct Mortal<T> {
    inner: T,
    fuse: Fuse,
}

impl Clock for Mortal<TestClock> {
    fn now(&self) -> Timestamp {
        self.fuse.burn();
        self.inner.now()
    }

    async fn sleep(&self, span: Duration) {
        self.inner.sleep(span).await;
    }
}

impl Transport for Mortal<Counting> {
    type Draft = Message;

    async fn send(&self, mail: &Rendered) -> Result<Accepted, SendError> {
        self.fuse.burn();
        let answer = self.inner.send(mail).await;
        self.fuse.burn();
        answer
    }

    fn via(&self) -> Via {
        self.inner.via
    }
}

fn mails() -> Vec<Mail> {
    RECIPIENTS.iter().map(|recipient| mail(recipient)).collect()
}

/// Whether the start lived to its end.
async fn start_that_dies_after(
    steps: usize,
    stage: &Stage,
    service: &Counting,
    clock: &TestClock,
    order: &Order,
) -> bool {
    let ledger = stage.ledger.clone();
    let fuse = Fuse::new(steps);
    let service = Mortal { inner: service.clone(), fuse: fuse.clone() };
    let clock = Mortal { inner: clock.clone(), fuse };
    let terms = terms(order.clone(), OnUnknown::Hold);
    let start = tokio::spawn(async move {
        deliver(&ledger, &service, mails(), &terms, &clock).await.unwrap();
    });
    start.await.is_ok()
}

/// Lets a start die at each step, asks `check` after the next one, and says how many steps it took
/// until a start lived.
async fn at_every_step(via: Via, check: impl Fn(&str, usize, DeliveryState)) -> usize {
    let tables = Tables::find();
    let mut steps = 0;
    loop {
        let mut lived = false;
        for stage in tables.empty().await {
            let (service, clock) = (Counting::new(via, vec![]), TestClock::new());
            lived = start_that_dies_after(steps, &stage, &service, &clock, &Order::Send).await;
            clock.advance(LEASE * 2);
            let terms = terms(Order::Send, OnUnknown::Hold);
            deliver(&stage.ledger, &service, mails(), &terms, &clock).await.unwrap();
            let records = stage.ledger.records("weekly", "2026-W46").await.unwrap();
            assert_eq!(records.len(), RECIPIENTS.len(), "nobody is forgotten");
            for record in records {
                let recipient = record.occurrence.recipient.in_full();
                let what = format!("dead after {steps} steps, {recipient}");
                check(&what, service.mails_to(recipient).len(), record.state());
            }
        }
        if lived {
            return steps;
        }
        steps += 1;
    }
}

#[tokio::test]
async fn by_ses_each_has_one_mail_or_an_unknown_on_record() {
    let unknown = AtomicUsize::new(0);
    let steps = at_every_step(Via::Ses, |what, mails, state| match state {
        DeliveryState::Sent => assert_eq!(mails, 1, "{what}"),
        DeliveryState::Unknown => {
            assert!(mails <= 1, "{what}");
            unknown.fetch_add(1, Ordering::SeqCst);
        }
        other => panic!("{what}: {other:?}"),
    })
    .await;
    // Two mails of at least claim, begin, call before and after, and record.
    assert!(steps >= 10, "{steps} steps");
    assert!(unknown.load(Ordering::SeqCst) >= 4, "dying around the call leaves UNKNOWN");
}

#[tokio::test]
async fn in_the_outbox_each_mail_is_there() {
    at_every_step(Via::Outbox, |what, mails, state| {
        assert_eq!(state, DeliveryState::Sent, "{what}");
        // A repeat is the same file, so twice is once.
        assert!((1..=2).contains(&mails), "{what}: {mails}");
    })
    .await;
}

/// A resend that dies is still on record as what it was, and is finished by the next plain start.
#[tokio::test]
async fn a_resend_that_dies_is_not_lost_and_not_doubled() {
    let tables = Tables::find();
    for steps in 0.. {
        let mut lived = false;
        for stage in tables.empty().await {
            let (service, clock) = (Counting::new(Via::Ses, vec![]), TestClock::new());
            let plain = terms(Order::Send, OnUnknown::Hold);
            deliver(&stage.ledger, &service, mails(), &plain, &clock).await.unwrap();
            let resend = Order::Resend { why: "lost".into() };
            lived = start_that_dies_after(steps, &stage, &service, &clock, &resend).await;
            clock.advance(LEASE * 2);
            deliver(&stage.ledger, &service, mails(), &plain, &clock).await.unwrap();
            for record in stage.ledger.records("weekly", "2026-W46").await.unwrap() {
                let mails = service.mails_to(record.occurrence.recipient.in_full()).len();
                assert!((1..=2).contains(&mails), "dead after {steps} steps: {mails}");
                let settled =
                    matches!(record.state(), DeliveryState::Sent | DeliveryState::Unknown);
                assert!(settled && record.first_sent.is_some(), "{record:?}");
            }
        }
        if lived {
            break;
        }
    }
}
