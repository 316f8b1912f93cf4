//! A week of job runs as `aws glue get-job-runs` gives them, written one at a time, so that a
//! million of them need no memory.
//!
//! About 2,000 jobs, the first of them far more often than the last; one run in twenty fails with
//! an error of 200 letters, and half of those are retried. The same bytes every time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

const WEEK_BEGIN: i64 = 1_794_182_400; // 2026-11-09T00:00:00Z
const WEEK_SECONDS: u64 = 7 * 86_400;
const JOBS: u64 = 2000;
const TEAMS: [&str; 8] =
    ["orders", "billing", "search", "risk", "growth", "logistics", "support", "platform"];
const WORKERS: [(&str, u64); 4] = [("G.1X", 1), ("G.2X", 2), ("G.4X", 4), ("R.1X", 1)];
const VERSIONS: [&str; 4] = ["5.0", "4.0", "6.0", "5.1"];

/// Writes that many runs.
pub(crate) fn write(path: &Path, runs: usize) {
    let mut file = BufWriter::new(File::create(path).expect("the data's file"));
    let mut dice = Dice(46);
    let mut failed = None;
    for number in 0..runs {
        let (line, again) = run(number, &mut dice, failed.take());
        failed = again;
        writeln!(file, "{line}").expect("room for the data");
    }
    file.flush().expect("room for the data");
}

/// A run that failed, and that the next one retries.
struct Failed {
    root: String,
    id: String,
    attempt: u64,
    job: u64,
    ended: u64,
}

fn run(
    number: usize,
    dice: &mut Dice,
    before: Option<Failed>,
) -> (serde_json::Value, Option<Failed>) {
    // The smaller of two throws: the first jobs run most often.
    let job = before.as_ref().map_or_else(|| dice.below(JOBS).min(dice.below(JOBS)), |b| b.job);
    let (worker_type, factor) = WORKERS[usize_of(job) % WORKERS.len()];
    let workers = 2 + job % 19;
    let seconds = 30 + dice.below(1200);
    let begin = before.as_ref().map_or_else(|| dice.below(WEEK_SECONDS - 1300), |b| b.ended + 30);
    let end = (begin + seconds + 12).min(WEEK_SECONDS - 1);
    let is_failed = dice.below(20) == 0;
    let attempt = before.as_ref().map_or(0, |b| b.attempt + 1);
    let root = before.as_ref().map_or_else(|| new_id(number), |b| b.root.clone());
    let id = if attempt == 0 { root.clone() } else { format!("{root}_attempt_{attempt}") };
    let mut line = json!({
        "Id": id,
        "Attempt": attempt,
        "JobName": format!("{}-load-table-{job:04}", TEAMS[usize_of(job) % TEAMS.len()]),
        "StartedOn": time(begin),
        "LastModifiedOn": time(end),
        "CompletedOn": time(end),
        "JobRunState": if is_failed { "FAILED" } else { "SUCCEEDED" },
        "Arguments": {"--job-bookmark-option": "job-bookmark-enable", "--enable-metrics": ""},
        "PredecessorRuns": [],
        "AllocatedCapacity": factor * workers,
        "ExecutionTime": seconds,
        "Timeout": 480,
        "MaxCapacity": to_float(factor * workers),
        "WorkerType": worker_type,
        "NumberOfWorkers": workers,
        "LogGroupName": "/aws-glue/jobs",
        "GlueVersion": VERSIONS[usize_of(job / 4) % VERSIONS.len()],
        "ExecutionClass": "STANDARD",
    });
    if let Some(before) = before {
        line["PreviousRunId"] = before.id.into();
    }
    if job.is_multiple_of(5) {
        line["DPUSeconds"] = to_float(factor * workers * seconds * 3 / 5).into();
    }
    if is_failed {
        line["ErrorMessage"] = error(dice.below(40)).into();
    }
    let retried = is_failed && end + 1300 < WEEK_SECONDS && dice.below(2) == 0;
    (line, retried.then_some(Failed { root, id, attempt, job, ended: end }))
}

/// An error as long as Spark's first lines are.
fn error(kind: u64) -> String {
    let mut text = format!("AnalysisException: cannot read partition {kind} of s3://lake/raw/: ");
    while text.len() < 200 {
        text.push_str("task failed after 4 attempts; ");
    }
    text.truncate(200);
    text
}

fn time(second_of_week: u64) -> String {
    let second = WEEK_BEGIN + i64::try_from(second_of_week).unwrap_or(0);
    Timestamp::from_second(second).unwrap_or_default().to_string()
}

fn new_id(number: usize) -> String {
    let digits = Sha256::digest(number.to_string());
    digits.iter().fold("jr_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// AWS writes capacities with a decimal point.
fn to_float(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(0))
}

/// A linear congruential generator (Knuth's MMIX constants): the same data on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        let (factor, step) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(factor).wrapping_add(step);
        (self.0 >> 33) % limit
    }
}
