//! `run-timeout`: runs that were ended by their timeout, and that nothing has made good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bad_end::{self, Words};
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::model::RunState;

pub(crate) struct RunTimeout;

/// There are none: one run that timed out is enough.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct None {}

impl Rule for RunTimeout {
    const CODE: &'static str = "run-timeout";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a run ran into its timeout, and neither a retry nor a later run has made it good";
    type Limits = None;

    fn find(limits: &Limits<None>, facts: &Facts) -> Vec<Finding> {
        let words = Words {
            code: Self::CODE,
            severity: limits.severity(Self::SEVERITY),
            happened: "ran into the timeout",
            advice: "Find out why it takes so long, or raise its timeout",
        };
        bad_end::findings(facts, &words, |state| *state == RunState::Timeout)
    }

    fn undecided(_: &Limits<None>, facts: &Facts, subject: &Subject) -> Option<String> {
        bad_end::undecided(facts, subject, |state| *state == RunState::Timeout)
    }
}
