//! The tables of money by whom and for what: totals, teams and waste.

use super::Limits;
use super::cells::{
    Rest, change_cell, change_of, cost_cell, cut_total, failed, gone, len, rest_of_changes,
    total_change, waste_cell,
};
use crate::analysis::{Figures, TeamFigures, Totals};
use crate::model::Usd;
use crate::report::format;
use crate::report::table::{Cell, Column, Note, Row, Table, Tone};
use crate::report::words::{shortened, visible};

pub(super) fn totals(figures: &Figures) -> Option<Table> {
    if figures.totals.runs == 0 && figures.before.is_none() {
        return None;
    }
    let noun = figures.period.noun();
    let now = &figures.totals;
    let mut rows = money_rows(now, figures.before.as_ref());
    rows.extend(count_rows(now, figures.before.as_ref()));
    let compared_with = visible(&figures.compared_with);
    let table = Table {
        title: "Totals".into(),
        caption: format!("This {noun} against {compared_with}."),
        columns: vec![
            Column::words("Measure"),
            Column::numbers("Now"),
            Column::numbers("Before"),
            Column::numbers("Change"),
        ],
        rows,
        ..Table::default()
    };
    Some(table.finished())
}

fn money_rows(now: &Totals, before: Option<&Totals>) -> Vec<Row> {
    type Amount = (&'static str, fn(&Totals) -> Usd);
    const AMOUNTS: [Amount; 6] = [
        ("Cost", |totals| totals.cost_usd),
        ("Waste", |totals| totals.waste_usd),
        ("Failed runs", |totals| totals.failed_cost_usd),
        ("Retries", |totals| totals.retry_cost_usd),
        ("Repeated runs", |totals| totals.repeated_cost_usd),
        ("Stopped runs", |totals| totals.stopped_cost_usd),
    ];
    let row = |(label, amount): Amount| {
        let (then, change) = before.map_or_else(Default::default, |before| {
            (format::dollars(amount(before)), change_cell(amount(now), Some(amount(before))))
        });
        let label = if label == "Cost" || label == "Waste" {
            Cell::new(label)
        } else {
            Cell::new(format!("Cost of {}", label.to_lowercase())).with_tone(Tone::Muted)
        };
        Row::of(vec![label, Cell::new(format::dollars(amount(now))), Cell::new(then), change])
    };
    AMOUNTS.into_iter().map(row).collect()
}

fn count_rows(now: &Totals, before: Option<&Totals>) -> Vec<Row> {
    type Number = (&'static str, fn(&Totals) -> u64);
    const NUMBERS: [Number; 6] = [
        ("Runs", |totals| totals.runs),
        ("Failed runs", failed),
        ("Retries", |totals| totals.retries),
        ("Probable reruns", |totals| totals.probable_reruns),
        ("Unpriced runs", |totals| totals.unpriced_runs),
        ("Jobs", |totals| totals.jobs),
    ];
    let row = |label: &str, now: String, then: Option<(String, String)>| {
        let (then, change) = then.unwrap_or_default();
        Row::of(vec![Cell::new(label), Cell::new(now), Cell::new(then), Cell::new(change)])
    };
    let mut rows: Vec<Row> = NUMBERS
        .into_iter()
        .map(|(label, number)| {
            let then = before.map(|before| {
                let then = number(before);
                (format::count(then), format::count_change(number(now), then))
            });
            row(label, format::count(number(now)), then)
        })
        .collect();
    rows.push(row(
        "Run time",
        format::duration(now.runtime_seconds),
        before.map(|before| {
            let then = before.runtime_seconds;
            (format::duration(then), format::duration_change(now.runtime_seconds, then))
        }),
    ));
    for (label, hours) in [
        ("DPU-hours", (|totals| totals.dpu_hours) as fn(&Totals) -> rust_decimal::Decimal),
        ("vCPU-hours", |totals| totals.vcpu_hours),
    ] {
        let then = before.map(hours);
        if !hours(now).is_zero() || then.is_some_and(|then| !then.is_zero()) {
            let then =
                then.map(|then| (format::hours(then), format::hours_change(hours(now), then)));
            rows.push(row(label, format::hours(hours(now)), then));
        }
    }
    rows
}

pub(super) fn teams(figures: &Figures, limits: &Limits) -> Option<Table> {
    if figures.team.is_some() || figures.teams.is_empty() {
        return None;
    }
    let total = figures.totals.cost_usd;
    let shown = &figures.teams[..figures.teams.len().min(limits.teams)];
    let hidden = &figures.teams[shown.len()..];
    let rows = shown.iter().map(|team| team_row(team, total, limits)).collect();
    let waste: Usd = figures.teams.iter().map(|team| team.waste_usd).sum();
    let gone = gone(figures, figures.teams.iter().map(|team| team.change_usd));
    let mut foot = Vec::new();
    if !hidden.is_empty() {
        let rest = Rest::of(total, shown.iter().map(|team| team.cost_usd));
        let changes = shown.iter().map(|team| team.change_usd).chain([Some(gone)]);
        foot.push(Row::of(vec![
            Cell::new(format!("Other ({})", format::plural(len(hidden), "team"))),
            Cell::new(format::share(rest.share_of(total))),
            Cell::new(rest.text()),
            rest_of_changes(figures, changes),
            Cell::new(Rest::of(waste, shown.iter().map(|team| team.waste_usd)).text()),
        ]));
    }
    if !gone.is_zero() {
        foot.push(Row::of(vec![
            Cell::new("Teams that ran nothing now"),
            Cell::new(""),
            Cell::new(format::dollars(Usd::ZERO)),
            Cell::new(format::change(gone)),
            Cell::new(""),
        ]));
    }
    foot.push(Row::of(vec![
        Cell::new("Total"),
        Cell::new(format::share(if total.is_zero() { 0.0 } else { 1.0 })),
        Cell::new(format::dollars(total)),
        total_change(figures),
        Cell::new(format::dollars(waste)),
    ]));
    let table = Table {
        title: "By team".into(),
        caption: format!("Who pays, and the change against {}.", visible(&figures.compared_with)),
        columns: vec![
            Column::words("Team"),
            Column::words("Share"),
            Column::numbers("Cost"),
            Column::numbers("Change"),
            Column::numbers("Waste"),
        ],
        rows,
        foot,
        cut: cut_total(shown.len(), figures.teams.len(), "team", total),
        ..Table::default()
    };
    Some(table.finished())
}

fn team_row(team: &TeamFigures, total: Usd, limits: &Limits) -> Row {
    let budget = team.budget_usd.map(|budget| {
        let forecast = team.forecast_usd.map_or_else(String::new, |forecast| {
            let verdict = if forecast > budget {
                format!("over by {}", format::dollars(forecast - budget))
            } else {
                "within it".to_owned()
            };
            format!(", forecast {}: {verdict}", format::dollars(forecast))
        });
        let missing = team.budget_incomplete_because.as_ref().map_or_else(String::new, |because| {
            let counted = team.budget_through.map_or_else(
                || "no day of the month is complete".to_owned(),
                |day| format!("counted through {day}"),
            );
            format!(" ({counted}: {})", visible(because))
        });
        let text = format!("Month's budget {}{forecast}{missing}", format::dollars(budget));
        Note { text, link: None }
    });
    let mut row = Row::of(vec![
        Cell::new(shortened(&team.team, limits.name_columns)),
        Cell::new(format::share(team.share)).with_bar(team.share),
        cost_cell(team.cost_usd, team.unpriced_runs, team.runs),
        change_of(team.cost_usd, team.change_usd, total),
        waste_cell(team.waste_usd),
    ]);
    row.note = budget;
    row
}

pub(super) fn waste(figures: &Figures) -> Option<Table> {
    let waste = &figures.waste;
    let total = figures.totals.cost_usd;
    let sum = waste.bad_end_usd + waste.repeated_usd + waste.minimum_usd;
    if sum.is_zero() && figures.totals.stopped_cost_usd.is_zero() {
        return None;
    }
    let row = |label: &str, amount: Usd| {
        let share = amount.share_of(total);
        Row::of(vec![
            Cell::new(label),
            Cell::new(format::share(share)).with_bar(share),
            Cell::new(format::dollars(amount)),
        ])
    };
    let share = format::share(sum.share_of(total));
    let stopped = figures.totals.stopped_cost_usd;
    let apart = if stopped.is_zero() {
        String::new()
    } else {
        format!(
            " Stopped or cancelled runs cost {} besides: somebody chose that.",
            format::dollars(stopped)
        )
    };
    let table = Table {
        title: "Waste".into(),
        caption: format!("Each dollar once, in the first step that it fits.{apart}"),
        columns: vec![
            Column::words("Step"),
            Column::words("Share of cost"),
            Column::numbers("Cost"),
        ],
        rows: vec![
            row("Runs that ended badly", waste.bad_end_usd),
            row("Runs that a later attempt repeated", waste.repeated_usd),
            row("Added by billing minimums", waste.minimum_usd),
        ],
        foot: vec![Row::of(vec![
            Cell::new("All waste"),
            Cell::new(share),
            Cell::new(format::dollars(sum)),
        ])],
        ..Table::default()
    };
    Some(table.finished())
}
