//! CloudWatch's own measurement beside ours: asked for on wish, over the wire, and told with its
//! reason where there is none.

use serde_json::{Value, json};

use super::show::{glue, of};
use crate::fakes::cloudwatch::usage_metric;
use crate::fakes::{Fakes, Trouble};
use crate::harness::Sandbox;

const NOW: &str = "2026-11-16T06:00:00Z";
const SHOW: [&str; 6] = ["--now", NOW, "quota", "show", "--cloudwatch", "--format"];

/// The codes of Glue's DPUs and concurrent runs.
const DPUS: &str = "L-08F3B322";
const RUNS: &str = "L-5E4153CA";

fn second(text: &str) -> i64 {
    super::at(text).as_second()
}

/// A company of which CloudWatch measured the DPUs, and which had one run.
async fn scene() -> (Fakes, Sandbox) {
    let fakes = Fakes::start().await;
    fakes.home(|place| {
        place.quotas.apply("glue", DPUS, 100.0);
        place.quotas.set_default("glue", RUNS, 50.0);
        let metric = usage_metric("DPU", "Maximum");
        place.quotas.measure_by(DPUS, metric.clone());
        let points = [
            ("2026-11-08T23:59:59Z", 99.0),
            ("2026-11-10T02:11:00Z", 61.0),
            ("2026-11-10T02:14:00Z", 47.0),
            ("2026-11-12T09:00:00Z", 61.0),
            ("2026-11-15T23:59:00Z", 12.0),
            ("2026-11-16T00:00:00Z", 98.0),
        ];
        for (at, value) in points {
            place.cloudwatch.measure(&metric, second(at), value);
        }
        // Another metric of the same name.
        place.cloudwatch.measure(&usage_metric("Jobs", "Maximum"), second(points[1].0), 70.0);
    });
    let environment = fakes.environment().into_iter();
    let sandbox =
        environment.fold(Sandbox::new(), |sandbox, (name, value)| sandbox.with(name, &value));
    sandbox.write("runledger.toml", "account = '111122223333'\nregion = 'eu-west-1'\n");
    let run = glue("jr", "load", 40, "2026-11-10T01:00:00Z", Some("2026-11-10T03:00:00Z"));
    sandbox.write("runs.json", json!({ "JobRuns": [run] }).to_string());
    sandbox.run(&["--now", NOW, "import", "runs.json"]).exits(0);
    fakes.forget_log();
    (fakes, sandbox)
}

fn show(sandbox: &Sandbox, format: &str) -> crate::harness::Finished {
    let arguments: Vec<&str> = SHOW.into_iter().chain([format]).collect();
    sandbox.run(&arguments)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_aws_measured_stands_beside_what_runs_tell() {
    let (fakes, sandbox) = scene().await;
    let plain = sandbox.run(&["--now", NOW, "quota", "show", "--format", "json"]).exits(0).json();
    assert_eq!((fakes.log().len(), &plain["measured"]), (0, &Value::Null), "unasked, it is free");

    let done = show(&sandbox, "json").exits(0);
    assert!(done.stderr.contains("asked CloudWatch for 1 metric, each of which AWS charges for"));
    let shown = done.json();
    assert_eq!(
        *of(&shown, "measured", "glue-dpus"),
        json!({
            "account": "111122223333", "region": "eu-west-1", "quota": "glue-dpus",
            "peak": 61.0, "peak_at": "2026-11-10T02:10:00Z", "within_seconds": 300,
            "not_told": null
        }),
        "the first of two spans as high, and nothing of the weeks around"
    );
    let runs = of(&shown, "measured", "glue-concurrent-runs");
    assert_eq!((&runs["peak"], &runs["peak_at"]), (&Value::Null, &Value::Null));
    assert_eq!(runs["not_told"], "Service Quotas names no metric of its use");
    assert_eq!((fakes.count("GetMetricData"), fakes.count("PutMetricData")), (1, 0));

    let text = show(&sandbox, "text").exits(0).stdout;
    assert!(
        text.contains("    CloudWatch: peak 61 within 5 minutes from 10 Nov 02:10\n"),
        "{text}"
    );
    assert!(text.contains("    CloudWatch: not told (Service Quotas names no metric"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_read_and_old_weeks_by_the_hour() {
    let (fakes, sandbox) = scene().await;
    fakes.home(|place| place.cloudwatch.page = 1);
    let shown = show(&sandbox, "json").exits(0).json();
    assert_eq!(of(&shown, "measured", "glue-dpus")["peak"], 61.0);
    assert_eq!(fakes.count("GetMetricData"), 3, "three spans have points");

    let later = ["--now", "2027-01-20T00:00:00Z", "quota", "show", "--cloudwatch"];
    let week = ["--week", "2026-W46", "--format", "json"];
    let arguments: Vec<&str> = later.into_iter().chain(week).collect();
    let shown = sandbox.run(&arguments).exits(0).json();
    let dpus = of(&shown, "measured", "glue-dpus");
    assert_eq!((&dpus["within_seconds"], &dpus["peak"]), (&json!(3600), &json!(61.0)));
    assert_eq!(dpus["peak_at"], "2026-11-10T02:00:00Z");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_asked_is_told_and_not_taken_for_nothing() {
    let (fakes, sandbox) = scene().await;
    let why = |done: &crate::harness::Finished| {
        let shown = done.json();
        let dpus = of(&shown, "measured", "glue-dpus");
        assert_eq!(dpus["peak"], Value::Null);
        dpus["not_told"].as_str().unwrap().to_owned()
    };
    fakes.fault("GetMetricData", None, 1, Trouble::Denied);
    let denied = show(&sandbox, "json").exits(4);
    assert!(why(&denied).contains("AccessDenied"), "{}", denied.stdout);
    assert!(denied.stderr.contains("allow `servicequotas:GetServiceQuota`"), "{}", denied.stderr);

    fakes.home(|place| place.cloudwatch.status = Some("Forbidden"));
    assert_eq!(why(&show(&sandbox, "json").exits(0)), "CloudWatch answers Forbidden");

    fakes.home(|place| {
        place.cloudwatch.status = None;
        place.quotas.measure_by(DPUS, usage_metric("Other", "Maximum"));
    });
    assert_eq!(why(&show(&sandbox, "json").exits(0)), "CloudWatch has no data of it");

    fakes.home(|place| place.quotas.measure_by(DPUS, usage_metric("DPU", "Sum")));
    let sum = why(&show(&sandbox, "json").exits(0));
    assert_eq!(sum, "its metric counts a Sum, not what is in use at once");
}
