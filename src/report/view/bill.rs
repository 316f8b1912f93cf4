//! The estimate beside the bill, as short as a data leader reads it: both sums, the gap, and what
//! the most of the gap is. The whole comparison is `bill show`'s.

use super::Limits;
use crate::analysis::{BillState, Figures, GapKind, TrueUp};
use crate::model::Usd;
use crate::report::format;
use crate::report::table::{Cell, Column, Note, Row, Table, Tone};
use crate::report::words::shortened;

/// Parts of the gap that are named.
const NAMED_MAX: usize = 2;

pub(super) fn bill(figures: &Figures, limits: &Limits) -> Option<Table> {
    let true_up = figures.bill.as_ref()?;
    let billed = true_up.bill_usd;
    let gap = billed.map(|bill| bill - true_up.estimate_usd);
    let percent = gap.and_then(|gap| format::change_percent(gap, true_up.estimate_usd));
    let tone = match (true_up.over_tolerance, true_up.over_estimates.is_empty()) {
        (_, false) => Tone::Bad,
        (true, _) => Tone::Warn,
        _ => Tone::Plain,
    };
    let gap_cell = gap.map_or_else(|| Cell::new("not known"), |gap| Cell::new(format::change(gap)));
    let cells = vec![
        Cell::new(format!("{} of {}", true_up.days_settled, true_up.day_count)),
        Cell::new(format::dollars(true_up.estimate_usd)),
        Cell::new(billed.map_or_else(|| "not known".to_owned(), format::dollars)),
        gap_cell.with_sub(percent.unwrap_or_default()).with_tone(tone),
    ];
    let note = note(true_up, limits);
    let note = (!note.is_empty()).then_some(Note { text: note, link: None });
    let table = Table {
        title: "Estimate and bill".into(),
        caption:
            "What runs used on these UTC days, whenever they ended, beside what AWS bills for \
                  Glue and EMR Serverless."
                .into(),
        columns: vec![
            Column::words("Days final"),
            Column::numbers("Estimate"),
            Column::numbers("Bill so far"),
            Column::numbers("Gap"),
        ],
        rows: vec![Row { lead: None, cells, note }],
        ..Table::default()
    };
    Some(table.finished())
}

fn note(true_up: &TrueUp, limits: &Limits) -> String {
    let mut sentences = Vec::new();
    if !true_up.over_estimates.is_empty() {
        let sum: Usd = true_up.over_estimates.iter().map(|over| over.usd).sum();
        sentences.push(format!(
            "An error to chase: {} estimated above final bills.",
            format::dollars(sum)
        ));
    }
    let named: Vec<String> = largest(true_up)
        .into_iter()
        .take(NAMED_MAX)
        .map(|(kind, usd)| format!("{} ({})", kind.in_words(), format::change(usd)))
        .collect();
    if !named.is_empty() {
        sentences.push(format!("Most of the gap: {}.", named.join(", ")));
    }
    if let Some(reason) = &true_up.reason
        && true_up.state != BillState::Final
    {
        let reason = shortened(reason, limits.text_columns);
        sentences.push(format!("The bill is not final: {reason}."));
    }
    sentences.join(" ")
}

/// The kinds of the gap's lines with their sums, largest first.
fn largest(true_up: &TrueUp) -> Vec<(GapKind, Usd)> {
    let mut kinds = std::collections::BTreeMap::<GapKind, Usd>::new();
    for line in &true_up.lines {
        *kinds.entry(line.kind).or_default() += line.usd;
    }
    let mut kinds: Vec<_> = kinds.into_iter().filter(|(_, usd)| usd.cents() != 0).collect();
    kinds.sort_by_key(|(_, usd)| std::cmp::Reverse(usd.nanos().unsigned_abs()));
    kinds
}
