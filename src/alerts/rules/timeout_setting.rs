//! `timeout-setting`: a job whose configured timeout lets a run that hangs go on for too long.
//! About the setting alone; how long runs take is `duration-limit`'s affair. Streams have no end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{latest_configured, longest, shown};
use crate::alerts::facts::Facts;
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::{Rule, job_has_not_run};

pub(crate) struct TimeoutSetting;

/// How long a timeout may be.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Timeout {
    /// The longest timeout, in minutes.
    limit_minutes: u64,
}

impl Default for Timeout {
    fn default() -> Self {
        // Glue's own default for most versions: what is beyond it was chosen by somebody.
        Self { limit_minutes: 2_880 }
    }
}

impl Rule for TimeoutSetting {
    const CODE: &'static str = "timeout-setting";
    const SEVERITY: Severity = Severity::Info;
    const MEANING: &'static str =
        "a job's configured timeout is above this, so a run that hangs would cost that long";
    type Limits = Timeout;

    fn find(limits: &Limits<Timeout>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in &facts.jobs {
            let timeout =
                |run: &crate::alerts::RunFacts| run.timeout_minutes.filter(|_| run.is_batch());
            let Some((run, minutes)) = latest_configured(job, timeout) else { continue };
            let limit = limits.of_job(key, job).limit_minutes;
            if minutes <= limit {
                continue;
            }
            let subject = Subject::job(key, &job.team).shown_by(&run.identity);
            let (seconds, limit) = (minutes.saturating_mul(60), limit.saturating_mul(60));
            let finding = Finding::new(Self::CODE, severity, subject, String::new())
                .beyond_seconds(seconds, limit);
            let message = format!("The timeout of {} is set to {}", key.job, finding.observed);
            findings.push(
                Finding { message, ..finding }
                    .shown(vec![shown(run), longest(job.ends())])
                    .advise("Set it to a few times what the job usually takes"),
            );
        }
        findings
    }

    fn undecided(_: &Limits<Timeout>, facts: &Facts, subject: &Subject) -> Option<String> {
        job_has_not_run(facts, subject)
    }
}
