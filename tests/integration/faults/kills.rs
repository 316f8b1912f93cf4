//! `kill -9` at random moments, and what the next starts make of it.
//!
//! A trial starts the binary, lets it work for a random while, and kills it: once, or several times
//! in a row. Then it is started until it ends by itself, and the world must be as if nothing had
//! happened. The seed and what was hit are printed. Trials of mail run side by side, because each
//! ends by waiting for the lease of the one that was killed.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use runledger::model::DeliveryState;

use super::company::{self, NOW, READERS, SEND, copy_of, files_in, records, report};
use super::mail_services::MailService;
use super::{Chance, kills, seed, trials};
use crate::harness::{Running, Sandbox, told};

const IMPORT: [&str; 5] = ["--now", NOW, "import", "first.jsonl", "second.jsonl"];
const OUTBOX: &str = "via = \"outbox\"";
const SES: &str = "via = \"ses\"";

/// What became of the processes that were to be killed.
#[derive(Default, Debug, Clone, Copy)]
pub(super) struct Tally {
    pub(super) killed: u64,
    pub(super) ended_before: u64,
}

impl Tally {
    /// Kills it; or not, where it was quicker.
    pub(super) fn kill(&mut self, running: Running) {
        match running.kill().code {
            None => self.killed += 1,
            Some(_) => self.ended_before += 1,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.killed += other.killed;
        self.ended_before += other.ended_before;
    }
}

#[test]
fn an_import_that_is_killed_and_repeated_stores_the_same() {
    let seed = seed();
    let mut chance = Chance(seed);
    let [first, second] = company::runs(0..2_000);
    let fresh = || {
        let sandbox = Sandbox::new();
        sandbox.write("runledger.toml", company::configuration(OUTBOX));
        sandbox.write("first.jsonl", &first);
        sandbox.write("second.jsonl", &second);
        sandbox
    };
    let undisturbed = fresh();
    let begin = Instant::now();
    undisturbed.run(&IMPORT).exits(0);
    let span = begin.elapsed();
    let expected = report(&undisturbed);
    assert!(expected.contains("\"runs\": 2000"), "{expected}");

    let mut tally = Tally::default();
    for trial in 0..kills() {
        let sandbox = fresh();
        for _ in 0..=chance.below(2) {
            let running = sandbox.start(&IMPORT);
            thread::sleep(chance.within(span));
            tally.kill(running);
        }
        sandbox.run(&IMPORT).exits(0);
        // Two whole reports in a message would hide which trial it was.
        assert!(report(&sandbox) == expected, "trial {trial} of seed {seed}: another report");
    }
    told(&format!("{} trials, seed {seed}, {span:?} undisturbed: {tally:?}", kills()));
    assert!(kills() < 10 || tally.killed > 0, "no import was hit");
}

/// Making a store is quick, and several steps: it is killed more often than the rest.
#[test]
fn a_store_whose_making_is_killed_is_made_by_the_next_start() {
    let seed = seed();
    let mut chance = Chance(seed);
    let import = ["-q", "--now", NOW, "import", "first.jsonl"];
    let [one_run, _] = company::runs(0..1);
    let fresh = || {
        let sandbox = Sandbox::new();
        sandbox.write("first.jsonl", &one_run);
        sandbox.write("runledger.toml", company::configuration(OUTBOX));
        sandbox
    };
    let undisturbed = fresh();
    let begin = Instant::now();
    undisturbed.run(&import).exits(0);
    let span = begin.elapsed();
    let mut tally = Tally::default();
    for trial in 0..kills() * 3 {
        let sandbox = fresh();
        let running = sandbox.start(&import);
        // The file is seen before anything is in it, and making it takes some ten milliseconds.
        let blind = chance.below(3) == 0;
        while !blind && !sandbox.path("runledger.db.lock").exists() && begin.elapsed() < span * 500
        {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(chance.within(if blind { span } else { Duration::from_millis(40) }));
        tally.kill(running);
        let next = sandbox.run(&import);
        assert_eq!(next.code, Some(0), "trial {trial} of seed {seed}: {}", next.stderr);
        assert_eq!(next.stderr, "", "trial {trial} of seed {seed}");
        let files = files_in(&sandbox.path(""));
        let left: Vec<&String> = files.keys().filter(|name| name.contains(".new")).collect();
        assert!(left.is_empty(), "trial {trial} of seed {seed}: {left:?}");
    }
    told(&format!("{} trials, seed {seed}, {span:?} undisturbed: {tally:?}", kills() * 3));
    assert!(tally.killed > 0 || kills() < 10, "no start was hit");
}

/// Lets a start get so far, by what can be seen of it from outside, and then some random time more.
pub(super) fn let_work(
    running: &mut Running,
    chance: &mut Chance,
    steps: u64,
    step: Duration,
    done: impl Fn() -> usize,
) {
    let target = usize::try_from(chance.below(steps)).unwrap();
    // A third of them dies at any time after the start, most before anything is to be seen.
    let blind = chance.below(3) == 0;
    let extra = chance.within(if blind { step * u32::try_from(steps).unwrap() } else { step });
    while !blind && done() < target && !running.has_ended() {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(extra);
}

#[test]
fn mails_into_the_outbox_are_all_there_whenever_it_is_killed() {
    let seed = seed();
    let stored = company::with_runs(300, OUTBOX);
    let undisturbed = copy_of(&stored);
    undisturbed.run(&SEND).exits(0);
    let expected = files_in(&undisturbed.path("outbox"));
    assert_eq!(expected.len(), 2 * READERS.len(), "a mail and its page each");

    let outcomes = trials(kills(), seed, |trial, mut chance| {
        let sandbox = copy_of(&stored);
        let outbox = sandbox.path("outbox");
        let (mut tally, mut half_written) = (Tally::default(), 0);
        for _ in 0..=chance.below(2) {
            let mut running = sandbox.start(&SEND);
            let done = || files_in(&outbox).len();
            let_work(&mut running, &mut chance, 14, Duration::from_millis(40), done);
            tally.kill(running);
            let files = files_in(&outbox);
            half_written += files.keys().filter(|name| name.ends_with(".tmp")).count();
            for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with(".tmp")) {
                assert!(expected.get(name) == Some(bytes), "{name} is not whole");
            }
        }
        sandbox.run(&SEND).exits(0);
        let found = files_in(&outbox);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected), "trial {trial} of seed {seed}");
        assert!(found == expected, "trial {trial} of seed {seed}: other bytes");
        let again = sandbox.run(&SEND).exits(0);
        assert_eq!(again.stderr.matches("already sent to ").count(), READERS.len());
        assert!(files_in(&outbox) == expected);
        let records = records(&sandbox);
        assert_eq!(records.len(), READERS.len());
        assert!(records.values().all(|record| record.state() == DeliveryState::Sent));
        (tally, half_written)
    });
    let mut tally = Tally::default();
    outcomes.iter().for_each(|(one, _)| tally.add(*one));
    let half_written: usize = outcomes.iter().map(|(_, half)| half).sum();
    let (trials, seen) = (outcomes.len(), "half written files seen");
    told(&format!("{trials} trials, seed {seed}: {tally:?}, {half_written} {seen}"));
    assert!(kills() < 10 || tally.killed > 0, "no start was hit");
}

/// What became of the readers of one trial.
#[derive(Default, Debug)]
struct Readers {
    sent: usize,
    unknown_and_mailed: usize,
    unknown_and_not: usize,
}

#[test]
fn by_ses_each_has_one_mail_or_an_unknown_on_record_whenever_it_is_killed() {
    let seed = seed();
    let stored = company::with_runs(300, SES);
    let delay = Duration::from_millis(250);
    let outcomes = trials(kills(), seed, |trial, mut chance| {
        let service = MailService::slow(chance.next(), delay);
        let sandbox = service.serving(copy_of(&stored));
        let mut tally = Tally::default();
        for _ in 0..=chance.below(2) {
            let mut running = sandbox.start(&SEND);
            let done = || service.mails().values().sum();
            let_work(&mut running, &mut chance, 8, delay, done);
            tally.kill(running);
        }
        let last = sandbox.start(&SEND).wait();
        let (records, mails) = (records(&sandbox), service.mails());
        let mut readers = Readers::default();
        for reader in READERS {
            let what = format!("{reader} of trial {trial} of seed {seed}");
            let count = mails.get(reader).copied().unwrap_or(0);
            let record = records.get(reader).unwrap_or_else(|| panic!("{what} is not on record"));
            match (record.state(), count) {
                (DeliveryState::Sent, 1) => readers.sent += 1,
                (DeliveryState::Unknown, 1) => readers.unknown_and_mailed += 1,
                (DeliveryState::Unknown, 0) => readers.unknown_and_not += 1,
                (state, count) => panic!("{what}: {state:?} and {count} mails"),
            }
        }
        let unknown = READERS.len() - readers.sent;
        let code = if unknown == 0 { 0 } else { 4 };
        let last = last.exits(code);
        assert_eq!(last.stderr.matches("may have been sent to ").count(), unknown);
        let again = sandbox.run(&SEND).exits(code);
        assert_eq!(again.stderr.matches("already sent to ").count(), readers.sent);
        assert_eq!(service.mails(), mails, "a further start sends nothing");
        (tally, readers)
    });
    let (mut tally, mut all) = (Tally::default(), Readers::default());
    for (one, readers) in &outcomes {
        tally.add(*one);
        all.sent += readers.sent;
        all.unknown_and_mailed += readers.unknown_and_mailed;
        all.unknown_and_not += readers.unknown_and_not;
    }
    told(&format!("{} trials, seed {seed}: {tally:?}, {all:?}", outcomes.len()));
    let unknown = all.unknown_and_mailed + all.unknown_and_not;
    assert!(kills() < 10 || unknown > 0, "no start was hit between SENDING and its answer");
}
