//! A month's statement as an accountant meets it: what the total is, what it is made of, who pays,
//! and what nobody does. Finished strings; templates place them.

mod sample;
mod sections;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::format::{self, dollars};
use super::table::{Table, Tone};
use super::words::visible;
use crate::chargeback::{Statement, TotalIs};
use crate::model::{Period, Usd};

pub(super) use sample::samples;

/// Rows of each table that are shown where there is room; the attached file has all of them.
pub(super) const ROWS_MAX: usize = 60;
/// Rows that are always shown.
pub(super) const ROWS_MIN: usize = 5;

/// What the templates are given.
#[derive(Clone, Debug, Serialize)]
pub(super) struct View {
    /// The month's name.
    month: String,
    /// Its days.
    days: String,
    /// `closed`, or `open`.
    state: &'static str,
    /// The total in booked cents.
    total: String,
    /// `bill`, or `estimate`.
    total_is: &'static str,
    /// What the total is, in a sentence.
    headline: String,
    /// What it is made of, in a sentence.
    why: String,
    /// Whether it can be booked.
    verdict: String,
    /// Good where nothing is missing.
    tone: Tone,
    /// What to know before.
    warnings: Vec<String>,
    /// What is seen before the mail is opened.
    preheader: String,
    /// The tables, in their order.
    tables: Vec<Table>,
    /// How to read the numbers.
    footnotes: Vec<String>,
    /// What was known when.
    as_of: String,
}

impl View {
    /// The same with something else to know.
    pub(super) fn noting(mut self, note: Option<String>) -> Self {
        self.warnings.extend(note);
        self
    }

    /// The view of a statement with so many rows of each table.
    pub(super) fn of(statement: &Statement, rows_max: usize) -> Self {
        let booked = &statement.booked;
        let (total_is, headline) = total_is(statement);
        // Nothing is not what is not known; what is corrected of earlier months is.
        let known = |usd: Usd| match statement.is_known {
            true => dollars(usd),
            false => "not known".to_owned(),
        };
        let total = match (statement.is_known, booked.total_usd.is_zero()) {
            (false, true) => "Not known".to_owned(),
            _ => dollars(booked.total_usd),
        };
        let why = format!(
            "Own use {}, shared {}, corrections {}, unallocated {}.",
            known(booked.own_usd),
            known(booked.shared_usd),
            dollars(booked.correction_usd),
            dollars(booked.unallocated_usd),
        );
        let sure = statement.warnings.is_empty() && statement.says_total_is == TotalIs::Bill;
        Self {
            month: visible(&statement.month),
            days: days(&statement.month),
            state: if statement.closed { "closed" } else { "open" },
            preheader: format!("{total} {headline}"),
            total,
            total_is,
            headline,
            why,
            verdict: verdict(statement),
            tone: if sure { Tone::Good } else { Tone::Warn },
            warnings: statement.warnings.iter().map(|warning| visible(warning)).collect(),
            tables: sections::tables(statement, rows_max),
            footnotes: footnotes(statement),
            as_of: statement
                .as_of
                .to_zoned(TimeZone::UTC)
                .strftime("%-d %b %Y %H:%M UTC")
                .to_string(),
        }
    }
}

fn total_is(statement: &Statement) -> (&'static str, String) {
    let earlier = if statement.earlier_months_usd.is_zero() {
        String::new()
    } else {
        format!(", with {} of months closed before", dollars(statement.earlier_months_usd))
    };
    let beside = if statement.off_bill_usd.is_zero() {
        String::new()
    } else {
        format!(", with {} of engines that no AWS bill holds", dollars(statement.off_bill_usd))
    };
    if !statement.is_known {
        let what = "its runs have expired, and it was not closed before";
        return ("not known", format!("not known: {what}{earlier}"));
    }
    match statement.says_total_is {
        TotalIs::Bill => ("bill", format!("what AWS billed{beside}{earlier}")),
        TotalIs::Estimate => {
            ("estimate", format!("estimated from the runs, not the AWS bill{earlier}"))
        }
    }
}

fn verdict(statement: &Statement) -> String {
    let state = match &statement.closing {
        Some(closing) => {
            let at = closing.at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y %H:%M UTC");
            let forced = closing.forced_because.as_ref().map_or_else(String::new, |why| {
                format!(", before its bill was final, because: {}", visible(why))
            });
            format!(
                "Closed on {at} by {}{forced}. It does not change any more.",
                visible(&closing.by)
            )
        }
        None => "Open: it changes until it is closed.".to_owned(),
    };
    match (&statement.says_total_is, &statement.bill_reason) {
        (TotalIs::Estimate, Some(reason)) => {
            let so_far = statement
                .bill_so_far_usd
                .map_or_else(String::new, |usd| format!(" AWS billed {} so far.", dollars(usd)));
            format!("{state} The total is an estimate: {}.{so_far}", visible(reason))
        }
        _ => state,
    }
}

fn days(month: &str) -> String {
    Period::month(month, &TimeZone::UTC).map_or_else(|_| visible(month), |m| format::days(&m))
}

fn footnotes(statement: &Statement) -> Vec<String> {
    let mut notes = vec![
        "A run is charged to the UTC days on which it ran, as AWS bills, and not to the day on \
         which it ended, as reports count; the bridge leads from one to the other."
            .to_owned(),
        "Cents are apportioned once, over the finest cells (cost centre, team, account, region, \
         engine, job), by largest remainder. Every table here, and the attached file, is a sum of \
         them."
            .to_owned(),
    ];
    if !statement.lines.is_empty() {
        notes.push(
            "A line is what the bill has and no run explains. Lines of one account are split over \
             that account's runs; what is not split stays unallocated."
                .to_owned(),
        );
    }
    if !statement.off_bill_usd.is_zero() {
        notes.push(
            "Engines that no AWS bill holds are in own use with the cost that they were imported \
             with; the total is the bill and theirs together."
                .to_owned(),
        );
    }
    if statement.counts.corrected_runs > 0 {
        notes.push(
            "Corrections are later facts about closed months, priced with the rates that were \
             frozen with them."
                .to_owned(),
        );
    }
    if !statement.budgets.is_empty() {
        notes.push(
            "A forecast is what was used on complete days, and for each day that is left the \
             median of the same weekday over the last eight weeks; its spread are the quartiles of \
             the same days."
                .to_owned(),
        );
    }
    notes
}
