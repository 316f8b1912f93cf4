//! The records of what Runledger did, from outside: what stored or sent is on record, by whom and
//! with what outcome; what was killed is too; and what only reads is not.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::Sandbox;

const MONDAY: &str = "2026-11-16T07:00:00Z";

/// A company with `init`'s configuration and one run, that cost 0.66 USD.
pub(crate) fn company() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).exits(0);
    import(&sandbox, "jr_1", MONDAY);
    sandbox
}

/// Stores a run of Tuesday, as of a time.
pub(crate) fn import(sandbox: &Sandbox, id: &str, now: &str) {
    let run = format!(
        r#"{{"Id":"{id}","JobName":"load","StartedOn":"2026-11-10T09:00:00Z","CompletedOn":"2026-11-10T10:00:00Z","LastModifiedOn":"2026-11-10T10:00:00Z","JobRunState":"SUCCEEDED","ExecutionTime":900,"WorkerType":"G.1X","NumberOfWorkers":6,"MaxCapacity":6.0,"GlueVersion":"5.0"}}"#
    );
    sandbox.write("runs.jsonl", run);
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    sandbox.run(&[&["--now", now, "import", "runs.jsonl"][..], &place[..]].concat()).exits(0);
}

/// What is on record, but for how the company's runs got there.
fn history(sandbox: &Sandbox, now: &str) -> Vec<Value> {
    let mut tasks = whole_history(sandbox, now);
    tasks.retain(|run| run["task"] != "import");
    tasks
}

fn whole_history(sandbox: &Sandbox, now: &str) -> Vec<Value> {
    let told = sandbox.run(&["--now", now, "history", "--format", "json"]).exits(0).json();
    told["tasks"].as_array().unwrap().clone()
}

#[test]
fn what_is_sent_is_on_record_and_what_is_shown_is_not() {
    let sandbox = company();
    let sent = sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    sandbox.run(&["--now", MONDAY, "report"]).exits(0);
    let copy = ["report", "--send", "--to", "ada@example.org"];
    sandbox.run(&[&["--now", "2026-11-16T07:05:00Z"][..], &copy[..]].concat()).exits(0);
    let again = sandbox.run(&["--now", "2026-11-16T07:10:00Z", "report", "--send"]).exits(0);
    assert!(again.stderr.contains("already sent to "), "{}", again.stderr);

    let runs = history(&sandbox, "2026-11-16T08:00:00Z");
    let counts =
        |run: &Value| ["mails_sent", "mails_already_sent"].map(|name| run["counts"][name].as_u64());
    let [again, copy, first] = &runs[..] else { panic!("not three runs: {runs:#?}") };
    assert_eq!(counts(again), [None, Some(1)], "newest first");
    assert_eq!((&again["mails"], &again["exit"]), (&Value::Null, &0.into()));
    assert_eq!(copy["words"][5], "[address]");
    assert_eq!(counts(first), [Some(1), None]);
    assert_eq!((&first["period"], &first["state"]), (&"2026-W46".into(), &"ended".into()));
    let id = first["mails"][0]["message_id"].as_str().unwrap();
    assert!(sent.stderr.contains(id), "{id}: {}", sent.stderr);

    // The line at the end is one of JSON, with the run that is on record.
    let line = sent.stderr.lines().find(|line| line.contains("task ended")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["span"]["run"], &line["fields"]["mails_sent"]), (&first["id"], &1.into()));
    assert!(!sent.stderr.contains("data-leaders@example.com"), "{}", sent.stderr);

    let text = sandbox.run(&["--now", "2026-11-16T08:00:00Z", "history"]).exits(0).stdout;
    assert!(text.contains(id) && text.contains("exit 0") && !text.contains("ada@"), "{text}");
    let none = ["--now", "2026-11-16T08:00:00Z", "history", "--task", "collect"];
    assert_eq!(sandbox.run(&none).exits(0).stdout, "");
    assert!(history(&sandbox, "2027-01-16T08:00:00Z").is_empty(), "30 days back, and no further");
}

#[test]
fn a_turn_says_which_schedule_had_it_done() {
    let sandbox = company();
    let run = ["schedule", "run", "weekly-report"];
    sandbox.run(&[&["--now", "2026-11-16T06:59:00Z"][..], &run[..]].concat()).exits(0);
    // The outbox is a file, so nothing can be written into it.
    std::fs::write(sandbox.path("outbox"), "").unwrap();
    let failed = sandbox.run(&[&["--now", MONDAY][..], &run[..]].concat());
    assert_ne!(failed.code, Some(0));
    let runs = history(&sandbox, MONDAY);
    let [run] = &runs[..] else { panic!("not one run: {runs:#?}") };
    assert_eq!((&run["schedule"], &run["due"]), (&"weekly-report".into(), &MONDAY.into()));
    assert_eq!((&run["task"], &run["counts"]["mails_failed"]), (&"report".into(), &1.into()));
    assert_eq!(run["exit"], failed.code.unwrap());
}

#[test]
fn metrics_are_lines_of_the_log_where_they_are_asked_for() {
    let sandbox = company().with("RUNLEDGER_LOG_METRICS", "emf");
    let sent = sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    let lines = sent.stderr.lines().filter(|line| line.contains("\"_aws\""));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let [line] = &lines[..] else { panic!("not one line: {}", sent.stderr) };
    assert_eq!((&line["Task"], &line["MailsSent"]), (&"report".into(), &1.into()));
    let named = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
    assert!(named.iter().all(|metric| line[metric["Name"].as_str().unwrap()].is_u64()), "{line}");
    assert!(!sent.stdout.contains("_aws"), "stdout is for data");
    let again = sandbox.run(&["--now", MONDAY, "report", "--send"]).exits(0);
    let line = again.log.lines().find(|line| line.contains("\"_aws\"")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["MailsAlreadySent"], &line["MailsSent"]), (&1.into(), &Value::Null));
}

#[test]
fn who_is_killed_is_seen_to_have_begun() {
    // It takes connections and never answers, so that the work is under way for as long as it may.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let sandbox = company()
        .with("AWS_ENDPOINT_URL", &url)
        .with("AWS_ACCESS_KEY_ID", "test")
        .with("AWS_SECRET_ACCESS_KEY", "test")
        .with("AWS_REGION", "us-east-1");
    let running = sandbox.start(&["--now", MONDAY, "collect"]);
    let begun = Instant::now();
    let under_way = loop {
        let runs = history(&sandbox, MONDAY);
        if let Some(run) = runs.into_iter().next() {
            break run;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is on record");
    };
    running.kill();
    assert_eq!((&under_way["task"], &under_way["state"]), (&"collect".into(), &"under-way".into()));
    let later = history(&sandbox, "2026-11-16T09:00:00Z");
    assert_eq!((&later[0]["id"], &later[0]["state"]), (&under_way["id"], &"killed".into()));
    let text = sandbox.run(&["--now", "2026-11-16T09:00:00Z", "history"]).exits(0).stdout;
    assert!(text.contains("killed: it began"), "{text}");
}

#[test]
fn what_is_imported_and_reserved_by_hand_is_on_record_too() {
    let sandbox = company();
    let runs = std::fs::read_to_string(sandbox.path("runs.jsonl")).unwrap();
    sandbox.write("more.jsonl", runs.clone() + "\n" + &runs.replace("jr_1", "jr_2") + "\n{\n");
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let import = ["--now", "2026-11-16T07:01:00Z", "import", "more.jsonl"];
    sandbox.run(&[&import[..], &place].concat()).exits(4);
    let reserve =
        ["quota", "reserve", "--team", "orders", "--dpu", "2", "--for", "1h", "--id", "k"];
    let now = |minute: &str| ["--now".to_owned(), format!("2026-11-16T07:{minute}:00Z")];
    let run = |minute: &str, words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned());
        sandbox.run(&now(minute).into_iter().chain(words).collect::<Vec<_>>())
    };
    let held = run("02", &[&reserve[..], &place].concat());
    assert!(matches!(held.code, Some(0 | 3 | 5)), "{}", held.stderr);
    run("03", &["quota", "release", "nothing"]);
    run("04", &["quota", "show"]);

    let tasks = whole_history(&sandbox, "2026-11-16T08:00:00Z");
    let names: Vec<_> = tasks.iter().map(|run| run["task"].as_str().unwrap()).collect();
    assert_eq!(&names[names.len() - 3..], ["quota reserve", "import", "import"], "{names:?}");
    let second = &tasks[names.len() - 2];
    let counts = serde_json::json!({
        "runs_new": 1, "runs_unchanged": 1, "lines_unreadable": 1, "aws_calls": 0
    });
    assert_eq!((&second["counts"], &second["exit"]), (&counts, &4.into()));
    assert_eq!(second["words"][3], "more.jsonl");
    assert_eq!(tasks[names.len() - 3]["exit"], held.code.unwrap());
}

/// What lies in the outbox is read again with a mail reader of its own, and hashed anew.
#[test]
fn a_mail_that_is_on_record_names_its_files() {
    let sandbox = company();
    let send = ["--now", MONDAY, "report", "--send", "--attach", "runs.csv"];
    sandbox.run(&send).exits(0);
    let files = history(&sandbox, MONDAY)[0]["mails"][0]["files"].take();
    let names: Vec<_> = files.as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["jobs-2026-W46.csv", "runs-2026-W46.csv"]);
    let script = "\
import email, glob, hashlib, json
mail = email.message_from_binary_file(open(glob.glob('outbox/*.eml')[0], 'rb'))
parts = [part for part in mail.walk() if part.get_filename()]
data = [(part.get_filename(), part.get_payload(decode=True)) for part in parts]
print(json.dumps([dict(name=name, bytes=len(held), sha256=hashlib.sha256(held).hexdigest())
                  for name, held in data]))";
    let python = std::process::Command::new("python3")
        .args(["-c", script])
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    let read: Value = serde_json::from_slice(&python.stdout).unwrap();
    assert_eq!(files, read);
    let text = sandbox.run(&["--now", MONDAY, "history", "--task", "report"]).exits(0).stdout;
    assert!(text.contains(names[0].as_str().unwrap()), "{text}");
}
