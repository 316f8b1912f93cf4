//! Schedules from outside: what is due is done once, late where it must be, whoever looks.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Sandbox;

/// Seven in London, in winter.
const MONDAY: &str = "2026-11-16T07:00:00Z";

/// A company with `init`'s configuration, one run, and the shipped schedules but for those that
/// ask AWS.
fn company() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).exits(0);
    let run = json!({
        "Id": "jr_1", "JobName": "load", "JobRunState": "SUCCEEDED", "ExecutionTime": 900,
        "StartedOn": "2026-11-10T09:00:00Z", "CompletedOn": "2026-11-10T10:00:00Z",
        "LastModifiedOn": "2026-11-10T10:00:00Z", "WorkerType": "G.1X", "NumberOfWorkers": 6,
        "MaxCapacity": 6.0, "GlueVersion": "5.0",
    });
    sandbox.write("runs.jsonl", run.to_string());
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let import = [&["--now", MONDAY, "import", "runs.jsonl"][..], &place[..]].concat();
    sandbox.run(&import).exits(0);
    configure(
        &sandbox,
        "[schedules.collect]\nenabled = false\n[schedules.alerts]\nenabled = false\n\
         [schedules.prices]\nenabled = false\n",
    );
    sandbox
}

fn configure(sandbox: &Sandbox, more: &str) {
    let file = sandbox.path("runledger.toml");
    let text = std::fs::read_to_string(&file).unwrap() + "\n" + more;
    std::fs::write(file, text).unwrap();
}

fn run_weekly(sandbox: &Sandbox, now: &str) -> String {
    sandbox.run(&["--now", now, "schedule", "run", "weekly-report"]).exits(0).stderr
}

fn mails(sandbox: &Sandbox) -> Vec<String> {
    // Each mail lies there as it is sent, and as a page to look at.
    let Ok(entries) = std::fs::read_dir(sandbox.path("outbox")) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let sent = paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "eml"));
    sent.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
}

fn last(sandbox: &Sandbox, now: &str) -> Value {
    let list = sandbox.run(&["--now", now, "schedule", "list", "--format", "json"]).exits(0).json();
    let all = list["schedules"].as_array().unwrap().clone();
    all.into_iter().find(|schedule| schedule["name"] == "weekly-report").unwrap()["last"].take()
}

#[test]
fn a_monday_is_sent_once_however_often_it_is_looked_at() {
    let sandbox = company();
    // A minute early nothing is due; that look is also the schedule's first.
    assert!(run_weekly(&sandbox, "2026-11-16T06:59:00Z").contains("nothing is due"));
    let told = run_weekly(&sandbox, MONDAY);
    assert!(told.contains("due at 2026-11-16T07:00:00Z: done"), "{told}");
    assert!(told.contains("weekly-report: nothing is due; next on Mon"), "{told}");
    assert!(run_weekly(&sandbox, "2026-11-16T07:01:00Z").contains("nothing is due; next on Mon"));
    let mails = mails(&sandbox);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("2026-W46") && !mails[0].contains("Sent late"), "{}", mails[0]);
    let turn = last(&sandbox, MONDAY);
    assert_eq!((&turn["due"], &turn["attempts"]), (&MONDAY.into(), &1.into()));
}

#[test]
fn a_missed_monday_is_sent_late_with_its_own_week_and_says_so() {
    let sandbox = company();
    run_weekly(&sandbox, "2026-11-15T12:00:00Z");
    // Nobody looked until the Tuesday after next: two Mondays are due, each with its own week.
    let told = run_weekly(&sandbox, "2026-11-24T09:00:00Z");
    assert!(told.contains("due at 2026-11-16T07:00:00Z, late: done"), "{told}");
    assert!(told.contains("due at 2026-11-23T07:00:00Z, late: done"), "{told}");
    let mails = mails(&sandbox);
    let of = |week: &str| {
        let is_subject = |line: &&str| line.starts_with("Subject:") && line.contains(week);
        let mails = mails.iter().filter(|mail| mail.lines().any(|line| is_subject(&line)));
        mails.collect::<Vec<_>>()
    };
    assert_eq!((mails.len(), of("2026-W46").len(), of("2026-W47").len()), (2, 1, 1));
    let late = of("2026-W46")[0];
    assert!(late.contains("Sent late: this report was due on"), "{late}");
}

/// On Monday at seven in London it is still Sunday on the Pacific: of the two time zones it is the
/// report's that says which week is over, and what goes out is final.
#[test]
fn a_schedule_sends_the_week_that_is_over_by_the_reports_own_clock() {
    let sandbox = company();
    let file = sandbox.path("runledger.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let pacific = "[reports.weekly]\ntime_zone = \"America/Los_Angeles\"";
    assert!(text.contains("[reports.weekly]"), "{text}");
    std::fs::write(file, text.replace("[reports.weekly]", pacific)).unwrap();
    run_weekly(&sandbox, "2026-11-15T12:00:00Z");
    let doctor = ["--now", "2026-11-15T12:00:00Z", "doctor", "--format", "json"];
    let checks = sandbox.run(&doctor).json()["checks"].take();
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == "weekly-report");
    let found = found.unwrap();
    assert_eq!(found["state"], "warn", "{found}");
    assert!(found["found"].as_str().unwrap().contains("2026-11-16T08:00:00Z"), "{found}");
    let told = run_weekly(&sandbox, MONDAY);
    assert!(told.contains("due at 2026-11-16T07:00:00Z: done"), "{told}");
    let [mail] = &mails(&sandbox)[..] else { panic!("one mail") };
    assert!(mail.contains("2026-W45") && !mail.contains("2026-W46"), "{mail}");
}

#[test]
fn a_failure_is_tried_again_and_its_reason_is_on_record() {
    let sandbox = company();
    run_weekly(&sandbox, "2026-11-15T12:00:00Z");
    // The outbox is a file, so nothing can be written into it.
    std::fs::write(sandbox.path("outbox"), "").unwrap();
    let arguments = ["--now", MONDAY, "schedule", "run", "weekly-report"];
    let failed = sandbox.run(&arguments);
    assert!(matches!(failed.code, Some(1 | 4)), "{:?}: {}", failed.code, failed.stderr);
    let turn = last(&sandbox, MONDAY);
    assert!(turn["state"]["failed"]["again_at"].is_string(), "{turn}");
    // Why is where a person looks first, and in the record of the task.
    let why = turn["failure"].as_str().unwrap_or_default();
    assert!(why.contains("not sent") && why.contains("outbox"), "{turn}");
    let list = sandbox.run(&["--now", MONDAY, "schedule", "list"]).exits(0).stdout;
    assert!(list.contains(why) && !list.contains("no reason"), "{list}");
    let history = sandbox.run(&["--now", MONDAY, "history", "--task", "report"]).exits(0).stdout;
    assert!(history.contains(&format!("failed: {why}")), "{history}");
    // Not at once, but five minutes later.
    std::fs::remove_file(sandbox.path("outbox")).unwrap();
    let told = run_weekly(&sandbox, "2026-11-16T07:04:00Z");
    assert!(told.contains("has failed, and is tried again from 2026-11-16T07:05:00Z"), "{told}");
    assert!(!failed.stderr.contains("nothing is due") && !told.contains("nothing is due"));
    assert!(run_weekly(&sandbox, "2026-11-16T07:05:00Z").contains("done"));
    assert_eq!(mails(&sandbox).len(), 1);
    assert_eq!(last(&sandbox, MONDAY)["attempts"], 2);
}

#[test]
fn two_schedulers_send_once() {
    let sandbox = company();
    run_weekly(&sandbox, "2026-11-15T12:00:00Z");
    let arguments = ["--now", MONDAY, "schedule", "run", "weekly-report"];
    let both: Vec<_> = (0..4).map(|_| sandbox.start(&arguments)).collect();
    let told: Vec<_> = both.into_iter().map(|running| running.wait().exits(0).stderr).collect();
    let done = told.iter().filter(|told| told.contains("weekly-report, due at")).count();
    assert_eq!((done, mails(&sandbox).len()), (1, 1), "{told:?}");
}

#[test]
fn a_killed_turn_is_taken_up_when_its_lease_has_run_out() {
    let sandbox = company();
    run_weekly(&sandbox, "2026-11-15T12:00:00Z");
    // SES that never answers holds the turn; the process is killed meanwhile.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let text = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let held = text.replace("via = \"outbox\"", "via = \"ses\"");
    assert_ne!(held, text, "init's configuration names the outbox");
    sandbox.write("held.toml", held);
    let sandbox = sandbox
        .with("AWS_ENDPOINT_URL_SESV2", &url)
        .with("AWS_ACCESS_KEY_ID", "test")
        .with("AWS_SECRET_ACCESS_KEY", "test")
        .with("AWS_REGION", "us-east-1");
    let arguments = ["--config", "held.toml", "--now", MONDAY, "schedule", "run", "weekly-report"];
    let mut running = sandbox.start(&arguments);
    let begun = Instant::now();
    while last(&sandbox, MONDAY).is_null() {
        assert!(begun.elapsed() < Duration::from_secs(60) && !running.has_ended());
    }
    running.kill();
    // Its word still holds: nobody else begins.
    let told = run_weekly(&sandbox, MONDAY);
    assert!(told.contains("another process is at what was due at 2026-11-16T07:00:00Z"), "{told}");
    assert!(!told.contains("nothing is due"), "{told}");
    assert!(last(&sandbox, MONDAY)["state"]["under-way"]["until"].is_string());
}

#[test]
fn serve_looks_once_where_time_stands_still() {
    let sandbox = company();
    sandbox.run(&["--now", "2026-11-16T06:00:00Z", "schedule", "serve"]).exits(0);
    assert!(mails(&sandbox).is_empty());
    sandbox.run(&["--now", MONDAY, "schedule", "serve"]).exits(0);
    assert_eq!(mails(&sandbox).len(), 1);
}

#[test]
fn serve_ends_when_it_is_told_to() {
    let sandbox = company();
    let running = sandbox.start(&["schedule", "serve"]);
    let begun = Instant::now();
    while !sandbox.path("runledger.db").exists() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    running.terminate();
    let ended = running.wait().exits(0);
    assert!(ended.stderr.contains("stopped"), "{}", ended.stderr);
}

#[test]
fn serve_ends_when_it_is_told_to_while_its_store_does_not_answer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let sandbox = company().with_dynamodb(&url);
    let running = sandbox.start(&["--store", "dynamodb:runledger", "schedule", "serve"]);
    drop(silent.accept().unwrap());
    let told = Instant::now();
    running.terminate();
    let ended = running.wait().exits(0);
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    assert!(ended.stderr.ends_with("stopped\n"), "{}", ended.stderr);
}

#[test]
fn a_folder_of_schedules_replaces_those_that_ship() {
    let sandbox = company();
    std::fs::create_dir(sandbox.path("mine")).unwrap();
    sandbox.write(
        "mine/monday.toml",
        "task = ['report', 'weekly', '--week', '{last_week}', '--send']\ncron = '0 8 * * MON'\n\
         zone = 'Europe/Berlin'\nrecipients = ['somebody.else@example.com']\neditions = ['all']\n",
    );
    let text = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    sandbox.write("other.toml", format!("schedules_folder = 'mine'\n{text}"));
    let text = text.split("[schedules.").next().unwrap();
    sandbox.write("mine.toml", format!("schedules_folder = 'mine'\n{text}"));
    // Changes of schedules that are not there are mistakes.
    let wrong = sandbox.run(&["--config", "other.toml", "schedule", "list"]).exits(2);
    assert!(wrong.stderr.contains("there are monday"), "{}", wrong.stderr);
    let run = ["--config", "mine.toml", "--now", MONDAY, "schedule", "run", "monday"];
    sandbox.run(&run).exits(0);
    let mails = mails(&sandbox);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("somebody.else@example.com"), "{}", mails[0]);
}

#[test]
fn a_task_that_is_no_command_is_a_mistake_in_its_file() {
    let sandbox = company();
    std::fs::create_dir(sandbox.path("mine")).unwrap();
    sandbox.write("mine/x.toml", "task = ['reprot']\ncron = '0 8 * * MON'\n");
    sandbox.write("mine.toml", "schedules_folder = 'mine'\n");
    let wrong = sandbox.run(&["--config", "mine.toml", "schedule", "next"]).exits(2);
    assert!(wrong.stderr.contains("schedule `x`: task: `reprot`"), "{}", wrong.stderr);
}

#[test]
fn what_is_too_old_to_be_made_up_for_is_given_up_once_and_told() {
    let sandbox = company();
    run_weekly(&sandbox, "2026-11-08T00:00:00Z");
    // Nothing ran for eleven Mondays: eight of them are made up for, and three are not.
    let late = "2027-01-19T07:00:00Z";
    let run = ["--now", late, "schedule", "run", "weekly-report"];
    let told = sandbox.run(&run).exits(4);
    let said = "weekly-report: given up: what was due at 2026-11-09T07:00:00Z (2026-W45), \
                2026-11-16T07:00:00Z (2026-W46), 2026-11-23T07:00:00Z (2026-W47) was never done";
    assert_eq!(told.stderr.matches(said).count(), 1, "{}", told.stderr);
    for week in ["2026-W45", "2026-W46", "2026-W47"] {
        let by_hand = format!("`runledger report weekly --week {week} --send`");
        assert_eq!(told.stderr.matches(&by_hand).count(), 1, "{}", told.stderr);
    }
    assert_eq!(told.stderr.matches("done\n").count(), 8, "{}", told.stderr);
    assert_eq!(mails(&sandbox).len(), 8);

    let history = |now: &str| {
        let told = ["--now", now, "history", "--since", "90d", "--format", "json"];
        let tasks = sandbox.run(&told).exits(0).json()["tasks"].take();
        let of = |task: &&Value| task["state"] == "given-up";
        tasks.as_array().unwrap().iter().filter(of).cloned().collect::<Vec<_>>()
    };
    let [record] = &history(late)[..] else { panic!("not one record") };
    assert_eq!((&record["exit"], &record["counts"]["turns_given_up"]), (&4.into(), &3.into()));
    assert_eq!((&record["schedule"], &record["task"]), (&"weekly-report".into(), &"report".into()));
    assert_eq!(record["due"], "2026-11-09T07:00:00Z");
    let failure = record["failure"].as_str().unwrap();
    assert!(failure.contains("2026-11-23T07:00:00Z (2026-W47)"), "{record}");

    // What began at once is told in the order in which it was due, the newest first.
    let tasks = ["--now", late, "history", "--format", "json"];
    let tasks = sandbox.run(&tasks).exits(0).json()["tasks"].take();
    let sent: Vec<&Value> =
        tasks.as_array().unwrap().iter().filter(|task| task["state"] == "ended").collect();
    let weeks: Vec<&str> = sent.iter().map(|task| task["period"].as_str().unwrap()).collect();
    let expected = [
        "2027-W02", "2027-W01", "2026-W53", "2026-W52", "2026-W51", "2026-W50", "2026-W49",
        "2026-W48",
    ];
    assert_eq!(weeks, expected);

    // Not again with the next tick, nor by another.
    assert!(run_weekly(&sandbox, "2027-01-19T08:00:00Z").contains("nothing is due"));
    assert_eq!(history("2027-01-19T09:00:00Z").len(), 1);
    // Another Monday goes by, and leaves what is made up for with nobody having come.
    let told = sandbox.run(&["--now", "2027-03-23T07:00:00Z", "schedule", "run", "weekly-report"]);
    assert!(
        told.exits(4)
            .stderr
            .contains("given up: what was due at 2027-01-25T07:00:00Z (2027-W03) was")
    );
}

#[test]
fn a_given_up_turn_is_what_was_done_last_of_the_month() {
    let sandbox = company();
    let shipped = include_str!("../../schedules/weekly-report.toml");
    std::fs::create_dir(sandbox.path("mine")).unwrap();
    sandbox.write("mine/weekly-report.toml", shipped.replace("\"56d\"", "\"1d\""));
    let text = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let text = text.split("[schedules.collect]").next().unwrap();
    sandbox.write("runledger.toml", format!("schedules_folder = \"mine\"\n{text}"));
    run_weekly(&sandbox, "2026-11-08T00:00:00Z");
    let now = "2026-11-20T07:00:00Z";
    sandbox.run(&["--now", now, "schedule", "run", "weekly-report"]).exits(4);
    assert_eq!(last(&sandbox, now)["given_up"], true);
    let list = sandbox.run(&["--now", now, "schedule", "list"]).exits(0).stdout;
    assert!(list.contains("2026-11-16T07:00:00Z: never done, and given up at"), "{list}");
    let doctor = sandbox.run(&["--now", now, "doctor"]).stdout;
    assert!(doctor.contains("was never done, and is given up"), "{doctor}");
}
