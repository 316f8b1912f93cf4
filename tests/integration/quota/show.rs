//! `quota show` on stored runs, against figures that were counted by hand.

use serde_json::{Value, json};

use crate::harness::Sandbox;

const NOW: &str = "2026-11-16T06:00:00Z";

const CONFIG: &str = "account = '111122223333'\nregion = 'eu-west-1'\n\
    [reports.weekly]\ntime_zone = 'UTC'\n\
    [[ownership.rules]]\njob = '^risk'\nteam = 'risk'\n\
    [[ownership.rules]]\njob = '.'\nteam = 'orders'\n\
    [[quotas]]\naccount = '111122223333'\nregion = 'eu-west-1'\nquota = 'glue-dpus'\nvalue = 100\n\
    [[quotas.shares]]\nteam = 'risk'\nbaseline = 30\nburst = 60\n\
    [[quotas]]\naccount = '111122223333'\nregion = 'eu-west-1'\n\
    quota = 'glue-concurrent-runs'\nvalue = 3\n";

/// A Glue run of so many G.1X workers, which are so many DPUs.
pub(super) fn glue(id: &str, job: &str, workers: u32, start: &str, end: Option<&str>) -> Value {
    json!({
        "Id": id, "JobName": job, "GlueVersion": "4.0", "WorkerType": "G.1X",
        "NumberOfWorkers": workers, "ExecutionClass": "STANDARD",
        "JobRunState": if end.is_some() { "SUCCEEDED" } else { "RUNNING" },
        "StartedOn": start, "CompletedOn": end, "LastModifiedOn": end.unwrap_or(start),
    })
}

/// An hour of EMR Serverless in which 4 vCPU-hours were billed, after ten minutes of waiting.
fn emr() -> Value {
    json!({"jobRun": {
        "applicationId": "app", "jobRunId": "r", "name": "sessions", "attempt": 1,
        "arn": "arn:aws:emr-serverless:eu-west-1:111122223333:/applications/app/jobruns/r",
        "state": "SUCCESS", "createdAt": "2026-11-12T11:50:00Z",
        "startedAt": "2026-11-12T12:00:00Z", "endedAt": "2026-11-12T13:00:00Z",
        "updatedAt": "2026-11-12T13:00:00Z",
        "billedResourceUtilization": {"vCPUHour": 4, "memoryGBHour": 16, "storageGBHour": 0}
    }})
}

/// On Tuesday, from 01:00 on: 40 DPUs for two hours, 45 of them from 02:00 to 02:30, 10 more from
/// 02:10 to 02:20. 81 on Sunday night, beyond the week's end; and 10 that are under way.
fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("runledger.toml", CONFIG);
    let runs = json!({"JobRuns": [
        glue("jr_a", "load", 40, "2026-11-10T01:00:00Z", Some("2026-11-10T03:00:00Z")),
        glue("jr_b", "risk-score", 45, "2026-11-10T02:00:00Z", Some("2026-11-10T02:30:00Z")),
        glue("jr_c", "join", 10, "2026-11-10T02:10:00Z", Some("2026-11-10T02:20:00Z")),
        glue("jr_d", "load", 81, "2026-11-15T23:30:00Z", Some("2026-11-16T00:30:00Z")),
        glue("jr_e", "risk-score", 10, "2026-11-16T05:00:00Z", None),
    ]});
    sandbox.write("glue.json", runs.to_string());
    sandbox.write("emr.json", emr().to_string());
    sandbox.run(&["--now", NOW, "import", "glue.json", "emr.json"]).exits(0);
    sandbox
}

/// The members of one quota.
pub(super) fn of<'s>(shown: &'s Value, list: &str, quota: &str) -> &'s Value {
    let all = shown[list].as_array().unwrap();
    all.iter().find(|one| one["quota"] == quota).unwrap_or_else(|| panic!("no {quota}: {shown}"))
}

/// The members of `one` that `expected` has.
fn part(one: &Value, expected: &Value) -> Value {
    let names = expected.as_object().unwrap().keys();
    names.map(|name| (name.clone(), one[name].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn the_figures_are_those_counted_by_hand() {
    let show = ["--now", NOW, "quota", "show", "--week", "2026-W46", "--format", "json"];
    let shown = scene().run(&show).exits(0).json();
    assert_eq!((&shown["as_of"], &shown["period"]), (&json!(NOW), &json!("2026-W46")));
    assert_eq!(shown["measured"], Value::Null, "nobody asked CloudWatch");
    let dpus = json!({
        "account": "111122223333", "region": "eu-west-1",
        "limit": 100.0, "limit_source": "configured", "peak": 95.0, "peak_upper": 95.0,
        "peak_at": "2026-11-10T02:10:00Z", "share": 0.95,
        // Half an hour on Tuesday with at least 85, and the last half hour of Sunday with 81.
        "seconds_over_80": 3600, "seconds_over_90": 600,
        "shared_by": [
            {"job": "risk-score", "held": 45.0}, {"job": "load", "held": 40.0},
            {"job": "join", "held": 10.0}
        ],
        // By itself, orders held most on Sunday.
        "teams": [
            {"team": "orders", "peak": 81.0, "peak_upper": 81.0, "held_at_peak": 50.0},
            {"team": "risk", "peak": 45.0, "peak_upper": 45.0, "held_at_peak": 45.0}
        ],
        "waited_runs": 0, "waited_seconds": 0, "forecast": null,
        "no_forecast": {"reason": "too-little-history", "weeks_of_history": 1, "weeks_needed": 6}
    });
    assert_eq!(part(of(&shown, "over_period", "glue-dpus"), &dpus), dpus);
    let runs = json!({
        "limit": 3.0, "peak": 3.0, "peak_at": "2026-11-10T02:10:00Z", "share": 1.0,
        "seconds_over_80": 600, "seconds_over_90": 600,
        "no_forecast": {"reason": "reached-already"}
    });
    assert_eq!(part(of(&shown, "over_period", "glue-concurrent-runs"), &runs), runs);
    let vcpus = json!({
        "limit": null, "limit_source": null, "peak": 4.0, "peak_upper": null, "share": 0.0,
        "seconds_over_80": 0, "waited_runs": 1, "waited_seconds": 600,
        "no_forecast": {"reason": "quota-not-known"}
    });
    assert_eq!(part(of(&shown, "over_period", "emr-serverless-vcpus"), &vcpus), vcpus);
    let now = json!({
        "running": 10.0, "running_at_most": 0.0, "waiting": 0.0, "reserved": 0.0,
        "unknown_runs": 0, "limit": 100.0, "collected_through": null,
        "teams": [{
            "team": "risk", "running": 10.0, "waiting": 0.0, "waiting_runs": 0, "reserved": 0.0,
            "sure_of": 30.0,
            "burst": 60.0
        }]
    });
    assert_eq!(part(of(&shown, "now", "glue-dpus"), &now), now);
}

#[test]
fn a_person_reads_the_same_without_looking_anything_up() {
    let sandbox = scene();
    let show = ["--now", NOW, "quota", "show"];
    let shown = sandbox.run(&show).exits(0).stdout;
    for line in [
        "Now, 16 Nov 2026 06:00 UTC",
        "  glue-dpus in 111122223333 eu-west-1: 10 of 100 (configured) in use (runs are imported \
         only)",
        "    risk: 10 in use, sure of 30, at most 60",
        "Over 2026-W46, times are UTC",
        "  glue-dpus in 111122223333 eu-west-1: peak 95 of 100 (configured) at 10 Nov 02:10, \
         95.0%; over 80 % for 1 h 0 m, over 90 % for 10 m 0 s",
        "    shared by risk-score 45, load 40, join 10",
        "    by team: orders 50, risk 45",
        "    each team's own peak: orders 81, risk 45",
        "    No forecast: 1 week of history, 6 are needed",
        "    Reached already",
        "  emr-serverless-vcpus in 111122223333 eu-west-1: peak 4 or more of an unknown quota at \
         12 Nov 12:00",
        "    1 run waited for it, 10 m 0 s in all",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "no line `{line}` in\n{shown}");
    }
    // In the report's zone, and in it alone.
    let zoned = CONFIG.replace("'UTC'", "'Asia/Tokyo'");
    sandbox.write("runledger.toml", zoned);
    let shown = sandbox.run(&show).exits(0).stdout;
    assert!(shown.contains("95.0%") && shown.contains(" at 10 Nov 11:10, "), "{shown}");
}
