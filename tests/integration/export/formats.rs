//! What the formats promise: the documented columns, equal bytes, complete days, nothing hostile,
//! and orders that make no sense refused before anything is read.

use runledger::tables::Table;

use super::Exports;

const WEEK: [&str; 2] = ["--week", "2026-W46"];

/// A column that is renamed, dropped or means something else is a new version of the tables.
#[test]
fn the_columns_are_the_documented_ones() {
    let exports = Exports::new("2026-11-16T06:00:00Z");
    let shown = exports.export(&["all", "--columns"]).exits(0).stdout;
    insta::assert_snapshot!("columns", shown);
    let one = exports.export(&["runs", "--columns"]).exits(0).stdout;
    assert!(shown.starts_with(&one));
    assert_eq!(one.matches("\n| ").count(), Table::Runs.columns().len() + 1);
}

/// The columns that other programs rely on, in the order in which they were promised.
#[test]
fn the_promised_columns_are_there() {
    let promised = [
        (
            Table::Runs,
            "account,region,engine,job,run_id,attempt,state,started_at,ended_at,runtime_seconds,team,cost_usd,basis",
        ),
        (
            Table::Costs,
            "account,region,engine,job,run_id,attempt,component,quantity,unit,rate_usd,amount_usd",
        ),
        (Table::Jobs, "job,cost_usd"),
        (Table::Teams, "team,cost_usd"),
    ];
    for (table, names) in promised {
        let columns = table.columns();
        let mut rest = columns.iter();
        for name in names.split(',') {
            assert!(rest.any(|column| column.name == name), "{table:?} {name}");
        }
    }
}

#[test]
fn equal_runs_are_equal_bytes() {
    let exports = Exports::of_three_days();
    for (table, format) in
        [("runs", "csv"), ("costs", "jsonl"), ("focus", "parquet"), ("all", "xlsx")]
    {
        let bytes = [1, 2].map(|number| {
            let file = format!("{table}-{number}.{format}");
            exports.export(&[&[table, "-o", &file], &WEEK[..]].concat()).exits(0);
            exports.bytes(&file)
        });
        assert!(bytes[0].len() > 100);
        assert_eq!(bytes[0], bytes[1], "{table} {format}");
    }
}

#[test]
fn a_run_without_a_price_is_there_with_the_reason() {
    let exports = Exports::of_three_days();
    let runs = exports.export(&[&["runs"], &WEEK[..]].concat()).exits(0);
    assert!(runs.stderr.contains("wrote runs: 3 rows, 8.80 USD, to stdout"), "{}", runs.stderr);
    let unpriced: Vec<&str> = runs.stdout.lines().filter(|line| line.contains("jr_2")).collect();
    assert!(unpriced[0].ends_with(",,unpriced,the Glue version is not known"), "{unpriced:?}");
    let costs = exports.export(&[&["costs", "--format", "jsonl"], &WEEK[..]].concat()).exits(0);
    let rows: Vec<serde_json::Value> =
        costs.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    let unpriced = rows.iter().find(|row| row["run_id"] == "jr_2").unwrap();
    assert_eq!(
        (&unpriced["amount_usd"], &unpriced["basis"]),
        (&serde_json::Value::Null, &"unpriced".into())
    );
    let focus = exports.export(&[&["focus"], &WEEK[..]].concat()).exits(0);
    assert!(focus.stderr.contains("1 runs without a price are not in focus"), "{}", focus.stderr);
}

/// Ten DPU for an hour, half of it on either side of midnight.
#[test]
fn a_cost_is_split_at_midnight_on_the_basis_used() {
    let exports = Exports::of_three_days();
    let order = ["costs", "--basis", "used", "--from", "2026-11-11", "--to", "2026-11-12"];
    let half = exports.export(&order).exits(0).stdout;
    let row = half.lines().nth(1).unwrap();
    assert!(row.contains(",2026-11-11,") && row.contains(",5,DPU-Hours,0.44,0.44,2.20,"), "{row}");
    assert_eq!(half.lines().count(), 2);
    let none = exports.export(&["costs", "--from", "2026-11-11", "--to", "2026-11-12"]).exits(0);
    assert_eq!(none.stdout.lines().count(), 1, "the run ended a day later");
}

#[test]
fn days_that_are_not_over_are_left_out_and_said() {
    let exports = Exports { now: "2026-11-12T00:45:00Z", ..Exports::of_three_days() };
    let complete = exports.export(&[&["runs"], &WEEK[..]].concat()).exits(4);
    assert_eq!(complete.stdout.lines().count(), 3, "two runs and the header");
    let said = "nothing is exported from 2026-11-12T00:00:00Z on: the rest is not over yet";
    assert!(complete.stderr.contains(said), "{}", complete.stderr);
    // Jobs are those of the same days.
    let jobs = exports.export(&[&["jobs"], &WEEK[..]].concat()).exits(4).stdout;
    assert!(jobs.contains(",orders-load,Unallocated,2,0,1,0,4.40,"), "{jobs}");
    let all = exports.export(&[&["runs", "--incomplete"], &WEEK[..]].concat()).exits(0);
    assert_eq!(all.stdout.lines().count(), 4);
    let early = Exports { now: "2026-11-09T06:00:00Z", ..exports };
    let nothing = early.export(&[&["all", "-o", "all.xlsx"], &WEEK[..]].concat()).exits(4);
    assert!(nothing.stderr.contains("wrote runs: 0 rows"), "{}", nothing.stderr);
}

#[test]
fn what_is_past_its_retention_is_said() {
    let exports = Exports { now: "2027-03-21T06:00:00Z", ..Exports::of_three_days() };
    let cut = exports.export(&[&["runs"], &WEEK[..]].concat()).exits(4);
    let said = "runs that ended before 2026-11-11T06:00:00Z are past their retention, and gone";
    assert!(cut.stderr.contains(said), "{}", cut.stderr);
    assert_eq!(cut.stdout.lines().count(), 2, "the header and the last run");
}

#[test]
fn a_hostile_name_is_a_text_everywhere() {
    let exports = Exports::new("2026-11-16T06:00:00Z");
    let run = r#"{"Id":"jr_1","JobName":"=HYPERLINK(\"http://x\")\u001b[2J","StartedOn":"2026-11-09T10:00:00Z","CompletedOn":"2026-11-09T11:00:00Z","JobRunState":"FAILED","ErrorMessage":"@SUM(A1),\"two\nlines\"","ExecutionTime":3600,"WorkerType":"G.1X","NumberOfWorkers":2,"GlueVersion":"5.0"}"#;
    exports.import("runs.jsonl", run);
    let csv = exports.export(&[&["runs", "--bom"], &WEEK[..]].concat()).exits(0).stdout;
    assert!(csv.starts_with("\u{feff}account,"), "{csv}");
    assert!(csv.contains(r#","'=HYPERLINK(""http://x"")"#), "{csv}");
    assert!(csv.contains("\"'@SUM(A1),\"\"two\nlines\"\"\""), "{csv}");
    assert!(csv.contains("\r\n"));
    let jsonl = exports.export(&[&["runs", "--format", "jsonl"], &WEEK[..]].concat()).exits(0);
    let row: serde_json::Value = serde_json::from_str(&jsonl.stdout).unwrap();
    assert_eq!(row["run_name"], "=HYPERLINK(\"http://x\")\u{1b}[2J");
    assert!(!jsonl.stdout.contains('\u{1b}'));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_read() {
    let exports = Exports::of_three_days();
    let refused = |order: &[&str], said: &str| {
        let finished = exports.export(order).exits(2);
        assert!(finished.stderr.contains(said), "{}", finished.stderr);
        assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    };
    refused(&["run"], "there is no table `run`");
    refused(&["runs,costs"], "csv holds one table in a file");
    refused(&["all", "-o", "x.parquet"], "parquet holds one table in a file");
    refused(&["runs", "--basis", "used"], "--basis used is for costs alone");
    refused(&["runs", "--bom", "-o", "x.xlsx"], "--bom is for csv, not xlsx");
    refused(&["runs", "-o", "s3://lake"], "`s3://lake` is no place in S3");
    assert_eq!(exports.names(), ["runs.jsonl"]);
}

#[test]
fn one_teams_runs_are_its_own() {
    let exports = Exports::of_three_days();
    exports.sandbox.write(
        "runledger.toml",
        "[[ownership.rules]]\njob = '^orders-'\nteam = 'orders'\nto = '2026-11-12'\n",
    );
    let order = ["runs,costs,jobs,teams,chains,hourly", "-o", "team.xlsx", "--team", "orders"];
    let said = exports.export(&[&order, &WEEK[..]].concat()).exits(0).stderr;
    for table in ["runs: 2 rows", "costs: 2 rows", "jobs: 1 row", "teams: 1 row"] {
        assert!(said.contains(&format!("wrote {table}, 4.40 USD")), "{said}");
    }
}
