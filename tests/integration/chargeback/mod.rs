//! Finance's month from outside: what it adds up to, what closing freezes, and what becomes of
//! facts that come later. Expected amounts are worked out by hand: six DPUs at 0.44 dollars an hour
//! are 2.64 dollars an hour.

mod bills;
mod budgets;
mod closing;
mod corrections;
mod mail;
mod month;
mod two_at_once;

use serde_json::Value;

use crate::harness::{Finished, Sandbox};

/// What every format of a month is called on the command line.
const FORMATS: [&str; 4] = ["text", "json", "csv", "html"];

/// A Glue run of six DPUs for as long as it took, in `us-east-1`, as `get-job-runs` tells it.
fn glue_run(id: &str, job: &str, start: &str, end: &str) -> String {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let seconds = at(end).as_second() - at(start).as_second();
    format!(
        r#"{{"Id":"{id}","JobName":"{job}","StartedOn":"{start}","CompletedOn":"{end}","LastModifiedOn":"{end}","JobRunState":"SUCCEEDED","ExecutionTime":{seconds},"WorkerType":"G.1X","NumberOfWorkers":6,"MaxCapacity":6.0,"GlueVersion":"5.0"}}"#
    )
}

const RULES: &str = r#"
[chargeback]
recipients = ["finance@example.com"]
[ownership]
cost_centers = { orders = "100" }
[[ownership.rules]]
job = "^orders-"
team = "orders"
[[ownership.rules]]
job = "^claims-"
team = "claims"
"#;

/// A company with runs of October, one of which ends in November and one of which began in
/// September; own use is 2.64 for each hour in the month.
fn company() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).exits(0);
    let init = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let (settings, _) = init.split_once("[ownership]").unwrap();
    sandbox.write("runledger.toml", format!("{settings}{RULES}"));
    let runs = [
        glue_run("jr_1", "orders-load", "2026-10-10T10:00:00Z", "2026-10-10T12:00:00Z"),
        glue_run("jr_2", "orders-sync", "2026-10-31T23:00:00Z", "2026-11-01T01:00:00Z"),
        glue_run("jr_3", "claims-load", "2026-09-30T23:00:00Z", "2026-10-01T03:00:00Z"),
        glue_run("jr_4", "stray", "2026-10-20T10:00:00Z", "2026-10-20T11:00:00Z"),
    ];
    import(&sandbox, "2026-11-06T00:00:00Z", &runs);
    sandbox
}

fn import(sandbox: &Sandbox, now: &str, runs: &[String]) -> Finished {
    sandbox.write("runs.jsonl", runs.join("\n"));
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    sandbox.run(&[&["--now", now, "import", "runs.jsonl"][..], &place].concat()).exits(0)
}

fn chargeback(sandbox: &Sandbox, now: &str, month: &str, more: &[&str]) -> Finished {
    sandbox.run(&[&["--now", now, "chargeback", "--month", month][..], more].concat())
}

fn json(sandbox: &Sandbox, now: &str, month: &str) -> Value {
    chargeback(sandbox, now, month, &["--format", "json"]).exits(0).json()
}

fn close(sandbox: &Sandbox, now: &str, month: &str) -> Finished {
    chargeback(sandbox, now, month, &["--close", "--force", "--why", "no bill here"])
}

/// Every format of a month, byte for byte.
fn formats(sandbox: &Sandbox, now: &str, month: &str) -> Vec<String> {
    let format = |format| chargeback(sandbox, now, month, &["--format", format]).exits(0).stdout;
    FORMATS.into_iter().map(format).collect()
}
