//! Evaluations from facts to messages: what is silenced, what cannot be seen, what breaks.

mod courses;

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::rule::{Asked, Rules};
use super::rules::testing::{Run, facts, facts_at, key};
use super::*;

fn settings(text: &str) -> AlertSettings {
    let with = format!("recipients = ['platform@example.com']\n{text}");
    toml::from_str(&with).unwrap()
}

fn evaluator(text: &str) -> Evaluator {
    let settings = settings(text);
    let recipients = Recipients::new(&settings, &BTreeMap::new());
    Evaluator::new(&settings, recipients).unwrap()
}

fn failing() -> Facts {
    facts(&[("load", &[Run::ended("a", "FAILED", "11-14 08:00", "11-14 09:00")])])
}

/// What comes of each alert: its code and its notice, or why it is quiet.
fn outcomes(evaluation: &Evaluation) -> Vec<String> {
    let shown = |alert: &Alert| {
        let outcome = match &alert.outcome {
            Ok(notice) => notice.as_str().to_owned(),
            Err(quiet) => quiet.to_string(),
        };
        format!("{} {outcome}", alert.finding.code)
    };
    evaluation.alerts.iter().map(shown).collect()
}

#[test]
fn a_failure_is_told_once_and_then_its_end() {
    let evaluator = evaluator("");
    let first = evaluator.evaluate(failing(), &BTreeMap::new(), false);
    assert_eq!(outcomes(&first), ["run-failed OPEN"]);
    let messages = first.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].news[0].finding.message, "1 run of load failed");
    let second = evaluator.evaluate(failing(), &first.known, false);
    assert!(second.messages().is_empty());
    assert_eq!(second.known, first.known, "a quiet evaluation leaves nothing to be stored");
    let good = Run::ended("b", "SUCCEEDED", "11-14 09:10", "11-14 10:00");
    let failed = Run::ended("a", "FAILED", "11-14 08:00", "11-14 09:00");
    let third = evaluator.evaluate(facts(&[("load", &[failed, good])]), &second.known, false);
    assert_eq!(outcomes(&third), ["run-failed RESOLVED"]);
    // What was stored in between reads back.
    let stored = serde_json::to_string(&first.known).unwrap();
    assert_eq!(serde_json::from_str::<BTreeMap<String, Known>>(&stored).unwrap(), first.known);
}

/// What a report of the week up to `end` repeats at `now`.
fn standing(evaluator: &Evaluator, known: &BTreeMap<String, Known>, end: &str, now: &str) -> u64 {
    let end: Timestamp = end.parse().unwrap();
    let utc = jiff::tz::TimeZone::UTC;
    let period = crate::model::Period::last_week(end, &utc).unwrap();
    assert_eq!(period.end, end);
    evaluator.standing(known, &period, now.parse().unwrap()).of(None).1
}

#[test]
fn a_report_repeats_what_was_told_and_is_not_over_nor_muted_since() {
    let told = evaluator("");
    // The facts are of Saturday, 14 November 2026.
    let known = told.evaluate(failing(), &BTreeMap::new(), false).known;
    let (monday, later) = ("2026-11-16T00:00:00Z", "2026-11-16T07:00:00Z");
    assert_eq!(standing(&told, &known, monday, later), 1);
    // Of the week before, only as long as that is the last one.
    assert_eq!(standing(&told, &known, "2026-11-09T00:00:00Z", "2026-11-15T00:00:00Z"), 1);
    assert_eq!(standing(&told, &known, "2026-11-09T00:00:00Z", later), 0);
    let muted = evaluator("mutes = [{ job = 'load', why = 'moved' }]");
    assert_eq!(standing(&muted, &known, monday, later), 0);
    let baseline = told.evaluate(failing(), &BTreeMap::new(), true).known;
    assert_eq!(standing(&told, &baseline, monday, later), 0);
    let good = Run::ended("b", "SUCCEEDED", "11-14 09:10", "11-14 10:00");
    let failed = Run::ended("a", "FAILED", "11-14 08:00", "11-14 09:00");
    let over = told.evaluate(facts(&[("load", &[failed, good])]), &known, false).known;
    assert!(!over.is_empty(), "kept, since it may come back");
    assert_eq!(standing(&told, &over, monday, later), 0);
}

#[test]
fn a_tag_a_mute_the_baseline_and_nobody_silence_and_say_so() {
    let told = |facts: Facts, text: &str, baseline| {
        let evaluation = evaluator(text).evaluate(facts, &BTreeMap::new(), baseline);
        assert!(evaluation.messages().is_empty());
        assert_eq!(evaluation.silenced().values().sum::<u64>(), 1);
        outcomes(&evaluation).pop().unwrap()
    };
    let mut tagged = failing();
    let job = tagged.jobs.get_mut(&key("load")).unwrap();
    job.tags = BTreeMap::from([("Remediate ".to_owned(), " FALSE".to_owned())]);
    assert_eq!(told(tagged, "", false), "run-failed the job's tag Remediate=FALSE silences it");
    let mute = "[[mutes]]\njob = 'load'\nuntil = '2026-11-15'\nwhy = 'migration'";
    assert_eq!(told(failing(), mute, false), "run-failed muted until 2026-11-15: migration");
    assert_eq!(told(failing(), "", true), "run-failed known from the first day (baseline)");
    let nobody = Evaluator::new(&AlertSettings::default(), Recipients::default()).unwrap();
    let evaluation = nobody.evaluate(failing(), &BTreeMap::new(), false);
    assert_eq!(outcomes(&evaluation), ["run-failed no recipient is configured for it"]);
    // As soon as somebody is there to be told, it is told.
    let later = evaluator("").evaluate(failing(), &evaluation.known, false);
    assert_eq!(outcomes(&later), ["run-failed OPEN"]);
}

#[test]
fn what_cannot_be_seen_is_not_over() {
    let evaluator = evaluator("");
    let first = evaluator.evaluate(failing(), &BTreeMap::new(), false);
    let good = Run::ended("b", "SUCCEEDED", "11-14 09:10", "11-14 10:00");
    let after = |through: &str| {
        let mut facts = facts(&[("load", std::slice::from_ref(&good))]);
        let key = key("load");
        facts.sources.push(SourceFacts {
            account: key.account,
            region: key.region,
            engine: "glue".into(),
            collected_through: Some(through.parse().unwrap()),
            error: None,
            wanted: true,
        });
        outcomes(&evaluator.evaluate(facts, &first.known, false))
    };
    assert_eq!(after("2026-11-14T06:00:00Z"), ["run-failed RESOLVED"]);
    let blind = after("2026-11-14T05:00:00Z");
    assert_eq!(blind[0], "collection-stale OPEN");
    assert!(blind[1].starts_with("run-failed it cannot be seen: glue of "), "{}", blind[1]);
    // A job without runs is neither in order nor out of it.
    let gone = outcomes(&evaluator.evaluate(facts(&[]), &first.known, false));
    assert!(gone[0].ends_with("no run of the job is known any more"), "{}", gone[0]);
}

#[test]
fn a_retry_under_way_keeps_an_alert_as_it_is() {
    let evaluator = evaluator("");
    let first = evaluator.evaluate(failing(), &BTreeMap::new(), false);
    let failed = Run::ended("a", "FAILED", "11-14 08:00", "11-14 09:00");
    let retry = Run::open("b", "11-14 09:10").retry_of("a");
    let facts = || facts(&[("load", &[failed.clone(), retry.clone()])]);
    assert!(evaluator.evaluate(facts(), &BTreeMap::new(), false).alerts.is_empty());
    let second = evaluator.evaluate(facts(), &first.known, false);
    assert_eq!(
        outcomes(&second),
        ["run-failed nothing new to judge by: it has not ended well since it was FAILED"]
    );
}

/// Bad ends of one job at these hours, and a good one after them where it is asked for.
fn mornings(bad: &[u32], good: Option<u32>) -> Facts {
    let run = |hour: u32, state| {
        let (from, to) = (format!("11-14 {hour:02}:00"), format!("11-14 {hour:02}:10"));
        Run::ended(&format!("r{hour}"), state, &from, &to)
    };
    let bad = bad.iter().map(|hour| run(*hour, "FAILED"));
    let runs: Vec<_> = bad.chain(good.map(|hour| run(hour, "SUCCEEDED"))).collect();
    facts(&[("load", &runs)])
}

#[test]
fn one_trouble_is_told_as_one_and_ends_as_one() {
    let evaluator = evaluator("");
    let mut known = BTreeMap::new();
    let mut next = |facts: Facts| {
        let evaluation = evaluator.evaluate(facts, &known, false);
        known = evaluation.known.clone();
        outcomes(&evaluation)
    };
    assert_eq!(next(mornings(&[1], None)), ["run-failed OPEN"]);
    let worse = ["failure-streak WORSENED", "run-failed part of failure-streak"];
    assert_eq!(next(mornings(&[1, 2, 3], None)), worse);
    let told = next(mornings(&[1, 2, 3], None));
    assert!(told[0].starts_with("failure-streak told at "), "{told:?}");
    assert_eq!(told[1], worse[1]);
    let over = ["failure-streak RESOLVED", "run-failed part of failure-streak"];
    assert_eq!(next(mornings(&[1, 2, 3], Some(4))), over);
    assert_eq!(next(mornings(&[1, 2, 3], Some(4))).len(), 2);
    // What comes after it is new.
    assert_eq!(next(mornings(&[5], Some(4)))[1], "run-failed OPEN");
}

#[test]
fn a_streak_that_is_found_at_once_is_one_line() {
    let first = evaluator("").evaluate(mornings(&[1, 2, 3], None), &BTreeMap::new(), false);
    assert_eq!(outcomes(&first), ["failure-streak OPEN", "run-failed part of failure-streak"]);
    assert!(first.silenced().is_empty());
    // A retry of the last is under way: the streak still stands for all of it.
    let mut again = mornings(&[1, 2, 3], None);
    let retry = Run::open("r9", "11-14 09:00").retry_of("r3");
    again.jobs.get_mut(&key("load")).unwrap().open.push(retry.0);
    let again = outcomes(&evaluator("").evaluate(again, &first.known, false));
    assert!(again[0].starts_with("failure-streak nothing new to judge by"), "{again:?}");
    assert_eq!(again[1], "run-failed part of failure-streak");
}

/// Of a streak that nobody is told of, the failures are.
#[test]
fn a_streak_that_is_not_told_hides_nothing() {
    for (settings, streak) in [
        ("[rules.failure-streak]\nenabled = false", None),
        ("[rules.failure-streak]\nseverity = 'info'", Some("failure-streak OPEN")),
        ("mutes = [{ rule = 'failure-streak', why = 'x' }]", Some("failure-streak muted: x")),
    ] {
        let told = evaluator(settings);
        let told = told.evaluate(mornings(&[1, 2, 3], None), &BTreeMap::new(), false);
        let mut expected: Vec<_> = streak.into_iter().collect();
        expected.push("run-failed OPEN");
        let mut outcomes = outcomes(&told);
        outcomes.sort();
        assert_eq!(outcomes, expected, "{settings}");
    }
    // One that was told, and is then muted or switched off: its failures go on where they were.
    let first = evaluator("").evaluate(mornings(&[1], None), &BTreeMap::new(), false);
    let second = evaluator("").evaluate(mornings(&[1, 2, 3], None), &first.known, false);
    let muted = evaluator("mutes = [{ rule = 'failure-streak', why = 'x' }]");
    let third = outcomes(&muted.evaluate(mornings(&[1, 2, 3], None), &second.known, false));
    assert!(third[1].starts_with("run-failed told at "), "{third:?}");
    let over = outcomes(&muted.evaluate(mornings(&[1, 2, 3], Some(4)), &second.known, false));
    assert!(over.contains(&"run-failed part of failure-streak".to_owned()), "{over:?}");
}

struct Panics;

impl Asked for Panics {
    fn find(&self, _: &Facts) -> Vec<Finding> {
        panic!("odd data")
    }

    fn undecided(&self, _: &Facts, _: &Subject) -> Option<String> {
        panic!("odd data")
    }
}

#[test]
fn a_rule_that_panics_is_reported_and_the_others_are_asked() {
    let healthy = evaluator("");
    let first = healthy.evaluate(failing(), &BTreeMap::new(), false);
    let broken = Evaluator {
        rules: Rules::new(&BTreeMap::new()).unwrap().with("run-failed", Box::new(Panics)),
        ..evaluator("")
    };
    let mut facts = failing();
    facts.reports.push(ReportFacts {
        report: "weekly".into(),
        period: "2026-W45".into(),
        due: "2026-11-09T06:00:00Z".parse().unwrap(),
        missing: 1,
    });
    let second = broken.evaluate(facts, &first.known, false);
    assert_eq!(
        outcomes(&second),
        [
            "rule-broken OPEN",
            "report-overdue OPEN",
            "run-failed it cannot be seen: its rule is broken"
        ]
    );
    assert!(second.alerts[0].finding.message.contains("run-failed broke"), "odd data");
    let third = healthy.evaluate(failing(), &second.known, false);
    assert!(outcomes(&third).contains(&"rule-broken RESOLVED".to_owned()));
}

#[test]
fn a_rule_that_is_switched_off_takes_its_alerts_with_it() {
    let first = evaluator("").evaluate(failing(), &BTreeMap::new(), false);
    let off = evaluator("[rules.run-failed]\nenabled = false");
    let second = off.evaluate(failing(), &first.known, false);
    assert_eq!(outcomes(&second), ["run-failed its rule is switched off"]);
    assert!(second.known.is_empty());
}

#[test]
fn a_hundred_thousand_findings_are_one_message_of_bounded_size() {
    let jobs = 100_000;
    let job = |n: u32| {
        let run = Run::ended(&format!("r{n}"), "FAILED", "11-14 08:00", "11-14 09:00").0;
        let job = JobFacts { team: "orders".into(), ended: vec![run], ..JobFacts::default() };
        (key(&format!("job-{n}")), job)
    };
    let now = "2026-11-14T12:00:00Z".parse().unwrap();
    let facts = Facts { now, jobs: (0..jobs).map(job).collect(), ..Facts::default() };
    let others = RULES.iter().map(|rule| rule.code).filter(|code| *code != "run-failed");
    let off: String = others.map(|code| format!("[rules.{code}]\nenabled = false\n")).collect();
    let evaluation = evaluator(&off).evaluate(facts, &BTreeMap::new(), false);
    let messages = evaluation.messages();
    assert_eq!(messages[0].news.len(), 100_000);
    let sections = messages[0].sections(SHOWN_MAX);
    let shown: usize = sections[0].groups.iter().map(|group| group.news.len()).sum();
    assert_eq!((sections[0].total, shown), (100_000, SHOWN_MAX));
}

/// Runs of a job at odd times, some of them failing, in the order of their numbers.
fn runs(seeds: &[(u32, u32, u8)]) -> Vec<Run> {
    let run = |(n, (start, length, state)): (usize, &(u32, u32, u8))| {
        let first: Timestamp = "2026-10-20T00:00:00Z".parse().unwrap();
        let start = first + (i64::from(*start) % (26 * 24 * 60)).minutes();
        let end = start + (i64::from(*length) % 2_000).minutes();
        let text = |at: Timestamp| at.strftime("%m-%d %H:%M").to_string();
        let state = ["SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"][usize::from(*state) % 4];
        let run = Run::ended(&format!("r{n}"), state, &text(start), &text(end));
        run.cost(&(length % 300).to_string())
    };
    seeds.iter().enumerate().map(run).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Facts come from pages that are read side by side.
    #[test]
    fn the_order_of_facts_does_not_matter(
        seeds in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u8>()), 0..60)
    ) {
        let runs = runs(&seeds);
        let now = "2026-11-14T12:00:00Z";
        let evaluator = evaluator("");
        let ordered = facts_at(now, &[("load", &runs)]);
        let mut other = ordered.clone();
        for job in other.jobs.values_mut() {
            job.ended.reverse();
            job.open.reverse();
            job.days.reverse();
            job.days.iter_mut().for_each(|day| day.ends.reverse());
        }
        let of = |facts| evaluator.evaluate(facts, &BTreeMap::new(), false);
        prop_assert_eq!(of(ordered), of(other));
    }

    /// Whatever runs do, no job's alert is told twice at one time, and none is lost between what is
    /// known and what is told.
    #[test]
    fn what_is_told_is_known(
        seeds in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u8>()), 1..60)
    ) {
        let runs = runs(&seeds);
        let evaluator = evaluator("");
        let mut known = BTreeMap::new();
        for day in 10..=14 {
            let now = format!("2026-11-{day}T12:00:00Z");
            let evaluation = evaluator.evaluate(facts_at(&now, &[("load", &runs)]), &known, false);
            for message in evaluation.messages() {
                let mut told: Vec<_> = message.news.iter().map(|news| &news.fingerprint).collect();
                told.dedup();
                prop_assert_eq!(told.len(), message.news.len());
                for news in &message.news {
                    let state = &evaluation.known[&news.fingerprint].state;
                    prop_assert_eq!(state.told.unwrap().notice, news.notice);
                }
            }
            known = evaluation.known;
        }
    }
}
