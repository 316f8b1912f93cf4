//! Budgets, with forecasts worked out by hand.

use runledger::model::Engine;
use runledger::store::{SourceState, Store, StoreSettings};
use serde_json::Value;

use super::{chargeback, company, glue_run, import, json};
use crate::harness::Sandbox;

/// Orders run on every Monday from 5 October 2026: one, two, three ... hours, at 2.64 an hour.
fn mondays() -> Sandbox {
    let sandbox = company();
    let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    sandbox.write("runledger.toml", config + "[budgets]\norders = '40.00'\nclaims = '1.00'\n");
    let days = ["10-05", "10-12", "10-19", "10-26", "11-02", "11-09", "11-16"];
    let run = |(hours, day): (u32, &&str)| {
        let at = |hour: u32| format!("2026-{day}T{hour:02}:00:00Z");
        glue_run(&format!("jr_m{hours}"), "orders-monday", &at(1), &at(1 + hours))
    };
    let runs: Vec<_> = (1..).zip(&days).map(run).collect();
    import(&sandbox, "2026-11-20T00:00:00Z", &runs);
    sandbox
}

#[test]
fn used_forecast_and_spread_in_the_month() {
    let sandbox = mondays();
    // Friday: of November two Mondays are over (5 and 6 hours; 7 more on the 16th), 18 hours and
    // the hour of jr_2 on the 1st; the 23rd and the 30th are left.
    let month = json(&sandbox, "2026-11-20T05:00:00Z", "2026-11");
    let orders = &month["budgets"][1];
    assert_eq!(orders["team"], "orders");
    assert_eq!((&orders["budget_usd"], &orders["used_usd"]), (&"40.00".into(), &"50.16".into()));
    assert_eq!(orders["through"], "2026-11-19");
    // Mondays of 1 to 7 hours: quartiles 2.5, 4 and 5.5. The first known day is 30 September, so
    // Sundays too have enough of a history: of eight there is one with an hour, so all 0. Saturday
    // the 31st had an hour (jr_2), the 10th two (jr_1): of 3, 10, 17, 24, 31 October and 7 and 14
    // November the quartiles are 0, 0 and half an hour, for the 21st and the 28th.
    let hours = |hours: f64| format!("{:.2}", (19.0 + hours) * 2.64);
    assert_eq!(orders["forecast"]["low_usd"], hours(2.0 * 2.5));
    assert_eq!(orders["forecast"]["usd"], hours(2.0 * 4.0));
    assert_eq!(orders["forecast"]["high_usd"], hours(2.0 * 5.5 + 2.0 * 0.5));
    let text = chargeback(&sandbox, "2026-11-20T05:00:00Z", "2026-11", &[]).exits(0).stdout;
    let row = text.lines().find(|l| l.starts_with("orders ") && l.contains("$40.00")).unwrap();
    for part in ["$50.16", "$71.28", "$63.36 to $81.84", "over"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    // A day that is not complete does not count, and a month that is over needs no forecast.
    let monday = json(&sandbox, "2026-11-16T23:00:00Z", "2026-11");
    assert_eq!(monday["budgets"][1]["used_usd"], "31.68");
    let over = json(&sandbox, "2026-12-03T00:00:00Z", "2026-11");
    assert_eq!(over["budgets"][1]["forecast"]["usd"], "50.16");
}

#[test]
fn the_report_has_them_beside_its_teams() {
    let sandbox = mondays();
    let week = |now: &str, format: &str| {
        let arguments = ["--now", now, "report", "--week", "2026-W46", "--format", format];
        sandbox.run(&arguments).exits(0)
    };
    let report = week("2026-11-20T05:00:00Z", "json").json();
    let team = &report["teams"][0];
    assert_eq!((&team["team"], &team["budget_usd"]), (&"orders".into(), &"40.00".into()));
    assert_eq!(team["forecast_usd"], "71.28");
    for format in ["text", "html"] {
        let shown = week("2026-11-20T05:00:00Z", format).stdout;
        assert!(shown.contains("budget $40.00, forecast $71.28: over by $31.28"), "{shown}");
    }
    // On 16 October the history is short: the budget is there and the forecast is silent.
    let arguments =
        ["--now", "2026-10-16T00:00:00Z", "report", "--week", "2026-W41", "--format", "json"];
    let early = sandbox.run(&arguments).exits(0).json();
    assert_eq!(early["teams"][0]["budget_usd"], "40.00");
    assert!(early["teams"][0]["forecast_usd"].is_null());
}

async fn collected(sandbox: &Sandbox, through: Option<&str>) {
    let path = sandbox.path("runledger.db");
    let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
    let state = SourceState {
        account: "111122223333".into(),
        region: "us-east-1".into(),
        engine: Engine::Glue,
        sessions: false,
        collected_through: through.map(|at| at.parse().unwrap()),
        attempted_at: "2026-11-20T00:00:00Z".parse().unwrap(),
        error: None,
    };
    store.put_source_state(&state).await.unwrap();
}

/// Collected up to noon of Monday the 16th: its seven hours are known, and the day is not complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_that_were_not_collected_to_their_end_are_not_complete() {
    let now = "2026-11-20T05:00:00Z";
    let sandbox = mondays();
    collected(&sandbox, None).await;
    let orders = json(&sandbox, now, "2026-11")["budgets"][1].clone();
    assert_eq!((&orders["used_usd"], &orders["through"]), (&"0.00".into(), &Value::Null));
    assert_eq!((&orders["incomplete_usd"], &orders["forecast"]), (&"50.16".into(), &Value::Null));
    let because = orders["incomplete_because"].as_str().unwrap();
    assert_eq!(because, "glue in us-east-1 of account 111122223333 was never collected to an end");

    collected(&sandbox, Some("2026-11-16T12:00:00Z")).await;
    let orders = json(&sandbox, now, "2026-11")["budgets"][1].clone();
    // Without the Monday: 5 and 6 hours, and the one of jr_2. The forecast has all Mondays before
    // it (1 to 6 hours, median 3.5) for two, and the seven that are known for this one.
    assert_eq!((&orders["used_usd"], &orders["through"]), (&"31.68".into(), &"2026-11-15".into()));
    assert_eq!(orders["incomplete_usd"], "18.48");
    assert_eq!(orders["forecast"]["usd"], format!("{:.2}", (12.0 + 7.0 + 7.0) * 2.64));
    for format in ["text", "html"] {
        let shown = chargeback(&sandbox, now, "2026-11", &["--format", format]).exits(0).stdout;
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["Used through 2026-11-15", "over and not complete", "12:00:00Z only", "$18.48"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
    let week = |format: &str| {
        let arguments = ["--now", now, "report", "--week", "2026-W46", "--format", format];
        sandbox.run(&arguments).exits(0)
    };
    let team = week("json").json()["teams"][0].clone();
    assert_eq!(team["budget_used_usd"], "31.68");
    assert_eq!(team["budget_through"], "2026-11-15");
    for format in ["text", "html"] {
        let shown = week(format).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains("(counted through 2026-11-15: glue in us-east-1"), "{shown}");
    }
}

/// Claims ran nothing in the week, and have a budget all the same.
#[test]
fn a_team_with_a_budget_and_no_run_stands_in_the_report() {
    let sandbox = mondays();
    let week = |format: &str| {
        let now = "2026-11-20T05:00:00Z";
        let arguments = ["--now", now, "report", "--week", "2026-W46", "--format", format];
        sandbox.run(&arguments).exits(0)
    };
    let report = week("json").json();
    let teams = report["teams"].as_array().unwrap();
    let claims = teams.iter().find(|team| team["team"] == "claims").unwrap();
    assert_eq!((&claims["runs"], &claims["cost_usd"]), (&0.into(), &"0.00".into()));
    assert_eq!((&claims["budget_usd"], &claims["forecast_usd"]), (&"1.00".into(), &"0.00".into()));
    let text = week("text").stdout;
    assert!(text.contains("Month's budget $1.00, forecast $0.00: within it"), "{text}");
}
