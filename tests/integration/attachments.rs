//! Tables that go with a report's mails, from outside: what a schedule asks for is what `export`
//! writes, each team has its own rows alone, what is too large is left out and named, and a replay
//! makes the same bytes again.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::harness::{Sandbox, beside_tests, python};

const MONDAY: &str = "2026-11-16T07:00:00Z";
const TUESDAY: &str = "2026-11-17T07:00:00Z";
const SHIPPED: &str = r#"recipients = ["data-leaders@example.com"]"#;

/// A company with so many runs of two teams, the third of each team being the retry of a failure.
fn company(runs: usize, mail: &str, schedule: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).exits(0);
    let file = sandbox.path("runledger.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let teams = format!("{SHIPPED}\n[reports.weekly.teams]\norders = [\"orders@example.com\"]\n");
    let text =
        text.replacen(SHIPPED, &teams, 1).replacen("[mail]\n", &format!("[mail]\n{mail}"), 1);
    let rules = "[ownership]\nrules = [{ job = \"^orders-\", team = \"orders\" }]";
    let text = text.replacen("[ownership]", rules, 1);
    std::fs::write(&file, format!("{text}\n[schedules.weekly-report]\n{schedule}\n")).unwrap();
    store(&sandbox, 0..runs, MONDAY);
    sandbox
}

fn store(sandbox: &Sandbox, runs: std::ops::Range<usize>, now: &str) {
    let mut lines = String::new();
    for n in runs {
        let job = if n % 2 == 0 { "orders-load" } else { "sales-load" };
        let (day, seconds) = (9 + n % 7, 300 + n % 1_000);
        let state = if n % 6 < 2 { "FAILED" } else { "SUCCEEDED" };
        let retry = match n % 6 {
            4 | 5 => format!(r#""PreviousRunId":"jr_{}","Attempt":1,"#, n - 4),
            _ => String::new(),
        };
        let at = |hour: u32| format!("2026-11-{day:02}T{hour:02}:{:02}:00Z", n % 60);
        writeln!(
            lines,
            r#"{{"Id":"jr_{n}","JobName":"{job}",{retry}"StartedOn":"{}","CompletedOn":"{}","LastModifiedOn":"{}","JobRunState":"{state}","ExecutionTime":{seconds},"WorkerType":"G.1X","NumberOfWorkers":6,"MaxCapacity":6.0,"GlueVersion":"5.0"}}"#,
            at(9), at(10), at(10),
        )
        .unwrap();
    }
    sandbox.write("runs.jsonl", lines);
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    sandbox.run(&[&["--now", now, "import", "runs.jsonl"][..], &place[..]].concat()).exits(0);
}

/// The mail to a recipient, read by Python's parser.
fn mail_to(sandbox: &Sandbox, recipient: &str) -> Value {
    let files = std::fs::read_dir(sandbox.path("outbox")).unwrap();
    let read = |path: std::path::PathBuf| -> Value {
        let said = python(&beside_tests("oracle/read_mail.py"), &[path.as_os_str()]);
        serde_json::from_str(&said).unwrap()
    };
    let mut mails = files.map(|file| read(file.unwrap().path()));
    mails.find(|mail| mail["mailboxes"]["To"][0][1] == recipient).unwrap()
}

/// The names of a mail's files, and of one its content or SHA-256.
fn files(mail: &Value) -> Vec<(String, Value)> {
    let parts = mail["body"]["parts"].as_array().unwrap().iter().skip(1);
    let content = |part: &Value| match part["content"].as_str() {
        Some(text) => text.replace("\r\n", "\n").into(),
        None => part["sha256"].clone(),
    };
    parts.map(|part| (part["file_name"].as_str().unwrap().to_owned(), content(part))).collect()
}

/// What `export` writes of the same week, read in the same way.
fn exported(sandbox: &Sandbox, table: &str, format: &str, team: &[&str]) -> Value {
    let file = format!("exported.{format}");
    let order = ["--now", MONDAY, "export", table, "--week", "2026-W46", "-o", &file];
    sandbox.run(&[&order[..], team].concat()).exits(0);
    let bytes = std::fs::read(sandbox.path(&file)).unwrap();
    match format {
        "csv" => String::from_utf8(bytes).unwrap().replace("\r\n", "\n").into(),
        _ => format!("{:x}", Sha256::digest(bytes)).into(),
    }
}

#[test]
fn a_schedules_tables_are_what_export_writes_and_come_out_the_same_again() {
    let wanted = r#"attachments = ["runs.csv", "costs.xlsx", "jobs.csv", "hourly.parquet",
        "chains.jsonl", "runs.csv"]"#;
    let sandbox = company(90, "", wanted);
    sandbox.run(&["--now", "2026-11-16T06:59:00Z", "schedule", "run", "weekly-report"]).exits(0);
    let told = sandbox.run(&["--now", MONDAY, "schedule", "run", "weekly-report"]).exits(0).stderr;
    assert!(told.contains("sent to "), "{told}");
    let names = ["jobs", "failures", "runs", "costs", "hourly", "chains"];
    let endings = ["csv", "csv", "csv", "xlsx", "parquet", "jsonl"];
    for (reader, team) in
        [("data-leaders@example.com", &[][..]), ("orders@example.com", &["--team", "orders"][..])]
    {
        let files = files(&mail_to(&sandbox, reader));
        let told: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let expected: Vec<String> =
            names.iter().zip(endings).map(|(n, e)| format!("{n}-2026-W46.{e}")).collect();
        assert_eq!(told, expected, "what was asked for twice goes once, after the mail's own");
        for ((_, content), (name, ending)) in files.iter().zip(names.iter().zip(endings)) {
            if *name != "failures" {
                let table = exported(&sandbox, name, ending, team);
                assert_eq!(*content, table, "{name}.{ending} to {reader}");
            }
        }
        let rows = files[2].1.as_str().unwrap().lines().count() - 1;
        assert_eq!(rows, if team.is_empty() { 90 } else { 45 }, "every second run is theirs");
    }

    // Late runs are in none of the files that are made again as of then.
    store(&sandbox, 90..96, TUESDAY);
    let week = ["--now", TUESDAY, "replay", "--week", "2026-W46", "--format", "json"];
    let replayed = sandbox.run(&week).exits(0).json();
    let mails = replayed["mails"].as_array().unwrap();
    assert_eq!(mails.len(), 2);
    for mail in mails {
        let late = if mail["edition"] == "all" { 6 } else { 3 };
        assert_eq!(mail["late_runs"].as_array().unwrap().len(), late, "{mail}");
        assert_eq!(mail["same_bytes"], true, "{mail}");
    }
    let told = sandbox.run(&["--now", TUESDAY, "history", "--format", "json"]).exits(0).json();
    let inputs = |run: &Value| run["inputs"]["attachments"].clone();
    let recorded: Vec<Value> = told["tasks"].as_array().unwrap().iter().map(inputs).collect();
    let asked =
        ["runs.csv", "costs.xlsx", "jobs.csv", "hourly.parquet", "chains.jsonl", "runs.csv"];
    assert!(recorded.contains(&asked.to_vec().into()), "{recorded:?}");
}

#[test]
fn what_no_mail_has_room_for_is_left_out_whole_and_named() {
    // A row of a run's CSV is some 250 bytes, so these are more than a mail of one megabyte holds;
    // half of them are not, and compressed none is.
    let sandbox = company(4_200, "max_megabytes = 1\n", "");
    let attach = ["report", "--send", "--attach", "runs.csv,runs.parquet"];
    let told = sandbox.run(&[&["--now", MONDAY][..], &attach[..]].concat()).exits(0).stderr;
    assert!(told.contains("without runs-2026-W46.csv (too large)"), "{told}");
    let whole = mail_to(&sandbox, "data-leaders@example.com");
    let names: Vec<String> = files(&whole).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["jobs-2026-W46.csv", "failures-2026-W46.csv", "runs-2026-W46.parquet"]);
    let said = "The attachment runs-2026-W46.csv (more than 0.7 MB) was left out";
    for part in whole["body"]["parts"][0]["parts"].as_array().unwrap() {
        assert!(part["content"].as_str().unwrap().contains(said), "{part}");
    }
    let orders = files(&mail_to(&sandbox, "orders@example.com"));
    let (_, runs) = orders.iter().find(|(name, _)| name == "runs-2026-W46.csv").unwrap();
    assert_eq!(runs.as_str().unwrap().lines().count(), 1 + 2_100);
    let week = ["--now", TUESDAY, "replay", "--week", "2026-W46"];
    assert!(!sandbox.run(&week).exits(0).stdout.contains("DIFFERENT"));
}

#[test]
fn what_cannot_be_attached_is_refused_before_anything_is_done() {
    let sandbox = company(1, "", "");
    for (asked, why) in [
        ("runz.csv", "there is no table `runz`"),
        ("runs.pdf", "there is no format `pdf`"),
        ("focus.csv", "`runledger export focus`"),
    ] {
        let told = sandbox.run(&["report", "--send", "--attach", asked]).exits(2).stderr;
        assert!(told.contains(why), "{told}");
        let broken = company(1, "", "");
        let file = broken.path("runledger.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}attachments = [\"{asked}\"]\n")).unwrap();
        let told = broken.run(&["report", "--send"]).exits(2).stderr;
        assert!(
            told.contains("schedules.weekly-report.attachments") && told.contains(why),
            "{told}"
        );
    }
    sandbox.run(&["report", "--attach", "runs.csv"]).exits(2);
    assert!(!sandbox.path("outbox").exists());
}

#[test]
fn what_takes_a_mails_place_has_its_files_too() {
    let sandbox = company(4, "", r#"attachments = ["runs.csv"]"#);
    sandbox.run(&["--now", "2026-11-16T06:59:00Z", "schedule", "run", "weekly-report"]).exits(0);
    sandbox.run(&["--now", MONDAY, "schedule", "run", "weekly-report"]).exits(0);
    store(&sandbox, 4..6, TUESDAY);
    let names = |more: &[&str]| {
        let send = ["--now", TUESDAY, "report", "--send", "--week", "2026-W46", "--why", "late"];
        sandbox.run(&[&send[..], more].concat()).exits(0);
        let history = ["--now", TUESDAY, "history", "--task", "report", "--format", "json"];
        let told = sandbox.run(&history).exits(0).json();
        let runs = told["tasks"].as_array().unwrap();
        let words = |run: &&Value| more.iter().all(|word| run["words"].to_string().contains(word));
        let run = runs.iter().find(words).unwrap();
        let files = run["mails"][0]["files"].as_array().unwrap();
        let names = files.iter().map(|file| file["name"].as_str().unwrap().to_owned());
        names
            .skip_while(|name| !name.starts_with("runs") && !name.starts_with("costs"))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&["--restate"]), ["runs-2026-W46.csv"]);
    assert_eq!(names(&["--resend"]), ["runs-2026-W46.csv"]);
    assert_eq!(names(&["--resend", "--attach", "costs.csv"]), ["costs-2026-W46.csv"]);
}
