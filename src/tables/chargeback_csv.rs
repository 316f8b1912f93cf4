//! A month's statement as CSV: every finest cell, and every line that stays unallocated, in booked
//! cents that add up to the total.

use super::TableError;
use super::csv::{number, text, written};
use crate::chargeback::{Job, Residual, Statement};
use crate::model::Usd;

/// The cells in the order of their keys, then the lines: the columns add up to the month's booked
/// totals, and `usd` to all of it.
///
/// # Errors
/// Never for a writer in memory, as this is.
pub fn chargeback_csv(statement: &Statement) -> Result<Vec<u8>, TableError> {
    let header = [
        "month",
        "kind",
        "cost_center",
        "team",
        "account",
        "region",
        "engine",
        "job",
        "runs",
        "own_usd",
        "shared_usd",
        "correction_usd",
        "unallocated_usd",
        "usd",
        "note",
        "unpriced_runs",
    ];
    let month = &statement.month;
    let cell = |job: &Job| {
        let key = job.key.clone();
        vec![
            text(month).into_owned(),
            "cell".to_owned(),
            text(&key.cost_center).into_owned(),
            text(&key.team).into_owned(),
            text(&key.account).into_owned(),
            text(&key.region).into_owned(),
            text(&key.engine).into_owned(),
            text(&key.job).into_owned(),
            number(job.runs).into_owned(),
            number(job.own_usd).into_owned(),
            number(job.shared_usd).into_owned(),
            number(job.correction_usd).into_owned(),
            number(Usd::ZERO).into_owned(),
            number(job.usd).into_owned(),
            unpriced_note(job.unpriced_runs),
            number(job.unpriced_runs).into_owned(),
        ]
    };
    let line = |residual: &Residual| {
        let usage = residual.usage_type.as_deref().unwrap_or_default();
        let mut row = vec![String::new(); header.len()];
        row[0] = text(month).into_owned();
        row[1] = text(&residual.name).into_owned();
        row[4] = text(residual.account.as_deref().unwrap_or_default()).into_owned();
        row[7] = text(usage).into_owned();
        row[9..12].fill(number(Usd::ZERO).into_owned());
        row[12] = number(residual.usd).into_owned();
        row[13] = number(residual.usd).into_owned();
        row[14] = text(&residual.reason).into_owned();
        row
    };
    let cells = statement.jobs.iter().map(cell);
    let rows = cells.chain(statement.residuals.iter().map(line));
    written(&header, rows.map(|row| row.into_iter().map(Into::into).collect()))
}

/// What a cell's amounts leave out: no price is not a price of 0.
fn unpriced_note(runs: u64) -> String {
    match runs {
        0 => String::new(),
        1 => "1 run without a price is in no amount".to_owned(),
        _ => format!("{runs} runs without a price are in no amount"),
    }
}
