//! Runs that were exported come back as the same runs, and Parquet of another making is refused by
//! its column.

use std::path::Path;

use serde_json::Value;

use super::Exports;
use crate::harness::{beside_tests, python_of, table_readers};
use crate::log::{NOW, small_log};

const PERIOD: [&str; 4] = ["--from", "2026-08-20", "--to", "2026-12-01"];

/// What a report says of the runs, but for what depends on when they were stored.
fn figures(exports: &Exports) -> Value {
    let mut report = exports.report(&PERIOD);
    let mut kept = serde_json::Map::new();
    for part in ["totals", "jobs", "teams", "states", "configurations", "failures", "waste"] {
        kept.insert(part.to_owned(), report[part].take());
    }
    kept.insert("by_basis".to_owned(), report["completeness"]["by_basis"].take());
    kept.insert("unpriced".to_owned(), report["completeness"]["unpriced_reasons"].take());
    kept.into()
}

#[test]
fn exported_runs_come_back_as_the_same_runs() {
    let exports = Exports::new(NOW);
    exports.import("runs.jsonl", small_log("iso"));
    exports.import(
        "emr.json",
        std::fs::read(beside_tests("data/emr_serverless_get_job_run.json")).unwrap(),
    );
    exports.import(
        "other.csv",
        "account,region,engine,job,run_id,attempt,state,started_at,ended_at,team,cost_usd,basis\n\
         1,eu-west-1,emr-ec2,-nightly,s-1,2,FAILED,2026-11-10T01:00:00Z,2026-11-10T02:00:00.5Z,\
         orders,12.345678901,imported\n",
    );
    let before = figures(&exports);
    assert!(before["totals"]["runs"].as_u64().unwrap() > 50);
    for format in ["parquet", "csv"] {
        let file = format!("exported.{format}");
        exports.export(&[&["runs", "-o", &file], &PERIOD[..]].concat()).exits(0);
        let again = Exports::new(NOW);
        again.import(&file, exports.bytes(&file));
        assert_eq!(figures(&again), before, "{format}");
        // What comes out of the copy is what went in.
        again.export(&[&["runs", "-o", &file], &PERIOD[..]].concat()).exits(0);
        if format == "parquet" {
            assert_eq!(again.bytes(&file), exports.bytes(&file), "{format}");
        }
        // And it is nothing new to the store that it came from.
        let known = exports.run(&["import", &file]).exits(0).stderr;
        assert!(known.contains(" 0 new"), "{known}");
        assert_eq!(figures(&exports), before, "{format}");
    }
}

/// Writes `foreign.parquet` with pyarrow, from a Python expression for its columns.
fn foreign(readers: &Path, exports: &Exports, columns: &str) {
    let file = exports.sandbox.path("foreign.parquet");
    let script = format!(
        "import decimal, datetime, pyarrow as pa, pyarrow.parquet as pq\n\
         utc = datetime.timezone.utc\n\
         base = dict(account=pa.array(['1']), region=pa.array(['r']), engine=pa.array(['x']),\n\
                     run_id=pa.array(['a']), state=pa.array(['SUCCESS']))\n\
         base.update({columns})\n\
         pq.write_table(pa.table({{k: v for k, v in base.items() if v is not None}}), {:?})\n",
        file.to_str().unwrap()
    );
    exports.sandbox.write("make.py", script);
    python_of(readers, &exports.sandbox.path("make.py"), &[]);
}

#[test]
fn parquet_of_another_making_is_refused_by_its_column() {
    let Some(readers) = table_readers() else { return };
    let exports = Exports::new(NOW);
    for (columns, said) in [
        ("dict(engine=None)", "foreign.parquet:0: a header without `engine`"),
        ("dict(run_id=pa.array([7]))", "column `run_id` should be text, and is INT64"),
        (
            "dict(cost_usd=pa.array([0.1]))",
            "column `cost_usd` should be a decimal or an integer, and is DOUBLE",
        ),
        (
            "dict(ended_at=pa.array([datetime.datetime(2026, 11, 9)], pa.timestamp('us')))",
            "column `ended_at` should be a timestamp in UTC, of milli- or microseconds",
        ),
        (
            "dict(ended_at=pa.array([datetime.datetime(2026, 11, 9)], pa.timestamp('ns', 'UTC')))",
            "column `ended_at` should be a timestamp in UTC, of milli- or microseconds",
        ),
        ("dict(job=pa.array([['a']]))", "column `job` should be text, and is a group or a list"),
    ] {
        foreign(&readers, &exports, columns);
        let refused = exports.run(&["import", "foreign.parquet"]).exits(1);
        assert!(refused.stderr.contains(said), "{columns}: {}", refused.stderr);
    }
    // Foreign columns, other widths and dictionaries are no harm.
    foreign(
        &readers,
        &exports,
        "dict(cost_usd=pa.array([decimal.Decimal('0.66')], pa.decimal128(5, 2)),\n\
         attempt=pa.array([2], pa.int32()), other=pa.array([{'a': [1.5]}]),\n\
         job=pa.array(['n']).dictionary_encode(),\n\
         ended_at=pa.array([datetime.datetime(2026, 11, 9, tzinfo=utc)], pa.timestamp('ms', 'UTC')))",
    );
    exports.run(&["import", "foreign.parquet"]).exits(0);
    let report = exports.report(&["--week", "2026-W46"]);
    assert_eq!(report["totals"]["cost_usd"], "0.66");
    assert_eq!(report["jobs"][0]["job"], "n");
}

#[test]
fn cut_or_damaged_parquet_stores_nothing_of_what_cannot_be_read() {
    let exports = Exports::of_three_days();
    exports.export(&["runs", "-o", "runs.parquet", "--week", "2026-W46"]).exits(0);
    let whole = exports.bytes("runs.parquet");
    let copy = Exports::new(NOW);
    copy.sandbox.write("cut.parquet", &whole[..whole.len() / 2]);
    let cut = copy.run(&["import", "cut.parquet"]).exits(1).stderr;
    assert!(cut.contains("cut.parquet:0: not Parquet: "), "{cut}");
    // Flipped bytes anywhere in the data never end in a panic.
    for at in (4..whole.len() - 8).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xFF;
        copy.sandbox.write("damaged.parquet", &damaged);
        let finished = copy.run(&["import", "damaged.parquet"]);
        assert!(matches!(finished.code, Some(0 | 1 | 2 | 4)), "at {at}: {}", finished.stderr);
        assert!(!finished.stderr.contains("panicked"), "at {at}: {}", finished.stderr);
    }
}
