//! `legacy-glue`: a Spark job on Glue 0.9 or 1.0, where every run is billed for ten minutes at
//! least. (From 2.0 on it is one minute: the Glue pricing page.)

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EVIDENCE_MAX, shown};
use crate::alerts::facts::{Facts, RunFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::{Rule, job_has_not_run};
use crate::alerts::words::{beyond_usd, counted, dollars, duration, number};
use crate::model::{Engine, JobKind, Usd};

pub(crate) struct LegacyGlue;

/// From when on it is worth a word.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Worth {
    /// What the minimum cost within 24 hours, in US dollars; at 0 every job on such a version
    /// counts.
    floor_usd: Usd,
}

impl Rule for LegacyGlue {
    const CODE: &'static str = "legacy-glue";
    const SEVERITY: Severity = Severity::Info;
    const MEANING: &'static str =
        "a job runs on Glue 0.9 or 1.0, whose ten-minute minimum cost at least this within a day";
    type Limits = Worth;

    fn find(limits: &Limits<Worth>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let mut findings = Vec::new();
        for (key, job) in facts.jobs.iter().filter(|(key, _)| key.engine == Engine::Glue) {
            let legacy: Vec<_> = job.ended.iter().filter(|run| is_legacy(run)).collect();
            let extra: Usd = legacy.iter().map(|run| run.minimum_extra).sum();
            let floor = limits.of_job(key, job).floor_usd;
            let Some(last) = legacy.last().filter(|_| extra >= floor) else { continue };
            let version = last.version.as_deref().unwrap_or_default();
            let job_name = &key.job;
            let runs = counted(number(legacy.len()), "run");
            let message = match dollars(extra) {
                nothing if nothing == dollars(Usd::ZERO) => format!(
                    "{job_name} still runs on Glue {version}, which bills ten minutes at least"
                ),
                extra => format!(
                    "{job_name} still runs on Glue {version}: in a day the ten-minute minimum \
                     cost {extra} in {runs}"
                ),
            };
            let subject = Subject::job(key, &job.team).shown_by(&last.identity);
            let evidence = |run: &&RunFacts| {
                format!("{}, {} of work", shown(run), duration(run.runtime_seconds))
            };
            findings.push(Finding {
                evidence: legacy.iter().rev().take(EVIDENCE_MAX).map(evidence).collect(),
                observed: dollars(extra),
                magnitude: beyond_usd(extra, floor.max(Usd::from_nanos(1_000_000_000))),
                advice: "Move it to a version from 2.0 on, which bills one minute at least"
                    .to_owned(),
                ..Finding::new(Self::CODE, severity, subject, message)
            });
        }
        findings
    }

    fn undecided(_: &Limits<Worth>, facts: &Facts, subject: &Subject) -> Option<String> {
        job_has_not_run(facts, subject)
    }
}

fn is_legacy(run: &RunFacts) -> bool {
    run.kind == JobKind::Spark && matches!(run.version.as_deref(), Some("0.9" | "1.0"))
}
