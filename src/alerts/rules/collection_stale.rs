//! `collection-stale`: an account and region that was not read for too long, or cannot be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::facts::{Facts, SourceFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::limits::Limits;
use crate::alerts::rule::Rule;
use crate::alerts::words::{counted, duration, number, time};

pub(crate) struct CollectionStale;

/// How old what was read may be.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Stale {
    /// How many hours; where the last try failed it is one.
    hours: u64,
}

impl Default for Stale {
    fn default() -> Self {
        Self { hours: 6 }
    }
}

impl Rule for CollectionStale {
    const CODE: &'static str = "collection-stale";
    const SEVERITY: Severity = Severity::Critical;
    const MEANING: &'static str =
        "an account and region was not read for so long, or for one hour of failing tries";
    type Limits = Stale;

    fn check(limits: &Stale) -> Result<(), String> {
        if limits.hours == 0 { Err("hours: at least 1".to_owned()) } else { Ok(()) }
    }

    fn find(limits: &Limits<Stale>, facts: &Facts) -> Vec<Finding> {
        let severity = limits.severity(Self::SEVERITY);
        let limit = limits.of_all().hours.saturating_mul(3_600);
        let stale = |source: &SourceFacts| {
            let SourceFacts { account, region, engine, collected_through, error, .. } = source;
            let age = collected_through
                .map(|at| u64::try_from(facts.now.duration_since(at).as_secs()).unwrap_or(0));
            let limit = if error.is_some() { limit.min(3_600) } else { limit };
            if age.is_some_and(|age| age <= limit) {
                return None;
            }
            let place = format!("{engine} of {account} in {region}");
            let why = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            let message = match collected_through {
                Some(at) => format!("{place} was last read at {}{why}", time(*at)),
                None => format!("{place} was never read{why}"),
            };
            let subject = Subject {
                account: account.clone(),
                region: region.clone(),
                engine: engine.clone(),
                ..Subject::default()
            };
            let finding = Finding {
                observed: age.map_or_else(|| "never".to_owned(), duration),
                limit: duration(limit),
                ..Finding::new(Self::CODE, severity, subject, message)
            };
            Some(
                finding
                    .shown(vec![others(facts, source)])
                    .advise("See that `collect` runs and may read there: `runledger doctor`"),
            )
        };
        facts.sources.iter().filter(|source| source.wanted).filter_map(stale).collect()
    }
}

/// How the other sources are read: whether it is this one alone, or nothing is collected at all.
fn others(facts: &Facts, of: &SourceFacts) -> String {
    let place = |source: &SourceFacts| {
        let SourceFacts { account, region, engine, .. } = source;
        (account.clone(), region.clone(), engine.clone())
    };
    let wanted = |source: &&SourceFacts| source.wanted && place(source) != place(of);
    let others: Vec<_> = facts.sources.iter().filter(wanted).collect();
    let latest = others.iter().filter_map(|source| source.collected_through).max();
    let count = counted(number(others.len()), "other source");
    match latest {
        _ if others.is_empty() => "it is the only source".to_owned(),
        Some(at) => format!("of {count} the last was read at {}", time(at)),
        None => format!("of {count} none was read either"),
    }
}
