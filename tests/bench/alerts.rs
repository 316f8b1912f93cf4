//! What an evaluation of alerts costs: from the store to the messages, every rule, over 2,000 jobs
//! with 100,000 runs a week; and how precise the rules about jumps are on a real log.
//!
//! Five weeks of history are there as what is rolled up of them, three more for the budgets, and
//! the last week's runs themselves. Facts are gathered and judged in a process of their own, whose
//! peak memory is that of an evaluation alone. With `--found N` it is a bad day instead, on which
//! N jobs fail at once. It prints and judges nothing; `README.md` beside this file says how to run
//! it.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

mod flood;
mod jumps;
mod taken;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use runledger::alerts::{Evaluator, Recipients};
use runledger::analysis::{Books, DayRollUps, RollUpPart};
use runledger::config::Config;
use runledger::model::{Engine, ExecutionClass, JobRun, RunIdentity, RunState};
use runledger::store::{Store, StoreSettings, StoredRun};
use runledger::tasks::alert_facts::{FactsSources, alert_facts};
use runledger::tasks::roll_up::roll_up;

const NOW: &str = "2026-11-16T06:00:00Z";
const TODAY: Date = date(2026, 11, 16);
const RUNS_A_DAY: u64 = 100_000 / 7;
const JOBS: u64 = 2_000;
const DAYS: i64 = 56;
const STORED_DAYS: i64 = 7;
const TIMES: usize = 3;
const TEAMS: [&str; 8] =
    ["orders", "billing", "search", "risk", "growth", "logistics", "support", "platform"];
const SETTINGS: &str = "[alerts]\nrecipients = ['platform@example.com']\n\
    [[quotas]]\naccount = '111122223333'\nregion = 'eu-west-1'\nquota = 'glue-dpus'\nvalue = 9000\n\
    [budgets]\norders = '90000'\nbilling = '90000'\nsearch = '90000'\nrisk = '90000'\n";

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--found").skip(1);
    if let Some(number) = arguments.next() {
        return flood::print(number.parse().expect("a number of findings"));
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(store) = std::env::var_os("RUNLEDGER_BENCH_STORE") {
        return runtime.block_on(measure(Path::new(&store)));
    }
    match log() {
        Some(lines) => print_precision(&jumps::precision(&lines)),
        None => println!("no NASA log: set RUNLEDGER_TEST_NASA_LOG and RUNLEDGER_TEST_SWF_TO_GLUE"),
    }
    let folder = tempfile::tempdir().expect("a folder for the data");
    let store = folder.path().join("runs.db");
    runtime.block_on(fill(&store));
    let own = std::env::current_exe().expect("this program");
    let status = Command::new(own).env("RUNLEDGER_BENCH_STORE", &store).status();
    assert!(status.is_ok_and(|status| status.success()), "the measured process failed");
}

/// Gathers and evaluates, a few times over.
async fn measure(path: &Path) {
    let config = Config::parse(SETTINGS, Path::new("bench")).expect("settings");
    let store = Store::embedded(path, StoreSettings::default()).await.expect("the store");
    let books = Arc::new(config.books(&[]).expect("books"));
    let recipients = Recipients::new(&config.alerts, &BTreeMap::new());
    let evaluator = Evaluator::new(&config.alerts, recipients).expect("rules");
    let Config { budgets, reports, quotas, quota_check, .. } = &config;
    let (expected, schedules) = (Vec::new(), None);
    let sources = FactsSources { budgets, reports, quotas, quota_check, expected, schedules };
    println!(
        "{:<34} {:>8} {:>8} {:>8}   target",
        "100,000 runs a week, 2,000 jobs", "wall s", "cpu s", ""
    );
    let mut known = BTreeMap::new();
    for _ in 0..TIMES {
        let (begin, cpu) = (Instant::now(), cpu_seconds());
        let facts = alert_facts(&store, &books, &sources, now()).await.expect("facts");
        let gathered = (begin.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let (jobs, begin, cpu) = (facts.jobs.len(), Instant::now(), cpu_seconds());
        let evaluation = evaluator.evaluate(facts, &known, false);
        let messages = evaluation.messages();
        let evaluated = (begin.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let told: usize = messages.iter().map(|message| message.news.len()).sum();
        let total = (gathered.0 + evaluated.0, gathered.1 + evaluated.1);
        println!("{:<34} {:>8.2} {:>8.2}", "gather", gathered.0, gathered.1);
        println!("{:<34} {:>8.2} {:>8.2}", "evaluate", evaluated.0, evaluated.1);
        let what = format!("both; {jobs} jobs, {told} told");
        println!("{what:<34} {:>8.2} {:>8.2} {:>8}   2 s", total.0, total.1, "");
        known = evaluation.known;
    }
    println!("{:<34} {:>8.0} {:>17}   300 MB", "peak memory, MB", peak_mb(), "");
}

fn print_precision(found: &jumps::Precision) {
    println!("NASA log: {} runs, {} after their job's warm-up", found.runs, found.judged);
    for (code, fired) in &found.fired {
        let one_in = found.judged / (*fired).max(1);
        println!("{code:<16} fired on {fired}: 1 in {one_in}   target: at most 1 in 200");
    }
    for (code, (planted, caught)) in &found.planted {
        println!("{code:<16} {caught} of {planted} planted jumps of 5x   target: all");
    }
}

fn log() -> Option<String> {
    let beside = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    let file = |variable: &str, name: &str| {
        let path = std::env::var_os(variable).map_or_else(|| beside(name), PathBuf::from);
        path.is_file().then_some(path)
    };
    let log = file("RUNLEDGER_TEST_NASA_LOG", "data/NASA-iPSC-1993-3.1-cln.swf.gz")?;
    let converter = file("RUNLEDGER_TEST_SWF_TO_GLUE", "tools/swf_to_glue.py")?;
    let output = Command::new("python3").arg(converter).arg(log).output().expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("lines of JSON"))
}

/// Days of roll-ups, the last of them with their runs.
async fn fill(path: &Path) {
    let store = Store::embedded(path, StoreSettings::default()).await.expect("a store");
    let books = Arc::new(Config::default().books(&[]).expect("books"));
    for back in (1..=DAYS).rev() {
        let day = TODAY - back.days();
        let runs = runs_of(day, RUNS_A_DAY, 24);
        if back <= STORED_DAYS {
            store.save_runs(runs, now()).await.expect("runs are saved");
        } else {
            keep_rolled_up(&store, &books, day, runs).await;
        }
    }
    store.save_runs(runs_of(TODAY, RUNS_A_DAY / 4, 6), now()).await.expect("runs are saved");
    let open = (0..200).map(|number| {
        let mut run = run_of(TODAY, number, 1_000_000 + number, 5 * 3_600);
        (run.ended_at, run.state) = (None, RunState::Running);
        (run.execution_seconds, run.updated_at) = (None, run.started_at);
        run
    });
    store.save_runs(open.collect(), now()).await.expect("runs are saved");
    roll_up(&store, &books, now()).await.expect("rolled up");
}

async fn keep_rolled_up(store: &Store, books: &Books, day: Date, runs: Vec<JobRun>) {
    let mut roll_ups = DayRollUps::default();
    for run in runs {
        let stored = StoredRun { run, first_stored: now() };
        roll_ups.add(RollUpPart::of(&stored, books).expect("it has ended"));
    }
    store.mark_days([day], now()).await.expect("a mark");
    let changed = store.changed_days(now()).await.expect("marks");
    let rebuild = store.begin_day(&changed, day, now()).await.expect("a day").expect("kept");
    store.finish_day(rebuild, &roll_ups.finish(day)).await.expect("roll-ups");
}

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// The runs of a day, spread over its first hours.
fn runs_of(day: Date, count: u64, hours: u64) -> Vec<JobRun> {
    let mix = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    let second = |number: u64| mix(number ^ 0x5bd1) % (hours * 3_600 - 1_800) + 1_700;
    (0..count).map(|number| run_of(day, mix(number) % JOBS, number, second(number))).collect()
}

fn run_of(day: Date, job: u64, number: u64, second: u64) -> JobRun {
    let identity = RunIdentity {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: format!("jr_{day}{number:054x}"),
        attempt: 1,
    };
    let is_bad = (number + job).is_multiple_of(20);
    let mut run =
        JobRun::new(identity, if is_bad { RunState::Failed } else { RunState::Succeeded });
    let midnight = day.to_zoned(TimeZone::UTC).expect("a day").timestamp();
    let seconds = 300 + job % 700 + number % 100;
    let end = midnight + i64::try_from(second).expect("a second of a day").seconds();
    run.started_at = Some(end - i64::try_from(seconds).expect("seconds").seconds());
    run.ended_at = Some(end);
    run.updated_at = Some(end);
    run.execution_seconds = Some(seconds);
    run.job_name =
        Some(format!("{}-load-table-{job:04}", TEAMS[usize::try_from(job % 8).expect("small")]));
    run.version = Some("5.0".into());
    run.worker_type = Some("G.1X".into());
    run.worker_count = Some(2 + u32::try_from(job % 19).expect("small"));
    run.execution_class = Some(ExecutionClass::Standard);
    run.timeout_minutes = Some(480);
    run.error = is_bad.then(|| "Command failed with exit code 1".into());
    run.tags = Some(BTreeMap::from([
        ("team".to_owned(), TEAMS[usize::try_from(job % 8).expect("small")].to_owned()),
        ("env".to_owned(), "prod".to_owned()),
    ]));
    run
}

/// Processor time of this process, user and system.
fn cpu_seconds() -> f64 {
    let counted = std::fs::read_to_string("/proc/self/stat").expect("Linux counts it");
    let after = counted.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux counts it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.expect("a number") / 1_024.0
}
