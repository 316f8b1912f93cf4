//! A whole log of jobs, from the file to the weekly reports, against an oracle that computes the
//! same figures another way (`tests/oracle/weekly.py`: Python, fractions, its own reading of AWS's
//! rules). The weeks must agree one by one, and add up to the whole file.
//!
//! `tests/data/small.swf` is made up and holds every edge. The NASA log is real: 92 days of a
//! computer of 1993. It is not in the repository; the test looks for it beside the clone.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use crate::harness::{Sandbox, beside_tests, dynamodb_url, python, skipped};

/// After the last end of either log, and not so long after that the first runs have expired.
pub(crate) const NOW: &str = "2026-12-01T06:00:00Z";

const MONEY: [&str; 6] = [
    "cost_usd",
    "failed_cost_usd",
    "retry_cost_usd",
    "repeated_cost_usd",
    "stopped_cost_usd",
    "waste_usd",
];
const COUNTS: [&str; 4] = ["runs", "retries", "unpriced_runs", "runtime_seconds"];

#[test]
fn the_small_log_is_what_its_script_makes() {
    let made = python(&beside_tests("oracle/make_small_swf.py"), &[]);
    assert_eq!(made, std::fs::read_to_string(beside_tests("data/small.swf")).unwrap());
}

/// What the oracle prints.
#[derive(Deserialize)]
struct Expected {
    weeks: BTreeMap<String, Value>,
    whole: Value,
}

fn expected(runs: &Path) -> Expected {
    let printed = python(&beside_tests("oracle/weekly.py"), &[runs.as_os_str()]);
    serde_json::from_str(&printed).unwrap()
}

/// A store with a file imported into it, and reports out of it.
struct Ledger {
    sandbox: Sandbox,
    store: String,
}

impl Ledger {
    /// In a file.
    fn embedded() -> Self {
        Self { sandbox: Sandbox::new(), store: "embedded:runs.db".to_owned() }
    }

    /// In a table of its own on the DynamoDB peer, which takes ten items in a transaction.
    fn on_server(url: &str) -> Self {
        let store = format!("dynamodb:runledger-log-{}", std::process::id());
        let ledger = Self { sandbox: Sandbox::new().with_dynamodb(url), store };
        ledger.sandbox.write("runledger.toml", "[store]\ntransaction_items = 10\n");
        ledger.run(&["init"]);
        ledger
    }

    fn import(&self, runs: &str) {
        self.sandbox.write("runs.jsonl", runs);
        self.run(&["import", "runs.jsonl", "--account", "123456789012", "--region", "us-east-1"]);
    }

    fn report(&self, week: &str) -> String {
        self.run(&["report", "--week", week, "--format", "json"])
    }

    fn run(&self, command: &[&str]) -> String {
        let arguments = [&["--store", &self.store, "--now", NOW], command].concat();
        self.sandbox.run(&arguments).exits(0).stdout
    }
}

/// The small log as Glue runs, with their times in one of AWS's three forms.
pub(crate) fn small_log(times: &str) -> String {
    let log = beside_tests("data/small.swf");
    let options = [OsStr::new("--times"), OsStr::new(times), log.as_os_str()];
    python(&beside_tests("oracle/swf_to_glue.py"), &options)
}

#[test]
fn a_small_log_agrees_with_the_oracle_week_by_week() {
    agrees_week_by_week(&Ledger::embedded(), &small_log("iso"));
}

#[test]
fn a_small_log_agrees_with_the_oracle_on_a_real_server_too() {
    let Some(url) = dynamodb_url() else { return };
    agrees_week_by_week(&Ledger::on_server(&url), &small_log("iso"));
}

#[test]
fn the_nasa_log_agrees_with_the_oracle_week_by_week() {
    let Some(runs) = nasa_log() else { return };
    agrees_week_by_week(&Ledger::embedded(), &runs);
}

/// The NASA log as Glue runs; found by `RUNLEDGER_TEST_NASA_LOG` and `RUNLEDGER_TEST_SWF_TO_GLUE`,
/// else in `../shared`.
pub(crate) fn nasa_log() -> Option<String> {
    let beside = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    let file = |variable: &str, name: &str| {
        let path = std::env::var_os(variable).map_or_else(|| beside(name), PathBuf::from);
        path.is_file().then_some(path)
    };
    let log = file("RUNLEDGER_TEST_NASA_LOG", "data/NASA-iPSC-1993-3.1-cln.swf.gz");
    let converter = file("RUNLEDGER_TEST_SWF_TO_GLUE", "tools/swf_to_glue.py");
    let (Some(log), Some(converter)) = (log, converter) else {
        skipped("no NASA log: set RUNLEDGER_TEST_NASA_LOG and RUNLEDGER_TEST_SWF_TO_GLUE");
        return None;
    };
    Some(python(&converter, &[log.as_os_str()]))
}

fn agrees_week_by_week(ledger: &Ledger, runs: &str) {
    ledger.import(runs);
    let expected = expected(&ledger.sandbox.path("runs.jsonl"));
    let mut sums = Sums::default();
    let mut week_before = Value::Null;
    for (week, wanted) in &expected.weeks {
        let report: Value = serde_json::from_str(&ledger.report(week)).unwrap();
        same_figures(week, &report["totals"], wanted);
        assert_eq!(report["totals"]["by_state"], wanted["by_state"], "{week}");
        assert_eq!(report["completeness"]["still_running"], wanted["still_running"], "{week}");
        assert_eq!(report["completeness"]["by_basis"], wanted["by_basis"], "{week}");
        same_jobs(week, &report["jobs"], &wanted["jobs"]);
        // A week looks the same from the week after it, or changes would be measured against
        // nothing.
        assert_eq!(report["before"], week_before, "before {week}");
        week_before = report["totals"].clone();
        sums.add(&report["totals"]);
    }
    sums.equal(&expected.whole);
    no_runs_outside(ledger, &expected);
}

/// What is reported for a week or job is what the oracle says, figure by figure.
#[track_caller]
fn same_figures(what: &str, got: &Value, wanted: &Value) {
    for name in COUNTS {
        assert_eq!(got[name], wanted[name], "{what} {name}");
    }
    for name in MONEY {
        assert_eq!(dollars(&got[name]), dollars(&wanted[name]), "{what} {name}");
    }
}

#[track_caller]
fn same_jobs(week: &str, got: &Value, wanted: &Value) {
    let (got, wanted) = (got.as_array().unwrap(), wanted.as_object().unwrap());
    let names: Vec<&str> = got.iter().map(|job| job["job"].as_str().unwrap()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, wanted.keys().collect::<Vec<_>>(), "{week}");
    for (job, name) in got.iter().zip(names) {
        let wanted = &wanted[name];
        for count in COUNTS {
            assert_eq!(job[count], wanted[count], "{week} {name} {count}");
        }
        for money in ["cost_usd", "waste_usd"] {
            assert_eq!(dollars(&job[money]), dollars(&wanted[money]), "{week} {name} {money}");
        }
        assert_eq!(job["by_state"], wanted["by_state"], "{week} {name}");
    }
}

/// The week before the first and the one after the last have a report too, and nothing in it.
fn no_runs_outside(ledger: &Ledger, expected: &Expected) {
    for week in ["2026-W36", "2026-W49"] {
        assert!(!expected.weeks.contains_key(week));
        let report: Value = serde_json::from_str(&ledger.report(week)).unwrap();
        assert_eq!(report["totals"]["runs"], 0, "{week}");
        assert_eq!(dollars(&report["totals"]["cost_usd"]), Decimal::ZERO, "{week}");
    }
}

/// The sums over all weeks.
#[derive(Default)]
struct Sums {
    counts: BTreeMap<String, u64>,
    states: BTreeMap<String, u64>,
    money: BTreeMap<String, Decimal>,
}

impl Sums {
    fn add(&mut self, totals: &Value) {
        for name in COUNTS {
            *self.counts.entry(name.to_owned()).or_default() += totals[name].as_u64().unwrap();
        }
        for (state, runs) in totals["by_state"].as_object().unwrap() {
            *self.states.entry(state.clone()).or_default() += runs.as_u64().unwrap();
        }
        for name in MONEY {
            *self.money.entry(name.to_owned()).or_default() += dollars(&totals[name]);
        }
    }

    fn equal(&self, whole: &Value) {
        for (name, sum) in &self.counts {
            assert_eq!(whole[name], *sum, "{name} of the whole file");
        }
        assert_eq!(whole["by_state"], serde_json::to_value(&self.states).unwrap());
        for (name, sum) in &self.money {
            assert_eq!(dollars(&whole[name]), *sum, "{name} of the whole file");
        }
    }
}

#[track_caller]
fn dollars(text: &Value) -> Decimal {
    text.as_str().unwrap_or_else(|| panic!("money is text, not {text}")).parse().unwrap()
}

#[test]
fn the_form_of_time_stamps_changes_no_byte_of_a_report() {
    let reports = ["iso", "seconds", "millis"].map(|times| {
        let ledger = Ledger::embedded();
        ledger.import(&small_log(times));
        ledger.report("2026-W45")
    });
    assert!(reports[0].contains("\"runs\""));
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[0], reports[2]);
}

#[test]
fn importing_twice_or_in_another_order_changes_no_byte_of_a_report() {
    let runs = small_log("iso");
    let once = Ledger::embedded();
    once.import(&runs);
    let report = once.report("2026-W45");
    once.import(&runs);
    assert_eq!(once.report("2026-W45"), report);

    let mut lines: Vec<&str> = runs.lines().collect();
    lines.sort_by_key(|line| {
        line.bytes().fold(7_u64, |hash, byte| (hash * 31 + u64::from(byte)) % 65_521)
    });
    assert_ne!(lines, runs.lines().collect::<Vec<_>>());
    let shuffled = Ledger::embedded();
    shuffled.import(&lines.join("\n"));
    assert_eq!(shuffled.report("2026-W45"), report);
}
