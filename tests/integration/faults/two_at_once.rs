//! Two starts of the real binary at once, over one store.

use std::ffi::OsStr;
use std::time::Duration;

use runledger::model::DeliveryState;

use super::company::{self, NOW, READERS, SEND, files_in, records, report};
use super::mail_services::MailService;
use crate::harness::{Finished, Sandbox, dynamodb_url};

const OVERLAPPING: [std::ops::Range<usize>; 2] = [0..900, 600..1_500];

/// Starts both, waits for both, and asserts that both did their work.
fn at_once<A: AsRef<OsStr>>(sandbox: &Sandbox, commands: [&[A]; 2]) -> [Finished; 2] {
    let running = commands.map(|arguments| sandbox.start(arguments));
    running.map(|running| running.wait().exits(0))
}

/// A folder with two files of runs that overlap, and the runs' ends in two more.
fn with_files(sandbox: Sandbox) -> Sandbox {
    sandbox.write("runledger.toml", company::configuration("via = \"outbox\""));
    for (name, numbers) in ["a", "b"].into_iter().zip(OVERLAPPING) {
        let [first, second] = company::runs(numbers);
        sandbox.write(&format!("{name}1.jsonl"), first);
        sandbox.write(&format!("{name}2.jsonl"), second);
    }
    sandbox
}

fn one_after_the_other() -> String {
    let sandbox = with_files(Sandbox::new());
    let import = ["--now", NOW, "import", "a1.jsonl", "a2.jsonl", "b1.jsonl", "b2.jsonl"];
    sandbox.run(&import).exits(0);
    let expected = report(&sandbox);
    assert!(expected.contains("\"runs\": 1500"), "{expected}");
    expected
}

#[test]
fn two_imports_into_one_file_store_every_run_once() {
    let expected = one_after_the_other();
    for init_first in [false, true] {
        let sandbox = with_files(Sandbox::new());
        if init_first {
            sandbox.run(&["init"]).exits(0);
        }
        let a = ["--now", NOW, "import", "a1.jsonl", "a2.jsonl"];
        let b = ["--now", NOW, "import", "b1.jsonl", "b2.jsonl"];
        at_once(&sandbox, [&a, &b]);
        assert_eq!(report(&sandbox), expected, "the file was there before: {init_first}");
    }
}

#[test]
fn two_imports_into_one_table_store_every_run_once() {
    let Some(url) = dynamodb_url() else { return };
    let expected = one_after_the_other();
    let sandbox = with_files(Sandbox::new().with_dynamodb(&url));
    // The temporary folder's name is one that no other test has.
    let folder = sandbox.path("");
    let name = folder.file_name().unwrap().to_str().unwrap().replace('.', "two-");
    let store = format!("dynamodb:{name}");
    let in_table = |arguments: &[&str]| -> Vec<String> {
        ["--store", &store, "--now", NOW].iter().chain(arguments).map(|a| (*a).into()).collect()
    };
    let init = in_table(&["init"]);
    // Two that create one table at once, too.
    at_once(&sandbox, [&init, &init]);
    let a = in_table(&["import", "a1.jsonl", "a2.jsonl"]);
    let b = in_table(&["import", "b1.jsonl", "b2.jsonl"]);
    at_once(&sandbox, [&a, &b]);
    let shown = in_table(&["report", "--last-week", "--format", "json"]);
    assert_eq!(sandbox.run(&shown).exits(0).stdout, expected);
}

#[test]
fn two_starts_send_each_mail_once() {
    let stored = company::with_runs(60, "via = \"ses\"");
    for round in 0..3 {
        let service = MailService::slow(round, Duration::from_millis(60));
        let sandbox = service.serving(company::copy_of(&stored));
        let done = at_once(&sandbox, [&SEND, &SEND]);
        let said =
            |what: &str| done.iter().map(|one| one.stderr.matches(what).count()).sum::<usize>();
        assert_eq!(said("already sent to "), READERS.len(), "one of the two finds it done");
        assert_eq!(said("sent to "), 2 * READERS.len());
        assert!(
            READERS.iter().all(|reader| service.mails()[*reader] == 1),
            "{:?}",
            service.mails()
        );
        let records = records(&sandbox);
        assert!(records.values().all(|record| record.state() == DeliveryState::Sent));
    }
}

#[test]
fn two_starts_fill_one_outbox() {
    let sandbox = company::with_runs(60, "via = \"outbox\"");
    at_once(&sandbox, [&SEND, &SEND]);
    let files = files_in(&sandbox.path("outbox"));
    assert_eq!(files.len(), 2 * READERS.len(), "{:?}", files.keys());
    assert_eq!(records(&sandbox).len(), READERS.len());
}
