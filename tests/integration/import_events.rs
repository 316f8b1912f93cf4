//! EventBridge events as partial facts, alone and merged with what the API says of the same run.

use runledger::model::{JobKind, JobRun, RunState, merge};
use runledger::sources::files::{Defaults, LineError, Reader};

const EVENTS: &str = include_str!("../data/events.json");
const EMR: &str = include_str!("../data/emr_serverless_get_job_run.json");

fn read(text: &str) -> Vec<Result<JobRun, LineError>> {
    Reader::new(text.as_bytes(), "events.json", Defaults::default()).unwrap().collect()
}

fn runs(text: &str) -> Vec<JobRun> {
    read(text).into_iter().map(Result::unwrap).collect()
}

fn emr_event(kind: &str, detail: &str) -> String {
    let arn = "arn:aws:emr-serverless:eu-west-1:111122223333:/applications/a/jobruns/r";
    format!(
        r#"{{"account":"111122223333","region":"eu-west-1","time":"2026-11-10T05:00:00Z",
            "source":"aws.emr-serverless","detail-type":"EMR Serverless {kind}",
            "resources":["{arn}"],"detail":{{"applicationId":"a","jobRunId":"r",{detail}}}}}"#
    )
}

fn utilization(is_final: bool, vcpu_hours: &str) -> JobRun {
    let detail = format!(
        r#""attempt":1,"mode":"STREAMING","resourceUtilizationFinal":{is_final},
           "totalBilledResourceUtilization":{{"vCPUHour":{vcpu_hours},"memoryGBHour":1}}"#
    );
    runs(&emr_event("Job Resource Utilization Update", &detail)).remove(0)
}

#[test]
fn the_documented_events_are_read_as_they_are() {
    let facts = runs(EVENTS);
    let [running, first, second, used, glue] = facts.as_slice() else { panic!("{facts:?}") };

    assert_eq!(running.state, RunState::Running);
    assert_eq!(running.updated_at, Some("2026-11-10T01:01:42.299487Z".parse().unwrap()));
    assert_eq!(running.version.as_deref(), Some("emr-7.9.0"));
    assert_eq!((&running.kind, &running.execution_class, &running.unknown), (&None, &None, &None));

    assert_eq!((first.identity.attempt, second.identity.attempt), (1, 2));
    assert_eq!(first.state, RunState::Failed);
    assert_eq!(first.end(), Some("2026-11-10T01:01:30Z".parse().unwrap()));
    assert!(!second.state.is_terminal());
    assert_eq!(second.created_at, first.ended_at);

    assert_eq!(used.identity.account, "111122223333");
    assert_eq!(used.kind, Some(JobKind::Spark));
    assert_eq!(used.billed.unwrap().vcpu_hours, "0.067".parse().unwrap());
    assert_eq!(used.used.unwrap().memory_gb_hours, "0.114".parse().unwrap());
    assert!(used.billed_is_final());
    assert!(!used.state.is_terminal(), "nobody has told how it ended");

    assert_eq!(glue.job_name.as_deref(), Some("orders-curate"));
    assert_eq!(glue.state, RunState::Succeeded);
    assert_eq!(glue.end(), Some("2026-11-10T03:15:35Z".parse().unwrap()));
    assert_eq!((&glue.ended_at, &glue.error), (&None, &None));
    assert!(!glue.is_settled());
}

#[test]
fn an_interim_utilisation_never_looks_final() {
    let (early, late) = (utilization(false, "1"), utilization(true, "3"));
    assert!(!early.billed_is_final());
    assert_eq!(early.state, RunState::Running);
    let ended = runs(&emr_event(
        "Job Run State Change",
        r#""attempt":1,"state":"SUCCESS","updatedAt":"2026-11-10T05:30:00Z""#,
    ))
    .remove(0);
    assert!(!merge(&early, &ended).billed_is_final());
    for all in [
        merge(&merge(&early, &late), &ended),
        merge(&merge(&late, &ended), &early),
        merge(&merge(&ended, &early), &late),
    ] {
        assert_eq!(all.billed, late.billed);
        assert!(all.billed_is_final());
        assert_eq!(all.state, RunState::Success);
    }
}

#[test]
fn an_end_without_an_attempt_does_not_stand_against_the_attempts_own() {
    let ended = runs(&emr_event(
        "Job Run State Change",
        r#""state":"SUCCESS","createdAt":"2026-11-10T01:00:00Z",
           "updatedAt":"2026-11-10T05:30:00Z""#,
    ))
    .remove(0);
    let retry = runs(&emr_event(
        "Job Run Retry",
        r#""previousAttempt":1,"previousAttemptState":"FAILED",
           "previousAttemptEndedAt":"2026-11-10T02:00:00Z","newAttempt":2"#,
    ))
    .remove(0);
    assert_eq!(ended.identity, retry.identity);
    assert_eq!(merge(&ended, &retry).state, RunState::Failed);
    assert_eq!(merge(&retry, &ended).ended_at, retry.ended_at);
    assert!(!ended.is_settled());
}

#[test]
fn the_api_has_the_last_word() {
    let of_api = runs(EMR).remove(0);
    for fact in runs(EVENTS).iter().filter(|fact| fact.identity == of_api.identity) {
        let both = merge(fact, &of_api);
        assert_eq!((&both.billed, &both.used), (&of_api.billed, &of_api.used));
        assert!(both.billed_is_final());
    }
    let event = r#"{"account":"111122223333","region":"eu-west-1","time":"2026-11-10T05:00:00Z",
        "source":"aws.glue","detail-type":"Glue Job State Change","detail":{"jobName":"j",
        "state":"FAILED","jobRunId":"jr_1","message":"Job run failed"}}"#;
    let fact = runs(event).remove(0);
    assert_eq!(fact.error.as_deref(), Some("Job run failed"));
    let mut asked = JobRun::new(fact.identity.clone(), RunState::Failed);
    asked.updated_at = Some("2026-11-10T04:59:58Z".parse().unwrap());
    asked.error = Some("AnalysisException: no such path".into());
    assert_eq!(merge(&fact, &asked).error, asked.error);
}

#[test]
fn events_of_other_things_hold_no_run_and_foreign_ones_are_told() {
    assert_eq!(runs(&emr_event("Application State Change", r#""state":"STARTED""#)), []);
    let foreign = emr_event("Job Run State Change", r#""state":"SUCCESS""#)
        .replace("aws.emr-serverless", "aws.batch");
    let error = read(&foreign).remove(0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "events.json:1: an event of `aws.batch`, where `aws.glue` or `aws.emr-serverless` was \
         expected"
    );
    let headless =
        emr_event("Job Run Retry", r#""previousAttempt":1,"previousAttemptState":"FAILED""#);
    let error = read(&headless).remove(0).unwrap_err();
    assert_eq!(error.to_string(), "events.json:1: an EventBridge event without `newAttempt`");
}
