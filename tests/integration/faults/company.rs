//! A company with some thousand runs, two teams and seven readers, in a folder of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use runledger::store::{Ledger, Record, Store, StoreSettings};

use crate::harness::Sandbox;

pub(super) const NOW: &str = "2026-11-16T06:00:00Z";
pub(super) const SEND: [&str; 5] = ["--now", NOW, "report", "--last-week", "--send"];

/// Who gets a mail; each a single one.
pub(super) const READERS: [&str; 7] = [
    "ada@example.com",
    "eve@example.com",
    "bob@example.com",
    "orders-1@example.com",
    "orders-2@example.com",
    "claims-1@example.com",
    "claims-2@example.com",
];

/// A configuration in which mail leaves that way, as a line of `[mail]`.
pub(super) fn configuration(way: &str) -> String {
    format!(
        "account = \"111122223333\"\nregion = \"us-east-1\"\n\
         [mail]\n{way}\nfrom = \"Runledger <runledger@example.com>\"\nlease = \"10s\"\n\
         [reports.weekly]\n\
         recipients = [\"ada@example.com\", \"eve@example.com\", \"bob@example.com\"]\n\
         [reports.weekly.teams]\n\
         orders = [\"orders-1@example.com\", \"orders-2@example.com\"]\n\
         claims = [\"claims-1@example.com\", \"claims-2@example.com\"]\n\
         [[ownership.rules]]\njob = \"^orders-\"\nteam = \"orders\"\n\
         [[ownership.rules]]\njob = \"^claims-\"\nteam = \"claims\"\n"
    )
}

/// One run as Glue gives it; the numbers vary with its number.
fn run(number: usize, ended: bool) -> String {
    let (day, hour, minute) = (9 + number % 7, number / 7 % 20, number % 60);
    let start = format!("2026-11-{day:02}T{hour:02}:{minute:02}:00Z");
    let end = format!("2026-11-{day:02}T{:02}:{minute:02}:30Z", hour + 1);
    let team = ["orders", "claims", "other"][number % 3];
    let state = match (ended, number % 11) {
        (false, _) => "RUNNING",
        (true, 0) => "FAILED",
        (true, _) => "SUCCEEDED",
    };
    let end = if ended { format!(r#""CompletedOn":"{end}","#) } else { String::new() };
    format!(
        r#"{{"Id":"jr_{number:05}","JobName":"{team}-{}","StartedOn":"{start}",{end}"JobRunState":"{state}","ExecutionTime":{},"WorkerType":"G.1X","NumberOfWorkers":{},"GlueVersion":"5.0"}}"#,
        number % 40,
        60 + number % 3_000,
        2 + number % 9,
    )
}

/// Files of so many runs: in the first every third is still running, in the second those have
/// ended, so that importing both moves items from one key to another.
pub(super) fn runs(numbers: std::ops::Range<usize>) -> [String; 2] {
    let mut files = [String::new(), String::new()];
    for number in numbers {
        let running = number % 3 == 0;
        writeln!(files[0], "{}", run(number, !running)).unwrap();
        if running {
            writeln!(files[1], "{}", run(number, true)).unwrap();
        }
    }
    files
}

/// A company whose runs are stored, and whose mail leaves that way.
pub(super) fn with_runs(count: usize, way: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("runledger.toml", configuration(way));
    let [first, second] = runs(0..count);
    sandbox.write("runs.jsonl", first + &second);
    sandbox.run(&["--now", NOW, "import", "runs.jsonl"]).exits(0);
    sandbox
}

/// The same company, as it stands on disk, in another folder.
pub(super) fn copy_of(sandbox: &Sandbox) -> Sandbox {
    let copy = Sandbox::new();
    for entry in std::fs::read_dir(sandbox.path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, copy.path(path.file_name().unwrap().to_str().unwrap())).unwrap();
        }
    }
    copy
}

pub(super) fn report(sandbox: &Sandbox) -> String {
    let arguments = ["--now", NOW, "report", "--last-week", "--format", "json"];
    sandbox.run(&arguments).exits(0).stdout
}

/// Every file of a folder, by name.
pub(super) fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        // One that is renamed meanwhile is no file of that name any more.
        let bytes = std::fs::read(&path).ok()?;
        Some((path.file_name().unwrap().to_str().unwrap().to_owned(), bytes))
    };
    entries.filter_map(file).collect()
}

/// What the ledger says of each reader.
pub(super) fn records(sandbox: &Sandbox) -> BTreeMap<String, Record> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let file = sandbox.path("runledger.db");
    let records = runtime.block_on(async {
        let store = Store::embedded(&file, StoreSettings::default()).await.unwrap();
        let ledger = Ledger::new(store.ledger_table().clone());
        ledger.records("weekly", "2026-W46").await.unwrap()
    });
    by_reader(records)
}

pub(super) fn by_reader(records: Vec<Record>) -> BTreeMap<String, Record> {
    let reader = |record: &Record| record.occurrence.recipient.in_full().to_owned();
    records.into_iter().map(|record| (reader(&record), record)).collect()
}
