//! Tables as other programs read them: one total everywhere, whole files or none, and runs that
//! come back as they went.

mod formats;
mod import_back;
mod s3;
mod totals;
mod whole;

use serde_json::Value;

use crate::harness::{Finished, Sandbox};

/// A store with runs in it, and what is exported from it.
struct Exports {
    sandbox: Sandbox,
    store: &'static str,
    now: &'static str,
}

impl Exports {
    /// An empty store.
    fn new(now: &'static str) -> Self {
        Self { sandbox: Sandbox::new(), store: "embedded:runs.db", now }
    }

    /// A store with three runs: one a UTC day, the last across midnight, one of them unpriced.
    fn of_three_days() -> Self {
        let exports = Self::new("2026-11-16T06:00:00Z");
        let run = |id: &str, start: &str, end: &str, version: &str| {
            format!(
                r#"{{"Id":"{id}","JobName":"orders-load","StartedOn":"{start}","CompletedOn":"{end}","JobRunState":"SUCCEEDED","ExecutionTime":3600,"WorkerType":"G.1X","NumberOfWorkers":10{version}}}"#
            ) + "\n"
        };
        let version = r#","GlueVersion":"5.0""#;
        let runs = [
            run("jr_1", "2026-11-09T10:00:00Z", "2026-11-09T11:00:00Z", version),
            run("jr_2", "2026-11-10T10:00:00Z", "2026-11-10T11:00:00Z", ""),
            run("jr_3", "2026-11-11T23:30:00Z", "2026-11-12T00:30:00Z", version),
        ];
        exports.import("runs.jsonl", runs.concat());
        exports
    }

    fn import(&self, name: &str, runs: impl AsRef<[u8]>) {
        self.sandbox.write(name, runs);
        let place = ["--account", "123456789012", "--region", "us-east-1"];
        self.run(&[&["import", name][..], &place].concat()).exits(0);
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        self.sandbox.run(&[&["--store", self.store, "--now", self.now], arguments].concat())
    }

    fn export(&self, arguments: &[&str]) -> Finished {
        self.run(&[&["export"], arguments].concat())
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.sandbox.path(name)).unwrap()
    }

    fn report(&self, period: &[&str]) -> Value {
        self.run(&[&["report", "--format", "json"], period].concat()).exits(0).json()
    }

    /// The names in the folder, but for the store's own files.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.sandbox.path("")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with("runs.db")).collect();
        names.sort();
        names
    }
}
