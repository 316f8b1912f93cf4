//! What holds for any runs and any bill.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
struct World {
    runs: Vec<JobRun>,
    bills: Vec<AccountBill>,
}

fn a_run() -> impl Strategy<Value = JobRun> {
    let day = (0_u8..9).prop_map(|n| format!("2026-11-{:02}", 8 + n));
    (day, 0_u64..100_000, any::<u32>(), 0_u8..6, any::<bool>()).prop_map(
        |(day, seconds, id, kind, own)| {
            let account = if own { ACCOUNT } else { OTHER };
            let mut run = glue_run(account, &day, &format!("r{id}"), seconds);
            match kind {
                0 => run.dpu_seconds = Some(Decimal::from(seconds / 3)),
                1 => run.version = Some("6.0".into()),
                2 => run.execution_class = Some(ExecutionClass::Flex),
                3 => run.worker_type = Some("Z.2X".into()),
                4 => {
                    let hours = Decimal::new(i64::from(id % 100_000), 3);
                    let emr = emr_run(&day, &format!("r{}", id % 5), 1 + id % 3, "1");
                    run = emr;
                    run.state = RunState::Failed;
                    run.billed = Some(Resources {
                        vcpu_hours: hours,
                        memory_gb_hours: hours * Decimal::from(4),
                        storage_gb_hours: Decimal::ZERO,
                    });
                }
                _ => run.identity.region = "us-east-1".into(),
            }
            run
        },
    )
}

fn a_line() -> impl Strategy<Value = BillLine> {
    let types = prop::sample::select(vec![
        GLUE,
        "USE1-ETL-DPU-Hour",
        "USE1-ETL-DPU-Hour-Gen2",
        "USE1-ETL-Flex-DPU-Hour",
        "EU-EMR-SERVERLESS-vCPUHours",
        "EU-EMR-SERVERLESS-MemoryGBHours",
        "EU-Crawler-DPU-Hour",
        "EU-Catalog-Request",
        "EU-Something-New",
        "Credit",
        "Tax",
    ]);
    let amount = -10_000_000_000_i64..1_000_000_000_000;
    let quantity = -10_000_000_000_i64..2_000_000_000_000;
    (0_u8..7, types, amount, quantity, any::<bool>(), 0_u8..20).prop_map(
        |(n, name, amount, quantity, own, odd)| {
            let day = format!("2026-11-{:02}", 9 + n);
            let account = if own { ACCOUNT } else { OTHER };
            let mut line = usage(account, &day, name, "0", "0");
            if !name.contains('-') {
                (line.usage_type, line.record_type) = (None, name.into());
            }
            line.amount = Decimal::new(amount, 10);
            line.quantity = Decimal::new(quantity, 10);
            if odd == 0 {
                line.currency = "EUR".into();
            }
            line
        },
    )
}

fn a_world() -> impl Strategy<Value = World> {
    let lines = prop::collection::vec(a_line(), 0..30);
    let unread = prop::collection::btree_set(0_usize..7, 0..4);
    let young = prop::collection::btree_set(0_usize..7, 0..4);
    let runs = prop::collection::vec(a_run(), 0..25);
    (runs, lines, unread, young, any::<bool>()).prop_map(|(runs, lines, unread, young, payer)| {
        let mut own = bill(lines);
        own.payer = payer;
        for day in young {
            own.days[day].estimated = true;
        }
        for day in unread.into_iter().rev() {
            own.days.remove(day);
        }
        World { runs, bills: vec![own] }
    })
}

proptest! {
    /// Whatever ran and whatever is billed, the lines add up to bill less estimate to the
    /// nano-dollar; the bill is the sum of its dollars, added up another way; and the order in
    /// which runs, days and lines come is of no concern.
    #[test]
    fn lines_add_up_and_order_does_not_matter(world in a_world(), seed in any::<u64>()) {
        let mut scene = Scene::new(world.runs, Vec::new());
        scene.bills = world.bills;
        let comparison = scene.compare();
        if let Some(told) = comparison.true_up.bill_usd {
            let foreign: Vec<&str> = lines_of(&scene)
                .filter(|line| line.currency != "USD" && !line.amount.is_zero())
                .map(|line| line.account.as_str())
                .collect();
            let units: i128 = lines_of(&scene)
                .filter(|line| !foreign.contains(&line.account.as_str()))
                .filter(|line| scene.bills[0].payer || line.account == ACCOUNT)
                .map(|line| (line.amount * Decimal::from(10_000_000_000_i64)).mantissa()
                    / 10_i128.pow((line.amount * Decimal::from(10_000_000_000_i64)).scale()))
                .sum();
            prop_assert!((told.nanos() * 10 - units).abs() <= 5);
        }
        if !scene.runs.is_empty() {
            let turn = usize::try_from(seed % scene.runs.len() as u64).unwrap();
            scene.runs.rotate_left(turn);
        }
        scene.runs.reverse();
        scene.bills[0].days.reverse();
        for day in &mut scene.bills[0].days {
            day.lines.reverse();
        }
        prop_assert_eq!(scene.compare(), comparison);
    }
}

fn lines_of(scene: &Scene) -> impl Iterator<Item = &BillLine> {
    scene.bills[0].days.iter().flat_map(|day| &day.lines)
}
