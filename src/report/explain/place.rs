//! A run's place in words: its job, its chain, its waste, its week and months, its owner.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};

use super::{About, Attributed, OwnerExplanation, Waste};
use crate::analysis::{Books, NameFrom, follows};
use crate::model::{JobRun, Period, Price, RunState, Usd};
use crate::ownership::{Attribution, Because, Ownership};
use crate::pricing::{by_day, kind_of};

/// Whether the report of a run's week was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Not to anybody, as far as the ledger knows.
    NotYet,
    /// For the first time then.
    At(Timestamp),
}

/// How a run became one of its job.
pub(super) fn job(run: &JobRun, books: &Books, job: &str) -> Vec<String> {
    if run.is_session() {
        let by = "sessions have no job, and are counted by the role that they work under";
        return vec![format!("`{job}`: {by}")];
    }
    let (name, from) = Books::name_of(run);
    let from = match from {
        NameFrom::Run => "the source names it so",
        NameFrom::Application => "the run has no name, and its application is called so",
        NameFrom::ApplicationId => "neither the run nor its application has a known name",
        NameFrom::Nobody => "no source gave it a name",
    };
    let mut told = vec![format!("`{name}`: {from}")];
    for fold in books.names.folds(name, Books::names_each_run(run)) {
        let whose =
            if fold.is_configured { "`jobs.fold` of the configuration" } else { "built in" };
        told.push(format!("`{}`: folded by `{}` ({whose})", fold.name, fold.pattern));
    }
    told
}

/// The runs before and after it.
pub(super) fn chain(about: &About<'_>) -> Vec<String> {
    let run = &about.stored.run;
    let shown = |other: &JobRun| {
        let cost = about.books.price(other).price.cost();
        let cost = cost.map_or_else(|| "unpriced".to_owned(), |cost| format!("${cost}"));
        let end = other.end().map_or_else(|| "not ended".to_owned(), |end| format!("ended {end}"));
        format!("{} ({}, {end}, {cost})", name(other), other.state)
    };
    let mut told = Vec::new();
    let before = about.relatives.iter().filter(|other| follows(run, &other.identity));
    told.extend(before.map(|other| format!("it retries {}", shown(other))));
    if told.is_empty() && run.is_retry() {
        let known = run.previous_run_id.as_deref();
        let which = known.unwrap_or("an earlier attempt");
        told.push(format!("it retries {which}, which is not stored"));
    }
    let after = about.relatives.iter().filter(|other| follows(other, &run.identity));
    told.extend(after.map(|other| format!("{} repeats it", shown(other))));
    if told.is_empty() {
        told.push("it retries no run, and no stored run retries it".to_owned());
    }
    told
}

fn name(run: &JobRun) -> String {
    match run.identity.application_id {
        Some(_) => format!("attempt {} of {}", run.identity.attempt, run.identity.run_id),
        None => run.identity.run_id.clone(),
    }
}

/// What of its cost is waste: the first step of the waterfall that it fits.
pub(super) fn waste(about: &About<'_>, price: &Price) -> Waste {
    let run = &about.stored.run;
    let cost = price.cost().unwrap_or_default();
    let minimum = match price {
        Price::Priced { minimum_extra, .. } => *minimum_extra,
        Price::Unpriced(_) => Usd::ZERO,
    };
    let state = &run.state;
    let repeated = about.relatives.iter().find(|other| follows(other, &run.identity));
    let (usd, because) = if run.is_wasted_end(&kind_of(run)) {
        (cost, format!("it ended {state}, so all of it"))
    } else if let Some(later) = repeated {
        (cost, format!("a later attempt repeated it, so all of it: {}", name(later)))
    } else if minimum > Usd::ZERO {
        (minimum, "what the billing minimum added over the time used".to_owned())
    } else if run.is_idle_end() {
        (Usd::ZERO, "a session that was left alone has failed nobody".to_owned())
    } else if *state == RunState::Expired {
        (Usd::ZERO, "a streaming job's weekly restart left it behind".to_owned())
    } else if state.is_stopped() {
        (Usd::ZERO, format!("it ended {state}, which somebody chose: shown apart"))
    } else {
        (Usd::ZERO, "no bad end, no repetition, no minimum".to_owned())
    };
    Waste { usd, because }
}

/// The week and the months that it is counted in, or why it is in none.
pub(super) fn counted(about: &About<'_>, price: &Price) -> Vec<String> {
    let run = &about.stored.run;
    let Some(end) = run.end() else {
        return vec![if run.state.is_terminal() {
            "in no period: its source gave no end, and every report says that such runs are \
             missing"
                .to_owned()
        } else {
            "in no period yet: it has not ended, and reports show it as still running".to_owned()
        }];
    };
    let mut told = Vec::new();
    let zone = about.zone.iana_name().unwrap_or("UTC");
    if let Ok(week) = Period::week_of(end, about.zone) {
        let cost = price.cost();
        let cost = cost.map_or_else(|| "as unpriced".to_owned(), |cost| format!("with ${cost}"));
        told.push(format!(
            "by its end ({end}): week {} in {zone}, {cost}, in the report `{}`",
            week.name, about.report
        ));
    }
    let mut months: BTreeMap<String, Usd> = BTreeMap::new();
    for share in by_day(run, price) {
        *months.entry(share.day.strftime("%Y-%m").to_string()).or_default() += share.amount;
    }
    for (month, usd) in months {
        told.push(format!("by use, as AWS bills: UTC month {month}, with ${usd}"));
    }
    let stored = about.stored.first_stored;
    told.push(match about.sent {
        Sent::NotYet => "not late: that week's report was not sent yet".to_owned(),
        Sent::At(sent) if stored > sent => format!(
            "late: it was first stored {stored}, after that week's report was sent {sent}; the \
             mail does not have it"
        ),
        Sent::At(sent) => format!("not late: first stored {stored}, before the report of {sent}"),
    });
    let hours = i64::from(about.retention_days) * 24;
    if let Ok(until) = end.checked_add(hours.hours()) {
        told.push(format!("kept until {until}"));
    }
    told
}

/// Who pays, and what says so.
pub(super) fn owner(run: &JobRun, job: &str, ownership: &Ownership) -> OwnerExplanation {
    let said = ownership.attributions(run, job);
    let attributed = |what: &str, attribution: Attribution| {
        let because = because(what, &attribution, ownership);
        Attributed { value: attribution.value, because }
    };
    OwnerExplanation {
        team: attributed("team", said.team),
        cost_center: said.cost_center.map(|known| attributed("cost centre", known)),
        environment: said.environment.map(|known| attributed("environment", known)),
    }
}

fn because(what: &str, attribution: &Attribution, ownership: &Ownership) -> String {
    let spelt = |value: &str| {
        if *value == attribution.value {
            String::new()
        } else {
            format!(", spelt `{}` (case, separators and aliases)", attribution.value)
        }
    };
    match &attribution.because {
        Because::RunTag { key, value } => {
            format!("the run's tag `{key}` = `{value}`{}", spelt(value))
        }
        Because::DefinitionTag { key, value } => format!(
            "the tag `{key}` = `{value}` of its job or application, frozen at the run's end{}",
            spelt(value)
        ),
        Because::Rule(place) => {
            let number = place + 1;
            let Some(rule) = ownership.rule_at(*place) else {
                return format!("rule {number} of the configuration");
            };
            let parts = [
                rule.job.as_ref().map(|job| format!("job = `{job}`")),
                rule.account.as_ref().map(|account| format!("account = `{account}`")),
                rule.from.map(|from| format!("from {from}")),
                rule.to.map(|to| format!("to before {to}")),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            let parts = if parts.is_empty() { "any job".to_owned() } else { parts.join(", ") };
            format!("no tag says it; rule {number} of the configuration fits first: {parts}")
        }
        Because::OfTeam => format!("no tag says it; it is the {what} of the team"),
        Because::Nobody => "no tag names it, and no rule fits".to_owned(),
    }
}
