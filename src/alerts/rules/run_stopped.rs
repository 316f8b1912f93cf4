//! `run-stopped`: runs that somebody stopped or cancelled, and that nothing has made good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bad_end::{self, Words};
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::model::RunState;

pub(crate) struct RunStopped;

/// There are none: one stopped run is enough.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct None {}

impl Rule for RunStopped {
    const CODE: &'static str = "run-stopped";
    const SEVERITY: Severity = Severity::Info;
    const MEANING: &'static str =
        "somebody stopped or cancelled a run, and no later run of the job has ended well";
    type Limits = None;

    fn find(limits: &Limits<None>, facts: &Facts) -> Vec<Finding> {
        let words = Words {
            code: Self::CODE,
            severity: limits.severity(Self::SEVERITY),
            happened: "was stopped",
            advice: "Ask who stopped it, and start it again if it is needed",
        };
        bad_end::findings(facts, &words, RunState::is_stopped)
    }

    fn undecided(_: &Limits<None>, facts: &Facts, subject: &Subject) -> Option<String> {
        bad_end::undecided(facts, subject, RunState::is_stopped)
    }
}
