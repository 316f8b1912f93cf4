//! What people read, from a company's figures: the same numbers everywhere, nothing hostile let
//! through, and a mail that no reader clips.

mod colours;
mod company;
mod hostile;
mod numbers;
mod override_folder;
mod standing;

use runledger::analysis::Figures;
use runledger::report::{RenderedReport, Templates};

fn templates() -> Templates {
    Templates::load(None).unwrap()
}

fn rendered(figures: &Figures) -> RenderedReport {
    templates().render(figures).unwrap()
}

#[test]
fn the_whole_companys_text() {
    let report = rendered(&company::figures());
    assert_eq!(report.subject, "Data jobs, 2026-W46: $5,832.60 (+5.9%)");
    insta::assert_snapshot!("company_text", report.text);
}

#[test]
fn a_small_companys_html() {
    insta::assert_snapshot!("small_html", rendered(&company::small(3)).html);
}

#[test]
fn a_week_without_runs_says_so() {
    let report = rendered(&company::nothing());
    assert_eq!(report.subject, "Data jobs, 2026-W46: $0.00");
    for part in [&report.text, &report.html] {
        assert!(part.contains("No run ended in this week."), "{part}");
        assert!(part.contains("Nothing is stored for this period."), "{part}");
        assert!(!part.contains("By job") && !part.contains("BY JOB"), "{part}");
    }
}

#[test]
fn a_teams_edition_is_about_the_team() {
    let figures = Figures { team: Some("Checkout".into()), ..company::figures() };
    let report = rendered(&figures);
    assert!(report.subject.starts_with("Data jobs of Checkout, 2026-W46: "));
    assert!(!report.html.contains("By team"), "a team has no use for a table of one row");
    assert!(!report.html.contains("Checkout · Glue"), "nor for its own name on every line");
    assert!(!report.text.contains("BY TEAM"));
}

#[test]
fn a_revision_is_marked_as_one() {
    let report = rendered(&Figures { revision: 2, ..company::figures() });
    assert_eq!(report.subject, "Data jobs, 2026-W46, revision 2: $5,832.60 (+5.9%)");
    for part in [&report.text, &report.html] {
        assert!(part.contains("revision 2") && part.contains("replaces the report"));
    }
}

#[test]
fn without_a_week_before_nothing_is_compared() {
    let mut figures = Figures { before: None, ..company::figures() };
    for job in &mut figures.jobs {
        job.change_usd = None;
    }
    let report = rendered(&figures);
    assert_eq!(report.subject, "Data jobs, 2026-W46: $5,832.60");
    for part in [&report.text, &report.html] {
        assert!(part.contains("no data of 2026-W45 to compare with"));
        assert!(part.contains("The dearest job is customer_profile_ingest_hourly"));
        assert!(!part.to_lowercase().contains("what moved"));
    }
}

#[test]
fn the_page_for_a_browser_shows_every_row() {
    let figures = company::figures();
    let page = templates().render_web(&figures).unwrap();
    for job in &figures.jobs {
        assert!(page.contains(&format!(">{} <", job.job)), "{} is missing", job.job);
    }
    assert!(!page.contains("Showing 18 of"), "nothing of the jobs is cut");
}

/// Half of all mail readers know no style sheet, and some turn colours over: whoever sets the one
/// colour sets the other too.
#[test]
fn every_table_brings_both_its_colours_and_its_purpose() {
    let html = rendered(&company::figures()).html;
    let body = html.split_once("<body").unwrap().1;
    for table in body.split("<table ").skip(1) {
        let (attributes, content) = table.split_once('>').unwrap();
        let is_layout = attributes.contains("role=\"presentation\"");
        assert!(is_layout || content.trim_start().starts_with("<caption"), "{attributes}");
        let colours = ["background-color:#", "color:#223;"].map(|part| attributes.contains(part));
        assert!(is_layout || colours == [true, true], "{attributes}");
        assert!(attributes.contains("width="), "Outlook needs a width: {attributes}");
    }
    assert!(html.contains("prefers-color-scheme"), "the rules for dark mode are kept");
    assert!(html.contains("max-width: 480px"), "and those for a phone");
    let boxes = html.split("<table").filter(|table| table.contains("class=\"box"));
    let breaks = |table: &str| table.split('>').next().unwrap().contains("word-break:break-word");
    assert!(boxes.clone().count() > 0 && boxes.clone().all(breaks), "a run's id breaks there");
    assert!(html.contains("[if mso]><style>"), "and those for Outlook, which inherits little");
    assert!(html.contains("<html lang=\"en\">"));
    assert!(
        !html.contains("display:flex") && !html.contains("<svg") && !html.contains("<div style")
    );
}

/// The bytes that a job takes are what decides how many a mail has room for.
#[test]
fn a_jobs_row_is_lean() {
    let html = rendered(&company::figures()).html;
    let table = html.split_once(">By job<").unwrap().1.split("<h2").next().unwrap();
    let jobs: Vec<&str> = table
        .split("<tbody")
        .filter(|row| row.contains(" · ") && row.contains("eu-west-1"))
        .collect();
    assert_eq!(jobs.len(), 25);
    let each = jobs.iter().map(|row| row.len()).sum::<usize>() / jobs.len();
    assert!(each < 600, "{each} bytes a job");
}
