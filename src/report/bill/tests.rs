//! The printed tables, read back: every column adds up to the sums at the top, whatever the parts.

use jiff::civil::Date;
use proptest::prelude::*;

use super::*;
use crate::analysis::{Compared, GapKind, GapLine};

const TYPES: [&str; 3] = ["ETL-DPU-Hour", "Crawler-DPU-Hour", "other engines"];

fn compared(day: i8, usage_type: &str, estimate: i128, bill: Option<i128>) -> Compared {
    Compared {
        day: Date::constant(2026, 11, day),
        account: "111122223333".into(),
        usage_type: usage_type.into(),
        unit: "DPU-Hour".into(),
        settled: bill.is_some(),
        estimated_quantity: Decimal::from(estimate.signum()),
        billed_quantity: Decimal::from(bill.unwrap_or_default().signum()),
        estimate_usd: Usd::from_nanos(estimate),
        bill_usd: bill.map(Usd::from_nanos),
    }
}

fn comparison(rows: Vec<Compared>) -> Comparison {
    let estimate_usd: Usd = rows.iter().map(|row| row.estimate_usd).sum();
    let bill: Usd = rows.iter().filter_map(|row| row.bill_usd).sum();
    let line = |row: &Compared| GapLine {
        kind: GapKind::RateVariance,
        account: None,
        usage_type: Some(row.usage_type.clone()),
        usd: row.bill_usd.unwrap_or_default() - row.estimate_usd,
        explanation: "because".into(),
    };
    let true_up = TrueUp {
        days: Date::constant(2026, 11, 9)..Date::constant(2026, 11, 16),
        day_count: 7,
        days_read: 7,
        days_settled: 7,
        state: BillState::Final,
        reason: None,
        estimate_usd,
        off_bill_usd: Usd::ZERO,
        bill_usd: Some(bill),
        gap_usd: Some(bill - estimate_usd),
        over_tolerance: false,
        lines: rows.iter().map(line).collect(),
        over_estimates: Vec::new(),
        questions: Vec::new(),
    };
    Comparison { true_up, rows }
}

/// The rows of a table of the text, the total last, each as its last words: those that begin with
/// a dollar, in cents; others are nothing.
fn printed(text: &str, title: &str, columns: usize) -> Vec<Vec<i64>> {
    let cents = |word: &str| {
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        let is_minus = word.starts_with('\u{2212}');
        if !word.contains('$') {
            return 0;
        }
        digits.parse::<i64>().unwrap() * if is_minus { -1 } else { 1 }
    };
    let body = text.split_once(&format!("{title}\n")).unwrap().1;
    let body = body.split("\n\n").next().unwrap();
    let lines = body.lines().skip(2).filter(|l| !l.starts_with("---") && !l.starts_with("    "));
    let cells = |line: &str| -> Vec<i64> {
        let line = ["not estimated", "not on the bill", "not read"]
            .iter()
            .fold(line.to_owned(), |line, words| line.replace(words, "none"));
        let words: Vec<&str> = line.split_whitespace().collect();
        words[words.len() - columns..].iter().map(|word| cents(word)).collect()
    };
    lines.map(cells).collect()
}

fn assert_adds_up(text: &str, title: &str, columns: usize, top: &[i64]) {
    let mut rows = printed(text, title, columns);
    let total = rows.pop().unwrap();
    for (column, total) in total.iter().enumerate() {
        assert_eq!(rows.iter().map(|row| row[column]).sum::<i64>(), *total, "{title}\n{text}");
    }
    assert_eq!(total, top, "{title}\n{text}");
}

/// Three thirds of a dollar are a dollar, and 0.334 each is a dollar too: cents alone would be 99.
#[test]
fn what_is_never_estimated_or_never_billed_says_so() {
    let text = bill_text(&comparison(vec![
        compared(9, "ETL-DPU-Hour", 333_333_333, Some(334_000_000)),
        compared(10, "ETL-DPU-Hour", 333_333_334, Some(334_000_000)),
        compared(11, "Crawler-DPU-Hour", 0, Some(334_000_000)),
        compared(11, "Ray-DPU-Hour", 333_333_333, Some(0)),
        compared(11, "other engines", 1_000_000_000, None),
    ]));
    let by_day_and_type = text.split_once("DAY BY DAY").unwrap().1;
    let row = |name: &str| {
        let row = by_day_and_type.lines().find(|line| line.starts_with(name)).unwrap();
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("Crawler"), "Crawler-DPU-Hour DPU-Hour - 1 not estimated $0.33 +$0.33");
    assert_eq!(row("Ray-"), "Ray-DPU-Hour DPU-Hour 1 - $0.33 not on the bill \u{2212}$0.33");
    assert_eq!(row("other"), "other engines DPU-Hour 1 - $1.00 not on the bill \u{2212}$1.00");
    assert_eq!(row("2026-11-11"), "2026-11-11 final $1.33 $0.33 \u{2212}$1.00");
    for title in ["DAY BY DAY", "BY USAGE TYPE"] {
        assert_adds_up(&text, title, 3, &[200, 100, -100]);
    }
}

proptest! {
    #[test]
    fn every_printed_column_adds_up(
        parts in prop::collection::vec(
            (9_i8..16, 0_usize..3, 1_i128..30_000_000_000, 1_i128..30_000_000_000), 1..30
        )
    ) {
        let row = |(day, kind, estimate, bill): &(i8, usize, i128, i128)| {
            let bill = (*kind < 2).then_some(*bill);
            compared(*day, TYPES[*kind], *estimate, bill)
        };
        let comparison = comparison(parts.iter().map(row).collect());
        let text = bill_text(&comparison);
        let cents = |usd: Usd| i64::try_from(usd.cents()).unwrap();
        let estimate = cents(comparison.true_up.estimate_usd);
        let bill = cents(comparison.true_up.bill_usd.unwrap());
        for title in ["DAY BY DAY", "BY USAGE TYPE"] {
            assert_adds_up(&text, title, 3, &[estimate, bill, bill - estimate]);
        }
        assert_adds_up(&text, "WHAT THE GAP IS MADE OF", 1, &[bill - estimate]);
        let told = |head: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(head)).unwrap();
            line.trim().split([',', ' ']).next().unwrap().to_owned()
        };
        prop_assert_eq!(told("Bill less estimate"), told("Of it, on the bill"));
    }
}
