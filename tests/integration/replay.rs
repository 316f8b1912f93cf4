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
