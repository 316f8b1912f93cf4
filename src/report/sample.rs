//! A small report with one of everything, on which templates are tried when they are loaded.
//!
//! It is never shown. What a template may ask for is in it, so a misspelt name fails at start.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::analysis::{
    Action, BillState, Completeness, ConfigurationFigures, FailureFigures, Figures, GapKind,
    GapLine, JobFigures, NotCollected, OpenRun, OverEstimate, PeakShare, QuotaFigures, Restated,
    StateFigures, TeamFigures, Totals, TrueUp, UnpricedReason, Waste,
};
use crate::model::{Engine, Period, RunIdentity, Severity, StandingAlert, Subject, Usd};

/// A report of a period in which nothing ended.
pub(super) fn empty() -> Figures {
    let period = Period::last_week(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
    // The epoch is no edge of the calendar, so its last week is always there.
    let Ok(period) = period else { unreachable!("the week before 1970 exists") };
    Figures {
        as_of: period.end,
        period,
        compared_with: "before".into(),
        team: Some("team".into()),
        revision: 0,
        completeness: Completeness::default(),
        totals: Totals::default(),
        before: None,
        jobs: Vec::new(),
        teams: Vec::new(),
        states: Vec::new(),
        configurations: Vec::new(),
        failures: Vec::new(),
        waste: Waste::default(),
        quotas: Vec::new(),
        still_running: Vec::new(),
        bill: None,
        bill_missing: None,
        runledger_cost: None,
        alerts: Vec::new(),
        alerts_total: 0,
        alerts_missing: None,
        actions: Vec::new(),
    }
}

/// A report with a row in every table.
pub(super) fn figures() -> Figures {
    let nothing = empty();
    let cost = Usd::from_nanos(2_000_000_000);
    let totals = Totals { runs: 2, cost_usd: cost, stopped_cost_usd: cost, ..Totals::default() };
    Figures {
        team: None,
        bill: Some(true_up(nothing.period.utc_day_range(), cost)),
        bill_missing: Some("read on no day".into()),
        completeness: completeness(nothing.as_of, cost),
        before: Some(totals.clone()),
        totals,
        jobs: vec![job("one", cost), job("other", cost)],
        teams: vec![team(cost)],
        states: vec![StateFigures {
            unpriced_runs: 0,
            state: "FAILED".into(),
            runs: 1,
            expected_ends: 0,
            cost_usd: cost,
            runtime_seconds: 60,
        }],
        configurations: vec![ConfigurationFigures {
            unpriced_runs: 0,
            engine: "glue".into(),
            worker_type: "G.1X".into(),
            execution_class: "STANDARD".into(),
            version: "4.0".into(),
            runs: 1,
            cost_usd: cost,
        }],
        failures: vec![failure(nothing.as_of, cost)],
        waste: Waste { bad_end_usd: cost, repeated_usd: cost, minimum_usd: cost },
        quotas: vec![quota(nothing.as_of)],
        still_running: vec![OpenRun {
            identity: identity(),
            job: "one".into(),
            team: "team".into(),
            state: "RUNNING".into(),
            started_at: Some(nothing.as_of),
            running_seconds: 60,
            cost_so_far_usd: Some(cost),
        }],
        alerts: vec![StandingAlert {
            code: "code".into(),
            severity: Severity::Warning,
            state: "OPEN".into(),
            fingerprint: "fingerprint".into(),
            subject: Subject::team("team"),
            observed: "observed".into(),
            limit: "limit".into(),
            message: "message".into(),
            advice: "advice".into(),
            opened_at: nothing.as_of,
        }],
        alerts_total: 2,
        alerts_missing: Some("missing".into()),
        actions: vec![Action { code: "fix-failures", advice: "advice".into(), usd: cost }],
        ..nothing
    }
}

/// A bill that is not final, with a line that explains a gap and an error to chase.
fn true_up(days: std::ops::Range<jiff::civil::Date>, cost: Usd) -> TrueUp {
    let bill = Usd::from_nanos(3_000_000_000);
    let (day, account) = (days.start, "111122223333".to_owned());
    TrueUp {
        days,
        day_count: 7,
        days_read: 6,
        days_settled: 5,
        state: BillState::Partial,
        reason: Some("AWS may still change 1 of 7 days".into()),
        estimate_usd: cost,
        off_bill_usd: Usd::ZERO,
        bill_usd: Some(bill),
        gap_usd: Some(bill - cost),
        over_tolerance: true,
        lines: vec![GapLine {
            kind: GapKind::Crawlers,
            account: Some(account.clone()),
            usage_type: Some("EU-Crawler-DPU-Hour".into()),
            usd: bill - cost,
            explanation: "2 DPU-Hour of crawlers on 1 day".into(),
        }],
        over_estimates: vec![OverEstimate {
            day,
            account,
            usage_type: "ETL-DPU-Hour".into(),
            estimated_quantity: Decimal::TWO,
            billed_quantity: Decimal::ONE,
            usd: cost,
        }],
        questions: Vec::new(),
    }
}

fn completeness(at: Timestamp, cost: Usd) -> Completeness {
    Completeness {
        runs: 2,
        unpriced_runs: 1,
        unpriced_reasons: vec![UnpricedReason {
            reason: "reason".into(),
            runs: 1,
            dpu_hours: Decimal::ONE,
            ..UnpricedReason::default()
        }],
        collected_through: Some(at),
        not_collected: vec![NotCollected {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            engine: "glue".into(),
            collected_through: None,
            error: Some("error".into()),
        }],
        undated_rates: vec!["rate".into()],
        overdue_since: Some(at),
        restated_before: Some(Restated { period: "before".into(), sent_usd: cost, now_usd: cost }),
        ..Completeness::default()
    }
}

fn job(name: &str, cost: Usd) -> JobFigures {
    JobFigures {
        engine: "glue".into(),
        account: "123456789012".into(),
        account_name: None,
        region: "eu-west-1".into(),
        job: name.into(),
        team: "team".into(),
        runs: 2,
        retries: 1,
        unpriced_runs: 1,
        by_state: [("FAILED".to_owned(), 1)].into(),
        expected_ends: 0,
        cost_usd: cost,
        change_usd: Some(cost),
        waste_usd: cost,
        runtime_seconds: 60,
        avg_workers: 2.0,
    }
}

fn team(cost: Usd) -> TeamFigures {
    TeamFigures {
        unpriced_runs: 0,
        team: "team".into(),
        runs: 2,
        cost_usd: cost,
        change_usd: Some(cost),
        waste_usd: cost,
        share: 1.0,
        budget_usd: Some(cost),
        forecast_usd: Some(cost),
        budget_used_usd: Some(cost),
        budget_through: Some(jiff::civil::Date::ZERO),
        budget_incomplete_because: Some("reason".into()),
    }
}

fn failure(at: Timestamp, cost: Usd) -> FailureFigures {
    FailureFigures {
        unpriced_runs: 0,
        restart: false,
        engine: "glue".into(),
        account: "123456789012".into(),
        account_name: None,
        region: "eu-west-1".into(),
        job: "one".into(),
        team: "team".into(),
        state: "FAILED".into(),
        runs: 1,
        cost_usd: cost,
        error: "error".into(),
        latest: identity(),
        latest_end: at,
    }
}

fn quota(at: Timestamp) -> QuotaFigures {
    QuotaFigures {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        quota: "glue-dpus".into(),
        limit: Some(10.0),
        limit_source: None,
        peak: 8.0,
        peak_upper: Some(9.0),
        peak_at: Some(at),
        shared_by: vec![PeakShare { job: "one".into(), held: 8.0 }],
        share: 0.8,
        seconds_over_80: 60,
        seconds_over_90: 0,
        teams: Vec::new(),
        waited_runs: 0,
        waited_seconds: 0,
        forecast: None,
        no_forecast: None,
    }
}

fn identity() -> RunIdentity {
    RunIdentity {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: "jr_1".into(),
        attempt: 1,
    }
}
