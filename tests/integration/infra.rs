//! The infrastructure and the image, by software that others wrote: lints of CloudFormation, moto's
//! CloudFormation, and buildah. What is checked stands in `tests/infra` and `tests/container.sh`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::harness::{Sandbox, beside_tests, moto_url, python_of, table_readers, told};

fn repository() -> &'static OsStr {
    OsStr::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a script of `tests/infra` with the Python of `tests/run.sh`, and shows what it printed.
fn script(name: &str, arguments: &[&OsStr]) {
    let Some(python) = table_readers() else { return };
    let script = beside_tests("infra").join(name);
    told(python_of(&python, &script, arguments).trim_end());
}

/// Every call that a command can make is allowed by the role of its task, and nothing else is.
#[test]
fn roles_allow_what_the_code_calls_and_nothing_else() {
    script("permissions.py", &[repository()]);
}

/// What reads the sources notices a call that is added, wherever it is made.
#[test]
fn a_call_is_found_wherever_it_is_made() {
    script("calls_noticed.py", &[repository()]);
}

#[test]
fn templates_are_clean_but_for_what_is_reasoned() {
    script("lints.py", &[repository()]);
}

#[test]
fn the_template_can_be_deployed_updated_and_deleted() {
    let Some(url) = moto_url() else { return };
    script("deploy.py", &[repository(), OsStr::new(&url)]);
}

fn infra(file: &str) -> String {
    let path = Path::new(repository()).join("infra").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What lies between two texts that are both there once.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no `{begin}`"));
    rest.split_once(end).unwrap_or_else(|| panic!("no `{end}` after `{begin}`")).0
}

#[test]
fn the_template_has_the_entries_of_the_schedules_that_ship() {
    let rendered = Sandbox::new().run(&["schedule", "render"]).exits(0).stdout;
    let template = infra("runledger.yaml");
    let entries = between(&template, "  # schedules: begin\n", "  # schedules: end\n");
    assert!(rendered.contains("WeeklyReportSchedule:"), "{rendered}");
    assert_eq!(entries, rendered, "put what `schedule render` prints between the two comments");
}

/// The alarm for missing reports waits for words of `schedule run`; the tests of schedules show
/// that they are only said where all that was due is done.
#[test]
fn the_alarm_waits_for_the_very_words_of_schedule_run() {
    let template = infra("runledger.yaml");
    let filter = between(&template, "  ReportConfirmed:\n", "\n\n");
    let words = between(filter, "FilterPattern: '\"", "\"'");
    let sunday = ["--now", "2026-11-15T12:00:00Z", "schedule", "run", "weekly-report"];
    let said = Sandbox::new().run(&sunday).exits(0).stderr;
    assert!(said.contains(words), "`{words}` is not in `{said}`");
    let alarm = between(&template, "  NoReportAlarm:\n", "\n\n");
    let metric = between(filter, "MetricName: ", "\n");
    for line in [format!("MetricName: {metric}\n"), "TreatMissingData: breaching\n".to_owned()] {
        assert!(alarm.contains(&line), "no `{line}` in {alarm}");
    }
}

/// An alarm names its part of the runbook, which says what to do; and nothing else is promised.
/// What a job said of its failure is told on stdout, which is in the same log; only what Runledger
/// itself calls an error is one.
#[test]
fn the_alarm_for_errors_hears_those_of_runledger_alone() {
    let template = infra("runledger.yaml");
    let filter = between(&template, "  LogErrors:\n", "\n\n");
    assert!(filter.contains("FilterPattern: '{ $.level = \"ERROR\" }'"), "{filter}");
    let is_heard = |line: &str| {
        let event = serde_json::from_str::<serde_json::Value>(line);
        event.is_ok_and(|event| event["level"] == "ERROR")
    };
    let sandbox = Sandbox::new();
    let run = serde_json::json!({
        "Id": "jr_1", "JobName": "load", "JobRunState": "FAILED", "ExecutionTime": 900,
        "StartedOn": "2026-11-16T05:00:00Z", "CompletedOn": "2026-11-16T05:15:00Z",
        "LastModifiedOn": "2026-11-16T05:15:00Z", "GlueVersion": "5.0", "WorkerType": "G.1X",
        "NumberOfWorkers": 2, "ErrorMessage": "Command failed with error: exit code 10",
    });
    sandbox.write("runs.jsonl", run.to_string());
    let import = ["import", "runs.jsonl", "--account", "111122223333", "--region", "eu-west-1"];
    sandbox.run(&import).exits(0);
    let told = sandbox.run(&["--now", "2026-11-16T06:00:00Z", "alerts"]).exits(0);
    assert!(told.stdout.contains("failed with error: exit code 10"), "{}", told.stdout);
    assert!(!told.stdout.lines().chain(told.log.lines()).any(is_heard), "{}", told.log);
    let failed = sandbox.run(&["--now", "2026-11-16T06:00:00Z", "report", "nobodys", "--send"]);
    assert!(failed.log.lines().any(is_heard), "{}", failed.log);
}

#[test]
fn the_runbook_has_every_alarm_and_no_other() {
    let (template, guide) = (infra("runledger.yaml"), infra("README.md"));
    let of_alarms: Vec<&str> = template
        .split("    Type: AWS::CloudWatch::Alarm\n")
        .skip(1)
        .map(|alarm| between(alarm, "AlarmName: !Sub \"${AWS::StackName}-", "\""))
        .collect();
    assert!(of_alarms.len() > 5, "{of_alarms:?}");
    let runbook = between(&guide, "\n## Runbook\n", "\n## ");
    let mut of_runbook: Vec<&str> =
        runbook.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    // What EventBridge tells is no alarm.
    of_runbook.retain(|heading| *heading != "A task ended with another code than 0");
    assert_eq!(of_runbook, of_alarms);
    for alarm in &of_alarms {
        assert!(template.contains(&format!("Runbook \"{alarm}\".")), "{alarm} names no runbook");
        assert!(template.contains(&format!(":alarm:${{AWS::StackName}}-{alarm}\"")), "{alarm}");
    }
}

/// In the image, as the README's path from a clone to a mail has it.
#[test]
fn the_image_is_built_and_walks_the_path_of_the_readme() {
    let script = beside_tests("container.sh");
    let binary = Path::new(env!("CARGO_BIN_EXE_runledger"));
    let output = Command::new("bash").arg(&script).arg(binary).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stdout));
    told(said.trim_end());
}
