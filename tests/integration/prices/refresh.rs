//! Refreshing through the Price List API.

use super::super::fakes::Trouble;
use super::*;
use runledger::sources::price_list::query;

fn company(fakes: &Fakes) {
    products(
        fakes,
        [
            glue("eu-west-1", "EU-ETL-DPU-Hour", "0.4400000000"),
            glue("eu-west-1", "EU-ETL-Flex-DPU-Hour", "0.2900000000"),
            glue("eu-west-1", "EU-Crawler-DPU-Hour", "0.4400000000"),
            glue("eu-west-1", "EU-Catalog-Request", "0.0000010000"),
            glue("il-central-1", "ILC1-ETL-DPU-Hour", "0.5160000000"),
            emr_serverless("il-central-1", "ILC1-EMR-SERVERLESS-vCPUHours", "0.0552550000"),
            Product { family: "EMR Instance", ..emr_serverless("eu-west-1", "EU-BoxUsage", "9") },
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_list_says_is_put_on_record_once() {
    let fakes = Fakes::start().await;
    company(&fakes);
    fakes.world().prices.page_size = Some(2);
    fakes.fault("GetProducts", None, 2, Trouble::Throttled);
    let sandbox = sandbox(&fakes);
    let done = prices(&sandbox, &["refresh"]).exits(0);
    assert!(done.stderr.contains("4 new, 0 changed, 0 unchanged, 0 no longer"), "{}", done.stderr);
    assert!(done.stderr.contains("2 products that no run is known"), "{}", done.stderr);
    // Three pages of Glue, one of EMR Serverless, and two that were throttled.
    assert_eq!(fakes.count("GetProducts"), 6);
    let asked = fakes.log();
    // The API answers in three regions only; the nearest to eu-west-1 is Frankfurt.
    assert!(asked.iter().all(|asked| asked.region == "eu-central-1"), "{asked:?}");

    let ireland = spark_rate(&sandbox, "eu-west-1");
    assert_eq!((&ireland["usd"], &ireland["origin"]), (&json!("0.44"), &json!("price-list")));
    assert_eq!((&ireland["from"], &ireland["as_of"]), (&json!("2026-11-01"), &json!("2026-11-12")));
    assert_eq!(ireland["sku"], "SKUeuwest1EUETLDPUHour");
    assert_eq!(ireland["usage_type"], "EU-ETL-DPU-Hour");
    // Tel Aviv is not in the card that ships.
    assert_eq!(spark_rate(&sandbox, "il-central-1")["usd"], "0.516");

    let again = prices(&sandbox, &["-v", "refresh"]).exits(0);
    assert!(again.stderr.contains("0 new, 0 changed, 4 unchanged"), "{}", again.stderr);
    assert!(again.stderr.contains("no rate of runs: EU-Crawler-DPU-Hour (1)"), "{}", again.stderr);
    assert!(again.stderr.contains("no rate of runs: EU-Catalog-Request (1)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_begins_on_its_day_and_a_price_that_is_gone_stays() {
    let fakes = Fakes::start().await;
    company(&fakes);
    let sandbox = sandbox(&fakes);
    for (id, ended) in [("before", "2026-11-09T23:59:59Z"), ("after", "2026-11-10T00:00:00Z")] {
        import_run(&sandbox, id, "il-central-1", ended);
    }
    import_run(&sandbox, "steady", "eu-west-1", "2026-11-11T12:00:00Z");
    let unpriced = report(&sandbox);
    assert_eq!(unpriced["completeness"]["unpriced_runs"], 2);
    prices(&sandbox, &["refresh"]).exits(0);
    // 3 x 10 DPU-hours: 2 x 5.16 + 4.40.
    assert_eq!(report(&sandbox)["totals"]["cost_usd"], "14.72");

    let dearer = glue("il-central-1", "ILC1-ETL-DPU-Hour", "").from("2026-11-10", "0.6");
    products(&fakes, [dearer]);
    fakes.world().prices.withdraw("EU-ETL-DPU-Hour");
    let done = prices(&sandbox, &["refresh"]).exits(0);
    let changed = "changed: ILC1-ETL-DPU-Hour in il-central-1: 0.516 USD, now 0.6 USD from \
                   2026-11-10";
    assert!(done.stderr.contains(changed), "{}", done.stderr);
    let gone = "no longer listed: EU-ETL-DPU-Hour in eu-west-1; its 0.44 USD stay in force";
    assert!(done.stderr.contains(gone), "{}", done.stderr);
    assert!(done.stderr.contains("0 new, 1 changed, 2 unchanged, 1 no longer"), "{}", done.stderr);
    // 5.16 before the change, 6.00 after it, and 4.40.
    assert_eq!(report(&sandbox)["totals"]["cost_usd"], "15.56");
    assert_eq!(spark_rate(&sandbox, "eu-west-1")["origin"], "price-list");
    // A later start sees what an earlier one did, and the history.
    let line = ["--now", "2026-11-09T00:00:00Z", "prices", "list", "--region", "il-central-1"];
    assert!(sandbox.run(&line).exits(0).stdout.contains("0.516"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_is_named_and_the_rest_is_taken() {
    let fakes = Fakes::start().await;
    company(&fakes);
    let region = "eu-west-1";
    products(
        &fakes,
        [
            Product { currency: "CNY", ..glue("cn-north-1", "CNN1-ETL-DPU-Hour", "3.021") },
            Product { range: ("0", "500"), ..glue(region, "EU-ETL-DPU-Hour-Gen2", "0.3") },
            glue(region, "EU-ETL-Flex-DPU-Hour-Gen2", "203.0"),
            glue(region, "EU-ETL-MemOptimized-DPU-Hour", "-0.52"),
            glue(region, "EU-GlueInteractiveSession-DPU-Hour", "0.0000000000"),
            // The same use under another name and price: neither is known to be right.
            Product { sku: "TWIN".into(), ..glue(region, "EUW1-ETL-DPU-Hour", "0.5") },
        ],
    );
    fakes.world().prices.garbage = vec!["<html>".into()];
    let sandbox = sandbox(&fakes);
    let done = prices(&sandbox, &["refresh"]).exits(4);
    for said in [
        "CNN1-ETL-DPU-Hour in cn-north-1 (SKU SKUcnnorth1CNN1ETLDPUHour): its price is in CNY",
        "EU-ETL-DPU-Hour-Gen2 in eu-west-1 (SKU SKUeuwest1EUETLDPUHourGen2): its price is for 0 to",
        "`203` is no rate: more than 100 times the dearest known rate, 0.69 USD",
        "`-0.52` is no price",
        "has several prices: 0.44 USD (SKU SKUeuwest1EUETLDPUHour), 0.5 USD (SKU TWIN)",
        "Price List API, AWSGlue: a product that cannot be read",
        "Price List API, ElasticMapReduce: a product that cannot be read",
        "not rates: 2 products that no run is known to be billed under (-v lists them), 1 prices",
        "prices: 3 new, 0 changed",
    ] {
        assert!(done.stderr.contains(said), "{said}\n{}", done.stderr);
    }
    // What ships stays where the list is of no use.
    assert_eq!(spark_rate(&sandbox, region)["origin"], "shipped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_regions_that_are_asked_for() {
    let fakes = Fakes::start().await;
    company(&fakes);
    let sandbox = sandbox(&fakes);
    prices(&sandbox, &["refresh"]).exits(0);
    fakes.world().prices.withdraw("EU-ETL-DPU-Hour");
    let line = ["refresh", "--region", "il-central-1", "--region", "mars-north-1"];
    let done = prices(&sandbox, &line).exits(4);
    // Nothing is said of Ireland, which nobody asked for.
    assert!(done.stderr.contains("0 new, 0 changed, 2 unchanged, 0 no longer"), "{}", done.stderr);
    let none = "Price List API, AWSGlue in mars-north-1: the list has no product";
    assert!(done.stderr.contains(none), "{}", done.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_with_aws_leaves_the_card_as_it_was() {
    let fakes = Fakes::start().await;
    company(&fakes);
    let sandbox = sandbox(&fakes);
    prices(&sandbox, &["refresh"]).exits(0);
    fakes.fault("GetProducts", None, 1, Trouble::Denied);
    let partly = prices(&sandbox, &["refresh"]).exits(4);
    assert!(partly.stderr.contains("hint: allow `pricing:GetProducts`"), "{}", partly.stderr);
    // Glue was not read, so nothing of it is said to be gone.
    assert!(partly.stderr.contains("0 new, 0 changed, 1 unchanged, 0 no longer"));
    fakes.fault("GetProducts", None, 2, Trouble::Denied);
    prices(&sandbox, &["refresh"]).exits(1);
    fakes.fault("GetProducts", None, 1, Trouble::Garbage);
    assert!(prices(&sandbox, &["refresh"]).exits(4).stderr.contains("AWSGlue: "));
    assert_eq!(spark_rate(&sandbox, "il-central-1")["usd"], "0.516");

    let nobody = Sandbox::new().with("AWS_REGION", "eu-west-1");
    let refused = prices(&nobody, &["refresh"]).exits(5);
    assert!(refused.stderr.contains("hint: set AWS_PROFILE"), "{}", refused.stderr);
    assert!(refused.stderr.contains("ElasticMapReduce: not asked for, after that"));
}

#[tokio::test]
async fn throttling_without_end_is_an_error_that_says_so() {
    let fakes = Fakes::start().await;
    company(&fakes);
    fakes.fault("GetProducts", None, usize::MAX, Trouble::Throttled);
    let readings = query(&fakes.config().await, &[]).await;
    let [first, second] = &readings[..] else { panic!("{readings:?}") };
    assert_eq!(fakes.count("GetProducts"), 10);
    let first = first.list.as_ref().unwrap_err();
    assert!(first.is_unavailable() && first.to_string().contains("Rate exceeded"), "{first}");
    assert!(second.list.as_ref().unwrap_err().is_unavailable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_card_is_held_against_the_list() {
    let fakes = Fakes::start().await;
    products(
        &fakes,
        [
            glue("eu-west-1", "EU-ETL-DPU-Hour", "0.4400000000"),
            glue("eu-west-1", "EU-ETL-Flex-DPU-Hour", "0.3000000000"),
            glue("il-central-1", "ILC1-ETL-DPU-Hour", "0.5160000000"),
            emr_serverless("eu-west-1", "EU-EMR-SERVERLESS-vCPUHours", "0.0526240000"),
        ],
    );
    let sandbox = sandbox(&fakes);
    sandbox.run(&["init"]).exits(0);
    let found = prices(&sandbox, &["check", "--region", "eu-west-1", "--region", "il-central-1"]);
    let found = found.exits(3);
    let lines: Vec<_> = found.stdout.lines().collect();
    for said in [
        "Glue DPU spark FLEX below 6.0 in eu-west-1: the list has 0.3 USD from 2026-11-01, the card \
         0.29 USD (shipped: a Price List API answer for eu-west-1)",
        "DPU spark, streaming STANDARD in il-central-1: the list has 0.516 USD from 2026-11-01, the \
         card has no rate",
        "DPU python-shell STANDARD in il-central-1: the list has 0.516 USD from 2026-11-01, the \
         card has no rate",
        "Glue M-DPU spark, streaming STANDARD below 6.0 in eu-west-1: the list has it no longer, \
         the card has 0.52 USD (shipped: a Price List API answer for eu-west-1)",
    ] {
        assert!(lines.contains(&said), "{said}\n{}", found.stdout);
    }
    // Two more that the list has not: memory and storage of EMR Serverless in Ireland.
    assert_eq!(lines.len(), 6, "{}", found.stdout);
    assert!(found.stderr.contains("3 rates are as listed, 6 differ"), "{}", found.stderr);
    prices(&sandbox, &["refresh"]).exits(0);
    let after = prices(&sandbox, &["check"]).exits(3);
    assert!(!after.stdout.contains("il-central-1"), "{}", after.stdout);
    let whole = ["check", "--region", "il-central-1"];
    assert!(prices(&sandbox, &whole).exits(4).stderr.contains("2 rates are as listed, 0 differ"));
}
