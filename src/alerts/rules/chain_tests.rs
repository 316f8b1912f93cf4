//! Chains of retries, met run by run or by what was rolled up of their days: an evaluation says the
//! same of them at every instant.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::bad_end::unrepaired;
use super::testing::{at, found, job, key};
use crate::alerts::facts::{Facts, JobDay, JobFacts, RunFacts, WINDOW};
use crate::analysis::{Books, DayRollUps, RollUpPart};
use crate::model::{JobNames, JobRun, RunIdentity, RunState, utc_day};
use crate::ownership::{Ownership, OwnershipSettings};
use crate::pricing::{PricingSettings, RateCard};
use crate::store::StoredRun;

/// One attempt: which chain and place in it, when, how.
#[derive(Clone, Debug)]
struct Link {
    chain: usize,
    place: u32,
    start: Timestamp,
    end: Timestamp,
    state: &'static str,
}

impl Link {
    /// Every other chain is of attempts that share an id, as on EMR Serverless.
    fn identity(&self) -> (String, u32) {
        match self.chain % 2 {
            0 => (format!("run-{}-{}", self.chain, self.place), 1),
            _ => (format!("run-{}", self.chain), self.place + 1),
        }
    }

    fn run(&self, now: Timestamp) -> JobRun {
        let (run_id, attempt) = self.identity();
        let application_id = (self.chain % 2 == 1).then(|| "00f1".to_owned());
        let key = key("load");
        let identity = RunIdentity {
            engine: key.engine,
            account: key.account,
            region: key.region,
            application_id,
            run_id,
            attempt,
        };
        let open = self.end > now;
        let mut run =
            JobRun::new(identity, RunState::from(if open { "RUNNING" } else { self.state }));
        run.job_name = Some("load".into());
        run.started_at = Some(self.start);
        run.ended_at = (!open).then_some(self.end);
        run.error = (self.state != "SUCCEEDED").then(|| format!("error of {self:?}\nat line 1"));
        let before = Self { place: self.place.wrapping_sub(1), ..self.clone() };
        run.previous_run_id =
            (self.chain.is_multiple_of(2) && self.place > 0).then(|| before.identity().0);
        run
    }
}

fn books() -> Books {
    Books {
        card: RateCard::shipped().unwrap(),
        pricing: PricingSettings::default(),
        ownership: Ownership::new(&OwnershipSettings::default()).unwrap(),
        names: JobNames::new(&[]).unwrap(),
    }
}

/// What is gathered at an instant of what has begun by then.
fn facts(links: &[Link], now: Timestamp, books: &Books) -> Facts {
    let mut days: BTreeMap<Date, DayRollUps> = BTreeMap::new();
    let mut load = JobFacts::default();
    for link in links.iter().filter(|link| link.start <= now) {
        let run = link.run(now);
        let facts = RunFacts::of(&run, &books.price(&run));
        let Some(end) = run.end() else {
            load.open.push(facts);
            continue;
        };
        if end > now - WINDOW {
            load.ended.push(facts);
        }
        let stored = StoredRun { run, first_stored: end };
        let part = RollUpPart::of(&stored, books).unwrap();
        days.entry(utc_day(end)).or_default().add(part);
    }
    let days = days.into_iter().flat_map(|(day, roll_ups)| roll_ups.finish(day));
    load.days = days.map(|roll_up| JobDay::of(roll_up).1).collect();
    Facts { now, jobs: [(key("load"), load)].into(), ..Facts::default() }.tidied()
}

/// The bad ends that stand, by the links alone: the last of their chain so far, and nothing that
/// began since has ended well.
fn standing(links: &[Link], now: Timestamp) -> BTreeSet<(String, u32)> {
    let ended = || links.iter().filter(|link| link.end <= now);
    let stands = |link: &&Link| {
        let is_next = |l: &Link| l.chain == link.chain && l.place > link.place && l.start <= now;
        let is_good = |l: &Link| l.state == "SUCCEEDED" && l.start >= link.end;
        link.state != "SUCCEEDED" && !links.iter().any(is_next) && !ended().any(is_good)
    };
    ended().filter(stands).map(Link::identity).collect()
}

/// Chains that begin within ten days: of each attempt the minutes until it starts, how long it
/// takes, and how it ends.
fn chains() -> impl Strategy<Value = Vec<Link>> {
    let attempt = (1..900_i64, 1..900_i64, 0..10_usize);
    let chain = (0..14_400_i64, prop::collection::vec(attempt, 1..6));
    prop::collection::vec(chain, 1..7).prop_map(|chains| {
        let mut links = Vec::new();
        for (chain, (first, attempts)) in chains.into_iter().enumerate() {
            let mut free = at("11-01 00:00") + first.minutes();
            for (place, (wait, takes, how)) in attempts.into_iter().enumerate() {
                let start = free + wait.minutes();
                free = start + takes.minutes();
                let state = ["FAILED", "FAILED", "TIMEOUT", "STOPPED"].get(how);
                let state = *state.unwrap_or(if how > 8 { &"SUCCEEDED" } else { &"FAILED" });
                let place = u32::try_from(place).unwrap();
                links.push(Link { chain, place, start, end: free, state });
            }
        }
        links
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_chain_is_the_same_by_its_runs_and_by_its_days(
        links in chains(), minutes in prop::collection::vec(0..30_000_i64, 8)
    ) {
        let books = books();
        for minute in minutes {
            let now = at("11-01 00:00") + minute.minutes() + 30.seconds();
            let facts = facts(&links, now, &books);
            let told: Vec<_> = unrepaired(job(&facts, "load"))
                .iter()
                .map(|end| (end.run.unwrap().to_owned(), end.attempt))
                .collect();
            let all: BTreeSet<_> = told.iter().cloned().collect();
            prop_assert_eq!(all.len(), told.len(), "each once");
            prop_assert_eq!(all, standing(&links, now), "at {}", now);
        }
    }
}

fn link(chain: usize, place: u32, from: &str, to: &str, state: &'static str) -> Link {
    Link { chain, place, start: at(from), end: at(to), state }
}

/// A week later the reminder still says why, and leads to the run.
#[test]
fn an_old_failure_keeps_its_error_and_its_run() {
    let books = books();
    for (chain, run, application) in [(0, "run-0-1", ""), (1, "run-1", "00f1")] {
        let links = [
            link(chain, 0, "11-10 23:00", "11-10 23:50", "FAILED"),
            link(chain, 1, "11-10 23:55", "11-11 00:20", "FAILED"),
        ];
        let on = |now: &str| found("run-failed", "", &facts(&links, at(now), &books)).remove(0);
        let (first, later) = (on("11-11 00:30"), on("11-19 00:30"));
        assert!(first.message.starts_with("1 run of load failed: error of "), "{}", first.message);
        assert!(!first.message.contains("at line 1"));
        assert_eq!(first, later);
        assert_eq!((later.subject.run_id, later.subject.application_id), {
            (run.to_owned(), application.to_owned())
        });
    }
}

/// A failure every ten minutes from one midnight to another; a good run before them.
fn storm(from: &str, to: &str) -> Vec<Link> {
    let last = Link {
        start: at(from) - 3.hours(),
        end: at(from) - 2.hours(),
        ..link(0, 0, from, to, "SUCCEEDED")
    };
    let mut links = vec![last];
    let mut end = at(from) + 10.minutes();
    while end <= at(to) {
        let chain = links.len() * 2;
        links.push(Link { chain, place: 0, start: end - 5.minutes(), end, state: "FAILED" });
        end += 10.minutes();
    }
    links
}

/// Of a day with very many runs the last are known one by one: what is told of more is a bound.
#[test]
fn a_streak_of_which_a_part_is_known_says_so() {
    let books = books();
    let told = |links: &[Link], now: &str| {
        let facts = facts(links, at(now), &books);
        ["failure-streak", "run-failed"].map(|rule| {
            let message = found(rule, "", &facts).remove(0).message;
            message.split_once(": ").unwrap().0.to_owned()
        })
    };
    let links = storm("11-10 00:00", "11-13 00:00");
    // Run by run while it is young.
    assert_eq!(
        told(&links, "11-10 12:00"),
        [
            "load has ended badly 72 times in a row since 2026-11-10 00:10 UTC",
            "72 runs of load failed"
        ]
    );
    // Then 60 ends of the 10th, of the 11th those of the last 24 hours or its last 60.
    assert_eq!(
        told(&links, "11-11 12:00"),
        [
            "load has ended badly at least 144 times in a row since 2026-11-10 12:10 UTC or before",
            "At least 144 runs of load failed"
        ]
    );
    assert_eq!(
        told(&links, "11-14 12:00"),
        [
            "load has ended badly at least 181 times in a row since 2026-11-10 14:00 UTC or before",
            "At least 181 runs of load failed"
        ]
    );
    // What the day leaves out was before the streak.
    let mut mended = links.clone();
    mended.push(link(999, 0, "11-12 22:00", "11-12 22:05", "SUCCEEDED"));
    assert_eq!(
        told(&mended, "11-14 12:00")[0],
        "load has ended badly 12 times in a row since 2026-11-12 22:10 UTC"
    );
}

/// What began before anything is known of it has no beginning that could be told.
#[test]
fn a_streak_as_old_as_history_began_before() {
    let books = books();
    let daily: Vec<_> = (0..60_i64)
        .map(|n| {
            let start = at("09-20 02:00") + (24 * n).hours();
            let chain = usize::try_from(n).unwrap() * 2;
            Link { chain, place: 0, start, end: start + 5.minutes(), state: "FAILED" }
        })
        .collect();
    let mut facts = facts(&daily, at("11-14 12:00"), &books);
    let load = facts.jobs.get_mut(&key("load")).unwrap();
    load.days.retain(|day| day.day >= jiff::civil::date(2026, 10, 10));
    let message = found("failure-streak", "", &facts).remove(0).message;
    let told =
        "load has ended badly at least 36 times in a row since 2026-10-10 02:05 UTC or before";
    assert!(message.starts_with(told), "{message}");
}
