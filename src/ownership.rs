//! Who pays for a run: from its tags, else its job's or application's, else dated rules, else
//! `Unallocated`. Pure.
//!
//! The tags are frozen with the run and the rules are dated, so the same run always has the same
//! answer, whatever is retagged later; a rule that is added without a date speaks about the past
//! too, on purpose: it is how an unallocated run gets its owner.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use regex::Regex;
use serde::Deserialize;

use crate::model::{JobRun, utc_day};

/// The line of those whom nobody owns.
pub const UNALLOCATED: &str = "Unallocated";

/// How owners are found.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OwnershipSettings {
    /// Tags that name a team, the first that is there wins. Case, `_` and `-` make no difference.
    pub team_tags: Vec<String>,
    /// Other spellings of a team's name, each with the name it stands for.
    pub aliases: BTreeMap<String, String>,
    /// Rules for runs without such a tag, the first that fits wins.
    pub rules: Vec<OwnershipRule>,
}

impl Default for OwnershipSettings {
    fn default() -> Self {
        let team_tags = ["team", "owner-team", "owner"].map(str::to_owned).to_vec();
        Self { team_tags, aliases: BTreeMap::new(), rules: Vec::new() }
    }
}

/// A rule that gives jobs to a team.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnershipRule {
    /// A regular expression that the job's name fits; any job where absent.
    pub job: Option<String>,
    /// The account; any where absent.
    pub account: Option<String>,
    /// The team.
    pub team: String,
    /// The first UTC day it is in force.
    pub from: Option<Date>,
    /// The first UTC day it is no longer in force.
    pub to: Option<Date>,
}

/// A pattern that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("ownership.rules[{index}].job: `{pattern}` is not a regular expression: {reason}")]
pub struct OwnershipError {
    index: usize,
    pattern: String,
    reason: String,
}

/// The settings, checked and ready.
#[derive(Clone, Debug)]
pub struct Ownership {
    team_tags: Vec<String>,
    aliases: BTreeMap<String, String>,
    rules: Vec<(Option<Regex>, OwnershipRule)>,
}

impl Ownership {
    /// Checks the settings.
    ///
    /// # Errors
    /// When a rule's pattern is no regular expression.
    pub fn new(settings: &OwnershipSettings) -> Result<Self, OwnershipError> {
        let compile = |(index, rule): (usize, &OwnershipRule)| {
            let pattern = rule.job.as_deref().map(Regex::new).transpose();
            let pattern = pattern.map_err(|error| OwnershipError {
                index,
                pattern: rule.job.clone().unwrap_or_default(),
                reason: error.to_string(),
            })?;
            Ok((pattern, rule.clone()))
        };
        Ok(Self {
            team_tags: settings.team_tags.iter().map(|tag| normalised(tag)).collect(),
            aliases: settings
                .aliases
                .iter()
                .map(|(other, name)| (normalised(other), name.clone()))
                .collect(),
            rules: settings.rules.iter().enumerate().map(compile).collect::<Result<_, _>>()?,
        })
    }

    /// The team that pays for a run of this job.
    #[must_use]
    pub fn team(&self, run: &JobRun, job: &str) -> String {
        let own = run.tags.as_ref();
        let defined = run.definition.as_ref().and_then(|definition| definition.tags.as_ref());
        own.and_then(|tags| self.tagged(tags))
            .or_else(|| defined.and_then(|tags| self.tagged(tags)))
            .or_else(|| self.ruled(run, job))
            .unwrap_or_else(|| UNALLOCATED.to_owned())
    }

    fn tagged(&self, tags: &BTreeMap<String, String>) -> Option<String> {
        let value = |wanted: &String| {
            let fits = |(key, value): (&String, &String)| {
                (normalised(key) == *wanted && !value.trim().is_empty()).then(|| value.clone())
            };
            tags.iter().find_map(fits)
        };
        let value = self.team_tags.iter().find_map(value)?;
        let value = value.trim();
        // One spelling for a team, whatever its tags make of case and separators.
        let spelt = normalised(value);
        Some(self.aliases.get(&spelt).cloned().unwrap_or(spelt))
    }

    fn ruled(&self, run: &JobRun, job: &str) -> Option<String> {
        let day = run.end().or_else(|| run.start()).map(|at: Timestamp| utc_day(at));
        let fits = |(pattern, rule): &&(Option<Regex>, OwnershipRule)| {
            pattern.as_ref().is_none_or(|pattern| pattern.is_match(job))
                && rule.account.as_ref().is_none_or(|account| *account == run.identity.account)
                && rule.from.is_none_or(|from| day.is_some_and(|day| day >= from))
                && rule.to.is_none_or(|to| day.is_some_and(|day| day < to))
        };
        self.rules.iter().find(fits).map(|(_, rule)| rule.team.clone())
    }
}

fn normalised(text: &str) -> String {
    text.trim().to_lowercase().replace(['_', ' '], "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Definition, Engine, RunIdentity, RunState};

    fn run() -> JobRun {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::Glue,
            application_id: None,
            run_id: "jr_1".into(),
            attempt: 1,
        };
        let mut run = JobRun::new(identity, RunState::Succeeded);
        run.ended_at = Some("2026-11-10T06:00:00Z".parse().unwrap());
        run
    }

    fn tags(key: &str, value: &str) -> Option<BTreeMap<String, String>> {
        Some(BTreeMap::from([(key.to_owned(), value.to_owned())]))
    }

    #[test]
    fn run_then_job_then_rule_then_nobody() {
        let settings: OwnershipSettings = toml::from_str(
            "aliases = { 'Data Eng' = 'data-engineering' }\n\
             [[rules]]\njob = '^claims-'\nteam = 'old'\nto = '2026-11-10'\n\
             [[rules]]\njob = '^claims-'\nteam = 'claims'\n",
        )
        .unwrap();
        let owners = Ownership::new(&settings).unwrap();
        let mut run = run();
        assert_eq!(owners.team(&run, "orders"), UNALLOCATED);
        assert_eq!(owners.team(&run, "claims-load"), "claims");
        let definition = Definition { tags: tags("Owner_Team", "data_eng"), ..Default::default() };
        run.define(definition);
        assert_eq!(owners.team(&run, "claims-load"), "data-engineering");
        run.tags = tags("TEAM", " orders ");
        assert_eq!(owners.team(&run, "claims-load"), "orders");
        run.tags = tags("team", "  ");
        assert_eq!(owners.team(&run, "claims-load"), "data-engineering");
    }
}
