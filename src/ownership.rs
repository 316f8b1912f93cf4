//! Who pays for a run: from its tags, else its job's or application's, else dated rules, else
//! `Unallocated`. Pure.
//!
//! The tags are frozen with the run and the rules are dated, so the same run always has the same
//! answer, whatever is retagged later; a rule that is added without a date speaks about the past
//! too, on purpose: it is how an unallocated run gets its owner.

mod settings;
mod spelling;

use std::collections::BTreeMap;

use jiff::Timestamp;
use regex::Regex;

pub use settings::{ENVIRONMENTS, OwnershipError, OwnershipRule, OwnershipSettings};

pub use self::spelling::by_team_respelt;
use self::spelling::{Case, Spelling, normalised};
use crate::model::{JobRun, utc_day};

/// The line of those whom nobody owns.
pub const UNALLOCATED: &str = "Unallocated";

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

/// How something of a run's owner is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Because {
    /// A tag of the run itself.
    RunTag {
        /// The tag's key, as it is written.
        key: String,
        /// Its value, as it is written.
        value: String,
    },
    /// A tag of the job, application or Glue session, frozen at the run's end.
    DefinitionTag {
        /// The tag's key, as it is written.
        key: String,
        /// Its value, as it is written.
        value: String,
    },
    /// The rule with this place in the configuration, from 0.
    Rule(usize),
    /// It is the team's own cost centre.
    OfTeam,
    /// No tag and no rule says it.
    Nobody,
}

/// What is said of a run, and what says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The team, cost centre or environment, in its one spelling.
    pub value: String,
    /// What says so.
    pub because: Because,
}

/// Everything that is known of who pays for a run, with what says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributions {
    /// The team, or [`UNALLOCATED`].
    pub team: Attribution,
    /// The cost centre, where one is known.
    pub cost_center: Option<Attribution>,
    /// The environment, where one is known.
    pub environment: Option<Attribution>,
}

/// The settings, checked and ready.
#[derive(Clone, Debug)]
pub struct Ownership {
    team_tags: Vec<String>,
    cost_center_tags: Vec<String>,
    environment_tags: Vec<String>,
    cost_centers: BTreeMap<String, String>,
    teams: Spelling,
    cost_center_names: Spelling,
    environments: Spelling,
    rules: Vec<(Option<Regex>, OwnershipRule)>,
    accounts: BTreeMap<String, String>,
}

/// What says something of a run, before anything of it is copied.
#[derive(Clone, Copy)]
enum Source<'r> {
    RunTag(&'r str, &'r str),
    DefinitionTag(&'r str, &'r str),
    Rule(usize),
    OfTeam,
    Nobody,
}

impl From<Source<'_>> for Because {
    fn from(source: Source<'_>) -> Self {
        let owned = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        match source {
            Source::RunTag(key, value) => {
                let (key, value) = owned(key, value);
                Self::RunTag { key, value }
            }
            Source::DefinitionTag(key, value) => {
                let (key, value) = owned(key, value);
                Self::DefinitionTag { key, value }
            }
            Source::Rule(place) => Self::Rule(place),
            Source::OfTeam => Self::OfTeam,
            Source::Nobody => Self::Nobody,
        }
    }
}

/// What is said of a run, with what says it.
type Said<'r> = (String, Source<'r>);

impl Ownership {
    /// Checks the settings.
    ///
    /// # Errors
    /// When a rule's pattern is no regular expression, or a rule can never apply.
    pub fn new(settings: &OwnershipSettings) -> Result<Self, OwnershipError> {
        let keys = |tags: &[String]| tags.iter().map(|tag| normalised(tag)).collect();
        let rules = || settings.rules.iter();
        let usual = ENVIRONMENTS.iter().map(|(other, name)| (*other, *name));
        let teams = Spelling::new(
            Case::Lower,
            std::iter::once(UNALLOCATED).chain(rules().map(|rule| rule.team.as_str())),
            configured(&settings.aliases),
        );
        let of_rules = rules().filter_map(|rule| rule.cost_center.as_ref());
        let cost_center_names = Spelling::new(
            Case::Upper,
            settings.cost_centers.values().chain(of_rules).map(String::as_str),
            configured(&settings.cost_center_aliases),
        );
        let environments = Spelling::new(
            Case::Lower,
            rules().filter_map(|rule| rule.environment.as_deref()),
            usual.chain(configured(&settings.environment_aliases)),
        );
        let cost_centers = settings.cost_centers.iter();
        let cost_centers =
            cost_centers.map(|(team, name)| (teams.spelt(team), cost_center_names.spelt(name)));
        // A rule gives a run to the team that a tag of any spelling gives it to.
        let one_spelling = |(pattern, rule): (Option<Regex>, OwnershipRule)| {
            let OwnershipRule { team, cost_center, environment, .. } = &rule;
            let spelt = OwnershipRule {
                team: teams.spelt(team),
                cost_center: cost_center.as_ref().map(|name| cost_center_names.spelt(name)),
                environment: environment.as_ref().map(|name| environments.spelt(name)),
                ..rule.clone()
            };
            (pattern, spelt)
        };
        let rules = rules().enumerate().map(compiled);
        Ok(Self {
            team_tags: keys(&settings.team_tags),
            cost_center_tags: keys(&settings.cost_center_tags),
            environment_tags: keys(&settings.environment_tags),
            cost_centers: cost_centers.collect(),
            rules: rules.map(|rule| rule.map(one_spelling)).collect::<Result<_, _>>()?,
            accounts: BTreeMap::new(),
            teams,
            cost_center_names,
            environments,
        })
    }

    /// The same, with the names of accounts by their ids.
    #[must_use]
    pub fn with_accounts(self, accounts: BTreeMap<String, String>) -> Self {
        Self { accounts, ..self }
    }

    /// What an account is called, where it has a name.
    #[must_use]
    pub fn account_name(&self, account: &str) -> Option<&str> {
        self.accounts.get(account).map(String::as_str)
    }

    /// A team's name as reports spell it, from whatever spelling the configuration uses.
    #[must_use]
    pub fn team_named(&self, name: &str) -> String {
        self.teams.spelt(name)
    }

    /// Who pays for a run of this job.
    #[must_use]
    pub fn owner(&self, run: &JobRun, job: &str) -> Owner {
        let (team, cost_center, environment) = self.said(run, job);
        Owner {
            team: team.0,
            because: team.1.into(),
            cost_center: cost_center.map(|(value, _)| value),
            environment: environment.map(|(value, _)| value),
        }
    }

    /// Who pays for a run of this job, and what says so of each part.
    #[must_use]
    pub fn attributions(&self, run: &JobRun, job: &str) -> Attributions {
        let owned =
            |(value, source): Said<'_>| Attribution { value, because: Because::from(source) };
        let (team, cost_center, environment) = self.said(run, job);
        Attributions {
            team: owned(team),
            cost_center: cost_center.map(owned),
            environment: environment.map(owned),
        }
    }

    /// The team that pays for a run of this job.
    #[must_use]
    pub fn team(&self, run: &JobRun, job: &str) -> String {
        self.said(run, job).0.0
    }

    /// The rule of a place, with its names in their one spelling.
    #[must_use]
    pub fn rule_at(&self, place: usize) -> Option<&OwnershipRule> {
        self.rules.get(place).map(|(_, rule)| rule)
    }

    /// The cost centre that the configuration gives a team: its own, else that of a rule which
    /// names both.
    #[must_use]
    pub fn cost_center_of(&self, team: &str) -> Option<&str> {
        let of_rules = || {
            let ours = self.rules.iter().filter(|(_, rule)| rule.team == team);
            ours.filter_map(|(_, rule)| rule.cost_center.as_ref()).next()
        };
        let own = self.cost_centers.get(team);
        own.or_else(of_rules).map(String::as_str)
    }

    /// Whether a rule, an alias or a cost centre of the configuration names a team.
    #[must_use]
    pub fn names_team(&self, team: &str) -> bool {
        self.cost_centers.contains_key(team) || self.teams.knows(team)
    }

    /// Team, cost centre and environment. A rule's environment is for every job that it fits; its
    /// cost centre is its team's, and nobody else's.
    fn said<'r>(
        &self,
        run: &'r JobRun,
        job: &str,
    ) -> (Said<'r>, Option<Said<'r>>, Option<Said<'r>>) {
        let rule = self.rule(run, job);
        let ruled = |value: Option<&String>| {
            let (place, _) = rule?;
            Some((value?.clone(), Source::Rule(place)))
        };
        let team = told(run, &self.team_tags, &self.teams)
            .or_else(|| ruled(rule.map(|(_, rule)| &rule.team)))
            .unwrap_or_else(|| (UNALLOCATED.to_owned(), Source::Nobody));
        let teams_own = || {
            let own = self.cost_centers.get(&team.0)?;
            Some((own.clone(), Source::OfTeam))
        };
        let of_rule = || {
            let (_, rule) = rule.filter(|(_, rule)| rule.team == team.0)?;
            ruled(rule.cost_center.as_ref())
        };
        let cost_center = told(run, &self.cost_center_tags, &self.cost_center_names)
            .or_else(of_rule)
            .or_else(teams_own);
        let environment = told(run, &self.environment_tags, &self.environments)
            .or_else(|| ruled(rule.and_then(|(_, rule)| rule.environment.as_ref())));
        (team, cost_center, environment)
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

fn configured(aliases: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> + use<'_> {
    aliases.iter().map(|(other, name)| (other.as_str(), name.as_str()))
}

fn compiled(
    (index, rule): (usize, &OwnershipRule),
) -> Result<(Option<Regex>, OwnershipRule), OwnershipError> {
    if rule.team.trim().is_empty() {
        return Err(OwnershipError::NoTeam(index));
    }
    if matches!((rule.from, rule.to), (Some(from), Some(to)) if to <= from) {
        return Err(OwnershipError::NeverInForce(index));
    }
    let pattern = rule.job.as_deref().map(Regex::new).transpose();
    let pattern = pattern.map_err(|error| OwnershipError::Pattern {
        index,
        pattern: rule.job.clone().unwrap_or_default(),
        reason: error.to_string(),
    })?;
    Ok((pattern, rule.clone()))
}

/// What the run's own tags say, else its job's or application's.
fn told<'r>(run: &'r JobRun, wanted: &[String], spelling: &Spelling) -> Option<Said<'r>> {
    let defined = run.definition.as_ref().and_then(|definition| definition.tags.as_ref());
    if let Some((key, value)) = tagged(run.tags.as_ref(), wanted) {
        return Some((spelling.spelt(value), Source::RunTag(key, value)));
    }
    let (key, value) = tagged(defined, wanted)?;
    Some((spelling.spelt(value), Source::DefinitionTag(key, value)))
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

#[cfg(test)]
mod tests;
