//! How long an orchestrator waits for its answer: `quota check` and `quota reserve` as processes of
//! the release build, beside many runs under way; and how long the use of quotas over a week takes
//! to be swept, of a million runs.
//!
//! It prints and judges nothing; `README.md` beside this file says how to run it.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use runledger::analysis::{JobKey, QuotaUse};
use runledger::model::{
    Engine, JobRun, Period, QUOTAS, QuotaSource, QuotaValue, RunIdentity, RunState,
};

const NOW: &str = "2026-11-16T06:00:00Z";
const OPEN_RUNS: [u32; 2] = [1_000, 10_000];
const INTERVALS: i64 = 1_000_000;
const SWEEPS: usize = 5;
const SWEEP_TARGET_MS: f64 = 1_000.0;
const ASKS: usize = 20;
const TARGET_MS: f64 = 300.0;

const CONFIG: &str = "account = '111122223333'\nregion = 'eu-west-1'\n\
    [store]\ntransaction_items = 10\n[[quotas]]\naccount = '111122223333'\n\
    region = 'eu-west-1'\nquota = 'glue-dpus'\nvalue = 1000000\n\
    [[quotas.shares]]\nteam = 'orders'\nbaseline = 1000\n";

fn main() {
    sweep();
    for open in OPEN_RUNS {
        let title = format!("beside {open} open runs");
        println!("\n{title:<28} {:>9} {:>9}   target ms", "median ms", "worst ms");
        measure("embedded:runs.db", "embedded", open);
        match std::env::var("RUNLEDGER_TEST_DYNAMODB_URL") {
            Ok(_) => {
                let table = format!("dynamodb:runledger-bench-{}-{open}", std::process::id());
                measure(&table, "server", open);
            }
            Err(_) => println!("server: RUNLEDGER_TEST_DYNAMODB_URL is not set"),
        }
    }
}

/// The use of every quota over a week, from a million runs that overlap.
fn sweep() {
    let title = format!("{INTERVALS} intervals");
    println!("{title:<28} {:>9} {:>9}   target ms", "median ms", "worst ms");
    let (mut added, mut swept) = (Vec::new(), Vec::new());
    for _ in 0..SWEEPS {
        let begin = Instant::now();
        let used = week_of_runs();
        added.push(milliseconds(begin));
        let begin = Instant::now();
        let figures = used.figures(&limits());
        swept.push(milliseconds(begin));
        assert_eq!(figures.len(), 3, "runs, runs of a job, DPUs: {figures:?}");
    }
    row("taken in", &mut added, "");
    row("swept, three quotas", &mut swept, &SWEEP_TARGET_MS.to_string());
}

fn week_of_runs() -> QuotaUse {
    let week = Period::week("2026-W46", &TimeZone::UTC).expect("a week");
    let mut used = QuotaUse::new(&week);
    let place = || ("111122223333".to_owned(), "eu-west-1".to_owned());
    let job = |number: i64| {
        let (account, region) = place();
        let job = format!("load-table-{number:03}");
        JobKey { engine: Engine::Glue, account, region, job }
    };
    let jobs: Vec<JobKey> = (0..200).map(job).collect();
    let teams: Vec<String> = (0..20).map(|team| format!("team-{team:02}")).collect();
    let (account, region) = place();
    let mut run = JobRun::new(
        RunIdentity {
            account,
            region,
            engine: Engine::Glue,
            application_id: None,
            run_id: "jr".to_owned(),
            attempt: 1,
        },
        RunState::Running,
    );
    run.worker_type = Some("G.1X".to_owned());
    // Multiplied by a prime, so that they come in no order.
    for number in (0..INTERVALS).map(|n| n * 611_953 % INTERVALS) {
        let start = week.start + SignedDuration::from_secs(number * 604_800 / INTERVALS);
        run.started_at = Some(start);
        run.worker_count = u32::try_from(2 + number % 19).ok();
        let end: Timestamp = start + SignedDuration::from_secs(60 + number * 7 % 7_200);
        let index = usize::try_from(number % 200).expect("small");
        used.add_open(&run, &jobs[index], &teams[index / 10], end);
    }
    used
}

fn limits() -> Vec<QuotaValue> {
    let limit = |quota: &str| QuotaValue {
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        quota: quota.to_owned(),
        value: 50_000.0,
        source: QuotaSource::Configured,
    };
    QUOTAS.into_iter().map(limit).collect()
}

fn measure(store: &str, name: &str, open: u32) {
    let folder = tempfile::tempdir().expect("a folder for the data");
    std::fs::write(folder.path().join("runledger.toml"), CONFIG).expect("settings");
    std::fs::write(folder.path().join("runs.jsonl"), open_runs(open)).expect("the data's file");
    run(folder.path(), store, &["init"], &[0]);
    run(folder.path(), store, &["import", "runs.jsonl"], &[0]);
    let check = ["quota", "check", "--team", "orders", "--dpu", "10"];
    let reserve = ["quota", "reserve", "--team", "orders", "--dpu", "10", "--for", "2h"];
    for (what, arguments) in [("check", &check[..]), ("reserve", &reserve[..])] {
        run(folder.path(), store, arguments, &[0]);
        let mut taken: Vec<f64> =
            (0..ASKS).map(|_| run(folder.path(), store, arguments, &[0])).collect();
        row(&format!("quota {what}, {name}"), &mut taken, &TARGET_MS.to_string());
    }
}

fn row(what: &str, taken: &mut [f64], target: &str) {
    taken.sort_by(f64::total_cmp);
    let (median, worst) = (taken[taken.len() / 2], taken[taken.len() - 1]);
    println!("{what:<28} {median:>9.0} {worst:>9.0}   {target}");
}

fn milliseconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1000.0
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
    let taken = milliseconds(begin);
    assert!(status.code().is_some_and(|code| codes.contains(&code)), "{arguments:?}: {status}");
    taken
}

/// Runs of many jobs that are under way.
fn open_runs(open: u32) -> String {
    (0..open).fold(String::new(), |mut lines, number| {
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
