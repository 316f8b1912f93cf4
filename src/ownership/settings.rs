//! How owners are found: the `[ownership]` section, and what is wrong with one that cannot be used.

use std::collections::BTreeMap;

use crate::model::written::{AccountId, DayText, PatternText};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

/// How owners are found. Of the tags each list names, the first that is there wins; case, `_` and
/// `-` make no difference, in their names as in their values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OwnershipSettings {
    /// Tags that name a team. Of the tags of a list the first that is there wins; case, `_` and `-`
    /// make no difference.
    pub team_tags: Vec<String>,
    /// Tags that name a cost centre.
    pub cost_center_tags: Vec<String>,
    /// Tags that name an environment.
    pub environment_tags: Vec<String>,
    /// The cost centre of a team whose runs carry no such tag.
    pub cost_centers: BTreeMap<String, String>,
    /// Other spellings of a team's name, each with the name it stands for.
    pub aliases: BTreeMap<String, String>,
    /// Other spellings of a cost centre.
    pub cost_center_aliases: BTreeMap<String, String>,
    /// Other spellings of an environment; `prod`, `dev` and the like are known.
    pub environment_aliases: BTreeMap<String, String>,
    /// Rules for runs without such a tag. All that a rule says must fit, and the first that fits
    /// wins.
    pub rules: Vec<OwnershipRule>,
}

/// What environments are usually called, and what they are then counted as. An alias of the
/// configuration comes before.
pub const ENVIRONMENTS: [(&str, &str); 8] = [
    ("prod", "production"),
    ("prd", "production"),
    ("live", "production"),
    ("stg", "staging"),
    ("stage", "staging"),
    ("dev", "development"),
    ("develop", "development"),
    ("tst", "test"),
];

impl Default for OwnershipSettings {
    fn default() -> Self {
        let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
        Self {
            team_tags: owned(&["team", "owner-team", "owner"]),
            cost_center_tags: owned(&["cost-center", "cost-centre", "costcenter", "costcentre"]),
            environment_tags: owned(&["environment", "env", "stage"]),
            cost_centers: BTreeMap::new(),
            aliases: BTreeMap::new(),
            cost_center_aliases: BTreeMap::new(),
            environment_aliases: BTreeMap::new(),
            rules: Vec::new(),
        }
    }
}

/// A rule that gives jobs to a team.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnershipRule {
    /// What the job's name matches; any job where absent.
    #[schemars(with = "Option<PatternText>")]
    pub job: Option<String>,
    /// The account; any where absent.
    #[schemars(with = "Option<AccountId>")]
    pub account: Option<String>,
    /// The team.
    pub team: String,
    /// The cost centre, where it is not the team's own.
    pub cost_center: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The first UTC day it is in force.
    #[schemars(with = "Option<DayText>")]
    pub from: Option<Date>,
    /// The first UTC day it is no longer in force.
    #[schemars(with = "Option<DayText>")]
    pub to: Option<Date>,
}

/// A rule that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// A pattern that does not compile.
    #[error("ownership.rules[{index}].job: `{pattern}` is not a regular expression: {reason}")]
    Pattern {
        /// The rule's place, from 0.
        index: usize,
        /// The pattern as written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rule that is in force on no day.
    #[error("ownership.rules[{0}]: `to` is not after `from`, so it is never in force")]
    NeverInForce(usize),
    /// A rule without a team.
    #[error("ownership.rules[{0}].team: a team needs a name")]
    NoTeam(usize),
}
