//! The tables of runs: how they ended, on what they ran, why they failed, and which had not ended.

use super::cells::{cost_cell, cut_to, cut_total, expected_word, failed_cell, placed};
use super::completeness::engine;
use super::{Limits, cut_line};
use crate::analysis::{ConfigurationFigures, FailureFigures, Figures, OpenRun};
use crate::model::{Engine, RunState, Usd};
use crate::report::table::{Cell, Column, Lead, Link, Note, Row, Table, Tone};
use crate::report::words::{account_shown, shortened, visible};
use crate::report::{Attached, format, links};

pub(super) fn states(figures: &Figures, limits: &Limits) -> Option<Table> {
    if figures.states.is_empty() {
        return None;
    }
    let all = figures.totals.runs;
    let shown = &figures.states[..figures.states.len().min(limits.states)];
    let rows = shown.iter().map(|state| {
        let known = RunState::from(state.state.as_str());
        let failed = known.is_bad_end() && state.expected_ends < state.runs;
        let tone = if failed { Tone::Bad } else { Tone::Plain };
        let share = part(state.runs, all);
        let name = shortened(&state.state, limits.name_columns);
        let name = match (state.expected_ends, expected_word(&known)) {
            (0, _) => name,
            (all, word) if all == state.runs => format!("{name} ({word})"),
            (some, word) => format!("{name} ({} {word})", format::count(some)),
        };
        Row::of(vec![
            Cell::new(name).with_tone(tone),
            Cell::new(format::share(share)).with_bar(share),
            Cell::new(format::count(state.runs)),
            Cell::new(format::duration(state.runtime_seconds)),
            cost_cell(state.cost_usd, state.unpriced_runs, state.runs),
        ])
    });
    let cost = figures.totals.cost_usd;
    let runs: u64 = figures.states.iter().map(|state| state.runs).sum();
    let time: u64 = figures.states.iter().map(|state| state.runtime_seconds).sum();
    let closing = |label: &str, runs: u64, time: u64, cost: Usd| {
        Row::of(vec![
            Cell::new(label),
            Cell::new(format::share(part(runs, all))),
            Cell::new(format::count(runs)),
            Cell::new(format::duration(time)),
            Cell::new(format::dollars(cost)),
        ])
    };
    let hidden = &figures.states[shown.len()..];
    let rest = (!hidden.is_empty()).then(|| {
        closing(
            "Other",
            hidden.iter().map(|state| state.runs).sum(),
            hidden.iter().map(|state| state.runtime_seconds).sum(),
            format::remainder(cost, shown.iter().map(|state| state.cost_usd)),
        )
    });
    let table = Table {
        title: "How runs ended".into(),
        caption: "Runs by end state, in AWS's words.".into(),
        columns: vec![
            Column::words("State"),
            Column::words("Share of runs"),
            Column::numbers("Runs"),
            Column::numbers("Run time"),
            Column::numbers("Cost"),
        ],
        rows: rows.collect(),
        foot: rest.into_iter().chain([closing("Total", runs, time, cost)]).collect(),
        cut: cut_total(shown.len(), figures.states.len(), "state", cost),
        ..Table::default()
    };
    Some(table.finished())
}

pub(super) fn configurations(figures: &Figures, limits: &Limits) -> Option<Table> {
    if figures.configurations.is_empty() {
        return None;
    }
    let all = &figures.configurations;
    let shown = &all[..all.len().min(limits.configurations)];
    let rows = shown.iter().map(|kind| {
        let name = |text: &str| shortened(text, limits.name_columns / 3);
        let worker_type = match kind.worker_type.as_str() {
            "-" => "(no worker type)".to_owned(),
            known => name(known),
        };
        Row::of(vec![
            Cell::new(format!("{} {worker_type}", engine(&kind.engine))),
            Cell::new(name(&kind.execution_class)),
            Cell::new(name(&kind.version)),
            Cell::new(format::count(kind.runs)),
            cost_cell(kind.cost_usd, kind.unpriced_runs, kind.runs),
        ])
    });
    let cost = figures.totals.cost_usd;
    let runs = |kinds: &[ConfigurationFigures]| kinds.iter().map(|kind| kind.runs).sum::<u64>();
    let closing = |label: &str, runs: u64, cost: Usd| {
        Row::of(vec![
            Cell::new(label),
            Cell::new(""),
            Cell::new(""),
            Cell::new(format::count(runs)),
            Cell::new(format::dollars(cost)),
        ])
    };
    let hidden = &all[shown.len()..];
    let rest = (!hidden.is_empty()).then(|| {
        let rest = format::remainder(cost, shown.iter().map(|kind| kind.cost_usd));
        closing("Other", runs(hidden), rest)
    });
    let table = Table {
        title: "What they ran on".into(),
        caption: "Runs by worker type or architecture, execution class and version.".into(),
        columns: vec![
            Column::words("Workers"),
            Column::words("Class"),
            Column::words("Version"),
            Column::numbers("Runs"),
            Column::numbers("Cost"),
        ],
        rows: rows.collect(),
        foot: rest.into_iter().chain([closing("Total", runs(all), cost)]).collect(),
        cut: cut_total(shown.len(), all.len(), "configuration", cost),
        ..Table::default()
    };
    Some(table.finished())
}

pub(super) fn failures(figures: &Figures, limits: &Limits) -> Option<Table> {
    // The restart of a stream is none: it comes after all others, and the jobs' table tells it.
    let count = figures.failures.iter().take_while(|failure| !failure.restart).count();
    let (all, restarts) = figures.failures.split_at(count);
    if all.is_empty() {
        return None;
    }
    let restarts: Usd = restarts.iter().map(|restart| restart.cost_usd).sum();
    let beside = match restarts {
        Usd::ZERO => String::new(),
        cost => format!(
            " The cost of failed runs has {} of restarted streams, too.",
            format::dollars(cost)
        ),
    };
    let shown = &all[..all.len().min(limits.failures)];
    let hidden = &all[shown.len()..];
    let cost: Usd = all.iter().map(|failure| failure.cost_usd).sum();
    let runs = |failures: &[FailureFigures]| failures.iter().map(|one| one.runs).sum::<u64>();
    let closing = |label: String, runs: u64, cost: Usd| Row {
        lead: Some(Lead { text: label, aside: String::new() }),
        cells: vec![
            Cell::new(""),
            Cell::new(""),
            failed_cell(runs),
            Cell::new(format::dollars(cost)),
        ],
        note: None,
    };
    let rest = (!hidden.is_empty()).then(|| {
        closing(
            format!("Other ({})", format::plural(hidden.len() as u64, "error")),
            runs(hidden),
            format::remainder(cost, shown.iter().map(|failure| failure.cost_usd)),
        )
    });
    let table = Table {
        title: "What failed".into(),
        caption: format!("Bad ends by job and error, dearest first, with the latest run.{beside}"),
        columns: vec![
            Column::words("State"),
            Column::words("Latest"),
            Column::numbers("Runs"),
            Column::numbers("Cost"),
        ],
        rows: shown.iter().map(|failure| failure_row(failure, figures, limits)).collect(),
        foot: rest.into_iter().chain([closing("All errors".into(), runs(all), cost)]).collect(),
        cut: cut_to(Attached::Failures, cut_total(shown.len(), all.len(), "error", cost), figures),
        led: true,
        ..Table::default()
    };
    Some(table.finished())
}

fn failure_row(failure: &FailureFigures, figures: &Figures, limits: &Limits) -> Row {
    let error = if failure.error.is_empty() {
        "AWS gave no error.".to_owned()
    } else {
        shortened(&failure.error, limits.text_columns)
    };
    let link = links::console(&failure.latest, &failure.job).map(|href| {
        let run = shortened(&failure.latest.run_id, 20);
        let is_emr = failure.latest.engine == Engine::EmrServerless;
        // The application's page lists its runs by id, so the id has to be told.
        let label =
            if is_emr { format!("Open application of run {run}") } else { "Open run".into() };
        Link { label, href }
    });
    let account = account_shown(&failure.account, failure.account_name.as_deref());
    let place = format!("{account} {}", visible(&failure.region));
    let aside = placed(&failure.team, &failure.engine, &place, figures, limits);
    Row {
        lead: Some(Lead { text: shortened(&failure.job, limits.name_columns), aside }),
        cells: vec![
            Cell::new(shortened(&failure.state, 24)).with_tone(Tone::Bad),
            Cell::new(format::short_time(failure.latest_end, &figures.period.time_zone)),
            Cell::new(format::count(failure.runs)),
            cost_cell(failure.cost_usd, failure.unpriced_runs, failure.runs),
        ],
        note: Some(Note { text: error, link }),
    }
}

pub(super) fn still_running(figures: &Figures, limits: &Limits) -> Option<Table> {
    if figures.still_running.is_empty() {
        return None;
    }
    let all = &figures.still_running;
    let shown = &all[..all.len().min(limits.still_running)];
    let table = Table {
        title: "Still running".into(),
        caption: format!(
            "Not ended at {}, longest first; not in the total. A dash stands where AWS does not \
             say yet what a run has used.",
            format::time(figures.as_of, &figures.period)
        ),
        columns: vec![
            Column::words("State"),
            Column::numbers("Since"),
            Column::numbers("For"),
            Column::numbers("So far"),
        ],
        rows: shown.iter().map(|run| open_row(run, figures, limits)).collect(),
        cut: open_cut(shown.len(), all),
        led: true,
        ..Table::default()
    };
    Some(table.finished())
}

/// What is not known of any run is no sum of nothing.
fn open_cut(shown: usize, all: &[OpenRun]) -> Option<String> {
    let line = cut_line(shown, all.len(), "run")?;
    let known: Vec<Usd> = all.iter().filter_map(|run| run.cost_so_far_usd).collect();
    if known.is_empty() {
        return Some(line);
    }
    let so_far: Usd = known.into_iter().sum();
    Some(format!("{line}, so far {}", format::dollars(so_far)))
}

fn open_row(run: &OpenRun, figures: &Figures, limits: &Limits) -> Row {
    let since = run
        .started_at
        .map_or_else(|| "–".to_owned(), |at| format::short_time(at, &figures.period.time_zone));
    let place = format!("{} {}", visible(&run.identity.account), visible(&run.identity.region));
    Row {
        lead: Some(Lead {
            text: shortened(&run.job, limits.name_columns),
            aside: placed(&run.team, run.identity.engine.as_str(), &place, figures, limits),
        }),
        cells: vec![
            Cell::new(shortened(&run.state, 24)),
            Cell::new(since),
            Cell::new(format::duration(run.running_seconds)),
            Cell::new(run.cost_so_far_usd.map_or_else(|| "–".to_owned(), format::dollars)),
        ],
        note: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown with three digits")]
fn part(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
