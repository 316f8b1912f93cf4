//! A disk that is full: under the store, the outbox, an export. It is a real one, of a megabyte or
//! two in memory, mounted over a test's folder; where that is not allowed, it is said aloud.
//!
//! A disk that has room again has everything as if it had always had it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::company::{self, NOW, READERS, SEND, files_in};
use super::world::{COLLECT, Kept, Leaves, Readers, World};
use crate::harness::{Finished, Sandbox, skipped};

/// A small disk in a folder, which goes with it.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts one over an empty folder; `None`, and said, where that may not be done.
    fn over(folder: &Path, kilobytes: u32) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "tmpfs"])
            .arg(folder)
            .output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Some(Self { folder: folder.to_owned() });
        }
        skipped("a disk that is full: only root may mount a small one");
        None
    }

    /// Fills it but for so many bytes, in whole pages.
    fn fill(&self, leaving: u64) {
        let mut options = OpenOptions::new();
        let mut filler = options.create(true).append(true).open(self.filler()).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![7; size]).is_ok() {}
        }
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(leaving)).unwrap();
    }

    fn clear(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a process that a failed test left may still be in it.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

/// Asserts that it failed and says so, of which file.
#[track_caller]
fn failed_for(finished: &Finished, codes: &[i32], file: &str) {
    let Finished { code, stderr, .. } = finished;
    assert!(code.is_some_and(|code| codes.contains(&code)), "{code:?}: {stderr}");
    let says = |line: &str| line.starts_with("error: ") && line.contains(file);
    assert!(stderr.lines().any(says), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_store_on_a_full_disk_is_filled_when_there_is_room() {
    let expected = World::expected();
    for leaving in [0, 100_000] {
        let what = format!("{leaving} bytes left");
        let (world, sandbox) = World::with_sandbox(Kept::InFile, Leaves::BySes);
        let configuration = fs::read(sandbox.path("runledger.toml")).unwrap();
        let Some(disk) = Disk::over(&sandbox.path(""), 8_000) else { return };
        sandbox.write("runledger.toml", configuration);
        if leaving > 0 {
            // There is a store, and no room for what is to be in it.
            sandbox.run(&["-q", "init"]).exits(0);
        }
        disk.fill(leaving);
        let full = sandbox.run(&COLLECT);
        failed_for(&full, &[1, 4, 5], "runledger");
        disk.clear();
        sandbox.run(&COLLECT).exits(0);
        World::has_stored(&sandbox, expected, &what);
        sandbox.run(&SEND).exits(0);
        let readers = world.readers(&sandbox, expected, &what);
        assert_eq!(readers, Readers { sent: READERS.len(), ..Readers::default() }, "{what}");
    }
}

/// The ledger is on that disk too: what cannot be claimed is not sent.
#[test]
fn mails_are_not_sent_twice_for_want_of_a_ledger() {
    let expected = World::expected();
    let mut sent_at_once = Vec::new();
    for leaving in [0, 53_248, 102_400, 150_000] {
        let what = format!("{leaving} bytes left");
        let (world, sandbox) = World::with_sandbox(Kept::InFile, Leaves::BySes);
        let configuration = fs::read(sandbox.path("runledger.toml")).unwrap();
        let Some(disk) = Disk::over(&sandbox.path(""), 8_000) else { return };
        sandbox.write("runledger.toml", configuration);
        sandbox.run(&COLLECT).exits(0);
        disk.fill(leaving);
        let full = sandbox.run(&SEND);
        assert!(!full.stderr.contains("panicked"), "{what}: {}", full.stderr);
        sent_at_once.push(world.mail.mails().len());
        disk.clear();
        let last = sandbox.run(&SEND);
        let readers = world.readers(&sandbox, expected, &what);
        last.exits(if readers.unknown() == 0 { 0 } else { 4 });
    }
    assert!(sent_at_once.iter().any(|sent| *sent < READERS.len()), "{sent_at_once:?}");
}

#[test]
fn an_outbox_on_a_full_disk_has_whole_mails_or_none() {
    let stored = company::with_runs(60, "via = \"outbox\"");
    let undisturbed = company::copy_of(&stored);
    undisturbed.run(&SEND).exits(0);
    let expected = files_in(&undisturbed.path("outbox"));
    let size: usize = expected.values().map(Vec::len).sum();
    for leaving in [0, size as u64 / 2] {
        let sandbox = company::copy_of(&stored);
        let outbox = sandbox.path("outbox");
        fs::create_dir(&outbox).unwrap();
        let Some(disk) = Disk::over(&outbox, 2_000) else { return };
        disk.fill(leaving);
        let full = sandbox.run(&SEND);
        failed_for(&full, if leaving == 0 { &[1] } else { &[4] }, "cannot write into outbox: ");
        let not_sent = full.stderr.matches("error: not sent to ").count();
        let there = mails_in(&outbox);
        assert_eq!(there.len(), READERS.len() - not_sent, "{}", full.stderr);
        disk.clear();
        sandbox.run(&SEND).exits(0);
        assert!(files_in(&outbox) == expected, "{:?}", files_in(&outbox).keys());
    }
}

fn mails_in(outbox: &Path) -> Vec<String> {
    files_in(outbox).into_keys().filter(|name| name.ends_with(".eml")).collect()
}

#[test]
fn what_is_written_to_a_full_disk_is_there_whole_or_not_at_all() {
    let sandbox = company::with_runs(900, "via = \"outbox\"");
    let folder = sandbox.path("disk");
    fs::create_dir(&folder).unwrap();
    let Some(disk) = Disk::over(&folder, 1_000) else { return };
    fs::write(folder.join("runs.csv"), "as it was\n").unwrap();
    disk.fill(8_192);
    for suffix in ["csv", "jsonl", "parquet", "xlsx"] {
        let file = format!("disk/runs.{suffix}");
        let full = export(&sandbox, &file);
        failed_for(&full, &[1], &file);
    }
    let report = ["--now", NOW, "report", "--last-week", "--out", "disk"];
    failed_for(&sandbox.run(&report), &[1], "disk/weekly-2026-W46.");
    let left = files_in(&folder);
    let names: Vec<&str> = left.keys().map(String::as_str).collect();
    assert_eq!(names, ["filler", "runs.csv"], "no half a file");
    assert_eq!(left["runs.csv"], b"as it was\n");
    disk.clear();
    export(&sandbox, "disk/runs.csv").exits(0);
    sandbox.run(&report).exits(0);
    let lines = fs::read_to_string(folder.join("runs.csv")).unwrap().lines().count();
    assert_eq!(lines, 1 + 900);
}

fn export(sandbox: &Sandbox, file: &str) -> Finished {
    sandbox.run(&["--now", NOW, "export", "runs", "--last-week", "--incomplete", "-o", file])
}
