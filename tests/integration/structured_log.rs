//! What is written to stderr: where no terminal is, one JSON object a line, with the run of the
//! task that it is about, and nothing twice; where a person reads, or says so, plain lines.
//!
//! That every line is JSON is asserted of every command that any test starts (`harness`).

use serde_json::Value;

use crate::harness::{Finished, Sandbox};
use crate::history::company;

const MONDAY: &str = "2026-11-16T07:00:00Z";

fn events(finished: &Finished) -> Vec<Value> {
    finished.log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The one event that says this.
#[track_caller]
fn event(finished: &Finished, text: &str) -> Value {
    let mut said = events(finished);
    said.retain(|event| event["fields"].to_string().contains(text));
    assert_eq!(said.len(), 1, "`{text}`, once, in:\n{}", finished.log);
    let event = said.remove(0);
    assert!(event["timestamp"].is_string(), "{event}");
    event
}

/// The run that every event of a command carries, and that is on record.
#[track_caller]
fn run_on_record(sandbox: &Sandbox, finished: &Finished, told: &[&Value]) {
    let history = ["--now", MONDAY, "history", "--task", "report", "--format", "json"];
    let history = sandbox.run(&history).exits(0).json();
    let run = &history["tasks"][0]["id"];
    assert!(run.is_string());
    for event in told {
        assert_eq!(&event["span"]["run"], run, "{event}\n{}", finished.log);
    }
}

#[test]
fn mails_are_events_with_their_occurrence_and_no_address() {
    let sandbox = company();
    let sent = sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    let told = event(&sent, "sent to ");
    assert_eq!((&told["level"], &told["target"]), (&"INFO".into(), &"told".into()));
    assert_eq!(told["fields"]["occurrence"], "weekly/2026-W46/all/r0");
    // sha256sum of the address, cut.
    assert_eq!(told["fields"]["recipient_hash"], "b9cf7d5784d2");
    run_on_record(&sandbox, &sent, &[&told, &event(&sent, "task ended")]);
    let told = sandbox.run(&["--now", MONDAY, "-v", "report", "--send"]).exits(0);
    event(&told, "already sent");
    assert!(!sent.log.contains("data-leaders@") && !told.log.contains("data-leaders@"));
}

#[test]
fn a_mail_that_is_not_sent_is_one_error_with_its_hint() {
    let sandbox = company();
    std::fs::write(sandbox.path("outbox"), "").unwrap();
    let run = ["--now", MONDAY, "schedule", "run", "weekly-report"];
    sandbox.run(&["--now", "2026-11-16T06:59:00Z", "schedule", "run", "weekly-report"]).exits(0);
    let failed = sandbox.run(&run);
    let told = event(&failed, "not sent to");
    assert_eq!(told["level"], "ERROR");
    assert!(told["fields"]["hint"].is_string() && told["fields"]["occurrence"].is_string());
    run_on_record(&sandbox, &failed, &[&told]);
    let nothing = sandbox.run(&["--now", "2026-11-16T06:59:00Z", "schedule", "run", "alerts"]);
    event(&nothing, "nothing is due");
}

#[test]
fn a_failure_is_told_once_with_its_exit_code() {
    let sandbox = company();
    let early = sandbox.run(&["--now", MONDAY, "report", "--send", "--week", "2026-W47"]).exits(2);
    let told = event(&early, "is not over");
    assert_eq!((&told["fields"]["exit"], &told["level"]), (&2.into(), &"ERROR".into()));
    assert!(told["fields"]["hint"].as_str().unwrap().contains("without --send"));
    run_on_record(&sandbox, &early, &[&told]);

    let unknown = sandbox.run(&["reprot"]).exits(2);
    assert!(event(&unknown, "reprot")["fields"]["hint"].as_str().unwrap().contains("Usage"));
    assert_eq!(events(&unknown).len(), 1);
    sandbox.write("runledger.toml", "[store]\nretention = 3\n");
    let broken = sandbox.run(&["report"]).exits(2);
    let told = event(&broken, "runledger.toml: store.retention");
    assert_eq!((&told["fields"]["exit"], events(&broken).len()), (&2.into(), 1));
    // A configuration that cannot be read has no store to be on record in, but a run of its own.
    let broken = sandbox.run(&["collect"]).exits(2);
    assert!(event(&broken, "store.retention")["span"]["run"].is_string());
}

#[test]
fn a_person_can_have_plain_lines_anywhere() {
    let sandbox = company().with("RUNLEDGER_LOG_FORMAT", "text");
    let sent = sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    assert!(sent.log.lines().any(|line| line.starts_with("sent to d***@")), "{}", sent.log);
    let failed = sandbox.run(&["report", "nightly"]).exits(2);
    let lines: Vec<&str> = failed.log.lines().collect();
    let [error, hint] = lines[..] else { panic!("not two lines: {}", failed.log) };
    assert!(error.starts_with("error: there is no report `nightly`"), "{error}");
    assert!(hint.starts_with("hint: "), "{hint}");
}

#[test]
fn the_form_of_the_log_is_read_in_any_case_and_a_mistake_is_told() {
    let failed = company().with("RUNLEDGER_LOG_FORMAT", "Text").run(&["report", "x"]).exits(2);
    assert!(failed.log.starts_with("error: there is no report `x`"), "{}", failed.log);
    let failed = company().with("RUNLEDGER_LOG_FORMAT", "JSON").run(&["report", "x"]).exits(2);
    assert_eq!(events(&failed).len(), 1);
    let failed = company().with("RUNLEDGER_LOG_FORMAT", "yaml").run(&["report", "x"]).exits(2);
    let told = event(&failed, "RUNLEDGER_LOG_FORMAT");
    assert_eq!((&told["level"], events(&failed).len()), (&"WARN".into(), 2));
    assert!(told["fields"]["message"].as_str().unwrap().contains("`yaml`"), "{told}");
}

#[test]
fn without_aws_it_is_said_once_and_in_our_words() {
    // The metadata service is asked, as on a machine of AWS's, and is not there.
    let nowhere = || {
        Sandbox::new()
            .with("AWS_EC2_METADATA_DISABLED", "false")
            .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    };
    let region = nowhere().with("AWS_REGION", "eu-west-1");
    let token = nowhere()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/runledger")
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere");
    for (sandbox, said) in
        [(nowhere(), "AWS_REGION"), (region, "AWS_PROFILE"), (token, "AWS_PROFILE")]
    {
        sandbox.run(&["init"]).exits(0);
        let failed = sandbox.run(&["collect"]);
        assert!(matches!(failed.code, Some(2 | 5)), "{:?}", failed.code);
        assert!(event(&failed, said)["span"]["run"].is_string());
        let targets = |of: &Finished| {
            let target = |event: Value| event["target"].as_str().unwrap().to_owned();
            events(of).into_iter().map(target).collect::<Vec<_>>()
        };
        assert_eq!(targets(&failed), ["told", "task"], "{}", failed.log);
        let doctor = sandbox.run(&["doctor"]);
        assert_eq!(targets(&doctor), ["told"], "{}", doctor.log);
        if said == "AWS_REGION" {
            let loud = sandbox.run(&["-v", "collect"]);
            assert!(loud.log.contains("aws_config::"), "{}", loud.log);
        }
    }
}
