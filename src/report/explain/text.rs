//! Explanations as text for a terminal. What comes from outside is made visible, each piece by
//! itself, so that no name or error adds a line of its own.

use std::fmt::Write;

use super::total::Part;
use super::{Attributed, Explanation, Fact, TotalExplanation};
use crate::report::format::{count, exact, plural};
use crate::report::words::{account_shown, visible};

/// Columns that the names of facts take.
const NAME_COLUMNS: usize = 17;

/// An explanation of a run.
#[must_use]
pub fn explanation_text(explained: &Explanation) -> String {
    let mut out = String::new();
    let run = &explained.run;
    let account = account_shown(&run.account, run.account_name.as_deref());
    let application =
        run.application_id.as_ref().map_or_else(String::new, |id| format!(", application {id}"));
    let attempt = if run.attempt > 1 { format!(" attempt {}", run.attempt) } else { String::new() };
    line(&mut out, &format!("Run {}{attempt} of job {}: {}", run.run_id, run.job, run.state));
    line(&mut out, &format!("{} in {account}, {}{application}", run.engine, run.region));
    match (explained.price.cost_usd, &explained.price.unpriced) {
        (Some(cost), _) => line(&mut out, &format!("Cost: ${cost} ({})", explained.price.basis)),
        (None, reason) => {
            let reason = reason.as_deref().unwrap_or("nobody knows why");
            line(&mut out, &format!("No price, which is not a cost of $0: {reason}"));
        }
    }

    heading(&mut out, "FACTS");
    for told in &explained.told_by {
        item(&mut out, &format!("told by {}, first {}", told.source, told.first_at));
    }
    item(&mut out, &format!("first stored {}", explained.first_stored_at));
    for fact in &explained.facts {
        line(&mut out, &format!("  {}", fact_line(fact)));
    }
    section(&mut out, "NOT KNOWN", &explained.missing);
    section(&mut out, "JOB", &explained.job);
    section(&mut out, "PRICE: RULES", &explained.price.rules);
    arithmetic(&mut out, explained);
    if !explained.days.is_empty() {
        heading(&mut out, "BY UTC DAY (AS AWS BILLS)");
        for day in &explained.days {
            let (quantity, unit) = (exact(day.quantity), day.unit);
            let used = used(day.component, &quantity, unit);
            item(&mut out, &format!("{}: {used}, ${}", day.day, day.amount_usd));
        }
    }
    section(&mut out, "CHAIN", &explained.chain);
    let waste = format!("${}: {}", explained.waste.usd, explained.waste.because);
    section(&mut out, "WASTE", &[waste]);
    section(&mut out, "COUNTED", &explained.counted);
    section(&mut out, "BOOKED", &explained.booked);
    let owner = &explained.owner;
    let said = |what: &str, one: Option<&Attributed>| match one {
        Some(one) => format!("{what} {}: {}", one.value, one.because),
        None => format!("{what} not known: no tag names it, and no rule fits"),
    };
    let owners = [
        said("team", Some(&owner.team)),
        said("cost centre", owner.cost_center.as_ref()),
        said("environment", owner.environment.as_ref()),
    ];
    section(&mut out, "OWNER", &owners);
    section(&mut out, "TRUE-UP", std::slice::from_ref(&explained.true_up));
    out
}

/// What was used, in words: a unit that says of what says it once.
fn used(component: &str, quantity: &str, unit: &str) -> String {
    match unit.starts_with(component) {
        true => format!("{quantity} {unit}"),
        false => format!("{component} {quantity} {unit}"),
    }
}

/// How each cost line was computed, and their sum.
fn arithmetic(out: &mut String, explained: &Explanation) {
    heading(out, "PRICE: ARITHMETIC");
    for cost in &explained.price.lines {
        item(out, &format!("{}: {}", cost.component, cost.arithmetic));
        line(out, &format!("    rate {}: {}", cost.rate_usd.normalize(), cost.rate));
        if cost.list_rate_usd != cost.rate_usd {
            let list = cost.list_rate_usd.normalize();
            line(out, &format!("    the price list has {list}; what was negotiated is paid"));
        }
    }
    match explained.price.cost_usd {
        Some(cost) => {
            let lines: Vec<String> =
                explained.price.lines.iter().map(|line| line.amount_usd.to_string()).collect();
            let sum = if lines.is_empty() { "nothing".to_owned() } else { lines.join(" + ") };
            item(out, &format!("the lines add up to the cost: {sum} = {cost}"));
        }
        None => item(out, "none: see above"),
    }
}

fn fact_line(fact: &Fact) -> String {
    let when = match (fact.as_of, fact.of_job, fact.at_end) {
        (Some(at), true, true) => format!("(read {at}, after its end)"),
        (Some(at), true, false) => format!("(read {at}, before its end)"),
        (Some(at), false, _) => format!("(as of {at})"),
        (None, ..) => "(the source gave no time)".to_owned(),
    };
    format!("{:NAME_COLUMNS$} {}  {when}", fact.name, visible(&fact.value))
}

/// A total, level by level.
#[must_use]
pub fn total_text(total: &TotalExplanation) -> String {
    let mut out = String::new();
    let team = total.team.as_ref().map_or_else(String::new, |team| format!(" of team {team}"));
    let (sum, runs) = (total.total_usd, plural(total.runs, "run"));
    line(&mut out, &format!("Total of {}{team}: ${sum}, {runs}", total.period));

    heading(&mut out, "BY ENGINE, COMPONENT AND RATE");
    for of in &total.lines {
        let what = format!("{} {} in {}", of.engine, of.component, of.region);
        let lines = plural(of.cost_lines, "line");
        let amount = of.amount_usd;
        match of.rate_usd {
            Some(rate) => {
                let (quantity, unit, rate) = (exact(of.quantity), of.unit, rate.normalize());
                let (product, rounding) = (of.product_usd, of.rounding_usd);
                let rounding = if rounding.is_zero() {
                    String::new()
                } else {
                    format!("; rounding {lines} by itself {rounding}")
                };
                item(
                    &mut out,
                    &format!(
                        "{what}: {quantity} {unit} x {rate} = ${product}{rounding}: ${amount}"
                    ),
                );
            }
            None => {
                item(&mut out, &format!("{what}: {lines} that came with their cost: ${amount}"))
            }
        }
    }
    line(&mut out, &format!("  = ${sum}"));
    let levels = [
        ("BY BASIS", &total.by_basis),
        ("BY TEAM", &total.by_team),
        ("BY JOB", &total.by_job),
        ("BY RUN", &total.by_run),
    ];
    for (title, parts) in levels {
        heading(&mut out, title);
        parts.iter().for_each(|part| item(&mut out, &part_text(part)));
        line(&mut out, &format!("  = ${sum}"));
    }
    if !total.unpriced.is_empty() {
        heading(&mut out, "NOT IN THE TOTAL: NO PRICE");
        for part in &total.unpriced {
            item(&mut out, &format!("{}: {}", plural(part.runs, "run"), part.name));
        }
    }
    out.push('\n');
    line(
        &mut out,
        if total.adds_up {
            "Every level adds up to the total exactly."
        } else {
            "NOT every level adds up to the total: this is a defect of this program."
        },
    );
    out
}

fn part_text(part: &Part) -> String {
    format!("{}: ${} ({})", part.name, part.usd, runs(part.runs))
}

fn runs(number: u64) -> String {
    if number == 1 { "1 run".to_owned() } else { format!("{} runs", count(number)) }
}

fn heading(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n{title}");
}

fn section(out: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        heading(out, title);
        lines.iter().for_each(|text| item(out, text));
    }
}

fn item(out: &mut String, text: &str) {
    line(out, &format!("  {text}"));
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{}", visible(text));
}
