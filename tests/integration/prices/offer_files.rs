//! Offer files: from paths and over HTTP, good and bad.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, Uri};
use futures::StreamExt;

use super::super::fakes::pricing::offer_file;
use super::*;

fn glue_file(published: &str, effective: &str, usd: &str) -> String {
    let product = glue("eu-west-1", "EU-ETL-DPU-Hour", "").from(effective, usd);
    offer_file("AWSGlue", published, &[product, glue("eu-west-1", "EU-Crawler-DPU-Hour", "0.44")])
}

async fn answer(uri: Uri) -> Response<Body> {
    let whole = glue_file("2026-11-12", "2026-11-01", "0.40");
    let response = Response::builder();
    let answered = match uri.path() {
        "/glue.json" => response.body(Body::from(whole)),
        "/broken.json" => {
            let half = whole[..whole.len() / 2].to_owned();
            let pieces = [Ok(half), Err(std::io::Error::other("the disk is gone"))];
            // What is sent at once may never leave: the first half is given its time.
            let slowly = futures::stream::iter(pieces).then(async |piece| {
                tokio::time::sleep(Duration::from_millis(100)).await;
                piece
            });
            response.body(Body::from_stream(slowly))
        }
        "/failing.json" => response.status(503).body(Body::empty()),
        _ => response.status(404).body(Body::from("no such file")),
    };
    answered.unwrap()
}

/// A server of offer files: `/glue.json`, `/broken.json`, which ends too early, and nothing else.
async fn server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[test]
fn history_is_read_from_old_files_in_any_order() {
    let sandbox = Sandbox::new();
    sandbox.write("new.json", glue_file("2026-11-12", "2026-11-10", "0.40"));
    sandbox.write("old.json", glue_file("2026-10-12", "2026-10-01", "0.48"));
    let first = prices(&sandbox, &["refresh", "--from", "new.json"]).exits(0);
    assert!(first.stderr.contains("1 new, 0 changed"), "{}", first.stderr);
    let second = prices(&sandbox, &["refresh", "--from", "old.json", "new.json"]).exits(0);
    assert!(second.stderr.contains("1 new, 0 changed, 1 unchanged"), "{}", second.stderr);
    import_run(&sandbox, "before", "eu-west-1", "2026-11-09T23:59:59Z");
    import_run(&sandbox, "after", "eu-west-1", "2026-11-10T00:00:00Z");
    // By hand: 10 DPU-hours at 0.48 and at 0.40.
    assert_eq!(report(&sandbox)["totals"]["cost_usd"], "8.80");
    assert_eq!(spark_rate(&sandbox, "eu-west-1")["source"], "new.json");
}

#[test]
fn a_correction_of_the_same_day_holds_and_the_earlier_reading_stays() {
    let sandbox = Sandbox::new();
    sandbox.write("first.json", glue_file("2026-11-12", "2026-11-01", "0.40"));
    sandbox.write("second.json", glue_file("2026-11-13", "2026-11-01", "0.41"));
    prices(&sandbox, &["refresh", "--from", "first.json"]).exits(0);
    let line = ["--now", "2026-11-17", "prices", "refresh", "--from", "second.json"];
    let done = sandbox.run(&line).exits(0);
    assert!(done.stderr.contains("0.4 USD, now 0.41 USD from 2026-11-01"), "{}", done.stderr);
    assert_eq!(spark_rate(&sandbox, "eu-west-1")["usd"], "0.41");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_over_http() {
    let address = server().await;
    let sandbox = Sandbox::new();
    let url = |name: &str| format!("http://{address}/{name}");
    let done = prices(&sandbox, &["refresh", "--from", &url("glue.json")]).exits(0);
    assert!(done.stderr.contains("1 new"), "{}", done.stderr);
    assert_eq!(spark_rate(&sandbox, "eu-west-1")["source"], url("glue.json"));

    let missing = prices(&sandbox, &["refresh", "--from", &url("missing.json")]).exits(1);
    assert!(missing.stderr.contains("the server answered HTTP 404"), "{}", missing.stderr);
    let failing = prices(&sandbox, &["refresh", "--from", &url("failing.json")]).exits(5);
    assert!(failing.stderr.contains("HTTP 503"), "{}", failing.stderr);
    let half = prices(&sandbox, &["refresh", "--from", &url("broken.json")]).exits(5);
    assert!(half.stderr.contains("the connection broke"), "{}", half.stderr);
    let both = [url("glue.json"), url("missing.json")];
    prices(&sandbox, &["refresh", "--from", &both[0], &both[1]]).exits(4);
}

#[test]
fn what_is_no_offer_file_is_refused_by_name() {
    let sandbox = Sandbox::new();
    sandbox.write("garbage.json", "{\"offerCode\": \"AWSGlue\", ");
    sandbox.write("empty.json", "");
    sandbox.write("packed.json.gz", [0x1f, 0x8b, 0x08]);
    sandbox.write("ec2.csv", "\"FormatVersion\",\"v1.0\"\n\"OfferCode\",\"AmazonEC2\"\n");
    for (file, said) in [
        ("garbage.json", "it is no price list"),
        ("empty.json", "it is empty"),
        ("packed.json.gz", "it is compressed"),
        ("ec2.csv", "price list of `AmazonEC2`"),
        ("missing.json", "cannot read the file"),
    ] {
        let refused = prices(&sandbox, &["refresh", "--from", file]).exits(1);
        assert!(refused.stderr.contains(&format!("error: {file}: ")), "{}", refused.stderr);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn a_csv_file_says_the_same_as_the_json() {
    let sandbox = Sandbox::new();
    let csv = "\"FormatVersion\",\"v1.0\"\n\"Publication Date\",\"2026-11-12T20:00:00Z\"\n\
        \"OfferCode\",\"AWSGlue\"\n\"SKU\",\"TermType\",\"EffectiveDate\",\"StartingRange\",\
        \"EndingRange\",\"Unit\",\"PricePerUnit\",\"Currency\",\"Product Family\",\"serviceCode\",\
        \"usageType\",\"operation\",\"Region Code\"\n\"S\",\"OnDemand\",\"2026-11-01\",\"0\",\"Inf\",\
        \"DPU-Hour\",\"0.40\",\"USD\",\"AWS Glue\",\"AWSGlue\",\"EU-ETL-DPU-Hour\",\"Jobrun\",\
        \"eu-west-1\"\n";
    sandbox.write("glue.csv", csv);
    sandbox.write("glue.json", glue_file("2026-11-12", "2026-11-01", "0.40"));
    prices(&sandbox, &["refresh", "--from", "glue.csv"]).exits(0);
    let again = prices(&sandbox, &["refresh", "--from", "glue.json"]).exits(0);
    assert!(again.stderr.contains("0 new, 0 changed, 1 unchanged"), "{}", again.stderr);
}
