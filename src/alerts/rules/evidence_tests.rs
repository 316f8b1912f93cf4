//! What every rule finds is shown by something that its sentence does not say.

use std::collections::BTreeMap;

use jiff::ToSpan;

use super::testing::{Run, at, facts, found, key};
use crate::alerts::RULES;
use crate::alerts::facts::{BudgetFacts, Facts, QuotaFacts, ReportFacts, SourceFacts, TeamUse};
use crate::model::Engine;
use crate::ownership::UNALLOCATED;

/// What each rule needs beside its defaults to find something in [`world`].
const SECTIONS: [(&str, &str); 5] = [
    ("worker-limit", "workers = 10"),
    ("run-cost", "limit_usd = '50'"),
    ("job-cost-day", "limit_usd = '50'"),
    ("job-cost-week", "limit_usd = '50'"),
    ("deadline-missed", "by = '11:00 UTC'"),
];

fn run(id: &str, state: &str, hour: u32) -> Run {
    Run::ended(id, state, &format!("11-14 {hour:02}:00"), &format!("11-14 {hour:02}:10"))
}

/// Twenty days of good runs at 02:00, and one that follows.
fn daily(last: Run) -> Vec<Run> {
    let good = |back: i64| {
        let start = at("11-13 02:00") - (back * 24).hours();
        let text = |t: jiff::Timestamp| t.strftime("%m-%d %H:%M").to_string();
        let (from, to) = (text(start), text(start + 20.minutes()));
        Run::ended(&format!("d{back}"), "SUCCEEDED", &from, &to).cost("1")
    };
    (1..=20).rev().map(good).chain([last]).collect()
}

/// Everything that is wrong at once.
fn world() -> Facts {
    let failed: Vec<_> = (1..4).map(|n| run(&format!("f{n}"), "FAILED", n)).collect();
    let retries: Vec<_> =
        (0..10).map(|n| run(&format!("r{n}"), "FAILED", n).retry_of("r")).collect();
    let hanging = Run::open("h", "11-13 02:00").with(|run| {
        run.workers = Some(12);
        run.timeout_minutes = Some(10_080);
    });
    let dear = Run::ended("j", "SUCCEEDED", "11-14 02:00", "11-14 06:00").cost("100");
    let legacy = run("l", "SUCCEEDED", 3).with(|run| run.version = Some("1.0".into()));
    let unbounded = Run::open("e", "11-14 08:00").with(|run| {
        run.identity.engine = Engine::EmrServerless;
        run.identity.application_id = Some("00f1".into());
        run.has_maximum = Some(false);
    });
    let mut facts = facts(&[
        ("failing", &failed),
        ("timeout", &[run("t", "TIMEOUT", 3)]),
        ("stopped", &[run("s", "STOPPED", 3)]),
        ("storm", &retries),
        ("hanging", &daily(hanging)),
        ("dear", &daily(dear)),
        ("legacy", &[legacy]),
        ("unbounded", &[unbounded]),
        ("unowned", &[run("u", "SUCCEEDED", 3)]),
    ]);
    let unowned = facts.jobs.get_mut(&key("unowned")).unwrap();
    (unowned.team, unowned.tagged) = (UNALLOCATED.to_owned(), false);
    let team =
        |team: &str, used, waiting| TeamUse { team: team.into(), used, share: None, waiting };
    facts.quotas.push(QuotaFacts {
        account: "1".into(),
        region: "eu-west-1".into(),
        quota: "glue-dpus".into(),
        limit: 100.0,
        now: 95.0,
        peak: 95.0,
        peak_at: None,
        by_team: vec![team("orders", 75.0, 0), team("sales", 20.0, 3)],
    });
    facts.sources.push(SourceFacts {
        account: "2".into(),
        region: "eu-west-1".into(),
        engine: "glue".into(),
        collected_through: Some(at("11-13 12:00")),
        error: Some("no access".into()),
        wanted: true,
    });
    let budget = |team: &str, used: &str, forecast: &str| BudgetFacts {
        team: team.into(),
        month: "2026-11".into(),
        budget: "200".parse().unwrap(),
        used: used.parse().unwrap(),
        forecast: Some(forecast.parse().unwrap()),
    };
    facts.budgets = vec![budget("orders", "201", "230"), budget("sales", "105", "230")];
    facts.reports.push(ReportFacts {
        report: "weekly".into(),
        period: "2026-W45".into(),
        due: at("11-09 06:00"),
        missing: 2,
    });
    facts.tidied()
}

#[test]
fn what_every_rule_finds_is_shown() {
    let (facts, sections) = (world(), BTreeMap::from(SECTIONS));
    for rule in RULES {
        let section = sections.get(rule.code).copied().unwrap_or_default();
        // Finding it also asks for evidence, as in every test of a rule.
        let findings = found(rule.code, section, &facts);
        assert!(!findings.is_empty(), "{} finds nothing", rule.code);
        assert!(findings.iter().all(|f| f.evidence.len() <= 7), "{}", rule.code);
    }
}

#[test]
fn evidence_says_what_the_sentence_leaves_out() {
    let facts = world();
    let shown = |rule: &str, section: &str| found(rule, section, &facts).remove(0).evidence;
    assert_eq!(shown("failure-streak", "")[0], "f3 FAILED at 2026-11-14 03:10 UTC");
    assert_eq!(shown("retry-storm", "").len(), 3);
    let limited = ["h RUNNING since 2026-11-13 02:00 UTC"];
    assert_eq!(shown("worker-limit", "workers = 10"), limited);
    assert_eq!(shown("duration-limit", ""), limited);
    assert_eq!(shown("running-long", ""), ["h RUNNING", "longest of 20 other runs: 20 min 0 s"]);
    let jumped = ["j SUCCEEDED at 2026-11-14 06:00 UTC", "longest of 20 other runs: 20 min 0 s"];
    assert_eq!(shown("duration-jump", ""), jumped);
    assert_eq!(shown("owner-missing", "")[1], "it carries no tags that are known");
    let worked = ["l SUCCEEDED at 2026-11-14 03:10 UTC, 10 min 0 s of work"];
    assert_eq!(shown("legacy-glue", ""), worked);
    assert_eq!(shown("noisy-neighbour", ""), ["sales uses 20, and 3 runs of it wait"]);
    assert_eq!(shown("collection-stale", ""), ["it is the only source"]);
    let periods = "1 period not with all readers; none of the last reached all of them";
    assert_eq!(shown("report-overdue", ""), [periods]);
}
