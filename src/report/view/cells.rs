//! What the tables share: how a rest, a change, a failure count and a place are said.
//!
//! A table that is cut ends with what the rest costs, as the printed total less the printed rows,
//! so that its column adds up to the cent for whoever checks it.

use std::collections::BTreeMap;

use super::completeness::engine;
use super::{Limits, cut_line};
use crate::analysis::{Figures, Totals};
use crate::model::{RunState, Usd};
use crate::report::Attached;
use crate::report::format;
use crate::report::table::{Cell, Tone};
use crate::report::words::{shortened, visible};

/// What runs cost. Where none of them has a price that is not known, and not the same as nothing.
pub(super) fn cost_cell(cost: Usd, unpriced_runs: u64, runs: u64) -> Cell {
    if unpriced_runs == runs && runs > 0 {
        Cell::new("unpriced").with_tone(Tone::Warn)
    } else {
        Cell::new(format::dollars(cost))
    }
}

/// What the rows that are not shown cost.
pub(super) struct Rest {
    exact: Usd,
    /// As it must be printed for the column to add up.
    closing: Usd,
}

impl Rest {
    /// The rest of a total once the shown parts are taken away.
    pub(super) fn of(total: Usd, shown: impl Iterator<Item = Usd> + Clone) -> Self {
        let closing = format::remainder(total, shown.clone());
        Self { exact: total - shown.sum(), closing }
    }

    pub(super) fn text(&self) -> String {
        // Where nearly nothing is hidden, the roundings of the shown rows may outweigh it, and a
        // rest below zero would puzzle more than a cent that is missing.
        let puzzles = self.exact > Usd::ZERO && self.closing <= Usd::ZERO;
        format::dollars(if puzzles { self.exact } else { self.closing })
    }

    pub(super) fn share_of(&self, whole: Usd) -> f64 {
        self.exact.share_of(whole)
    }
}

/// `Showing 20 of 120 jobs, total $1,234.56`.
pub(super) fn cut_total(shown: usize, all: usize, noun: &str, total: Usd) -> Option<String> {
    cut_line(shown, all, noun).map(|line| format!("{line}, total {}", format::dollars(total)))
}

/// The line below a cut table whose whole goes with the mail.
pub(super) fn cut_to(file: Attached, line: Option<String>, figures: &Figures) -> Option<String> {
    line.map(|line| {
        let file = visible(&file.file_name(&figures.period));
        format!("{line}. Whole table: {file}, attached to the mail.")
    })
}

/// The headline's change: every total row that shows a change shows this one.
pub(super) fn change_of_all(figures: &Figures) -> Option<Usd> {
    figures.before.as_ref().map(|before| figures.totals.cost_usd - before.cost_usd)
}

/// What is left of the headline's change once the changes of those with runs now are taken away:
/// what those cost before that have none. Never above zero but where a cost before is not known.
pub(super) fn gone(figures: &Figures, changes: impl Iterator<Item = Option<Usd>>) -> Usd {
    let known: Usd = changes.flatten().sum();
    change_of_all(figures).map_or(Usd::ZERO, |change| change - known)
}

/// How many runs failed.
pub(super) fn failed(totals: &Totals) -> u64 {
    failures(&totals.by_state, totals.expected_ends)
}

/// The bad ends by state, less those that are expected: a stream's weekly restart is no failure.
pub(super) fn failures(by_state: &BTreeMap<String, u64>, expected_ends: u64) -> u64 {
    let bad = by_state.iter().filter(|(state, _)| RunState::from(state.as_str()).is_bad_end());
    bad.map(|(_, runs)| runs).sum::<u64>().saturating_sub(expected_ends)
}

/// What expected ends of a state are called where people read: restarts of streams, and sessions.
pub(super) fn expected_word(state: &RunState) -> &'static str {
    if *state == RunState::Expired { "restarted" } else { "left idle" }
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

pub(super) fn failed_cell(failed: u64) -> Cell {
    let tone = if failed > 0 { Tone::Bad } else { Tone::Muted };
    Cell::new(format::count(failed)).with_tone(tone)
}

pub(super) fn waste_cell(waste: Usd) -> Cell {
    let tone = if waste.is_zero() { Tone::Muted } else { Tone::Plain };
    Cell::new(format::dollars(waste)).with_tone(tone)
}

/// A change with its percent, coloured where it moves the whole by a hundredth or more: colour
/// on every cent would say nothing.
pub(super) fn change_of(now: Usd, change: Option<Usd>, whole: Usd) -> Cell {
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

pub(super) fn change_cell(now: Usd, before: Option<Usd>) -> Cell {
    let Some(before) = before else { return Cell::new("") };
    let change = now - before;
    let percent = format::change_percent(change, before);
    let new = if before.is_zero() && !now.is_zero() { "new" } else { "" };
    let sub = if change.is_zero() { String::new() } else { percent.unwrap_or_else(|| new.into()) };
    Cell::new(format::change(change)).with_sub(sub)
}

/// The total's change, with its percent.
pub(super) fn total_change(figures: &Figures) -> Cell {
    let before = figures.before.as_ref().map(|before| before.cost_usd);
    change_cell(figures.totals.cost_usd, before)
}

/// The change of the rows that are not shown, as it must be printed for the column to add up.
pub(super) fn rest_of_changes(figures: &Figures, shown: impl Iterator<Item = Option<Usd>>) -> Cell {
    let rest = change_of_all(figures).and_then(|change| {
        let shown: Vec<Usd> = shown.collect::<Option<_>>()?;
        Some(format::remainder(change, shown))
    });
    Cell::new(rest.map_or_else(String::new, format::change))
}

pub(super) fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
