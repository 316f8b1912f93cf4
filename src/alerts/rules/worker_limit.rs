//! `worker-limit`: a job whose latest run has more workers than it may have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{latest_configured, shown};
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::{Rule, job_has_not_run};

pub(crate) struct WorkerLimit;

/// How many workers a job may have.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Workers {
    /// The most workers. Without it there is no limit.
    workers: Option<u32>,
}

impl Rule for WorkerLimit {
    const CODE: &'static str = "worker-limit";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str =
        "a job runs with more workers than `workers`; off until that is set";
    type Limits = Workers;

    fn find(limits: &Limits<Workers>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let Some(limit) = limits.of_job(key, job).workers else { continue };
            let Some((run, workers)) = latest_configured(job, |run| run.workers) else { continue };
            if workers <= limit {
                continue;
            }
            let message = format!("{} runs with {workers} workers", key.job);
            let subject = Subject::job(key, &job.team).shown_by(&run.identity);
            let finding = Finding::new(Self::CODE, severity, subject, message);
            findings.push(
                finding
                    .beyond_count(workers.into(), limit.into(), "worker")
                    .shown(vec![shown(run)])
                    .advise("Lower the job's number of workers, or agree on a higher limit"),
            );
        }
        findings
    }

    fn undecided(_: &Limits<Workers>, facts: &Facts, subject: &Subject) -> Option<String> {
        job_has_not_run(facts, subject)
    }
}
