//! The rate card from outside: refreshed through the real SDK and from offer files, configured, and
//! held against the Price List; and what it does to the cost of runs.

use serde_json::{Value, json};

use super::fakes::Fakes;
use super::fakes::pricing::{Product, emr_serverless, glue};
use super::harness::{Finished, Sandbox};

mod configured;
mod offer_files;
mod refresh;

const NOW: &str = "2026-11-16T06:00:00Z";
const ACCOUNT: &str = "111122223333";

/// A folder in which the Price List is the fakes', and a store.
fn sandbox(fakes: &Fakes) -> Sandbox {
    fakes
        .environment()
        .into_iter()
        .fold(Sandbox::new(), |sandbox, (name, value)| sandbox.with(name, &value))
}

fn prices(sandbox: &Sandbox, arguments: &[&str]) -> Finished {
    let mut line = vec!["--now", NOW, "prices"];
    line.extend(arguments);
    sandbox.run(&line)
}

/// The rates in force, as `prices list` gives them for a region.
fn listed(sandbox: &Sandbox, region: &str) -> Vec<Value> {
    let listing =
        prices(sandbox, &["list", "--region", region, "--format", "json"]).exits(0).json();
    listing["rates"].as_array().unwrap().clone()
}

/// The one rate in force for Glue Spark before 6.0, STANDARD.
fn spark_rate(sandbox: &Sandbox, region: &str) -> Value {
    let is_spark = |rate: &&Value| {
        rate["component"] == "DPU"
            && rate["execution_class"] == "STANDARD"
            && rate["kinds"] == json!(["spark", "streaming"])
            && rate["below_version"] == "6.0"
    };
    let rates = listed(sandbox, region);
    let found: Vec<_> = rates.iter().filter(is_spark).collect();
    assert_eq!(found.len(), 1, "{rates:?}");
    found[0].clone()
}

/// Stores a Glue run of 10 DPUs for an hour in a region, ended at a time.
fn import_run(sandbox: &Sandbox, id: &str, region: &str, ended: &str) {
    let run = json!({
        "Id": id, "JobName": "load", "JobRunState": "SUCCEEDED", "CompletedOn": ended,
        "ExecutionTime": 3600, "WorkerType": "G.1X", "NumberOfWorkers": 10, "GlueVersion": "4.0",
    });
    let file = format!("{id}.json");
    sandbox.write(&file, json!({ "JobRuns": [run] }).to_string());
    let options = ["--account", ACCOUNT, "--region", region];
    let line = [&["--now", NOW, "import", &file][..], &options].concat();
    sandbox.run(&line).exits(0);
}

/// The report of the week that ended before `NOW`.
fn report(sandbox: &Sandbox) -> Value {
    sandbox.run(&["--now", NOW, "report", "--last-week", "--format", "json"]).exits(0).json()
}

fn products(fakes: &Fakes, products: impl IntoIterator<Item = Product>) {
    for product in products {
        fakes.world().prices.put(product);
    }
}
