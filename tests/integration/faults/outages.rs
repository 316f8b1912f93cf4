//! Days on which something is gone for a while: the network for an hour, credentials in the middle
//! of a sweep or between two mails, templates that fit; and two containers where there should be
//! one. Nothing is sent twice, nothing is lost, and the next start finishes it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::company::{self, READERS, SEND, configuration, files_in};
use super::world::{COLLECT, Leaves, REPORT, RUNS, Readers, World, ended_properly, same};
use crate::harness::{Deed, Finished, Proxy, Reply, Running, Sandbox, dynamodb_url};

/// An address that refuses every connection.
const NOBODY: &str = "http://127.0.0.1:1";

/// Runs a command on a machine that has lost its network.
fn without_network(sandbox: &Sandbox, command: &[&str]) -> Finished {
    let mut command = sandbox.command(Path::new(env!("CARGO_BIN_EXE_runledger")), command);
    for service in ["", "_SESV2", "_DYNAMODB"] {
        command.env(format!("AWS_ENDPOINT_URL{service}"), NOBODY);
    }
    Running::start(command).wait()
}

fn collect(now: &str) -> Vec<&str> {
    vec!["--now", now, "collect", "--since", "9d"]
}

fn send(now: &str) -> Vec<&str> {
    vec!["--now", now, "report", "--last-week", "--send"]
}

/// The runs, and the number of mails by reader, of a Monday on which all is done at seven.
fn at_seven(world: &World, sandbox: &Sandbox) -> (String, BTreeMap<String, usize>) {
    let seven = "2026-11-16T07:00:00Z";
    sandbox.run(&collect(seven)).exits(0);
    sandbox.run(&send(seven)).exits(0);
    sandbox.run(&send(seven)).exits(0);
    (sandbox.run(&RUNS).exits(0).stdout, world.mail.mails())
}

#[test]
fn an_hour_without_a_network_costs_an_hour() {
    // The account of the credentials: of configured ones each service is asked for a minute.
    let simple = |world: &World| {
        let sandbox = world.sandbox(Leaves::BySes);
        sandbox.write("runledger.toml", configuration("via = \"ses\""));
        sandbox
    };
    let (world, calm) = (World::new(None), World::new(None));
    let sandbox = simple(&world);
    for now in ["2026-11-16T06:00:00Z", "2026-11-16T06:30:00Z", "2026-11-16T06:59:59Z"] {
        let collected = without_network(&sandbox, &collect(now)).exits(5);
        assert!(collected.stderr.contains("sts GetCallerIdentity"), "{}", collected.stderr);
        let sent = without_network(&sandbox, &send(now)).exits(5);
        assert_eq!(sent.stderr.matches("error: not sent to ").count(), READERS.len());
    }
    let (stored, mails) = at_seven(&world, &sandbox);
    let expected = at_seven(&calm, &simple(&calm));
    same(&stored, &expected.0, "the runs after it");
    // The foot tells what Runledger itself did, so the bytes are others.
    assert!(READERS.iter().all(|reader| mails[*reader] == 1) && mails == expected.1, "{mails:?}");
}

#[test]
fn an_hour_without_a_table_costs_an_hour() {
    let Some(url) = dynamodb_url() else { return };
    let expected = World::expected();
    let world = World::new(Some(&url));
    let sandbox = world.sandbox(Leaves::BySes);
    for command in [&COLLECT[..], &SEND] {
        let gone = without_network(&sandbox, command).exits(5);
        assert!(gone.stderr.contains("table `world-"), "{}", gone.stderr);
    }
    sandbox.run(&COLLECT).exits(0);
    World::has_stored(&sandbox, expected, "after it");
    sandbox.run(&SEND).exits(0);
    let readers = world.readers(&sandbox, expected, "after it");
    assert_eq!(readers, Readers { sent: READERS.len(), ..Readers::default() });
}

/// From the call after so many on, a connection answers that the credentials have expired: in the
/// words of JSON services, or of STS.
fn expire_after(proxy: &Proxy, calls: usize) {
    let mut left = calls;
    proxy.does(move |operation| {
        if left > 0 {
            left -= 1;
            return Deed::PASS;
        }
        let of_sts = operation.starts_with("POST /") && !operation.contains("/v2/");
        let (status, code) = match of_sts {
            true => (403, "ExpiredToken"),
            false => (400, "ExpiredTokenException"),
        };
        Deed::unheard(Reply::Error(status, code))
    });
}

#[test]
fn credentials_that_expire_in_a_sweep_lose_nothing() {
    let expected = World::expected();
    // At once, at each page of a job, among the applications, in the second account.
    for calls in [0, 6, 8, 20, 45] {
        let what = format!("expired after {calls} calls");
        let world = World::new(None);
        let sandbox = world.sandbox(Leaves::BySes);
        expire_after(&world.to_aws, calls);
        let cut = sandbox.run(&COLLECT);
        let code = ended_properly(&cut, &what);
        assert!([4, 5].contains(&code), "{what}: {code}");
        assert!(cut.stderr.contains("ExpiredToken"), "{what}: {}", cut.stderr);
        assert!(cut.stderr.contains("whether the credentials have expired"), "{}", cut.stderr);
        world.calms_down();
        sandbox.run(&COLLECT).exits(0);
        World::has_stored(&sandbox, expected, &what);
    }
}

#[test]
fn credentials_that_expire_between_mails_send_none_twice() {
    let expected = World::expected();
    let url = dynamodb_url();
    let world = World::new(url.as_deref());
    let sandbox = world.sandbox(Leaves::BySes);
    sandbox.run(&COLLECT).exits(0);
    expire_after(&world.to_mail, 3);
    let cut = sandbox.run(&SEND).exits(4);
    assert_eq!(cut.stderr.matches("error: not sent to ").count(), READERS.len() - 3);
    assert!(cut.stderr.contains("ExpiredTokenException"), "{}", cut.stderr);
    world.calms_down();
    sandbox.run(&SEND).exits(0);
    let readers = world.readers(&sandbox, expected, "after it");
    assert_eq!(readers, Readers { sent: READERS.len(), ..Readers::default() });
}

/// The table's too: what SES took and the ledger could not be told is UNKNOWN, and no mail more.
#[test]
fn credentials_that_expire_in_the_ledger_send_none_twice() {
    let Some(url) = dynamodb_url() else { return };
    let expected = World::expected();
    let world = World::new(Some(&url));
    let sandbox = world.sandbox(Leaves::BySes);
    sandbox.run(&COLLECT).exits(0);
    // The ledger is told that a mail is under way, and expires before it hears how that ended.
    let mut begun = 0;
    world.to_table.as_ref().unwrap().does(move |operation| {
        begun += usize::from(operation == "PutItem");
        let expired = Deed::unheard(Reply::Error(400, "ExpiredTokenException"));
        // The task's own record, twice: with what the report is made of, too. Then claim, begin and
        // end of a mail.
        if begun > 2 + 3 + 2 { expired } else { Deed::PASS }
    });
    let cut = sandbox.run(&SEND);
    let code = ended_properly(&cut, "expired in the ledger");
    assert_eq!(code, 4, "{}", cut.stderr);
    world.calms_down();
    let last = sandbox.run(&SEND);
    let readers = world.readers(&sandbox, expected, "after it");
    assert_eq!(readers.unknown(), 1, "{readers:?}\n{}", cut.stderr);
    last.exits(4);
}

/// The SDK reads no answer at all as one without items, which a report would show as a quiet week.
#[test]
fn a_table_that_answers_nothing_has_no_report() {
    let Some(url) = dynamodb_url() else { return };
    let expected = World::expected();
    let world = World::new(Some(&url));
    let sandbox = world.sandbox(Leaves::BySes);
    sandbox.run(&COLLECT).exits(0);
    let table = world.to_table.as_ref().unwrap();
    // From the first reading call on, some of those that follow.
    for spared in [0, 1, 2, 5, 20, 40] {
        let mut calls = 0;
        table.does(move |_| {
            calls += 1;
            let nothing = Deed { heard: true, reply: Reply::Shortened(0) };
            if calls == spared + 1 { nothing } else { Deed::PASS }
        });
        let shown = sandbox.run(&REPORT).exits(5);
        assert_eq!(shown.stdout, "", "{spared}");
        assert!(shown.stderr.contains("the answer is empty"), "{spared}: {}", shown.stderr);
    }
    world.calms_down();
    same(&sandbox.run(&REPORT).exits(0).stdout, &expected.report, "after it");
}

/// Two containers that a scheduler started at once, over one table.
#[test]
fn two_that_do_the_whole_monday_at_once_do_it_once() {
    let Some(url) = dynamodb_url() else { return };
    let expected = World::expected();
    let world = World::new(Some(&url));
    let sandbox = world.sandbox(Leaves::BySes);
    for command in [&COLLECT[..], &SEND] {
        let both = [sandbox.start(command), sandbox.start(command)];
        for one in both {
            one.wait().exits(0);
        }
    }
    World::has_stored(&sandbox, expected, "two at once");
    let readers = world.readers(&sandbox, expected, "two at once");
    assert_eq!(readers, Readers { sent: READERS.len(), ..Readers::default() });
}

/// A folder of templates that an upgrade left behind: one names what there is no more, one is not
/// there yet. The mails go out as they would without the folder, once, and the exit code says so.
#[test]
fn templates_of_an_older_version_hold_up_no_mail() {
    let sandbox = company::with_runs(30, "via = \"outbox\"");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("report_templates");
    let copied = Command::new("cp").arg("-r").arg(&shipped).arg(sandbox.path("mine")).status();
    assert!(copied.unwrap().success());
    let configuration = configuration("via = \"outbox\"");
    sandbox.write("runledger.toml", "templates = \"mine\"\n".to_owned() + &configuration);
    sandbox.write("mine/weekly/subject.txt", "{{ headline.sum_of_old }}");
    std::fs::remove_file(sandbox.path("mine/weekly/body.txt")).unwrap();
    let named = sandbox.run(&SEND).exits(4);
    assert!(named.stderr.contains("weekly/subject.txt"), "{}", named.stderr);
    let sent = files_in(&sandbox.path("outbox"));
    assert_eq!(sent.len(), 2 * READERS.len());
    sandbox.run(&SEND);
    assert_eq!(files_in(&sandbox.path("outbox")), sent, "nobody has it twice");
}

/// Whichever of the calls to STS it is: whose credentials these are, a role's, and that of a client
/// on its way to a service.
#[test]
fn nonsense_of_sts_is_told_and_loses_nothing() {
    let expected = World::expected();
    let mut failed = 0;
    for spared in 0..4 {
        for reply in [Reply::Garbage, Reply::Shortened(0), Reply::Shortened(500)] {
            let what = format!("{reply:?} after {spared} calls");
            let world = World::new(None);
            let sandbox = world.sandbox(Leaves::BySes);
            let mut calls = 0;
            world.to_aws.does(move |operation| {
                calls += usize::from(operation == "POST /");
                let is_it = operation == "POST /" && calls == spared + 1;
                if is_it { Deed { heard: true, reply } } else { Deed::PASS }
            });
            failed += usize::from(ended_properly(&sandbox.run(&COLLECT), &what) != 0);
            sandbox.run(&COLLECT).exits(0);
            World::has_stored(&sandbox, expected, &what);
        }
    }
    assert!(failed > 6, "{failed} of them were noticed");
}
