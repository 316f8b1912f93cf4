//! Mails that were cut short, and what is sent in their place: to the readers that the ledger has,
//! with every table that they had or were to have. How often a mail leaves is told beside.

use std::time::{Duration, Instant};

use runledger::store::{Store, StoreSettings, TaskRun};

use super::company::{self, NOW};
use super::mail_services::MailService;
use crate::delivery::ses_fake::Answer;
use crate::harness::{Finished, Sandbox};

/// Longer than the lease of the company's mails.
const LATER: Duration = Duration::from_secs(11);
/// Whose mail is not answered.
const HELD: &str = "bob@example.com";
const WEEK: [&str; 3] = ["report", "--week", "2026-W46"];

/// Starts a command and kills it while a mail is in the hands of a service that does not answer.
fn killed_in_the_call(sandbox: Sandbox, service: &MailService, arguments: &[&str]) -> Sandbox {
    let sandbox = service.serving(sandbox);
    let running = sandbox.start(arguments);
    let patience = Instant::now() + Duration::from_secs(60);
    while !service.mails().contains_key(HELD) {
        assert!(Instant::now() < patience, "no mail is under way");
        std::thread::sleep(Duration::from_millis(20));
    }
    running.kill();
    std::thread::sleep(LATER);
    sandbox
}

fn company() -> Sandbox {
    company::with_runs(12, "via = \"ses\"")
}

fn holding() -> MailService {
    let held = |reader: &str| if reader == HELD { Answer::Silence } else { Answer::Accept };
    MailService::answering(held)
}

fn send(sandbox: &Sandbox, now: &str, more: &[&str]) -> Finished {
    sandbox.run(&[&["--now", now][..], &WEEK, &["--send"], more].concat())
}

/// The one letter that a reader got from a service, decoded.
#[track_caller]
fn letter(service: &MailService, reader: &str) -> String {
    let letters = service.letters().remove(reader).unwrap_or_default();
    let [letter] = &letters[..] else { panic!("{} letters to {reader}", letters.len()) };
    String::from_utf8(aws_smithy_types::base64::decode(letter).unwrap()).unwrap()
}

/// Makes the records of tasks such as a start leaves that is killed before it could say more.
fn forget_inputs(sandbox: &Sandbox) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let file = sandbox.path("runledger.db");
    runtime.block_on(async {
        let store = Store::embedded(&file, StoreSettings::default()).await.unwrap();
        let day = |text: &str| text.parse().unwrap();
        let (since, until) = (day("2026-11-16T08:00:00Z"), day("2026-11-16T08:00:00Z"));
        let runs = store.task_runs(since, until).await.unwrap();
        assert!(runs.iter().any(|run| run.inputs.is_some()), "{runs:?}");
        for run in runs {
            store.put_task_run(&TaskRun { inputs: None, ..run }).await.unwrap();
        }
    });
}

#[test]
fn what_may_have_left_is_sent_again_with_its_tables() {
    let holding = holding();
    let attach = [&["--now", NOW][..], &WEEK, &["--send", "--attach", "runs.csv"]].concat();
    let sandbox = killed_in_the_call(company(), &holding, &attach);
    // Somebody looks without asking for tables: what the mail was to have stays the same.
    send(&sandbox, NOW, &[]).exits(4);

    let quick = MailService::answering(|_| Answer::Accept);
    let sandbox = quick.serving(sandbox);
    let later = "2026-11-16T08:00:00Z";
    send(&sandbox, later, &["--resend", "--why", "asked", "--team", "orders"]);
    send(&sandbox, later, &["--resend", "--why", "asked"]).exits(0);
    for reader in [HELD, "ada@example.com"] {
        let letter = letter(&quick, reader);
        assert!(letter.contains("filename=\"runs-2026-W46.csv\""), "{reader}: {letter}");
    }
    assert!(letter(&quick, HELD).contains("[possible duplicate]"), "{}", letter(&quick, HELD));
}

#[test]
fn a_restatement_that_is_finished_has_one_set_of_tables() {
    let quick = MailService::answering(|_| Answer::Accept);
    let sandbox = quick.serving(company());
    send(&sandbox, NOW, &["--attach", "runs.csv"]).exits(0);
    let holding = holding();
    let restate =
        [&["--now", "2026-11-16T07:00:00Z"][..], &WEEK, &["--send", "--restate", "--why", "x"]];
    let sandbox = killed_in_the_call(sandbox, &holding, &restate.concat());

    let rest = MailService::answering(|_| Answer::Accept);
    let sandbox = rest.serving(sandbox);
    // Who may have it is held, and the others get it.
    send(&sandbox, "2026-11-16T08:00:00Z", &[]).exits(4);
    assert_eq!(rest.mails().into_keys().collect::<Vec<_>>(), ["eve@example.com"]);
    for service in [&holding, &rest] {
        for reader in service.mails().into_keys() {
            let letter = letter(service, &reader);
            assert!(letter.contains("filename=\"runs-2026-W46.csv\""), "{reader}: {letter}");
        }
    }
}

#[test]
fn what_a_schedule_sent_to_readers_of_its_own_is_sent_again_to_them() {
    let sandbox = company();
    std::fs::create_dir(sandbox.path("mine")).unwrap();
    sandbox.write(
        "mine/boss.toml",
        "task = ['report', 'weekly', '--week', '{last_week}', '--send']\ncron = '0 7 * * MON'\n\
         recipients = ['bob@example.com', 'boss@example.com']\neditions = ['all']\n\
         attachments = ['runs.csv']\n",
    );
    let text = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    sandbox.write("runledger.toml", format!("schedules_folder = \"mine\"\n{text}"));
    let turn = |now| ["--now", now, "schedule", "run", "boss"];
    sandbox.run(&turn("2026-11-16T05:00:00Z")).exits(0);
    let holding = holding();
    let sandbox = killed_in_the_call(sandbox, &holding, &turn("2026-11-16T08:00:00Z"));
    forget_inputs(&sandbox);

    let quick = MailService::answering(|_| Answer::Accept);
    let sandbox = quick.serving(sandbox);
    let again = ["--resend", "--why", "asked"];
    // One team alone leaves what may have left where it is, and says so.
    let only = [&again[..], &["--team", "orders"]].concat();
    let told = send(&sandbox, "2026-11-16T09:00:00Z", &only).exits(4).stderr;
    assert!(told.contains("may have been sent to b***@e***.com (all)"), "{told}");
    send(&sandbox, "2026-11-16T10:00:00Z", &again).exits(0);
    // Teams have no mail on record: their readers are those of the configuration.
    let is_team = |reader: &String| reader.starts_with("orders") || reader.starts_with("claims");
    let whole: Vec<String> = quick.mails().into_keys().filter(|to| !is_team(to)).collect();
    assert_eq!(whole, [HELD]);
    assert!(letter(&quick, HELD).contains("filename=\"runs-2026-W46.csv\""));
}
