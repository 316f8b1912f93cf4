//! `doctor` from outside: what it finds of an installation that is good, blind, cut off, sandboxed,
//! stale, failing or new, how it ends, and what it never does: write, send, pay unasked, or give an
//! address away.

use serde_json::Value;

use crate::fakes::{Fakes, HOME, REGION, Trouble};
use crate::harness::{Finished, Sandbox, dynamodb_url};

const NOW: &str = "2026-11-16T08:00:00Z";

/// A folder with a configuration, and one schedule, which collects.
fn sandbox(fakes: Option<&Fakes>, config: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    for (name, value) in fakes.iter().flat_map(|fakes| fakes.environment()) {
        sandbox = sandbox.with(name, &value);
    }
    std::fs::create_dir(sandbox.path("schedules")).unwrap();
    sandbox.write("schedules/collect.toml", "task = ['collect']\ncron = '0 * * * *'\n");
    sandbox.write("runledger.toml", format!("schedules_folder = 'schedules'\n{config}"));
    sandbox
}

fn doctor(sandbox: &Sandbox, now: &str, code: i32) -> Value {
    let found = sandbox.run(&["--now", now, "doctor", "--format", "json"]).exits(code);
    assert_eq!(found.json()["checked_at"], now);
    found.json()
}

/// The state, words and advice of one finding.
#[track_caller]
fn told(found: &Value, group: &str, name: &str) -> (String, String, String) {
    let checks = found["checks"].as_array().unwrap();
    let is_it = |check: &&Value| check["group"] == group && check["name"] == name;
    let check = checks.iter().find(is_it).unwrap_or_else(|| panic!("{group} {name}: {found:#}"));
    let text = |member: &str| check[member].as_str().unwrap_or("").to_owned();
    (text("state"), text("found"), text("fix"))
}

fn state(found: &Value, group: &str, name: &str) -> String {
    told(found, group, name).0
}

/// The findings in a state, as `group name`.
fn all(found: &Value, state: &str) -> Vec<String> {
    let checks = found["checks"].as_array().unwrap().iter();
    let text = |check: &Value| {
        format!("{} {}", check["group"].as_str().unwrap(), check["name"].as_str().unwrap())
    };
    // Whether the file is in a container is the affair of the machine that runs the tests.
    let counts = |check: &&Value| check["name"] != "file" || check["state"] != "warn";
    checks.filter(|check| check["state"] == state).filter(counts).map(text).collect()
}

const COMPANY: &str = "
[mail]
via = 'ses'
from = 'Runledger <runledger@mail.corp.test>'
configuration_set = 'reports'
[reports.weekly]
recipients = ['ada@corp.test']
[reports.weekly.teams]
orders = ['eve@corp.test', 'Ada@corp.test']
[[bill.accounts]]
account = '111122223333'
[collect]
queue = 'http://127.0.0.1:1/111122223333/events'
dead_letters = 'http://127.0.0.1:1/111122223333/dead'
[[collect.targets]]
account = '111122223333'
regions = ['eu-west-1']
[[collect.targets]]
account = '444455556666'
role_arn = 'arn:aws:iam::444455556666:role/runledger-reader'
regions = ['eu-west-1', 'us-east-1']
";

/// A company in which nothing is wrong.
async fn company() -> Fakes {
    let fakes = Fakes::start().await;
    fakes.world().sts.add_role("444455556666", None);
    fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[]);
        place.emr.add_application("app1", "etl", &[]);
        place.ses.identities.insert("corp.test".into(), true);
        place.ses.configuration_sets.push("reports".into());
        for name in ["events", "dead"] {
            place.sqs.queues.insert(name.into(), Default::default());
        }
    });
    fakes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_in_which_nothing_is_wrong() {
    let fakes = company().await;
    let sandbox = sandbox(Some(&fakes), COMPANY);
    sandbox.run(&["--now", NOW, "schedule", "run", "collect"]).exits(0);
    fakes.forget_log();
    let found = doctor(&sandbox, NOW, 0);
    assert_eq!(all(&found, "wrong"), Vec::<String>::new(), "{found:#}");
    assert_eq!(all(&found, "warn"), ["prices price list"], "{found:#}");
    assert_eq!(all(&found, "not-checked"), ["bill 111122223333"], "{found:#}");
    assert_eq!(told(&found, "credentials", "caller").1, format!("user x of account {HOME}"));
    let can_read = "can read glue, emr-serverless, quotas";
    for place in [&format!("{HOME} {REGION}"), "444455556666 eu-west-1", "444455556666 us-east-1"] {
        assert_eq!(told(&found, "accounts", place).1, can_read);
    }
    assert!(told(&found, "schedules", "collect").1.starts_with("done at 2026-11-16T08:00:00Z"));
    // Two readers: one of them stands there twice, in two spellings.
    assert!(told(&found, "mail", "recipients").1.contains("all 2 of them"), "{found:#}");
    // The sender's domain is known by the one above it.
    assert!(told(&found, "mail", "sender").1.starts_with("the domain of r***@"), "{found:#}");
    // It looked, and neither changed nor took nor paid for anything.
    let reading = ["Get", "List", "AssumeRole"];
    for asked in fakes.log() {
        assert!(reading.iter().any(|verb| asked.operation.starts_with(verb)), "{asked:?}");
        assert_ne!(asked.service, "ce");
    }
    // The permissions that collecting needs are tried by the calls that it makes.
    for call in ["GetJobs", "GetJobRuns", "ListApplications", "ListJobRuns", "GetQueueAttributes"] {
        assert!(fakes.count(call) > 0, "{call}");
    }
    let text = sandbox.run(&["--now", NOW, "doctor"]).exits(0);
    assert!(text.stdout.contains("\n  ok           caller: user x of account 111122223333\n"));
    assert!(text.stderr.contains(" 0 wrong, 1 not checked"), "{}", text.stderr);
    gives_nobody_away(&text);
}

/// Neither addresses nor keys are in what is printed.
#[track_caller]
fn gives_nobody_away(finished: &Finished) {
    let said = finished.stdout.to_lowercase() + &finished.stderr.to_lowercase();
    for secret in ["ada@", "eve@", "runledger@mail", "akia", "secret"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_is_named_with_the_permission() {
    let fakes = company().await;
    let sandbox = sandbox(Some(&fakes), COMPANY);
    sandbox.run(&["--now", NOW, "schedule", "run", "collect"]).exits(0);
    fakes.fault("GetJobRuns", Some(HOME), usize::MAX, Trouble::Denied);
    fakes.fault("GetServiceQuota", Some("444455556666"), usize::MAX, Trouble::Denied);
    for call in ["GetAccount", "GetSuppressedDestination", "GetQueueAttributes"] {
        fakes.fault(call, None, usize::MAX, Trouble::Denied);
    }
    let found = doctor(&sandbox, NOW, 1);
    // Only what the work itself needs is wrong; a warning where the work does without.
    assert_eq!(all(&found, "wrong"), [format!("accounts {HOME} {REGION}")], "{found:#}");
    let checks = found["checks"].as_array().unwrap();
    let wrong = checks.iter().find(|check| check["state"] == "wrong").unwrap();
    assert_eq!(wrong["fix"], "allow the role `glue:GetJobRuns`");
    assert_eq!(all(&found, "warn").iter().filter(|w| w.contains("444455556666")).count(), 2);
    let (state, _, fix) = told(&found, "mail", "account");
    let allow = "allow the role `ses:GetAccount`";
    assert_eq!((state.as_str(), fix.as_str()), ("not-checked", allow));
    assert!(told(&found, "events", "queue").2.contains("`sqs:GetQueueAttributes`"));
    // The first refusal is the last: nobody is asked about after it.
    assert_eq!(fakes.count("GetSuppressedDestination"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_lets_nobody_in_is_wrong_and_the_others_are_looked_at() {
    let fakes = company().await;
    let config = COMPANY.replace("role/runledger-reader", "role/another");
    let found = doctor(&sandbox(Some(&fakes), &config), NOW, 1);
    let (state, words, fix) = told(&found, "accounts", "444455556666");
    assert_eq!((state.as_str(), fix.as_str()), ("wrong", "allow the role `sts:AssumeRole`"));
    assert!(words.contains("AccessDenied"), "{words}");
    assert_eq!(self::state(&found, "accounts", &format!("{HOME} {REGION}")), "ok");
}

#[test]
fn without_an_answer_of_aws_the_exit_code_says_so() {
    let away = Sandbox::new()
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .with("AWS_ACCESS_KEY_ID", "AKIA111122223333")
        .with("AWS_SECRET_ACCESS_KEY", "secret")
        .with("AWS_REGION", REGION);
    away.write("runledger.toml", "[store]\nlocation = 'dynamodb:runs'\n");
    let found = away.run(&["--now", NOW, "doctor", "--format", "json"]).exits(5).json();
    assert_eq!(state(&found, "store", "reach"), "wrong");
    assert_eq!(state(&found, "credentials", "caller"), "wrong");
    assert_eq!(state(&found, "credentials", "clock"), "not-checked");
    assert_eq!(state(&found, "freshness", "records"), "not-checked");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_sandbox_whoever_gets_nothing_is_named_behind_a_mask() {
    let fakes = company().await;
    fakes.home(|place| {
        place.ses.in_production = false;
        place.ses.identities = [("runledger@mail.corp.test".into(), true)].into();
        place.ses.identities.insert("ada@corp.test".into(), true);
        place.ses.suppressed.insert("ada@corp.test".into(), "BOUNCE");
    });
    let sandbox = sandbox(Some(&fakes), COMPANY);
    let found = doctor(&sandbox, NOW, 1);
    assert_eq!(state(&found, "mail", "sandbox"), "warn");
    let checks = found["checks"].as_array().unwrap();
    let lost: Vec<&str> = checks
        .iter()
        .filter(|check| check["name"] == "recipient")
        .map(|check| check["found"].as_str().unwrap())
        .collect();
    assert_eq!(lost.len(), 2, "{found:#}");
    assert!(lost[0].starts_with("SES sends a***@c***.test nothing"), "{lost:?}");
    assert!(lost[1].starts_with("e***@c***.test is not verified"), "{lost:?}");
    gives_nobody_away(&sandbox.run(&["--now", NOW, "doctor"]).exits(1));

    fakes.home(|place| {
        place.ses.may_send = false;
        place.ses.quota = (200.0, 199.0);
        place.ses.identities.clear();
        place.ses.configuration_sets.clear();
    });
    let found = doctor(&sandbox, NOW, 1);
    for name in ["account", "quota", "sender", "configuration set"] {
        assert_eq!(state(&found, "mail", name), "wrong", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_grows_stale_and_a_schedule_overdue() {
    let fakes = company().await;
    let sandbox = sandbox(Some(&fakes), COMPANY);
    sandbox.run(&["--now", NOW, "schedule", "run", "collect"]).exits(0);
    let source = format!("glue in {HOME} {REGION}");
    let at = |now, code| {
        let found = doctor(&sandbox, now, code);
        (state(&found, "freshness", &source), told(&found, "schedules", "collect"))
    };
    // The next hour is due, and within its window of an hour nobody is late.
    let (freshness, schedule) = at("2026-11-16T09:30:00Z", 0);
    assert_eq!((freshness.as_str(), schedule.0.as_str()), ("ok", "ok"));
    let (freshness, schedule) = at("2026-11-16T14:30:00Z", 0);
    assert_eq!((freshness.as_str(), schedule.0.as_str()), ("warn", "ok"), "{schedule:?}");
    let (freshness, _) = at("2026-11-17T08:00:01Z", 1);
    assert_eq!(freshness, "wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_failed_is_wrong_with_its_reason() {
    let fakes = company().await;
    let sandbox = sandbox(Some(&fakes), COMPANY);
    fakes.fault("GetJobs", None, usize::MAX, Trouble::Denied);
    fakes.fault("ListApplications", None, usize::MAX, Trouble::Denied);
    let run = ["--now", NOW, "schedule", "run", "collect"];
    assert_ne!(sandbox.run(&run).code, Some(0));
    fakes.heal();
    let found = doctor(&sandbox, "2026-11-16T08:01:00Z", 1);
    let (state, words, fix) = told(&found, "schedules", "collect");
    assert_eq!(state, "wrong");
    assert!(words.starts_with("due at 2026-11-16T08:00:00Z, failed 1 times"), "{words}");
    assert!(fix.contains("`runledger schedule run collect`"), "{fix}");
    // What the sweep was refused is on record as well.
    let (state, words, _) = told(&found, "freshness", &format!("glue in {HOME} {REGION}"));
    assert_eq!(state, "wrong");
    assert!(words.contains("AccessDenied"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cost_explorer_is_asked_only_where_somebody_pays() {
    let fakes = company().await;
    fakes.place(HOME, "us-east-1", |place| place.bill.active_tags = vec!["team", "unrelated"]);
    let sandbox = sandbox(Some(&fakes), COMPANY);
    sandbox.run(&["--now", NOW, "collect"]).exits(0);
    let never = doctor(&sandbox, NOW, 0);
    assert!(told(&never, "bill", HOME).1.contains("$0.01 a request"));
    assert_eq!(fakes.count("GetCostAndUsage") + fakes.count("ListCostAllocationTags"), 0);
    let paid = ["--now", NOW, "doctor", "--spend", "--format", "json"];
    let found = sandbox.run(&paid).exits(0).json();
    let bill: Vec<Value> = found["checks"].as_array().unwrap().clone();
    let bill: Vec<&str> = bill
        .iter()
        .filter(|check| check["group"] == "bill")
        .map(|check| check["found"].as_str().unwrap())
        .collect();
    assert_eq!(bill, ["Cost Explorer answers", "active for cost allocation: team"]);
    let asked = fakes.log().into_iter().filter(|asked| asked.service == "ce").count();
    assert_eq!(asked, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_found_in_the_date_of_an_answer() {
    let fakes = company().await;
    let sandbox = sandbox(Some(&fakes), COMPANY);
    sandbox.run(&["--now", NOW, "collect"]).exits(0);
    assert_eq!(state(&doctor(&sandbox, NOW, 0), "credentials", "clock"), "ok");
    // A clock beside the answers of another century, whatever `--now` says.
    fakes.world().date = Some("Sat, 01 Jan 2000 00:00:00 GMT");
    let (state, words, _) = told(&doctor(&sandbox, NOW, 1), "credentials", "clock");
    assert_eq!(state, "wrong");
    assert!(words.ends_with("ahead of AWS's"), "{words}");
}

#[test]
fn right_after_init_nothing_is_wrong_and_everything_is_to_be_told() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).exits(0);
    let file = sandbox.path("runledger.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::create_dir(sandbox.path("schedules")).unwrap();
    sandbox.write("schedules/collect.toml", "task = ['collect']\ncron = '0 * * * *'\n");
    sandbox.write("runledger.toml", format!("schedules_folder = 'schedules'\n{text}"));
    let found = doctor(&sandbox, NOW, 0);
    let expected = [
        "credentials caller",
        "mail recipients",
        "schedules collect",
        "freshness sources",
        "prices price list",
    ];
    assert_eq!(all(&found, "warn"), expected, "{found:#}");
    // It looked whether the outbox could be made, and did not make it.
    assert_eq!(state(&found, "mail", "outbox"), "ok");
    assert!(!sandbox.path("outbox").exists());
    // A look is no first look, from which on due times count.
    assert!(told(&doctor(&sandbox, NOW, 0), "schedules", "collect").1.contains("nothing has ever"));
}

#[test]
fn mistakes_of_a_configuration_end_it_or_are_found() {
    let broken = Sandbox::new();
    broken.write("runledger.toml", "[store]\nlocation = 5\n");
    let refused = broken.run(&["doctor"]).exits(2);
    assert!(refused.stderr.contains("runledger.toml: store.location"), "{}", refused.stderr);

    let sandbox = sandbox(None, "templates = 'nowhere'\n[mail]\nfrom = 'a@corp.test'\n");
    sandbox.write("schedules/collect.toml", "task = ['collcet']\ncron = '0 * * * *'\n");
    sandbox.write("outbox", "a file in the way");
    let found = doctor(&sandbox, NOW, 1);
    let wrong = ["configuration schedules", "configuration templates", "store file", "mail outbox"];
    assert_eq!(all(&found, "wrong"), wrong, "{found:#}");
    assert!(told(&found, "configuration", "schedules").1.contains("collcet"));
    assert!(!sandbox.path("runledger.db").exists());
}

#[test]
fn a_table_is_looked_at_with_what_protects_it() {
    let Some(url) = dynamodb_url() else { return };
    let table = format!("doctor-{}", std::process::id());
    let sandbox = Sandbox::new().with_dynamodb(&url).with("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let store = format!("dynamodb:{table}");
    let look = ["--store", &store, "--now", NOW, "doctor", "--format", "json"];
    let missing = sandbox.run(&look).exits(1).json();
    assert!(told(&missing, "store", "reach").2.contains("`runledger init`"), "{missing:#}");
    sandbox.run(&["--store", &store, "init"]).exits(0);
    let found = sandbox.run(&look).exits(1).json();
    assert_eq!((state(&found, "store", "table"), state(&found, "store", "expiry")), both("ok"));
    // What the stand-in for DynamoDB says of backups is its own affair, but it is no fault.
    for name in ["recovery", "deletion"] {
        assert_ne!(state(&found, "store", name), "wrong");
    }
    // STS is away and DynamoDB is not: that is no case of no AWS at all.
    assert_eq!(state(&found, "credentials", "caller"), "wrong");
}

fn both(state: &str) -> (String, String) {
    (state.to_owned(), state.to_owned())
}
