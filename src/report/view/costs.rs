//! The tables of money: totals, teams, jobs, movers and waste.
//!
//! A table that is cut ends with what the rest costs, as the printed total less the printed rows,
//! so that its column adds up to the cent for whoever checks it.

use super::completeness::engine;
use super::{Limits, cut_line};
use crate::analysis::{Figures, JobFigures, TeamFigures, Totals};
use crate::model::{RunState, Usd};
use crate::report::format;
use crate::report::table::{Cell, Column, Lead, Note, Row, Table, Tone};
use crate::report::words::{shortened, visible};

/// The line of the jobs that ran only in the period before.
const GONE: &str = "Jobs that did not run again";

/// What the jobs that ran only in the period before cost then, as a change: never above zero but
/// for jobs whose cost then is not known.
pub(super) fn gone(figures: &Figures) -> Usd {
    let Some(before) = &figures.before else { return Usd::ZERO };
    let known: Usd = figures.jobs.iter().filter_map(|job| job.change_usd).sum();
    figures.totals.cost_usd - before.cost_usd - known
}

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
            Column::words(""),
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

/// How many runs ended badly.
pub(super) fn failed(totals: &Totals) -> u64 {
    bad_ends(&totals.by_state)
}

fn bad_ends(by_state: &std::collections::BTreeMap<String, u64>) -> u64 {
    by_state
        .iter()
        .filter(|(state, _)| RunState::from(state.as_str()).is_bad_end())
        .map(|(_, runs)| runs)
        .sum()
}

pub(super) fn teams(figures: &Figures, limits: &Limits) -> Option<Table> {
    if figures.team.is_some() || figures.teams.is_empty() {
        return None;
    }
    let total = figures.totals.cost_usd;
    let shown = &figures.teams[..figures.teams.len().min(limits.teams)];
    let hidden = &figures.teams[shown.len()..];
    let rows = shown.iter().map(|team| team_row(team, total, limits)).collect();
    let sum = |part: fn(&TeamFigures) -> Usd| figures.teams.iter().map(part).sum::<Usd>();
    let changes =
        |teams: &[TeamFigures]| teams.iter().map(|team| team.change_usd).sum::<Option<Usd>>();
    let (cost, waste) = (sum(|team| team.cost_usd), sum(|team| team.waste_usd));
    let mut foot = Vec::new();
    if !hidden.is_empty() {
        let rest = Rest::of(cost, shown.iter().map(|team| team.cost_usd));
        foot.push(Row::of(vec![
            Cell::new(format!("Other ({})", format::plural(len(hidden), "team"))),
            Cell::new(format::share(rest.0.share_of(total))),
            Cell::new(rest.text()),
            change_amount(changes(hidden), None),
            Cell::new(Rest::of(waste, shown.iter().map(|team| team.waste_usd)).text()),
        ]));
    }
    foot.push(Row::of(vec![
        Cell::new("Total"),
        Cell::new(format::share(cost.share_of(total))),
        Cell::new(format::dollars(cost)),
        change_amount(changes(&figures.teams), Some(cost)),
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
        cut: cut_total(shown.len(), figures.teams.len(), "team", cost),
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
        Note { text: format!("Month's budget {}{forecast}", format::dollars(budget)), link: None }
    });
    let mut row = Row::of(vec![
        Cell::new(shortened(&team.team, limits.name_columns)),
        Cell::new(format::share(team.share)).with_bar(team.share),
        Cell::new(format::dollars(team.cost_usd)),
        change_of(team.cost_usd, team.change_usd, total),
        waste_cell(team.waste_usd),
    ]);
    row.note = budget;
    row
}

pub(super) fn jobs(figures: &Figures, limits: &Limits) -> Option<Table> {
    if figures.jobs.is_empty() {
        return None;
    }
    let shown = &figures.jobs[..figures.jobs.len().min(limits.jobs)];
    let hidden = &figures.jobs[shown.len()..];
    let cost: Usd = figures.jobs.iter().map(|job| job.cost_usd).sum();
    let rows = shown.iter().map(|job| job_row(job, figures, limits)).collect();
    let mut foot = Vec::new();
    if !hidden.is_empty() {
        foot.push(jobs_row(
            format!("Other ({})", format::plural(len(hidden), "job")),
            hidden,
            Rest::of(cost, shown.iter().map(|job| job.cost_usd)).text(),
            sum_of_changes(hidden),
        ));
    }
    let gone = gone(figures);
    if !gone.is_zero() {
        foot.push(jobs_row(GONE.into(), &[], format::dollars(Usd::ZERO), Some(gone)));
    }
    let change = sum_of_changes(&figures.jobs).map(|change| change + gone);
    foot.push(jobs_row("Total".into(), &figures.jobs, format::dollars(cost), change));
    let table = Table {
        title: "By job".into(),
        caption: format!(
            "The dearest jobs, and the change against {}.",
            visible(&figures.compared_with)
        ),
        columns: vec![
            Column::numbers("Cost"),
            Column::numbers("Change"),
            Column::numbers("Runs"),
            Column::numbers("Failed"),
            Column::numbers("Retries"),
            Column::numbers("Workers"),
            Column::numbers("Run time"),
            Column::numbers("Waste"),
        ],
        rows,
        foot,
        cut: cut_total(shown.len(), figures.jobs.len(), "job", cost),
        led: true,
        ..Table::default()
    };
    Some(table.finished())
}

fn job_row(job: &JobFigures, figures: &Figures, limits: &Limits) -> Row {
    let failed = bad_ends(&job.by_state);
    // A job none of whose runs has a price has no cost: that is not the same as costing nothing.
    let cost = if job.unpriced_runs == job.runs && job.runs > 0 {
        Cell::new("unpriced").with_tone(Tone::Warn)
    } else {
        Cell::new(format::dollars(job.cost_usd))
    };
    let place = format!("{} {}", visible(&job.account), visible(&job.region));
    let workers =
        if job.avg_workers > 0.0 { format::quantity(job.avg_workers) } else { "–".to_owned() };
    Row {
        lead: Some(Lead {
            text: shortened(&job.job, limits.name_columns),
            aside: placed(&job.team, &job.engine, &place, figures, limits),
        }),
        cells: vec![
            cost,
            change_of(job.cost_usd, job.change_usd, figures.totals.cost_usd),
            Cell::new(format::count(job.runs)),
            failed_cell(failed),
            Cell::new(format::count(job.retries)),
            Cell::new(workers),
            Cell::new(format::duration(job.runtime_seconds)),
            waste_cell(job.waste_usd),
        ],
        note: (job.unpriced_runs > 0 && job.unpriced_runs < job.runs).then(|| Note {
            text: format!("{} unpriced", format::plural(job.unpriced_runs, "run")),
            link: None,
        }),
    }
}

/// Where a job belongs: its team, in the whole company's report; engine and place always.
pub(super) fn placed(
    team: &str,
    engine_word: &str,
    place: &str,
    figures: &Figures,
    limits: &Limits,
) -> String {
    let place = format!("{}, {place}", engine(engine_word));
    if figures.team.is_some() {
        place
    } else {
        format!("{} · {place}", shortened(team, limits.name_columns / 2))
    }
}

fn sum_of_changes(jobs: &[JobFigures]) -> Option<Usd> {
    jobs.iter().map(|job| job.change_usd).sum()
}

fn jobs_row(label: String, jobs: &[JobFigures], cost: String, change: Option<Usd>) -> Row {
    let sum = |part: fn(&JobFigures) -> u64| jobs.iter().map(part).sum::<u64>();
    let failed = jobs.iter().map(|job| bad_ends(&job.by_state)).sum();
    Row {
        lead: Some(Lead { text: label, aside: String::new() }),
        cells: vec![
            Cell::new(cost),
            change_amount(change, None),
            Cell::new(format::count(sum(|job| job.runs))),
            failed_cell(failed),
            Cell::new(format::count(sum(|job| job.retries))),
            Cell::new(""),
            Cell::new(format::duration(sum(|job| job.runtime_seconds))),
            Cell::new(format::dollars(jobs.iter().map(|job| job.waste_usd).sum())),
        ],
        note: None,
    }
}

pub(super) fn movers(figures: &Figures, limits: &Limits) -> Option<Table> {
    let before = figures.before.as_ref()?;
    let mut moved: Vec<(&JobFigures, Usd)> = figures
        .jobs
        .iter()
        .filter_map(|job| Some((job, job.change_usd.filter(|change| !change.is_zero())?)))
        .collect();
    moved.sort_by_key(|(_, change)| std::cmp::Reverse(change.nanos().unsigned_abs()));
    let shown = &moved[..moved.len().min(limits.movers)];
    if shown.len() < 2 {
        return None;
    }
    let total = figures.totals.cost_usd;
    let rows = shown.iter().map(|(job, change)| {
        Row::of(vec![
            Cell::new(shortened(&job.job, limits.name_columns)),
            Cell::new(format::dollars(job.cost_usd - *change)),
            Cell::new(format::dollars(job.cost_usd)),
            change_of(job.cost_usd, Some(*change), total),
        ])
    });
    let table = Table {
        title: "What moved".into(),
        caption: format!("The largest changes against {}.", visible(&figures.compared_with)),
        columns: vec![
            Column::words("Job"),
            Column::numbers("Before"),
            Column::numbers("Now"),
            Column::numbers("Change"),
        ],
        rows: rows.collect(),
        foot: movers_foot(figures, shown, before.cost_usd, moved.len() - shown.len()),
        cut: cut_line(shown.len(), moved.len(), "job"),
        ..Table::default()
    };
    Some(table.finished())
}

/// Jobs that did not run again, the other movers and the total: the changes add up.
fn movers_foot(
    figures: &Figures,
    shown: &[(&JobFigures, Usd)],
    before: Usd,
    hidden: usize,
) -> Vec<Row> {
    let total = figures.totals.cost_usd;
    let gone = gone(figures);
    let row = |label: String, then: Usd, now: Usd, change: Usd| {
        Row::of(vec![
            Cell::new(label),
            Cell::new(format::dollars(then)),
            Cell::new(format::dollars(now)),
            Cell::new(format::change(change)),
        ])
    };
    let mut foot = Vec::new();
    if !gone.is_zero() {
        foot.push(row(GONE.into(), -gone, Usd::ZERO, gone));
    }
    // Each column closes by itself, because a row's three roundings need not agree.
    let nows = shown.iter().map(|(job, _)| job.cost_usd);
    let befores = shown.iter().map(|(job, change)| job.cost_usd - *change).chain([-gone]);
    let changes = shown.iter().map(|(_, change)| *change).chain([gone]);
    let rest_before = format::remainder(before, befores);
    let rest_now = format::remainder(total, nows);
    let rest_change = format::remainder(total - before, changes);
    if hidden > 0 || !rest_now.is_zero() {
        foot.push(row("All other jobs".into(), rest_before, rest_now, rest_change));
    }
    foot.push(row("Total".into(), before, total, total - before));
    foot
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
            Cell::new("Total"),
            Cell::new(share),
            Cell::new(format::dollars(sum)),
        ])],
        ..Table::default()
    };
    Some(table.finished())
}

/// What the rows that are not shown cost, exactly and as it must be printed to add up.
struct Rest(Usd, Usd);

impl Rest {
    fn of(total: Usd, shown: impl Iterator<Item = Usd> + Clone) -> Self {
        Self(total - shown.clone().sum(), format::remainder(total, shown))
    }

    fn text(&self) -> String {
        // Where nearly nothing is hidden, the roundings of the shown rows may outweigh it, and a
        // rest below zero would puzzle more than a cent that is missing.
        let opposite = (self.0 > Usd::ZERO) && self.1 <= Usd::ZERO;
        format::dollars(if opposite { self.0 } else { self.1 })
    }
}

/// `Showing 20 of 120 jobs, total $1,234.56`.
pub(super) fn cut_total(shown: usize, all: usize, noun: &str, total: Usd) -> Option<String> {
    cut_line(shown, all, noun).map(|line| format!("{line}, total {}", format::dollars(total)))
}

pub(super) fn failed_cell(failed: u64) -> Cell {
    let tone = if failed > 0 { Tone::Bad } else { Tone::Muted };
    Cell::new(format::count(failed)).with_tone(tone)
}

fn waste_cell(waste: Usd) -> Cell {
    let tone = if waste.is_zero() { Tone::Muted } else { Tone::Plain };
    Cell::new(format::dollars(waste)).with_tone(tone)
}

/// A change with its percent, coloured where it moves the whole by a hundredth or more: colour
/// on every cent would say nothing.
fn change_of(now: Usd, change: Option<Usd>, whole: Usd) -> Cell {
    let Some(change) = change else { return Cell::new("–").with_tone(Tone::Muted) };
    let cell = change_cell(now, Some(now - change));
    let matters = change.nanos().unsigned_abs() * 100 >= whole.nanos().unsigned_abs();
    match change.cmp(&Usd::ZERO) {
        std::cmp::Ordering::Equal => cell.with_tone(Tone::Muted),
        std::cmp::Ordering::Greater if matters => cell.with_tone(Tone::Bad),
        std::cmp::Ordering::Less if matters => cell.with_tone(Tone::Good),
        _ => cell,
    }
}

fn change_cell(now: Usd, before: Option<Usd>) -> Cell {
    let Some(before) = before else { return Cell::new("") };
    let change = now - before;
    let percent = format::change_percent(change, before);
    let new = if before.is_zero() && !now.is_zero() { "new" } else { "" };
    let sub = if change.is_zero() { String::new() } else { percent.unwrap_or_else(|| new.into()) };
    Cell::new(format::change(change)).with_sub(sub)
}

fn change_amount(change: Option<Usd>, now: Option<Usd>) -> Cell {
    let Some(change) = change else { return Cell::new("") };
    now.map_or_else(
        || Cell::new(format::change(change)),
        |now| change_cell(now, Some(now - change)),
    )
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
