//! What the rules about cost find, and what they leave alone.

use jiff::{Timestamp, ToSpan};

use super::testing::{Run, at, facts, facts_at, finds, found, messages};
use crate::alerts::facts::{BudgetFacts, Facts};
use crate::alerts::finding::Severity;
use crate::model::{JobKind, Usd};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A run a day at 02:00 for so many days before the 14th, each at a cost.
fn daily(days: i64, cost: impl Fn(Timestamp) -> String) -> Vec<Run> {
    let run = |back: i64| {
        let start = at("11-14 02:00") - (back * 24).hours();
        let text = |t: Timestamp| t.strftime("%m-%d %H:%M").to_string();
        let id = format!("d{back}");
        Run::ended(&id, "SUCCEEDED", &text(start), &text(start + 20.minutes())).cost(&cost(start))
    };
    (0..days).rev().map(run).collect()
}

#[test]
fn a_dear_run_is_found_as_long_as_it_is_recent_or_the_last() {
    let dear = |end: &str| Run::ended("a", "SUCCEEDED", "11-01 00:00", end).cost("120");
    let cheap = Run::ended("b", "SUCCEEDED", "11-14 10:00", "11-14 11:00").cost("1");
    assert!(finds("run-cost", &facts(&[("load", &[dear("11-14 08:00"), cheap.clone()])])));
    // A weekly job's last run speaks for it; once another has ended well below, it is over.
    assert!(finds("run-cost", &facts(&[("load", &[dear("11-08 08:00")])])));
    assert!(!finds("run-cost", &facts(&[("load", &[dear("11-12 08:00"), cheap.clone()])])));
    assert!(!finds("run-cost", &facts(&[("load", &[dear("11-03 08:00")])])));
    let finding = &found("run-cost", "", &facts(&[("load", &[dear("11-14 08:00"), cheap])]))[0];
    assert_eq!(finding.message, "A run of load cost $120.00");
    assert_eq!((finding.magnitude, finding.subject.run_id.as_str()), (1_200, "a"));
    let section = "[[for]]\njob = '^load$'\nlimit_usd = '500'";
    assert!(messages("run-cost", section, &facts(&[("load", &[dear("11-14 08:00")])])).is_empty());
}

#[test]
fn a_day_and_a_week_add_up_over_runs_and_days() {
    let runs = daily(10, |_| "150".into());
    let facts = facts(&[("load", &runs)]);
    assert!(!finds("job-cost-day", &facts));
    // 7 x 150.
    let week = &found("job-cost-week", "", &facts)[0];
    assert_eq!(week.message, "load cost $1,050.00 in seven days");
    assert_eq!(week.evidence.len(), 7);
    let day = &found("job-cost-day", "limit_usd = '149.99'", &facts)[0];
    assert_eq!(day.message, "load cost $150.00 on 2026-11-14");
}

#[test]
fn a_jump_needs_history_size_and_dollars() {
    let jump = |days, usual: &str, last: &str| {
        let (usual, last) = (usual.to_owned(), last.to_owned());
        let of =
            move |t: Timestamp| if t > at("11-14 00:00") { last.clone() } else { usual.clone() };
        finds("cost-jump", &facts(&[("load", &daily(days, of))]))
    };
    assert!(jump(11, "4", "20"));
    assert!(!jump(10, "4", "20"), "nine runs before are too few");
    assert!(!jump(30, "4", "12"), "three times the median is no jump yet");
    assert!(!jump(30, "0.5", "5"), "below the floor");
    let runs = daily(11, |t| if t > at("11-14 00:00") { "20".into() } else { "4".into() });
    let text = &messages("cost-jump", "", &facts(&[("load", &runs)]))[0];
    assert!(text.contains("of load cost $20.00, usually $4.00"), "{text}");
}

/// The month-long history has dear Saturdays; the 14th is one.
#[test]
fn a_dear_weekday_is_no_jump_on_that_weekday() {
    let saturday = |t: Timestamp| t.strftime("%a").to_string() == "Sat";
    let weekly = daily(30, |t| if saturday(t) { "40".into() } else { "4".into() });
    assert!(!finds("cost-jump", &facts(&[("load", &weekly)])));
    let odd = daily(30, |t| if t > at("11-14 00:00") { "40".into() } else { "4".into() });
    assert!(finds("cost-jump", &facts(&[("load", &odd)])));
}

/// Each run is as cheap as ever, but there are ten times as many.
#[test]
fn more_runs_are_a_jump_too() {
    let mut runs = daily(20, |_| "4".into());
    let text = |t: Timestamp| t.strftime("%m-%d %H:%M").to_string();
    for n in 0..9_i64 {
        let start = at("11-14 03:00") + (n * 30).minutes();
        let end = start + 20.minutes();
        runs.push(Run::ended(&format!("m{n}"), "SUCCEEDED", &text(start), &text(end)).cost("4"));
    }
    let found = messages("cost-jump", "", &facts(&[("load", &runs)]));
    assert_eq!(found, ["The day 2026-11-14 of load cost $40.00, usually $4.00"]);
}

#[test]
fn what_jumped_stays_found_until_it_is_old_or_repeated() {
    let runs = |now: &str| {
        let all = daily(20, |t| {
            if t > at("11-12 00:00") && t < at("11-13 00:00") { "40".into() } else { "4".into() }
        });
        finds("cost-jump", &facts_at(now, &[("load", &all)]))
    };
    assert!(runs("2026-11-12T03:00:00Z"));
    assert!(runs("2026-11-13T01:00:00Z"));
    assert!(runs("2026-11-13T12:00:00Z"), "its day was yesterday");
    assert!(!runs("2026-11-14T03:00:00Z"));
}

#[test]
fn a_budget_is_told_at_each_step_and_its_forecast_until_it_is_used_up() {
    let budget = |used: &str, forecast: Option<&str>| Facts {
        budgets: vec![BudgetFacts {
            team: "orders".into(),
            month: "2026-11".into(),
            budget: usd("200"),
            used: usd(used),
            forecast: forecast.map(usd),
        }],
        ..facts(&[])
    };
    let severity = |used| found("budget-used", "", &budget(used, None)).pop().map(|f| f.severity);
    assert_eq!(severity("99.99"), None);
    assert_eq!(severity("100"), Some(Severity::Info));
    assert_eq!(severity("160"), Some(Severity::Warning));
    assert_eq!(severity("200"), Some(Severity::Critical));
    let text = &messages("budget-used", "", &budget("165", None))[0];
    assert_eq!(text, "orders has used 82 % of its budget for 2026-11: $165.00 of $200.00");
    assert!(finds("budget-forecast", &budget("50", Some("200.21"))));
    assert!(!finds("budget-forecast", &budget("50", Some("200"))));
    assert!(!finds("budget-forecast", &budget("200", Some("300"))));
    assert!(!finds("budget-forecast", &budget("50", None)));
}

#[test]
fn legacy_glue_says_what_its_minimum_cost() {
    let costing = |extra: &str, version: &str, kind| {
        let run = Run::ended("a", "SUCCEEDED", "11-14 08:00", "11-14 08:01").with(|run| {
            run.version = Some(version.to_owned());
            run.kind = kind;
            run.minimum_extra = usd(extra);
        });
        messages("legacy-glue", "", &facts(&[("load", &[run])]))
    };
    let of = |version, kind| costing("0.66", version, kind);
    let text = "load still runs on Glue 1.0: in a day the ten-minute minimum cost $0.66 in 1 run";
    assert_eq!(of("1.0", JobKind::Spark), [text]);
    // A run of more than ten minutes paid nothing for it, and nobody wants to read of $0.00.
    let text = "load still runs on Glue 1.0, which bills ten minutes at least";
    assert_eq!(costing("0", "1.0", JobKind::Spark), [text]);
    assert_eq!(costing("0.004", "1.0", JobKind::Spark), [text]);
    assert!(of("2.0", JobKind::Spark).is_empty());
    assert!(of("1.0", JobKind::PythonShell).is_empty());
}
