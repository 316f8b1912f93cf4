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
    // A tenth is what a week may differ by without anyone having done anything.
    let matters = change.nanos().unsigned_abs() * 10 >= before.cost_usd.nanos().unsigned_abs();
    let tone = match change.cmp(&Usd::ZERO) {
        std::cmp::Ordering::Less if matters => Tone::Good,
        std::cmp::Ordering::Greater if matters => Tone::Bad,
        _ => Tone::Plain,
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
    /// Whether it cost nothing before.
    is_new: bool,
}

/// A sentence that names what moved the total most; it says "most" only where that is true.
fn why(figures: &Figures, limits: &Limits) -> String {
    if figures.totals.runs == 0 {
        return format!("No run ended in this {}.", figures.period.noun());
    }
    let Some(before) = &figures.before else {
        return dearest(figures, limits);
    };
    let change = figures.totals.cost_usd - before.cost_usd;
    let movers = movers(figures, limits);
    let (rises, falls): (Vec<&Mover>, Vec<&Mover>) =
        movers.iter().partition(|mover| mover.change > Usd::ZERO);
    let (along, against, noun) = match change.cmp(&Usd::ZERO) {
        std::cmp::Ordering::Greater => (rises, falls, "rise"),
        std::cmp::Ordering::Less => (falls, rises, "fall"),
        std::cmp::Ordering::Equal => return cancelling(&rises, &falls),
    };
    // Who moved less than a tenth of the whole explains nothing.
    let is_part =
        |mover: &&&Mover, of: i128| mover.change.nanos().abs() * of >= change.nanos().abs();
    let named: Vec<&Mover> =
        along.iter().filter(|mover| is_part(mover, 10)).take(2).copied().collect();
    let explained: i128 = named.iter().map(|mover| mover.change.nanos()).sum();
    let mut sentence = if named.is_empty() {
        "Many small changes".to_owned()
    } else if explained.abs() * 2 >= change.nanos().abs() {
        format!("Most of the {noun} is {}", listed(&named))
    } else {
        format!("Many small changes; the largest: {}", listed(&named))
    };
    // A move the other way is worth a word where it hides a good part of the change.
    if let Some(counter) = against.first().filter(|mover| is_part(mover, 5)) {
        sentence.push_str("; the other way went ");
        sentence.push_str(&listed(&[counter]));
    }
    sentence.push('.');
    sentence
}

/// The sentence where the total stayed the same.
fn cancelling(rises: &[&Mover], falls: &[&Mover]) -> String {
    match (rises.first(), falls.first()) {
        (Some(rise), Some(fall)) => {
            format!("Changes cancel out: {} against {}.", listed(&[rise]), listed(&[fall]))
        }
        _ => "No job changed its cost.".to_owned(),
    }
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
    movers.push((super::jobs::gone(figures), None));
    movers.retain(|(change, _)| !change.is_zero());
    // Stable, so that ties stay in the jobs' own order.
    movers.sort_by_key(|(change, _)| std::cmp::Reverse(change.nanos().unsigned_abs()));
    movers
        .into_iter()
        .take(50)
        .map(|(change, job)| {
            let words = job
                .map_or_else(|| "jobs that did not run again".to_owned(), |job| name(job, limits));
            Mover { words, change, is_new: job.is_some_and(|job| job.cost_usd == change) }
        })
        .collect()
}

fn name(job: &JobFigures, limits: &Limits) -> String {
    shortened(&job.job, limits.name_columns.min(NAME_COLUMNS))
}

/// Words instead of signs, because a line may break between a sign and its amount.
fn listed(movers: &[&Mover]) -> String {
    let words = movers.iter().map(|mover| {
        let how = match mover.change < Usd::ZERO {
            true => "down",
            false if mover.is_new => "new,",
            false => "up",
        };
        let amount = Usd::from_nanos(mover.change.nanos().abs());
        format!("{} ({how} {})", mover.words, format::dollars(amount))
    });
    words.collect::<Vec<_>>().join(" and ")
}
