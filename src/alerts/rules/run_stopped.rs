//! `run-stopped`: runs that somebody stopped or cancelled, and that no later run made good.

use serde::Deserialize;

use super::bad_end::{Words, findings};
use crate::alerts::finding::Severity;
use crate::alerts::limits::{Limits, LimitsError};
use crate::alerts::rule::Check;

pub(crate) const CODE: &str = "run-stopped";

/// The rule has no limits.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct None {}

pub(crate) fn rule(section: Option<&toml::Table>) -> Result<Option<Check>, LimitsError> {
    let limits = Limits::<None>::read(CODE, section)?;
    let words = Words {
        code: CODE,
        severity: limits.severity(Severity::Info),
        happened: "was stopped",
        advice: "Ask who stopped it, and start it again if it is needed",
    };
    let check: Check = Box::new(move |facts| findings(facts, &words, |run| run.state.is_stopped()));
    Ok(limits.enabled.then_some(check))
}
