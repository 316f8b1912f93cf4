//! Import files of every form, good and bad, read through the public reader.

use runledger::model::{Engine, ExecutionClass, JobKind, JobRun, RunState};
use runledger::sources::files::{Defaults, LineError, LineErrorReason, Reader};

const RUNS: &str = include_str!("../data/glue_get_job_runs.json");
const RUN: &str = include_str!("../data/glue_get_job_run.json");
const EMR: &str = include_str!("../data/emr_serverless_get_job_run.json");

fn here() -> Defaults {
    Defaults { account: Some("111122223333".into()), region: Some("eu-west-1".into()) }
}

fn read(bytes: &[u8]) -> Vec<Result<JobRun, LineError>> {
    Reader::new(bytes, "runs.json", here()).unwrap().collect()
}

fn runs(text: &str) -> Vec<JobRun> {
    read(text.as_bytes()).into_iter().map(Result::unwrap).collect()
}

/// Ids of the runs that were read, and the errors as a person sees them.
fn told(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (runs, errors): (Vec<_>, Vec<_>) = read(bytes).into_iter().partition(Result::is_ok);
    (
        runs.into_iter().map(|run| run.unwrap().identity.run_id).collect(),
        errors.into_iter().map(|error| error.unwrap_err().to_string()).collect(),
    )
}

fn line(id: &str) -> String {
    format!(r#"{{"Id":"{id}","JobRunState":"SUCCEEDED"}}"#)
}

#[test]
fn the_cli_examples_are_read_as_they_are() {
    let all = runs(RUNS);
    assert_eq!(all.len(), 3);
    let retry = &all[1];
    assert_eq!(retry.identity.engine, Engine::Glue);
    assert_eq!(retry.identity.account, "111122223333");
    assert_eq!(retry.identity.attempt, 1);
    assert!(retry.identity.run_id.ends_with("_attempt_2"));
    assert!(retry.previous_run_id.as_ref().unwrap().ends_with("_attempt_1"));
    assert_eq!(retry.job_name.as_deref(), Some("my-testing-job"));
    assert_eq!(retry.state, RunState::Failed);
    assert_eq!(retry.started_at, Some("2020-10-16T01:19:28.496Z".parse().unwrap()));
    assert_eq!(retry.ended_at, Some("2020-10-16T01:21:22.39Z".parse().unwrap()));
    assert_eq!(retry.execution_seconds, Some(110));
    assert_eq!(retry.timeout_minutes, Some(2880));
    assert_eq!(retry.max_capacity, Some("10.0".parse().unwrap()));
    assert_eq!(retry.worker_count, Some(10));
    assert_eq!(retry.version.as_deref(), Some("2.0"));
    assert_eq!(retry.execution_class, None);
    assert!(retry.error.as_ref().unwrap().contains("Access Denied"));
    assert_eq!(retry.unknown, None);

    assert_eq!(runs(RUN)[0].job_name.as_deref(), Some("Combine legistators data"));
}

#[test]
fn emr_serverless_runs_say_where_they_ran() {
    let all: Vec<_> = Reader::new(EMR.as_bytes(), "-", Defaults::default())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let [good, retried] = all.as_slice() else { panic!("two runs") };
    assert_eq!(good.identity.account, "111122223333");
    assert_eq!(good.identity.region, "eu-west-1");
    assert_eq!(good.identity.application_id.as_deref(), Some("00f7k2b9qd3m1x0p"));
    assert_eq!(good.kind, Some(JobKind::Spark));
    assert_eq!(good.execution_class, Some(ExecutionClass::Standard));
    assert_eq!(good.ended_at, Some("2026-11-10T01:09:28.9Z".parse().unwrap()));
    assert_eq!(good.billed.unwrap().vcpu_hours, "1.267".parse().unwrap());
    assert_eq!(good.used.unwrap().storage_gb_hours, "6.02".parse().unwrap());
    assert_eq!(good.tags.as_ref().unwrap()["cost-center"], "CC-204");
    assert_eq!(good.error, None);
    assert!(good.is_settled());

    assert_eq!(retried.identity.attempt, 2);
    assert_eq!(retried.billed, None);
    assert!(retried.error.as_ref().unwrap().contains("OutOfMemoryError"));
    assert!(!retried.is_settled());
}

#[test]
fn documents_may_stand_one_behind_the_other_in_any_form() {
    let minified: serde_json::Value = serde_json::from_str(RUNS).unwrap();
    let lines: String =
        minified["JobRuns"].as_array().unwrap().iter().map(|run| format!("{run}\r\n")).collect();
    let text = format!("\u{feff}{RUNS}{RUN}\n\n{EMR}[[{minified}], []]\n{lines}{RUN}");
    let all = runs(&text);
    assert_eq!(all.len(), 3 + 1 + 2 + 3 + 3 + 1);
    assert_eq!(all[..3], all[6..9]);
    assert_eq!(all[..3], all[9..12]);
}

#[test]
fn the_three_forms_of_time_mean_the_same() {
    let run = |time: &str| {
        let text = format!(r#"{{"Id":"a","JobRunState":"RUNNING","StartedOn":{time}}}"#);
        runs(&text)[0].started_at.unwrap()
    };
    let expected = "2020-10-16T18:45:31.255Z".parse::<jiff::Timestamp>().unwrap();
    for time in [
        "1602873931.255",
        "1.602873931255E9",
        "1602873931255",
        "\"1602873931.255\"",
        "\"2020-10-16T18:45:31.255Z\"",
        "\"2020-10-16T20:45:31.255000+02:00\"",
        "\"2020-10-16 14:45:31.255-0400\"",
    ] {
        assert_eq!(run(time), expected, "{time}");
    }
}

#[test]
fn a_broken_line_costs_no_other() {
    let whole = line("cut-me");
    for cut in 1..whole.len() {
        let text = format!("{}\n{}\n{}\n{}", line("a"), &whole[..cut], line("b"), line("c"));
        let (ids, errors) = told(text.as_bytes());
        assert_eq!(ids, ["a", "b", "c"], "cut at {cut}: {errors:?}");
        assert_eq!(errors.len(), 1, "cut at {cut}");
        assert!(errors[0].starts_with("runs.json:2: not "), "{}", errors[0]);
    }
}

#[test]
fn a_broken_document_is_told_once() {
    let broken = RUNS.replace("\"Attempt\": 2", "\"Attempt\": NaN");
    let cut = &RUNS[..RUNS.len() / 2];
    let before = RUN.lines().count() + broken.lines().take_while(|l| !l.contains("NaN")).count();
    let not_json = format!("not JSON: expected value (line {}, ", before + 1);
    for (document, reason) in [(broken.as_str(), not_json.as_str()), (cut, "not a JSON object: ")] {
        let text = format!("{RUN}\n{document}\n{RUN}\n{}\n", line("a"));
        let (ids, errors) = told(text.as_bytes());
        assert_eq!(ids.len(), 3, "{errors:?}");
        assert_eq!(errors.len(), 1, "{errors:?}");
        let first_line = 1 + RUN.lines().count();
        assert!(errors[0].starts_with(&format!("runs.json:{first_line}: ")), "{errors:?}");
        assert!(errors[0].contains(reason), "{errors:?}");
    }
}

#[test]
fn a_run_without_a_place_is_told_apart() {
    let read = |defaults| Reader::new(RUN.as_bytes(), "-", defaults).unwrap().next().unwrap();
    let error = read(Defaults { region: Some("eu-west-1".into()), ..Defaults::default() });
    let reason = error.unwrap_err().reason;
    assert!(matches!(reason, LineErrorReason::MissingPlace("account")), "{reason:?}");
    let error = read(Defaults { account: Some("111122223333".into()), ..Defaults::default() });
    let reason = error.unwrap_err().reason;
    assert!(matches!(reason, LineErrorReason::MissingPlace("region")), "{reason:?}");
}
