//! What was sent, computed again from outside: the same bytes as long as nothing but late runs came
//! in between, and else what was changed.

use serde_json::Value;

use crate::harness::Sandbox;
use crate::history::{company, import};

const MONDAY: &str = "2026-11-16T07:00:00Z";
const TUESDAY: &str = "2026-11-17T07:00:00Z";

fn replay(sandbox: &Sandbox, code: i32) -> Value {
    let week = ["--now", TUESDAY, "replay", "--week", "2026-W46", "--format", "json"];
    let told = sandbox.run(&week).exits(code).json();
    let mails = told["mails"].as_array().unwrap();
    assert_eq!(mails.len(), 1, "{told}");
    mails[0].clone()
}

fn mails(sandbox: &Sandbox) -> usize {
    std::fs::read_dir(sandbox.path("outbox")).unwrap().count()
}

#[test]
fn late_runs_are_told_and_the_bytes_stay_the_same() {
    let sandbox = company();
    sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    let sent = mails(&sandbox);
    let before = replay(&sandbox, 0);
    assert_eq!(
        (&before["same_bytes"], &before["late_runs"]),
        (&true.into(), &Value::Array(vec![]))
    );
    import(&sandbox, "jr_late", TUESDAY);
    let mail = replay(&sandbox, 0);
    assert_eq!(mail["sha256_then"], mail["sha256_again"]);
    // Six DPUs for a quarter of an hour at 0.44 an hour, each.
    assert_eq!((&mail["total_then_usd"], &mail["total_now_usd"]), (&"0.66".into(), &"1.32".into()));
    let late = mail["late_runs"].as_array().unwrap();
    assert_eq!((late.len(), &late[0]["run_id"]), (1, &"jr_late".into()));
    assert_eq!((&late[0]["cost_usd"], &late[0]["first_stored"]), (&"0.66".into(), &TUESDAY.into()));
    assert!(!mail["recipient"].as_str().unwrap().contains("data-leaders@example.com"));
    let week = ["--now", TUESDAY, "replay", "--week", "2026-W46"];
    let text = sandbox.run(&week).exits(0).stdout;
    assert!(text.starts_with("same bytes: all, to ") && text.contains("jr_late"), "{text}");
    assert_eq!(mails(&sandbox), sent, "a replay sends nothing");
}

/// What is told between a report and its replay is no part of what was sent.
#[test]
fn alerts_that_stood_are_in_the_report_and_come_out_the_same_when_they_are_over() {
    let sandbox = company();
    let file = sandbox.path("runledger.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let told = "[alerts]\nrecipients = ['ops@example.com']";
    std::fs::write(&file, text.replacen("[alerts]", told, 1)).unwrap();
    let run = |id: &str, state: &str, hour: u32, now: &str| {
        let run = format!(
            r#"{{"Id":"{id}","JobName":"fail","StartedOn":"2026-11-15T{hour:02}:00:00Z","CompletedOn":"2026-11-15T{hour:02}:30:00Z","LastModifiedOn":"2026-11-15T{hour:02}:30:00Z","JobRunState":"{state}","ExecutionTime":900,"WorkerType":"G.1X","NumberOfWorkers":6,"MaxCapacity":6.0,"GlueVersion":"5.0"}}"#
        );
        sandbox.write("runs.jsonl", run);
        let place = ["--account", "111122223333", "--region", "us-east-1"];
        sandbox.run(&[&["--now", now, "import", "runs.jsonl"][..], &place[..]].concat()).exits(0);
    };
    run("jr_bad", "FAILED", 9, "2026-11-15T10:00:00Z");
    let report = ["--now", MONDAY, "report", "--week", "2026-W46", "--format"];
    let json = || sandbox.run(&[&report[..], &["json"]].concat()).exits(0).json();
    assert_eq!(json()["alerts"], Value::Array(vec![]), "nothing was told");
    let told = sandbox.run(&["--now", "2026-11-15T10:00:00Z", "alerts", "--send"]).exits(0);
    assert!(told.stdout.contains("run-failed"), "{}", told.stdout);
    let shown = json();
    let alerts = shown["alerts"].as_array().unwrap();
    let failed = alerts.iter().find(|alert| alert["code"] == "run-failed").unwrap();
    assert_eq!((&failed["severity"], &failed["state"]), (&"warning".into(), &"OPEN".into()));
    assert_eq!(
        (&failed["subject"]["job"], &shown["alerts_total"]),
        (&"fail".into(), &alerts.len().into())
    );
    let text = sandbox.run(&[&report[..], &["text"]].concat()).exits(0).stdout;
    assert!(
        text.contains("\nALERTS\n")
            && text.contains("warning since 15 Nov 10:00: 1 run of fail failed"),
        "{text}"
    );

    sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    let noon = "2026-11-16T12:00:00Z";
    run("jr_good", "SUCCEEDED", 11, noon);
    sandbox.run(&["--now", noon, "alerts", "--send"]).exits(0);
    let alerts = json()["alerts"].as_array().unwrap().clone();
    assert!(alerts.iter().all(|alert| alert["code"] != "run-failed"), "{alerts:?}");
    let mail = replay(&sandbox, 0);
    assert_eq!(mail["late_runs"][0]["run_id"], "jr_good", "{mail}");
}

#[test]
fn other_prices_and_other_settings_are_named() {
    let sandbox = company();
    sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    let file = sandbox.path("runledger.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("Runledger <runledger@", "Costs <runledger@")).unwrap();
    let mail = replay(&sandbox, 3);
    assert_eq!((&mail["same_bytes"], &mail["total_again_usd"]), (&false.into(), &"0.66".into()));
    assert_eq!(mail["changes"], serde_json::json!(["the configuration has changed"]));
    assert_ne!(mail["sha256_then"], mail["sha256_again"]);
}

#[test]
fn what_was_never_sent_cannot_be_computed_again() {
    let sandbox = company();
    let week = ["--now", TUESDAY, "replay", "--week", "2026-W46"];
    let told = sandbox.run(&week).exits(1).stderr;
    assert!(told.contains("no mail of report `weekly` for 2026-W46 is on record"), "{told}");
}

#[test]
fn each_sending_is_compared_with_what_it_was() {
    let sandbox = company();
    sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    import(&sandbox, "jr_late", "2026-11-16T09:00:00Z");
    let resend = ["report", "--send", "--resend", "--week", "2026-W46", "--why", "lost"];
    for now in ["2026-11-16T10:00:00Z", "2026-11-16T11:00:00Z"] {
        sandbox.run(&[&["--now", now][..], &resend].concat()).exits(0);
    }
    let week = ["--now", TUESDAY, "replay", "--week", "2026-W46"];
    let told = sandbox.run(&[&week[..], &["--format", "json"]].concat()).exits(0).json();
    let mails = told["mails"].as_array().unwrap();
    let seen = |name: &str| mails.iter().map(|mail| mail[name].clone()).collect::<Vec<_>>();
    assert_eq!(seen("sending"), [1, 2, 3]);
    assert_eq!(seen("sendings"), [3, 3, 3]);
    assert_eq!(seen("total_then_usd"), ["0.66", "1.32", "1.32"]);
    let at = [MONDAY, "2026-11-16T10:00:00Z", "2026-11-16T11:00:00Z"];
    assert_eq!(seen("sent_at"), at);
    assert!(mails.iter().all(|mail| mail["same_bytes"] == true), "{told}");
    let history = ["--now", TUESDAY, "history", "--task", "report", "--format", "json"];
    let sent = sandbox.run(&history).exits(0).json();
    // Newest first.
    let of_second = &sent["tasks"][1]["mails"][0];
    assert_eq!(mails[1]["sha256_then"], of_second["sha256"]);

    let text = sandbox.run(&week).exits(0).stdout;
    assert!(text.contains("same bytes: all, sending 2 of 3, to "), "{text}");
    // An outbox names a mail by its occurrence, so all three have one id there.
    let id = of_second["message_id"].as_str().unwrap();
    let one = [&week[..], &["--message-id", id, "--format", "json"]].concat();
    assert_eq!(sandbox.run(&one).exits(0).json()["mails"].as_array().unwrap().len(), 3);
    sandbox.run(&[&week[..], &["--message-id", "none"]].concat()).exits(1);
}
