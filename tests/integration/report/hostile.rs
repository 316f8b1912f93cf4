//! Names, errors and tags come from other people: none of them may become markup, a terminal
//! command or a header, and however many and long they are, the mail stays below its limit.

use runledger::analysis::{FailureFigures, Figures, JobFigures};
use runledger::model::Usd;
use runledger::report::HTML_BYTES_MAX;

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
    figures.alerts = vec![serde_json::json!({"severity": SCRIPT, "message": SCRIPT})];
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
        alerts: company.alerts.iter().cycle().take(200).cloned().collect(),
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

#[test]
fn a_usual_company_fits_almost_whole() {
    let report = rendered(&company::figures());
    assert!(report.html.len() <= HTML_BYTES_MAX, "{} bytes", report.html.len());
    // The budget must not cost a usual company what its leader wants to see.
    let shown = report.text.split("Showing ").filter_map(|line| line.split_once(" of 120 jobs"));
    let shown: usize = shown.map(|(shown, _)| shown.parse::<usize>().unwrap()).next().unwrap();
    assert!(shown >= 15, "only {shown} jobs are left");
}
