//! Connections that drop, delay, cut and answer nonsense, between the real binary and everything
//! that it speaks to. It is started until it is done; then the weather clears, and the world must
//! be as if it had always been fine. The seed and what was done to calls are printed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::company::SEND;
use super::world::{Kept, Leaves, Outcome, READING, REPORT, Readers, World, ended_properly, same};
use super::{Chance, kills, seed, trials};
use crate::harness::{Deed, Proxy, Reply, dynamodb_url, told};

/// Starts in bad weather before it clears.
const STARTS: usize = 2;

/// A fault in so many of a thousand calls; the services' own words for being asked too much.
#[derive(Clone, Copy)]
struct Weather {
    permille: u64,
    throttled: (u16, &'static str),
}

const AWS: Weather = Weather { permille: 80, throttled: (400, "ThrottlingException") };
/// A report asks its table some hundred times.
const TABLE: Weather = Weather { permille: 25, ..AWS };
const MAIL: Weather = Weather { permille: 350, throttled: (429, "TooManyRequestsException") };

impl Weather {
    /// Comes over a connection.
    fn comes_over(self, proxy: &Proxy, chance: &Arc<Mutex<Chance>>) {
        let chance = Arc::clone(chance);
        proxy.does(move |_| self.deed(&mut chance.lock().unwrap()));
    }

    fn deed(self, chance: &mut Chance) -> Deed {
        if chance.below(1000) >= self.permille {
            return Deed::PASS;
        }
        let heard = chance.below(2) == 0;
        // An empty body is what is left of some of them.
        let part = chance.below(1500).saturating_sub(500);
        match chance.below(9) {
            0 | 1 => Deed { heard, reply: Reply::HangUp },
            2 => Deed { heard: true, reply: Reply::Late(Duration::from_millis(part)) },
            3 => Deed { heard: true, reply: Reply::Cut(part) },
            4 => Deed { heard: true, reply: Reply::Shortened(part.min(999)) },
            5 => Deed { heard, reply: Reply::Bare(500) },
            6 => Deed::unheard(Reply::Error(self.throttled.0, self.throttled.1)),
            7 => Deed::unheard(Reply::Bare(429)),
            _ => Deed { heard, reply: Reply::Garbage },
        }
    }
}

/// What one trial came to.
struct Trial {
    deeds: BTreeMap<String, u64>,
    codes: BTreeMap<i32, u64>,
    readers: Readers,
}

fn storm_comes(world: &World, chance: &Arc<Mutex<Chance>>) {
    AWS.comes_over(&world.to_aws, chance);
    MAIL.comes_over(&world.to_mail, chance);
    if let Some(table) = &world.to_table {
        TABLE.comes_over(table, chance);
    }
}

fn weathered(kept: Kept, expected: &Outcome, what: &str, chance: Chance) -> Trial {
    let (world, sandbox) = World::with_sandbox(kept, Leaves::BySes);
    let chance = Arc::new(Mutex::new(chance));
    let mut codes: BTreeMap<i32, u64> = BTreeMap::new();
    let mut start = |command: &[&str]| {
        let finished = sandbox.run(command);
        let code = ended_properly(&finished, what);
        *codes.entry(code).or_default() += 1;
        (code == 0).then_some(finished)
    };
    for command in READING {
        storm_comes(&world, &chance);
        (0..STARTS).any(|_| start(command).is_some());
        world.calms_down();
        // What passes for done where the rest was read, such as quotas that were not.
        sandbox.run(command).exits(0);
    }
    World::has_stored(&sandbox, expected, what);

    storm_comes(&world, &chance);
    // What is shown in bad weather is right, or nothing is.
    if let Some(shown) = start(&REPORT) {
        same(&shown.stdout, &expected.report, &format!("a report shown in {what}"));
    }
    (0..STARTS).any(|_| start(&SEND).is_some());
    world.calms_down();
    let last = sandbox.run(&SEND);
    let readers = world.readers(&sandbox, expected, what);
    let last = last.exits(if readers.unknown() == 0 { 0 } else { 4 });
    assert_eq!(last.stderr.matches("may have been sent to ").count(), readers.unknown());
    let mails = world.mail.mails();
    sandbox.run(&SEND);
    assert_eq!(world.mail.mails(), mails, "{what}: a further start sends nothing");
    let mut deeds: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in world.proxies().flat_map(Proxy::done) {
        *deeds.entry(name).or_default() += count;
    }
    Trial { deeds, codes, readers }
}

#[test]
fn whatever_connections_do_runs_are_whole_and_mails_single() {
    let (seed, expected) = (seed(), World::undisturbed(&READING));
    // Without a DynamoDB server, which is said aloud, all runs are kept in files.
    let has_table = dynamodb_url().is_some();
    // A third of the kills, because each is as long as several of those.
    let outcomes = trials(kills().div_ceil(3), seed, |trial, chance| {
        let kept = if has_table && trial % 2 == 0 { Kept::InTable } else { Kept::InFile };
        weathered(kept, &expected, &format!("trial {trial} of seed {seed}, {kept:?}"), chance)
    });
    let (mut deeds, mut codes) = (BTreeMap::new(), BTreeMap::new());
    let mut readers = Readers::default();
    for trial in &outcomes {
        trial.deeds.iter().for_each(|(name, n)| *deeds.entry(name).or_insert(0) += n);
        trial.codes.iter().for_each(|(code, n)| *codes.entry(code).or_insert(0) += n);
        readers.add(trial.readers);
    }
    let trials = outcomes.len();
    told(&format!("{trials} trials, seed {seed}: {deeds:?}, exit codes {codes:?}, {readers:?}"));
    assert!(kills() < 10 || deeds.len() > 10, "the weather was too good: {deeds:?}");
}
