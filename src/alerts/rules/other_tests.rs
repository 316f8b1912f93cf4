//! What the rules about ends, settings, quotas and reports find, and what they leave alone.

use super::testing::{NOW, Run, at, facts, finds, found, job, messages};
use crate::alerts::facts::{Facts, QuotaFacts, ReportFacts, TeamUse};
use crate::alerts::finding::Severity;
use crate::model::{Engine, JobKind};
use crate::ownership::UNALLOCATED;

#[test]
fn each_bad_end_has_its_rule() {
    let found_by = |state: &str| {
        let run = Run::ended("a", state, "11-14 08:00", "11-14 09:00");
        let facts = facts(&[("load", &[run])]);
        let rules = ["run-failed", "run-timeout", "run-stopped"];
        rules.into_iter().filter(|rule| finds(rule, &facts)).collect::<Vec<_>>()
    };
    for failed in ["FAILED", "ERROR", "EXPIRED"] {
        assert_eq!(found_by(failed), ["run-failed"], "{failed}");
    }
    assert_eq!(found_by("TIMEOUT"), ["run-timeout"]);
    for stopped in ["STOPPED", "CANCELLED", "TERMINATED"] {
        assert_eq!(found_by(stopped), ["run-stopped"]);
    }
    for good in ["SUCCEEDED", "SUCCESS"] {
        assert!(found_by(good).is_empty(), "{good}");
    }
}

#[test]
fn a_streams_weekly_restart_and_the_end_of_a_session_are_no_failures() {
    let ended = |state, kind| {
        let run = Run::ended("a", state, "11-07 08:00", "11-14 09:00").with(|run| run.kind = kind);
        let facts = facts(&[("x", &[run])]);
        ["run-failed", "run-timeout", "run-stopped"]
            .into_iter()
            .filter(|r| finds(r, &facts))
            .count()
    };
    assert_eq!(ended("EXPIRED", JobKind::Streaming), 0);
    assert_eq!(ended("TIMEOUT", JobKind::Streaming), 1);
    for state in ["TIMEOUT", "STOPPED", "TERMINATED"] {
        assert_eq!(ended(state, JobKind::Session), 0, "{state}");
    }
    assert_eq!(ended("FAILED", JobKind::Session), 1);
}

#[test]
fn a_weekly_failure_stays_found_with_its_error_and_evidence() {
    let error = "Out of memory";
    let new = Run::ended("a", "FAILED", "11-14 08:00", "11-14 09:00");
    let new = new.with(|run| run.error = Some(error.to_owned()));
    let finding = &found("run-failed", "", &facts(&[("load", &[new])]))[0];
    assert_eq!(finding.message, "1 run of load failed: Out of memory");
    assert_eq!(finding.subject.run_id, "a");
    assert_eq!(finding.evidence, ["a FAILED at 2026-11-14 09:00 UTC"]);
    let old = Run::ended("b", "FAILED", "11-08 08:00", "11-08 09:00");
    let older = Run::ended("c", "FAILED", "11-01 08:00", "11-01 09:00");
    let finding = &found("run-failed", "", &facts(&[("load", &[old, older])]))[0];
    assert_eq!(finding.message, "2 runs of load failed");
    assert_eq!(finding.subject.run_id, "b");
}

#[test]
fn a_streak_counts_chains_and_ends_with_a_good_run() {
    let run = |id: &str, state: &str, hour: u32| {
        Run::ended(id, state, &format!("11-14 {hour:02}:00"), &format!("11-14 {hour:02}:10"))
    };
    let streak = |runs: &[Run]| finds("failure-streak", &facts(&[("load", runs)]));
    let three = [run("a", "FAILED", 1), run("b", "TIMEOUT", 2), run("c", "FAILED", 3)];
    assert!(streak(&three) && !streak(&three[..2]));
    let chain = [three[0].clone(), three[1].clone().retry_of("a"), three[2].clone().retry_of("b")];
    assert!(!streak(&chain));
    let with_stop = [three[0].clone(), run("s", "STOPPED", 2), three[2].clone()];
    assert!(!streak(&with_stop));
    let with_good = [three[0].clone(), run("g", "SUCCEEDED", 2), three[2].clone()];
    assert!(!streak(&with_good));
}

#[test]
fn a_storm_is_many_retries_in_a_day_and_what_they_cost() {
    let retry = |n: u32| {
        let (from, to) = (format!("11-14 {n:02}:00"), format!("11-14 {n:02}:10"));
        Run::ended(&format!("r{n}"), "FAILED", &from, &to).retry_of("a").cost("1.50")
    };
    let retries: Vec<_> = (0..10).map(retry).collect();
    assert_eq!(
        messages("retry-storm", "", &facts(&[("load", &retries)])),
        ["load was retried 10 times within a day, which cost $15.00"]
    );
    assert!(!finds("retry-storm", &facts(&[("load", &retries[1..])])));
}

#[test]
fn workers_are_limited_where_a_limit_is_set_by_the_latest_run() {
    let run = |start: &str, workers| Run::open("a", start).with(|run| run.workers = Some(workers));
    let runs = [run("11-14 08:00", 20), run("11-14 09:00", 12)];
    let facts = facts(&[("load", &runs)]);
    assert!(!finds("worker-limit", &facts), "there is no default");
    let limited = |section: &str| messages("worker-limit", section, &facts);
    assert_eq!(limited("workers = 10"), ["load runs with 12 workers"]);
    assert!(limited("workers = 12").is_empty());
    assert!(limited("workers = 10\n[[for]]\nteam = 'orders'\nworkers = 50").is_empty());
}

#[test]
fn an_owner_is_missing_unless_a_tag_or_a_rule_names_one() {
    let run = [Run::open("a", "11-14 08:00")];
    let with = |team: &str, tagged| {
        let mut facts = facts(&[("load", &run)]);
        let job = facts.jobs.values_mut().next().unwrap();
        (job.team, job.tagged) = (team.to_owned(), tagged);
        facts
    };
    assert!(finds("owner-missing", &with(UNALLOCATED, false)));
    assert!(!finds("owner-missing", &with("orders", true)));
    assert!(!finds("owner-missing", &with("orders", false)), "a rule gives it to a team");
    assert_eq!(messages("owner-missing", "tag_required = true", &with("orders", false)).len(), 1);
}

#[test]
fn an_application_without_a_maximum_is_found_once_by_its_latest_run() {
    let run = |start: &str, has_maximum| {
        Run::open(start, start).with(|run| {
            run.identity.engine = Engine::EmrServerless;
            run.identity.application_id = Some("00f1".into());
            run.has_maximum = has_maximum;
        })
    };
    let unbounded = |a, b| {
        let (a, b) = ([run("11-14 08:00", a)], [run("11-14 09:00", b)]);
        messages("application-unbounded", "", &facts(&[("x", &a), ("y", &b)]))
    };
    let text = "The EMR Serverless application 00f1 has no maximum capacity";
    assert_eq!(unbounded(Some(false), Some(false)), [text]);
    assert!(unbounded(Some(false), Some(true)).is_empty());
    assert!(unbounded(None, None).is_empty());
}

fn quota(now: f64, peak: f64, by_team: &[(&str, f64, Option<f64>, u64)]) -> Facts {
    let of_team = |(team, used, share, waiting): &(&str, f64, Option<f64>, u64)| TeamUse {
        team: (*team).to_owned(),
        used: *used,
        share: *share,
        waiting: *waiting,
    };
    let quota = QuotaFacts {
        account: "1".into(),
        region: "eu-west-1".into(),
        quota: "glue-dpus".into(),
        limit: 100.0,
        now,
        peak,
        peak_at: Some(at("11-14 08:00")),
        by_team: by_team.iter().map(of_team).collect(),
    };
    Facts { now: NOW.parse().unwrap(), quotas: vec![quota], ..Facts::default() }
}

#[test]
fn a_quota_is_near_at_80_and_critical_at_90_percent() {
    let near = |now, peak| {
        let finding = found("quota-near", "", &quota(now, peak, &[])).pop()?;
        Some((finding.severity, finding.observed, finding.magnitude))
    };
    assert_eq!(near(10.0, 79.9), None);
    assert_eq!(near(10.0, 80.0), Some((Severity::Warning, "80".into(), 800)));
    assert_eq!(near(89.9, 80.0), Some((Severity::Warning, "89.9".into(), 899)));
    assert_eq!(near(10.0, 90.0), Some((Severity::Critical, "90".into(), 900)));
    let text = messages("quota-near", "", &quota(10.0, 95.0, &[]));
    let text_now = messages("quota-near", "", &quota(95.0, 95.0, &[]));
    assert_eq!(text, ["glue-dpus of 1 in eu-west-1 was used to 95 % at 2026-11-14 08:00 UTC"]);
    assert!(text_now[0].ends_with("95 % now"));
}

#[test]
fn a_neighbour_is_noisy_only_while_others_wait() {
    let noisy = |by_team: &[_]| messages("noisy-neighbour", "", &quota(90.0, 90.0, by_team));
    let text = "orders uses 60 of glue-dpus (1 in eu-west-1) while 3 runs of others wait";
    assert_eq!(noisy(&[("orders", 60.0, None, 2), ("sales", 20.0, None, 3)]), [text]);
    assert!(noisy(&[("orders", 60.0, None, 2), ("sales", 20.0, None, 0)]).is_empty());
    assert!(noisy(&[("orders", 60.0, Some(60.0), 0), ("sales", 20.0, None, 3)]).is_empty());
    assert_eq!(noisy(&[("orders", 60.0, Some(59.0), 0), ("sales", 20.0, None, 3)]).len(), 1);
}

#[test]
fn a_report_is_overdue_after_two_hours_while_a_reader_lacks_it() {
    let overdue = |due: &str, missing| {
        let report = ReportFacts {
            report: "weekly".into(),
            period: "2026-W46".into(),
            due: at(due),
            missing,
        };
        let facts = Facts { now: NOW.parse().unwrap(), reports: vec![report], ..Facts::default() };
        finds("report-overdue", &facts)
    };
    assert!(overdue("11-14 09:59", 1));
    assert!(!overdue("11-14 10:00", 1));
    assert!(!overdue("11-14 09:59", 0));
    assert!(!overdue("11-15 09:59", 1));
}

/// Clocks that are ahead, and sources that contradict themselves.
#[test]
fn skewed_clocks_neither_break_nor_alarm() {
    let facts = facts(&[(
        "load",
        &[
            Run::ended("a", "SUCCEEDED", "11-14 12:10", "11-14 12:30"),
            Run::ended("b", "FAILED", "12-24 08:00", "12-24 09:00"),
            Run::ended("c", "SUCCEEDED", "11-14 09:00", "11-14 08:00"),
            Run::open("d", "11-20 08:00"),
            Run::open("e", "11-14 12:40"),
        ],
    )]);
    let load = job(&facts, "load");
    let ends: Vec<_> =
        load.ends().map(|end| (end.run.unwrap(), end.began() <= end.ended)).collect();
    assert_eq!(ends, [("c", true), ("a", true)], "an end of next month is none");
    assert!(load.open.iter().all(|run| run.started.is_none_or(|start| start <= facts.now)));
    for rule in crate::alerts::RULES {
        assert!(!finds(rule.code, &facts), "{}", rule.code);
    }
}
