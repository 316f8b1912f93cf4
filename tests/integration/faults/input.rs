//! Standard input and output as shells make them, and files as other programs leave them.

use std::process::{Command, Stdio};

use super::company::{self, NOW, files_in, report};
use crate::harness::{Running, Sandbox};

const IMPORT: [&str; 7] =
    ["--now", NOW, "import", "--account", "111122223333", "--region", "us-east-1"];

fn import(file: &str) -> Vec<&str> {
    IMPORT.into_iter().chain([file]).collect()
}

#[test]
fn runs_come_from_stdin_with_a_mark_and_with_dos_lines() {
    let [runs, _] = company::runs(0..50);
    let expected = {
        let sandbox = Sandbox::new();
        sandbox.write("runs.jsonl", &runs);
        sandbox.run(&import("runs.jsonl")).exits(0);
        report(&sandbox)
    };
    let forms = [
        runs.clone(),
        format!("\u{feff}{runs}"),
        format!("\u{feff}{}", runs.replace('\n', "\r\n")),
        runs.trim_end().to_owned(),
    ];
    for form in forms {
        let sandbox = Sandbox::new();
        let done = sandbox.run_with_input(&import("-"), form.as_bytes()).exits(0);
        assert!(done.stderr.starts_with("50 runs: 50 new, 0 changed, 0 known already\n"));
        assert_eq!(report(&sandbox), expected);
    }
}

#[test]
fn what_is_compressed_or_no_file_is_refused_with_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.write("runs.jsonl.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0]);
    let told = sandbox.run(&import("runs.jsonl.gz")).exits(1).stderr;
    assert!(
        told.contains("runs.jsonl.gz:1: the file is compressed with gzip: decompress it first")
    );
    let told = sandbox.run_with_input(&import("-"), b"\x1f\x8b\x08\x00").exits(1).stderr;
    assert!(told.contains("error: -:1: the file is compressed"), "{told}");
    for none in ["nowhere.jsonl", "."] {
        let told = sandbox.run(&import(none)).exits(2).stderr;
        assert!(told.contains(&format!("error: cannot read {none}: ")), "{told}");
        assert!(told.contains("hint: name files that exist"), "{told}");
    }
    let done = sandbox.run_with_input(&import("-"), b"").exits(0);
    assert!(done.stderr.starts_with("0 runs: 0 new, 0 changed, 0 known already\n"));
}

/// As `runledger report | head -1` does: a reader that has gone away is no failure.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sandbox = company::with_runs(2_000, "via = \"outbox\"");
    let arguments = ["--now", NOW, "report", "--last-week", "--format", "json"];
    let program = env!("CARGO_BIN_EXE_runledger").as_ref();
    assert!(sandbox.run(&arguments).exits(0).stdout.len() > 1 << 16, "more than a pipe holds");
    let mut head =
        Command::new("head").arg("-1").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut command = sandbox.command(program, &arguments);
    command.stdout(head.stdin.take().unwrap());
    let finished = Running::start(command).wait().exits(0);
    assert_eq!(finished.stderr, "");
    head.wait().unwrap();
}

#[test]
fn a_full_disk_behind_stdout_is_a_failure() {
    let sandbox = company::with_runs(3, "via = \"outbox\"");
    let program = env!("CARGO_BIN_EXE_runledger").as_ref();
    let mut command = sandbox.command(program, &["--now", NOW, "report", "--last-week"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    command.stdout(full);
    let finished = Running::start(command).wait().exits(1);
    assert!(finished.stderr.contains("error: cannot write to stdout: "), "{}", finished.stderr);
}

#[test]
fn an_output_folder_that_is_a_file_is_named() {
    let sandbox = company::with_runs(3, "via = \"outbox\"");
    let arguments = ["--now", NOW, "report", "--last-week", "--out", "runs.jsonl"];
    let told = sandbox.run(&arguments).exits(1).stderr;
    assert!(told.contains("error: cannot write runs.jsonl: "), "{told}");
    assert!(files_in(&sandbox.path("outbox")).is_empty());
}

/// A period of ages asks for the days that can hold runs; for all of them it would take hours.
#[test]
fn a_month_long_before_all_runs_is_answered_at_once() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).exits(0);
    let now = ["--now", NOW];
    let finished = sandbox.run(&[&now[..], &["chargeback", "--month", "0001-01"]].concat());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let ages = ["report", "--from", "0001-01-01", "--to", "9000-01-01", "--format", "json"];
    sandbox.run(&[&now[..], &ages[..]].concat()).exits(0);
}
