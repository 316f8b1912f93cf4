//! `explain` from outside: arithmetic worked out by hand, facts with their sources, hostile texts,
//! and totals that are the report's.

use serde_json::{Value, json};

use crate::harness::Sandbox;

const NOW: &str = "2026-11-16T06:00:00Z";

/// A folder with runs, stored on the given Monday.
fn stored(configuration: &str, runs: &[Value]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("runledger.toml", configuration);
    let lines: Vec<String> = runs.iter().map(Value::to_string).collect();
    sandbox.write("runs.jsonl", lines.join("\n"));
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    sandbox.run(&[&["--now", NOW, "import", "runs.jsonl"][..], &place[..]].concat()).exits(0);
    sandbox
}

/// A Glue run of ten G.1X workers on Glue 4.0.
fn glue(id: &str, state: &str, start: &str, end: &str, seconds: u64) -> Value {
    json!({ "Id": id, "JobName": "orders-load", "JobRunState": state, "StartedOn": start,
        "LastModifiedOn": end, "CompletedOn": end, "ExecutionTime": seconds, "WorkerType": "G.1X",
        "NumberOfWorkers": 10, "MaxCapacity": 10.0, "GlueVersion": "4.0",
        "ExecutionClass": "STANDARD" })
}

fn text(sandbox: &Sandbox, arguments: &[&str]) -> String {
    sandbox.run(&[&["--now", NOW, "explain"], arguments].concat()).exits(0).stdout
}

fn json(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let all = [&["--now", NOW, "explain", "--format", "json"], arguments].concat();
    sandbox.run(&all).exits(0).json()
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

/// By hand: 10 DPU x 60 s = 600 DPU-seconds; x 0.44 / 3,600 = 0.07333...; of that 20 s were used,
/// 200 x 0.44 / 3,600 = 0.02444..., so the minimum added 0.048888889.
#[test]
fn a_short_run_pays_the_minimum_and_says_so() {
    let run = glue("jr_1", "SUCCEEDED", "2026-11-10T02:00:00Z", "2026-11-10T02:01:00Z", 20);
    let configuration = "[accounts]\n111122223333 = 'Data production'\n\
        [[ownership.rules]]\njob = '^x'\nteam = 'nobody'\n\
        [[ownership.rules]]\njob = '^orders-'\nteam = 'orders'\nto = '2027-01-01'\n\
        [ownership.cost_centers]\norders = 'CC-100'\n";
    let sandbox = stored(configuration, &[run]);
    let told = text(&sandbox, &["jr_1"]);
    has(
        &told,
        &[
            "glue in Data production (111122223333), us-east-1",
            "told by file, first 2026-11-16T06:00:00Z",
            "execution time    20 s  (as of 2026-11-10T02:01:00Z)",
            "its job's command is not known; it is taken for a spark run",
            "capacity x time: 10 DPU (MaxCapacity) x 60 s, the minimum; 20 s were used",
            "DPU: 600 DPU-seconds / 3,600 x 0.44 = 0.073333333333333…, rounded half to even at nine \
             decimals: 0.073333333",
            "below Glue 6.0, STANDARD in us-east-1",
            "a source as of 2026-10: third-party copies of the price list",
            "its job's command, which decides the rate",
            "2026-11-10: 0.166666667 DPU-Hours, $0.073333333",
            "$0.048888889: what the billing minimum added",
            "week 2026-W46 in UTC, with $0.073333333",
            "UTC month 2026-11, with $0.073333333",
            "not late: that week's report was not sent yet",
            "kept until 2027-03-20T02:01:00Z",
            "team orders: no tag says it; rule 2 of the configuration fits first: job = \
             `^orders-`, to before 2027-01-01",
            "cost centre CC-100: no tag says it; it is the cost centre of the team",
            "environment not known",
            "none, ever",
        ],
    );
    // The day it ended on finds it too; another day does not, and says what to do.
    assert_eq!(text(&sandbox, &["jr_1", "--day", "2026-11-10"]), told);
    let missed = sandbox.run(&["--now", NOW, "explain", "jr_1", "--day", "2026-11-11"]).exits(1);
    has(&missed.stderr, &["no run `jr_1` ended on 2026-11-11", "leave out --day"]);
    for narrower in [["--account", "999999999999"], ["--attempt", "2"], ["--region", "eu-west-1"]] {
        let all = [&["--now", NOW, "explain", "jr_1"][..], &narrower[..]].concat();
        has(&sandbox.run(&all).exits(1).stderr, &["no run `jr_1` is stored", "130 days"]);
    }
}

#[test]
fn an_account_with_a_name_is_called_by_it_and_its_id_kept() {
    let run = glue("jr_1", "FAILED", "2026-11-10T02:00:00Z", "2026-11-10T02:15:00Z", 900);
    let sandbox = stored("[accounts]\n111122223333 = 'Data <production>'\n", &[run]);
    let week = ["--now", NOW, "report", "--week", "2026-W46"];
    let report = |rest: &[&str]| sandbox.run(&[&week[..], rest].concat()).exits(0);
    let job = report(&["--format", "json"]).json()["jobs"][0].clone();
    assert_eq!(job["account_name"], "Data <production>");
    assert_eq!(job["account"], "111122223333");
    has(&report(&["--format", "text"]).stdout, &["Data <production> (111122223333)"]);
    has(&report(&["--format", "html"]).stdout, &["Data &lt;production&gt; (111122223333)"]);
    report(&["--out", "files"]);
    let csv = std::fs::read_to_string(sandbox.path("files/weekly-2026-W46.jobs.csv")).unwrap();
    let mut lines = csv.lines();
    let names: Vec<_> = lines.next().unwrap().split(',').collect();
    let place = names.iter().position(|name| *name == "account_name").unwrap();
    let values: Vec<_> = lines.next().unwrap().split(',').collect();
    assert_eq!(values[place], "Data <production>", "{csv}");
}

/// By hand: 5,400 DPU-seconds, as on AWS's own pricing page, split by time over two UTC months:
/// 300 of 900 s before midnight. 0.66 x 1/3 = 0.22.
#[test]
fn a_run_over_midnight_is_in_one_week_and_two_months() {
    let mut run = glue("jr_1", "SUCCEEDED", "2026-10-31T23:55:00Z", "2026-11-01T00:10:00Z", 900);
    (run["NumberOfWorkers"], run["MaxCapacity"]) = (json!(6), json!(6.0));
    let sandbox = stored("[reports.weekly]\ntime_zone = 'Pacific/Auckland'\n", &[run]);
    let explained = json(&sandbox, &["jr_1"])[0].clone();
    assert_eq!(explained["price"]["cost_usd"], "0.66");
    let line = &explained["price"]["lines"][0];
    assert_eq!(line["arithmetic"], "5,400 DPU-seconds / 3,600 x 0.44 = 0.66");
    let days = explained["days"].as_array().unwrap();
    let days: Vec<_> = days.iter().map(|d| (d["day"].as_str(), d["amount_usd"].as_str())).collect();
    let expected = [(Some("2026-10-31"), Some("0.22")), (Some("2026-11-01"), Some("0.44"))];
    assert_eq!(days, expected);
    let counted = explained["counted"].to_string();
    // 13:10 on Sunday the 1st of November in Auckland.
    has(&counted, &["week 2026-W44 in Pacific/Auckland", "UTC month 2026-10, with $0.22"]);
    has(&counted, &["UTC month 2026-11, with $0.44"]);
}

#[test]
fn a_chain_is_told_from_both_ends_and_wasted_once() {
    let failed = glue("jr_1", "FAILED", "2026-11-10T02:00:00Z", "2026-11-10T02:15:00Z", 900);
    let mut retry = glue("jr_2", "TIMEOUT", "2026-11-10T02:20:00Z", "2026-11-12T02:20:00Z", 3600);
    retry["PreviousRunId"] = json!("jr_1");
    let mut last = glue("jr_3", "SUCCEEDED", "2026-11-12T02:30:00Z", "2026-11-12T02:45:00Z", 900);
    last["PreviousRunId"] = json!("jr_2");
    let mut lost = glue("jr_9", "SUCCEEDED", "2026-11-12T02:30:00Z", "2026-11-12T02:45:00Z", 900);
    lost["PreviousRunId"] = json!("jr_8");
    let sandbox = stored("", &[failed, retry, last, lost]);
    has(
        &text(&sandbox, &["jr_1"]),
        &["jr_2 (TIMEOUT, ended 2026-11-12T02:20:00Z, $4.40) repeats it", "$1.10: it ended FAILED"],
    );
    has(
        &text(&sandbox, &["jr_2"]),
        &["it retries jr_1 (FAILED", "jr_3 (SUCCEEDED", "$4.40: it ended TIMEOUT, so all of it"],
    );
    has(&text(&sandbox, &["jr_3"]), &["it retries jr_2 (TIMEOUT", "$0.00: no bad end"]);
    has(&text(&sandbox, &["jr_9"]), &["it retries jr_8, which is not stored"]);
}

/// By hand: 1.267 x 0.052624 = 0.066674608 exactly, 5.067 x 0.0057785 = 0.0292796595, of which the
/// half goes to the even neighbour 0.029279660.
#[test]
fn attempts_of_an_emr_run_are_told_together_and_a_name_shows_its_folds() {
    let attempt = |number: u32, state: &str, ended: &str| {
        json!({ "jobRun": { "applicationId": "app1", "jobRunId": "run1", "attempt": number,
            "name": "load-2026-11-14", "state": state, "createdAt": "2026-11-14T01:00:00Z",
            "startedAt": "2026-11-14T01:01:00Z", "endedAt": ended, "updatedAt": ended,
            "releaseLabel": "emr-7.9.0", "tags": { "Team": "Data_Eng", "env": "PROD" },
            "billedResourceUtilization": { "vCPUHour": 1.267, "memoryGBHour": 5.067 } } })
    };
    let runs = [
        attempt(1, "FAILED", "2026-11-14T02:00:00Z"),
        attempt(2, "SUCCESS", "2026-11-14T03:00:00Z"),
    ];
    let sandbox = stored("", &runs);
    let all = sandbox.run(&["--now", NOW, "explain", "run1"]).exits(0);
    has(&all.stderr, &["2 runs have this id"]);
    has(
        &all.stdout,
        &[
            "Run run1 attempt 2 of job load-{date}: SUCCESS",
            "`load-2026-11-14`: the source names it so",
            "`load-{date}`: folded by",
            "(built in)",
            "`assumed_architecture` makes it X86_64",
            "vCPU: 1.267 vCPU-Hours x 0.052624 = 0.066674608\n",
            "memory: 5.067 GB-Hours x 0.0057785 = 0.0292796595, rounded half to even at nine \
             decimals: 0.02927966\n",
            "a source without a date: PerfKitBenchmarker",
            "0.066674608 + 0.02927966 = 0.095954268",
            "it is a later attempt",
            "attempt 2 of run1 (SUCCESS, ended 2026-11-14T03:00:00Z, $0.095954268) repeats it",
            "team data-eng: the run's tag `Team` = `Data_Eng`, spelt `data-eng`",
            "environment production: the run's tag `env` = `PROD`, spelt `production`",
        ],
    );
    let second = json(&sandbox, &["run1", "--attempt", "2"]);
    assert_eq!(second.as_array().unwrap().len(), 1);
    assert_eq!(second[0]["price"]["basis"], "upper-bound");
}

#[test]
fn what_has_no_price_or_no_end_says_why() {
    let mut unknown =
        glue("jr_1", "SUCCEEDED", "2026-11-10T02:00:00Z", "2026-11-10T02:15:00Z", 900);
    unknown["GlueVersion"] = Value::Null;
    let mut running = glue("jr_2", "RUNNING", "2026-11-16T02:00:00Z", "2026-11-16T02:00:00Z", 0);
    running["CompletedOn"] = Value::Null;
    let sandbox = stored("", &[unknown, running]);
    has(
        &text(&sandbox, &["jr_1"]),
        &[
            "No price, which is not a cost of $0: the Glue version is not known",
            "its Glue version, which decides the rate",
            "week 2026-W46 in UTC, as unpriced",
        ],
    );
    has(
        &text(&sandbox, &["jr_2"]),
        &["RUNNING", "how it ended: it has not", "in no period yet: it has not ended"],
    );
}

#[test]
fn hostile_texts_stay_in_their_lines() {
    let mut run = glue("jr_1", "FAILED", "2026-11-10T02:00:00Z", "2026-11-10T02:15:00Z", 900);
    run["JobName"] = json!("a\u{1b}[2Jb\nTRUE-UP\n  all of it");
    run["ErrorMessage"] = json!("first\nOWNER\n  team attackers: \u{202e}");
    let sandbox = stored("", &[run]);
    let told = text(&sandbox, &["jr_1"]);
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
    assert_eq!(told.lines().filter(|line| *line == "OWNER" || *line == "TRUE-UP").count(), 2);
    let missed = sandbox.run(&["--now", NOW, "explain", "x\u{1b}[2J"]).exits(1);
    assert!(!missed.stderr.contains('\u{1b}'), "{}", missed.stderr);
}

/// Importing a file twice changes nothing, and another source is told beside the first.
#[test]
fn who_told_is_kept_with_the_first_time() {
    let run = glue("jr_1", "SUCCEEDED", "2026-11-10T02:00:00Z", "2026-11-10T02:15:00Z", 900);
    let sandbox = stored("", &[run]);
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let again =
        [&["--now", "2026-11-17T06:00:00Z", "import", "runs.jsonl"][..], &place[..]].concat();
    has(&sandbox.run(&again).exits(0).stderr, &["0 new, 0 changed, 1 known already"]);
    let event = json!({ "account": "111122223333", "region": "us-east-1", "source": "aws.glue",
        "time": "2026-11-10T02:15:03Z", "detail-type": "Glue Job State Change", "resources": [],
        "detail": { "jobRunId": "jr_1", "jobName": "orders-load", "state": "SUCCEEDED" } });
    sandbox.write("event.json", event.to_string());
    sandbox.run(&["--now", NOW, "import", "event.json"]).exits(0);
    let told = json(&sandbox, &["jr_1"])[0]["told_by"].clone();
    let expected = json!([
        { "source": "event", "first_at": "2026-11-10T02:15:03Z" },
        { "source": "file", "first_at": "2026-11-16T06:00:00Z" }
    ]);
    assert_eq!(told, expected);
}

/// By hand: two runs of 600 DPU-seconds each, 0.073333333 by itself; together 1,200 DPU-seconds
/// are 0.146666667, so rounding each took away a nano-dollar. And 0.66 of Flex... at 0.29: 900 s of
/// 10 DPU are 2.5 DPU-hours, 0.725.
#[test]
fn a_total_is_taken_apart_down_to_its_lines() {
    let short = |id| glue(id, "SUCCEEDED", "2026-11-10T02:00:00Z", "2026-11-10T02:01:00Z", 60);
    let mut flex = glue("jr_3", "FAILED", "2026-11-11T02:00:00Z", "2026-11-11T02:15:00Z", 900);
    flex["ExecutionClass"] = json!("FLEX");
    flex["JobName"] = json!("claims-load");
    let mut unpriced = short("jr_4");
    unpriced["GlueVersion"] = Value::Null;
    let before = glue("jr_5", "SUCCEEDED", "2026-11-08T02:00:00Z", "2026-11-08T23:59:59Z", 60);
    let rules = "[[ownership.rules]]\njob = '^orders-'\nteam = 'orders'\n";
    let sandbox = stored(rules, &[short("jr_1"), short("jr_2"), flex, unpriced, before]);
    let told = text(&sandbox, &["--week", "2026-W46", "--total"]);
    has(
        &told,
        &[
            "Total of 2026-W46: $0.871666666, 4 runs",
            "0.333333333 DPU-Hours x 0.44 = $0.146666667; rounding 2 lines by itself \
             -0.000000001: $0.146666666",
            "2.5 DPU-Hours x 0.29 = $0.725: $0.725",
            "provisioned: $0.146666666 (2 runs)",
            "upper-bound: $0.725 (1 run)",
            "orders: $0.146666666 (2 runs)",
            "Unallocated: $0.725 (1 run)",
            "jr_3 of claims-load: $0.725",
            "1 run: the Glue version is not known",
            "Every level adds up to the total exactly.",
        ],
    );
    let team = json(&sandbox, &["--week", "2026-W46", "--total", "--team", "orders"]);
    assert_eq!((&team["total_usd"], &team["runs"]), (&json!("0.146666666"), &json!(3)));
    assert_eq!(team["adds_up"], true);
    let refused = sandbox.run(&["--now", NOW, "explain", "jr_1", "--total"]).exits(2);
    has(&refused.stderr, &["cannot be used with"]);
    let both = ["--now", NOW, "explain", "jr_1", "--week", "2026-W46"];
    has(&sandbox.run(&both).exits(2).stderr, &["need not be named"]);
}

/// Every level of the demo company's total is the report's total, for the company and a team, and
/// so are the weeks of one of its runs' explanations.
#[test]
fn the_demo_companys_totals_are_the_reports() {
    let sandbox = Sandbox::new();
    sandbox.run(&["--now", NOW, "demo", "--weeks", "2", "--out", "demo"]).exits(0);
    let run = |rest: &[&str]| {
        let store = ["--now", NOW, "--store", "embedded:demo/demo.db"];
        sandbox.run(&[&store[..], rest].concat()).exits(0).json()
    };
    let nanos = |value: &Value| {
        let text = value.as_str().unwrap();
        let (whole, decimals) = text.split_once('.').unwrap();
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let whole: i128 = whole.trim_start_matches('-').parse().unwrap();
        sign * (whole * 1_000_000_000 + format!("{decimals:0<9}").parse::<i128>().unwrap())
    };
    for selection in [&["--week", "2026-W46"][..], &["--week", "2026-W45", "--team", "orders"]] {
        let report = run(&[&["report", "--format", "json"], selection].concat());
        let total = run(&[&["explain", "--total", "--format", "json"], selection].concat());
        assert_eq!(total["total_usd"], report["totals"]["cost_usd"]);
        assert_eq!(total["runs"], report["totals"]["runs"]);
        let expected = nanos(&total["total_usd"]);
        for level in ["lines", "by_basis", "by_team", "by_job", "by_run"] {
            let parts = total[level].as_array().unwrap();
            let usd = |part: &Value| match level {
                "lines" => nanos(&part["product_usd"]) + nanos(&part["rounding_usd"]),
                _ => nanos(&part["usd"]),
            };
            assert_eq!(parts.iter().map(usd).sum::<i128>(), expected, "{level}");
        }
        let unpriced = total["unpriced"].as_array().unwrap().iter();
        let unpriced: u64 = unpriced.map(|part| part["runs"].as_u64().unwrap()).sum();
        assert_eq!(report["totals"]["unpriced_runs"], unpriced);
        let dearest = total["by_run"][0]["name"].as_str().unwrap();
        let id = dearest.split(' ').next().unwrap();
        let explained = run(&["explain", id, "--format", "json"]);
        assert_eq!(explained[0]["price"]["cost_usd"], total["by_run"][0]["usd"]);
        let amounts = |list: &Value| -> i128 {
            list.as_array().unwrap().iter().map(|one| nanos(&one["amount_usd"])).sum()
        };
        let cost = nanos(&explained[0]["price"]["cost_usd"]);
        assert_eq!(amounts(&explained[0]["price"]["lines"]), cost);
        assert_eq!(amounts(&explained[0]["days"]), cost);
    }
}
