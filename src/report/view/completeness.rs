//! The completeness line: whether the total can be trusted, and what it leaves out.

use std::collections::BTreeSet;

use super::{Completeness, Limits};
use crate::analysis::{Completeness as Facts, Figures, NotCollected};
use crate::report::format;
use crate::report::table::Tone;
use crate::report::words::{shortened, visible};

pub(super) fn of(figures: &Figures, limits: &Limits) -> Completeness {
    let facts = &figures.completeness;
    let runs = format::plural(facts.runs, "run");
    let missing = missing(figures, limits);
    let (verdict, tone) = if missing.is_empty() {
        let verdict = match (facts.collected_through, facts.runs) {
            (Some(_), 0) => "Complete: every account was read, and no run ended.".to_owned(),
            (Some(_), _) => format!("Complete: {runs}, all priced, every account read."),
            (None, 0) => "Nothing is stored for this period.".to_owned(),
            (None, _) => format!("All of {runs} stored are priced."),
        };
        (verdict, if facts.collected_through.is_some() { Tone::Good } else { Tone::Plain })
    } else {
        (not_whole(figures), Tone::Warn)
    };
    let mut notes = missing;
    notes.extend(context(figures, limits));
    if notes.len() > limits.notes {
        let hidden = notes.len() - limits.notes;
        notes.truncate(limits.notes);
        let hidden = u64::try_from(hidden).unwrap_or(u64::MAX);
        notes.push(format!(
            "{} not shown here; the JSON has all.",
            format::plural(hidden, "more note")
        ));
    }
    Completeness { verdict, tone, notes }
}

/// What is missing, said calmly: a run without a price is a gap of known size.
fn not_whole(figures: &Figures) -> String {
    let facts = &figures.completeness;
    let runs = format::plural(facts.runs, "run");
    let through = facts.collected_through;
    let is_all = facts.not_collected.is_empty()
        && facts.without_end == 0
        && through.is_none_or(|through| through >= figures.period.end);
    let covered = if facts.unpriced_runs == 0 {
        format!("the {runs} that are known")
    } else {
        let verb = if facts.unpriced_runs == 1 { "has" } else { "have" };
        let covered = facts.runs.saturating_sub(facts.unpriced_runs);
        let unpriced = format::count(facts.unpriced_runs);
        format!("{} of {runs}; {unpriced} {verb} no known price", format::count(covered))
    };
    if is_all {
        format!("The total covers {covered}.")
    } else {
        format!("Not complete: runs may be missing. The total covers {covered}.")
    }
}

/// What the total leaves out.
fn missing(figures: &Figures, limits: &Limits) -> Vec<String> {
    let facts = &figures.completeness;
    let mut notes = Vec::new();
    for reason in &facts.unpriced_reasons {
        let used = [
            (reason.dpu_hours, "DPU-hours"),
            (reason.vcpu_hours, "vCPU-hours"),
            (reason.memory_gb_hours, "GB-hours of memory"),
            (reason.storage_gb_hours, "GB-hours of storage"),
        ];
        let used: Vec<_> = used
            .into_iter()
            .filter(|(hours, _)| !hours.is_zero())
            .map(|(hours, unit)| format!("{} {unit}", format::hours(hours)))
            .collect();
        let hours = if used.is_empty() { String::new() } else { format!(" ({})", used.join(", ")) };
        notes.push(format!(
            "{} unpriced{hours}: {}.",
            format::plural(reason.runs, "run"),
            shortened(&reason.reason, limits.text_columns)
        ));
    }
    if facts.unpriced_runs > 0 && facts.unpriced_reasons.is_empty() {
        notes.push(format!("{} unpriced.", format::plural(facts.unpriced_runs, "run")));
    }
    if let Some(kept_since) = facts.kept_since {
        notes.push(format!(
            "Runs are kept for a limited time: those that ended before {} are missing.",
            format::time(kept_since, &figures.period)
        ));
    }
    if facts.without_end > 0 {
        notes.push(format!(
            "{} ended at a time that nothing says: in no {}'s total.",
            format::plural(facts.without_end, "run"),
            figures.period.noun()
        ));
    }
    notes.extend(facts.not_collected.iter().map(|place| not_collected(place, figures, limits)));
    if let Some(through) = facts.collected_through.filter(|through| *through < figures.period.end) {
        notes.push(format!(
            "Collected only up to {}: runs that ended later are missing.",
            format::time(through, &figures.period)
        ));
    }
    notes
}

fn not_collected(place: &NotCollected, figures: &Figures, limits: &Limits) -> String {
    let through = place.collected_through.map_or_else(
        || "never read".to_owned(),
        |through| format!("read up to {}", format::time(through, &figures.period)),
    );
    let error = place
        .error
        .as_ref()
        .map_or_else(String::new, |error| format!(" ({})", shortened(error, limits.text_columns)));
    format!(
        "{} in account {}, {}: {through}{error}.",
        engine(&place.engine),
        visible(&place.account),
        visible(&place.region)
    )
}

/// What there is to know besides.
fn context(figures: &Figures, limits: &Limits) -> Vec<String> {
    let facts = &figures.completeness;
    let mut notes = Vec::new();
    if let Some(due) = facts.overdue_since {
        let due = format::time(due, &figures.period);
        notes.push(format!("Sent late: this report was due on {due}."));
    }
    if let Some(missing) = &figures.bill_missing {
        let missing = shortened(missing, limits.text_columns);
        notes.push(format!("Not compared with the bill: {missing}."));
    }
    if let Some(missing) = &figures.alerts_missing {
        let missing = shortened(missing, limits.text_columns);
        notes.push(format!("Alerts that stand are not shown: {missing}."));
    }
    if facts.still_running > 0 {
        let verb = if facts.still_running == 1 { "was" } else { "were" };
        notes.push(format!(
            "{} {verb} still running; what they have used is not in the total.",
            format::plural(facts.still_running, "run")
        ));
    }
    if facts.late_runs > 0 {
        notes.push(format!(
            "{} came in after this {}'s report had been sent.",
            format::plural(facts.late_runs, "run"),
            figures.period.noun()
        ));
    }
    if facts.assumed_architecture_runs > 0 {
        notes.push(format!(
            "{} priced for an assumed architecture: nothing says which they had.",
            format::plural(facts.assumed_architecture_runs, "EMR Serverless run")
        ));
    }
    if let Some(restated) = &facts.restated_before {
        notes.push(format!(
            "{} was reported as {} and is {} now ({}): runs came in late.",
            visible(&restated.period),
            format::dollars(restated.sent_usd),
            format::dollars(restated.now_usd),
            format::change(restated.now_usd - restated.sent_usd)
        ));
    }
    match facts.collected_through {
        Some(through) if through >= figures.period.end => {
            notes.push(format!("Collected through {}.", format::time(through, &figures.period)));
        }
        Some(_) => {}
        None => notes.push(
            "Nothing was collected from AWS: imported files do not say what they lack.".to_owned(),
        ),
    }
    notes.extend(basis(facts));
    if !facts.undated_rates.is_empty() {
        // The JSON says of each where it comes from.
        let rates: BTreeSet<&str> = facts
            .undated_rates
            .iter()
            .map(|rate| rate.split_once(": ").map_or(rate.as_str(), |(name, _)| name))
            .collect();
        let rates: Vec<String> = rates.into_iter().map(|rate| shortened(rate, 60)).collect();
        notes.push(format!("Prices whose source gives no date: {}.", rates.join(", ")));
    }
    notes
}

/// How the costs came about, surest first as far as the words' order goes.
fn basis(facts: &Facts) -> Option<String> {
    let parts: Vec<String> = facts
        .by_basis
        .iter()
        .filter(|(basis, runs)| **basis != "unpriced" && **runs > 0)
        .map(|(basis, runs)| format!("{} {basis}", format::count(*runs)))
        .collect();
    (!parts.is_empty()).then(|| format!("Runs by basis of their cost: {}.", parts.join(", ")))
}

/// An engine's name for people.
pub(super) fn engine(word: &str) -> String {
    match word {
        "glue" => "Glue".to_owned(),
        "emr-serverless" => "EMR Serverless".to_owned(),
        other => visible(other),
    }
}
