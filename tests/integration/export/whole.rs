//! A table is whole or not there: when the disk is full, when the target cannot be written, when
//! the export is killed.

use std::path::Path;

use super::Exports;
use crate::harness::Running;

const WEEK: [&str; 2] = ["--week", "2026-W46"];

/// A store with enough runs for a file of some hundred kilobytes.
fn many() -> Exports {
    let exports = Exports::new("2026-11-16T06:00:00Z");
    let run = |number: usize| {
        format!(
            r#"{{"Id":"jr_{number:064}","JobName":"job-{number}","StartedOn":"2026-11-10T10:00:00Z","CompletedOn":"2026-11-10T11:00:00Z","JobRunState":"SUCCEEDED","ExecutionTime":{number},"WorkerType":"G.1X","NumberOfWorkers":2,"GlueVersion":"5.0"}}"#
        ) + "\n"
    };
    exports.import("runs.jsonl", (60..2_500).map(run).collect::<String>());
    exports
}

/// Starts an export from a shell that may hand on limits and redirections.
fn in_shell(exports: &Exports, limits: &str, order: &str) -> crate::harness::Finished {
    let (binary, store, now) = (env!("CARGO_BIN_EXE_runledger"), exports.store, exports.now);
    let script = format!(
        "{limits} exec {binary} --store {store} --now {now} export {order} --week 2026-W46"
    );
    let command = exports.sandbox.command(Path::new("/bin/sh"), &["-c", &script]);
    Running::start(command).wait()
}

/// A limit on the size of files stands for a disk without room: the same write fails, in the same
/// way. (The signal that goes with it is ignored, as full disks send none.)
#[test]
fn a_full_disk_leaves_no_half_file() {
    let exports = many();
    exports.sandbox.write("before.csv", "what was here before\n");
    // In blocks of 512 bytes, as sh counts them. The store is only read, and needs 32 kB itself.
    let limits = "trap '' XFSZ; ulimit -f 90;";
    for order in [
        "runs -o runs.csv",
        "runs -o before.csv",
        "runs --format jsonl -o runs.jsonl.export",
        "costs -o costs.parquet",
        "all -o all.xlsx",
        "runs",
    ] {
        let failed = in_shell(&exports, limits, order).exits(1);
        let said = "error: cannot write ";
        assert!(failed.stderr.contains(said), "{order}: {}", failed.stderr);
        assert!(failed.stderr.contains("nothing half written is left"), "{}", failed.stderr);
        assert_eq!(failed.stdout, "", "{order}");
    }
    assert_eq!(exports.names(), ["before.csv", "runs.jsonl"]);
    assert_eq!(exports.bytes("before.csv"), b"what was here before\n");
    // With room it goes well, so it was the limit that failed.
    in_shell(&exports, "", "runs -o runs.csv").exits(0);
}

#[test]
fn a_full_device_behind_stdout_is_a_failure() {
    if !Path::new("/dev/full").exists() {
        return crate::harness::skipped("there is no /dev/full");
    }
    let exports = Exports::of_three_days();
    let failed = in_shell(&exports, "exec >/dev/full;", "runs").exits(1);
    let said = "error: cannot write to stdout: No space left on device";
    assert!(failed.stderr.contains(said), "{}", failed.stderr);
}

/// As root a rename over `/dev/null` would go well, and be missed by everybody.
#[test]
fn a_pipe_is_written_into_and_stays_one() {
    let exports = Exports::of_three_days();
    // The pipe is there before anything is written, and opening it waits for its reader.
    let script = "mkfifo pipe; cat pipe >read.csv & ";
    let finished = in_shell(&exports, script, "runs -o pipe").exits(0);
    assert!(finished.stderr.contains("to pipe"), "{}", finished.stderr);
    let kind = std::fs::metadata(exports.sandbox.path("pipe")).unwrap().file_type();
    assert!(!kind.is_file());
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while exports.bytes("read.csv").iter().filter(|byte| **byte == b'\n').count() < 4 {
        assert!(std::time::Instant::now() < patience, "nothing came through the pipe");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_target_that_cannot_be_written_is_named() {
    let exports = Exports::of_three_days();
    for target in ["no/such/folder/runs.csv", "."] {
        let failed = exports.export(&[&["runs", "-o", target], &WEEK[..]].concat()).exits(1);
        let said = format!("error: cannot write {target}: ");
        assert!(failed.stderr.contains(&said), "{}", failed.stderr);
    }
    assert_eq!(exports.names(), ["runs.jsonl"]);
}

/// Killed at any moment there is the whole file or none, and the next export clears up.
#[test]
fn a_killed_export_leaves_no_half_file() {
    let exports = many();
    let order =
        ["--store", exports.store, "--now", exports.now, "export", "runs", "-o", "runs.csv"];
    let order = [&order[..], &WEEK].concat();
    let mut leftovers = 0;
    for milliseconds in [5, 20, 40, 60, 80, 120, 160] {
        let running = exports.sandbox.start(&order);
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        running.kill();
        let names = exports.names();
        leftovers += names.iter().filter(|name| name.ends_with(".tmp")).count();
        if names.contains(&"runs.csv".to_owned()) {
            let text = String::from_utf8(exports.bytes("runs.csv")).unwrap();
            assert_eq!(text.lines().count(), 2_441);
        }
    }
    exports.run(&order[4..]).exits(0);
    assert_eq!(exports.names(), ["runs.csv", "runs.jsonl"], "{leftovers} leftovers were there");
}
