//! Places where something is missing, shut or broken: what is said, how soon, and the exit code.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use runledger::model::DeliveryState;

use super::company::{self, NOW, READERS, SEND, files_in, records};
use super::mail_services::MailService;
use crate::delivery::ses_fake::Answer;
use crate::harness::{Finished, Running, Sandbox, dynamodb_url};

/// Longer than a few attempts take on a busy machine, shorter than anybody's patience.
const SOON: Duration = Duration::from_secs(20);

/// Asserts what is said on stderr: a first line with `error: ` and a second one with what to do.
#[track_caller]
fn says(finished: &Finished, error: &str, hint: &str) {
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let [first, second] = lines[..] else { panic!("not two lines: {}", finished.stderr) };
    assert!(first.starts_with("error: ") && first.contains(error), "{first}");
    assert!(second.starts_with("hint: ") && second.contains(hint), "{second}");
}

/// The commands that read or fill the store.
fn commands(sandbox: &Sandbox) -> [Vec<&'static str>; 3] {
    let [runs, _] = company::runs(0..3);
    sandbox.write("runs.jsonl", runs);
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    [
        vec!["--now", NOW, "--store", "dynamodb:nowhere", "report"],
        vec!["--now", NOW, "--store", "dynamodb:nowhere", "collect"],
        [&["--now", NOW, "--store", "dynamodb:nowhere", "import", "runs.jsonl"], &place[..]]
            .concat(),
    ]
}

#[test]
fn without_credentials_it_ends_at_once_and_says_so() {
    let sandbox = Sandbox::new().with("AWS_REGION", "us-east-1");
    for command in commands(&sandbox) {
        let begin = Instant::now();
        let finished = sandbox.run(&command).exits(5);
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
        says(&finished, "no AWS credentials in the environment", "set AWS_PROFILE");
    }
}

#[test]
fn without_a_region_nothing_is_done_and_it_says_so() {
    let sandbox = Sandbox::new();
    for command in commands(&sandbox) {
        says(&sandbox.run(&command).exits(2), "no AWS region is set", "set AWS_REGION");
    }
}

#[test]
fn a_metadata_service_that_nobody_answers_for_costs_seconds() {
    let sandbox = Sandbox::new()
        .with("AWS_REGION", "us-east-1")
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    let begin = Instant::now();
    let finished = sandbox.run(&commands(&sandbox)[0]).exits(5);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    says(&finished, "on table `nowhere`", "set AWS_PROFILE");
}

#[test]
fn a_server_that_refuses_connections_is_unavailable_within_seconds() {
    let sandbox = Sandbox::new().with_dynamodb("http://127.0.0.1:1");
    let init = vec!["--store", "dynamodb:nowhere", "init"];
    for command in [&commands(&sandbox)[..], &[init]].concat() {
        let begin = Instant::now();
        let finished = sandbox.run(&command).exits(5);
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
        let told = finished.stderr.lines().filter(|line| !line.starts_with("wrote "));
        let told: Vec<&str> = told.collect();
        assert!(told[0].contains("table `nowhere`") && told[0].contains("Connection refused"));
        assert!(told[1].contains("check the network, the region's name, and AWS_ENDPOINT_URL"));
        assert_eq!(told.len(), 2, "{told:?}");
    }
}

#[test]
fn without_a_table_it_says_how_to_make_one() {
    let Some(url) = dynamodb_url() else { return };
    let sandbox = Sandbox::new().with_dynamodb(&url);
    for command in commands(&sandbox) {
        let finished = sandbox.run(&command).exits(1);
        says(
            &finished,
            "there is no table `nowhere`",
            "run `runledger init` with the same --store",
        );
    }
}

#[test]
fn a_table_without_ttl_is_warned_of_where_runs_are_stored() {
    let Some(url) = dynamodb_url() else { return };
    let sandbox = Sandbox::new().with_dynamodb(&url);
    let folder = sandbox.path("");
    let table = folder.file_name().unwrap().to_str().unwrap().replace('.', "no-ttl-");
    create_table_without_ttl(&url, &table);
    let [runs, _] = company::runs(0..3);
    sandbox.write("runs.jsonl", runs);
    let store = format!("dynamodb:{table}");
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let import = [&["--now", NOW, "--store", &store, "import", "runs.jsonl"][..], &place].concat();
    let warning = format!("warning: table `{table}` has no TTL, so its runs never expire");
    let warned = sandbox.run(&import).exits(0);
    assert!(warned.stderr.contains(&warning), "{}", warned.stderr);
    assert!(warned.stderr.contains("hint: `runledger init`"), "{}", warned.stderr);
    let report = ["--now", NOW, "--store", &store, "report"];
    assert_eq!(sandbox.run(&report).exits(0).stderr, "", "reading stores nothing");
    let init = sandbox.run(&["--store", &store, "init"]).exits(0);
    assert!(init.stderr.contains("turned its TTL on"), "{}", init.stderr);
    let quiet = sandbox.run(&import).exits(0);
    assert!(!quiet.stderr.contains("TTL"), "{}", quiet.stderr);
}

/// A table as somebody makes it by hand.
fn create_table_without_ttl(url: &str, table: &str) {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .credentials_provider(aws_credential_types::Credentials::new(
                "test", "test", None, None, "test",
            ))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(url)
            .load()
            .await;
        let mut request = aws_sdk_dynamodb::Client::new(&config)
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            request = request
                .attribute_definitions(
                    attribute.attribute_type(ScalarAttributeType::S).build().unwrap(),
                )
                .key_schema(key.build().unwrap());
        }
        request.send().await.unwrap();
    });
}

/// One line a reader with the masked address and what to do, in the words of the exit code.
#[track_caller]
fn refused(
    answer: &'static (dyn Fn(&str) -> Answer + Send + Sync),
    code: i32,
) -> (String, Sandbox) {
    let service = MailService::answering(answer);
    let sandbox = service.serving(company::with_runs(30, "via = \"ses\""));
    let finished = sandbox.run(&SEND).exits(code);
    for reader in READERS {
        assert!(!finished.stderr.contains(reader), "{reader} in full: {}", finished.stderr);
        assert!(service.mails()[reader] >= 1, "{reader} was passed over");
    }
    // What begins with a brace is the line at the task's end.
    let told = |line: &&str| !line.starts_with("hint: ") && !line.starts_with('{');
    let lines = finished.stderr.lines().filter(told);
    assert_eq!(lines.count(), READERS.len(), "one line each: {}", finished.stderr);
    (finished.stderr, sandbox)
}

fn error(status: u16, code: &'static str, message: &str) -> Answer {
    Answer::Error(status, code, message.to_owned())
}

#[test]
fn an_unverified_sender_is_told_for_each_reader() {
    let (told, sandbox) = refused(
        &|_| {
            error(
                400,
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in \
                 region US-EAST-1: runledger@example.com",
            )
        },
        1,
    );
    assert_eq!(told.matches("hint: verify the address or domain of `from`").count(), 7, "{told}");
    assert!(told.contains("error: not sent to a***@e***.com (all): SES answered MessageRejected"));
    assert!(!told.contains("runledger@example.com"), "{told}");
    let failed = |record: &runledger::store::Record| record.state() == DeliveryState::Failed;
    assert!(records(&sandbox).values().all(failed));
    // Nothing is lost: the next start, on a better day, sends them all.
    let service = MailService::answering(|_| Answer::Accept);
    service.serving(company::copy_of(&sandbox)).run(&SEND).exits(0);
    assert!(READERS.iter().all(|reader| service.mails()[*reader] == 1));
}

#[test]
fn one_refused_reader_does_not_stop_the_others() {
    let (told, _) = refused(
        &|reader| match reader {
            "eve@example.com" => error(
                400,
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in \
                 region US-EAST-1: eve@example.com",
            ),
            "claims-2@example.com" => error(400, "BadRequestException", "Illegal address"),
            _ => Answer::Accept,
        },
        4,
    );
    assert!(told.contains("error: not sent to e***@e***.com (all): "), "{told}");
    assert!(told.contains("hint: the account is in the SES sandbox"), "{told}");
    assert!(told.contains("error: not sent to c***@e***.com (claims): "), "{told}");
    assert!(told.contains("hint: correct the recipient's address in the configuration"), "{told}");
    assert_eq!(told.matches("\nsent to ").count() + usize::from(told.starts_with("sent to ")), 5);
}

#[test]
fn a_throttled_reader_is_tried_again_within_the_lease_and_then_told() {
    let (told, _) = refused(
        &|reader| match reader {
            "ada@example.com" => {
                error(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
            }
            _ => Answer::Accept,
        },
        4,
    );
    assert!(told.contains("error: not sent to a***@e***.com (all): "), "{told}");
    assert!(told.contains("hint: it takes fewer in that time"), "{told}");
}

#[test]
fn a_mail_service_out_of_reach_loses_nothing() {
    let stored = company::with_runs(30, "via = \"ses\"");
    let endpoint = ("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:1");
    let region = ("AWS_REGION", "us-east-1");
    let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let bad_days = [
        (vec![endpoint, region, keys[0], keys[1]], 5, "check the network, the region and"),
        (vec![endpoint, keys[0], keys[1]], 1, "set AWS_REGION"),
        (vec![endpoint, region], 5, "give AWS credentials"),
    ];
    for (environment, code, hint) in bad_days {
        let set = |sandbox: Sandbox, (name, value)| sandbox.with(name, value);
        let sandbox = environment.into_iter().fold(company::copy_of(&stored), set);
        let finished = sandbox.run(&SEND).exits(code);
        let told = finished.stderr;
        assert_eq!(told.matches("error: not sent to ").count(), 7, "{told}");
        assert_eq!(told.matches(&format!("hint: {hint}")).count(), 7, "{told}");
        let service = MailService::answering(|_| Answer::Accept);
        service.serving(company::copy_of(&sandbox)).run(&SEND).exits(0);
        assert!(READERS.iter().all(|reader| service.mails()[*reader] == 1), "after: {hint}");
    }
}

#[test]
fn an_outbox_that_cannot_be_written_is_told_for_each_reader() {
    let sandbox = company::with_runs(30, "via = \"outbox\"\noutbox = \"runs.jsonl\"");
    let finished = sandbox.run(&SEND).exits(1);
    assert_eq!(finished.stderr.matches("cannot write into runs.jsonl: ").count(), 7);
    assert_eq!(finished.stderr.matches("hint: make the folder of `outbox`").count(), 7);
    let configuration = company::configuration("via = \"outbox\"");
    sandbox.write("runledger.toml", configuration);
    sandbox.run(&SEND).exits(0);
    assert_eq!(files_in(&sandbox.path("outbox")).len(), 2 * READERS.len());
}

#[test]
fn a_store_that_is_none_is_left_as_it_is() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("folder.db")).unwrap();
    sandbox.write("text.db", "these are my notes");
    let kinds = [
        ("folder.db", "it is a folder"),
        ("text.db", "it is something else than a database, and stays as it is"),
        ("nowhere/x.db", "there is no folder "),
    ];
    for (file, reason) in kinds {
        let store = format!("embedded:{file}");
        let finished = sandbox.run(&["--store", &store, "collect"]).exits(1);
        says(&finished, &format!("{file}: {reason}"), "--store embedded:FILE");
    }
    let mistyped = sandbox.run(&["--store", "embedded:runleger.db", "report"]).exits(2);
    says(&mistyped, "there is no store runleger.db", "--store names another");
    assert!(!sandbox.path("runleger.db").exists() && !sandbox.path("runleger.db.lock").exists());
    let broken = [b"SQLite format 3\0".to_vec(), vec![7; 5_000]].concat();
    sandbox.write("broken.db", &broken);
    let finished = sandbox.run(&["--store", "embedded:broken.db", "report"]).exits(1);
    says(&finished, "broken.db: ", "--store embedded:FILE");
    assert_eq!(std::fs::read(sandbox.path("text.db")).unwrap(), b"these are my notes");
    assert_eq!(std::fs::read(sandbox.path("broken.db")).unwrap(), broken);
    assert!(!sandbox.path("folder.db.lock").exists() && !sandbox.path("text.db.lock").exists());
}

/// The user that owns nothing, for when the tests run as the one who may do everything.
const NOBODY: u32 = 65_534;

#[test]
fn a_store_that_may_not_be_written_is_said_to_be_one() {
    let sandbox = company::with_runs(3, "via = \"outbox\"");
    let before = std::fs::read(sandbox.path("runledger.db")).unwrap();
    let mode = |name: &str, mode| {
        std::fs::set_permissions(sandbox.path(name), Permissions::from_mode(mode)).unwrap();
    };
    let may_everything = {
        mode("runs.jsonl", 0o444);
        std::fs::OpenOptions::new().write(true).open(sandbox.path("runs.jsonl")).is_ok()
    };
    let mut program = PathBuf::from(env!("CARGO_BIN_EXE_runledger"));
    if may_everything {
        // The build folder may be out of nobody's reach.
        let copy = sandbox.path("program");
        std::fs::copy(&program, &copy).unwrap();
        program = copy;
    }
    mode("runledger.db", 0o444);
    mode("runledger.db.lock", 0o444);
    mode("", 0o555);
    let mut command = sandbox.command(&program, &["--now", NOW, "import", "runs.jsonl"]);
    if may_everything {
        command.uid(NOBODY).gid(NOBODY);
    }
    let finished = Running::start(command).wait();
    mode("", 0o755);
    says(&finished.exits(1), "runledger.db: cannot write ", "name a writable file");
    assert_eq!(std::fs::read(sandbox.path("runledger.db")).unwrap(), before);
}
