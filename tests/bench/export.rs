//! What exporting runs costs Runledger itself: processor time, wall time and peak memory of
//! `export`, as separate processes of the release build, on the embedded store.
//!
//! It generates and imports its data first, which takes far longer than what it measures, prints a
//! table beside the target, and judges nothing. `README.md` beside this file says how to run it.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

mod runs;
mod taken;

use taken::Taken;

const NOW: &str = "2026-11-16T06:00:00Z";
const STORE: &str = "embedded:runs.db";
const PERIOD: [&str; 2] = ["--week", "2026-W46"];
/// What an export of any size may take of memory, in MB.
const PEAK_MB_MAX: u32 = 1_000;

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--runs").skip(1);
    let runs = arguments.next().map_or(100_000, |number| number.parse().expect("a number of runs"));
    let folder = tempfile::tempdir().expect("a folder for the data");
    let file = folder.path().join("runs.jsonl");
    runs::write(&file, runs);
    let import = ["import", "runs.jsonl", "--account", "123456789012", "--region", "us-east-1"];
    println!(
        "{:<22} {:>9} {:>8} {:>8} {:>9} {:>8}",
        "", "runs", "cpu s", "wall s", "peak MB", "MB"
    );
    row("import", runs, &Taken::by(folder.path(), STORE, NOW, &import), None);
    std::fs::remove_file(&file).expect("the data's file");
    for (table, format) in
        [("runs", "parquet"), ("runs", "csv"), ("costs", "parquet"), ("focus", "parquet")]
    {
        let output = format!("{table}.{format}");
        let export = [&["export", table, "-o", &output], &PERIOD[..]].concat();
        let taken = Taken::by(folder.path(), STORE, NOW, &export);
        let path = folder.path().join(&output);
        let bytes = std::fs::metadata(&path).expect("the export").len();
        std::fs::remove_file(path).expect("the export");
        row(&format!("{table}, {format}"), runs, &taken, Some(bytes));
    }
    println!("target of every export: {PEAK_MB_MAX} MB");
}

fn row(name: &str, runs: usize, taken: &Taken, bytes: Option<u64>) {
    let Taken { cpu, wall, peak_mb, .. } = taken;
    let size = bytes.map_or_else(String::new, |bytes| (bytes / 1_000_000).to_string());
    println!("{name:<22} {runs:>9} {cpu:>8.1} {wall:>8.1} {peak_mb:>9.0} {size:>8}");
}
