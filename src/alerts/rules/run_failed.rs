//! `run-failed`: runs that failed, by themselves or because of their trigger, and that nothing has
//! made good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bad_end::{self, Words};
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::model::RunState;

pub(crate) struct RunFailed;

/// There are none: one failed run is enough.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct None {}

impl Rule for RunFailed {
    const CODE: &'static str = "run-failed";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a run failed, and neither a retry nor a later run of the job has made it good";
    type Limits = None;

    fn find(limits: &Limits<None>, facts: &Facts) -> Vec<Finding> {
        let words = Words {
            code: Self::CODE,
            severity: limits.severity(Self::SEVERITY),
            happened: "failed",
            advice: "Read the error and mend the job; a later good run ends this alert",
        };
        bad_end::findings(facts, &words, is_failed)
    }

    fn undecided(_: &Limits<None>, facts: &Facts, subject: &Subject) -> Option<String> {
        bad_end::undecided(facts, subject, is_failed)
    }
}

/// A stream's weekly restart is EXPIRED too, and no bad end at all.
const fn is_failed(state: &RunState) -> bool {
    matches!(state, RunState::Failed | RunState::Error | RunState::Expired)
}
