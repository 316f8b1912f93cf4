//! What one week of runs costs Runledger itself: processor time, wall time and peak memory of
//! `import` and `report`, as separate processes of the release build.
//!
//! It generates its data, prints a table beside the targets, and judges nothing: a machine that is
//! busy would fail it. `README.md` beside this file says how to run it.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

mod runs;
mod taken;

use std::fs;
use std::path::PathBuf;

use taken::Taken;

const WEEK: &str = "2026-W46";
const NOW: &str = "2026-11-16T06:00:00Z";

/// What a target allows, for 100,000 runs and for 1,000,000.
struct Target {
    name: &'static str,
    seconds: [f64; 2],
    peak_mb: [Option<f64>; 2],
}

const IMPORT_EMBEDDED: Target =
    Target { name: "import, embedded", seconds: [15.0, 150.0], peak_mb: [None, None] };
const REPORT_EMBEDDED: Target =
    Target { name: "report, embedded", seconds: [3.0, 30.0], peak_mb: [Some(200.0), Some(600.0)] };
const REPORT_SERVER: Target =
    Target { name: "report, server", seconds: [1.0, 10.0], peak_mb: [Some(150.0), Some(600.0)] };

fn main() {
    let million = std::env::args().any(|argument| argument == "--million");
    println!("{:<18} {:>9} {:>8} {:>8} {:>9}   target", "", "runs", "cpu s", "wall s", "peak MB");
    measure_all(100_000, 0);
    if million {
        measure_all(1_000_000, 1);
    }
}

/// `size` says which of a target's two columns holds.
fn measure_all(runs: usize, size: usize) {
    let bench = Bench { folder: tempfile::tempdir().expect("a folder for the data"), runs, size };
    runs::write(&bench.path("runs.jsonl"), runs);
    bench.against("embedded:runs.db", &IMPORT_EMBEDDED, &REPORT_EMBEDDED);
    match std::env::var("RUNLEDGER_TEST_DYNAMODB_URL") {
        Ok(_) => bench.against_server(),
        Err(_) => println!("{:<18} RUNLEDGER_TEST_DYNAMODB_URL is not set", REPORT_SERVER.name),
    }
}

/// A folder with the data of one size.
struct Bench {
    folder: tempfile::TempDir,
    runs: usize,
    size: usize,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Imports and reports. The import into a server has no target: the server decides it.
    fn against(&self, store: &str, import: &Target, report: &Target) {
        let source = ["import", "runs.jsonl", "--account", "123456789012", "--region", "us-east-1"];
        self.row(import, &self.measured(store, &source));
        self.row(report, &self.measured(store, &["report", "--week", WEEK, "--format", "html"]));
    }

    fn against_server(&self) {
        // DynamoDB Local takes no more items in a transaction than this.
        let settings = "[store]\ntransaction_items = 10\n";
        fs::write(self.path("runledger.toml"), settings).expect("settings");
        // A table of its own, so that nothing of an earlier start is in it.
        let store = format!("dynamodb:runledger-bench-{}-{}", std::process::id(), self.runs);
        self.measured(&store, &["init"]);
        let unlimited =
            Target { name: "import, server", seconds: [f64::INFINITY; 2], peak_mb: [None, None] };
        self.against(&store, &unlimited, &REPORT_SERVER);
    }

    /// What a command of the real binary took.
    fn measured(&self, store: &str, arguments: &[&str]) -> Taken {
        Taken::by(self.folder.path(), store, NOW, arguments)
    }

    fn row(&self, target: &Target, taken: &Taken) {
        let Taken { cpu, wall, peak_mb, .. } = taken;
        let allowed = target.seconds[self.size];
        let seconds = if allowed.is_finite() { format!("{allowed} s") } else { "none".to_owned() };
        let memory = target.peak_mb[self.size].map(|mb| format!(", {mb} MB")).unwrap_or_default();
        let (name, runs) = (target.name, self.runs);
        println!("{name:<18} {runs:>9} {cpu:>8.2} {wall:>8.2} {peak_mb:>9.0}   {seconds}{memory}");
    }
}
