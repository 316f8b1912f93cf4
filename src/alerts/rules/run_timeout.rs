//! `run-timeout`: runs that were ended by their timeout, and that no later run made good.

use serde::Deserialize;

use super::bad_end::{Words, findings};
use crate::alerts::finding::Severity;
use crate::alerts::limits::{Limits, LimitsError};
use crate::alerts::rule::Check;
use crate::model::RunState;

pub(crate) const CODE: &str = "run-timeout";

/// The rule has no limits.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct None {}

pub(crate) fn rule(section: Option<&toml::Table>) -> Result<Option<Check>, LimitsError> {
    let limits = Limits::<None>::read(CODE, section)?;
    let words = Words {
        code: CODE,
        severity: limits.severity(Severity::Warning),
        happened: "ran into the timeout",
        advice: "Find out why it takes so long, or raise its timeout",
    };
    let check: Check =
        Box::new(move |facts| findings(facts, &words, |run| run.state == RunState::Timeout));
    Ok(limits.enabled.then_some(check))
}
