//! What Runledger itself costs: every call to AWS is counted by service and operation, the
//! container says its size, and a report's foot says what a week of it took, the same in every
//! replay.

use std::io::{Read, Write};
use std::net::TcpListener;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::fakes::{Asked, Fakes, HOME};
use crate::harness::{Sandbox, dynamodb_url};
use crate::history::import;

const FRIDAY: &str = "2026-11-13T06:00:00Z";
const MONDAY: &str = "2026-11-16T07:00:00Z";
const CONFIG: &str = r#"
[mail]
from = "Runledger <runledger@example.com>"
[reports.weekly]
recipients = ["data-leaders@example.com"]
[reports.weekly.teams]
orders = ["orders@example.com"]
[[bill.accounts]]
account = "111122223333"
[own_cost]
vcpu_hour = "3.60"
"#;

/// A company whose bill AWS's fakes hold.
async fn company(fakes: &Fakes) -> Sandbox {
    fakes.place(HOME, "us-east-1", |place| {
        place.bill.glue("2026-11-10", HOME, "EU-ETL-DPU-Hour", "1", "0.44");
    });
    let mut sandbox = Sandbox::new();
    for (name, value) in fakes.environment() {
        sandbox = sandbox.with(name, &value);
    }
    sandbox.write("runledger.toml", CONFIG);
    import(&sandbox, "jr_1", FRIDAY);
    sandbox
}

/// ECS's metadata endpoint, which answers every request with a task of half a vCPU.
fn metadata() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v4/x", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let read = stream.read(&mut [0; 2_048]).unwrap();
            assert!(read > 0);
            let body = r#"{"Family":"x","Limits":{"CPU":0.5,"Memory":1024}}"#;
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length:";
            write!(stream, "{head} {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    url
}

fn history(sandbox: &Sandbox) -> Vec<Value> {
    let told = sandbox.run(&["--now", MONDAY, "history", "--format", "json"]).exits(0).json();
    let tasks = told["tasks"].as_array().unwrap().iter();
    // How the company's run got there is no matter.
    tasks.filter(|run| run["task"] != "import").cloned().collect()
}

fn foot(sandbox: &Sandbox, team: &[&str]) -> (Value, String) {
    let report = ["--now", MONDAY, "report", "--week", "2026-W46"];
    let shown = |format| sandbox.run(&[&report[..], team, &["--format", format]].concat()).exits(0);
    (shown("json").json()["runledger_cost"].clone(), shown("text").stdout.replace("\n  ", " "))
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_priced_and_told_in_the_foot() {
    let fakes = Fakes::start().await;
    let sandbox = company(&fakes).await;
    // Nothing was asked of AWS yet, and no container ran: then nothing is said.
    let (cost, text) = foot(&sandbox, &[]);
    assert_eq!(cost, Value::Null);
    assert!(!text.contains("Runledger itself"), "{text}");

    let refresh = ["--now", FRIDAY, "bill", "refresh", "--since", "2026-11-09"];
    let told = sandbox.run(&refresh).exits(0).stderr;
    let of_bill = |asked: &&Asked| asked.service == "ce";
    let asked = fakes.log().iter().filter(of_bill).count();
    assert!(asked > 0);
    let run = &history(&sandbox)[0];
    let calls = run["calls"].as_object().unwrap().iter();
    let told_of_bill = calls.filter(|(name, _)| name.starts_with("Cost Explorer "));
    let told_of_bill: u64 = told_of_bill.filter_map(|(_, times)| times.as_u64()).sum();
    assert_eq!(told_of_bill, asked as u64);
    assert_eq!(run["counts"]["cost_explorer_requests"], asked, "counted twice, in two places");
    let all: u64 = run["calls"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!((&run["counts"]["aws_calls"], &run["container"]), (&all.into(), &Value::Null));
    let line = told.lines().find(|line| line.contains("task ended")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["fields"]["estimated_cost_usd"], format!("0.0{asked}"));
    assert!(line["fields"]["aws"].as_str().unwrap().contains(&format!("Cost Explorer {asked}")));

    let (cost, text) = foot(&sandbox, &[]);
    assert_eq!((&cost["usd"], &cost["days"]), (&format!("0.0{asked}").into(), &7.into()));
    let words = format!("estimated: $0.0{asked} (Cost Explorer $0.0{asked}).");
    assert!(text.replace('\n', " ").contains(&words), "{text}");
    assert_eq!(foot(&sandbox, &["--team", "orders"]).0, Value::Null, "it is the company's");

    // Sent, it is an input like the others: what came to light since changes nothing.
    sandbox.run(&["--now", MONDAY, "report", "--week", "2026-W46", "--send"]).exits(0);
    let later = ["--now", "2026-11-16T06:30:00Z", "bill", "refresh", "--since", "2026-11-09"];
    sandbox.run(&later).exits(0);
    let replay = ["--now", "2026-11-16T09:00:00Z", "replay", "--week", "2026-W46"];
    let told = sandbox.run(&replay);
    assert!(told.stdout.contains("same bytes"), "{}", told.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_paid_for_by_its_size() {
    let fakes = Fakes::start().await;
    let sandbox = company(&fakes).await.with("ECS_CONTAINER_METADATA_URI_V4", &metadata());
    sandbox.run(&["--now", FRIDAY, "roll-up"]).exits(0);
    let run = &history(&sandbox)[0];
    assert_eq!(run["container"], serde_json::json!({ "milli_vcpu": 500, "memory_mib": 1024 }));
    let (cost, text) = foot(&sandbox, &[]);
    // A minute of half a vCPU, at 3.60 an hour; memory has no rate here.
    assert_eq!(cost["usd"], "0.03");
    assert!(text.contains("without a rate: containers 0.017 GB-hours"), "{text}");
}

/// With nothing configured: what a table in us-east-1 took has a list price that ships.
#[test]
fn list_prices_that_are_known_need_no_configuration() {
    let Some(url) = dynamodb_url() else { return };
    let sandbox = Sandbox::new().with_dynamodb(&url).with("AWS_REGION", "us-east-1");
    let store = format!("dynamodb:runledger-own-{}", std::process::id());
    sandbox.write("runledger.toml", format!("[store]\nlocation = '{store}'\n"));
    sandbox.run(&["init"]).exits(0);
    import(&sandbox, "jr_1", FRIDAY);
    let (cost, text) = foot(&sandbox, &[]);
    let parts = cost["parts"].as_array().unwrap();
    let usd = |part: &str| parts.iter().find(|p| p["part"] == part).unwrap()["usd"].clone();
    for (part, of_a_million) in [("DynamoDB, reads", "0.125"), ("DynamoDB, writes", "0.625")] {
        let units = parts.iter().find(|p| p["part"] == part).unwrap()["quantity"].clone();
        let units: Decimal = units.as_str().unwrap().parse().unwrap();
        let expected = units * of_a_million.parse::<Decimal>().unwrap() / Decimal::from(1_000_000);
        assert_eq!(usd(part).as_str().unwrap().parse::<Decimal>().unwrap(), expected, "{cost}");
    }
    assert!(text.contains("Logs, storage and network are not in it"), "{text}");
}
