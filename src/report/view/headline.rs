//! The headline: what it cost, what changed, and which jobs made it change.

use super::{Headline, Limits};
use crate::analysis::{Figures, JobFigures};
use crate::model::Usd;
use crate::report::format;
use crate::report::table::Tone;
use crate::report::words::{shortened, visible};

/// A name in the sentence is cut shorter than in a table: it is to be read at a glance.
const NAME_COLUMNS: usize = 48;

pub(super) fn of(figures: &Figures, limits: &Limits) -> Headline {
    let total = format::dollars(figures.totals.cost_usd);
    let why = why(figures, limits);
    let (change, change_short, tone) = change(figures);
    let period = visible(&figures.period.name);
    let preheader = if figures.totals.runs == 0 {
        format!("No run ended in {period}.")
    } else {
        format!("{}: {total}. {why}", format::plural(figures.totals.runs, "run"))
    };
    Headline { total, change, change_short, tone, why, preheader }
}

fn change(figures: &Figures) -> (String, String, Tone) {
    let compared_with = visible(&figures.compared_with);
    let Some(before) = &figures.before else {
        return (format!("no data of {compared_with} to compare with"), String::new(), Tone::Muted);
    };
    let change = figures.totals.cost_usd - before.cost_usd;
    let amount = format::change(change);
    let percent = format::change_percent(change, before.cost_usd);
    let tone = match change.cmp(&Usd::ZERO) {
        std::cmp::Ordering::Less => Tone::Good,
        std::cmp::Ordering::Equal => Tone::Plain,
        std::cmp::Ordering::Greater => Tone::Bad,
    };
    let words =
        percent.as_ref().map_or_else(|| amount.clone(), |percent| format!("{amount} ({percent})"));
    let words = if change.is_zero() { "no change".to_owned() } else { words };
    (format!("{words} against {compared_with}"), percent.unwrap_or(amount), tone)
}

/// Something that moved the total.
struct Mover {
    words: String,
    change: Usd,
}

/// A sentence that names what moved the total most; it says "mostly" only where that is true.
fn why(figures: &Figures, limits: &Limits) -> String {
    let noun = figures.period.noun();
    if figures.totals.runs == 0 {
        return format!("No run ended in this {noun}.");
    }
    let Some(before) = &figures.before else {
        return dearest(figures, limits);
    };
    let change = figures.totals.cost_usd - before.cost_usd;
    let movers = movers(figures, limits);
    if movers.is_empty() {
        return "No job changed its cost.".to_owned();
    }
    let rises = change >= Usd::ZERO;
    let (along, against): (Vec<&Mover>, Vec<&Mover>) =
        movers.iter().partition(|mover| (mover.change > Usd::ZERO) == rises);
    let along = &along[..along.len().min(2)];
    let share: i128 = along.iter().map(|mover| mover.change.nanos()).sum();
    let mostly = share.unsigned_abs() * 2 >= change.nanos().unsigned_abs() && !change.is_zero();
    let mut sentence = match (mostly, along.is_empty()) {
        (_, true) => String::new(),
        (true, false) => format!("Mostly {}", listed(along)),
        (false, false) => format!("Many small changes; the largest {}", listed(along)),
    };
    // A move the other way is worth a word where it hides a good part of the change.
    let counter =
        against.first().filter(|mover| mover.change.nanos().abs() * 4 >= change.nanos().abs());
    if let Some(counter) = counter {
        sentence.push_str(if sentence.is_empty() { "Mostly " } else { "; the other way " });
        sentence.push_str(&listed(&[counter]));
    }
    sentence.push('.');
    sentence
}

/// Without a period before, what costs most is the news.
fn dearest(figures: &Figures, limits: &Limits) -> String {
    let Some(job) = figures.jobs.first().filter(|job| !job.cost_usd.is_zero()) else {
        return format!("{} ended.", format::plural(figures.totals.runs, "run"));
    };
    let share = job.cost_usd.share_of(figures.totals.cost_usd);
    format!(
        "The dearest job is {} with {} ({}).",
        name(job, limits),
        format::dollars(job.cost_usd),
        format::share(share)
    )
}

fn movers(figures: &Figures, limits: &Limits) -> Vec<Mover> {
    let mut movers: Vec<(Usd, Option<&JobFigures>)> =
        figures.jobs.iter().filter_map(|job| Some((job.change_usd?, Some(job)))).collect();
    movers.push((super::costs::gone(figures), None));
    movers.retain(|(change, _)| !change.is_zero());
    // Stable, so that ties stay in the jobs' own order.
    movers.sort_by_key(|(change, _)| std::cmp::Reverse(change.nanos().unsigned_abs()));
    movers
        .into_iter()
        .take(50)
        .map(|(change, job)| {
            let words = job.map_or_else(
                || format!("jobs that did not run in {}", visible(&figures.period.name)),
                |job| name(job, limits),
            );
            Mover { words, change }
        })
        .collect()
}

fn name(job: &JobFigures, limits: &Limits) -> String {
    shortened(&job.job, limits.name_columns.min(NAME_COLUMNS))
}

fn listed(movers: &[&Mover]) -> String {
    let words =
        movers.iter().map(|mover| format!("{} ({})", mover.words, format::change(mover.change)));
    words.collect::<Vec<_>>().join(" and ")
}
