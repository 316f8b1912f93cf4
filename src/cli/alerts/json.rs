//! What was found as JSON: a contract that may grow.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{reason, state};
use crate::alerts::{Alert, Severity, Subject};
use crate::cli::{Failure, output};
use crate::tasks::alerts::{Telling, Told};

#[derive(Serialize)]
struct Document<'a> {
    evaluated_at: String,
    findings: Vec<Finding<'a>>,
    /// How many are there and not told to anybody, by what silences them.
    silenced: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'a str,
    severity: Severity,
    state: &'static str,
    fingerprint: &'a str,
    subject: &'a Subject,
    observed: &'a str,
    limit: &'a str,
    message: &'a str,
    advice: &'a str,
    evidence: &'a [String],
    opened_at: String,
    recipients: Vec<&'a str>,
    sent: bool,
    reason: String,
}

/// What was found, as JSON.
pub(super) fn json(told: &Told) -> Result<String, Failure> {
    let evaluation = &told.evaluation;
    let document = Document {
        evaluated_at: evaluation.at.to_string(),
        findings: evaluation.alerts.iter().map(|alert| finding(alert, &told.telling)).collect(),
        silenced: evaluation.silenced(),
    };
    output::json(&document)
}

fn finding<'a>(alert: &'a Alert, telling: &Telling) -> Finding<'a> {
    let reason = reason(alert, telling);
    let finding = &alert.finding;
    Finding {
        code: &finding.code,
        severity: finding.severity,
        state: state(alert),
        fingerprint: &alert.fingerprint,
        subject: &finding.subject,
        observed: &finding.observed,
        limit: &finding.limit,
        message: &finding.message,
        advice: &finding.advice,
        evidence: &finding.evidence,
        opened_at: alert.opened_at.to_string(),
        recipients: alert.recipients.iter().map(|recipient| recipient.in_full()).collect(),
        sent: reason.is_none(),
        reason: reason.unwrap_or_default(),
    }
}
