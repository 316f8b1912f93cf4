//! The program as an orchestrator calls it: exit codes, one line, JSON; and killed meanwhile.

use std::time::Duration;

use runledger::model::Reservation;
use serde_json::{Value, json};

use super::{ACCOUNT, REGION};
use crate::harness::{Sandbox, dynamodb_url, skipped};

const NOW: &str = "2026-11-16T06:00:00Z";

const CONFIG: &str = "account = '111122223333'\nregion = 'eu-west-1'\n\
    [[quotas]]\naccount = '111122223333'\nregion = 'eu-west-1'\nquota = 'glue-dpus'\nvalue = 100\n\
    [[quotas.shares]]\nteam = 'risk'\nbaseline = 30\n\
    [[quotas.shares.reserved]]\nunits = 70\nfrom = '18:00'\nto = '20:00'\n\
    time_zone = 'Europe/London'\n";

/// A company of which one run of 40 DPUs is under way.
fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("runledger.toml", CONFIG);
    let run = json!({"JobRuns": [{
        "Id": "jr_1", "JobName": "load", "JobRunState": "RUNNING", "GlueVersion": "4.0",
        "StartedOn": "2026-11-16T05:50:00Z", "LastModifiedOn": "2026-11-16T05:50:00Z",
        "WorkerType": "G.2X", "NumberOfWorkers": 20, "ExecutionClass": "STANDARD",
    }]});
    sandbox.write("runs.json", run.to_string());
    sandbox.run(&["--now", NOW, "import", "runs.json"]).exits(0);
    sandbox
}

fn quota(now: &str, arguments: &[&str]) -> Vec<String> {
    let all = ["--now", now, "quota"].into_iter().chain(arguments.iter().copied());
    all.map(str::to_owned).collect()
}

#[test]
fn an_orchestrator_is_answered_by_exit_code_and_line() {
    let sandbox = scene();
    let check = |arguments: &str| {
        let words: Vec<&str> = ["check"].into_iter().chain(arguments.split(' ')).collect();
        sandbox.run(&quota(NOW, &words))
    };
    // 100, less 40 that run, less 30 that are risk's.
    let fits = check("--team orders --dpu 30").exits(0);
    assert!(fits.stdout.starts_with("fits: 30 of 30 free glue-dpus"), "{}", fits.stdout);
    assert_eq!(fits.stdout.lines().count(), 1);
    let no = check("--team orders --dpu 10 --runs 4").exits(3);
    assert_eq!(
        no.stdout,
        "does not fit: 40 of glue-dpus asked for, 30 free: 40 of 100 in use, 0 reserved, 30 kept \
         for other teams\n"
    );
    check("--team risk --dpu 60").exits(0);
    // A run that lasts into risk's window leaves it its 70.
    check("--team orders --dpu 1 --for 13h").exits(3);
    check("--team orders --dpu 1 --for 12h").exits(0);
    let unknown = check("--team orders --vcpu 4").exits(5);
    assert!(unknown.stdout.contains("the value of emr-serverless-vcpus in"), "{}", unknown.stdout);
    check("--team orders --dpu 30 --flex").exits(5);
    for wrong in ["--team orders", "--team orders --dpu 0", "--team a --dpu 1 --vcpu 1"] {
        check(wrong).exits(2);
    }
    let told = check("--team orders --dpu 31 --format json").exits(3).json();
    assert_eq!(told["verdict"], "does-not-fit");
    assert_eq!((&told["account"], &told["region"]), (&json!(ACCOUNT), &json!(REGION)));
    let dpus = told["quotas"].as_array().unwrap().iter().find(|q| q["quota"] == "glue-dpus");
    let dpus = dpus.unwrap();
    assert_eq!((&dpus["free"], &dpus["limit_source"]), (&json!(30.0), &json!("configured")));
}

#[test]
fn a_store_that_is_not_there_is_no_yes() {
    let sandbox = Sandbox::new();
    sandbox.write("runledger.toml", CONFIG);
    let check = ["check", "--team", "a", "--dpu", "1"];
    sandbox.run(&quota(NOW, &check)).exits(2);
    sandbox.write("runledger.db", "no database");
    sandbox.run(&quota(NOW, &check)).exits(5);
}

#[test]
fn a_reservation_is_printed_used_and_given_back() {
    let sandbox = scene();
    let reserve = |extra: &[&str]| {
        let all = ["reserve", "--team", "orders", "--dpu", "20", "--for", "2h"];
        let all: Vec<&str> = all.iter().chain(extra).copied().collect();
        sandbox.run(&quota(NOW, &all))
    };
    let first = reserve(&["--id", "dag:1"]).exits(0);
    assert_eq!(first.stdout, "glue:111122223333:eu-west-1:dag:1\n");
    assert!(first.stderr.contains("given up by `quota release` alone"), "{}", first.stderr);
    let help = sandbox.run(&["quota", "reserve", "--help"]).exits(0).stdout;
    assert!(help.contains("whatever its team"), "{help}");
    assert_eq!(reserve(&["--id", "dag:1"]).exits(0).stdout, first.stdout);
    assert_eq!(reserve(&[]).exits(3).stdout, "", "10 are left, and nothing is printed");
    let refused = reserve(&["--format", "json"]).exits(3).json();
    assert_eq!(
        (&refused["reservation"], &refused["answer"]["verdict"]),
        (&Value::Null, &json!("does-not-fit"),)
    );
    sandbox.run(&quota(NOW, &["release", first.stdout.trim()])).exits(0);
    sandbox.run(&quota(NOW, &["release", first.stdout.trim()])).exits(0);
    sandbox.run(&quota(NOW, &["release", "dag:1"])).exits(2);
    let held = reserve(&["--format", "json"]).exits(0).json();
    assert_eq!(held["reservation"]["until"], "2026-11-16T08:00:00Z");
    assert!(held["reservation"]["given_up_by"].as_str().unwrap().starts_with("`quota release`"));
    // Its term ends by itself.
    let after = quota("2026-11-16T08:00:00Z", &["check", "--team", "orders", "--dpu", "30"]);
    sandbox.run(&after).exits(0);
    reserve(&["--id", "x", "--dpu", "5"]).exits(2);
    // What cannot be known is no refusal, in the records neither.
    reserve(&["--flex"]).exits(5);
    let tasks = ["--now", NOW, "history", "--task", "quota reserve", "--format", "json"];
    let tasks = sandbox.run(&tasks).exits(0).json()["tasks"].take();
    let sum = |name: &str| {
        let counts = tasks.as_array().unwrap().iter().map(|task| task["counts"][name].as_u64());
        counts.flatten().sum::<u64>()
    };
    assert_eq!((sum("places_refused"), sum("places_not_known")), (2, 1), "{tasks}");
    sandbox.run(&quota(NOW, &["reserve", "--team", "a", "--dpu", "1", "--for", "25h"])).exits(2);
}

/// Askers that are killed at whatever they are doing: what was printed is held, no more than fits
/// is held, and after the term nothing is.
#[test]
fn killed_askers_hold_a_place_until_its_term_at_worst() {
    let stores =
        [Some(Sandbox::new()), dynamodb_url().map(|url| Sandbox::new().with_dynamodb(&url))];
    for (number, sandbox) in stores.into_iter().enumerate() {
        let Some(sandbox) = sandbox else { return skipped("no DynamoDB server") };
        let table = format!("dynamodb:quota-{}-{number}", std::process::id());
        let store = if number == 0 { "embedded:runledger.db" } else { &table };
        sandbox.write("runledger.toml", CONFIG);
        let with_store = |arguments: Vec<String>| {
            let store = ["--store", store].map(str::to_owned);
            store.into_iter().chain(arguments).collect::<Vec<_>>()
        };
        sandbox.run(&with_store(vec!["init".to_owned()])).exits(0);
        let reserve = ["reserve", "--team", "risk", "--dpu", "7", "--for", "2h"];
        let mut printed = Vec::new();
        for round in 0..5_u64 {
            let askers: Vec<_> =
                (0..6).map(|_| sandbox.start(&with_store(quota(NOW, &reserve)))).collect();
            for (place, asker) in (0_u64..).zip(askers) {
                // Some are let go on to their end.
                let finished = if place < 2 {
                    asker.wait()
                } else {
                    std::thread::sleep(Duration::from_millis((round * 37 + place * 53) % 90));
                    asker.kill()
                };
                printed.extend(finished.stdout.lines().map(str::to_owned));
            }
        }
        let show = sandbox.run(&with_store(quota(
            NOW,
            &["check", "--team", "risk", "--dpu", "1", "--format", "json"],
        )));
        let told = show.json();
        let dpus = told["quotas"].as_array().unwrap().iter().find(|q| q["quota"] == "glue-dpus");
        let held = dpus.unwrap()["reserved"].as_f64().unwrap();
        let least = f64::from(u32::try_from(printed.len()).unwrap()) * 7.0;
        assert!(least <= held && held <= 100.0, "{printed:?}: {held} of 100");
        assert!(!printed.is_empty());
        let later = "2026-11-16T08:00:00Z";
        let all = quota(later, &["check", "--team", "risk", "--dpu", "100"]);
        sandbox.run(&with_store(all)).exits(0);
    }
}

/// What the store keeps of a reservation reads back, and older items too.
#[test]
fn a_stored_reservation_reads_back() {
    let text = r#"{"key":"k","team":"t","need":{"each":1.5,"runs":2},
        "made_at":"2026-11-16T06:00:00Z","until":"2026-11-16T08:00:00Z","by":"me","new":[1]}"#;
    let held: Reservation = serde_json::from_str(text).unwrap();
    assert_eq!((held.need.flex, held.taken_by.len(), held.job.as_deref()), (false, 0, None));
    let again = serde_json::to_string(&held).unwrap();
    assert_eq!(serde_json::from_str::<Reservation>(&again).unwrap(), held);
}
