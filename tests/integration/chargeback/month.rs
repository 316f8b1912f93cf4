//! A month that is open: its sums, its bridge to the report, its rows, what nobody owns.

use std::ffi::OsStr;

use super::{chargeback, company, glue_run, import, json};
use crate::harness::python;

const NOW: &str = "2026-11-06T00:00:00Z";

#[test]
fn own_use_and_the_bridge_to_the_report() {
    let sandbox = company();
    let month = json(&sandbox, NOW, "2026-10");
    // Two hours of jr_1, one of jr_2 before midnight, three of jr_3 after it, one of jr_4.
    assert_eq!(month["own_usd"], "18.48");
    assert_eq!(month["total_usd"], "18.48");
    // The report has jr_1, jr_3 and jr_4 whole: seven hours.
    assert_eq!(month["ended_usd"], "18.48");
    assert_eq!(month["bridge"]["ended_later_usd"], "2.64");
    assert_eq!(month["bridge"]["used_before_usd"], "2.64");
    assert_eq!(month["bridge_usd"], "0.00");
    let report =
        ["--now", NOW, "report", "--month", "2026-10", "--format", "json"].map(str::to_owned);
    let report = sandbox.run(&report).exits(0).json();
    assert_eq!(report["totals"]["cost_usd"], month["ended_usd"]);
    let november = json(&sandbox, NOW, "2026-11");
    assert_eq!((&november["own_usd"], &november["bridge_usd"]), (&"2.64".into(), &"-2.64".into()));
    let september = json(&sandbox, NOW, "2026-09");
    assert_eq!((&september["own_usd"], &september["bridge_usd"]), (&"2.64".into(), &"2.64".into()));
}

#[test]
fn rows_and_what_nobody_owns() {
    let sandbox = company();
    let month = json(&sandbox, NOW, "2026-10");
    let row = |index: usize| {
        let row = &month["rows"][index];
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        [text("team"), text("cost_center"), text("account"), text("own_usd"), text("usd")]
    };
    assert_eq!(row(0), ["claims", "", "111122223333", "7.92", "7.92"]);
    assert_eq!(row(1), ["orders", "100", "111122223333", "7.92", "7.92"]);
    assert_eq!(row(2), ["Unallocated", "", "111122223333", "2.64", "2.64"]);
    assert_eq!(month["unallocated"]["jobs"][0]["job"], "stray");
    assert_eq!(month["unallocated"]["usd"], "2.64");
    assert_eq!(month["residuals"], serde_json::json!([]));
    for (name, value) in [("month", "2026-10"), ("basis", "used"), ("says_total_is", "estimate")] {
        assert_eq!(month[name], value);
    }
    assert_eq!((&month["closed"], &month["bill_usd"]), (&false.into(), &serde_json::Value::Null));
    let text = chargeback(&sandbox, NOW, "2026-10", &[]).exits(0).stdout;
    for part in ["$18.48", "not the AWS bill", "stray", "orders-load", "2.64"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Python's csv and decimal read the file that spreadsheets get.
#[test]
fn the_csv_adds_up_in_other_software() {
    let sandbox = company();
    let thirds = |n: u32| {
        let start = format!("2026-10-{n:02}T10:00:00Z");
        glue_run(
            &format!("jr_t{n}"),
            &format!("=x{n}"),
            &start,
            &start.replace("10:00:00", "10:01:37"),
        )
    };
    import(&sandbox, NOW, &(1..30).map(thirds).collect::<Vec<_>>());
    chargeback(&sandbox, NOW, "2026-10", &["--out", "files"]).exits(0);
    sandbox.write(
        "sum.py",
        "import csv, decimal, sys\n\
         rows = list(csv.DictReader(open(sys.argv[1], newline='')))\n\
         columns = ['own_usd', 'shared_usd', 'correction_usd', 'unallocated_usd', 'usd']\n\
         print(*(sum(decimal.Decimal(r[c]) for r in rows) for c in columns))\n\
         print(sum(r['job'].startswith('=') for r in rows), len(rows))\n",
    );
    let file = sandbox.path("files/chargeback-2026-10.csv");
    let sums = python(&sandbox.path("sum.py"), &[OsStr::new(&file)]);
    // 29 runs of 97 seconds at 2.64 an hour are 2.06286..., so 20.54 with the 18.48 from before.
    assert_eq!(sums, "20.54 0.00 0.00 0.00 20.54\n0 33\n");
    let written = std::fs::read_to_string(sandbox.path("files/chargeback-2026-10.json")).unwrap();
    assert!(written.contains("\"total_usd\": \"20.54"), "{written}");
}

#[test]
fn what_is_missing_is_said() {
    let sandbox = company();
    let unpriced = glue_run("jr_9", "orders-odd", "2026-10-05T10:00:00Z", "2026-10-05T11:00:00Z")
        .replace(",\"GlueVersion\":\"5.0\"", "");
    let running = serde_json::json!({
        "Id": "jr_8", "JobName": "orders-long", "JobRunState": "RUNNING",
        "StartedOn": "2026-10-31T10:00:00Z",
    });
    import(&sandbox, NOW, &[unpriced, running.to_string()]);
    let month = json(&sandbox, NOW, "2026-10");
    let warnings = month["warnings"].to_string();
    for part in ["1 run without a price, because the Glue version", "1 run had not ended"] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    assert_eq!(month["own_usd"], "18.48");
    let text = chargeback(&sandbox, NOW, "2026-10", &[]).exits(0).stdout;
    let row = text.lines().find(|line| line.starts_with("orders-odd")).unwrap();
    assert!(row.ends_with("unpriced"), "{row}");
}

#[test]
fn hostile_names_stay_text() {
    let sandbox = company();
    let name = r"<script>alert(1)<\/script>\u001b[2J";
    let run = glue_run("jr_9", name, "2026-10-05T10:00:00Z", "2026-10-05T11:00:00Z");
    import(&sandbox, NOW, &[run]);
    let html = chargeback(&sandbox, NOW, "2026-10", &["--format", "html"]).exits(0).stdout;
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script"), "{html}");
    for format in ["text", "json", "html"] {
        let shown = chargeback(&sandbox, NOW, "2026-10", &["--format", format]).exits(0).stdout;
        assert!(!shown.contains('\u{1b}'), "{format}");
    }
}

#[test]
fn a_month_that_has_not_begun_or_is_forgotten_prints_no_zeros() {
    let sandbox = company();
    let early = chargeback(&sandbox, NOW, "2026-12", &[]).exits(2);
    assert_eq!(early.stdout, "");
    assert!(early.stderr.contains("2026-12 has not begun"), "{}", early.stderr);
    // Runs are kept for 130 days.
    let gone = chargeback(&sandbox, "2027-05-01T00:00:00Z", "2026-10", &[]).exits(0);
    let text = gone.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["Not known, not known: its runs have expired", "Own use not known"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(json(&sandbox, "2027-05-01T00:00:00Z", "2026-10")["is_known"], false);
}

/// Runs are kept for 130 days: from 8 February 2027 on those of 1 October expire.
#[test]
fn what_is_about_to_expire_is_said_two_weeks_before() {
    let sandbox = company();
    let said = |now: &str, format: &str| {
        let shown = chargeback(&sandbox, now, "2026-10", &["--format", format]).exits(0);
        let text = shown.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        (text, shown.stderr)
    };
    let (text, stderr) = said("2027-01-25T00:00:00Z", "text");
    assert!(!text.contains("expire") && !stderr.contains("expire"), "{stderr}");
    let soon = "runs of 2026-10 begin to expire in 13 days: close it before";
    for format in ["text", "html", "json"] {
        let (shown, stderr) = said("2027-01-26T00:00:00Z", format);
        assert!(shown.contains(soon), "{format}: {shown}");
        assert!(stderr.contains(&format!("warning: {soon}")), "{format}: {stderr}");
    }
    let (text, stderr) = said("2027-02-09T00:00:00Z", "text");
    assert!(text.contains("have expired") && stderr.contains("warning: runs that ended before"));
}

#[test]
fn what_imports_lack_and_names_that_nobody_knows_are_said() {
    let sandbox = company();
    let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let more = "[budgets]\norders = '5'\nodrers = '5'\n\
                [chargeback.split]\ntax = { claims = '50', ghosts = '50' }\n";
    sandbox.write("runledger.toml", config + more);
    let warnings = json(&sandbox, NOW, "2026-10")["warnings"].to_string();
    let nothing = "nothing was collected from AWS: imported files do not say what they lack";
    for part in [nothing, "[budgets] has `odrers`", "[chargeback.split] has a share of `ghosts`"] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    assert!(!warnings.contains("`orders`") && !warnings.contains("`claims`"), "{warnings}");
}
