//! The comparison of estimate and bill for a terminal: what it comes to, what the gap is made of,
//! errors to chase, open questions, then day by day and by usage type.

use std::collections::BTreeMap;
use std::fmt::Write;

use rust_decimal::Decimal;

use super::format;
use super::table::{Cell, Column, Note, Row, Table, Tone};
use super::words::{visible, wrapped};
use crate::analysis::{BillState, Compared, Comparison, TrueUp};
use crate::model::Usd;

/// Columns of a terminal's line.
const COLUMNS: usize = 100;
/// Decimals of a quantity.
const QUANTITY_DECIMALS: u32 = 3;

/// The comparison as text.
#[must_use]
pub fn bill_text(comparison: &Comparison) -> String {
    let true_up = &comparison.true_up;
    let mut text = head(true_up);
    let mut part = |title: &str, table: Table| {
        if !table.rows.is_empty() {
            let _ = write!(text, "\n{title}\n{}", table.to_text());
        }
    };
    part("WHAT THE GAP IS MADE OF", gap(true_up));
    part("ERRORS TO CHASE: ESTIMATED ABOVE A FINAL BILL", errors(true_up));
    part("DAY BY DAY", by(&comparison.rows, "UTC day", |row| row.day.to_string()));
    part("BY USAGE TYPE", by_usage_type(&comparison.rows));
    if true_up.bill_usd.is_some() {
        text.push_str("\nWHAT THE BILL SAYS ABOUT OPEN RULES\n");
        for question in &true_up.questions {
            let line = format!("{}: {}.", question.question, question.explanation);
            let _ = writeln!(text, "- {}", wrapped(&visible(&line), COLUMNS, 2));
        }
    }
    text
}

fn head(true_up: &TrueUp) -> String {
    let last = true_up.days.end.yesterday().unwrap_or(true_up.days.end);
    let mut text = format!("Estimate and bill, UTC days {} to {last}\n\n", true_up.days.start);
    let _ = writeln!(text, "Estimate, as used  {}", format::dollars(true_up.estimate_usd));
    let Some(bill) = true_up.bill_usd else {
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
    let difference = bill - true_up.estimate_usd;
    let percent = format::change_percent(difference, true_up.estimate_usd);
    let percent = percent.map_or_else(String::new, |percent| format!(" ({percent})"));
    let _ = writeln!(text, "Bill less estimate {}{percent}", format::change(difference));
    if let Some(gap) = true_up.gap_usd {
        let verdict = if true_up.over_tolerance { "beyond" } else { "within" };
        let _ = writeln!(
            text,
            "Gap to account for {}, {verdict} the tolerance (without days and runs that the bill \
             does not know)",
            format::change(gap)
        );
    }
    if let Some(reason) = true_up.reason.as_ref().filter(|_| true_up.state != BillState::Final) {
        let _ = writeln!(text, "Not final          {}", wrapped(&visible(reason), COLUMNS, 19));
    }
    text
}

fn gap(true_up: &TrueUp) -> Table {
    let row = |line: &crate::analysis::GapLine| Row {
        lead: None,
        cells: vec![
            Cell::new(line.kind.in_words()),
            Cell::new(visible(line.account.as_deref().unwrap_or("-"))),
            Cell::new(visible(line.usage_type.as_deref().unwrap_or("-"))),
            Cell::new(exact_change(line.usd)),
        ],
        note: Some(Note { text: visible(&line.explanation), link: None }),
    };
    Table {
        columns: vec![
            Column::words("What"),
            Column::words("Account"),
            Column::words("Usage type"),
            Column::numbers("Dollars"),
        ],
        rows: true_up.lines.iter().map(row).collect(),
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

/// What rows come to that have something in common.
#[derive(Default)]
struct Group {
    estimate: Usd,
    bill: Usd,
    is_known: bool,
    is_settled: bool,
    quantities: [Decimal; 2],
    unit: String,
}

fn groups(
    rows: &[Compared],
    name: impl Fn(&Compared) -> String,
) -> impl Iterator<Item = (String, Group)> {
    let mut groups = BTreeMap::<String, Group>::new();
    for row in rows {
        let group = groups
            .entry(name(row))
            .or_insert_with(|| Group { is_settled: true, ..Group::default() });
        group.estimate += row.estimate_usd;
        group.bill += row.bill_usd.unwrap_or_default();
        group.is_known |= row.bill_usd.is_some();
        group.is_settled &= row.settled;
        group.quantities[0] = group.quantities[0].saturating_add(row.estimated_quantity);
        group.quantities[1] = group.quantities[1].saturating_add(row.billed_quantity);
        if group.unit.is_empty() {
            group.unit.clone_from(&row.unit);
        }
    }
    groups.into_iter()
}

fn sums(group: &Group) -> [Cell; 3] {
    let bill = if group.is_known { format::dollars(group.bill) } else { "not read".to_owned() };
    let gap =
        if group.is_known { format::change(group.bill - group.estimate) } else { String::new() };
    [Cell::new(format::dollars(group.estimate)), Cell::new(bill), Cell::new(gap)]
}

fn by(rows: &[Compared], label: &'static str, name: impl Fn(&Compared) -> String) -> Table {
    let row = |(name, group): (String, Group)| {
        let state = match (group.is_known, group.is_settled) {
            (false, _) => "not read",
            (true, false) => "may change",
            (true, true) => "final",
        };
        let mut cells = vec![Cell::new(visible(&name)), Cell::new(state)];
        cells.extend(sums(&group));
        Row::of(cells)
    };
    Table {
        columns: vec![
            Column::words(label),
            Column::words("Bill is"),
            Column::numbers("Estimate"),
            Column::numbers("Bill"),
            Column::numbers("Gap"),
        ],
        rows: groups(rows, name).map(row).collect(),
        ..Table::default()
    }
}

fn by_usage_type(rows: &[Compared]) -> Table {
    let row = |(name, group): (String, Group)| {
        let mut cells = vec![
            Cell::new(visible(&name)),
            Cell::new(visible(&group.unit)),
            Cell::new(quantity(group.quantities[0])),
            Cell::new(quantity(group.quantities[1])),
        ];
        cells.extend(sums(&group));
        Row::of(cells)
    };
    Table {
        columns: vec![
            Column::words("Usage type"),
            Column::words("Unit"),
            Column::numbers("Estimated"),
            Column::numbers("Billed"),
            Column::numbers("Estimate"),
            Column::numbers("Bill"),
            Column::numbers("Gap"),
        ],
        rows: groups(rows, |row| row.usage_type.clone()).map(row).collect(),
        ..Table::default()
    }
}

fn quantity(quantity: Decimal) -> String {
    quantity.round_dp(QUANTITY_DECIMALS).normalize().to_string()
}

/// Cents hide what a small line is made of.
fn exact_change(usd: Usd) -> String {
    if usd.cents() == 0 { format!("{usd}") } else { format::change(usd) }
}
