//! The numbers that people read are those of the figures, and add up as they are printed.

use proptest::prelude::*;
use runledger::analysis::{Figures, JobFigures};
use runledger::model::Usd;
use runledger::report::table::{Row, Table};
use runledger::report::view::{Limits, View};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{company, rendered};

/// Dollars as they should be printed, made from the decimal text instead of the nano-dollars.
fn printed(amount: Usd) -> String {
    let exact: Decimal = amount.to_string().parse().unwrap();
    let cents = exact.abs().round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
    let sign = if exact.is_sign_negative() { "−" } else { "" };
    if cents.is_zero() && !exact.is_zero() {
        return format!("{sign}<$0.01");
    }
    let text = format!("{cents:.2}");
    let (whole, cents) = text.split_once('.').unwrap();
    let groups: Vec<&[u8]> = whole.as_bytes().rchunks(3).rev().collect();
    let groups: Vec<&str> =
        groups.into_iter().map(|group| std::str::from_utf8(group).unwrap()).collect();
    format!("{sign}${}.{cents}", groups.join(","))
}

/// A printed amount read back as whole cents.
fn cents(text: &str) -> i64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let amount: i64 = digits.parse().unwrap_or_else(|_| panic!("`{text}` is no amount"));
    match text.chars().next() {
        _ if text.contains('<') => 0,
        Some('−') => -amount,
        _ => amount,
    }
}

/// HTML unescaped as far as amounts need it.
fn readable(html: &str) -> String {
    html.replace("&lt;", "<")
}

#[test]
fn every_total_is_in_the_html_and_in_the_text() {
    let figures = company::figures();
    let report = rendered(&figures);
    let totals = &figures.totals;
    let before = figures.before.as_ref().unwrap();
    let mut amounts = vec![
        totals.cost_usd,
        totals.failed_cost_usd,
        totals.retry_cost_usd,
        totals.repeated_cost_usd,
        totals.stopped_cost_usd,
        totals.waste_usd,
        before.cost_usd,
        before.waste_usd,
        figures.waste.bad_end_usd,
        figures.waste.repeated_usd,
        figures.waste.minimum_usd,
    ];
    amounts.extend(figures.teams.iter().flat_map(|team| [team.cost_usd, team.waste_usd]));
    amounts.extend(figures.states.iter().map(|state| state.cost_usd));
    amounts.extend(figures.configurations.iter().map(|kind| kind.cost_usd));
    amounts.extend(figures.actions.iter().map(|action| action.usd));
    for amount in amounts {
        let amount = printed(amount);
        assert!(readable(&report.html).contains(&amount), "{amount} is not in the HTML");
        assert!(report.text.contains(&amount), "{amount} is not in the text");
    }
    for count in [totals.runs, totals.retries, totals.unpriced_runs, totals.probable_reruns] {
        let count = count.to_string();
        let plain = |part: &str| part.replace(',', "");
        assert!(plain(&report.html).contains(&count) && plain(&report.text).contains(&count));
    }
}

#[test]
fn the_same_strings_stand_in_the_text_and_the_html() {
    let report = rendered(&company::figures());
    let html = readable(&report.html);
    let amounts: Vec<&str> =
        report.text.split_whitespace().filter(|word| word.contains('$')).collect();
    assert!(amounts.len() > 150, "{}", amounts.len());
    for amount in amounts {
        let amount = amount.trim_matches(['(', ')', ',', ';', '.', ':']);
        assert!(html.contains(amount), "{amount} is in the text alone");
    }
}

/// What the rows and the rest of a column come to, and what its total says, in cents.
fn sum_and_total(table: &Table, column: usize) -> (i64, i64) {
    let cell = |row: &Row| cents(&row.cells[column].text);
    let (total, rest) = table.foot.split_last().unwrap();
    (table.rows.iter().chain(rest).map(cell).sum(), cell(total))
}

fn assert_adds_up(table: &Table, column: usize) {
    let (sum, total) = sum_and_total(table, column);
    assert_eq!(sum, total, "{}", table.text);
}

#[test]
fn cut_tables_add_up_as_they_are_printed() {
    let figures = company::figures();
    for cuts in 0..=10 {
        let view = View::of(&figures, &Limits { teams: 4, ..Limits::MAIL.after(cuts, 10) });
        let jobs = view.jobs.unwrap();
        assert!(jobs.cut.is_some());
        assert_adds_up(&jobs, 0);
        assert_adds_up(&jobs, 1);
        let failures = view.failures.unwrap();
        // A table that is shown whole has no rest to close its roundings.
        if failures.cut.is_some() {
            assert_adds_up(&failures, 3);
        }
        let movers = view.movers.unwrap();
        for column in 1..=3 {
            assert_adds_up(&movers, column);
        }
        let teams = view.teams.unwrap();
        assert!(teams.cut.is_some());
        assert_adds_up(&teams, 2);
        assert_adds_up(&teams, 3);
    }
}

fn job() -> impl Strategy<Value = JobFigures> {
    let cost = prop_oneof![0_i128..20_000_000, 0_i128..90_000_000_000_000];
    let name = prop_oneof!["[a-z_]{1,60}", any::<String>()];
    (cost, -100_i128..100, name, 1_u64..500, 0_u64..40).prop_map(
        |(cost, change, job, runs, failed)| {
            let failed = failed.min(runs);
            JobFigures {
                job,
                runs,
                by_state: [("FAILED".to_owned(), failed), ("SUCCEEDED".to_owned(), runs - failed)]
                    .into(),
                cost_usd: Usd::from_nanos(cost),
                change_usd: Some(Usd::from_nanos(cost * change / 100)),
                waste_usd: Usd::from_nanos(cost / 7),
                unpriced_runs: 0,
                ..company::small(1).jobs.remove(0)
            }
        },
    )
}

/// The tables of a view.
fn tables(view: View) -> impl Iterator<Item = Table> {
    let View { totals, teams, jobs, movers, states, configurations, failures, waste, .. } = view;
    let all = [totals, teams, jobs, movers, states, configurations, failures, waste];
    all.into_iter().flatten()
}

/// The cells of a table's rows that are called `Total`, with their columns' labels.
fn cells_of_totals(table: &Table) -> Vec<(&'static str, String)> {
    let is_total = |row: &&Row| match &row.lead {
        Some(lead) => lead.text == "Total",
        None => row.cells[0].text == "Total",
    };
    let cells = table.foot.iter().filter(is_total).flat_map(|row| &row.cells);
    table.columns.iter().cycle().zip(cells).map(|(c, cell)| (c.label, cell.text.clone())).collect()
}

/// A week with teams, of which one ran nothing now, and jobs that did not run again.
fn week_of_teams() -> impl Strategy<Value = Figures> {
    (week(), 1_usize..20, 0_i128..9_000_000_000_000).prop_map(|(mut figures, teams, gone)| {
        let like = company::figures().teams.remove(0);
        figures.teams = (0..teams.min(figures.jobs.len()))
            .map(|team| {
                let own = || figures.jobs.iter().skip(team).step_by(teams);
                runledger::analysis::TeamFigures {
                    team: format!("team {team}"),
                    cost_usd: own().map(|job| job.cost_usd).sum(),
                    change_usd: own().map(|job| job.change_usd).sum(),
                    ..like.clone()
                }
            })
            .collect();
        if let Some(before) = &mut figures.before {
            before.cost_usd += Usd::from_nanos(gone);
        }
        figures
    })
}

fn week() -> impl Strategy<Value = Figures> {
    prop::collection::vec(job(), 1..60).prop_map(|mut jobs| {
        jobs.sort_by_key(|job| std::cmp::Reverse(job.cost_usd));
        company::of_jobs(jobs)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A row called `Total` shows the headline's cost and the headline's change, in every table.
    #[test]
    fn every_total_is_the_headlines(figures in week_of_teams(), cuts in 0_usize..=10) {
        let cost = printed(figures.totals.cost_usd);
        let change = figures.totals.cost_usd - figures.before.as_ref().unwrap().cost_usd;
        let signed = match change.cmp(&Usd::ZERO) {
            std::cmp::Ordering::Greater => format!("+{}", printed(change)),
            _ => printed(change),
        };
        let view = View::of(&figures, &Limits::MAIL.after(cuts, 10));
        prop_assert_eq!(&view.headline.total, &cost);
        if !change.is_zero() {
            prop_assert!(view.headline.change.starts_with(&signed), "{}", view.headline.change);
        }
        let mut seen = 0;
        for table in tables(view) {
            for (label, text) in cells_of_totals(&table) {
                match label {
                    "Cost" | "Now" => prop_assert_eq!(&text, &cost, "{}", table.text),
                    "Change" => prop_assert_eq!(&text, &signed, "{}", table.text),
                    _ => continue,
                }
                seen += 1;
            }
        }
        prop_assert!(seen >= 4, "only {seen} totals");
    }

    /// Whatever the jobs cost and are called: totals are printed in both parts, the column adds
    /// up, the text fits a terminal.
    #[test]
    fn any_week_reads_right(figures in week()) {
        let report = rendered(&figures);
        let html = readable(&report.html);
        let totals = &figures.totals;
        for amount in [totals.cost_usd, totals.waste_usd, figures.jobs[0].cost_usd] {
            let amount = printed(amount);
            prop_assert!(html.contains(&amount), "{} is not in the HTML", amount);
            prop_assert!(report.text.contains(&amount), "{} is not in the text", amount);
        }
        let jobs = View::of(&figures, &Limits::MAIL).jobs.unwrap();
        let hidden: Usd = figures.jobs.iter().skip(Limits::MAIL.jobs).map(|job| job.cost_usd).sum();
        // Below a dollar, the roundings of the rows above may outweigh what is hidden.
        if hidden > Usd::from_nanos(1_000_000_000) {
            let (sum, total) = sum_and_total(&jobs, 0);
            prop_assert_eq!(sum, total);
        }
        for line in report.text.lines().filter(|line| !line.contains("https://")) {
            let columns = runledger::report::words::width(line);
            prop_assert!(columns <= 100, "{} columns: {}", columns, line);
        }
        prop_assert!(!report.text.contains(|c: char| c.is_control() && c != '\n'));
    }
}
