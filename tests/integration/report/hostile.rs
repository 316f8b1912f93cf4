//! Names, errors and tags come from other people: none of them may become markup, a terminal
//! command or a header, and however many and long they are, the mail stays below its limit.

use runledger::analysis::{FailureFigures, Figures, JobFigures};
use runledger::model::{Severity, Usd};
use runledger::report::HTML_BYTES_MAX;

use super::standing::alert;
use super::{company, rendered, templates};

const SCRIPT: &str = "<script>alert('x')</script>\"&\u{1b}[2J\u{202e}\r\nBcc: a@example.com";

/// The company with a hostile text wherever a text comes from outside.
fn hostile() -> Figures {
    let mut figures = company::figures();
    let text = || SCRIPT.to_owned();
    for job in &mut figures.jobs {
        (job.job, job.team, job.account, job.region, job.engine) =
            (text(), text(), text(), text(), text());
    }
    for failure in &mut figures.failures {
        (failure.job, failure.error, failure.team, failure.state) =
            (text(), text(), text(), text());
        failure.latest.run_id = text();
    }
    figures.teams.iter_mut().for_each(|team| team.team = text());
    figures.states.iter_mut().for_each(|state| state.state = text());
    for kind in &mut figures.configurations {
        (kind.worker_type, kind.execution_class, kind.version) = (text(), text(), text());
    }
    for quota in &mut figures.quotas {
        (quota.quota, quota.account, quota.region) = (text(), text(), text());
        quota.shared_by.iter_mut().for_each(|share| share.job = text());
    }
    figures.still_running.iter_mut().for_each(|run| (run.job, run.state) = (text(), text()));
    figures.actions.iter_mut().for_each(|action| action.advice = text());
    figures.alerts = vec![alert(SCRIPT, Severity::Warning, SCRIPT)];
    figures.alerts_missing = Some(text());
    figures.completeness.unpriced_reasons[0].reason = text();
    figures.completeness.not_collected[0].error = Some(text());
    figures.completeness.undated_rates = vec![text()];
    figures
}

#[test]
fn hostile_text_is_shown_and_never_obeyed() {
    let figures = Figures { team: Some(SCRIPT.into()), ..hostile() };
    for figures in [hostile(), figures] {
        let report = rendered(&figures);
        let web = templates().render_web(&figures).unwrap();
        for html in [&report.html, &web] {
            assert!(!html.contains("<script"), "markup got through");
            assert!(html.contains("&lt;script&gt;"), "and was not just dropped");
            assert!(!html.contains("javascript:"));
        }
        for part in [&report.html, &web, &report.text, &report.subject] {
            let steering = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!part.contains(steering), "an invisible character got through");
        }
        assert!(
            report.text.contains("<script>alert('x')</script>\"&\\u{1b}[2J\\u{202e}\\r\\nBcc:")
        );
        assert_eq!(report.subject.lines().count(), 1);
        assert!(!report.text.contains("\nBcc:"));
    }
}

#[test]
fn a_subject_with_a_hostile_team_is_one_line() {
    let figures = Figures { team: Some("a\r\nBcc: b@example.com".into()), ..company::nothing() };
    assert_eq!(
        rendered(&figures).subject,
        "Data jobs of a\\r\\nBcc: b@example.com, 2026-W46: $0.00"
    );
}

#[test]
fn links_lead_to_the_console_alone() {
    let figures = hostile();
    let html = rendered(&figures).html;
    let links: Vec<&str> = html.split("href=\"").skip(1).collect();
    assert!(!links.is_empty());
    for link in links {
        let link = link.split('"').next().unwrap();
        assert!(link.starts_with("https://eu-west-1.console.aws.amazon.com/"), "{link}");
        assert!(link.bytes().all(|byte| byte.is_ascii_graphic()), "{link}");
    }
}

/// 5,000 jobs and 2,000 errors, every name as long as AWS lets it be and made of what grows most
/// when it is escaped.
fn enormous() -> Figures {
    let company = hostile();
    let name = |index: usize| format!("{index}{}", "<'&\">".repeat(50));
    let jobs: Vec<JobFigures> = (0..5_000)
        .map(|index| JobFigures {
            job: name(index),
            cost_usd: Usd::from_nanos(
                9_000_000_000_000_000 - i128::try_from(index).unwrap() * 1_234,
            ),
            ..company.jobs[index % 100].clone()
        })
        .collect();
    let failures: Vec<FailureFigures> = (0..2_000)
        .map(|index| FailureFigures {
            job: name(index),
            error: "<&'\">".repeat(400),
            ..company.failures[index % 10].clone()
        })
        .collect();
    let many = |count: usize| (0..count).map(name);
    let teams = many(300).map(|team| {
        let like = company.teams[0].clone();
        runledger::analysis::TeamFigures { team, ..like }
    });
    let mut figures = Figures {
        failures,
        teams: teams.collect(),
        quotas: company.quotas.iter().cycle().take(200).cloned().collect(),
        still_running: company.still_running.iter().cycle().take(500).cloned().collect(),
        alerts: company.alerts.iter().cycle().take(100).cloned().collect(),
        alerts_total: 200,
        actions: company.actions.iter().cycle().take(200).cloned().collect(),
        completeness: company.completeness,
        ..company::of_jobs(jobs)
    };
    let reason = figures.completeness.unpriced_reasons[0].clone();
    figures.completeness.unpriced_reasons = vec![reason; 100];
    figures
}

#[test]
fn the_largest_mail_fits_and_says_what_it_cuts() {
    let report = rendered(&enormous());
    assert!(report.html.len() <= HTML_BYTES_MAX, "{} bytes", report.html.len());
    for part in [&report.html, &report.text] {
        for all in ["of 5,000 jobs, total $", "of 2,000 errors, total $", "of 300 teams, total $"] {
            assert!(part.contains(all), "no line says `Showing n {all}`");
        }
        assert!(part.contains("of 200 actions") && part.contains("of 200 alerts"));
        assert!(part.contains("of 500 runs, so far $"));
        assert!(part.contains("more notes"));
    }
}

/// How many rows the mail's part shows of that many; all where no line says otherwise.
fn shown(part: &str, all: usize, noun: &str) -> usize {
    let ending = format!(" of {all} {noun}");
    let cut = part.split("Showing ").find_map(|line| {
        line.split_once(&ending).and_then(|(shown, _)| shown.parse::<usize>().ok())
    });
    cut.unwrap_or(all)
}

/// A company twice as large as most: what its leader wants to see has the room.
#[test]
fn a_large_company_is_not_cut_below_what_a_leader_wants() {
    let mut figures = company::figures();
    let long = |name: &str| format!("{name}-{}", "of-a-usual-length".repeat(2));
    figures.jobs.iter_mut().for_each(|job| job.job = long(&job.job));
    figures.failures = figures.failures.iter().cycle().take(126).cloned().collect();
    figures.configurations = figures.configurations.iter().cycle().take(36).cloned().collect();
    figures.quotas = figures.quotas.iter().cycle().take(20).cloned().collect();
    figures.teams = figures.teams.iter().cycle().take(15).cloned().collect();
    figures.actions = figures.actions.iter().cycle().take(6).cloned().collect();
    let movers = figures.jobs.iter().filter(|job| !job.change_usd.unwrap().is_zero()).count();
    let report = rendered(&figures);
    assert!(report.html.len() <= HTML_BYTES_MAX, "{} bytes", report.html.len());
    for part in [&report.html, &report.text] {
        assert!(shown(part, 120, "jobs, total") >= 25);
        assert!(shown(part, 126, "errors") >= 15);
        assert!(shown(part, 36, "configurations") >= 12);
        assert!(shown(part, movers, "jobs. Whole table") >= 10);
        for whole in ["teams", "actions", "states"] {
            assert!(!part.contains(&format!("{whole}, total")), "{whole} are cut");
            assert!(!part.contains(&format!("of 6 {whole}")), "{whole} are cut");
        }
        assert!(part.contains("Whole table: jobs-2026-W46.csv, attached to the mail."));
        assert!(part.contains("Whole table: failures-2026-W46.csv, attached to the mail."));
    }
}

/// The text has no budget of bytes: what the HTML must leave out is not missing there.
#[test]
fn the_text_is_not_cut_by_the_htmls_budget() {
    let figures = Figures { actions: company::figures().actions, ..enormous() };
    let report = rendered(&figures);
    let errors = |part: &str| {
        let cut = part.split("Showing ").find_map(|line| line.split_once(" of 2,000 errors"));
        cut.unwrap().0.parse::<usize>().unwrap()
    };
    assert_eq!(errors(&report.text), 15);
    assert!(errors(&report.html) < 15, "these are large enough for the HTML to give way");
}

/// An advice is followed by whoever reads it whole; what is absurdly long is still bounded.
#[test]
fn advice_is_whole_and_bounded() {
    let advice = |length: usize| format!("Move {} to Glue 6.0.", "a b".repeat(length / 3));
    let mut figures = company::figures();
    figures.actions[0].advice = advice(270);
    figures.actions[1].advice = advice(9_000);
    let report = rendered(&figures);
    assert!(report.html.contains(&advice(270)));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&report.text).contains(&words(&advice(270))));
    for part in [&report.html, &report.text] {
        assert!(!part.contains(&"a b".repeat(101)), "300 columns are the most");
    }
}

#[test]
fn advice_without_a_price_is_not_said_to_be_about_nothing() {
    let mut figures = company::figures();
    figures.actions[2].usd = Usd::ZERO;
    let report = rendered(&figures);
    assert!(report.text.contains("limits\".\n"), "no amount follows");
    let row = report.html.split("exceeding memory limits\".</th>").nth(1).unwrap();
    assert!(row.starts_with("<td></td>"), "{}", &row[..40]);
}
