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
    /// Tags that name a cost centre, likewise.
    pub cost_center_tags: Vec<String>,
    /// Tags that name an environment, likewise.
    pub environment_tags: Vec<String>,
    /// The cost centre of a team whose runs carry no such tag.
    pub cost_centers: BTreeMap<String, String>,
    /// Other spellings of a team's name, each with the name it stands for.
    pub aliases: BTreeMap<String, String>,
    /// Rules for runs without such a tag, the first that fits wins.
    pub rules: Vec<OwnershipRule>,
}

impl Default for OwnershipSettings {
    fn default() -> Self {
        let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
        Self {
            team_tags: owned(&["team", "owner-team", "owner"]),
            cost_center_tags: owned(&["cost-center", "cost-centre", "costcenter", "costcentre"]),
            environment_tags: owned(&["environment", "env", "stage"]),
            cost_centers: BTreeMap::new(),
            aliases: BTreeMap::new(),
            rules: Vec::new(),
        }
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
    /// The cost centre, where it is not the team's own.
    pub cost_center: Option<String>,
    /// The environment.
    pub environment: Option<String>,
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

/// Who pays for a run, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The team, or [`UNALLOCATED`].
    pub team: String,
    /// The cost centre, where one is known.
    pub cost_center: Option<String>,
    /// The environment, where one is known.
    pub environment: Option<String>,
    /// How the team is known.
    pub because: Because,
}

/// How a run's team is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Because {
    /// A tag of the run itself.
    RunTag {
        /// The tag's key, as it is written.
        key: String,
        /// Its value, as it is written.
        value: String,
    },
    /// A tag of the job or application, frozen at the run's end.
    DefinitionTag {
        /// The tag's key, as it is written.
        key: String,
        /// Its value, as it is written.
        value: String,
    },
    /// The rule with this place in the configuration, from 0.
    Rule(usize),
    /// No tag and no rule says it.
    Nobody,
}

/// The settings, checked and ready.
#[derive(Clone, Debug)]
pub struct Ownership {
    team_tags: Vec<String>,
    cost_center_tags: Vec<String>,
    environment_tags: Vec<String>,
    cost_centers: BTreeMap<String, String>,
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
        let keys = |tags: &[String]| tags.iter().map(|tag| normalised(tag)).collect();
        let cost_centers = settings.cost_centers.iter();
        Ok(Self {
            team_tags: keys(&settings.team_tags),
            cost_center_tags: keys(&settings.cost_center_tags),
            environment_tags: keys(&settings.environment_tags),
            cost_centers: cost_centers.map(|(team, cc)| (normalised(team), cc.clone())).collect(),
            aliases: settings
                .aliases
                .iter()
                .map(|(other, name)| (normalised(other), name.clone()))
                .collect(),
            rules: settings.rules.iter().enumerate().map(compile).collect::<Result<_, _>>()?,
        })
    }

    /// Who pays for a run of this job.
    #[must_use]
    pub fn owner(&self, run: &JobRun, job: &str) -> Owner {
        let own = run.tags.as_ref();
        let defined = run.definition.as_ref().and_then(|definition| definition.tags.as_ref());
        let rule = self.rule(run, job);
        let (team, because) = if let Some((key, value)) = tagged(own, &self.team_tags) {
            (self.spelt(value), Because::RunTag { key: key.clone(), value: value.clone() })
        } else if let Some((key, value)) = tagged(defined, &self.team_tags) {
            (self.spelt(value), Because::DefinitionTag { key: key.clone(), value: value.clone() })
        } else if let Some((place, rule)) = rule {
            (rule.team.clone(), Because::Rule(place))
        } else {
            (UNALLOCATED.to_owned(), Because::Nobody)
        };
        let told = |tags: &[String]| {
            let (_, value) = tagged(own, tags).or_else(|| tagged(defined, tags))?;
            Some(value.trim().to_owned())
        };
        let ruled = |value: fn(&OwnershipRule) -> &Option<String>| value(rule?.1).clone();
        let cost_center = told(&self.cost_center_tags)
            .or_else(|| ruled(|rule| &rule.cost_center))
            .or_else(|| self.cost_centers.get(&normalised(&team)).cloned());
        let environment = told(&self.environment_tags).or_else(|| ruled(|rule| &rule.environment));
        Owner { team, cost_center, environment, because }
    }

    /// The team that pays for a run of this job.
    #[must_use]
    pub fn team(&self, run: &JobRun, job: &str) -> String {
        self.owner(run, job).team
    }

    /// One spelling for a team, whatever its tags make of case and separators.
    fn spelt(&self, team: &str) -> String {
        let spelt = normalised(team);
        self.aliases.get(&spelt).cloned().unwrap_or(spelt)
    }

    fn rule(&self, run: &JobRun, job: &str) -> Option<(usize, &OwnershipRule)> {
        let day = run.end().or_else(|| run.start()).map(|at: Timestamp| utc_day(at));
        let fits = |(pattern, rule): &(Option<Regex>, OwnershipRule)| {
            pattern.as_ref().is_none_or(|pattern| pattern.is_match(job))
                && rule.account.as_ref().is_none_or(|account| *account == run.identity.account)
                && rule.from.is_none_or(|from| day.is_some_and(|day| day >= from))
                && rule.to.is_none_or(|to| day.is_some_and(|day| day < to))
        };
        let place = self.rules.iter().position(fits)?;
        Some((place, &self.rules[place].1))
    }
}

/// The first of the wanted tags that is there and says something.
fn tagged<'t>(
    tags: Option<&'t BTreeMap<String, String>>,
    wanted: &[String],
) -> Option<(&'t String, &'t String)> {
    let tags = tags?;
    let named = |wanted: &String| {
        let fits = |(key, value): &(&String, &String)| {
            normalised(key) == *wanted && !value.trim().is_empty()
        };
        tags.iter().find(fits)
    };
    wanted.iter().find_map(named)
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
