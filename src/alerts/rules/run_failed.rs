//! `run-failed`: runs that failed, by themselves or because of their trigger, and that no later run made good.

use serde::Deserialize;

use super::bad_end::{Words, findings};
use crate::alerts::finding::Severity;
use crate::alerts::limits::{Limits, LimitsError};
use crate::alerts::rule::Check;
use crate::model::{JobKind, RunState};

pub(crate) const CODE: &str = "run-failed";

/// The rule has no limits.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct None {}

pub(crate) fn rule(section: Option<&toml::Table>) -> Result<Option<Check>, LimitsError> {
    let limits = Limits::<None>::read(CODE, section)?;
    let words = Words {
        code: CODE,
        severity: limits.severity(Severity::Warning),
        happened: "failed",
        advice: "Read the error and mend the job; a later good run ends this alert",
    };
    let check: Check = Box::new(move |facts| {
        findings(facts, &words, |run| {
            matches!(run.state, RunState::Failed | RunState::Error)
                || (run.state == RunState::Expired && run.kind != JobKind::Streaming)
        })
    });
    Ok(limits.enabled.then_some(check))
}
