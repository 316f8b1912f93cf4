//! `application-unbounded`: an EMR Serverless application without a maximum capacity, so that one
//! run may take all vCPUs that the account has.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shown;
use crate::alerts::facts::{Facts, RunFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;

pub(crate) struct ApplicationUnbounded;

/// There are none.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct None {}

impl Rule for ApplicationUnbounded {
    const CODE: &'static str = "application-unbounded";
    const SEVERITY: Severity = Severity::Warning;
    const MEANING: &'static str = "an EMR Serverless application runs without a maximum capacity";
    type Limits = None;

    fn find(limits: &Limits<None>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let unbounded = |(_, (run, team)): (_, (&RunFacts, &str))| {
            let application = run.identity.application_id.clone()?;
            let message =
                format!("The EMR Serverless application {application} has no maximum capacity");
            let subject = Subject {
                account: run.identity.account.clone(),
                region: run.identity.region.clone(),
                engine: run.identity.engine.as_str().to_owned(),
                team: team.to_owned(),
                detail: application,
                ..Subject::default()
            };
            let finding = Finding {
                observed: "no maximum capacity".to_owned(),
                ..Finding::new(Self::CODE, severity, subject.shown_by(&run.identity), message)
            };
            Some(
                finding
                    .shown(vec![shown(run)])
                    .advise("Give it a maximumCapacity, at most what its team may use"),
            )
        };
        let latest = latest_of_applications(facts).into_iter();
        latest
            .filter(|(_, (run, _))| run.has_maximum == Some(false))
            .filter_map(unbounded)
            .collect()
    }

    fn undecided(_: &Limits<None>, facts: &Facts, subject: &Subject) -> Option<String> {
        let latest = latest_of_applications(facts);
        let known = latest.iter().any(|((account, region, application), (run, _))| {
            *account == subject.account
                && *region == subject.region
                && *application == subject.detail
                && run.has_maximum.is_some()
        });
        (!known).then(|| "the application has not run within a day".to_owned())
    }
}

/// An application: its account, region and id.
type Application<'a> = (&'a str, &'a str, &'a str);

/// The latest run of each application within a day, with its team.
fn latest_of_applications(facts: &Facts) -> BTreeMap<Application<'_>, (&RunFacts, &str)> {
    let mut latest: BTreeMap<Application<'_>, (&RunFacts, &str)> = BTreeMap::new();
    for job in facts.jobs.values() {
        for run in job.recent() {
            let identity = &run.identity;
            let Some(application) = identity.application_id.as_deref() else { continue };
            let place = (identity.account.as_str(), identity.region.as_str(), application);
            let known = latest.entry(place).or_insert((run, &job.team));
            if run.started > known.0.started {
                *known = (run, &job.team);
            }
        }
    }
    latest
}
