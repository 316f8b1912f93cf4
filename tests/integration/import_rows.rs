//! CSV in Runledger's own columns, as other engines' runs come in.

use runledger::model::{Engine, JobRun, RunState};
use runledger::sources::files::{Defaults, LineError, LineErrorReason, Reader};

const HEADER: &str = "account,region,engine,job,run_id,attempt,state,started_at,ended_at,\
                      runtime_seconds,team,cost_usd,basis";

fn read(text: &[u8]) -> Vec<Result<JobRun, LineError>> {
    Reader::new(text, "runs.csv", Defaults::default()).unwrap().collect()
}

#[test]
fn a_row_of_another_engine_brings_its_cost() {
    let text = format!(
        "\u{feff}{HEADER},note\r\n\
         111122223333,eu-west-1,emr-ec2,\"nightly, big\",s-1,2,FAILED,2026-11-10T01:00:00Z,\
         2026-11-10T02:00:00+01:00,3600,orders,12.345678901,imported,\"two\nlines\"\r\n"
    );
    let rows = read(text.as_bytes());
    assert_eq!(rows.len(), 1);
    let run = rows[0].as_ref().unwrap();
    assert_eq!(run.identity.engine, Engine::Other("emr-ec2".into()));
    assert_eq!(run.identity.attempt, 2);
    assert_eq!(run.job_name.as_deref(), Some("nightly, big"));
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.started_at, run.ended_at);
    assert_eq!(run.execution_seconds, Some(3600));
    assert_eq!(run.tags.as_ref().unwrap()["team"], "orders");
    assert_eq!(run.imported_cost.unwrap().to_string(), "12.345678901");
}

#[test]
fn a_cost_that_runledger_computed_is_computed_anew() {
    let cost = |engine: &str, basis: &str| {
        let text = format!("{HEADER}\n1,r,{engine},j,id,1,SUCCEEDED,,,,Unallocated,0.66,{basis}\n");
        let run = read(text.as_bytes()).remove(0).unwrap();
        assert_eq!(run.tags, None);
        run.imported_cost.map(|cost| cost.to_string())
    };
    assert_eq!(cost("glue", "metered"), None);
    assert_eq!(cost("emr-serverless", "billed"), None);
    assert_eq!(cost("glue", "imported").as_deref(), Some("0.66"));
    assert_eq!(cost("databricks", "").as_deref(), Some("0.66"));
}

#[test]
fn columns_are_found_by_name_and_bad_rows_are_told() {
    let text = b"run_id,state,engine,cost_usd,account,region\n\
        a,SUCCESS,x,1,1,r\n\
        b,SUCCESS,x,1\n\
        ,SUCCESS,x,1,1,r\n\
        d,SUCCESS,x,-1,1,r\n\
        \xff,SUCCESS,x,1,1,r\n\
        f,SUCCESS,x,NaN,1,r\n\
        g,SUCCESS,x,,1,r\n\
        h,SUCCESS,x,,,r\n";
    let (mut ids, mut errors) = (Vec::new(), Vec::new());
    for row in read(text) {
        match row {
            Ok(run) => ids.push(run.identity.run_id),
            Err(error) => errors.push(error.to_string()),
        }
    }
    assert_eq!(ids, ["a", "g"]);
    let dollars = "US dollars of zero or more with at most nine decimals, as 0.66";
    assert_eq!(
        errors,
        [
            "runs.csv:3: the row has 4 columns, and the header has 6".to_owned(),
            "runs.csv:4: a row without `run_id`".to_owned(),
            format!("runs.csv:5: `cost_usd` should be {dollars}, and is -1"),
            "runs.csv:6: not UTF-8 in column 1".to_owned(),
            format!("runs.csv:7: `cost_usd` should be {dollars}, and is NaN"),
            "runs.csv:9: the account is not known: the record does not name it, and no default \
             is given"
                .to_owned(),
        ]
    );
}

#[test]
fn a_header_without_the_columns_of_a_run_is_refused() {
    let refused = |header: &str| {
        Reader::new(header.as_bytes(), "runs.csv", Defaults::default()).err().unwrap()
    };
    let error = refused("account,run_id,state\n1,2,3\n");
    assert!(matches!(error.reason, LineErrorReason::Convert(_)));
    assert_eq!(error.to_string(), "runs.csv:1: a header without `engine`");
}
