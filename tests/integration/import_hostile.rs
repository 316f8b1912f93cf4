//! Import files that mean harm, or come from a program that does not know better.

use std::fmt::Write as _;
use std::io::{self, BufReader, Read};

use jiff::Timestamp;
use proptest::prelude::*;
use runledger::model::JobRun;
use runledger::sources::files::{Defaults, LineError, LineErrorReason, Reader};
use runledger::sources::glue_convert::GlueRun;
use rust_decimal::Decimal;

fn here() -> Defaults {
    Defaults { account: Some("111122223333".into()), region: Some("eu-west-1".into()) }
}

fn read(bytes: &[u8]) -> Vec<Result<JobRun, LineError>> {
    Reader::new(bytes, "runs.json", here()).unwrap().collect()
}

fn ids(bytes: &[u8]) -> Vec<String> {
    read(bytes).into_iter().flatten().map(|run| run.identity.run_id).collect()
}

/// The run of one Glue record with these members, or what is said of it.
fn glue(members: &str) -> Result<JobRun, String> {
    let text = format!(
        "{{\"Id\":\"a\",\"JobRunState\":\"FAILED\",{members}}}\n{{\"Id\":\"b\",\
                        \"JobRunState\":\"FAILED\"}}"
    );
    let mut all = read(text.as_bytes());
    assert_eq!(all.len(), 2, "{members}");
    assert_eq!(all.pop().unwrap().unwrap().identity.run_id, "b", "the next record is read");
    all.remove(0).map_err(|error| error.to_string())
}

#[test]
fn numbers_that_cannot_be_are_told() {
    for (members, reason) in [
        ("\"DPUSeconds\":NaN", "not JSON: expected value (line 1, column 47)"),
        ("\"DPUSeconds\":\"NaN\"", "`DPUSeconds` should be a number of zero or more"),
        ("\"DPUSeconds\":-1", "`DPUSeconds` should be a number of zero or more"),
        ("\"DPUSeconds\":1e400", "`DPUSeconds` should be a number of zero or more"),
        ("\"DPUSeconds\":{}", "`DPUSeconds` should be a number of zero or more"),
        ("\"MaxCapacity\":99999999999999999999999999999999", "`MaxCapacity` should be a number"),
        ("\"ExecutionTime\":99999999999999999999", "`ExecutionTime` should be a whole number"),
        ("\"NumberOfWorkers\":4294967297", "`NumberOfWorkers` should be a whole number"),
        ("\"StartedOn\":1e18", "`StartedOn` should be a time"),
        ("\"StartedOn\":\"2026-11-10T02:00:00\"", "`StartedOn` should be a time"),
        ("\"JobName\":[\"x\"]", "`JobName` should be text"),
        ("\"DPUSeconds\":1,\"DPUSeconds\":2", "`DPUSeconds` is there twice"),
        ("\"Id\":\"c\"", "`Id` is there twice"),
    ] {
        let error = glue(members).unwrap_err();
        assert!(error.starts_with(&format!("runs.json:1: {reason}")), "{error}");
    }
}

#[test]
fn null_is_not_known() {
    let run = glue(
        "\"JobName\":null,\"StartedOn\":null,\"DPUSeconds\":null,\"ExecutionTime\":null,\
         \"ErrorMessage\":\"\",\"WorkerType\":null",
    )
    .unwrap();
    assert_eq!(run.job_name, None);
    assert_eq!((run.started_at, run.dpu_seconds, run.execution_seconds), (None, None, None));
    assert_eq!((run.error, run.worker_type, run.unknown), (None, None, None));
}

#[test]
fn records_without_an_identity_are_told() {
    for (text, reason) in [
        (r#"{"JobRunState":"FAILED"}"#, "a Glue job run without `Id`"),
        (r#"{"Id":"","JobRunState":"FAILED"}"#, "a Glue job run without `Id`"),
        (r#"{"Id":"a"}"#, "a Glue job run without `JobRunState`"),
        (r#"{"JobRun":{}}"#, "a Glue job run without `Id`"),
        (r#"{"jobRun":{"jobRunId":"a"}}"#, "an EMR Serverless job run without `applicationId`"),
        (r#"{"JobRuns":[7]}"#, "not JSON: invalid type: integer `7`, expected a JSON object"),
        (r#"{"JobRuns":7}"#, "not JSON: invalid type: integer `7`, expected a sequence"),
        (r#"{"name":"x"}"#, "not a job run: expected a Glue `JobRun`"),
        (r#"{"JobRun":null}"#, "not a job run: expected a Glue `JobRun`"),
        (r#"{"jobRuns":[]}"#, "a list of EMR Serverless runs, which leaves out what they used"),
        ("{}", "not a job run: expected a Glue `JobRun`"),
        ("\u{0}", "expected a JSON object, and found `\u{fffd}`"),
    ] {
        let all = read(text.as_bytes());
        assert_eq!(all.len(), 1, "{text}");
        let error = all[0].as_ref().unwrap_err().to_string();
        assert!(error.starts_with(&format!("runs.json:1: {reason}")), "{error}");
    }
}

#[test]
fn unknown_words_and_members_are_kept_and_arguments_are_not() {
    let run = glue(
        "\"WorkerType\":\"Q.99X\",\"GlueVersion\":7.5,\"ExecutionClass\":\"TURBO\",\
         \"Colour\":{\"a\": [1, null]},\"Arguments\":{\"--password\":\"hunter2\"},\
         \"DefaultArguments\":{\"--key\":\"hunter2\"},\"Attempt\":3,\"PredecessorRuns\":[]",
    )
    .unwrap();
    assert_eq!(run.worker_type.as_deref(), Some("Q.99X"));
    assert_eq!(run.version.as_deref(), Some("7.5"));
    assert_eq!(run.execution_class.as_ref().unwrap().as_str(), "TURBO");
    assert_eq!(run.identity.attempt, 1);
    let unknown = run.unknown.clone().unwrap();
    assert_eq!(
        unknown.into_iter().collect::<Vec<_>>(),
        [("Colour".to_owned(), "{\"a\": [1, null]}".to_owned())]
    );
    assert!(!format!("{run:?}").contains("hunter2"));
}

#[test]
fn a_line_of_ten_megabytes_is_one_record() {
    let huge = "é".repeat(5 << 20);
    let run = glue(&format!("\"ErrorMessage\":\"{huge}\",\"Colour\":\"{huge}\"")).unwrap();
    assert_eq!(run.error.unwrap(), "é".repeat(4_000));
    assert_eq!(run.unknown, None);
    let error = glue(&format!("\"JobName\":\"{huge}\"")).unwrap_err();
    assert_eq!(error, "runs.json:1: `JobName` is longer than 1024 bytes");
}

#[test]
fn brackets_without_end_cost_little_and_end_well() {
    let good = "{\"Id\":\"a\",\"JobRunState\":\"FAILED\"}\n";
    for bracket in ["[", "{", "{\"a\":[", "{\"a\":{", "[\n", "{\"a\":\n", "{\"a\":[\n", "}]\n"] {
        let text = format!("{}\n{good}{good}", bracket.repeat(20_000));
        assert_eq!(ids(text.as_bytes()), ["a", "a"], "{bracket}");
    }
    let nested = format!("\"Colour\":{}1{}", "[".repeat(200), "]".repeat(200));
    assert!(glue(&nested).unwrap_err().contains("nested more than 128 deep"));
}

#[test]
fn bytes_that_are_no_text_cost_their_own_record() {
    let text = b"{\"Id\":\"a\",\"JobRunState\":\"FAILED\"}\n{\"Id\":\"\xff\xfe\"}\n\
                 {\"Id\":\"b\",\"JobRunState\":\"FAILED\"}\n";
    assert_eq!(ids(text), ["a", "b"]);
    let error = read(text)[1].as_ref().unwrap_err().to_string();
    assert_eq!(error, "runs.json:2: not UTF-8 at byte 8 of the record");

    let windows = Reader::new(&b"\xff\xfe{\0"[..], "runs.json", here()).err().unwrap();
    assert_eq!(windows.to_string(), "runs.json:1: the file is UTF-16: save it as UTF-8");
}

#[test]
fn a_file_that_cannot_be_read_to_its_end_is_told_once() {
    struct Breaks;
    impl Read for Breaks {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let good = &b"{\"Id\":\"a\",\"JobRunState\":\"FAILED\"}\n{\"Id\":"[..];
    let input = BufReader::new(good.chain(Breaks));
    let all: Vec<_> = Reader::new(input, "-", here()).unwrap().collect();
    assert_eq!(all.len(), 2);
    let error = all[1].as_ref().unwrap_err();
    assert!(matches!(error.reason, LineErrorReason::Io(_)));
    assert_eq!(error.to_string(), "-:2: cannot be read: the disk is gone");
}

/// Text in every alphabet, escapes and quotes included.
fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[^\u{0}]{1,20}")
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    let nanos = 946_684_800_000_000_i128..4_102_444_800_000_000;
    prop::option::of(nanos.prop_map(|us| Timestamp::from_nanosecond(us * 1_000).unwrap()))
}

fn number() -> impl Strategy<Value = Option<Decimal>> {
    let digits = 0_i64..1_000_000_000_000_000;
    prop::option::of((digits, 0_u32..12).prop_map(|(digits, scale)| Decimal::new(digits, scale)))
}

prop_compose! {
    fn record()(
        id in "[ -~]{1,40}", state in "[A-Z]{1,10}", previous in text(), job in text(),
        times in (time(), time(), time()), error in text(),
        seconds in prop::option::of(any::<u64>()),
        numbers in (number(), number()), workers in prop::option::of(any::<u32>()),
        words in (text(), text(), text(), text()),
    ) -> GlueRun {
        GlueRun {
            id: Some(id),
            job_run_state: Some(state),
            previous_run_id: previous,
            job_name: job,
            started_on: times.0,
            last_modified_on: times.1,
            completed_on: times.2,
            error_message: error,
            execution_time_seconds: seconds,
            timeout_minutes: seconds.map(|seconds| seconds / 60),
            max_capacity: numbers.0,
            dpu_seconds: numbers.1,
            number_of_workers: workers,
            worker_type: words.0,
            glue_version: words.1,
            execution_class: words.2,
            trigger_name: words.3,
            ..GlueRun::default()
        }
    }
}

/// Prints a record as AWS's tools would, with its times in one of their forms.
fn print(run: &GlueRun, form: usize, between: &str) -> String {
    let mut members = Vec::new();
    let quoted = |text: &String| serde_json::to_string(text).unwrap();
    for (name, text) in [
        ("Id", &run.id),
        ("JobRunState", &run.job_run_state),
        ("PreviousRunId", &run.previous_run_id),
        ("JobName", &run.job_name),
        ("ErrorMessage", &run.error_message),
        ("WorkerType", &run.worker_type),
        ("GlueVersion", &run.glue_version),
        ("ExecutionClass", &run.execution_class),
        ("TriggerName", &run.trigger_name),
    ] {
        members.push((name, text.as_ref().map_or("null".to_owned(), quoted)));
    }
    for (name, time) in [
        ("StartedOn", run.started_on),
        ("LastModifiedOn", run.last_modified_on),
        ("CompletedOn", run.completed_on),
    ] {
        let printed = |time: Timestamp| match form {
            0 => format!("\"{time}\""),
            1 => Decimal::new(time.as_microsecond(), 6).to_string(),
            _ => Decimal::new(time.as_microsecond(), 3).to_string(),
        };
        members.extend(time.map(|time| (name, printed(time))));
    }
    members.extend(run.max_capacity.map(|number| ("MaxCapacity", number.to_string())));
    members.extend(run.dpu_seconds.map(|number| ("DPUSeconds", number.to_string())));
    members.extend(run.number_of_workers.map(|count| ("NumberOfWorkers", count.to_string())));
    members.extend(run.execution_time_seconds.map(|count| ("ExecutionTime", count.to_string())));
    members.extend(run.timeout_minutes.map(|count| ("Timeout", count.to_string())));
    let mut json = String::from("{");
    for (at, (name, value)) in members.into_iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(json, "{comma}{between}\"{name}\":{between}{value}").unwrap();
    }
    json + between + "}"
}

proptest! {
    #[test]
    fn any_record_survives_being_printed_and_read(
        records in prop::collection::vec(record(), 1..5),
        form in 0_usize..3,
        layout in 0_usize..4,
    ) {
        let between = if layout % 2 == 0 { "" } else { "\n  " };
        let printed: Vec<_> = records.iter().map(|run| print(run, form, between)).collect();
        let text = match layout {
            0 | 1 => printed.join("\n"),
            2 => format!("[{}]", printed.join(",")),
            _ => format!("{{\"JobRuns\": [{}]}}", printed.join(",\n")),
        };
        let read: Vec<_> = read(text.as_bytes()).into_iter().map(|run| run.unwrap()).collect();
        let expected: Vec<_> = records
            .into_iter()
            .map(|run| run.into_run("111122223333", "eu-west-1").unwrap())
            .collect();
        prop_assert_eq!(read, expected);
    }

    /// Whatever one line holds, the lines around it are read.
    #[test]
    fn no_line_costs_another(line in "[\\[\\]{}\":,a\\\\\t 0]{0,16}", tail in prop::num::u8::ANY) {
        let good = |id: &str| format!("{{\"Id\":\"{id}\",\"JobRunState\":\"FAILED\"}}\n");
        let mut bytes = good("before").into_bytes();
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(tail);
        bytes.push(b'\n');
        bytes.extend_from_slice((good("after") + &good("last")).as_bytes());
        prop_assert_eq!(ids(&bytes), ["before", "after", "last"]);
    }
}
