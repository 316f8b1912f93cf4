//! How long an orchestrator waits for its answer: `quota check` and `quota reserve` as processes of
//! the release build, beside 1,000 runs under way.
//!
//! It prints and judges nothing; `README.md` beside this file says how to run it.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const NOW: &str = "2026-11-16T06:00:00Z";
const OPEN_RUNS: u32 = 1_000;
const ASKS: usize = 20;
const TARGET_MS: f64 = 300.0;

const CONFIG: &str = "account = '111122223333'\nregion = 'eu-west-1'\n\
    [store]\ntransaction_items = 10\n[[quotas]]\naccount = '111122223333'\n\
    region = 'eu-west-1'\nquota = 'glue-dpus'\nvalue = 1000000\n\
    [[quotas.shares]]\nteam = 'orders'\nbaseline = 1000\n";

fn main() {
    println!("{:<28} {:>9} {:>9}   target ms", "beside 1,000 open runs", "median ms", "worst ms");
    measure("embedded:runs.db", "embedded");
    match std::env::var("RUNLEDGER_TEST_DYNAMODB_URL") {
        Ok(_) => measure(&format!("dynamodb:runledger-bench-{}", std::process::id()), "server"),
        Err(_) => println!("server: RUNLEDGER_TEST_DYNAMODB_URL is not set"),
    }
}

fn measure(store: &str, name: &str) {
    let folder = tempfile::tempdir().expect("a folder for the data");
    std::fs::write(folder.path().join("runledger.toml"), CONFIG).expect("settings");
    std::fs::write(folder.path().join("runs.jsonl"), open_runs()).expect("the data's file");
    run(folder.path(), store, &["init"], &[0]);
    run(folder.path(), store, &["import", "runs.jsonl"], &[0]);
    let check = ["quota", "check", "--team", "orders", "--dpu", "10"];
    let reserve = ["quota", "reserve", "--team", "orders", "--dpu", "10", "--for", "2h"];
    for (what, arguments) in [("check", &check[..]), ("reserve", &reserve[..])] {
        run(folder.path(), store, arguments, &[0]);
        let mut taken: Vec<f64> =
            (0..ASKS).map(|_| run(folder.path(), store, arguments, &[0])).collect();
        taken.sort_by(f64::total_cmp);
        let (median, worst) = (taken[ASKS / 2], taken[ASKS - 1]);
        let row = format!("quota {what}, {name}");
        println!("{row:<28} {median:>9.0} {worst:>9.0}   {TARGET_MS}");
    }
}

/// Runs the program to one of these ends; how many milliseconds it took from start to end.
fn run(folder: &Path, store: &str, arguments: &[&str], codes: &[i32]) -> f64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runledger"));
    command.args(["--quiet", "--store", store, "--now", NOW]).args(arguments);
    command.current_dir(folder).stdout(Stdio::null());
    if let Ok(url) = std::env::var("RUNLEDGER_TEST_DYNAMODB_URL") {
        command.env("AWS_ENDPOINT_URL_DYNAMODB", url).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    }
    let begin = Instant::now();
    let status = command.status().expect("the program starts");
    let taken = begin.elapsed().as_secs_f64() * 1000.0;
    assert!(status.code().is_some_and(|code| codes.contains(&code)), "{arguments:?}: {status}");
    taken
}

/// Runs of many jobs that are under way.
fn open_runs() -> String {
    (0..OPEN_RUNS).fold(String::new(), |mut lines, number| {
        let run = serde_json::json!({
            "Id": format!("jr_{number:064x}"), "JobName": format!("load-table-{:03}", number % 200),
            "JobRunState": "RUNNING", "GlueVersion": "4.0", "WorkerType": "G.2X",
            "NumberOfWorkers": 2 + number % 19, "ExecutionClass": "STANDARD", "Timeout": 480,
            "StartedOn": "2026-11-16T05:50:00Z", "LastModifiedOn": "2026-11-16T05:50:00Z",
        });
        let _ = writeln!(lines, "{run}");
        lines
    })
}
