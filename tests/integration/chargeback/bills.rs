//! Months beside their bill: the total is the bill when it is final, lines are split by rule, and
//! corrections of a month that was closed on its bill take nothing twice.

use jiff::ToSpan;
use jiff::civil::Date;
use runledger::model::{BillDay, BillLine, BillSource};
use runledger::store::{Store, StoreSettings};
use rust_decimal::Decimal;
use serde_json::Value;

use super::{chargeback, close, company, formats, glue_run, import, json};
use crate::harness::Sandbox;

const NOW: &str = "2026-11-06T00:00:00Z";
const ACCOUNT: &str = "111122223333";

fn line(day: &str, usage_type: Option<&str>, record_type: &str, amount: &str) -> BillLine {
    let amount: Decimal = amount.parse().unwrap();
    let rate = Decimal::new(44, 2);
    BillLine {
        account: ACCOUNT.into(),
        day: day.parse().unwrap(),
        usage_type: usage_type.map(str::to_owned),
        record_type: record_type.into(),
        // DPU-hours at 0.44 each, where it is usage of runs.
        quantity: if usage_type.is_some() { amount / rate } else { amount },
        unit: if usage_type.is_some() { "DPU-Hour".into() } else { "N/A".into() },
        amount,
        currency: "USD".into(),
        estimated: false,
    }
}

/// October's bill: the 42 DPU-hours that are known (18.48 dollars), 12 more of a run that is not
/// (5.28), and tax.
fn october() -> Vec<BillLine> {
    let runs = Some("USE1-ETL-DPU-Hour");
    vec![
        line("2026-10-01", runs, "Usage", "7.92"),
        line("2026-10-10", runs, "Usage", "5.28"),
        line("2026-10-11", runs, "Usage", "5.28"),
        line("2026-10-20", runs, "Usage", "2.64"),
        line("2026-10-31", runs, "Usage", "2.64"),
        line("2026-10-31", None, "Tax", "2.10"),
    ]
}

async fn put_bill(sandbox: &Sandbox, lines: &[BillLine], estimated: bool) {
    let path = sandbox.path("runledger.db");
    let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
    let read_at = "2026-11-05T00:00:00Z".parse().unwrap();
    let source = BillSource {
        account: ACCOUNT.into(),
        payer: false,
        attempted_at: read_at,
        problem: None,
        requests: 1,
    };
    store.put_bill_source(&source).await.unwrap();
    let first: Date = "2026-10-01".parse().unwrap();
    for day in first.series(1.day()).take(31) {
        let lines = lines.iter().filter(|line| line.day == day).cloned().collect();
        let bill = BillDay { day, read_at, estimated, lines };
        store.put_bill_day(ACCOUNT, &bill).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_shared_and_unallocated_add_up_to_the_bill() {
    let sandbox = company();
    put_bill(&sandbox, &october(), false).await;
    let month = json(&sandbox, NOW, "2026-10");
    assert_eq!((&month["bill_usd"], &month["total_usd"]), (&"25.86".into(), &"25.86".into()));
    assert_eq!(month["says_total_is"], "bill");
    assert_eq!((&month["own_usd"], &month["shared_usd"]), (&"18.48".into(), &"2.10".into()));
    assert_eq!(month["unallocated_usd"], "5.28");
    let residual = &month["residuals"][0];
    assert_eq!(
        (&residual["name"], &residual["usd"]),
        (&"runs-not-captured".into(), &"5.28".into())
    );
    // Seven hours of 2.64: claims and orders three each, one that is nobody's.
    let shares: Vec<_> = month["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["team"].as_str().unwrap(), row["shared_usd"].as_str().unwrap()))
        .collect();
    assert_eq!(shares, [("claims", "0.90"), ("orders", "0.90"), ("Unallocated", "0.30")]);

    let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let rules = "[chargeback.split]\ntax = 'even'\n\
                 runs-not-captured = { orders = '50', ghosts = '25' }\n";
    sandbox.write("runledger.toml", config + rules);
    let month = json(&sandbox, NOW, "2026-10");
    assert_eq!((&month["total_usd"], &month["unallocated_usd"]), (&"25.86".into(), &"1.32".into()));
    let row = |team: &str| {
        let rows = month["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["team"] == team).unwrap();
        row["shared_usd"].as_str().unwrap().to_owned()
    };
    assert_eq!(row("claims"), "1.05");
    assert_eq!(row("orders"), "3.69");
    assert_eq!(row("ghosts"), "1.32");
    let text = chargeback(&sandbox, NOW, "2026-10", &[]).exits(0).stdout;
    for part in ["what AWS billed", "$25.86", "runs-not-captured", "evenly over teams"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_closes_on_its_final_bill_and_late_runs_were_in_it() {
    let sandbox = company();
    put_bill(&sandbox, &october(), true).await;
    let month = json(&sandbox, NOW, "2026-10");
    assert_eq!(month["says_total_is"], "estimate");
    assert_eq!(month["bill_so_far_usd"], "25.86");
    let refused = chargeback(&sandbox, NOW, "2026-10", &["--close"]).exits(1);
    assert!(refused.stderr.contains("not final"), "{}", refused.stderr);

    put_bill(&sandbox, &october(), false).await;
    chargeback(&sandbox, NOW, "2026-10", &["--close"]).exits(0);
    let before = formats(&sandbox, NOW, "2026-10");
    let late = glue_run("jr_7", "orders-late", "2026-10-11T10:00:00Z", "2026-10-11T12:00:00Z");
    import(&sandbox, NOW, &[late]);
    let november = json(&sandbox, NOW, "2026-11");
    assert_eq!(november["correction_usd"], "5.28");
    assert_eq!(november["unallocated_usd"], "-5.28");
    assert_eq!(november["earlier_months_usd"], "0.00");
    assert_eq!(november["total_usd"], november["own_usd"]);
    let line = &november["residuals"][0];
    assert_eq!(
        (&line["name"], &line["kind"]),
        (&"earlier-month".into(), &"runs-not-captured".into())
    );
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.contains("were in that bill already"), "{reason}");
    assert_eq!(formats(&sandbox, NOW, "2026-10"), before);
}

/// One account's bill, however final, is not the company's: 2.64 of another account are on none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bill_that_does_not_speak_for_all_runs_is_not_the_month() {
    let sandbox = company();
    put_bill(&sandbox, &october(), false).await;
    let other = glue_run("jr_9", "orders-far", "2026-10-12T10:00:00Z", "2026-10-12T11:00:00Z");
    sandbox.write("far.jsonl", other);
    let place = ["--account", "222233334444", "--region", "us-east-1"];
    sandbox.run(&[&["--now", NOW, "import", "far.jsonl"][..], &place].concat()).exits(0);
    let month = json(&sandbox, NOW, "2026-10");
    assert_eq!(month["says_total_is"], "estimate");
    assert_eq!(month["total_usd"], "21.12", "18.48 and 2.64, as the runs were estimated");
    assert_eq!(month["bill_so_far_usd"], "25.86");
    let refused = chargeback(&sandbox, NOW, "2026-10", &["--close"]).exits(1);
    assert!(refused.stderr.contains("222233334444 ($2.64) are on no bill"), "{}", refused.stderr);
}

/// A month that was closed as an estimate is billed later: the next one makes up for it, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_bill_is_booked_in_the_next_month() {
    let sandbox = company();
    close(&sandbox, NOW, "2026-10").exits(0);
    assert_eq!(json(&sandbox, NOW, "2026-11")["earlier_months_usd"], "0.00");
    put_bill(&sandbox, &october(), false).await;
    let november = json(&sandbox, NOW, "2026-11");
    // 25.86 was billed, and 18.48 is booked.
    assert_eq!(november["earlier_months_usd"], "7.38");
    assert_eq!(november["total_usd"], "10.02");
    // What was booked as estimated becomes the bill in named lines: the run that nobody knows, tax.
    let parts = |month: &Value| -> Vec<(String, String)> {
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or("-").to_owned();
        let lines = month["residuals"].as_array().unwrap().iter();
        let earlier = lines.filter(|line| line["name"] == "earlier-month");
        earlier.map(|line| (text(line, "kind"), text(line, "usd"))).collect()
    };
    let pair = |kind: &str, usd: &str| (kind.to_owned(), usd.to_owned());
    assert_eq!(parts(&november), [pair("runs-not-captured", "5.28"), pair("tax", "2.10")]);
    let reason = november["residuals"][0]["reason"].as_str().unwrap();
    let told = "2026-10 was closed on 2026-11-06 as estimated from its runs; this is what its \
                final bill has as `runs not captured`, beyond what was booked";
    assert!(reason.starts_with(told), "{reason}");
    let late = glue_run("jr_7", "orders-late", "2026-10-11T10:00:00Z", "2026-10-11T12:00:00Z");
    import(&sandbox, NOW, &[late]);
    let november = json(&sandbox, NOW, "2026-11");
    assert_eq!(november["correction_usd"], "5.28");
    assert_eq!(
        (&november["unallocated_usd"], &november["total_usd"]),
        (&"2.10".into(), &"10.02".into())
    );
    // The run that nobody knew is known now, and corrects its team.
    assert_eq!(parts(&november), [pair("tax", "2.10")]);
    close(&sandbox, "2026-12-02T00:00:00Z", "2026-11").exits(0);
    assert_eq!(json(&sandbox, "2026-12-02T00:00:00Z", "2026-12")["total_usd"], "0.00");
}

/// EMR on EC2 comes from files, and no bill of these services holds it: the total is the bill and
/// seven dollars, and the month closes on both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_that_no_bill_holds_stand_beside_it_and_the_month_closes() {
    let sandbox = company();
    put_bill(&sandbox, &october(), false).await;
    let step = |id: &str, day: &str, usd: &str| {
        format!(
            "account,region,engine,job,run_id,attempt,state,started_at,ended_at,cost_usd\n\
             {ACCOUNT},us-east-1,emr-ec2,orders-step,{id},1,SUCCEEDED,{day}T01:00:00Z,\
             {day}T02:00:00Z,{usd}\n"
        )
    };
    sandbox.write("ec2.csv", step("s-1", "2026-10-12", "7.00"));
    sandbox.run(&["--now", NOW, "import", "ec2.csv"]).exits(0);
    let month = json(&sandbox, NOW, "2026-10");
    assert_eq!((&month["bill_usd"], &month["off_bill_usd"]), (&"25.86".into(), &"7.00".into()));
    assert_eq!((&month["total_usd"], &month["own_usd"]), (&"32.86".into(), &"25.48".into()));
    assert_eq!(month["says_total_is"], "bill");
    let text = chargeback(&sandbox, NOW, "2026-10", &[]).exits(0).stdout;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "what AWS billed, with $7.00 of engines that no AWS bill holds",
        "AWS bill of the month, final $25.86",
        "Engines that no AWS bill holds, as imported $7.00",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    chargeback(&sandbox, NOW, "2026-10", &["--close"]).exits(0);
    assert_eq!(json(&sandbox, NOW, "2026-11")["earlier_months_usd"], "0.00");
    // What comes of them later was in no bill, so nothing is taken back for it.
    sandbox.write("ec2.csv", step("s-2", "2026-10-13", "3.00"));
    sandbox.run(&["--now", NOW, "import", "ec2.csv"]).exits(0);
    let november = json(&sandbox, NOW, "2026-11");
    assert_eq!(november["correction_usd"], "3.00");
    assert_eq!(
        (&november["unallocated_usd"], &november["earlier_months_usd"]),
        (&"0.00".into(), &"3.00".into())
    );
}
