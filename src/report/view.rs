//! Figures as a reader meets them: finished strings, in the order of a two-minute look.
//!
//! Everything is decided here that the HTML and the text must agree on: what is said, how it is
//! rounded, how much of it is shown. Templates place it; they compute nothing.

mod bill;
mod cells;
mod completeness;
mod costs;
mod headline;
mod jobs;
mod limits;
mod own_cost;
mod quotas;
mod runs;

use serde::Serialize;

use super::format;
use super::table::{Table, Tone};
use super::words::shortened;
use crate::analysis::Figures;
use crate::model::Severity;
pub use limits::Limits;

/// What the templates are given.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// What the report is about: `Data jobs`, or `Data jobs of Checkout`.
    pub title: String,
    /// The period's name: `2026-W46`.
    pub period: String,
    /// `revision 1`, where this replaces a report that was sent; empty otherwise.
    pub revision: String,
    /// Its days: `9–15 November 2026`.
    pub days: String,
    /// Its kind: `week`, `month`, `period`.
    pub noun: &'static str,
    /// The zone in which its days begin and all times are shown.
    pub time_zone: String,
    /// At what the costs are estimated: `list prices`, or what was agreed with AWS.
    pub priced_at: &'static str,
    /// The period that changes are measured against.
    pub compared_with: String,
    /// What was known when: `16 Nov 2026 06:00 UTC`.
    pub as_of: String,
    /// The total, its change and why.
    pub headline: Headline,
    /// Whether the total can be trusted.
    pub completeness: Completeness,
    /// What to do, most money first.
    pub actions: Vec<ActionLine>,
    /// How many more actions there are; empty where all are shown.
    pub actions_cut: String,
    /// Alerts that are not over, the gravest first.
    pub alerts: Vec<AlertLine>,
    /// How many more alerts there are; empty where all are shown.
    pub alerts_cut: String,
    /// The estimate beside the bill; absent where no bill was read, and in a team's own edition.
    pub bill: Option<Table>,
    /// The sums against those of the period before.
    pub totals: Option<Table>,
    /// Who pays; absent in a team's own edition.
    pub teams: Option<Table>,
    /// The dearest jobs.
    pub jobs: Option<Table>,
    /// The jobs whose cost moved most.
    pub movers: Option<Table>,
    /// Runs by end state.
    pub states: Option<Table>,
    /// Runs by worker type, execution class and version.
    pub configurations: Option<Table>,
    /// Bad ends with their error.
    pub failures: Option<Table>,
    /// Where the waste comes from.
    pub waste: Option<Table>,
    /// Peaks against quotas.
    pub quotas: Option<Table>,
    /// What had not ended.
    pub still_running: Option<Table>,
    /// How to read the numbers.
    pub footnotes: Vec<String>,
}

/// The first thing that is read.
#[derive(Clone, Debug, Serialize)]
pub struct Headline {
    /// What it cost: `$12,345.67`.
    pub total: String,
    /// The change in words and figures: `+$1,234.56 (+11.1%) against 2026-W45`.
    pub change: String,
    /// The change alone, for a subject: `+11.1%`; empty where there is nothing to compare with.
    pub change_short: String,
    /// Whether that is more or less.
    pub tone: Tone,
    /// Why, in a sentence.
    pub why: String,
    /// One line for the list of mails, before the mail is opened.
    pub preheader: String,
}

/// Whether the total can be trusted.
#[derive(Clone, Debug, Serialize)]
pub struct Completeness {
    /// In a sentence.
    pub verdict: String,
    /// Good where nothing is missing.
    pub tone: Tone,
    /// What is missing, and what else there is to know.
    pub notes: Vec<String>,
}

/// A thing to do.
#[derive(Clone, Debug, Serialize)]
pub struct ActionLine {
    /// What to do.
    pub advice: String,
    /// What is at stake; empty where that has no price.
    pub amount: String,
}

/// An alert that was told and is not over.
#[derive(Clone, Debug, Serialize)]
pub struct AlertLine {
    /// How grave it is.
    pub severity: &'static str,
    /// What it means for its colour.
    pub tone: Tone,
    /// What happened.
    pub message: String,
    /// When it began, in the report's zone.
    pub since: String,
}

impl View {
    /// The view of a report's figures, cut to the limits.
    #[must_use]
    pub fn of(figures: &Figures, limits: &Limits) -> Self {
        let (actions, actions_cut) = actions(figures, limits);
        let (alerts, alerts_cut) = alerts(figures, limits);
        Self {
            title: title(figures, limits),
            period: super::words::visible(&figures.period.name),
            revision: match figures.revision {
                0 => String::new(),
                number => format!("revision {number}"),
            },
            days: format::days(&figures.period),
            noun: figures.period.noun(),
            time_zone: figures.period.zone_name().to_owned(),
            priced_at: match figures.completeness.agreed_rates {
                0 => "list prices",
                _ => "prices agreed with AWS",
            },
            compared_with: super::words::visible(&figures.compared_with),
            as_of: format::time(figures.as_of, &figures.period),
            headline: headline::of(figures, limits),
            completeness: completeness::of(figures, limits),
            actions,
            actions_cut,
            alerts,
            alerts_cut,
            bill: bill::bill(figures, limits),
            totals: costs::totals(figures),
            teams: costs::teams(figures, limits),
            jobs: jobs::jobs(figures, limits),
            movers: jobs::movers(figures, limits),
            states: runs::states(figures, limits),
            configurations: runs::configurations(figures, limits),
            failures: runs::failures(figures, limits),
            waste: costs::waste(figures),
            quotas: quotas::quotas(figures, limits),
            still_running: runs::still_running(figures, limits),
            footnotes: footnotes(figures, limits),
        }
    }

    /// The same with something else to know, beside what is missing.
    #[must_use]
    pub fn noting(mut self, note: Option<String>) -> Self {
        self.completeness.notes.extend(note);
        self
    }
}

fn title(figures: &Figures, limits: &Limits) -> String {
    figures.team.as_ref().map_or_else(
        || "Data jobs".to_owned(),
        |team| format!("Data jobs of {}", shortened(team, limits.name_columns)),
    )
}

fn actions(figures: &Figures, limits: &Limits) -> (Vec<ActionLine>, String) {
    let lines = figures.actions.iter().take(limits.actions).map(|action| ActionLine {
        advice: shortened(&action.advice, limits.advice_columns),
        // Advice without a price is not advice about nothing.
        amount: if action.usd.is_zero() { String::new() } else { format::dollars(action.usd) },
    });
    let cut = cut_line(limits.actions, figures.actions.len(), "action");
    (lines.collect(), cut.unwrap_or_default())
}

fn alerts(figures: &Figures, limits: &Limits) -> (Vec<AlertLine>, String) {
    let lines = figures.alerts.iter().take(limits.alerts).map(|alert| AlertLine {
        severity: alert.severity.as_str(),
        tone: match alert.severity {
            Severity::Critical => Tone::Bad,
            Severity::Warning => Tone::Warn,
            Severity::Info => Tone::Plain,
        },
        message: shortened(&alert.message, limits.text_columns),
        since: format::short_time(alert.opened_at, &figures.period.time_zone),
    });
    let lines: Vec<_> = lines.collect();
    let all = usize::try_from(figures.alerts_total).unwrap_or(usize::MAX);
    let cut = cut_line(lines.len(), all, "alert");
    (lines, cut.unwrap_or_default())
}

/// `Showing 5 of 12 actions`; `None` where all are shown.
fn cut_line(shown: usize, all: usize, noun: &str) -> Option<String> {
    (all > shown).then(|| {
        let shown = format::count(u64::try_from(shown).unwrap_or(u64::MAX));
        let all = u64::try_from(all).unwrap_or(u64::MAX);
        format!("Showing {shown} of {}", format::plural(all, noun))
    })
}

fn footnotes(figures: &Figures, limits: &Limits) -> Vec<String> {
    let costs = if figures.completeness.agreed_rates == 0 {
        "Costs are list-price estimates: what AWS reports of each run, times its rate in US \
         dollars. Discounts, credits, taxes, storage and data transfer are not in them, so the \
         bill differs. A run whose rate is not known is unpriced, never 0."
    } else {
        "Costs are estimates: what AWS reports of each run, times its rate in US dollars, as it \
         was agreed with AWS or else as listed. Credits, taxes, storage and data transfer are not \
         in them, so the bill differs. A run whose rate is not known is unpriced, never 0."
    };
    let mut notes = vec![
        costs.to_owned(),
        format!(
            "A run belongs to the {} in which it ended. Times are {}.",
            figures.period.noun(),
            figures.period.zone_name()
        ),
        "Waste counts each dollar once: runs that ended badly, then runs that a later attempt \
         repeated, then what a billing minimum added. Failed, retry and repeated cost overlap with \
         it and with each other, so they are not added up."
            .to_owned(),
    ];
    if figures.team.is_none() && figures.bill.is_none() && figures.bill_missing.is_none() {
        notes.push(
            "Not compared with the bill: reading it from Cost Explorer is not switched on."
                .to_owned(),
        );
    }
    if figures.failures.iter().any(|failure| failure.restart) {
        notes.push(
            "Failed cost also counts EXPIRED runs of streaming jobs. Glue restarts these every \
             week, so they are no waste."
                .to_owned(),
        );
    }
    if !figures.completeness.by_basis.is_empty() {
        notes.push(
            "Basis of a cost: billed, AWS says what it billed; metered, AWS says how long capacity \
             was used; provisioned, capacity times time; upper-bound, the most it can have been."
                .to_owned(),
        );
    }
    notes.push(
        "Average workers are the configured number over the runs that have one. Amounts are \
         rounded to the cent one by one, sums before rounding."
            .to_owned(),
    );
    if !figures.quotas.is_empty() {
        notes.push(
            "Peaks are rebuilt from runs that overlap. Where AWS gives only a run's average, the \
             peak lies between the two numbers shown, and the seconds over 80% and 90% are those \
             that are certain."
                .to_owned(),
        );
    }
    notes.extend(figures.runledger_cost.as_ref().map(own_cost::line));
    if *limits != Limits::NONE {
        notes.push("Every row of every table: runledger report --format web.".to_owned());
    }
    notes
}
