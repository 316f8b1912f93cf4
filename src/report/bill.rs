//! The comparison of estimate and bill for a terminal: what it comes to, what the gap is made of,
//! errors to chase, then day by day and by usage type, and open questions. Estimate and bill are
//! rounded once; every table's cents are apportioned so that each column adds up to them as it is
//! printed.

mod sums;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use rust_decimal::Decimal;

use super::format;
use super::table::{Cell, Column, Note, Row, Table, Tone};
use super::words::{visible, wrapped};
use crate::analysis::{BillState, Comparison, GapKind, TrueUp};
use crate::model::{Usd, in_cents_of};
use sums::{Group, Sums, grouped};

/// Columns of a terminal's line.
const COLUMNS: usize = 100;
/// Decimals of a quantity.
const QUANTITY_DECIMALS: u32 = 3;

/// The comparison as text.
#[must_use]
pub fn bill_text(comparison: &Comparison) -> String {
    let true_up = &comparison.true_up;
    let sums = Sums::of(true_up);
    let mut text = head(true_up, sums);
    let mut part = |title: &str, table: Table| {
        if !table.rows.is_empty() {
            let _ = write!(text, "\n{title}\n{}", table.to_text());
        }
    };
    part("WHAT THE GAP IS MADE OF", gap(true_up, sums));
    part("ERRORS TO CHASE: ESTIMATED ABOVE A FINAL BILL", errors(true_up));
    part("DAY BY DAY", by_day(&grouped(&comparison.rows, |row| row.day.to_string(), sums), sums));
    let by_type = grouped(&comparison.rows, |row| row.usage_type.clone(), sums);
    part("BY USAGE TYPE", by_usage_type(&by_type, sums));
    if true_up.bill_usd.is_some() {
        text.push_str("\nWHAT THE BILL SAYS ABOUT OPEN RULES\n");
        for question in &true_up.questions {
            let line = format!("{}: {}.", question.question, question.explanation);
            let _ = writeln!(text, "- {}", wrapped(&visible(&line), COLUMNS, 2));
        }
    }
    text
}

fn head(true_up: &TrueUp, sums: Sums) -> String {
    let last = true_up.days.end.yesterday().unwrap_or(true_up.days.end);
    let mut text = format!("Estimate and bill, UTC days {} to {last}\n\n", true_up.days.start);
    let _ = writeln!(text, "Estimate, as used  {}", format::dollars(sums.estimate));
    let Some(bill) = sums.bill else {
        let reason = true_up.reason.as_deref().unwrap_or("nothing of it was read");
        let _ = writeln!(text, "Bill               {}", wrapped(&visible(reason), COLUMNS, 19));
        return text;
    };
    let _ = writeln!(
        text,
        "Bill so far        {}, {} of {} days read, {} final",
        format::dollars(bill),
        true_up.days_read,
        true_up.day_count,
        true_up.days_settled,
    );
    let difference = bill - sums.estimate;
    let percent = format::change_percent(difference, sums.estimate);
    let percent = percent.map_or_else(String::new, |percent| format!(" ({percent})"));
    let _ = writeln!(text, "Bill less estimate {}{percent}", format::change(difference));
    if let Some((gap, bill)) = true_up.gap_usd.zip(true_up.bill_usd) {
        let exact = bill - true_up.estimate_usd;
        let verdict = if true_up.over_tolerance { "beyond" } else { "within" };
        let rest = match gap == exact {
            true => "",
            false => {
                "; the rest is of days that are not final and of runs that this bill does not hold"
            }
        };
        // Where it is all of the difference it is the same cents, each sum being rounded by itself.
        let shown = if gap == exact { difference } else { gap };
        let line = format!("{}, {verdict} the tolerance{rest}", format::change(shown));
        let _ = writeln!(text, "Of it, on the bill {}", wrapped(&line, COLUMNS, 19));
    }
    if let Some(reason) = true_up.reason.as_ref().filter(|_| true_up.state != BillState::Final) {
        let _ = writeln!(text, "Not final          {}", wrapped(&visible(reason), COLUMNS, 19));
    }
    text
}

fn gap(true_up: &TrueUp, sums: Sums) -> Table {
    let exact: Vec<Usd> = true_up.lines.iter().map(|line| line.usd).collect();
    let total = sums.gap().unwrap_or_default();
    let booked = in_cents_of(total.cents(), &exact);
    let row = |(line, booked): (&crate::analysis::GapLine, Usd)| {
        // Cents hide what a small line is made of.
        let small = if line.usd.cents() == 0 { format!(" (${})", line.usd) } else { String::new() };
        Row {
            lead: None,
            cells: vec![
                Cell::new(line.kind.in_words()),
                Cell::new(visible(line.account.as_deref().unwrap_or("-"))),
                Cell::new(visible(line.usage_type.as_deref().unwrap_or("-"))),
                Cell::new(format::change(booked)),
            ],
            note: Some(Note { text: visible(&line.explanation) + &small, link: None }),
        }
    };
    // What comes to no cent and has no name says nothing; its amount is in the JSON.
    let tells = |(line, booked): &(&crate::analysis::GapLine, Usd)| {
        line.kind != GapKind::Rounding || !booked.is_zero()
    };
    let rows: Vec<Row> = true_up.lines.iter().zip(booked).filter(tells).map(row).collect();
    let cells = ["Bill less estimate", "", ""].map(Cell::new);
    let cells = cells.into_iter().chain([Cell::new(format::change(total))]).collect();
    Table {
        columns: vec![
            Column::words("What"),
            Column::words("Account"),
            Column::words("Usage type"),
            Column::numbers("Dollars"),
        ],
        foot: if rows.is_empty() { Vec::new() } else { vec![Row::of(cells)] },
        rows,
        ..Table::default()
    }
}

fn errors(true_up: &TrueUp) -> Table {
    let row = |over: &crate::analysis::OverEstimate| {
        Row::of(vec![
            Cell::new(over.day.to_string()),
            Cell::new(visible(&over.account)),
            Cell::new(visible(&over.usage_type)),
            Cell::new(quantity(over.estimated_quantity)),
            Cell::new(quantity(over.billed_quantity)),
            Cell::new(format::dollars(over.usd)).with_tone(Tone::Bad),
        ])
    };
    Table {
        columns: vec![
            Column::words("UTC day"),
            Column::words("Account"),
            Column::words("Usage type"),
            Column::numbers("Estimated"),
            Column::numbers("Billed"),
            Column::numbers("Too much"),
        ],
        rows: true_up.over_estimates.iter().map(row).collect(),
        ..Table::default()
    }
}

/// Estimate, bill and what lies between them.
fn dollars(estimate: Usd, bill: Option<Usd>, sums: Sums) -> [Cell; 3] {
    // An estimate whose bill was not read is a part of what the bill is still to catch up with.
    let gap = sums.bill.map(|_| bill.unwrap_or_default() - estimate);
    [
        Cell::new(format::dollars(estimate)),
        bill.map_or_else(|| Cell::new("not read"), |bill| Cell::new(format::dollars(bill))),
        gap.map_or_else(Cell::default, |gap| Cell::new(format::change(gap))),
    ]
}

fn total(names: usize, sums: Sums) -> Row {
    let mut cells = vec![Cell::default(); names];
    cells[0] = Cell::new("Total");
    cells.extend(dollars(sums.estimate, sums.bill, sums));
    Row::of(cells)
}

fn by_day(groups: &[(String, Group)], sums: Sums) -> Table {
    let row = |(name, group): &(String, Group)| {
        let state = match (group.is_read, group.is_settled) {
            (false, _) => "not read",
            (true, false) => "may change",
            (true, true) => "final",
        };
        let mut cells = vec![Cell::new(visible(name)), Cell::new(state)];
        cells.extend(dollars(group.estimate, group.is_read.then_some(group.bill), sums));
        Row::of(cells)
    };
    Table {
        columns: vec![
            Column::words("UTC day"),
            Column::words("Bill is"),
            Column::numbers("Estimate"),
            Column::numbers("Bill"),
            Column::numbers("Gap"),
        ],
        rows: groups.iter().map(row).collect(),
        foot: vec![total(2, sums)],
        ..Table::default()
    }
}

fn by_usage_type(groups: &[(String, Group)], sums: Sums) -> Table {
    let row = |(name, group): &(String, Group)| {
        let [mut estimate, mut bill, gap] =
            dollars(group.estimate, group.is_read.then_some(group.bill), sums);
        let mut quantities = group.quantities.map(quantity);
        if !group.is_estimated {
            estimate = Cell::new("not estimated");
            "-".clone_into(&mut quantities[0]);
        }
        if !group.is_billed {
            if group.is_read || group.is_on_no_bill {
                bill = Cell::new("not on the bill");
            }
            "-".clone_into(&mut quantities[1]);
        }
        let [estimated, billed] = quantities.map(Cell::new);
        let unit = Cell::new(visible(&group.unit));
        Row::of(vec![Cell::new(visible(name)), unit, estimated, billed, estimate, bill, gap])
    };
    Table {
        columns: vec![
            Column::words("Usage type"),
            Column::words("Unit"),
            Column::numbers("Used"),
            Column::numbers("Billed"),
            Column::numbers("Estimate"),
            Column::numbers("Bill"),
            Column::numbers("Gap"),
        ],
        rows: groups.iter().map(row).collect(),
        foot: vec![total(4, sums)],
        ..Table::default()
    }
}

fn quantity(quantity: Decimal) -> String {
    quantity.round_dp(QUANTITY_DECIMALS).normalize().to_string()
}
