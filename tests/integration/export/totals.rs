//! One total, whatever the table and whatever the format, read back by other software than the one
//! that wrote it (`tests/oracle/tables.py`, `focus.py`), for a simulated company and for real logs.

use rust_decimal::Decimal;
use serde_json::Value;

use super::Exports;
use crate::harness::{beside_tests, python, python_of, table_readers};
use crate::log::{NOW, nasa_log, small_log};

/// The tables that count a run by its end, and those that count by use.
const BY_END: [&str; 6] = ["runs", "costs", "jobs", "chains", "teams", "hourly"];
const OTHERS: [&str; 2] = ["quota", "focus"];

/// The totals by end and by use, after every table was compared in every format.
fn one_total(exports: &Exports, period: &[&str]) -> Option<(Decimal, Decimal)> {
    let readers = table_readers()?;
    for table in BY_END.into_iter().chain(OTHERS) {
        for format in ["csv", "parquet"] {
            let file = format!("{table}.{format}");
            exports.export(&[&[table, "-o", &file], period].concat()).exits(0);
        }
    }
    exports.export(&[&["all", "-o", "all.xlsx"], period].concat()).exits(0);
    let used = ["costs", "--basis", "used", "-o", "used.csv"];
    exports.export(&[&used, period].concat()).exits(0);

    let folder = exports.sandbox.path("");
    let tables = python_of(&readers, &beside_tests("oracle/tables.py"), &[folder.as_os_str()]);
    let tables: Value = serde_json::from_str(&tables).unwrap();
    let totals = &exports.report(period)["totals"];
    let total = dollars(&totals["cost_usd"]);
    for table in BY_END {
        for format in ["csv", "parquet", "xlsx"] {
            assert_eq!(dollars(&tables[table][format]), total, "{table} in {format}");
        }
    }
    for (table, count) in [("runs", "runs"), ("jobs", "jobs"), ("chains", "chains")] {
        assert_eq!(tables[table]["rows"], totals[count], "{table}");
    }
    let (focus, used) = (exports.sandbox.path("focus.parquet"), exports.sandbox.path("used.csv"));
    let arguments = [focus.as_os_str(), used.as_os_str()];
    let checked = python_of(&readers, &beside_tests("oracle/focus.py"), &arguments);
    let checked: Value = serde_json::from_str(&checked).unwrap();
    let by_use = dollars(&checked["ledger"]);
    for format in ["csv", "parquet", "xlsx"] {
        assert_eq!(dollars(&tables["focus"][format]), by_use, "focus in {format}");
    }
    let validator = beside_tests("oracle/focus_second_opinion.py");
    python_of(&readers, &validator, &[focus.as_os_str()]);
    Some((total, by_use))
}

#[track_caller]
fn dollars(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value} is no money")).parse().unwrap()
}

#[test]
fn a_simulated_company_has_one_total() {
    let exports = Exports { store: "embedded:d/demo.db", ..Exports::new("2026-11-20T10:30:00Z") };
    exports.run(&["demo", "--weeks", "2", "--out", "d"]).exits(0);
    for file in ["d/tables-2026-W46.xlsx", "d/focus-2026-W46.parquet"] {
        assert!(exports.bytes(file).len() > 1_000, "{file}");
    }
    let Some((total, by_use)) = one_total(&exports, &["--week", "2026-W46"]) else { return };
    // Streams and nights across midnight make the two differ, and not by much.
    assert!(total > Decimal::ZERO && total != by_use);
    assert!((total - by_use).abs() < total / Decimal::TEN, "{total} {by_use}");
}

#[test]
fn a_small_log_has_one_total() {
    a_whole_log_has_one_total(&small_log("iso"));
}

#[test]
fn the_nasa_log_has_one_total() {
    let Some(runs) = nasa_log() else { return };
    a_whole_log_has_one_total(&runs);
}

/// Over a period that holds the whole log, use and end come to the same, which is what the oracle
/// says of the file.
fn a_whole_log_has_one_total(runs: &str) {
    let exports = Exports::new(NOW);
    exports.import("runs.jsonl", runs);
    let period = ["--from", "2026-08-20", "--to", "2026-12-01"];
    let Some((total, by_use)) = one_total(&exports, &period) else { return };
    let file = exports.sandbox.path("runs.jsonl");
    let expected = python(&beside_tests("oracle/weekly.py"), &[file.as_os_str()]);
    let expected: Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(total, dollars(&expected["whole"]["cost_usd"]));
    assert_eq!(by_use, total);
}
