//! The tables of jobs: the dearest, and those whose cost moved most.

use super::cells::{
    self, Rest, change_of, cost_cell, cut_to, cut_total, expected_word, failed_cell, failures, len,
    placed, rest_of_changes, total_change, waste_cell,
};
use super::{Limits, cut_line};
use crate::analysis::{Figures, JobFigures};
use crate::model::{RunState, Usd};
use crate::report::table::{Cell, Column, Lead, Note, Row, Table};
use crate::report::words::{account_shown, shortened, visible};
use crate::report::{Attached, format};

/// The line of the jobs that ran only in the period before.
const GONE: &str = "Jobs that did not run again";

/// What the jobs that ran only in the period before cost then, as a change.
pub(super) fn gone(figures: &Figures) -> Usd {
    cells::gone(figures, figures.jobs.iter().map(|job| job.change_usd))
}

pub(super) fn jobs(figures: &Figures, limits: &Limits) -> Option<Table> {
    if figures.jobs.is_empty() {
        return None;
    }
    let shown = &figures.jobs[..figures.jobs.len().min(limits.jobs)];
    let hidden = &figures.jobs[shown.len()..];
    let cost = figures.totals.cost_usd;
    let gone = gone(figures);
    let rows = shown.iter().map(|job| job_row(job, figures, limits)).collect();
    let mut foot = Vec::new();
    if !hidden.is_empty() {
        let changes = shown.iter().map(|job| job.change_usd).chain([Some(gone)]);
        foot.push(jobs_row(
            format!("Other ({})", format::plural(len(hidden), "job")),
            hidden,
            Rest::of(cost, shown.iter().map(|job| job.cost_usd)).text(),
            rest_of_changes(figures, changes),
        ));
    }
    if !gone.is_zero() {
        let change = Cell::new(format::change(gone));
        foot.push(jobs_row(GONE.into(), &[], format::dollars(Usd::ZERO), change));
    }
    let total = format::dollars(cost);
    foot.push(jobs_row("Total".into(), &figures.jobs, total, total_change(figures)));
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
        cut: cut_to(
            Attached::Jobs,
            cut_total(shown.len(), figures.jobs.len(), "job", cost),
            figures,
        ),
        led: true,
        ..Table::default()
    };
    Some(table.finished())
}

fn job_row(job: &JobFigures, figures: &Figures, limits: &Limits) -> Row {
    let failed = failures(&job.by_state, job.expected_ends);
    let cost = cost_cell(job.cost_usd, job.unpriced_runs, job.runs);
    let account = account_shown(&job.account, job.account_name.as_deref());
    let place = format!("{account} {}", visible(&job.region));
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
        note: note(job),
    }
}

/// What a job's figures leave open: runs without a price, and ends that only look like failures.
fn note(job: &JobFigures) -> Option<Note> {
    let some = |runs: u64, word: &str| format!("{} {word}", format::plural(runs, "run"));
    let unpriced = (job.unpriced_runs > 0 && job.unpriced_runs < job.runs)
        .then(|| some(job.unpriced_runs, "unpriced"));
    let restarts = job.by_state.contains_key(RunState::Expired.as_str());
    let state = if restarts { RunState::Expired } else { RunState::Timeout };
    let expected = (job.expected_ends > 0)
        .then(|| format!("{}, not failed", some(job.expected_ends, expected_word(&state))));
    let parts: Vec<String> = unpriced.into_iter().chain(expected).collect();
    (!parts.is_empty()).then(|| Note { text: parts.join("; "), link: None })
}

fn jobs_row(label: String, jobs: &[JobFigures], cost: String, change: Cell) -> Row {
    let sum = |part: fn(&JobFigures) -> u64| jobs.iter().map(part).sum::<u64>();
    let failed = jobs.iter().map(|job| failures(&job.by_state, job.expected_ends)).sum();
    Row {
        lead: Some(Lead { text: label, aside: String::new() }),
        cells: vec![
            Cell::new(cost),
            change,
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
        cut: cut_to(Attached::Jobs, cut_line(shown.len(), moved.len(), "job"), figures),
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
