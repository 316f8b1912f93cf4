//! Any runs, any lines, any split rule, any rounding: parts add up to the whole, no own use is
//! negative, the order of input makes no difference, and months partition a run's cost.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::split::NO_COST_CENTERS;
use super::*;
use crate::analysis::{BillState, GapKind, GapLine, TrueUp};
use crate::model::{
    Basis, CostLine, Engine, JobRun, Period, Price, RunIdentity, RunState, Unpriced, Usd, utc_day,
};
use crate::ownership::UNALLOCATED;
use crate::pricing::by_day;

const KINDS: [GapKind; 6] = [
    GapKind::Tax,
    GapKind::Credits,
    GapKind::IdleCapacity,
    GapKind::RunsNotCaptured,
    GapKind::OtherUsage,
    GapKind::RateVariance,
];
const TEAMS: [&str; 4] = ["a", "b", "c", UNALLOCATED];

/// A run of a month: who, where, how much of it here, how much elsewhere, and how it ended.
#[derive(Clone, Debug)]
struct AnyRun {
    number: u32,
    cell: CellKey,
    used: i128,
    elsewhere: i128,
    end: u8,
}

fn key(team: usize, account: u8, job: u8) -> CellKey {
    CellKey {
        cost_center: if team == 0 { "100".into() } else { String::new() },
        team: TEAMS[team].into(),
        account: account.to_string(),
        region: "eu-west-1".into(),
        engine: "glue".into(),
        job: format!("job-{job}"),
    }
}

fn any_cell() -> impl Strategy<Value = CellKey> {
    (0..TEAMS.len(), 0_u8..3, 0_u8..4).prop_map(|(team, account, job)| key(team, account, job))
}

fn any_runs() -> impl Strategy<Value = Vec<AnyRun>> {
    let amount = || prop_oneof![Just(0), 0..20_000_000_i128, 0..9_000_000_000_000_i128];
    let run = (any_cell(), amount(), amount(), 0_u8..4);
    prop::collection::vec(run, 0..30).prop_map(|runs| {
        let numbered = (0..).zip(runs);
        let run =
            |(number, (cell, used, elsewhere, end))| AnyRun { number, cell, used, elsewhere, end };
        numbered.map(run).collect()
    })
}

fn any_lines() -> impl Strategy<Value = Vec<GapLine>> {
    let amount = prop_oneof![
        Just(0),
        -90_000_000_i128..90_000_000,
        -1_000_000_000_000_i128..1_000_000_000_000
    ];
    let line = (0..KINDS.len(), prop::option::of(0_u8..4), amount);
    prop::collection::vec(line, 0..8).prop_map(|lines| {
        let line = |(kind, account, nanos): (usize, Option<u8>, i128)| GapLine {
            kind: KINDS[kind],
            account: account.map(|account| account.to_string()),
            usage_type: None,
            usd: Usd::from_nanos(nanos),
            explanation: "because".into(),
        };
        lines.into_iter().map(line).collect()
    })
}

fn any_rules() -> impl Strategy<Value = SplitRules> {
    let shares = prop::collection::btree_map("[abz]", 1_i64..33_000, 1..3);
    let rule = prop_oneof![
        Just(SplitRule::Proportional),
        Just(SplitRule::Even),
        Just(SplitRule::None),
        shares.prop_map(|shares| SplitRule::Fixed(
            shares.into_iter().map(|(team, share)| (team, Decimal::new(share, 3))).collect()
        )),
    ];
    prop::collection::vec(rule, KINDS.len()).prop_map(|rules| {
        KINDS
            .into_iter()
            .zip(rules)
            .fold(SplitRules::default(), |all, (kind, rule)| all.with(kind, rule))
    })
}

fn any_corrections() -> impl Strategy<Value = Vec<Correction>> {
    let run = (any::<u128>(), any_cell(), -900_000_000_i128..900_000_000);
    let runs = prop::collection::vec(run, 0..5);
    prop::collection::vec((runs, -900_000_000_i128..900_000_000), 0..3).prop_map(|months| {
        let correction = |(month, (runs, balance)): (u32, (Vec<_>, i128))| Correction {
            month: format!("2026-{:02}", month + 1),
            runs: runs
                .into_iter()
                .map(|(run, cell, nanos)| Corrected { run, cell, usd: Usd::from_nanos(nanos) })
                .collect(),
            balance: vec![BalancePart { kind: None, usd: Usd::from_nanos(balance) }],
            off_bill_usd: Usd::ZERO,
            closed_on: Date::ZERO,
            on_bill: false,
        };
        (0..).zip(months).map(correction).collect()
    })
}

fn identity(number: u32) -> RunIdentity {
    RunIdentity {
        account: "1".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: format!("jr_{number}"),
        attempt: 1,
    }
}

fn computed(
    runs: &[AnyRun],
    bill: Option<&TrueUp>,
    rules: &SplitRules,
    corrections: &[Correction],
) -> (Statement, RunLedger) {
    let mut book = Book::default();
    let reason = Unpriced::NoTime;
    for run in runs {
        let used = Usd::from_nanos(run.used);
        let whole = used + Usd::from_nanos(run.elsewhere);
        let unpriced = run.used == 0 && run.elsewhere == 0;
        book.add(RunUse {
            identity: &identity(run.number),
            cell: run.cell.clone(),
            used,
            cost: if unpriced { Err(&reason) } else { Ok(whole) },
            ended_here: run.end < 2,
            under_way: run.end == 2,
            off_bill: run.number.is_multiple_of(5),
        });
    }
    book.finish(Facts { bill, corrections, ..nothing_beside("2026-10", rules) })
}

/// Facts of a month of which nothing is said beside its runs.
pub(super) fn nothing_beside<'f>(month: &'f str, rules: &'f SplitRules) -> Facts<'f> {
    Facts {
        month,
        as_of: Timestamp::UNIX_EPOCH,
        bill: None,
        rules,
        corrections: &[],
        unpriced_before: &[],
        budgets: Vec::new(),
        under_way_runs: 0,
        without_end_runs: 0,
        not_collected: &[],
        is_kept: true,
        cost_centers: &NO_COST_CENTERS,
        also: &[],
    }
}

fn sum<T>(all: &[T], amount: impl Fn(&T) -> Usd) -> Usd {
    all.iter().map(amount).sum()
}

/// A bill that differs from the estimate by these lines.
fn bill_of(own: i128, gap: i128, lines: Vec<GapLine>, is_final: bool) -> TrueUp {
    TrueUp {
        days: Date::ZERO..Date::ZERO,
        day_count: 0,
        days_read: 0,
        days_settled: 0,
        gap_usd: None,
        over_tolerance: false,
        over_estimates: Vec::new(),
        questions: Vec::new(),
        off_bill_usd: Usd::ZERO,
        state: if is_final { BillState::Final } else { BillState::Partial },
        reason: None,
        estimate_usd: Usd::from_nanos(own),
        bill_usd: Some(Usd::from_nanos(own + gap)),
        lines,
    }
}

proptest! {
    #[test]
    fn parts_add_up_to_the_whole(
        runs in any_runs(), lines in any_lines(), rules in any_rules(),
        corrections in any_corrections(), is_final: bool,
    ) {
        let own: i128 = runs.iter().map(|run| run.used).sum();
        let gap: i128 = lines.iter().map(|line| line.usd.nanos()).sum();
        let bill = bill_of(own, gap, lines, is_final);
        let (month, ledger) = computed(&runs, Some(&bill), &rules, &corrections);

        // The whole is the bill where it is final, else the estimate; earlier months come on top.
        let earlier: i128 = corrections
            .iter()
            .map(|c| c.balance_usd().nanos() + c.runs.iter().map(|r| r.usd.nanos()).sum::<i128>())
            .sum();
        let whole = own + earlier + if is_final { gap } else { 0 };
        prop_assert_eq!(month.total_usd.nanos(), whole);
        prop_assert_eq!(month.earlier_months_usd.nanos(), earlier);
        prop_assert_eq!(month.says_total_is == TotalIs::Bill, is_final);
        let parts =
            month.own_usd + month.shared_usd + month.correction_usd + month.unallocated_usd;
        prop_assert_eq!(parts.nanos(), whole);

        // From what ended here to what was used here.
        let ended = runs.iter().filter(|run| run.end < 2).map(|run| run.used + run.elsewhere);
        prop_assert_eq!(month.ended_usd.nanos(), ended.sum::<i128>());
        prop_assert_eq!(month.ended_usd + month.bridge_usd, month.own_usd);
        let Bridge { ended_later_usd, under_way_usd, used_before_usd } = month.bridge;
        prop_assert_eq!(ended_later_usd + under_way_usd - used_before_usd, month.bridge_usd);
        prop_assert_eq!(sum(&ledger.own, |entry| entry.usd), month.own_usd);

        // Every booked table, with what stays unallocated, is the total in cents.
        let left = sum(&month.residuals, |residual| residual.usd);
        let total = Usd::from_nanos(month.total_usd.cents() * 10_000_000);
        prop_assert_eq!(sum(&month.jobs, |job| job.usd) + left, total);
        prop_assert_eq!(sum(&month.rows, |row| row.usd) + left, total);
        prop_assert_eq!(sum(&month.teams, |row| row.usd) + left, total);
        prop_assert_eq!(sum(&month.cost_centers, |row| row.usd) + left, total);
        prop_assert_eq!(month.booked.total_usd, total);
        prop_assert_eq!(
            sum(&month.rows, |row| row.own_usd + row.shared_usd + row.correction_usd),
            sum(&month.rows, |row| row.usd)
        );
        prop_assert!(month.jobs.iter().all(|job| job.own_usd >= Usd::ZERO));
        let nobodys = month.jobs.iter().filter(|job| job.key.team == UNALLOCATED);
        prop_assert_eq!(month.unallocated.usd, nobodys.map(|job| job.usd).sum::<Usd>() + left);

        // No cell is a cent away from its exact amount.
        for (job, (key, nanos)) in month.jobs.iter().zip(&month.cells) {
            prop_assert_eq!(&job.key, key);
            for (booked, exact) in [
                (job.own_usd, nanos.own),
                (job.shared_usd, nanos.shared),
                (job.correction_usd, nanos.correction),
            ] {
                prop_assert!((booked.nanos() - exact.nanos()).abs() < 10_000_000);
            }
        }
    }

    #[test]
    fn the_order_of_input_makes_no_difference(
        runs in any_runs(), lines in any_lines(), rules in any_rules(),
        corrections in any_corrections(), seed: u64,
    ) {
        let bill = bill_of(0, 0, lines, true);
        let (first, ledger) = computed(&runs, Some(&bill), &rules, &corrections);
        let mut shuffled = runs;
        // A stable sort by a scrambled number is a shuffle.
        let scrambled = |n: u32| (u64::from(n) ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        shuffled.sort_by_key(|run| scrambled(run.number));
        let (second, other) = computed(&shuffled, Some(&bill), &rules, &corrections);
        prop_assert_eq!(
            serde_json::to_string(&first).unwrap(),
            serde_json::to_string(&second).unwrap()
        );
        prop_assert_eq!(ledger.pack(), other.pack());
    }

    /// Every run's cost is in the months in which it ran, once, and what one month has more than
    /// its report another has less.
    #[test]
    fn months_partition_what_runs_cost(
        runs in prop::collection::vec(
            (0_i64..7_000_000, 0_i64..5_000_000, 0..i128::from(u64::MAX)), 1..20
        )
    ) {
        let first = Period::month("2026-10", &TimeZone::UTC).unwrap();
        let mut months: BTreeMap<String, Book> = BTreeMap::new();
        let mut cost_of_all = Usd::ZERO;
        for (number, (start, length, nanos)) in (0..).zip(runs) {
            let at = |second| Timestamp::from_second(first.start.as_second() + second).unwrap();
            let mut run = JobRun::new(identity(number), RunState::Succeeded);
            (run.started_at, run.ended_at) = (Some(at(start)), Some(at(start + length)));
            let line = CostLine {
                component: "DPU",
                quantity: Decimal::ONE,
                unit: "DPU-Hours",
                rate: Decimal::ONE,
                list_rate: Decimal::ONE,
                rate_index: None,
                amount: Usd::from_nanos(nanos),
            };
            let price = Price::Priced {
                lines: vec![line], basis: Basis::Metered, minimum_extra: Usd::ZERO
            };
            cost_of_all += Usd::from_nanos(nanos);
            let month_of = |day: Date| day.strftime("%Y-%m").to_string();
            let ended = month_of(utc_day(at(start + length)));
            let shares = by_day(&run, &price);
            let ran: HashSet<String> = shares.iter().map(|share| month_of(share.day)).collect();
            for month in ran.into_iter().chain([ended.clone()]).collect::<HashSet<_>>() {
                let here = shares.iter().filter(|share| month_of(share.day) == month);
                months.entry(month.clone()).or_default().add(RunUse {
                    identity: &run.identity,
                    cell: key(0, 1, 1),
                    used: here.map(|share| share.amount).sum(),
                    cost: Ok(Usd::from_nanos(nanos)),
                    ended_here: month == ended,
                    under_way: false,
                    off_bill: false,
                });
            }
        }
        let rules = SplitRules::default();
        let statements: Vec<Statement> = months
            .into_iter()
            .map(|(month, book)| {
                let facts = nothing_beside(&month, &rules);
                book.finish(facts).0
            })
            .collect();
        prop_assert_eq!(sum(&statements, |month| month.own_usd), cost_of_all);
        prop_assert_eq!(sum(&statements, |month| month.ended_usd), cost_of_all);
        prop_assert_eq!(sum(&statements, |month| month.bridge_usd), Usd::ZERO);
    }
}
