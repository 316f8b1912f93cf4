//! The commands: what they print, how they end, and what a report says of the bill.

use super::*;

fn sandbox(fakes: &Fakes, config: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    for (name, value) in fakes.environment() {
        sandbox = sandbox.with(name, &value);
    }
    sandbox.write("runledger.toml", config);
    sandbox
}

const CONFIG: &str = "[[bill.accounts]]\naccount = \"111122223333\"\n";

/// One run of 10 DPU for an hour, as `aws glue get-job-run` tells it: $4.40.
fn import(sandbox: &Sandbox) {
    let run = serde_json::json!({ "JobRun": {
        "Id": "jr_1", "JobName": "load", "JobRunState": "SUCCEEDED", "GlueVersion": "4.0",
        "StartedOn": "2026-11-10T12:00:00Z", "CompletedOn": "2026-11-10T13:00:00Z",
        "ExecutionTime": 3600, "MaxCapacity": 10.0
    }});
    sandbox.write("run.json", run.to_string());
    let import = ["import", "run.json", "--account", HOME, "--region", "eu-west-1", "--now", NOW];
    sandbox.run(&import).exits(0);
}

async fn fakes(quantity: &str, amount: &str) -> Fakes {
    let fakes = Fakes::start().await;
    bill(&fakes, HOME, |bill| {
        bill.glue("2026-11-10", HOME, "EU-ETL-DPU-Hour", quantity, amount);
        bill.glue("2026-11-10", HOME, "EU-Crawler-DPU-Hour", "0.1", "0.044");
    });
    fakes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_is_read_shown_and_in_the_report() {
    let fakes = fakes("10", "4.4").await;
    let sandbox = sandbox(&fakes, CONFIG);
    import(&sandbox);
    let report = |format: &str| {
        let arguments = ["report", "--week", "2026-W46", "--format", format, "--now", NOW];
        sandbox.run(&arguments).exits(0)
    };
    // Before anything was read the report goes out with the estimate, and says so.
    let before = report("json").json();
    assert_eq!(before["bill"], serde_json::Value::Null);
    let missing = before["bill_missing"].as_str().unwrap();
    assert!(missing.contains("never asked"), "{missing}");
    let text = report("text").stdout;
    assert_eq!(text.matches("Not compared with the bill").count(), 1, "{text}");

    let refresh = sandbox.run(&["bill", "refresh", "--since", "2026-11-09", "--now", NOW]).exits(0);
    assert!(refresh.stderr.contains("8 days due, 8 days read"), "{}", refresh.stderr);
    assert!(refresh.stderr.contains("4 requests to Cost Explorer, $0.04"), "{}", refresh.stderr);
    let show = ["bill", "show", "--week", "2026-W46", "--exit-code", "--now", NOW];
    let shown = sandbox.run(&show).exits(0).stdout;
    for told in ["Bill so far        $4.44, 7 of 7 days read, 7 final", "crawlers", "+$0.04"] {
        assert!(shown.contains(told), "{told} is not in\n{shown}");
    }
    let json = [&show[..], &["--format", "json"]].concat();
    let told = sandbox.run(&json).exits(0).json();
    assert_eq!(told["bill_usd"], "4.444");
    assert_eq!(told["lines"][0]["kind"], "crawlers");
    assert_eq!(told["rows"].as_array().unwrap().len(), 2);

    let after = report("json").json();
    assert_eq!(after["bill"]["state"], "final");
    assert_eq!(after["bill"]["estimate_usd"], "4.40");
    assert_eq!(after["bill"]["bill_usd"], "4.444");
    let text = report("text").stdout;
    assert!(text.contains("ESTIMATE AND BILL") && text.contains("7 of 7"), "{text}");
    assert!(text.contains("Most of the gap: crawlers (+$0.04)."), "{text}");
    // A team does not see the company's bill.
    let team = ["report", "--week", "2026-W46", "--team", "Unallocated", "--format", "json"];
    let team = sandbox.run(&[&team[..], &["--now", NOW]].concat()).exits(0).json();
    assert_eq!(team["bill"], serde_json::Value::Null);
    assert_eq!(team["bill_missing"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_codes_are_the_contract() {
    let fakes = fakes("4", "1.76").await;
    let sandbox = sandbox(&fakes, CONFIG);
    import(&sandbox);
    let show = ["bill", "show", "--week", "2026-W46", "--exit-code", "--now", NOW];
    sandbox.run(&show).exits(4);
    sandbox.run(&["bill", "refresh", "--max-requests", "3", "--now", NOW]).exits(4);
    bill(&fakes, HOME, |bill| bill.errors = vec!["DataUnavailableException"]);
    let silent = sandbox.run(&["bill", "refresh", "--now", NOW]).exits(5);
    assert!(silent.stderr.contains("hint: wait"), "{}", silent.stderr);
    sandbox.run(&["bill", "refresh", "--now", NOW]).exits(0);
    let shown = sandbox.run(&show).exits(3).stdout;
    assert!(shown.contains("ERRORS TO CHASE"), "{shown}");
    assert!(
        shown.contains("2026-11-10  111122223333  ETL-DPU-Hour         10       4     $2.64"),
        "{shown}"
    );
    sandbox.run(&show[..4]).exits(0);
    sandbox.run(&["bill", "refresh", "--since", "2026-11-17", "--now", NOW]).exits(2);
    sandbox.run(&["bill", "refresh", "--month", "nonsense", "--now", NOW]).exits(2);
    sandbox.write("runledger.toml", "[bill]\nmax_requests = 5\n");
    let off = sandbox.run(&["bill", "refresh", "--now", NOW]).exits(2);
    assert!(off.stderr.contains("not switched on"), "{}", off.stderr);
    let twice = format!("{CONFIG}{CONFIG}");
    sandbox.write("runledger.toml", twice);
    let twice = sandbox.run(&["bill", "refresh", "--now", NOW]).exits(2);
    assert!(twice.stderr.contains("account 111122223333 is there twice"), "{}", twice.stderr);
}
