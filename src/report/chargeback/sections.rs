//! The tables of a month's statement. Amounts are booked cents; a column adds up as it is printed.

use crate::chargeback::{BookedTotals, Forecast, Job, Outlook, Statement};
use crate::model::{Usd, in_cents_of};
use crate::report::format::{count, dollars, plural};
use crate::report::table::{Cell, Column, Note, Row, Table, Tone};
use crate::report::words::{shortened, visible};

/// Columns of a name and of an explanation.
const NAME_COLUMNS: usize = 60;
const TEXT_COLUMNS: usize = 300;

/// Every table that has something to say, in the order of a reader's questions.
pub(super) fn tables(statement: &Statement, rows_max: usize) -> Vec<Table> {
    let all = [
        Some(parts(statement)),
        reconciled(statement),
        cost_centers(statement, rows_max),
        teams(statement, rows_max),
        rows(statement, rows_max),
        unallocated(statement, rows_max),
        lines(statement, rows_max),
        budgets(statement, rows_max),
        jobs(statement, rows_max),
        Some(bridge(statement)),
    ];
    all.into_iter().flatten().map(Table::finished).collect()
}

fn money(usd: Usd) -> Cell {
    Cell::new(dollars(usd))
}

/// What some runs bear. Where none of them has a price that is not known, and not nothing.
fn borne(usd: Usd, unpriced_runs: u64, runs: u64) -> Cell {
    if runs > 0 && unpriced_runs == runs && usd.is_zero() {
        Cell::new("unpriced").with_tone(Tone::Warn)
    } else {
        money(usd)
    }
}

/// A name, or a word for there being none.
fn name(text: &str, none: &str) -> Cell {
    if text.is_empty() {
        Cell::new(none).with_tone(Tone::Muted)
    } else {
        Cell::new(shortened(text, NAME_COLUMNS))
    }
}

fn parts(statement: &Statement) -> Table {
    let BookedTotals { own_usd, shared_usd, correction_usd, unallocated_usd, total_usd } =
        statement.booked;
    let row = |label: &str, usd: Usd, note: &str| {
        let mut row = Row::of(vec![Cell::new(label), money(usd)]);
        row.note = (!note.is_empty()).then(|| Note { text: note.to_owned(), link: None });
        row
    };
    let nobodys = statement.unallocated.runs_usd;
    let nobody = if nobodys.is_zero() {
        String::new()
    } else {
        format!(
            "Of own, shared and corrections, {} is of runs that no team owns.",
            dollars(nobodys)
        )
    };
    let corrected = match statement.counts.corrected_runs {
        0 => String::new(),
        runs => format!("{} of closed months.", plural(runs, "run")),
    };
    let mut own = row("Own use of runs", own_usd, &nobody);
    if !statement.is_known {
        own.cells[1] = Cell::new("not known").with_tone(Tone::Warn);
    }
    Table {
        title: "What makes the total".into(),
        caption: "Every part in booked cents.".into(),
        columns: vec![Column::words("Part"), Column::numbers("Amount")],
        rows: vec![
            own,
            row("Shared lines, split", shared_usd, ""),
            row("Corrections of closed months", correction_usd, &corrected),
            row("Lines left unallocated", unallocated_usd, ""),
        ],
        foot: vec![row("Total", total_usd, "")],
        ..Table::default()
    }
}

/// The same total as finance meets it elsewhere: the bill, what no bill holds, and other months'.
fn reconciled(statement: &Statement) -> Option<Table> {
    let Statement { off_bill_usd: beside, earlier_months_usd: earlier, .. } = *statement;
    if statement.bill_usd.is_none() && beside.is_zero() && earlier.is_zero() {
        return None;
    }
    let (label, usd) = match statement.bill_usd {
        Some(bill) => ("AWS bill of the month, final", bill),
        None => ("Runs that AWS bills, estimated", statement.own_usd - beside),
    };
    let parts = [
        (label, usd),
        ("Engines that no AWS bill holds, as imported", beside),
        ("Months closed before, booked now", earlier),
    ];
    let exact = parts.map(|(_, usd)| usd);
    let booked = in_cents_of(statement.booked.total_usd.cents(), &exact);
    let row = |label: &str, usd: Usd| Row::of(vec![Cell::new(label), money(usd)]);
    let shown = parts.iter().zip(booked).filter(|((_, exact), _)| !exact.is_zero());
    Some(Table {
        title: "What the total agrees with".into(),
        caption: "The same total from the other side, in booked cents.".into(),
        columns: vec![Column::words("Part"), Column::numbers("Amount")],
        rows: shown.map(|((label, _), usd)| row(label, usd)).collect(),
        foot: vec![row("Total", statement.booked.total_usd)],
        ..Table::default()
    })
}

const AMOUNTS: [Column; 4] = [
    Column::numbers("Own"),
    Column::numbers("Shared"),
    Column::numbers("Correction"),
    Column::numbers("Sum"),
];

/// What one row of a booked table shows: its names, what it bears, and the runs behind it.
struct Booked {
    names: Vec<Cell>,
    amounts: [Usd; 4],
    runs: u64,
    unpriced_runs: u64,
}

/// A table of booked amounts by some key: what is cut is one row, and lines left unallocated are
/// another, so that it always ends in the month's total.
fn booked(
    statement: &Statement,
    (title, caption, noun): (&str, &str, &str),
    heads: &[Column],
    all: &[Booked],
    rows_max: usize,
) -> Option<Table> {
    if all.is_empty() {
        return None;
    }
    let row = |cells: Vec<Cell>, amounts: [Usd; 4]| {
        Row::of(cells.into_iter().chain(amounts.map(money)).collect())
    };
    let label = |text: &str| {
        let mut cells = vec![Cell::default(); heads.len()];
        cells[0] = Cell::new(text);
        cells
    };
    let (shown, hidden) = all.split_at(all.len().min(rows_max));
    let mut foot = Vec::new();
    if !hidden.is_empty() {
        let sum = |place: usize| hidden.iter().map(|booked| booked.amounts[place]).sum();
        let hidden_count = u64::try_from(hidden.len()).unwrap_or(u64::MAX);
        let text = format!("Other ({})", plural(hidden_count, noun));
        foot.push(row(label(&text), [sum(0), sum(1), sum(2), sum(3)]));
    }
    let totals = &statement.booked;
    if !totals.unallocated_usd.is_zero() {
        let amounts = [Usd::ZERO, Usd::ZERO, Usd::ZERO, totals.unallocated_usd];
        foot.push(row(label("Lines left unallocated"), amounts));
    }
    let amounts = [totals.own_usd, totals.shared_usd, totals.correction_usd, totals.total_usd];
    foot.push(row(label("Total"), amounts));
    let shown_row = |booked: &Booked| {
        let mut row = row(booked.names.clone(), booked.amounts);
        if let Some(sum) = row.cells.last_mut() {
            *sum = borne(booked.amounts[3], booked.unpriced_runs, booked.runs);
        }
        row
    };
    Some(Table {
        title: title.into(),
        caption: caption.into(),
        columns: heads.iter().chain(&AMOUNTS).cloned().collect(),
        rows: shown.iter().map(shown_row).collect(),
        foot,
        cut: cut(shown.len(), all.len(), noun, totals.total_usd),
        ..Table::default()
    })
}

fn cut(shown: usize, all: usize, noun: &str, total: Usd) -> Option<String> {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    (all > shown).then(|| {
        let all = plural(number(all), noun);
        format!("Showing {} of {all}, total {}", count(number(shown)), dollars(total))
    })
}

fn cost_centers(statement: &Statement, rows_max: usize) -> Option<Table> {
    let all: Vec<_> = statement
        .cost_centers
        .iter()
        .map(|row| {
            let amounts = [row.own_usd, row.shared_usd, row.correction_usd, row.usd];
            let names = vec![name(&row.cost_center, "(none)")];
            Booked { names, amounts, runs: row.runs, unpriced_runs: row.unpriced_runs }
        })
        .collect();
    let words = ("By cost centre", "Whom to charge, dearest first.", "cost centre");
    booked(statement, words, &[Column::words("Cost centre")], &all, rows_max)
}

fn teams(statement: &Statement, rows_max: usize) -> Option<Table> {
    let all: Vec<_> = statement
        .teams
        .iter()
        .map(|row| {
            let amounts = [row.own_usd, row.shared_usd, row.correction_usd, row.usd];
            let names = vec![name(&row.team, "(none)")];
            Booked { names, amounts, runs: row.runs, unpriced_runs: row.unpriced_runs }
        })
        .collect();
    booked(
        statement,
        ("By team", "Who pays, dearest first.", "team"),
        &[Column::words("Team")],
        &all,
        rows_max,
    )
}

fn rows(statement: &Statement, rows_max: usize) -> Option<Table> {
    let all: Vec<_> = statement
        .rows
        .iter()
        .map(|row| {
            let names = vec![
                name(&row.team, "(none)"),
                name(&row.cost_center, "-"),
                name(&row.account, "-"),
            ];
            let amounts = [row.own_usd, row.shared_usd, row.correction_usd, row.usd];
            Booked { names, amounts, runs: row.runs, unpriced_runs: row.unpriced_runs }
        })
        .collect();
    let heads = [Column::words("Team"), Column::words("Cost centre"), Column::words("Account")];
    let words = ("By team and account", "The rows to book, dearest first.", "row");
    booked(statement, words, &heads, &all, rows_max)
}

fn jobs(statement: &Statement, rows_max: usize) -> Option<Table> {
    let mut dearest: Vec<&Job> = statement.jobs.iter().collect();
    dearest.sort_by_key(|job| std::cmp::Reverse(job.usd));
    let all: Vec<_> = dearest
        .into_iter()
        .map(|job| {
            let names = vec![name(&job.key.job, "(fixed share)"), name(&job.key.team, "(none)")];
            let amounts = [job.own_usd, job.shared_usd, job.correction_usd, job.usd];
            Booked { names, amounts, runs: job.runs, unpriced_runs: job.unpriced_runs }
        })
        .collect();
    let heads = [Column::words("Job"), Column::words("Team")];
    let words = ("By job", "The finest cells, dearest first.", "cell");
    booked(statement, words, &heads, &all, rows_max)
}

/// Everything that nobody owns, ranked: jobs without a team, and lines that no rule splits.
fn unallocated(statement: &Statement, rows_max: usize) -> Option<Table> {
    let nobodys = &statement.unallocated;
    let job = |job: &crate::chargeback::UnallocatedJob| {
        let place = format!("{} in {}, account {}", job.engine, job.region, job.account);
        let cells = vec![
            name(&job.job, "(no name)"),
            Cell::new(shortened(&place, NAME_COLUMNS)),
            Cell::new(count(job.runs)),
            borne(job.usd, job.unpriced_runs, job.runs),
        ];
        (job.usd, Row::of(cells))
    };
    let line = |residual: &crate::chargeback::Residual| {
        let about = [residual.usage_type.as_deref(), residual.account.as_deref()];
        let about: Vec<&str> = about.into_iter().flatten().collect();
        let cells = vec![
            Cell::new(visible(&residual.name)),
            name(&about.join(", "), "line of the bill"),
            Cell::default(),
            money(residual.usd),
        ];
        let mut row = Row::of(cells);
        row.note = Some(Note { text: shortened(&residual.reason, TEXT_COLUMNS), link: None });
        (residual.usd, row)
    };
    let mut ranked: Vec<(Usd, Row)> =
        nobodys.jobs.iter().map(job).chain(statement.residuals.iter().map(line)).collect();
    if ranked.is_empty() {
        return None;
    }
    let size = |usd: Usd| usd.nanos().abs();
    ranked.sort_by_key(|(usd, _)| std::cmp::Reverse(size(*usd)));
    let all = ranked.len();
    let hidden: Usd = ranked.iter().skip(rows_max).map(|(usd, _)| *usd).sum();
    ranked.truncate(rows_max);
    let total = |label: String, usd: Usd| {
        Row::of(vec![Cell::new(label), Cell::default(), Cell::default(), money(usd)])
    };
    let mut foot = Vec::new();
    if all > ranked.len() {
        let number = u64::try_from(all - ranked.len()).unwrap_or(u64::MAX);
        foot.push(total(format!("Other ({})", plural(number, "row")), hidden));
    }
    foot.push(total("Unallocated in all".into(), nobodys.usd));
    Some(Table {
        title: "Unallocated".into(),
        caption: "Jobs without a team, and lines that nobody bears, largest first.".into(),
        columns: vec![
            Column::words("Job or line"),
            Column::words("Where"),
            Column::numbers("Runs"),
            Column::numbers("Amount"),
        ],
        cut: cut(ranked.len(), all, "row", nobodys.usd),
        rows: ranked.into_iter().map(|(_, row)| row).collect(),
        foot,
        ..Table::default()
    })
}

/// What the bill has and no run explains.
fn lines(statement: &Statement, rows_max: usize) -> Option<Table> {
    let split: Vec<_> =
        statement.lines.iter().filter(|line| line.unallocated_usd != line.usd).collect();
    if split.is_empty() {
        return None;
    }
    let exact: Vec<Usd> = split.iter().map(|line| line.usd - line.unallocated_usd).collect();
    let shared = statement.booked.shared_usd;
    let booked = in_cents_of(shared.cents(), &exact);
    // What comes to no cent is in the total, and no row for anybody to book.
    let split: Vec<_> = split.into_iter().zip(booked).filter(|(_, usd)| !usd.is_zero()).collect();
    let rows = split.iter().take(rows_max).map(|(line, usd)| {
        let about = [line.usage_type.as_deref(), line.account.as_deref()];
        let about: Vec<&str> = about.into_iter().flatten().collect();
        let cells = vec![
            Cell::new(visible(&line.name)),
            name(&about.join(", "), "all accounts"),
            Cell::new(line.split.clone()),
            money(*usd),
        ];
        let mut row = Row::of(cells);
        row.note = Some(Note { text: shortened(&line.explanation, TEXT_COLUMNS), link: None });
        row
    });
    let foot = vec![Row::of(vec![
        Cell::new("Shared in all"),
        Cell::default(),
        Cell::default(),
        money(shared),
    ])];
    Some(Table {
        title: "Shared lines".into(),
        caption: "What the bill has and no run explains, as far as it is split.".into(),
        columns: vec![
            Column::words("Line"),
            Column::words("About"),
            Column::words("Split"),
            Column::numbers("Amount"),
        ],
        rows: rows.collect(),
        foot,
        cut: cut(split.len().min(rows_max), split.len(), "line", shared),
        ..Table::default()
    })
}

fn budgets(statement: &Statement, rows_max: usize) -> Option<Table> {
    if statement.budgets.is_empty() {
        return None;
    }
    let row = |outlook: &Outlook| {
        let is_over = is_over(outlook);
        let forecast = outlook.forecast.as_ref();
        let over = forecast.is_some_and(|forecast| forecast.usd > outlook.budget_usd);
        let tone = if over { Tone::Bad } else { Tone::Plain };
        let spread = |forecast: &Forecast| match forecast.low_usd == forecast.high_usd {
            true => "none".to_owned(),
            false => format!("{} to {}", dollars(forecast.low_usd), dollars(forecast.high_usd)),
        };
        let shown = forecast.filter(|_| !is_over);
        let verdict = match forecast {
            None => "history is short",
            Some(_) if over => "over",
            Some(_) => "within it",
        };
        Row::of(vec![
            name(&outlook.team, "(none)"),
            money(outlook.budget_usd),
            money(outlook.used_usd),
            Cell::new(shown.map_or_else(|| "-".to_owned(), |f| dollars(f.usd))).with_tone(tone),
            Cell::new(shown.map_or_else(|| "-".to_owned(), spread)),
            Cell::new(verdict).with_tone(tone),
        ])
    };
    let caption = budgets_caption(&statement.budgets);
    Some(Table {
        title: "Budgets".into(),
        caption,
        columns: vec![
            Column::words("Team"),
            Column::numbers("Budget"),
            Column::numbers("Used"),
            Column::numbers("Forecast"),
            Column::numbers("Spread"),
            Column::words("Verdict"),
        ],
        rows: statement.budgets.iter().take(rows_max).map(row).collect(),
        ..Table::default()
    })
}

/// Whether all of the month is complete: what was used is then no forecast any more.
fn is_over(outlook: &Outlook) -> bool {
    outlook.through.is_some_and(|day| day == day.last_of_month())
}

/// Which days count, and what is known of those that do not yet.
fn budgets_caption(budgets: &[Outlook]) -> String {
    let through = budgets.iter().find_map(|outlook| outlook.through);
    let counted = through.map_or_else(
        || "No day of the month is complete yet.".to_owned(),
        |day| format!("Used through {day}, the last complete UTC day that counts."),
    );
    let Some(because) = budgets.iter().find_map(|outlook| outlook.incomplete_because.as_ref())
    else {
        return counted;
    };
    let known: Usd = budgets.iter().map(|outlook| outlook.incomplete_usd).sum();
    format!(
        "{counted} Later days are over and not complete, because {}: the {} known of them so far \
         are in the forecast and not in what was used.",
        visible(because),
        dollars(known)
    )
}

/// From the month's report to own use: exact amounts, rounded for the eye one by one.
fn bridge(statement: &Statement) -> Table {
    let row = |label: &str, usd: Usd| Row::of(vec![Cell::new(label), Cell::new(usd.to_string())]);
    let bridge = &statement.bridge;
    Table {
        title: "From the month's report".into(),
        caption: "Reports count a run where it ended. Exact, in US dollars.".into(),
        columns: vec![Column::words("Step"), Column::numbers("Amount")],
        rows: vec![
            row("Runs that ended in the month", statement.ended_usd),
            row("Used here, ended later", bridge.ended_later_usd),
            row("Used here, not ended yet", bridge.under_way_usd),
            row("Ended here, used before", -bridge.used_before_usd),
            row("Ended here, used elsewhere: the bridge", statement.bridge_usd),
        ],
        foot: vec![row("Own use of runs", statement.own_usd)],
        ..Table::default()
    }
}
