//! `kill -9` during `collect`, and then during `report --send`: with runs in a file and in a table,
//! mail by SES and into the outbox. Each is started again until it ends by itself, and the world
//! must be as if nothing had happened.
//!
//! How far a start has come is seen from outside: by the calls it made and the mails it wrote. It
//! is killed at a random one of these steps, or at any time at all.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use runledger::model::DeliveryState;

use super::company::{READERS, SEND, files_in};
use super::kills::{Tally, let_work};
use super::world::{COLLECT, Kept, Leaves, Outcome, Readers, World};
use super::{Chance, kills, seed, trials};
use crate::harness::{Sandbox, dynamodb_url, told};

const COMBINATIONS: [(Kept, Leaves); 4] = [
    (Kept::InFile, Leaves::BySes),
    (Kept::InTable, Leaves::IntoOutbox),
    (Kept::InFile, Leaves::IntoOutbox),
    (Kept::InTable, Leaves::BySes),
];

/// A folder with its services, and how far a command has come there.
struct Place {
    world: World,
    sandbox: Sandbox,
}

/// What a command takes where nothing goes wrong.
#[derive(Clone, Copy, Debug)]
struct Pace {
    steps: usize,
    time: Duration,
}

/// The paces of collecting and of mailing.
type Paces = [Pace; 2];

/// What one trial came to: what was killed while collecting and while mailing, and the readers.
struct Trial {
    collecting: Tally,
    mailing: Tally,
    readers: Readers,
}

impl Place {
    fn new((kept, leaves): (Kept, Leaves)) -> Self {
        let (world, sandbox) = World::with_sandbox(kept, leaves);
        Self { world, sandbox }
    }

    /// The calls so far, and the files in the outbox.
    fn steps(&self) -> usize {
        let calls: u64 = self.world.proxies().flat_map(|proxy| proxy.done().into_values()).sum();
        usize::try_from(calls).unwrap() + files_in(&self.sandbox.path("outbox")).len()
    }

    /// Runs a command to its end, and says what it took.
    fn pace(&self, command: &[&str]) -> Pace {
        let (begin, before) = (Instant::now(), self.steps());
        self.sandbox.run(command).exits(0);
        Pace { steps: self.steps() - before, time: begin.elapsed() }
    }

    /// Kills a command once or twice.
    fn kill(&self, command: &[&str], pace: Pace, chance: &mut Chance) -> Tally {
        let mut tally = Tally::default();
        for _ in 0..=chance.below(2) {
            let before = self.steps();
            let mut running = self.sandbox.start(command);
            let (steps, step) = (pace.steps as u64, pace.time / u32::try_from(pace.steps).unwrap());
            let_work(&mut running, chance, steps, step, || self.steps() - before);
            tally.kill(running);
        }
        tally
    }

    /// What became of the readers of mail in the outbox: each has the one mail that it would have
    /// had by SES, and its page.
    fn readers_of_outbox(&self, expected: &Outcome, what: &str) -> Readers {
        let files = files_in(&self.sandbox.path("outbox"));
        assert_eq!(files.len(), 2 * READERS.len(), "{what}: {:?}", files.keys());
        let mails = files.iter().filter(|(name, _)| name.ends_with(".eml"));
        let found: BTreeSet<String> =
            mails.map(|(_, bytes)| aws_smithy_types::base64::encode(bytes)).collect();
        let letters = expected.letters.values().cloned().collect();
        assert!(found == letters, "{what}: other mails");
        let records = self.world.records(&self.sandbox);
        assert_eq!(records.len(), READERS.len(), "{what}");
        assert!(records.values().all(|record| record.state() == DeliveryState::Sent), "{what}");
        Readers { sent: READERS.len(), ..Readers::default() }
    }
}

fn killed(
    combination: (Kept, Leaves),
    paces: &[(Kept, Paces)],
    expected: &Outcome,
    what: &str,
    mut chance: Chance,
) -> Trial {
    let place = Place::new(combination);
    let &(_, mut paces) = paces.iter().find(|(kept, _)| *kept == combination.0).unwrap();
    if combination.1 == Leaves::IntoOutbox {
        // Two files instead of a call.
        paces[1].steps += READERS.len();
    }
    let collecting = place.kill(&COLLECT, paces[0], &mut chance);
    place.sandbox.run(&COLLECT).exits(0);
    World::has_stored(&place.sandbox, expected, what);

    let mailing = place.kill(&SEND, paces[1], &mut chance);
    let last = place.sandbox.run(&SEND);
    let readers = match combination.1 {
        Leaves::BySes => place.world.readers(&place.sandbox, expected, what),
        Leaves::IntoOutbox => place.readers_of_outbox(expected, what),
    };
    let code = if readers.unknown() == 0 { 0 } else { 4 };
    let last = last.exits(code);
    assert_eq!(last.stderr.matches("may have been sent to ").count(), readers.unknown(), "{what}");
    let mails = place.world.mail.mails();
    let again = place.sandbox.run(&SEND).exits(code);
    assert_eq!(again.stderr.matches("already sent to ").count(), readers.sent, "{what}");
    assert_eq!(place.world.mail.mails(), mails, "{what}: a further start sends nothing");
    Trial { collecting, mailing, readers }
}

/// What both commands take by SES.
fn paces() -> Vec<(Kept, Paces)> {
    let kept = [Kept::InFile, Kept::InTable];
    let paces = |kept: Kept| {
        let place = Place::new((kept, Leaves::BySes));
        (kept, [place.pace(&COLLECT), place.pace(&SEND)])
    };
    kept.into_iter().map(paces).collect()
}

/// Without a DynamoDB server, which is said aloud, what needs it is left out.
fn combinations() -> Range<usize> {
    if dynamodb_url().is_some() { 0..4 } else { 0..1 }
}

/// A trial is killed close to three times, so these are more than two hundred kills.
const TRIALS: u64 = 80;

#[test]
fn a_monday_that_is_killed_again_and_again_ends_like_any_other() {
    let (seed, expected) = (seed(), World::expected());
    let combinations = &COMBINATIONS[combinations()];
    let paces = paces();
    let outcomes = trials(kills().max(TRIALS), seed, |trial, chance| {
        let index = usize::try_from(trial).unwrap() % combinations.len();
        let what = format!("trial {trial} of seed {seed}, {:?}", combinations[index]);
        (index, killed(combinations[index], &paces, expected, &what, chance))
    });
    let mut hits = 0;
    for (index, combination) in combinations.iter().enumerate() {
        let (mut collecting, mut mailing) = (Tally::default(), Tally::default());
        let (mut readers, mut count) = (Readers::default(), 0);
        for (_, trial) in outcomes.iter().filter(|(of, _)| *of == index) {
            collecting.add(trial.collecting);
            mailing.add(trial.mailing);
            readers.add(trial.readers);
            count += 1;
        }
        hits += collecting.killed + mailing.killed;
        told(&format!(
            "{count} trials of seed {seed}, {combination:?}: collecting {collecting:?}, \
             mailing {mailing:?}, {readers:?}"
        ));
    }
    assert!(hits >= kills(), "{hits} starts were hit");
}
