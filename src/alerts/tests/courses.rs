//! Evaluations one after the other: what is over and comes back, what ends with something else, and
//! what becomes another team's.

use super::*;
use crate::ownership::UNALLOCATED;

/// Evaluations one after the other, each knowing what the one before left.
struct Course(Evaluator, BTreeMap<String, Known>);

impl Course {
    fn new(settings: &str) -> Self {
        Self(evaluator(settings), BTreeMap::new())
    }

    fn next(&mut self, facts: Facts) -> Vec<String> {
        let evaluation = self.0.evaluate(facts, &self.1, false);
        self.1 = evaluation.known.clone();
        outcomes(&evaluation)
    }
}

/// A good run that is heard of late may have been in the middle of a streak.
#[test]
fn a_streak_that_never_was_is_over_and_its_last_failure_is_not() {
    let mut course = Course::new("");
    assert_eq!(course.next(mornings(&[1], None)), ["run-failed OPEN"]);
    assert_eq!(course.next(mornings(&[1, 2, 4], None))[0], "failure-streak WORSENED");
    let late = || mornings(&[1, 2, 4], Some(3));
    assert_eq!(course.next(late()), ["failure-streak RESOLVED", "run-failed OPEN"]);
    let quiet = course.next(late());
    assert!(quiet[1].starts_with("run-failed told at "), "{quiet:?}");
    assert_eq!(course.next(mornings(&[1, 2, 4], Some(5)))[1], "run-failed RESOLVED");
}

/// What comes and goes keeps its all-clear back, and what of it is there is told with that.
#[test]
fn a_streak_that_flaps_speaks_for_its_failures_until_its_end_is_told() {
    let mut course = Course::new("");
    let at = |hours: i64, mut facts: Facts| {
        facts.now += hours.hours();
        facts
    };
    let late = || mornings(&[1, 2, 4], Some(3));
    assert_eq!(course.next(mornings(&[1, 2, 4], None))[0], "failure-streak OPEN");
    assert_eq!(course.next(at(1, late())), ["failure-streak RESOLVED", "run-failed OPEN"]);
    let again = || mornings(&[1, 2, 4, 5, 6], Some(3));
    let back = ["failure-streak WORSENED", "run-failed part of failure-streak"];
    assert_eq!(course.next(at(2, again())), back);
    let gone = course.next(at(3, late()));
    assert!(gone[0].starts_with("failure-streak comes and goes"), "{gone:?}");
    assert_eq!(gone[1], "run-failed part of failure-streak");
    assert_eq!(course.next(at(9, late())), ["failure-streak RESOLVED", "run-failed OPEN"]);
}

#[test]
fn what_is_no_longer_known_of_a_streak_does_not_end_it() {
    let mut course = Course::new("");
    course.next(mornings(&[1, 2, 3], None));
    let told = course.next(mornings(&[2, 3], None));
    assert!(told[0].starts_with("failure-streak nothing new to judge by"), "{told:?}");
    assert_eq!(told[1], "run-failed part of failure-streak");
}

/// A run that somebody stops later is no word on a failure that was made good before.
#[test]
fn a_failure_that_was_made_good_late_is_over_although_the_last_run_was_stopped() {
    let mut course = Course::new("[rules.run-stopped]\nenabled = false");
    let run = |hour: u32, state| {
        let (from, to) = (format!("11-14 {hour:02}:00"), format!("11-14 {hour:02}:10"));
        Run::ended(&format!("r{hour}"), state, &from, &to)
    };
    let runs = [run(1, "FAILED"), run(3, "STOPPED"), run(2, "SUCCEEDED")];
    assert_eq!(course.next(facts(&[("load", &runs[..2])])), ["run-failed OPEN"]);
    assert_eq!(course.next(facts(&[("load", &runs)])), ["run-failed RESOLVED"]);
}

/// The first day is about what is there then: what ends and comes back is told.
#[test]
fn what_the_first_day_knew_is_told_when_it_comes_back() {
    let evaluator = evaluator("[rules.worker-limit]\nworkers = 10");
    let time = |at: Timestamp| at.strftime("%m-%d %H:%M").to_string();
    let bad = |code: &str, at: Timestamp| match code {
        "run-failed" => Run::ended("a", "FAILED", &time(at - 1.hour()), &time(at)),
        _ => Run::open("a", &time(at)).with(|run| run.workers = Some(12)),
    };
    let good = |at: Timestamp| {
        let run = Run::ended("b", "SUCCEEDED", &time(at - 30.minutes()), &time(at));
        run.with(|run| run.workers = Some(8))
    };
    let start: Timestamp = "2026-11-14T08:00:00Z".parse().unwrap();
    let mended = start + 1.hour();
    for (code, hours) in
        ["run-failed", "worker-limit"].into_iter().flat_map(|c| [1, 23, 72].map(|h| (c, h)))
    {
        let told = |at: Timestamp, runs: &[Run], known: &BTreeMap<String, Known>, baseline| {
            evaluator.evaluate(facts_at(&at.to_string(), &[("load", runs)]), known, baseline)
        };
        let first = told(start, &[bad(code, start)], &BTreeMap::new(), true);
        let over = told(mended, &[good(mended)], &first.known, false);
        assert_eq!(outcomes(&over), [format!("{code} it is over, and was never told")]);
        let at = mended + hours.hours();
        let back = told(at, &[good(mended), bad(code, at)], &over.known, false);
        assert!(
            outcomes(&back).contains(&format!("{code} OPEN")),
            "{hours}: {:?}",
            outcomes(&back)
        );
    }
}

/// Each team's messages: the notices with their rules.
fn told_to(evaluation: &Evaluation) -> Vec<String> {
    let line = |message: &Message| {
        let name = message.recipient.in_full();
        let news = message.news.iter();
        let news: Vec<_> =
            news.map(|n| format!("{} {}", n.finding.code, n.notice.as_str())).collect();
        format!("{}: {}", name.split('@').next().unwrap(), news.join(", "))
    };
    evaluation.messages().iter().map(line).collect()
}

/// A job that becomes another team's while its alert stands: the new team hears of it as of
/// something new, and the old one that it is no longer theirs; whoever hears of all, nothing.
#[test]
fn an_alert_that_changes_hands_is_new_to_some_and_over_for_others() {
    let evaluator = evaluator("teams = { a = ['a@example.com'], b = ['b@example.com'] }");
    let mut known = BTreeMap::new();
    let mut next = |team: &str, mut facts: Facts| {
        facts.jobs.get_mut(&key("load")).unwrap().team = team.into();
        let evaluation = evaluator.evaluate(facts, &known, false);
        known = evaluation.known.clone();
        told_to(&evaluation)
    };
    let nothing: [&str; 0] = [];
    assert_eq!(next("a", failing()), ["a: run-failed OPEN", "platform: run-failed OPEN"]);
    assert_eq!(next("b", failing()), ["a: run-failed RESOLVED", "b: run-failed OPEN"]);
    assert_eq!(next("b", failing()), nothing, "once");
    // As a part of something worse it is handed over too: to the new team nothing is a worsening.
    let handed =
        ["a: failure-streak OPEN", "b: run-failed RESOLVED", "platform: failure-streak WORSENED"];
    assert_eq!(next("a", mornings(&[1, 2, 3], None)), handed);
    let back = ["a: failure-streak RESOLVED", "b: failure-streak OPEN"];
    assert_eq!(next("b", mornings(&[1, 2, 3], None)), back);
    // The end is for those who were told last, whoever's the job is by then.
    let over = ["b: failure-streak RESOLVED", "platform: failure-streak RESOLVED"];
    assert_eq!(next("a", mornings(&[1, 2, 3], Some(4))), over);
}

/// What is silenced for the new team waits, and the old one still hears its end.
#[test]
fn an_alert_that_is_muted_for_its_new_team_is_not_handed_over() {
    let teams = "teams = { a = ['a@example.com'], b = ['b@example.com'] }\n";
    let mutes = "mutes = [{ team = 'b', why = 'moving' }]";
    let of = |team: &str, mut facts: Facts| {
        facts.jobs.get_mut(&key("load")).unwrap().team = team.into();
        facts
    };
    let muted = evaluator(&format!("{teams}{mutes}"));
    let first = muted.evaluate(of("a", failing()), &BTreeMap::new(), false);
    let second = muted.evaluate(of("b", failing()), &first.known, false);
    assert!(second.messages().is_empty());
    let heard = evaluator(teams).evaluate(of("b", failing()), &second.known, false);
    assert_eq!(told_to(&heard), ["a: run-failed RESOLVED", "b: run-failed OPEN"]);
    let passed = |evaluation: Evaluation| evaluation.messages()[0].news[0].finding.message.clone();
    assert_eq!(passed(heard), "Passed on to the team b: 1 run of load failed");
    let nobodys = evaluator(teams).evaluate(of(UNALLOCATED, failing()), &first.known, false);
    assert!(passed(nobodys).starts_with("Of no team any more: "));
    let good = muted.evaluate(of("b", mornings(&[9], Some(10))), &second.known, false);
    assert_eq!(told_to(&good), ["a: run-failed RESOLVED", "platform: run-failed RESOLVED"]);
}
