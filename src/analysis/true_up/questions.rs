//! Rules that AWS leaves open, and which reading of them the bill fits.
//!
//! On settled days the quantity of each reading is held against the billed one, where the readings
//! differ. A reading fits if it is clearly nearer; where something else sets the bill apart from
//! both, the bill does not tell.

use rust_decimal::Decimal;

use super::estimate::Cell;
use super::{Question, Reading};

/// How many times nearer a reading must be to be called the right one.
const TIMES_NEARER: i64 = 3;

/// A settled cell: what was billed, and what the readings make of the runs.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    is_emr: bool,
    billed: Decimal,
    quantity: Decimal,
    minimum_delta: Decimal,
    attempts_delta: Decimal,
}

impl Evidence {
    pub(super) fn of(tail: &str, cell: &Cell, billed: Decimal) -> Self {
        Self {
            is_emr: tail.starts_with("EMR-SERVERLESS-"),
            billed,
            quantity: cell.quantity,
            minimum_delta: cell.minimum_delta,
            attempts_delta: cell.attempts_delta,
        }
    }
}

/// What the evidence says of each question.
pub(super) fn questions(evidence: &[Evidence], applies_minimum: bool) -> Vec<Question> {
    let minimum: Vec<_> = evidence
        .iter()
        .filter(|cell| !cell.is_emr && !cell.minimum_delta.is_zero())
        .map(|cell| {
            let other = cell.quantity + cell.minimum_delta;
            let (plain, raised) =
                if applies_minimum { (other, cell.quantity) } else { (cell.quantity, other) };
            (cell.billed, plain, raised)
        })
        .collect();
    let attempts: Vec<_> = evidence
        .iter()
        .filter(|cell| cell.is_emr && !cell.attempts_delta.is_zero())
        .map(|cell| (cell.billed, cell.quantity, cell.quantity + cell.attempts_delta))
        .collect();
    vec![
        question("minimum-on-dpu-seconds", ["as metered", "with the minimum"], &minimum),
        question("emr-utilisation-of-attempts", ["per attempt", "cumulative"], &attempts),
    ]
}

fn question(
    question: &'static str,
    names: [&'static str; 2],
    cells: &[(Decimal, Decimal, Decimal)],
) -> Question {
    let sum = |value: &dyn Fn(&(Decimal, Decimal, Decimal)) -> Decimal| {
        cells.iter().map(value).sum::<Decimal>().normalize()
    };
    let billed_quantity = sum(&|cell| cell.0);
    let readings = vec![
        Reading {
            reading: names[0],
            quantity: sum(&|cell| cell.1),
            off_by: sum(&|cell| (cell.0 - cell.1).abs()),
        },
        Reading {
            reading: names[1],
            quantity: sum(&|cell| cell.2),
            off_by: sum(&|cell| (cell.0 - cell.2).abs()),
        },
    ];
    let nearer = |one: &Reading, other: &Reading| {
        one.off_by < other.off_by && one.off_by.saturating_mul(TIMES_NEARER.into()) <= other.off_by
    };
    let answer = match readings.as_slice() {
        [first, second] if nearer(first, second) => Some(first.reading),
        [first, second] if nearer(second, first) => Some(second.reading),
        _ => None,
    };
    let told = readings
        .iter()
        .map(|r| format!("{} {} (off by {})", r.reading, r.quantity, r.off_by))
        .collect::<Vec<_>>()
        .join(", ");
    let explanation = match answer {
        _ if cells.is_empty() => {
            "the bill does not tell: on no settled day do the readings differ".to_owned()
        }
        Some(answer) => format!("the bill fits `{answer}`: billed {billed_quantity}, {told}"),
        None => format!("the bill does not tell: billed {billed_quantity}, {told}"),
    };
    let compared = cells.len();
    Question { question, answer, compared, billed_quantity, readings, explanation }
}
