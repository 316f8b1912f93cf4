//! Random schedules of starts that race, crash and run out of time over one record, without a
//! store: the promises must hold in every order of steps.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::record::{Ask, Decision, End, Record, SentMail, Stage, decide, decide_withdrawal};
use crate::delivery::{OnUnknown, Via};
use crate::model::{DeliveryState, Occurrence, Usd};

const LEASE: Duration = Duration::from_secs(60);

/// How a call of the pretended mail service ends.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Taken,
    Refused,
    /// The mail leaves, and the answer is lost.
    TakenInSilence,
    /// The mail does not leave, and neither does the answer.
    LostOnTheWay,
}

#[derive(Clone, Debug)]
enum Step {
    /// The start takes its next step.
    Go(usize, Answer),
    /// The start is killed where it stands, and another takes its place.
    Kill(usize),
    /// Time passes.
    Wait(i64),
}

#[derive(Clone, Debug)]
enum At {
    Asking,
    Claimed(Record),
    Calling(Record),
    Ending(Record, End),
    Done,
}

/// The record, the mail service, and the starts at work.
struct World {
    record: Option<Record>,
    now: Timestamp,
    left: u32,
    via: Via,
    on_unknown: OnUnknown,
    starts: Vec<(At, Ask)>,
    started: u32,
}

fn occurrence() -> Occurrence {
    Occurrence {
        report: "weekly".into(),
        period: "2026-W46".into(),
        edition: "all".into(),
        revision: 0,
        recipient: "ada@example.org".parse().unwrap(),
        copy: false,
    }
}

impl World {
    fn new(starts: usize, via: Via, on_unknown: OnUnknown) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut world =
            Self { record: None, now, left: 0, via, on_unknown, starts: vec![], started: 0 };
        world.starts = (0..starts).map(|_| world.fresh(None)).collect();
        world
    }

    fn fresh(&mut self, again: Option<u64>) -> (At, Ask) {
        self.started += 1;
        let ask = Ask {
            by: "test".into(),
            holder: format!("start {}", self.started),
            lease: LEASE,
            on_unknown: self.on_unknown,
            why: "due".into(),
            again,
        };
        (At::Asking, ask)
    }

    /// The conditional write.
    fn put(&mut self, seen: Option<&Record>, next: &Record) -> bool {
        let is_unmoved = self.record.as_ref().map(|r| r.version) == seen.map(|r| r.version);
        if is_unmoved {
            self.record = Some(next.clone());
        }
        is_unmoved
    }

    fn call(&mut self, ask: &Ask, answer: Answer) -> End {
        if matches!(answer, Answer::Taken | Answer::TakenInSilence) {
            self.left += 1;
        }
        match answer {
            Answer::Taken => End::Sent(SentMail {
                message_id: ask.holder.clone(),
                bytes: 1,
                sha256: String::new(),
                at: self.now,
                by: ask.by.clone(),
                total_usd: Usd::ZERO,
                via: self.via,
                files: Vec::new(),
            }),
            Answer::Refused => End::Failed { reason: "no".into(), retryable: false },
            _ => End::Unknown { reason: "silence".into() },
        }
    }

    fn go(&mut self, start: usize, answer: Answer) {
        let (at, ask) = self.starts[start].clone();
        let now = self.now;
        let next = match at {
            At::Done => At::Done,
            At::Asking => {
                let found = self.record.clone();
                match decide(&occurrence(), found.as_ref(), &ask, now) {
                    Decision::Take(next) if self.put(found.as_ref(), &next) => At::Claimed(next),
                    Decision::Hold { write: Some(next), .. } if self.put(found.as_ref(), &next) => {
                        At::Done
                    }
                    Decision::Sent(_)
                    | Decision::Withdrawn { .. }
                    | Decision::Hold { write: None, .. } => At::Done,
                    _ => At::Asking,
                }
            }
            At::Claimed(seen) => {
                let next = seen.sending(&ask, self.via, now);
                if self.put(Some(&seen), &next) { At::Calling(next) } else { At::Asking }
            }
            At::Calling(seen) => {
                if seen.lease_until().is_some_and(|until| self.now < until) {
                    self.assert_alone(start);
                }
                At::Ending(seen, self.call(&ask, answer))
            }
            At::Ending(seen, end) => {
                // As the ledger does: on what is there now, until it is written.
                let current = self.record.clone().unwrap_or_else(|| seen.clone());
                let next = current.ended(seen.claim, &end, &ask.by, now);
                assert!(self.put(Some(&current), &next));
                At::Done
            }
        };
        self.starts[start].0 = next;
    }

    /// Nobody calls within a lease while another's call is under way within one. (Who stands still
    /// for a whole lease between the ledger's word and the call cannot be stopped; that is why such
    /// a call's end counts as unknown.)
    fn assert_alone(&self, start: usize) {
        for (other, (at, ask)) in self.starts.iter().enumerate() {
            let (At::Calling(seen) | At::Ending(seen, _)) = at else { continue };
            let holds = seen.lease_until().is_some_and(|until| self.now < until);
            assert!(other == start || !holds, "{} is still at it", ask.holder);
        }
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Go(start, answer) => self.go(start % self.starts.len(), *answer),
                Step::Kill(start) => {
                    let start = start % self.starts.len();
                    self.starts[start] = self.fresh(None);
                }
                Step::Wait(seconds) => {
                    self.now = self.now.checked_add(SignedDuration::from_secs(*seconds)).unwrap();
                }
            }
        }
    }

    /// Everybody comes to an end, and one more start finds a service that works.
    fn settle(&mut self) -> Record {
        for start in 0..self.starts.len() {
            while matches!(self.starts[start].0, At::Ending(..)) {
                self.go(start, Answer::Taken);
            }
        }
        self.now = self.now.checked_add(SignedDuration::from_secs(3600)).unwrap();
        let last = self.fresh(None);
        self.starts = vec![last];
        for _ in 0..10 {
            self.go(0, Answer::Taken);
        }
        assert!(matches!(self.starts[0].0, At::Done));
        self.record.clone().unwrap()
    }
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Taken),
        2 => Just(Answer::Refused),
        1 => Just(Answer::TakenInSilence),
        1 => Just(Answer::LostOnTheWay),
    ]
}

fn schedules() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3_usize, answers()).prop_map(|(start, answer)| Step::Go(start, answer)),
        1 => (0..3_usize).prop_map(Step::Kill),
        2 => (1..80_i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// With `hold`: at most one mail, and one mail or UNKNOWN on record.
    #[test]
    fn held_mails_leave_once_at_most(steps in schedules(), starts in 1..4_usize) {
        let mut world = World::new(starts, Via::Ses, OnUnknown::Hold);
        world.run(&steps);
        let last = world.settle();
        prop_assert!(world.left <= 1, "{} mails: {:#?}", world.left, last.history);
        match last.state() {
            DeliveryState::Sent => prop_assert_eq!(world.left, 1),
            state => prop_assert_eq!(state, DeliveryState::Unknown),
        }
    }

    /// With `resend`: at least one mail, or three calls without an answer; and whoever may get a
    /// second one is told, because the record says that a call's end is unknown.
    #[test]
    fn resent_mails_are_known_to_be(steps in schedules(), starts in 1..4_usize) {
        let mut world = World::new(starts, Via::Ses, OnUnknown::Resend);
        world.run(&steps);
        let last = world.settle();
        if last.state() == DeliveryState::Sent {
            prop_assert!(world.left >= 1);
        } else {
            prop_assert_eq!(last.state(), DeliveryState::Unknown);
            prop_assert!(last.unknown_ends >= 3);
        }
        let unknown = last.history.iter().filter(|e| e.to == DeliveryState::Unknown).count();
        prop_assert!(world.left as usize <= 1 + unknown, "{:#?}", last.history);
    }

    /// Into the outbox, where a repeat is the same file: whatever happened before, a last start
    /// ends with a mail on record, unless a call said itself that it does not know.
    #[test]
    fn the_outbox_forgets_nobody(steps in schedules(), starts in 1..4_usize) {
        let certain = |step: &Step| match step {
            Step::Go(start, Answer::TakenInSilence | Answer::LostOnTheWay) => {
                Step::Go(*start, Answer::Refused)
            }
            other => other.clone(),
        };
        let steps: Vec<Step> = steps.iter().map(certain).collect();
        let mut world = World::new(starts, Via::Outbox, OnUnknown::Hold);
        world.run(&steps);
        let last = world.settle();
        prop_assert!(matches!(last.stage, Stage::Sent(_)), "{:#?}", last.history);
        prop_assert!(world.left >= 1);
    }

    /// What is withdrawn before it left never leaves, whoever is at it or comes later.
    #[test]
    fn what_is_withdrawn_never_leaves(
        before in schedules(), after in schedules(), starts in 1..4_usize
    ) {
        let mut world = World::new(starts, Via::Ses, OnUnknown::Hold);
        world.run(&before);
        let (found, (_, ask)) = (world.record.clone(), world.fresh(None));
        match decide_withdrawal(&occurrence(), found.as_ref(), &ask, world.now) {
            Decision::Take(next) => {
                prop_assert!(world.put(found.as_ref(), &next));
                prop_assert_eq!(world.left, 0);
                world.run(&after);
                prop_assert_eq!(world.settle().state(), DeliveryState::Withdrawn);
                prop_assert_eq!(world.left, 0);
            }
            Decision::Withdrawn { .. } => prop_assert!(false, "nobody has withdrawn it yet"),
            Decision::Wait(_) | Decision::Sent(_) | Decision::Hold { .. } => {}
        }
    }

    /// Of those who ask for a resend of the same sending, one serves all.
    #[test]
    fn resends_at_once_are_one(steps in schedules(), starts in 2..4_usize) {
        let mut world = World::new(1, Via::Ses, OnUnknown::Hold);
        for _ in 0..4 {
            world.go(0, Answer::Taken);
        }
        prop_assert_eq!(world.left, 1);
        let seen = world.record.as_ref().map(|record| record.version);
        world.starts = (0..starts).map(|_| world.fresh(seen)).collect();
        world.run(&steps);
        let last = world.settle();
        prop_assert!(world.left <= 2, "{} mails: {:#?}", world.left, last.history);
        prop_assert!(last.first_sent.is_some());
    }
}

#[test]
fn a_late_answer_spares_the_second_mail() {
    let mut world = World::new(2, Via::Ses, OnUnknown::Resend);
    world.go(0, Answer::Taken); // claimed
    world.go(0, Answer::Taken); // sending
    world.go(0, Answer::Taken); // taken, but not yet on record
    world.now = world.now.checked_add(SignedDuration::from_secs(61)).unwrap();
    world.go(1, Answer::Taken); // gives it up for unknown and claims it
    assert_eq!(world.record.as_ref().unwrap().unknown_ends, 1);
    world.go(0, Answer::Taken); // the first one's answer is put on record after all
    world.go(1, Answer::Taken); // so the second one's claim is void
    world.go(1, Answer::Taken);
    assert_eq!(world.left, 1);
    let record = world.record.unwrap();
    assert_eq!((record.state(), record.unknown_ends), (DeliveryState::Sent, 0));
}

#[test]
fn the_history_stays_short() {
    let mut world = World::new(1, Via::Ses, OnUnknown::Hold);
    for _ in 0..50 {
        world.starts[0].0 = At::Asking;
        for _ in 0..4 {
            world.go(0, Answer::Refused);
        }
    }
    let record = world.record.unwrap();
    assert_eq!(record.history.len(), 40);
    assert_eq!(record.history_dropped, 110); // of 150 events: claimed, sending, failed
    assert_eq!(record.attempts, 50);
}
