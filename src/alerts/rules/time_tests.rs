//! What the rules about time find, and what they leave alone.

use jiff::{Timestamp, ToSpan};

use super::testing::{NOW, Run, at, facts, facts_at, finds, found, key, messages};
use crate::alerts::facts::{Facts, SourceFacts};
use crate::model::JobKind;

fn text(t: Timestamp) -> String {
    t.strftime("%m-%d %H:%M").to_string()
}

fn run(start: Timestamp, minutes: i64) -> Run {
    Run::ended(&text(start), "SUCCEEDED", &text(start), &text(start + minutes.minutes()))
}

/// A run of 20 minutes each day at a time, for so many days before the 14th, on some weekdays.
fn daily(time: &str, days: i64, keep: impl Fn(&str) -> bool) -> Vec<Run> {
    let starts = (1..=days).rev().map(|back| at(&format!("11-14 {time}")) - (back * 24).hours());
    let starts = starts.filter(|start| keep(&start.strftime("%a").to_string()));
    starts.map(|start| run(start, 20)).collect()
}

#[test]
fn a_limit_on_duration_is_about_time_used_not_about_the_timeout() {
    let long = run(at("11-12 20:00"), 25 * 60);
    assert_eq!(
        messages("duration-limit", "", &facts(&[("load", &[long])])),
        ["A run of load took 1 d 1 h"]
    );
    let quick = run(at("11-14 08:00"), 5).with(|run| run.timeout_minutes = Some(10_080));
    let facts = facts(&[("load", &[quick])]);
    assert!(!finds("duration-limit", &facts));
    assert_eq!(messages("timeout-setting", "", &facts), ["The timeout of load is set to 7 d 0 h"]);
}

#[test]
fn a_run_under_way_is_too_long_too_but_a_stream_is_not() {
    let open = Run::open("a", "11-13 08:00");
    let text = messages("duration-limit", "", &facts(&[("load", std::slice::from_ref(&open))]));
    assert_eq!(text, ["A run of load is under way for 1 d 4 h"]);
    let stream = open.with(|run| {
        run.kind = JobKind::Streaming;
        run.timeout_minutes = Some(10_080);
    });
    let stream = facts(&[("load", &[stream])]);
    assert!(!finds("duration-limit", &stream) && !finds("timeout-setting", &stream));
}

#[test]
fn a_jump_in_duration_is_held_against_good_runs() {
    let jump = |minutes, days| {
        let mut runs = daily("02:00", days, |_| true);
        runs.push(run(at("11-14 02:00"), minutes));
        finds("duration-jump", &facts(&[("load", &runs)]))
    };
    assert!(jump(61, 10));
    assert!(!jump(60, 10), "three times the median is no jump yet");
    assert!(!jump(61, 9), "nine runs before are too few");
    // Runs that fail at once do not make a whole one look long.
    let mut runs = daily("02:00", 12, |_| true);
    for n in 0..30_i64 {
        let start = at("11-10 03:00") + (n * 10).minutes();
        runs.push(Run::ended(&format!("f{n}"), "FAILED", &text(start), &text(start + 1.minute())));
    }
    runs.push(run(at("11-14 02:00"), 59));
    assert!(!finds("duration-jump", &facts(&[("load", &runs)])));
}

#[test]
fn running_long_is_judged_as_of_what_was_read() {
    let mut runs = daily("02:00", 6, |_| true);
    runs.push(Run::open("now", "11-14 09:00"));
    let mut facts = facts(&[("load", &runs)]);
    let text = &messages("running-long", "", &facts)[0];
    assert_eq!(
        text,
        "A run of load is under way for 3 h 0 min since 2026-11-14 09:00 UTC, usually 20 min 0 s"
    );
    facts.sources.push(source(Some("11-14 09:50")));
    assert!(!finds("running-long", &facts), "fifty minutes are not a floor of thirty above twenty");
    facts.sources[0].collected_through = Some(at("11-14 10:01"));
    assert!(finds("running-long", &facts));
    facts.sources[0].collected_through = None;
    assert!(!finds("running-long", &facts));
}

fn source(through: Option<&str>) -> SourceFacts {
    let key = key("load");
    SourceFacts {
        account: key.account,
        region: key.region,
        engine: "glue".into(),
        collected_through: through.map(at),
        error: None,
        wanted: true,
    }
}

fn missing(runs: &[Run], now: &str) -> bool {
    let now = format!("2026-{}:00Z", now.replace(' ', "T"));
    finds("run-missing", &facts_at(&now, &[("load", runs)]))
}

#[test]
fn a_daily_job_is_missed_after_its_time_and_grace() {
    let runs = daily("02:00", 8, |_| true);
    assert!(!missing(&runs, "11-14 04:00"));
    assert!(missing(&runs, "11-14 04:01"));
    assert!(!missing(&daily("02:00", 6, |_| true), "11-14 05:00"), "six days are no rhythm");
    let mut late = runs.clone();
    late.push(Run::open("late", "11-14 03:59"));
    assert!(!missing(&late, "11-14 05:00"));
    // After two weeks it may have been retired.
    assert!(missing(&runs, "11-27 01:00"));
    assert!(!missing(&runs, "11-27 03:00"));
}

/// The 14th is a Saturday, and the 16th a Monday.
#[test]
fn a_weekday_job_is_not_missed_on_saturday() {
    let runs = daily("02:00", 28, |day| day != "Sat" && day != "Sun");
    assert!(!missing(&runs, "11-14 12:00") && !missing(&runs, "11-15 12:00"));
    assert!(!missing(&runs, "11-16 03:59"));
    assert!(missing(&runs, "11-16 04:01"));
    let text = messages("run-missing", "", &facts_at("2026-11-16T05:00:00Z", &[("load", &runs)]));
    assert_eq!(
        text,
        ["load has not started: expected at 2026-11-16 02:00 UTC as every week at that time"]
    );
}

#[test]
fn a_weekly_and_an_hourly_job_have_rhythms_too() {
    let weekly = daily("02:00", 35, |day| day == "Thu");
    assert!(!missing(&weekly, "11-18 12:00"));
    assert!(missing(&weekly, "11-19 04:01"));
    let hourly: Vec<_> = (0..26).map(|n: i64| run(at("11-13 10:00") + n.hours(), 5)).collect();
    // The last began at 11:00, so the next was expected at 12:00.
    assert!(!missing(&hourly, "11-14 14:00"));
    assert!(missing(&hourly, "11-14 14:01"));
    // Less than a day of it is a burst: somebody backfilled.
    assert!(!missing(&hourly[2..], "11-14 14:01"));
    let burst: Vec<_> =
        (0..14).map(|n: i64| run(at("11-14 02:00") + (2 * n).seconds(), 1)).collect();
    assert!(!missing(&burst, "11-14 12:00"));
    // What comes as it pleases is never missed.
    let hours = [0_i64, 3, 4, 31, 40, 41, 42, 90, 91, 120, 121, 150, 180, 181, 240];
    let uneven: Vec<_> = hours.iter().map(|n| run(at("11-01 00:00") + n.hours(), 5)).collect();
    assert!(!missing(&uneven, "11-13 12:00"));
}

#[test]
fn a_stated_schedule_comes_before_the_rhythm() {
    let section = "[[for]]\njob = 'load'\nstarts_at = '12:00 Europe/Berlin'\n\
                   days = ['sat']\ngrace_minutes = 30";
    let runs = daily("02:00", 8, |_| true);
    let at = |now| messages("run-missing", section, &facts_at(now, &[("load", &runs)])).len();
    // 12:00 in Berlin is 11:00 UTC.
    assert_eq!((at("2026-11-14T11:29:59Z"), at("2026-11-14T11:30:00Z")), (0, 1));
    assert_eq!(at("2026-11-13T13:00:00Z"), 0, "a Friday");
}

fn missed(runs: &[Run], now: &str, section: &str) -> usize {
    found("deadline-missed", section, &facts_at(now, &[("load", runs)])).len()
}

#[test]
fn a_deadline_is_missed_until_a_run_ends_well() {
    let by = "by = '18:00 Europe/London'\ndays = ['mon', 'tue', 'wed', 'thu', 'fri']";
    let mut runs = daily("16:00", 4, |_| true);
    let friday_evening = "2026-11-13T18:00:00Z";
    assert_eq!(missed(&runs, friday_evening, by), 0);
    runs.pop();
    assert_eq!(missed(&runs, "2026-11-13T17:59:59Z", by), 0);
    assert_eq!(missed(&runs, friday_evening, by), 1);
    // It stays missed over the weekend, which has no deadline, and until a run ends well.
    assert_eq!(missed(&runs, "2026-11-15T12:00:00Z", by), 1);
    runs.push(Run::ended("bad", "FAILED", "11-13 18:10", "11-13 18:20"));
    assert_eq!(missed(&runs, "2026-11-13T19:00:00Z", by), 1);
    runs.push(Run::ended("good", "SUCCEEDED", "11-13 18:30", "11-13 18:50"));
    assert_eq!(missed(&runs, "2026-11-13T19:00:00Z", by), 0);
    assert_eq!(missed(&runs, friday_evening, ""), 0, "without a deadline nothing is missed");
}

/// In London summer time 18:00 is 17:00 UTC.
#[test]
fn a_deadline_follows_the_clocks() {
    let runs = [Run::ended("a", "SUCCEEDED", "07-01 08:00", "07-01 09:00")];
    let by = "by = '18:00 Europe/London'";
    assert_eq!(missed(&runs, "2026-07-02T16:59:59Z", by), 0);
    assert_eq!(missed(&runs, "2026-07-02T17:00:00Z", by), 1);
}

#[test]
fn a_night_job_may_be_done_the_evening_before() {
    let by = "by = '02:00 UTC'\nfrom = '20:00'";
    let evening = [run(at("11-11 22:00"), 20), run(at("11-13 22:00"), 20)];
    assert_eq!(missed(&evening, "2026-11-14T03:00:00Z", by), 0);
    assert_eq!(missed(&evening[..1], "2026-11-14T03:00:00Z", by), 1);
    assert_eq!(missed(&evening, "2026-11-14T03:00:00Z", "by = '02:00 UTC'"), 1);
}

#[test]
fn a_job_that_was_unknown_by_then_missed_nothing() {
    let new = [Run::open("a", "11-13 19:00")];
    assert_eq!(missed(&new, "2026-11-13T20:00:00Z", "by = '18:00 UTC'"), 0);
    assert_eq!(missed(&new, "2026-11-14T18:00:00Z", "by = '18:00 UTC'"), 1);
}

#[test]
fn what_is_not_read_is_stale_and_what_fails_sooner() {
    let stale = |through: Option<&str>, error: Option<&str>| {
        let source = SourceFacts { error: error.map(str::to_owned), ..source(through) };
        let facts = Facts { now: NOW.parse().unwrap(), sources: vec![source], ..Facts::default() };
        messages("collection-stale", "", &facts)
    };
    assert!(stale(Some("11-14 06:00"), None).is_empty());
    assert_eq!(stale(Some("11-14 05:59"), None).len(), 1);
    assert!(stale(Some("11-14 11:00"), Some("access denied")).is_empty());
    let text = "glue of 111122223333 in eu-west-1 was last read at 2026-11-14 10:59 UTC: no access";
    assert_eq!(stale(Some("11-14 10:59"), Some("no access")), [text]);
    assert!(stale(None, None)[0].ends_with("was never read"));
    // A clock that is ahead is no staleness.
    assert!(stale(Some("11-14 12:30"), None).is_empty());
}
