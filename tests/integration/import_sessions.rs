//! Interactive sessions from files, as `aws glue list-sessions`, `get-session` and
//! `aws emr-serverless get-session` print them.

use runledger::model::{JobKind, JobRun, RunState, Teller};
use runledger::sources::files::{Defaults, LineError, Reader};

use crate::harness::Sandbox;

const GLUE: &str = include_str!("../data/glue_list_sessions.json");
const EMR: &str = include_str!("../data/emr_serverless_get_session.json");

fn read(text: &str) -> Vec<Result<JobRun, LineError>> {
    let place = Defaults { account: Some("111122223333".into()), region: Some("us-east-1".into()) };
    Reader::new(text.as_bytes(), "sessions.json", place).unwrap().collect()
}

fn runs(text: &str) -> Vec<JobRun> {
    read(text).into_iter().map(Result::unwrap).collect()
}

#[test]
fn a_list_of_glue_sessions_is_read_as_it_is() {
    let sessions = runs(GLUE);
    let [stopped, failed] = sessions.as_slice() else { panic!("{sessions:?}") };
    assert_eq!((&stopped.kind, &stopped.state), (&Some(JobKind::Session), &RunState::Stopped));
    assert_eq!(stopped.job_name.as_deref(), Some("analysts"));
    assert_eq!((stopped.dpu_seconds, stopped.execution_seconds), (Some(5400.into()), Some(900)));
    assert_eq!(stopped.end(), Some("2026-11-10T08:17:00Z".parse().unwrap()));
    assert_eq!(stopped.unknown, None);
    assert_eq!(failed.error.as_deref(), Some("Insufficient permissions"));
}

#[test]
fn sessions_are_recognised_wrapped_and_bare() {
    let list: serde_json::Value = serde_json::from_str(GLUE).unwrap();
    let bare = list["Sessions"][0].clone();
    let emr: serde_json::Value = serde_json::from_str(EMR).unwrap();
    for text in [bare.to_string(), serde_json::json!({ "Session": bare }).to_string()] {
        assert_eq!(runs(&text), runs(GLUE)[..1]);
    }
    for text in [EMR.to_owned(), emr["session"].to_string()] {
        let [session] = &runs(&text)[..] else { panic!("{text}") };
        assert_eq!(session.identity.region, "eu-west-1");
        assert_eq!(session.identity.run_id, "00fs9k2m4n6p8q01");
        assert_eq!((&session.kind, &session.error), (&Some(JobKind::Session), &None));
        assert!(session.is_settled());
    }
    let error = read(r#"{"sessions":[]}"#).remove(0).unwrap_err().to_string();
    assert!(error.contains("`get-session`"), "{error}");
    let lost = read(r#"{"Session":{"Id":"s","CreatedOn":1}}"#).remove(0).unwrap_err().to_string();
    assert!(lost.contains("a Glue session without `Status`"), "{lost}");
}

/// By hand: 5,400 DPU-seconds are 1.5 DPU-hours, at 0.44 (sessions, us-east-1) 0.66; the other
/// session used nothing. EMR, in eu-west-1: 15.867 x 0.052624 + 63.468 x 0.0057785.
#[test]
fn sessions_are_in_the_report_with_their_owner_and_nothing_is_wasted() {
    let sandbox = Sandbox::new();
    sandbox.write("glue.json", GLUE);
    sandbox.write("emr.json", EMR);
    let arguments = ["--now", "2026-11-16T06:00:00Z", "import", "glue.json", "emr.json"];
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    sandbox.run(&[&arguments[..], &place[..]].concat()).exits(0);
    let again = ["--now", "2026-11-17T06:00:00Z", "import", "glue.json", "emr.json"];
    let told = sandbox.run(&[&again[..], &place[..]].concat()).exits(0).stderr;
    assert!(told.contains("3 runs: 0 new, 0 changed, 3 known already"), "{told}");
    let report = ["--now", "2026-11-16T06:00:00Z", "report", "--format", "json"];
    let json = sandbox.run(&report).exits(0).json();
    assert_eq!(json["totals"]["waste_usd"], "0.00");
    assert_eq!(json["totals"]["by_state"]["TERMINATED"], 1);
    let jobs = json["jobs"].as_array().unwrap();
    let cost = |engine: &str| {
        let job = jobs.iter().find(|job| job["engine"] == engine).unwrap();
        assert_eq!(job["job"], "sessions of analysts");
        (job["team"].as_str().unwrap(), job["cost_usd"].as_str().unwrap())
    };
    assert_eq!(cost("glue"), ("Unallocated", "0.66"));
    // 0.834985008 + 0.366749838
    assert_eq!(cost("emr-serverless"), ("insight", "1.201734846"));
}

#[test]
fn an_import_says_that_a_file_told() {
    let [session] = &runs(EMR)[..] else { panic!() };
    // Who told, and when, is the importer's to say, since it alone knows the time.
    assert!(session.told_by.is_empty());
    let event = r#"{"account":"111122223333","region":"eu-west-1","source":"aws.glue",
        "time":"2026-11-10T05:00:00Z","detail-type":"Glue Job State Change",
        "detail":{"jobRunId":"jr_1","jobName":"load","state":"SUCCEEDED"}}"#;
    let [run] = &runs(event)[..] else { panic!() };
    let time = "2026-11-10T05:00:00Z".parse().unwrap();
    assert_eq!(run.told_by.iter().collect::<Vec<_>>(), [(&Teller::Event, &time)]);
}
