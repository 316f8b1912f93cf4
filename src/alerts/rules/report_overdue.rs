//! `report-overdue`: a report that its readers should have had by now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::facts::{Facts, ReportFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{counted, duration, number, time};

pub(crate) struct ReportOverdue;

/// How late a report may be.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Overdue {
    /// How many hours after it was due.
    hours: u64,
}

impl Default for Overdue {
    fn default() -> Self {
        Self { hours: 2 }
    }
}

impl Rule for ReportOverdue {
    const CODE: &'static str = "report-overdue";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a report was due so long ago and has not reached all its readers";
    type Limits = Overdue;

    fn find(limits: &Limits<Overdue>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let limit = limits.of_all().hours.saturating_mul(3_600);
        let overdue = |report: &ReportFacts| {
            let ReportFacts { report, period, due, missing } = report;
            let late = u64::try_from(facts.now.duration_since(*due).as_secs()).ok()?;
            if *missing == 0 || late <= limit {
                return None;
            }
            let message = format!(
                "The report {report} for {period} was due at {} and has not reached {}",
                time(*due),
                counted(*missing, "reader")
            );
            let subject = Subject { detail: report.clone(), ..Subject::default() };
            let finding = Finding {
                observed: format!("{} late", duration(late)),
                limit: duration(limit),
                ..Finding::new(Self::CODE, severity, subject, message)
            };
            Some(
                finding
                    .shown(vec![periods(facts, report)])
                    .advise("Send it by hand, and see why its schedule did not"),
            )
        };
        // Of several periods of one report the latest speaks for all of them.
        let mut findings: Vec<_> = facts.reports.iter().rev().filter_map(overdue).collect();
        findings.dedup_by(|a, b| a.subject == b.subject);
        findings
    }
}

/// Which periods of the report some of its readers lack: whether it is this one alone.
fn periods(facts: &Facts, report: &str) -> String {
    let of_report = facts.reports.iter().filter(|other| other.report == report);
    let (lacking, whole): (Vec<_>, Vec<_>) = of_report.partition(|other| other.missing > 0);
    let reached = whole.iter().map(|other| (other.due, &other.period)).max();
    let reached = match reached {
        Some((_, period)) => format!("the last that reached all of them is {period}"),
        None => "none of the last reached all of them".to_owned(),
    };
    format!("{} not with all readers; {reached}", counted(number(lacking.len()), "period"))
}
