//! What the rules about how runs end have in common: bad ends of a job that no later run of it has
//! made good. A run that failed and whose retry went well is for the weekly report, not for a mail.

use crate::alerts::facts::{Facts, JobFacts, RunFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::words::counted;
use crate::analysis::JobKey;

/// How many runs are named as evidence.
const EVIDENCE_MAX: usize = 5;

/// How such a rule speaks.
pub(super) struct Words {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// What happened to the runs: `failed`.
    pub(super) happened: &'static str,
    pub(super) advice: &'static str,
}

/// A finding for each job with runs that ended this way since its last good end.
pub(super) fn findings(
    facts: &Facts,
    words: &Words,
    is_one: impl Fn(&RunFacts) -> bool,
) -> Vec<Finding> {
    let finding = |(key, job): (&JobKey, &JobFacts)| {
        let unrepaired: Vec<_> = since_last_good(job).filter(|run| is_one(run)).collect();
        let last = unrepaired.last()?;
        let runs = counted(unrepaired.len(), "run");
        let subject = Subject {
            run_id: last.identity.run_id.clone(),
            ..Subject::job(&key.account, &key.region, &key.engine, &key.job, &job.team)
        };
        let error = last.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        Some(Finding {
            code: words.code,
            severity: words.severity,
            subject,
            observed: runs.clone(),
            limit: "none".to_owned(),
            magnitude: 0,
            message: format!("{runs} of {} {}{error}", key.job, words.happened),
            evidence: unrepaired.iter().rev().take(EVIDENCE_MAX).map(|run| shown(run)).collect(),
            advice: words.advice.to_owned(),
        })
    };
    facts.jobs.iter().filter_map(finding).collect()
}

/// The runs that ended after the last one that ended well, the oldest first.
pub(super) fn since_last_good(job: &JobFacts) -> impl Iterator<Item = &RunFacts> {
    let last_good = job.ended.iter().rposition(|run| run.state.is_good_end());
    job.ended.iter().skip(last_good.map_or(0, |place| place + 1))
}

fn shown(run: &RunFacts) -> String {
    let end = run.ended.map(|end| end.strftime(" at %Y-%m-%d %H:%M UTC").to_string());
    format!("{} {}{}", run.identity.run_id, run.state.as_str(), end.unwrap_or_default())
}
