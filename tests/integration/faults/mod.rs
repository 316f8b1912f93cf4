//! Bad days from outside: the real binary killed at random moments, started twice at once, and in
//! places where nothing is as it should be.

mod bad_days;
mod company;
mod cut_short;
mod full_disk;
mod hostile;
mod input;
mod kills;
mod kills_of_monday;
mod mail_services;
mod outages;
mod stops;
mod storms;
mod two_at_once;
mod world;

use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::Duration;

/// Trials that run side by side, because most of their time is waiting: for leases, and between
/// attempts.
const SIDE_BY_SIDE: usize = 12;

/// How often each kind of work is killed, unless `RUNLEDGER_TEST_KILLS` says otherwise.
const KILLS: u64 = 12;

fn kills() -> u64 {
    number("RUNLEDGER_TEST_KILLS").unwrap_or(KILLS)
}

/// What the random moments begin from: another one each time, and said, so that a trial can be
/// repeated as far as a machine's moods allow.
fn seed() -> u64 {
    number("RUNLEDGER_TEST_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) >> 32)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} should be a number, not `{text}`")))
}

/// Runs all trials, some side by side, and sums up what each returns.
fn trials<T: Send>(count: u64, seed: u64, trial: impl Fn(u64, Chance) -> T + Sync) -> Vec<T> {
    let mut outcomes = Vec::new();
    for wave in (0..count).collect::<Vec<_>>().chunks(SIDE_BY_SIDE) {
        thread::scope(|scope| {
            let trial = &trial;
            let start = |number: &u64| {
                let number = *number;
                scope.spawn(move || trial(number, Chance(seed.wrapping_add(number))))
            };
            let started: Vec<_> = wave.iter().map(start).collect();
            outcomes.extend(started.into_iter().map(|trial| trial.join().unwrap()));
        });
    }
    outcomes
}

/// Random numbers that a seed repeats (SplitMix64: Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn within(&mut self, span: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(span.as_micros()).unwrap()))
    }
}
