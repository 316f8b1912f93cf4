//! What the configuration does to rates: agreements, refusals, and what stays without a price.

use super::*;

const WITH_AGREEMENTS: &str = r#"
[[pricing.discounts]]
percent = "12.5"
engine = "glue"
region = "eu-west-1"
source = "agreement of January 2026"

[[pricing.rates]]
engine = "glue"
component = "DPU"
kinds = ["spark", "streaming"]
execution_class = "STANDARD"
account = "999999999999"
source = "a pilot"
usd = { eu-west-1 = "0.20" }
"#;

#[test]
fn an_agreement_is_paid_and_shown_beside_the_list() {
    let sandbox = Sandbox::new();
    sandbox.write("runledger.toml", WITH_AGREEMENTS);
    import_run(&sandbox, "one", "eu-west-1", "2026-11-10T12:00:00Z");
    // By hand: 10 DPU-hours at 0.44 less 12.5 % = 0.385.
    let report = report(&sandbox);
    assert_eq!(report["totals"]["cost_usd"], "3.85");
    assert_eq!(report["completeness"]["agreed_rates"], 1);
    let shown = sandbox.run(&["--now", NOW, "report", "--last-week"]).exits(0).stdout;
    assert!(shown.contains("agreed with AWS") && !shown.contains("list-price"), "{shown}");
    let text = prices(&sandbox, &["list", "--region", "eu-west-1"]).exits(0).stdout;
    let discounted = "0.385  0.44  configuration";
    assert!(text.lines().any(|line| line.contains(discounted)), "{text}");
    assert!(text.contains("12.5 % off: agreement of January 2026"), "{text}");
    assert!(text.contains("for 999999999999"), "{text}");
    let csv = prices(&sandbox, &["list", "--region", "eu-west-1", "--format", "csv"]).exits(0);
    let mut rows = csv::Reader::from_reader(csv.stdout.as_bytes());
    let heading = rows.headers().unwrap().clone();
    let column = |name: &str| heading.iter().position(|column| column == name).unwrap();
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    let pilot = rows.iter().find(|row| &row[column("account")] == "999999999999").unwrap();
    assert_eq!((&pilot[column("usd")], &pilot[column("list_usd")]), ("0.20", "0.44"));
}

#[test]
fn what_cannot_be_is_refused_when_it_is_loaded() {
    let refusal = |text: &str| {
        let sandbox = Sandbox::new();
        sandbox.write("runledger.toml", text);
        let refused = sandbox.run(&["init"]).exits(2).stderr;
        assert!(refused.contains("error: runledger.toml: pricing"), "{refused}");
        refused
    };
    let twice =
        format!("{WITH_AGREEMENTS}\n[[pricing.discounts]]\npercent = \"3\"\nsource = \"b\"");
    let text = refusal(&twice);
    assert!(text.contains("pricing.discounts[0] and pricing.discounts[1]"), "{text}");
    let negative = WITH_AGREEMENTS.replace("0.20", "-0.20");
    let text = refusal(&negative);
    assert!(text.contains("pricing.rates[0].usd.eu-west-1: `-0.20` is no rate"), "{text}");
    let cents = WITH_AGREEMENTS.replace("0.20", "44000");
    assert!(refusal(&cents).contains("more than 100 times"));
}

/// An EMR Serverless run where nothing is priced waits for the two rates that it used.
#[test]
fn what_waits_for_a_rate_is_said_with_its_usage() {
    let sandbox = Sandbox::new();
    let place = format!("arn:aws:emr-serverless:mars-north-1:{ACCOUNT}");
    let arn = format!("{place}:/applications/app/jobruns/r1");
    let run = json!({ "jobRun": {
        "applicationId": "app", "jobRunId": "r1", "name": "x", "state": "SUCCESS", "attempt": 1,
        "arn": arn,
        "createdAt": "2026-11-10T02:00:00Z", "updatedAt": "2026-11-10T02:09:00Z",
        "billedResourceUtilization":
            { "vCPUHour": 1.25, "memoryGBHour": 5.5, "storageGBHour": 0.0 },
    }});
    sandbox.write("emr.json", run.to_string());
    sandbox.run(&["--now", NOW, "import", "emr.json"]).exits(0);
    import_run(&sandbox, "one", "mars-north-1", "2026-11-10T12:00:00Z");
    let report = report(&sandbox);
    let reasons = report["completeness"]["unpriced_reasons"].as_array().unwrap();
    let of = |engine: &str| {
        reasons.iter().find(|reason| reason["missing_rate"]["engine"] == engine).unwrap()
    };
    let emr = of("emr-serverless");
    assert_eq!(emr["reason"], "no rate for EMR Serverless X86_64 vCPU and memory in mars-north-1");
    assert_eq!((&emr["vcpu_hours"], &emr["memory_gb_hours"]), (&json!("1.25"), &json!("5.5")));
    assert_eq!((&emr["storage_gb_hours"], &emr["dpu_hours"]), (&json!("0"), &json!("0")));
    assert_eq!(emr["missing_rate"]["components"], json!(["vCPU", "memory"]));
    let glue = of("glue");
    assert_eq!((&glue["dpu_hours"], &glue["runs"]), (&json!("10"), &json!(1)));
    assert_eq!(glue["missing_rate"]["execution_class"], "STANDARD");
    let text = sandbox.run(&["--now", NOW, "report", "--last-week"]).exits(0).stdout;
    assert!(text.contains("1.2 vCPU-hours, 5.5 GB-hours of memory"), "{text}");
}

/// A rate for later days prices nothing before them, and the report says where it begins.
#[test]
fn a_rate_of_other_days_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "runledger.toml",
        WITH_AGREEMENTS
            .replace("eu-west-1", "mars-north-1")
            .replace("account = \"999999999999\"", "from = \"2026-11-10\"\nlist_price = true"),
    );
    import_run(&sandbox, "before", "mars-north-1", "2026-11-09T23:59:59Z");
    import_run(&sandbox, "after", "mars-north-1", "2026-11-10T00:00:00Z");
    let report = report(&sandbox);
    // By hand: 10 DPU-hours at 0.20 less 12.5 %.
    assert_eq!(report["totals"]["cost_usd"], "1.75");
    assert_eq!(
        report["completeness"]["unpriced_reasons"][0]["reason"],
        "no rate for Glue 4.0 spark STANDARD DPU in mars-north-1; the card has it from 2026-11-10 \
         only"
    );
}

/// An agreement need not say all that a usage type is told by: the run that it prices does.
#[test]
fn a_rate_that_says_little_leaves_the_sku_as_it_is() {
    let sandbox = Sandbox::new();
    let sku = |configuration: &str| {
        sandbox.write("runledger.toml", configuration);
        import_run(&sandbox, "one", "us-east-1", "2026-11-10T12:00:00Z");
        let export = ["--now", NOW, "export", "focus", "--last-week", "-o", "focus.csv"];
        sandbox.run(&export).exits(0);
        let mut rows = csv::Reader::from_path(sandbox.path("focus.csv")).unwrap();
        let heading = rows.headers().unwrap().clone();
        let row = rows.records().next().unwrap().unwrap();
        ["SkuId", "SkuPriceId", "x_SkuOrigin", "ContractedUnitPrice"]
            .map(|name| row[heading.iter().position(|column| column == name).unwrap()].to_owned())
    };
    let [id, price_id, origin, list] = sku("");
    assert_eq!((id.as_str(), origin.as_str()), ("ETL-DPU-Hour", "usage-type"));
    let agreed = "[[pricing.rates]]\nengine = 'glue'\ncomponent = 'DPU'\nsource = 'x'\n\
                  usd = { us-east-1 = '0.30' }\n";
    let own = sku(agreed);
    assert_ne!(own[3], list);
    assert_eq!(own[..3], [id, price_id, origin]);
}
