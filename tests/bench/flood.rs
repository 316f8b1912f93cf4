//! A bad day: every one of very many jobs fails in the same hour, and all of it is told at once.
//! The real binary imports the runs, tells them, and a day later tells what still stands.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::taken::Taken;

const STORE: &str = "embedded:runs.db";
const SETTINGS: &str = "[mail]\nvia = 'outbox'\nfrom = 'runledger@example.com'\n\
    [alerts]\nrecipients = ['platform@example.com']\n";
const IMPORT: [&str; 6] =
    ["import", "runs.jsonl", "--account", "123456789012", "--region", "us-east-1"];

/// Prints what each command takes of time and memory where so many jobs fail.
pub(crate) fn print(jobs: u32) {
    let folder = tempfile::tempdir().expect("a folder for the data");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("room for the data");
    };
    write("runs.jsonl", &failed(jobs));
    write("runledger.toml", SETTINGS);
    println!("{:<34} {:>8} {:>8} {:>8} {:>8}", "", "cpu s", "wall s", "peak MB", "mail kB");
    let rows: [(&str, &str, &[&str]); 4] = [
        ("import", "2026-11-16T05:00:00Z", &IMPORT),
        ("told at once", "2026-11-16T05:00:00Z", &["alerts", "--send"]),
        ("nothing new", "2026-11-16T05:10:00Z", &["alerts", "--send"]),
        ("reminded of", "2026-11-17T05:20:00Z", &["alerts", "--send"]),
    ];
    let mut before = 0;
    for (what, now, arguments) in rows {
        let Taken { cpu, wall, peak_mb, .. } = Taken::by(folder.path(), STORE, now, arguments);
        let bytes = outbox_bytes(folder.path());
        let mails = bytes - before;
        before = bytes;
        let what = format!("{jobs} findings, {what}");
        println!("{what:<34} {cpu:>8.2} {wall:>8.2} {peak_mb:>8.0} {:>8}", mails / 1_000);
    }
}

/// A failed run of each of so many jobs, as `aws glue get-job-runs` gives them.
fn failed(jobs: u32) -> String {
    (0..jobs).fold(String::new(), |mut lines, job| {
        let run = json!({
            "Id": format!("jr_{job:064x}"), "JobName": format!("load-table-{job:06}"),
            "JobRunState": "FAILED", "GlueVersion": "5.0", "WorkerType": "G.1X",
            "NumberOfWorkers": 2, "ExecutionClass": "STANDARD", "Timeout": 480,
            "ExecutionTime": 600, "StartedOn": "2026-11-16T04:00:00Z",
            "CompletedOn": "2026-11-16T04:10:30Z", "LastModifiedOn": "2026-11-16T04:10:30Z",
            "ErrorMessage": format!("Error Category: CONNECTION_ERROR; no answer of host {job}"),
        });
        writeln!(lines, "{run}").expect("a string takes what is written");
        lines
    })
}

fn outbox_bytes(folder: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(folder.join("outbox")) else { return 0 };
    files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}
