//! Whatever a run is: its lines and days add up to its cost, the arithmetic that is shown is the
//! arithmetic, and a total holds every run once on every level.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::model::{Definition, JobKind, JobNames, Resources, RunIdentity, RunState};
use crate::ownership::{Ownership, OwnershipSettings};
use crate::pricing::{PricingSettings, RateCard};

fn books() -> Books {
    Books {
        card: RateCard::shipped().unwrap(),
        pricing: PricingSettings::default(),
        ownership: Ownership::new(&OwnershipSettings::default()).unwrap(),
        names: JobNames::new(&[]).unwrap(),
    }
}

/// Runs of both engines, of every kind, with and without what prices them.
fn run() -> impl Strategy<Value = JobRun> {
    let region = prop::sample::select(vec!["us-east-1", "eu-west-1", "mars-north-1"]);
    let state = prop::sample::select(vec!["SUCCEEDED", "FAILED", "TIMEOUT", "SUCCESS", "RUNNING"]);
    let worker = prop::sample::select(vec!["G.1X", "G.2X", "R.1X", "Z.2X", "G.025X", "odd"]);
    let version = prop::option::of(prop::sample::select(vec!["0.9", "2.0", "4.0", "6.0"]));
    let kind = prop::option::of(prop::sample::select(vec![
        JobKind::Spark,
        JobKind::Streaming,
        JobKind::PythonShell,
        JobKind::Session,
    ]));
    let times = (1_700_000_000_i64..1_800_000_000, 0_i64..700_000);
    let used = (0_u64..100_000, prop::option::of(0_i64..10_000_000), 0_i64..9_000_000);
    let names = ("[a-c]{1,2}", any::<bool>(), prop::option::of("[a-b]"));
    (region, state, worker, version, kind, times, used, names).prop_map(
        |(region, state, worker, version, kind, (start, length), used, (id, glue, team))| {
            let (seconds, metered, hours) = used;
            let identity = RunIdentity {
                account: "111122223333".into(),
                region: region.into(),
                engine: Engine::from(if glue { "glue" } else { "emr-serverless" }),
                application_id: (!glue).then(|| "app".into()),
                run_id: id,
                attempt: 1,
            };
            let mut run = JobRun::new(identity, RunState::from(state));
            let at = |second| Timestamp::from_second(second).ok();
            (run.started_at, run.ended_at) = (at(start), at(start + length));
            run.kind = kind;
            run.version = version.map(str::to_owned);
            (run.worker_type, run.worker_count) = (Some(worker.into()), Some(7));
            run.execution_seconds = Some(seconds);
            run.dpu_seconds = metered.map(|metered| Decimal::new(metered, 3));
            run.billed = (hours > 100).then(|| Resources {
                vcpu_hours: Decimal::new(hours, 4),
                memory_gb_hours: Decimal::new(hours, 3),
                storage_gb_hours: Decimal::ZERO,
            });
            run.tags = team.map(|team| [("team".to_owned(), team)].into());
            run.define(Definition::default());
            run
        },
    )
}

fn explained(run: &JobRun) -> Explanation {
    let first_stored = Timestamp::UNIX_EPOCH;
    Explanation::of(&About {
        stored: &StoredRun { run: run.clone(), first_stored },
        relatives: &[],
        books: &books(),
        zone: &TimeZone::UTC,
        report: "weekly",
        sent: Sent::NotYet,
        booked: &[],
        retention_days: 130,
    })
}

/// The numbers of `QUANTITY WORDS [/ 3,600] x RATE = ...`.
fn factors(arithmetic: &str) -> (Decimal, i128, Decimal) {
    let (left, _) = arithmetic.split_once(" = ").unwrap();
    let (quantity, rate) = left.split_once(" x ").unwrap();
    let divisor = if quantity.ends_with(" / 3,600") { 3600 } else { 1 };
    let quantity = quantity.split(' ').next().unwrap().replace(',', "");
    (quantity.parse().unwrap(), divisor, rate.parse().unwrap())
}

proptest! {
    #[test]
    fn a_runs_lines_and_days_are_its_cost(run in run()) {
        let told = explained(&run);
        let cost = books().price(&run).price.cost();
        prop_assert_eq!(told.price.cost_usd, cost);
        prop_assert_eq!(cost.is_none(), told.price.unpriced.is_some());
        let lines: Usd = told.price.lines.iter().map(|line| line.amount_usd).sum();
        prop_assert_eq!(lines, cost.unwrap_or_default());
        if run.end().is_some() {
            let days: Usd = told.days.iter().map(|day| day.amount_usd).sum();
            prop_assert_eq!(days, cost.unwrap_or_default());
        }
        for line in &told.price.lines {
            // By cross-multiplication: the amount is no further than half a nano-dollar from what
            // the shown factors come to, and it is the last number shown.
            let (quantity, divisor, rate) = factors(&line.arithmetic);
            let scale = 10_i128.pow(quantity.scale() + rate.scale());
            let exact = quantity.mantissa() * rate.mantissa() * 1_000_000_000;
            let off = (line.amount_usd.nanos() * scale * divisor - exact).abs() * 2;
            prop_assert!(off <= scale * divisor, "{}", line.arithmetic);
            let last = line.arithmetic.rsplit(' ').next().unwrap();
            prop_assert_eq!(last, line.amount_usd.to_string());
            prop_assert_eq!(line.arithmetic.contains("rounded"), off != 0);
        }
        let text = explanation_text(&told);
        prop_assert!(told.price.lines.iter().all(|line| text.contains(&line.arithmetic)));
        prop_assert!(told.waste.usd <= cost.unwrap_or_default());
    }

    #[test]
    fn a_total_holds_every_dollar_once_on_every_level(
        runs in prop::collection::vec(run(), 0..40), shown_max in 0_usize..8
    ) {
        let books = books();
        let total = |runs: &mut dyn Iterator<Item = &JobRun>| {
            let mut sum = TotalSum::new(shown_max);
            runs.for_each(|run| sum.add(Piece::of(run, &books)));
            sum.explanation("2026-W46", None)
        };
        let there = total(&mut runs.iter());
        let costs = runs.iter().map(|run| books.price(run).price.cost());
        prop_assert_eq!(there.total_usd, costs.clone().flatten().sum::<Usd>());
        prop_assert!(there.adds_up);
        let unpriced: u64 = there.unpriced.iter().map(|part| part.runs).sum();
        prop_assert_eq!(unpriced, costs.filter(Option::is_none).count() as u64);
        for level in [&there.by_basis, &there.by_team, &there.by_job, &there.by_run] {
            let runs: u64 = level.iter().map(|part| part.runs).sum();
            prop_assert_eq!(runs + unpriced, there.runs);
            prop_assert_eq!(level.iter().map(|part| part.usd).sum::<Usd>(), there.total_usd);
        }
        let back = total(&mut runs.iter().rev());
        prop_assert_eq!(total_text(&back), total_text(&there));
    }
}
