//! Each kind of difference by hand; what holds for every comparison is in `property`.

mod off_bill;
mod property;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::*;
use crate::analysis::Books;
use crate::model::{
    BillDay, BillLine, Engine, ExecutionClass, JobNames, JobRun, Resources, RunIdentity, RunState,
    Usd,
};
use crate::ownership::{Ownership, OwnershipSettings};
use crate::pricing::{PricingSettings, RateCard, by_day};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";
const GLUE: &str = "EU-ETL-DPU-Hour";

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn week() -> Range<Date> {
    date("2026-11-09")..date("2026-11-16")
}

fn books() -> Books {
    Books {
        card: RateCard::shipped().unwrap(),
        pricing: PricingSettings::default(),
        ownership: Ownership::new(&OwnershipSettings::default()).unwrap(),
        names: JobNames::new(&[]).unwrap(),
    }
}

/// A run of 10 DPU at noon of a day.
fn glue_run(account: &str, day: &str, id: &str, seconds: u64) -> JobRun {
    let identity = RunIdentity {
        account: account.into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: id.into(),
        attempt: 1,
    };
    let start: Timestamp = format!("{day}T12:00:00Z").parse().unwrap();
    let mut run = JobRun::new(identity, RunState::Succeeded);
    run.started_at = Some(start);
    run.ended_at = Some(start + jiff::SignedDuration::from_secs(seconds.max(1).cast_signed()));
    run.execution_seconds = Some(seconds);
    run.max_capacity = Some(Decimal::TEN);
    run.version = Some("4.0".into());
    run
}

fn emr_run(day: &str, id: &str, attempt: u32, vcpu_hours: &str) -> JobRun {
    let mut run = glue_run(ACCOUNT, day, id, 3600);
    run.identity.engine = Engine::EmrServerless;
    run.identity.application_id = Some("app".into());
    run.identity.attempt = attempt;
    run.state = RunState::Success;
    run.max_capacity = None;
    run.billed = Some(Resources {
        vcpu_hours: decimal(vcpu_hours),
        memory_gb_hours: Decimal::ZERO,
        storage_gb_hours: Decimal::ZERO,
    });
    run
}

fn usage(account: &str, day: &str, usage_type: &str, quantity: &str, amount: &str) -> BillLine {
    BillLine {
        account: account.into(),
        day: date(day),
        usage_type: Some(usage_type.into()),
        record_type: "Usage".into(),
        quantity: decimal(quantity),
        unit: "DPU-Hour".into(),
        amount: decimal(amount),
        currency: "USD".into(),
        estimated: false,
    }
}

fn record(day: &str, record_type: &str, amount: &str) -> BillLine {
    let (usage_type, record_type) = (None, record_type.to_owned());
    BillLine { usage_type, record_type, ..usage(ACCOUNT, day, "", "0", amount) }
}

/// A bill of the whole week, final, with these lines.
fn bill(lines: Vec<BillLine>) -> AccountBill {
    let mut of_day = BTreeMap::<Date, Vec<BillLine>>::new();
    for line in lines {
        of_day.entry(line.day).or_default().push(line);
    }
    let day = |day: Date| BillDay {
        day,
        read_at: "2026-12-06T00:00:00Z".parse().unwrap(),
        estimated: false,
        lines: of_day.get(&day).cloned().unwrap_or_default(),
    };
    let days = super::known_bill::days(&week()).map(day).collect();
    AccountBill { account: ACCOUNT.into(), payer: false, days }
}

struct Scene {
    books: Arc<Books>,
    runs: Vec<JobRun>,
    bills: Vec<AccountBill>,
    collected: Vec<Collected>,
    under_way: Vec<(String, Date)>,
}

impl Scene {
    fn new(runs: Vec<JobRun>, lines: Vec<BillLine>) -> Self {
        let bills = vec![bill(lines)];
        Self { books: Arc::new(books()), runs, bills, collected: Vec::new(), under_way: Vec::new() }
    }

    fn compare(&self) -> Comparison {
        let mut estimate = Estimate::new(&self.books, week());
        for run in &self.runs {
            let priced = self.books.price(run);
            let mut shares = by_day(run, &priced.price);
            shares.retain(|share| week().contains(&share.day));
            estimate.add(run, &priced, &shares);
        }
        let facts = Facts {
            bills: &self.bills,
            collected: &self.collected,
            under_way: &self.under_way,
            problems: &[],
            tolerance_percent: Decimal::TWO,
            tolerance_usd: Usd::from_nanos(1_000_000_000),
        };
        let comparison = compare(estimate, &facts);
        assert_adds_up(&comparison);
        comparison
    }

    fn true_up(&self) -> TrueUp {
        self.compare().true_up
    }
}

fn assert_adds_up(comparison: &Comparison) {
    let true_up = &comparison.true_up;
    let named: Usd = true_up.lines.iter().map(|line| line.usd).sum();
    match true_up.bill_usd {
        Some(bill) => assert_eq!(named, bill - true_up.estimate_usd),
        None => assert!(true_up.lines.is_empty()),
    }
    let rows: Usd = comparison.rows.iter().map(|row| row.estimate_usd).sum();
    assert_eq!(rows, true_up.estimate_usd);
}

/// The lines as kind, usage type and dollars.
fn told(true_up: &TrueUp) -> Vec<(GapKind, &str, String)> {
    let line = |line: &'_ GapLine| (line.kind, line.usd.to_string());
    true_up
        .lines
        .iter()
        .map(|gap| {
            let (kind, usd) = line(gap);
            (kind, gap.usage_type.as_deref().unwrap_or("-"), usd)
        })
        .collect()
}

/// 10 DPU for an hour at 0.44 is 4.40, and so it is billed: there is nothing to tell.
#[test]
fn a_bill_that_agrees_has_no_lines() {
    let run = glue_run(ACCOUNT, "2026-11-10", "a", 3600);
    let scene = Scene::new(vec![run], vec![usage(ACCOUNT, "2026-11-10", GLUE, "10", "4.4")]);
    let true_up = scene.true_up();
    assert_eq!(
        (true_up.estimate_usd.to_string(), true_up.bill_usd),
        ("4.40".into(), Some(true_up.estimate_usd))
    );
    assert_eq!((true_up.state, true_up.reason.clone()), (BillState::Final, None));
    assert_eq!((true_up.day_count, true_up.days_read, true_up.days_settled), (7, 7, 7));
    assert!(true_up.lines.is_empty() && !true_up.over_tolerance);
}

/// 15 DPU-hours billed, 10 of known runs: the other 5 are 2.20 of the 6.60.
#[test]
fn usage_beyond_the_runs_is_of_runs_not_captured() {
    let run = glue_run(ACCOUNT, "2026-11-10", "a", 3600);
    let scene = Scene::new(vec![run], vec![usage(ACCOUNT, "2026-11-10", GLUE, "15", "6.6")]);
    let true_up = scene.true_up();
    assert_eq!(told(&true_up), [(GapKind::RunsNotCaptured, "ETL-DPU-Hour", "2.20".into())]);
    assert_eq!(
        true_up.lines[0].explanation,
        "15 DPU-Hour billed, 10 DPU-Hour of known runs, on 1 day: runs that no source told of"
    );
    assert_eq!(true_up.gap_usd.unwrap().to_string(), "2.20");
    assert!(true_up.over_tolerance);
}

/// The same hours at 0.40 each: 4.00, that is 0.40 less.
#[test]
fn another_rate_is_told_apart_from_another_quantity() {
    let run = glue_run(ACCOUNT, "2026-11-10", "a", 3600);
    let line = usage(ACCOUNT, "2026-11-10", GLUE, "10", "4");
    let scene = Scene::new(vec![run.clone()], vec![line]);
    let true_up = scene.true_up();
    assert_eq!(told(&true_up), [(GapKind::RateVariance, "ETL-DPU-Hour", "-0.40".into())]);
    let explanation = &true_up.lines[0].explanation;
    assert!(explanation.starts_with("billed at $0.4, estimated at $0.44"), "{explanation}");
    // 12 hours at 0.40: the two beyond the runs at the billed rate, the ten at the difference.
    let line = usage(ACCOUNT, "2026-11-10", GLUE, "12", "4.8");
    let true_up = Scene::new(vec![run], vec![line]).true_up();
    assert_eq!(
        told(&true_up),
        [
            (GapKind::RunsNotCaptured, "ETL-DPU-Hour", "0.80".into()),
            (GapKind::RateVariance, "ETL-DPU-Hour", "-0.40".into()),
        ]
    );
}

/// 10 estimated, 4 billed: 6 hours at 0.44 too much, and it is an error once the day is final.
#[test]
fn estimating_above_a_final_bill_is_an_error_to_chase() {
    let run = glue_run(ACCOUNT, "2026-11-10", "a", 3600);
    let line = usage(ACCOUNT, "2026-11-10", GLUE, "4", "1.76");
    let mut scene = Scene::new(vec![run], vec![line]);
    let true_up = scene.true_up();
    assert_eq!(told(&true_up), [(GapKind::OverEstimate, "ETL-DPU-Hour", "-2.64".into())]);
    let over = &true_up.over_estimates[0];
    assert_eq!((over.estimated_quantity, over.billed_quantity), (decimal("10"), decimal("4")));
    assert_eq!((over.day, over.usd.to_string()), (date("2026-11-10"), "2.64".into()));
    assert!(true_up.lines[0].explanation.ends_with("an error to chase"));
    // As long as AWS may still change the day, it is only not settled.
    scene.bills[0].days[1].estimated = true;
    let true_up = scene.true_up();
    assert_eq!(told(&true_up), [(GapKind::DaysNotSettled, "-", "-2.64".into())]);
    assert!(true_up.over_estimates.is_empty() && !true_up.over_tolerance);
    assert_eq!((true_up.state, true_up.days_settled), (BillState::Partial, 6));
    assert_eq!(true_up.reason.as_deref(), Some("AWS may still change 1 of 7 days"));
    // And a day that was never read knows nothing of its 4.40.
    scene.bills[0].days.remove(1);
    let true_up = scene.true_up();
    assert_eq!(told(&true_up), [(GapKind::DaysNotSettled, "-", "-4.40".into())]);
    assert_eq!(true_up.gap_usd, Some(Usd::ZERO));
}

/// 0.30 too much of 4.40 is within two percent or a dollar: a line, and no error.
#[test]
fn the_tolerance_is_in_percent_and_dollars() {
    let run = glue_run(ACCOUNT, "2026-11-10", "a", 3600);
    let line = usage(ACCOUNT, "2026-11-10", GLUE, "9", "3.96");
    let true_up = Scene::new(vec![run], vec![line]).true_up();
    assert_eq!(told(&true_up), [(GapKind::OverEstimate, "ETL-DPU-Hour", "-0.44".into())]);
    assert!(true_up.over_estimates.is_empty() && !true_up.over_tolerance);
    assert!(true_up.lines[0].explanation.ends_with("within the tolerance"));
}

#[test]
fn what_is_no_usage_of_runs_has_its_name() {
    let day = "2026-11-10";
    let lines = vec![
        usage(ACCOUNT, day, "EU-Crawler-DPU-Hour", "2", "0.88"),
        usage(ACCOUNT, day, "EU-Catalog-Request", "1000000", "1.0"),
        usage(ACCOUNT, day, "EU-DBrew-Node-Hour", "1", "0.48"),
        usage(ACCOUNT, day, "EU-GlueInteractiveSession-DPU-Hour", "3", "1.32"),
        record(day, "Credit", "-5"),
        record(day, "Refund", "-0.5"),
        record(day, "Tax", "0.7"),
        record(day, "Enterprise Discount Program Discount", "-0.3"),
        record(day, "Fee", "0.1"),
    ];
    let true_up = Scene::new(Vec::new(), lines).true_up();
    assert_eq!(
        told(&true_up),
        [
            (GapKind::Credits, "Credit", "-5.00".into()),
            (GapKind::SessionsNotSeen, "GlueInteractiveSession-DPU-Hour", "1.32".into()),
            (GapKind::Catalog, "EU-Catalog-Request", "1.00".into()),
            (GapKind::Crawlers, "EU-Crawler-DPU-Hour", "0.88".into()),
            (GapKind::Tax, "Tax", "0.70".into()),
            (GapKind::Refunds, "Refund", "-0.50".into()),
            (GapKind::OtherUsage, "EU-DBrew-Node-Hour", "0.48".into()),
            (GapKind::RateVariance, "Enterprise Discount Program Discount", "-0.30".into()),
            (GapKind::OtherUsage, "Fee", "0.10".into()),
        ]
    );
}

/// 10 vCPU-hours of a run at 0.052624, and 14 billed: 4 of them, 0.210496, are idle where every
/// run is known, and may be either where not.
#[test]
fn idle_capacity_is_told_where_every_run_is_known() {
    let day = "2026-11-10";
    let mut run = emr_run(day, "r", 1, "10");
    run.identity.region = "us-east-1".into();
    let line = usage(ACCOUNT, day, "USE1-EMR-SERVERLESS-vCPUHours", "14", "0.736736");
    let mut scene = Scene::new(vec![run], vec![line]);
    let kind = |scene: &Scene| {
        let true_up = scene.true_up();
        assert_eq!(true_up.lines[0].usd.to_string(), "0.210496");
        true_up.lines[0].kind
    };
    assert_eq!(kind(&scene), GapKind::IdleOrNotCaptured);
    let collected = |through: &str| Collected {
        account: ACCOUNT.into(),
        region: "us-east-1".into(),
        engine: Engine::EmrServerless,
        through: Some(through.parse().unwrap()),
    };
    scene.collected = vec![collected("2026-11-10T23:59:59Z")];
    assert_eq!(kind(&scene), GapKind::IdleOrNotCaptured);
    scene.collected = vec![collected("2026-11-11T00:00:00Z")];
    assert_eq!(kind(&scene), GapKind::IdleCapacity);
    // A run under way may hold the rest.
    scene.under_way = vec![(ACCOUNT.into(), date("2026-11-10"))];
    assert_eq!(kind(&scene), GapKind::IdleOrNotCaptured);
    scene.under_way = vec![(ACCOUNT.into(), date("2026-11-11"))];
    assert_eq!(kind(&scene), GapKind::IdleCapacity);
    // So may one in a region that nobody collects from.
    let elsewhere = usage(ACCOUNT, "2026-11-12", "EU-EMR-SERVERLESS-vCPUHours", "0", "0");
    scene.bills[0].days[3].lines.push(elsewhere);
    assert_eq!(kind(&scene), GapKind::IdleOrNotCaptured);
}

/// ARM has no rate in eu-west-1; its 3 of the 5 billed hours are known to be of that run.
#[test]
fn usage_of_runs_without_a_price_is_told_apart() {
    let day = "2026-11-10";
    let mut run = emr_run(day, "r", 1, "3");
    run.define(crate::model::Definition {
        architecture: Some(crate::model::Architecture::Arm),
        ..crate::model::Definition::default()
    });
    let line = usage(ACCOUNT, day, "EU-EMR-SERVERLESS-ARM-vCPUHours", "5", "0.25");
    let true_up = Scene::new(vec![run], vec![line]).true_up();
    assert_eq!(
        told(&true_up),
        [
            (GapKind::UnpricedRuns, "EMR-SERVERLESS-ARM-vCPUHours", "0.15".into()),
            (GapKind::IdleOrNotCaptured, "EMR-SERVERLESS-ARM-vCPUHours", "0.10".into()),
        ]
    );
}

/// A Flex run without meters is priced at capacity times time, and says that it is at most that.
#[test]
fn an_upper_bound_above_the_bill_is_no_error() {
    let day = "2026-11-10";
    let mut run = glue_run(ACCOUNT, day, "a", 36_000);
    run.identity.region = "us-east-1".into();
    run.execution_class = Some(ExecutionClass::Flex);
    // 100 DPU-hours at 0.29 are estimated, 60 billed.
    let line = usage(ACCOUNT, day, "USE1-ETL-Flex-DPU-Hour", "60", "17.4");
    let true_up = Scene::new(vec![run], vec![line]).true_up();
    assert_eq!(told(&true_up), [(GapKind::UpperBound, "ETL-Flex-DPU-Hour", "-11.60".into())]);
    assert!(true_up.over_estimates.is_empty());
}

#[test]
fn other_engines_and_other_accounts_are_on_no_bill() {
    let mut imported = glue_run(ACCOUNT, "2026-11-10", "a", 3600);
    imported.identity.engine = Engine::from("emr-ec2");
    imported.imported_cost = Some("7".parse().unwrap());
    let elsewhere = glue_run(OTHER, "2026-11-10", "b", 3600);
    let mut scene = Scene::new(vec![imported, elsewhere], Vec::new());
    let true_up = scene.true_up();
    let of = |account: &str| {
        let line = true_up.lines.iter().find(|l| l.account.as_deref() == Some(account)).unwrap();
        (line.kind, line.usd.to_string())
    };
    assert_eq!(of(ACCOUNT), (GapKind::OtherEngines, "-7.00".into()));
    assert_eq!(true_up.off_bill_usd.to_string(), "7.00");
    assert_eq!(of(OTHER), (GapKind::OutsideBill, "-4.40".into()));
    assert_eq!(true_up.gap_usd, Some(Usd::ZERO));
    // A payer's bill speaks for the accounts that it names.
    scene.bills[0].payer = true;
    let line = usage(OTHER, "2026-11-12", "EU-Crawler-DPU-Hour", "1", "0.44");
    scene.bills[0].days[3].lines.push(line);
    let true_up = scene.true_up();
    assert_eq!(told(&true_up)[1], (GapKind::OverEstimate, "ETL-DPU-Hour", "-4.40".into()));
    // An account's own bill comes before what its payer says of it.
    let own = AccountBill { account: OTHER.into(), payer: false, days: Vec::new() };
    scene.bills.push(own);
    let true_up = scene.true_up();
    assert_eq!(told(&true_up)[1], (GapKind::DaysNotSettled, "-", "-4.40".into()));
    assert_eq!(true_up.bill_usd, Some(Usd::ZERO));
}

#[test]
fn currencies_are_never_added() {
    let runs = vec![glue_run(ACCOUNT, "2026-11-10", "a", 3600)];
    let mut euros = usage(ACCOUNT, "2026-11-10", GLUE, "10", "4.1");
    euros.currency = "EUR".into();
    let mut scene = Scene::new(runs, vec![euros]);
    let true_up = scene.true_up();
    assert_eq!((true_up.bill_usd, true_up.state), (None, BillState::Unknown));
    let reason = true_up.reason.unwrap();
    assert_eq!(reason, "account 111122223333 is billed in EUR (4.1), which is not compared");
    // Another account in dollars is compared, and only that.
    let mut own = bill(vec![usage(OTHER, "2026-11-10", GLUE, "10", "4.4")]);
    own.account = OTHER.into();
    scene.bills.push(own);
    scene.runs.push(glue_run(OTHER, "2026-11-10", "b", 3600));
    let true_up = scene.true_up();
    assert_eq!(true_up.bill_usd.unwrap().to_string(), "4.40");
    assert_eq!(told(&true_up), [(GapKind::OutsideBill, "-", "-4.40".into())]);
    assert_eq!(true_up.state, BillState::Partial);
}

/// Three runs of 30 s that metered 300 DPU-seconds each: 0.25 DPU-hours as metered, twice that if
/// a minute is the least.
#[test]
fn the_bill_tells_whether_the_minimum_applies_to_metered_runs() {
    let runs: Vec<JobRun> = (0..3)
        .map(|n| {
            let mut run = glue_run(ACCOUNT, "2026-11-10", &format!("r{n}"), 30);
            run.dpu_seconds = Some(decimal("300"));
            run
        })
        .collect();
    let answer = |billed: &str, applies: bool| {
        let amount = (decimal(billed) * decimal("0.44")).to_string();
        let line = usage(ACCOUNT, "2026-11-10", GLUE, billed, &amount);
        let mut scene = Scene::new(runs.clone(), vec![line]);
        Arc::make_mut(&mut scene.books).pricing.minimum_applies_to_metered = applies;
        scene.true_up().questions.remove(0)
    };
    for applies in [false, true] {
        let question = answer("0.25", applies);
        assert_eq!(question.answer, Some("as metered"));
        let quantities: Vec<_> = question.readings.iter().map(|r| r.quantity.to_string()).collect();
        // A run's 300 / 3600 hours are rounded at nine decimals.
        assert_eq!(quantities, ["0.249999999", "0.500000001"]);
        assert_eq!(answer("0.5", applies).answer, Some("with the minimum"));
        let untold = answer("0.375", applies);
        assert_eq!((untold.answer, untold.compared), (None, 1));
        assert!(untold.explanation.starts_with("the bill does not tell: billed 0.375"));
    }
}

/// Attempts of 4 and 9 vCPU-hours: 13 if each counts its own, 9 if the second counts the first's.
#[test]
fn the_bill_tells_whether_utilisation_is_per_attempt() {
    let mut first = emr_run("2026-11-10", "r", 1, "4");
    first.state = RunState::Failed;
    let second = emr_run("2026-11-10", "r", 2, "9");
    let answer = |billed: &str| {
        let line = usage(ACCOUNT, "2026-11-10", "EU-EMR-SERVERLESS-vCPUHours", billed, "1");
        let runs = vec![second.clone(), first.clone()];
        Scene::new(runs, vec![line]).true_up().questions.remove(1)
    };
    assert_eq!(answer("13").answer, Some("per attempt"));
    assert_eq!(answer("9").answer, Some("cumulative"));
    assert_eq!(answer("11").answer, None);
    let quantities: Vec<_> = answer("13").readings.into_iter().map(|r| r.quantity).collect();
    assert_eq!(quantities, [decimal("13"), decimal("9")]);
}
