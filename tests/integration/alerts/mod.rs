//! Alerts from outside: the command, channels on the wire, and AWS's services as others have built
//! them.

mod command;
mod services;
mod webhook_fake;
mod webhooks;

use jiff::Timestamp;
use serde_json::json;

use crate::harness::Sandbox;

/// Runs of Glue as `aws glue get-job-runs` gives them: job, id, state, minute of its end on
/// 14 November 2026, at noon.
pub(super) fn import(sandbox: &Sandbox, runs: &[(&str, &str, &str, i64)]) {
    let noon: Timestamp = "2026-11-14T12:00:00Z".parse().unwrap();
    let run = |(job, id, state, minute): &(&str, &str, &str, i64)| {
        let ended = noon.as_second() + minute * 60;
        json!({
            "Id": id, "JobName": job, "JobRunState": state, "StartedOn": ended - 600,
            "CompletedOn": ended, "LastModifiedOn": ended, "ExecutionTime": 600,
            "WorkerType": "G.1X", "NumberOfWorkers": 10, "GlueVersion": "4.0", "Attempt": 0,
            "ExecutionClass": "STANDARD",
        })
    };
    let runs: Vec<_> = runs.iter().map(run).collect();
    sandbox.write("runs.json", json!({ "JobRuns": runs }).to_string());
    let place = ["import", "runs.json", "--account", "111122223333", "--region", "eu-west-1"];
    sandbox.run(&place).exits(0);
}

/// A folder with a configuration, in which no job is told to have no owner.
pub(super) fn sandbox(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let quiet = "[alerts.rules.owner-missing]\nenabled = false\n";
    sandbox.write("runledger.toml", format!("{config}\n{quiet}"));
    sandbox
}

/// The mails of a folder's outbox, oldest first by name: what their readers see as text.
pub(super) fn outbox(sandbox: &Sandbox) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(sandbox.path("outbox")) else { return Vec::new() };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "html"));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}
