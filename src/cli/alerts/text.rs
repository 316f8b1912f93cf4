//! What was found, for a terminal.

use std::fmt::Write;

use super::{is_found, reason, state};
use crate::alerts::{Alert, Evaluation, Subject};
use crate::report::words::visible;
use crate::tasks::alerts::Told;

/// What was found: what is there and not silenced, and with `explain` all the rest, each with the
/// reason why it is not told.
pub(super) fn text(told: &Told, explain: bool) -> String {
    let evaluation = &told.evaluation;
    let mut text = summary(evaluation);
    for alert in &evaluation.alerts {
        let reason = reason(alert, &told.telling);
        if !explain && !is_found(alert) && alert.outcome.is_err() {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}", headline(alert));
        let finding = &alert.finding;
        let _ = writeln!(text, "  {}", visible(&finding.message));
        if !finding.limit.is_empty() {
            let measure = format!("{}, limit {}", finding.observed, finding.limit);
            let _ = writeln!(text, "  {}", visible(&measure));
        }
        if alert.outcome.is_ok() {
            for line in finding.evidence.iter().chain([&finding.advice]).filter(|l| !l.is_empty()) {
                let _ = writeln!(text, "  {}", visible(line));
            }
            let to: Vec<String> = alert.recipients.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "  to {}", to.join(", "));
        }
        if let Some(reason) = reason.filter(|_| explain || alert.outcome.is_err()) {
            let _ = writeln!(text, "  not sent: {}", visible(&reason));
        }
    }
    text
}

/// `As of 2026-11-16T06:00:00Z: 2 to tell, 3 told before, 4 silenced (3 baseline, 1 tag).`
fn summary(evaluation: &Evaluation) -> String {
    let to_tell = evaluation.alerts.iter().filter(|alert| alert.outcome.is_ok()).count();
    let silenced = evaluation.silenced();
    let known = evaluation.alerts.iter().filter(|a| is_found(a) && a.outcome.is_err()).count();
    let no_recipient = silenced.get("no-recipient").copied().unwrap_or_default();
    let mut text = format!(
        "As of {:.0}: {to_tell} to tell, {} known",
        evaluation.at,
        known.saturating_sub(usize::try_from(no_recipient).unwrap_or_default()),
    );
    if !silenced.is_empty() {
        let total: u64 = silenced.values().sum();
        let parts: Vec<String> = silenced.iter().map(|(why, n)| format!("{n} {why}")).collect();
        let _ = write!(text, ", {total} silenced ({})", parts.join(", "));
    }
    text + ".\n"
}

/// `OPEN warning run-failed  load-orders  glue, 111122223333, eu-west-1, orders`
fn headline(alert: &Alert) -> String {
    let finding = &alert.finding;
    let Subject { account, region, engine, job, team, detail, .. } = &finding.subject;
    let names = [job, detail, team, engine];
    let name = names.into_iter().find(|name| !name.is_empty()).map_or("Runledger", String::as_str);
    let place = [engine, account, region, team].into_iter().map(String::as_str);
    let place: Vec<&str> = place.filter(|part| !part.is_empty() && *part != name).collect();
    let (state, severity, code) = (state(alert), finding.severity.as_str(), &finding.code);
    visible(&format!("{state} {severity} {code}  {name}  {}", place.join(", ")))
        .trim_end()
        .to_owned()
}
