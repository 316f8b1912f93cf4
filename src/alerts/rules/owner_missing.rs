//! `owner-missing`: a job that ran within a day and that nobody owns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shown;
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::{Rule, job_has_not_run};
use crate::ownership::UNALLOCATED;

/// How many of a job's tags are named.
const TAGS_MAX: usize = 5;

pub(crate) struct OwnerMissing;

/// What counts as an owner.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ownership {
    /// Whether it must be a tag: a rule of the configuration is not enough.
    tag_required: bool,
}

impl Rule for OwnerMissing {
    const CODE: &'static str = "owner-missing";
    const SEVERITY: Severity = Severity::Info;
    const MEANING: &'static str =
        "a job ran whose owner neither a tag nor, unless a tag is required, a rule names";
    type Limits = Ownership;

    fn find(limits: &Limits<Ownership>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let tag_required = limits.of_job(key, job).tag_required;
            let owned = if tag_required { job.tagged } else { job.team != UNALLOCATED };
            let Some(run) = job.recent().last().filter(|_| !owned && !job.tagged) else { continue };
            let message = if job.team == UNALLOCATED {
                format!("Nobody owns {}: its cost is on nobody's bill", key.job)
            } else {
                format!("{} carries no owner tag, only a rule gives it to {}", key.job, job.team)
            };
            let subject = Subject::job(key, &job.team).shown_by(&run.identity);
            let finding = Finding {
                observed: "no owner tag".to_owned(),
                ..Finding::new(Self::CODE, severity, subject, message)
            };
            let tags: Vec<_> = job.tags.keys().take(TAGS_MAX).map(String::as_str).collect();
            let tags = match tags.as_slice() {
                [] => "it carries no tags that are known".to_owned(),
                tags => format!("its tags are {}", tags.join(", ")),
            };
            findings
                .push(finding.shown(vec![shown(run), tags]).advise("Tag the job with its team"));
        }
        findings
    }

    fn undecided(_: &Limits<Ownership>, facts: &Facts, subject: &Subject) -> Option<String> {
        job_has_not_run(facts, subject)
    }
}
