//! The command `alerts`: what it shows, what it keeps, whom it tells, and how it ends.

use runledger::model::{Definition, Engine, JobRun, RunIdentity, RunState};
use runledger::store::{Store, StoreSettings};
use serde_json::Value;

use super::{import, outbox, sandbox};
use crate::harness::{Finished, Sandbox};

const MAIL: &str = "[mail]\nfrom = 'Runledger <runledger@example.com>'\n\
                    [alerts]\nrecipients = ['ops@example.com']\n";

fn alerts(sandbox: &Sandbox, now: &str, more: &[&str]) -> Finished {
    sandbox.run(&[&["--now", now, "alerts"], more].concat())
}

fn findings(sandbox: &Sandbox, now: &str) -> Vec<Value> {
    let json = alerts(sandbox, now, &["--format", "json"]).exits(0).json();
    json["findings"].as_array().unwrap().clone()
}

#[test]
fn a_failure_is_told_once_and_its_end_too() {
    let sandbox = sandbox(MAIL);
    import(&sandbox, &[("load", "jr_1", "FAILED", 0)]);
    let now = "2026-11-14T12:05:00Z";
    // Looking keeps nothing: what is new stays so.
    for _ in 0..2 {
        let found = findings(&sandbox, now);
        assert_eq!(found.len(), 1, "{found:?}");
        let found = &found[0];
        assert_eq!((&found["code"], &found["state"]), (&"run-failed".into(), &"OPEN".into()));
        assert_eq!((&found["severity"], &found["sent"]), (&"warning".into(), &false.into()));
        assert_eq!(found["subject"]["job"], "load");
        assert_eq!(found["subject"]["run_id"], "jr_1");
        assert_eq!(found["recipients"], serde_json::json!(["ops@example.com"]));
        assert!(found["reason"].as_str().unwrap().contains("--send"), "{found}");
        for key in ["fingerprint", "observed", "limit", "message", "advice"] {
            assert!(found[key].is_string(), "{key}");
        }
    }
    alerts(&sandbox, now, &["--exit-code"]).exits(3);
    assert!(outbox(&sandbox).is_empty());

    let told = alerts(&sandbox, now, &["--send", "--exit-code"]).exits(3);
    assert!(told.stdout.contains("OPEN warning run-failed  load"), "{}", told.stdout);
    assert!(told.stderr.contains("sent to o***@e***.com"), "{}", told.stderr);
    assert!(!told.stdout.contains("ops@example.com") && !told.stderr.contains("ops@"));
    assert_eq!(outbox(&sandbox).len(), 1);
    let again = alerts(&sandbox, "2026-11-14T12:10:00Z", &["--send", "--explain"]).exits(0);
    assert!(again.stdout.contains("not sent: told at"), "{}", again.stdout);
    assert_eq!(outbox(&sandbox).len(), 1);

    import(&sandbox, &[("load", "jr_2", "SUCCEEDED", 60)]);
    let json = ["--send", "--format", "json"];
    let told = alerts(&sandbox, "2026-11-14T13:05:00Z", &json).exits(0).json();
    assert_eq!(told["findings"][0]["state"], "RESOLVED");
    assert_eq!(told["findings"][0]["sent"], true);
    assert_eq!(outbox(&sandbox).len(), 2);
    alerts(&sandbox, "2026-11-14T13:10:00Z", &["--send", "--exit-code"]).exits(0);
    assert_eq!(outbox(&sandbox).len(), 2);
}

#[test]
fn what_was_there_on_the_first_day_is_taken_as_known() {
    let sandbox = sandbox(MAIL);
    import(&sandbox, &[("load", "jr_1", "FAILED", 0)]);
    alerts(&sandbox, "2026-11-14T12:05:00Z", &["--baseline"]).exits(0);
    import(&sandbox, &[("other", "jr_2", "FAILED", 10)]);
    let told = alerts(&sandbox, "2026-11-14T12:15:00Z", &["--send", "--explain"]).exits(0);
    assert!(told.stdout.contains("1 to tell, 0 known, 1 silenced (1 baseline)"), "{}", told.stdout);
    assert!(told.stdout.contains("not sent: known from the first day"), "{}", told.stdout);
    let mails = outbox(&sandbox);
    assert!(mails.len() == 1 && mails[0].contains("other"), "{mails:?}");
    assert!(!mails[0].contains("load"));
}

#[test]
fn what_is_muted_is_counted_with_its_reason() {
    let mute =
        "[[alerts.mutes]]\njob = '^load$'\nuntil = '2026-11-20'\nwhy = 'it is being moved'\n";
    let sandbox = sandbox(&format!("{MAIL}{mute}"));
    import(&sandbox, &[("load", "jr_1", "FAILED", 0)]);
    let now = "2026-11-14T12:05:00Z";
    let told = alerts(&sandbox, now, &["--send", "--exit-code"]).exits(0);
    assert!(told.stdout.contains("1 silenced (1 mute)"), "{}", told.stdout);
    let explained = alerts(&sandbox, now, &["--explain"]).exits(0);
    let why = "not sent: muted until 2026-11-20: it is being moved";
    assert!(explained.stdout.contains(why), "{}", explained.stdout);
    let json = alerts(&sandbox, now, &["--format", "json"]).exits(0).json();
    assert_eq!(json["silenced"]["mute"], 1);
    assert!(outbox(&sandbox).is_empty());
}

/// As in the published solution. A Glue run has its tags from its job, which `collect` asks for; an
/// EMR Serverless run brings its own, in a file too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tag_that_silences_a_job_is_told_as_the_reason() {
    let sandbox = sandbox(MAIL);
    import(&sandbox, &[("other", "jr_2", "FAILED", 0)]);
    let silenced = std::collections::BTreeMap::from([("remediate".to_owned(), "false".to_owned())]);
    let run = serde_json::json!({"jobRun": {
        "applicationId": "00f1", "jobRunId": "00r1", "name": "silent-serverless",
        "arn": "arn:aws:emr-serverless:eu-west-1:111122223333:/applications/00f1/jobruns/00r1",
        "state": "FAILED", "createdAt": 1_794_656_400, "updatedAt": 1_794_657_000,
        "startedAt": 1_794_656_400, "endedAt": 1_794_657_000, "tags": silenced,
    }});
    sandbox.write("run.json", run.to_string());
    sandbox.run(&["import", "run.json"]).exits(0);
    let identity = RunIdentity {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: "jr_1".into(),
        attempt: 1,
    };
    let mut run = JobRun::new(identity, RunState::Failed);
    run.job_name = Some("silent-glue".into());
    run.started_at = Some("2026-11-14T11:50:00Z".parse().unwrap());
    run.ended_at = Some("2026-11-14T12:00:00Z".parse().unwrap());
    run.define(Definition { tags: Some(silenced), ..Definition::default() });
    let store = Store::embedded(&sandbox.path("runledger.db"), StoreSettings::default()).await;
    store.unwrap().save_runs(vec![run], "2026-11-14T12:01:00Z".parse().unwrap()).await.unwrap();

    let now = "2026-11-14T12:05:00Z";
    let told = alerts(&sandbox, now, &["--send"]).exits(0);
    assert!(told.stdout.contains("1 to tell, 0 known, 2 silenced (2 tag)"), "{}", told.stdout);
    let mails = outbox(&sandbox);
    assert!(mails.len() == 1 && mails[0].contains("other"), "{mails:?}");
    assert!(!mails[0].contains("silent-"), "{}", mails[0]);
    let why = "the job's tag remediate=false silences it";
    let explained = alerts(&sandbox, now, &["--explain"]).exits(0).stdout;
    assert_eq!(explained.matches(&format!("not sent: {why}")).count(), 2, "{explained}");
    let json = alerts(&sandbox, now, &["--format", "json"]).exits(0).json();
    assert_eq!(json["silenced"], serde_json::json!({"tag": 2}));
    for job in ["silent-glue", "silent-serverless"] {
        let findings = json["findings"].as_array().unwrap();
        let finding = findings.iter().find(|found| found["subject"]["job"] == job).unwrap();
        assert_eq!((&finding["sent"], &finding["reason"]), (&false.into(), &why.into()));
    }
    // Nothing else is left: nothing is found by the exit code, and no reminder is sent.
    import(&sandbox, &[("other", "jr_3", "SUCCEEDED", 60)]);
    alerts(&sandbox, "2026-11-14T13:05:00Z", &["--send", "--exit-code"]).exits(0);
    assert_eq!(outbox(&sandbox).len(), 2, "the other's end");
    alerts(&sandbox, "2026-11-15T13:05:00Z", &["--send", "--exit-code"]).exits(0);
    assert_eq!(outbox(&sandbox).len(), 2);
}

#[test]
fn without_a_way_out_nothing_is_kept() {
    let sandbox = sandbox("[alerts]\nrecipients = ['ops@example.com']");
    import(&sandbox, &[("load", "jr_1", "FAILED", 0)]);
    let now = "2026-11-14T12:05:00Z";
    let refused = alerts(&sandbox, now, &["--send"]).exits(2);
    assert!(refused.stderr.contains("[mail]"), "{}", refused.stderr);
    assert_eq!(findings(&sandbox, now)[0]["state"], "OPEN");
}

#[test]
fn many_starts_at_once_tell_each_alert_once() {
    let sandbox = sandbox(MAIL);
    let jobs: Vec<String> = (0..20).map(|n| format!("load-{}", (b'a' + n) as char)).collect();
    let runs: Vec<_> = jobs.iter().map(|job| (job.as_str(), job.as_str(), "FAILED", 0)).collect();
    import(&sandbox, &runs);
    let start = |_| sandbox.start(&["--now", "2026-11-14T12:05:00Z", "alerts", "--send"]);
    let starts: Vec<_> = (0..6).map(start).collect();
    for start in starts {
        let done = start.wait();
        assert!(matches!(done.code, Some(0 | 4)), "{:?} {}", done.code, done.stderr);
    }
    let mails = outbox(&sandbox);
    assert_eq!(mails.len(), 1, "{} mails", mails.len());
    assert!(jobs.iter().all(|job| mails[0].contains(job)));
}
