//! Budgets, with forecasts worked out by hand.

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
