//! Later facts about closed months: each is booked once, in the next month that is open.

use serde_json::Value;

use super::{close, company, glue_run, import, json};
use crate::harness::Sandbox;

const NOW: &str = "2026-11-06T00:00:00Z";
const LATER: &str = "2026-12-02T00:00:00Z";
/// When no run of October is kept any more.
const MUCH_LATER: &str = "2027-05-01T00:00:00Z";

fn corrections(month: &Value) -> Vec<(String, String)> {
    let rows = month["jobs"].as_array().unwrap().iter();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.map(|row| (text(row, "job"), text(row, "correction_usd")))
        .filter(|(_, usd)| usd != "0.00")
        .collect()
}

fn pair(job: &str, usd: &str) -> (String, String) {
    (job.to_owned(), usd.to_owned())
}

/// Doubles every rate, and gives what was nobody's to a team.
fn change_rates_and_owners(sandbox: &Sandbox) {
    let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let more = "[[ownership.rules]]\njob = '^stray'\nteam = 'finders'\n\
                [[pricing.rates]]\nengine = 'glue'\ncomponent = 'DPU'\nkinds = ['spark']\n\
                execution_class = 'STANDARD'\nfrom_version = '2.0'\nsource = 'agreement'\n\
                as_of = '2026-01'\nusd = { us-east-1 = '0.88' }\n";
    sandbox.write("runledger.toml", config + more);
}

#[test]
fn a_late_run_and_a_changed_run_are_booked_in_the_next_month_at_frozen_rates() {
    let sandbox = company();
    close(&sandbox, NOW, "2026-10").exits(0);
    change_rates_and_owners(&sandbox);
    let runs = [
        glue_run("jr_7", "orders-late", "2026-10-11T10:00:00Z", "2026-10-11T12:00:00Z"),
        // It took an hour longer than was known.
        glue_run("jr_4", "stray", "2026-10-20T10:00:00Z", "2026-10-20T12:00:00Z"),
        glue_run("jr_8", "claims-load", "2026-11-03T10:00:00Z", "2026-11-03T11:00:00Z"),
    ];
    import(&sandbox, LATER, &runs);
    let november = json(&sandbox, LATER, "2026-11");
    // The late run has the owner of today, the known one the owner it was closed with.
    assert_eq!(corrections(&november), [pair("stray", "2.64"), pair("orders-late", "5.28")]);
    assert_eq!(november["correction_usd"], "7.92");
    let stray = |row: &&Value| row["job"] == "stray";
    let jobs = november["jobs"].as_array().unwrap();
    assert_eq!(jobs.iter().find(stray).unwrap()["team"], "Unallocated");
    // November's own use has the new rate: one hour of jr_2 after midnight, and one of jr_8.
    assert_eq!(november["own_usd"], "10.56");
    assert_eq!(november["total_usd"], "18.48");
    // What is booked is told of a run, whatever it comes to today.
    let explained = |run: &str| {
        let arguments = ["--now", LATER, "explain", run, "--format", "json"];
        sandbox.run(&arguments).exits(0).json()[0]["booked"].to_string()
    };
    let booked = explained("jr_1");
    assert!(booked.contains("2026-10, closed at 2026-11-06T00:00:00Z, booked $5.28"), "{booked}");
    assert!(booked.contains("to orders (100)"), "{booked}");
    let late = explained("jr_7");
    assert!(late.contains("2026-10, closed at 2026-11-06T00:00:00Z, booked nothing"), "{late}");
    assert_eq!(explained("jr_8"), "[]");
    // In no other month.
    assert_eq!(json(&sandbox, LATER, "2026-12")["correction_usd"], "0.00");

    close(&sandbox, LATER, "2026-11").exits(0);
    assert_eq!(json(&sandbox, LATER, "2026-12")["correction_usd"], "0.00", "booked once");
    // What becomes known after that is booked after that: an hour less, and only the difference.
    let less = glue_run("jr_7", "orders-late", "2026-10-11T10:00:00Z", "2026-10-11T11:00:00Z")
        .replace("\"LastModifiedOn\":\"2026-10-11T11", "\"LastModifiedOn\":\"2026-10-12T11");
    import(&sandbox, LATER, &[less]);
    let december = json(&sandbox, LATER, "2026-12");
    assert_eq!(corrections(&december), [pair("orders-late", "-2.64")]);
}

/// A run of a closed month that had no rate is said to have none until one is known, and is booked
/// then: one hour of six DPUs at 0.50.
#[test]
fn a_run_without_a_rate_at_closing_is_booked_when_there_is_one() {
    let sandbox = company();
    close(&sandbox, NOW, "2026-10").exits(0);
    let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let far = "account = '111122223333'\nregion = 'sa-east-1'\n";
    sandbox.write("far.toml", format!("{far}{config}"));
    let far = glue_run("jr_10", "orders-far", "2026-10-13T10:00:00Z", "2026-10-13T11:00:00Z");
    sandbox.write("far.jsonl", far.replace("\"5.0\"", "\"6.0\""));
    sandbox.run(&["--config", "far.toml", "--now", LATER, "import", "far.jsonl"]).exits(0);
    let november = json(&sandbox, LATER, "2026-11");
    let warned = november["warnings"].to_string();
    assert!(warned.contains("1 run of 2026-10, which is closed, without a price"), "{warned}");
    let before = corrections(&november);
    let rate = "[[pricing.rates]]\nengine = 'glue'\ncomponent = 'DPU'\nkinds = ['spark']\n\
                execution_class = 'STANDARD'\nfrom_version = '6.0'\nsource = 'agreement'\n\
                as_of = '2026-01'\nusd = { sa-east-1 = '0.50' }\n";
    sandbox.write("runledger.toml", config + rate);
    let november = json(&sandbox, LATER, "2026-11");
    assert!(!november["warnings"].to_string().contains("which is closed"), "{november}");
    let now = corrections(&november);
    assert_eq!(now.len(), before.len() + 1);
    assert!(now.contains(&pair("orders-far", "3.00")), "{now:?}");
}

#[test]
fn expired_runs_are_no_correction_and_runs_too_old_to_store_are_one() {
    let sandbox = company();
    close(&sandbox, NOW, "2026-10").exits(0);
    let november = json(&sandbox, MUCH_LATER, "2026-11");
    assert_eq!(november["correction_usd"], "0.00", "expired is not gone");

    let late = [
        glue_run("jr_7", "orders-late", "2026-10-11T10:00:00Z", "2026-10-11T12:00:00Z"),
        // Booked as it is: nothing new.
        glue_run("jr_4", "stray", "2026-10-20T10:00:00Z", "2026-10-20T11:00:00Z"),
        // Of a month that is not closed.
        glue_run("jr_6", "orders-early", "2026-08-11T10:00:00Z", "2026-08-11T12:00:00Z"),
    ];
    let told = import(&sandbox, MUCH_LATER, &late).stderr;
    assert!(told.contains("3 past their retention, not stored (2 kept"), "{told}");
    let november = json(&sandbox, MUCH_LATER, "2026-11");
    assert_eq!(corrections(&november), [pair("orders-late", "5.28")]);

    close(&sandbox, MUCH_LATER, "2026-11").exits(0);
    assert_eq!(json(&sandbox, MUCH_LATER, "2026-12")["correction_usd"], "0.00", "booked once");
    let more = glue_run("jr_7", "orders-late", "2026-10-11T10:00:00Z", "2026-10-11T13:00:00Z");
    import(&sandbox, MUCH_LATER, &[more]);
    let december = json(&sandbox, MUCH_LATER, "2026-12");
    assert_eq!(corrections(&december), [pair("orders-late", "2.64")]);
    // The term of a late run is the retention, from when it came.
    let gone = json(&sandbox, "2027-09-09T00:00:00Z", "2026-12");
    assert_eq!(gone["correction_usd"], "0.00");
}

/// An EMR Serverless run whose billed resources come after the month was closed.
#[test]
fn a_run_billed_late_is_booked_late() {
    let sandbox = company();
    let run = |billed: &str| {
        format!(
            r#"{{"applicationId":"app","jobRunId":"r","name":"claims-emr","arn":"arn:aws:emr-serverless:us-east-1:111122223333:/applications/app/jobruns/r","state":"SUCCESS","startedAt":"2026-10-31T22:00:00Z","endedAt":"2026-11-01T02:00:00Z","updatedAt":"2026-11-01T02:00:00Z"{billed}}}"#
        )
    };
    import(&sandbox, NOW, &[run("")]);
    assert_eq!(json(&sandbox, NOW, "2026-10")["counts"]["unpriced_runs"], 1);
    close(&sandbox, NOW, "2026-10").exits(0);
    let billed = r#","billedResourceUtilization":{"vCPUHour":4,"memoryGBHour":0}"#;
    import(&sandbox, LATER, &[run(billed)]);
    let november = json(&sandbox, LATER, "2026-11");
    // 4 vCPU-hours at 0.052624 are 0.210496, and half of them were used in October.
    assert_eq!(november["correction_usd"], "0.105248");
    // The same half is November's own, beside the hour of jr_2.
    assert_eq!(november["own_usd"], "2.745248");
}

/// September's late facts go to October while that is open, and nowhere else.
#[test]
fn a_correction_goes_to_the_first_month_that_is_open() {
    let sandbox = company();
    close(&sandbox, NOW, "2026-09").exits(0);
    let late = glue_run("jr_7", "orders-late", "2026-09-11T10:00:00Z", "2026-09-11T12:00:00Z");
    import(&sandbox, NOW, &[late]);
    assert_eq!(json(&sandbox, LATER, "2026-10")["correction_usd"], "5.28");
    assert_eq!(json(&sandbox, LATER, "2026-11")["correction_usd"], "0.00");
    close(&sandbox, LATER, "2026-11").exits(0);
    assert_eq!(json(&sandbox, LATER, "2026-12")["correction_usd"], "0.00");
    assert_eq!(json(&sandbox, LATER, "2026-10")["correction_usd"], "5.28");
    close(&sandbox, LATER, "2026-10").exits(0);
    assert_eq!(json(&sandbox, LATER, "2026-12")["correction_usd"], "0.00");
}
