//! The weekly job from outside: files in, a report out, mails sent once.

use serde_json::Value;

use crate::harness::Sandbox;

const NOW: &str = "2026-11-16T06:00:00Z";

fn glue_run(id: &str, end: &str, seconds: u32) -> String {
    let start = end.replace("T10:", "T09:");
    format!(
        r#"{{"Id":"{id}","JobName":"load","StartedOn":"{start}","CompletedOn":"{end}","LastModifiedOn":"{end}","JobRunState":"SUCCEEDED","ExecutionTime":{seconds},"WorkerType":"G.1X","NumberOfWorkers":6,"MaxCapacity":6.0,"GlueVersion":"5.0"}}"#
    )
}

/// A company with `init`'s configuration and one run: AWS's worked example, 0.66 dollars.
fn company() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).exits(0);
    sandbox.write("runs.jsonl", glue_run("jr_1", "2026-11-10T10:00:00Z", 900));
    import(&sandbox, "runs.jsonl");
    sandbox
}

fn import(sandbox: &Sandbox, file: &str) {
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let arguments = [&["--now", NOW, "import", file][..], &place[..]].concat();
    sandbox.run(&arguments).exits(0);
}

fn json(sandbox: &Sandbox, week: &str) -> Value {
    sandbox.run(&["--now", NOW, "report", "--week", week, "--format", "json"]).exits(0).json()
}

fn outbox(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(sandbox.path("outbox"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.sort();
    let named = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    };
    files.into_iter().map(named).collect()
}

#[test]
fn the_worked_example_is_in_every_output() {
    let sandbox = company();
    let report = json(&sandbox, "2026-W46");
    assert_eq!(report["totals"]["cost_usd"], "0.66");
    assert_eq!(report["jobs"][0]["avg_workers"], 6.0);
    assert_eq!(report["completeness"]["by_basis"]["provisioned"], 1);
    for format in ["text", "html", "web"] {
        let arguments = ["--now", NOW, "report", "--last-week", "--format", format];
        let shown = sandbox.run(&arguments).exits(0);
        assert!(shown.stdout.contains("$0.66"), "{format}: {}", shown.stdout);
    }
    assert_eq!(json(&sandbox, "2026-W45")["totals"]["runs"], 0);
}

/// An attempt between two known ones may be missing; it is one chain, whose first was repeated.
#[test]
fn attempts_are_one_chain_whichever_of_them_are_known() {
    let sandbox = Sandbox::new();
    let attempt = |number: u32, state: &str| {
        let hour = format!("2026-11-10T0{number}");
        format!(
            r#"{{"applicationId":"app","jobRunId":"r","name":"n","arn":"arn:aws:emr-serverless:us-east-1:111122223333:/applications/app/jobruns/r","state":"{state}","attempt":{number},"startedAt":"{hour}:00:00Z","endedAt":"{hour}:30:00Z","updatedAt":"{hour}:30:00Z","billedResourceUtilization":{{"vCPUHour":1,"memoryGBHour":0}}}}"#
        )
    };
    let attempts = [attempt(3, "SUCCESS"), attempt(1, "CANCELLED")];
    sandbox.write("runs.jsonl", attempts.join("\n"));
    import(&sandbox, "runs.jsonl");
    let totals = &json(&sandbox, "2026-W46")["totals"];
    assert_eq!((&totals["runs"], &totals["retries"]), (&2.into(), &1.into()));
    assert_eq!(totals["chains"], 1);
    assert_eq!(totals["repeated_cost_usd"], "0.052624");
    assert_eq!(totals["waste_usd"], "0.052624");
}

#[test]
fn a_run_whose_end_nobody_tells_is_said_to_be_missing() {
    let sandbox = Sandbox::new();
    sandbox.write("runs.jsonl", r#"{"Id":"jr_1","JobName":"load","JobRunState":"FAILED"}"#);
    import(&sandbox, "runs.jsonl");
    let report = json(&sandbox, "2026-W46");
    assert_eq!(report["totals"]["runs"], 0);
    assert_eq!(report["completeness"]["without_end"], 1);
    let text = sandbox.run(&["--now", NOW, "report", "--last-week"]).exits(0).stdout;
    assert!(text.contains("Not complete") && text.contains("1 run ended at a time"), "{text}");
}

#[test]
fn a_streaming_jobs_weekly_restart_is_no_rerun() {
    let next = glue_run("jr_2", "2026-11-10T10:00:00Z", 900).replace("T09:00:00", "T08:00:30");
    for (state, reruns) in [("FAILED", 1), ("EXPIRED", 0)] {
        let sandbox = Sandbox::new();
        let first = glue_run("jr_1", "2026-11-10T08:00:00Z", 900).replace("SUCCEEDED", state);
        sandbox.write("runs.jsonl", [first, next.clone()].join("\n").replace("G.1X", "G.025X"));
        import(&sandbox, "runs.jsonl");
        assert_eq!(json(&sandbox, "2026-W46")["totals"]["probable_reruns"], reruns, "{state}");
    }
}

/// It is counted by AWS's word, as ever, and is no failure where people read.
#[test]
fn a_streaming_jobs_weekly_restart_is_not_shown_as_a_failure() {
    let shown = |worker: &str| {
        let sandbox = Sandbox::new();
        let run = glue_run("jr_1", "2026-11-10T08:00:00Z", 900).replace("SUCCEEDED", "EXPIRED");
        let next = glue_run("jr_2", "2026-11-10T10:00:00Z", 900);
        sandbox.write("runs.jsonl", [run, next].join("\n").replace("G.1X", worker));
        import(&sandbox, "runs.jsonl");
        let report = json(&sandbox, "2026-W46");
        assert_eq!(report["totals"]["by_state"]["EXPIRED"], 1);
        assert_eq!(report["jobs"][0]["by_state"]["EXPIRED"], 1);
        assert_ne!(report["totals"]["failed_cost_usd"], "0.00");
        let expected = report["totals"]["expected_ends"].as_u64().unwrap();
        assert_eq!(report["jobs"][0]["expected_ends"], expected);
        let of = |format: &str| {
            let command = ["--now", NOW, "report", "--last-week", "--format", format];
            sandbox.run(&command).exits(0).stdout
        };
        let text = of("text");
        let lines = text.lines().filter(|line| {
            ["EXPIRED", "Failed runs", "failed"].iter().any(|word| line.contains(word))
        });
        let lines: Vec<_> =
            lines.map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let html = of("html");
        let cell = html.find(">EXPIRED").unwrap();
        let tag = &html[html[..cell].rfind('<').unwrap()..cell];
        (expected, lines.join("\n"), tag.to_owned())
    };
    let (streams, batches) = (shown("G.025X"), shown("G.1X"));
    assert_eq!((streams.0, batches.0), (1, 0));
    assert_ne!(streams.2, batches.2, "a failure is coloured as one");
    assert!(batches.1.contains("Failed runs 1\n"), "{}", batches.1);
    insta::assert_snapshot!(streams.1, @r"
    Cost of failed runs $0.66
    Failed runs 0
    1 run restarted, not failed
    EXPIRED (restarted) 50.0% 1 15 m 0 s $0.66
    - Failed cost also counts EXPIRED runs of streaming jobs. Glue restarts these every week, so they
    ");
}

/// Of the cost of failed runs a reader finds every dollar: what failed, and what is beside it.
#[test]
fn the_cost_of_failed_runs_is_what_failed_and_the_restarts_beside_it() {
    let sandbox = Sandbox::new();
    let ended = |id: &str, state: &str, seconds| {
        glue_run(id, "2026-11-10T08:00:00Z", seconds).replace("SUCCEEDED", state)
    };
    let stream = ended("jr_1", "EXPIRED", 900).replace("G.1X", "G.025X").replace("load", "stream");
    sandbox.write("runs.jsonl", [stream, ended("jr_2", "FAILED", 1_800)].join("\n"));
    import(&sandbox, "runs.jsonl");
    assert_eq!(json(&sandbox, "2026-W46")["totals"]["failed_cost_usd"], "1.98");
    let command = ["--now", NOW, "report", "--last-week", "--format", "text"];
    let text = sandbox.run(&command).exits(0).stdout;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "Cost of failed runs $1.98",
        "All errors 1 $1.32",
        "The cost of failed runs has $0.66 of restarted streams, too.",
    ] {
        assert!(text.contains(said), "no `{said}` in {text}");
    }
}

#[test]
fn numbers_beyond_all_reason_are_unpriced_and_stop_no_report() {
    let sandbox = Sandbox::new();
    let place = ["--account", "111122223333", "--region", "mars-north-1"];
    let metered = |id: &str| {
        let end = "2026-11-10T10:00:00Z";
        glue_run(id, end, 900).replace("\"GlueVersion\"", "\"DPUSeconds\":7e28,\"GlueVersion\"")
    };
    sandbox.write("runs.jsonl", [metered("jr_1"), metered("jr_2")].join("\n"));
    let imported = [&["--now", NOW, "import", "runs.jsonl"][..], &place[..]].concat();
    sandbox.run(&imported).exits(0);
    sandbox.write(
        "runs.csv",
        "engine,job,run_id,state,ended_at,cost_usd\n\
         emr-ec2,load,r1,SUCCEEDED,2026-11-10T10:00:00Z,100000000000000000000\n",
    );
    import(&sandbox, "runs.csv");
    let report = json(&sandbox, "2026-W46");
    assert_eq!(report["completeness"]["unpriced_runs"], 3);
    assert_eq!(report["totals"]["cost_usd"], "0.00");
    let end_of_time = ["--now", NOW, "report", "--week", "9999-W51", "--format", "json"];
    assert_eq!(sandbox.run(&end_of_time).exits(0).json()["totals"]["runs"], 0);
}

#[test]
fn a_demo_and_a_lock_leave_other_files_alone() {
    let sandbox = company();
    sandbox.write("runs.lock", "somebody's");
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let import = ["--store", "embedded:runs.db", "--now", NOW, "import", "runs.jsonl"];
    let elsewhere = [&import[..], &place[..]].concat();
    sandbox.run(&elsewhere).exits(0);
    assert_eq!(std::fs::read(sandbox.path("runs.lock")).unwrap(), b"somebody's");
    let demo = sandbox.run(&["--now", NOW, "demo", "--weeks", "2", "--out", "."]).exits(0);
    // What it tells as alerts, its report repeats.
    assert!(demo.stderr.contains(" alerts, told in "), "{}", demo.stderr);
    assert!(demo.stdout.contains("\nALERTS\n- critical since "), "{}", demo.stdout);
    assert_eq!(json(&sandbox, "2026-W46")["totals"]["cost_usd"], "0.66");
}

#[test]
fn importing_again_or_shuffled_changes_no_byte_of_the_report() {
    let lines: Vec<_> = (0..50)
        .map(|n| {
            let end = format!("2026-11-{:02}T10:{:02}:00Z", 9 + n % 7, n);
            glue_run(&format!("jr_{n}"), &end, 60 + n)
        })
        .collect();
    let shown = |sandbox: &Sandbox| {
        ["json", "html", "text", "web"].map(|format| {
            let arguments = ["--now", NOW, "report", "--week", "2026-W46", "--format", format];
            sandbox.run(&arguments).exits(0).stdout
        })
    };
    let straight = company();
    straight.write("runs.jsonl", lines.join("\n"));
    import(&straight, "runs.jsonl");
    let first = shown(&straight);
    import(&straight, "runs.jsonl");
    assert_eq!(shown(&straight), first);
    let shuffled = company();
    let reversed: Vec<_> = lines.into_iter().rev().collect();
    shuffled.write("runs.jsonl", reversed.join("\n"));
    import(&shuffled, "runs.jsonl");
    assert_eq!(shown(&shuffled), first);
}

#[test]
fn a_report_is_sent_once_and_a_preview_is_what_was_sent() {
    let sandbox = company();
    let send = ["--now", NOW, "report", "--last-week", "--send"];
    let first = sandbox.run(&send).exits(0);
    assert!(first.stderr.contains("sent to"), "{}", first.stderr);
    assert!(!first.stderr.contains("data-leaders@"), "an address in full: {}", first.stderr);
    let mails = outbox(&sandbox);
    assert_eq!(mails.len(), 2, "one .eml and its page");
    let again = sandbox.run(&send).exits(0);
    assert!(again.stderr.contains("already sent"), "{}", again.stderr);
    assert_eq!(outbox(&sandbox), mails);
    let preview = sandbox.run(&["--now", NOW, "report", "--last-week", "--format", "html"]);
    let page = mails.iter().find(|(name, _)| name.ends_with(".html")).unwrap();
    assert_eq!(preview.exits(0).stdout.as_bytes(), page.1);
}

#[test]
fn copies_resends_and_restatements_are_mails_of_their_own_kind() {
    let sandbox = company();
    let send = |more: &[&str]| {
        let arguments = [&["--now", NOW, "report", "--last-week", "--send"], more].concat();
        sandbox.run(&arguments)
    };
    send(&["--to", "me@example.com"]).exits(0);
    let copies = outbox(&sandbox);
    assert_eq!(copies.len(), 2);
    send(&[]).exits(0);
    assert_eq!(outbox(&sandbox).len(), 4, "a copy is not the report");
    send(&["--resend", "--why", "deleted by mistake"]).exits(0);
    assert_eq!(outbox(&sandbox).len(), 4, "in the outbox a repeat is the same file");
    let same = send(&["--restate"]).exits(2);
    assert!(same.stderr.contains("there is nothing to restate"), "{}", same.stderr);
    assert_eq!(outbox(&sandbox).len(), 4);
    send(&["--restate", "--why", "late runs"]).exits(0);
    let all = outbox(&sandbox);
    assert_eq!(all.len(), 6);
    let revision = all.iter().find(|(name, _)| name.contains("_r1_") && name.ends_with(".eml"));
    let text = String::from_utf8_lossy(&revision.unwrap().1).to_lowercase();
    assert!(text.contains("subject:") && text.contains("revision 1"), "{text}");
}

/// What is sent counts as the week's report for good, so it has to be of the whole week.
#[test]
fn what_is_not_over_is_shown_and_tried_and_not_sent() {
    let sandbox = company();
    let thursday = ["--now", "2026-11-12T12:00:00Z", "report", "--week", "2026-W46"];
    let run = |more: &[&str]| sandbox.run(&[&thursday[..], more].concat());
    let refused = run(&["--send"]).exits(2);
    assert!(refused.stderr.contains("2026-W46 is not over"), "{}", refused.stderr);
    assert!(outbox(&sandbox).is_empty());
    run(&[]).exits(0);
    run(&["--send", "--to", "me@example.com"]).exits(0);
    sandbox.run(&["--now", NOW, "report", "--last-week", "--send"]).exits(0);
    assert_eq!(outbox(&sandbox).len(), 4, "the copy, and the report");
}

#[test]
fn late_runs_change_later_looks_and_are_told_in_the_next_mail() {
    let sandbox = company();
    sandbox.run(&["--now", NOW, "report", "--last-week", "--send"]).exits(0);
    sandbox.write("late.jsonl", glue_run("jr_late", "2026-11-12T10:00:00Z", 36_000));
    let later = "2026-11-17T06:00:00Z";
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let arguments = [&["--now", later, "import", "late.jsonl"][..], &place[..]].concat();
    sandbox.run(&arguments).exits(0);
    let report = json(&sandbox, "2026-W46");
    assert_eq!(report["completeness"]["late_runs"], 1);
    assert_eq!(report["totals"]["cost_usd"], "27.06");
    let next = ["--now", "2026-11-23T06:00:00Z", "report", "--last-week", "--format", "json"];
    let restated = &sandbox.run(&next).exits(0).json()["completeness"]["restated_before"];
    assert_eq!(restated["sent_usd"], "0.66");
    assert_eq!(restated["now_usd"], "27.06");
}

#[test]
fn team_editions_go_to_owners_with_their_own_runs_alone() {
    let sandbox = company();
    let mut configuration = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    configuration = configuration.replace(
        "#: [reports.weekly.teams]\n",
        "[reports.weekly.teams]\nnobody = [\"nobody@example.com\"]\n",
    );
    configuration += "\n[[ownership.rules]]\njob = \"^load$\"\nteam = \"orders\"\n";
    // The first of them: alerts have readers of their own.
    configuration = configuration.replacen(
        "#: orders = [\"orders-owners@example.com\"]\n",
        "orders = [\"orders-owners@example.com\"]\n",
        1,
    );
    sandbox.write("runledger.toml", configuration);
    sandbox.run(&["--now", NOW, "report", "--last-week", "--send"]).exits(0);
    let pages: Vec<_> =
        outbox(&sandbox).into_iter().filter(|(name, _)| name.ends_with(".html")).collect();
    assert_eq!(pages.len(), 3);
    let holds = |edition: &str, text: &str| {
        let (_, page) = pages.iter().find(|(name, _)| name.contains(edition)).unwrap();
        String::from_utf8_lossy(page).contains(text)
    };
    assert!(holds("_all_", "$0.66") && holds("_orders_", "$0.66"));
    assert!(!holds("_nobody_", "$0.66"));
}

#[test]
fn wrong_configuration_does_nothing_and_says_where() {
    let sandbox = Sandbox::new();
    sandbox.write("runledger.toml", "[store]\nretention = 5\n");
    let refused = sandbox.run(&["--now", NOW, "report"]).exits(2);
    assert!(refused.stderr.contains("runledger.toml: store.retention"), "{}", refused.stderr);
    assert!(!sandbox.path("runledger.db").exists());
    let sandbox = company();
    sandbox.run(&["report", "monthly"]).exits(2);
    sandbox.run(&["report", "--week", "2026-46"]).exits(2);
    sandbox.run(&["report", "--format", "pdf"]).exits(2);
    let no_place = sandbox.run(&["import", "runs.jsonl"]).exits(2);
    assert!(no_place.stderr.contains("--account"), "{}", no_place.stderr);
}

#[test]
fn a_line_that_cannot_be_read_is_told_and_the_others_are_stored() {
    let sandbox = Sandbox::new();
    let good = glue_run("jr_1", "2026-11-10T10:00:00Z", 900);
    sandbox.write("runs.jsonl", format!("{good}\n{{\"Id\": \n{}", good.replace("jr_1", "jr_2")));
    let place = ["--account", "111122223333", "--region", "us-east-1"];
    let arguments = [&["--now", NOW, "import", "runs.jsonl"][..], &place[..]].concat();
    let partly = sandbox.run(&arguments).exits(4);
    assert!(partly.stderr.contains("runs.jsonl:2: "), "{}", partly.stderr);
    assert_eq!(json(&sandbox, "2026-W46")["totals"]["runs"], 2);
}

#[test]
fn what_has_expired_is_said_and_is_no_measure_of_change() {
    let sandbox = company();
    // 130 days after 12 November: a part of the week is past its retention.
    let now = "2027-03-22T06:00:00Z";
    let arguments = ["--now", now, "report", "--week", "2026-W46", "--format", "json"];
    let report = sandbox.run(&arguments).exits(0).json();
    assert_eq!(report["completeness"]["kept_since"], "2026-11-12T06:00:00Z");
    let text = sandbox.run(&["--now", now, "report", "--week", "2026-W46"]).exits(0);
    assert!(text.stdout.contains("ended before"), "{}", text.stdout);
    let next = ["--now", now, "report", "--week", "2026-W47", "--format", "json"];
    assert!(sandbox.run(&next).exits(0).json()["before"].is_null());
}

#[test]
fn a_rate_of_ones_own_comes_before_the_one_that_ships() {
    let sandbox = company();
    let configuration = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let rate = "\n[[pricing.rates]]\nengine = 'glue'\ncomponent = 'DPU'\nkinds = ['spark']\n\
                source = 'agreement'\nusd = { us-east-1 = '0.40' }\n";
    sandbox.write("runledger.toml", configuration + rate);
    // By hand: 6 DPU for a quarter of an hour at 0.40.
    assert_eq!(json(&sandbox, "2026-W46")["totals"]["cost_usd"], "0.60");
}

#[test]
fn a_run_that_is_read_as_ended_is_not_still_running() {
    let sandbox = company();
    let ended = glue_run("jr_2", "2026-11-12T10:00:00Z", 60);
    let running = r#"{"Id":"jr_2","JobName":"load","JobRunState":"RUNNING","StartedOn":"#;
    sandbox.write("running.jsonl", format!("{running}\"2026-11-11T10:00:00Z\"}}"));
    import(&sandbox, "running.jsonl");
    let completeness = &json(&sandbox, "2026-W46")["completeness"];
    assert_eq!(completeness["still_running"], 1);
    sandbox.write("ended.jsonl", ended);
    import(&sandbox, "ended.jsonl");
    import(&sandbox, "running.jsonl");
    let report = json(&sandbox, "2026-W46");
    assert_eq!(report["completeness"]["still_running"], 0);
    assert_eq!(report["totals"]["runs"], 2);
}

#[test]
fn what_has_no_price_never_looks_free() {
    let sandbox = Sandbox::new();
    let failed = glue_run("jr_1", "2026-11-10T10:00:00Z", 900)
        .replace("SUCCEEDED", "FAILED")
        .replace(r#","GlueVersion":"5.0""#, "");
    sandbox.write("runs.jsonl", failed);
    import(&sandbox, "runs.jsonl");
    let report = json(&sandbox, "2026-W46");
    for family in ["teams", "states", "configurations", "failures"] {
        assert_eq!(report[family][0]["unpriced_runs"], 1, "{family}");
    }
    let shown = sandbox.run(&["--now", NOW, "report", "--week", "2026-W46"]).exits(0);
    let failures = shown.stdout.split("WHAT FAILED").nth(1).unwrap();
    let row = failures.lines().find(|line| line.starts_with("FAILED")).unwrap();
    assert!(row.ends_with("unpriced"), "{row}");
    for table in ["jobs", "teams", "chains", "hourly"] {
        let export = ["--now", NOW, "export", table, "--week", "2026-W46"];
        let csv = sandbox.run(&export).exits(0).stdout;
        let mut rows = csv::Reader::from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
        let heading = rows.headers().unwrap().clone();
        let row = rows.records().next().unwrap().unwrap();
        let of = |name| heading.iter().position(|column| column == name).map(|place| &row[place]);
        assert_eq!((of("cost_usd"), of("unpriced_runs")), (Some(""), Some("1")), "{table}");
        assert!(of("waste_usd").unwrap_or_default().is_empty(), "{table}");
    }
}
