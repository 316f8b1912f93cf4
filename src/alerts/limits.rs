//! A rule's limits: by default, and otherwise for some teams, tags or jobs.
//!
//! In the configuration a rule is a table of its own, `[alerts.rules.CODE]`, with the rule's limits
//! in it; `[[alerts.rules.CODE.for]]` names whom other limits are for, and only those that differ.

use std::collections::BTreeMap;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::facts::JobFacts;
use super::finding::Severity;
use crate::analysis::JobKey;
use crate::model::written::PatternText;

/// A rule's section of the configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("alerts.rules.{rule}: {reason}")]
pub struct LimitsError {
    /// The rule's code.
    pub rule: String,
    /// What is wrong.
    pub reason: String,
}

/// Whom limits are for; what is absent fits everybody.
#[derive(Clone, Debug)]
struct Scope {
    job: Option<Regex>,
    team: Option<String>,
    tag: Option<(String, String)>,
}

/// The limits of one rule.
#[derive(Clone, Debug)]
pub(super) struct Limits<T> {
    /// Whether the rule is asked at all.
    pub(super) enabled: bool,
    /// How bad its findings are, where the configuration says so.
    severity: Option<Severity>,
    default: T,
    others: Vec<(Scope, T)>,
}

impl<T: DeserializeOwned> Limits<T> {
    /// Reads a rule's section; an absent one is an empty one.
    ///
    /// # Errors
    /// When a limit is not one of the rule, has the wrong type or makes no sense (`check` says so),
    /// or a pattern does not compile.
    pub(super) fn read(
        rule: &str,
        section: Option<&toml::Table>,
        check: fn(&T) -> Result<(), String>,
    ) -> Result<Self, LimitsError> {
        let wrong = |reason: String| LimitsError { rule: rule.to_owned(), reason };
        let mut table = section.cloned().unwrap_or_default();
        let enabled = match table.remove("enabled") {
            None => true,
            Some(toml::Value::Boolean(enabled)) => enabled,
            Some(other) => return Err(wrong(format!("enabled is true or false, not {other}"))),
        };
        let severity = table.remove("severity").map(Severity::deserialize).transpose();
        let severity = severity.map_err(|error| wrong(format!("severity: {error}")))?;
        let others = match table.remove("for") {
            None => Vec::new(),
            Some(toml::Value::Array(others)) => others,
            Some(_) => return Err(wrong("write [[... for]], a table for each".to_owned())),
        };
        let parse = |table: toml::Table| {
            let limits: T = serde_path_to_error::deserialize(toml::Value::Table(table))
                .map_err(|error| named(&error))?;
            check(&limits).map(|()| limits)
        };
        let other = |(place, other): (usize, &toml::Value)| {
            let at = |reason: String| wrong(format!("for[{place}]: {reason}"));
            let mut own = other.as_table().ok_or_else(|| at("not a table".into()))?.clone();
            let scope = Scope::take(&mut own).map_err(at)?;
            let mut whole = table.clone();
            whole.extend(own);
            Ok((scope, parse(whole).map_err(at)?))
        };
        Ok(Self {
            enabled,
            severity,
            default: parse(table.clone()).map_err(&wrong)?,
            others: others.iter().enumerate().map(other).collect::<Result<_, _>>()?,
        })
    }
}

/// Spells the teams that a rule's other limits are for.
pub(super) fn respell(section: &mut toml::Table, spell: impl Fn(&str) -> String) {
    let others = section.get_mut("for").and_then(toml::Value::as_array_mut);
    let others = others.into_iter().flatten().filter_map(|other| other.get_mut("team"));
    for team in others {
        if let toml::Value::String(name) = team {
            *name = spell(name);
        }
    }
}

/// What every rule takes beside its limits, as [`Limits::read`] takes it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes keys; `read` takes them one by one")]
struct Switches {
    /// Whether the rule is asked at all.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// How severe its findings are, all of them, in place of the rule's own judgement.
    severity: Option<Severity>,
}

/// Whom other limits are for, as [`Scope::take`] takes it. All that is said must fit.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes keys; `take` takes them one by one")]
struct Whom {
    /// The jobs, by their names.
    #[schemars(with = "Option<PatternText>")]
    job: Option<String>,
    /// The team.
    team: Option<String>,
    /// A tag of the job's latest run, as `key=value`.
    tag: Option<String>,
}

/// The section of a rule whose limits have this schema.
pub(super) fn schema(mut limits: Schema, generator: &mut SchemaGenerator) -> Schema {
    let keys_of = |schema: &mut Schema| match schema.remove("properties") {
        Some(serde_json::Value::Object(keys)) => keys,
        _ => serde_json::Map::new(),
    };
    let mut keys = keys_of(&mut limits);
    let mut others = keys.clone();
    for limit in others.values_mut().filter_map(|limit| limit.as_object_mut()) {
        // What is not said there is as the rule has it, which need not be the default.
        limit.remove("default");
    }
    others.extend(keys_of(&mut Whom::json_schema(generator)));
    keys.extend(keys_of(&mut Switches::json_schema(generator)));
    let others = json_schema!({
        "description": "Other limits for some: the first that fits counts, and says only what \
                        differs.",
        "type": "array",
        "items": { "type": "object", "properties": others, "additionalProperties": false },
    });
    keys.insert("for".to_owned(), others.to_value());
    json_schema!({ "type": "object", "properties": keys, "additionalProperties": false })
}

/// A mistake with the key that it is in.
fn named(error: &serde_path_to_error::Error<toml::de::Error>) -> String {
    let (path, reason) = (error.path().to_string(), error.inner().to_string());
    if path == "." { reason } else { format!("{path}: {}", reason.trim_end()) }
}

impl<T> Limits<T> {
    /// The limits for a job: the first that fit, else the default ones.
    pub(super) fn of_job(&self, key: &JobKey, job: &JobFacts) -> &T {
        let fits = |(scope, _): &&(Scope, T)| scope.fits(&key.job, &job.team, &job.tags);
        self.others.iter().find(fits).map_or(&self.default, |(_, limits)| limits)
    }

    /// The limits for a team.
    pub(super) fn of_team(&self, team: &str) -> &T {
        let fits = |(scope, _): &&(Scope, T)| {
            scope.job.is_none() && scope.tag.is_none() && scope.fits("", team, &BTreeMap::new())
        };
        self.others.iter().find(fits).map_or(&self.default, |(_, limits)| limits)
    }

    /// The limits for what belongs to no job or team.
    pub(super) const fn of_all(&self) -> &T {
        &self.default
    }

    /// The configured severity, else the rule's own.
    pub(super) fn severity(&self, own: Severity) -> Severity {
        self.severity.unwrap_or(own)
    }
}

impl Scope {
    fn take(table: &mut toml::Table) -> Result<Self, String> {
        let mut text = |key: &str| match table.remove(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("{key} is a text, not {other}")),
        };
        let (job, team, tag) = (text("job")?, text("team")?, text("tag")?);
        if job.is_none() && team.is_none() && tag.is_none() {
            return Err("say whom it is for: job, team or tag".to_owned());
        }
        let job = job.map(|pattern| {
            Regex::new(&pattern).map_err(|error| format!("job `{pattern}`: {error}"))
        });
        let tag = tag.map(|tag| {
            let pair = tag.split_once('=').map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()));
            pair.ok_or_else(|| format!("a tag is written key=value, not `{tag}`"))
        });
        Ok(Self { job: job.transpose()?, team, tag: tag.transpose()? })
    }

    fn fits(&self, job: &str, team: &str, tags: &BTreeMap<String, String>) -> bool {
        self.job.as_ref().is_none_or(|pattern| pattern.is_match(job))
            && self.team.as_ref().is_none_or(|wanted| wanted == team)
            && self.tag.as_ref().is_none_or(|(key, value)| tags.get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Engine, Usd};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Cost {
        limit_usd: Usd,
        days: u32,
    }

    impl Default for Cost {
        fn default() -> Self {
            Self { limit_usd: Usd::from_nanos(5_000_000_000), days: 7 }
        }
    }

    fn read(text: &str) -> Result<Limits<Cost>, LimitsError> {
        let check =
            |cost: &Cost| if cost.days > 0 { Ok(()) } else { Err("days: at least 1".into()) };
        Limits::read("job-cost", Some(&toml::from_str(text).unwrap()), check)
    }

    fn job(name: &str) -> JobKey {
        let (account, region) = ("111122223333".into(), "eu-west-1".into());
        JobKey { engine: Engine::Glue, account, region, job: name.into() }
    }

    #[test]
    fn the_first_that_fits_counts_and_says_only_what_differs() {
        let limits = read(
            "days = 3\nseverity = 'critical'\n\
             [[for]]\njob = '^big-'\nlimit_usd = '100'\n\
             [[for]]\nteam = 'data'\ndays = 1\n\
             [[for]]\ntag = 'tier = gold'\nlimit_usd = '1'",
        )
        .unwrap();
        let data = JobFacts { team: "data".into(), ..JobFacts::default() };
        let shown = |cost: &Cost| format!("{} in {}", cost.limit_usd, cost.days);
        assert_eq!(shown(limits.of_job(&job("big-load"), &data)), "100.00 in 3");
        assert_eq!(shown(limits.of_job(&job("load"), &data)), "5.00 in 1");
        let tags = BTreeMap::from([("tier".to_owned(), "gold".to_owned())]);
        let gold = JobFacts { tags, ..JobFacts::default() };
        assert_eq!(shown(limits.of_job(&job("load"), &gold)), "1.00 in 3");
        assert_eq!(shown(limits.of_team("data")), "5.00 in 1");
        assert_eq!(shown(limits.of_all()), "5.00 in 3");
        assert_eq!(limits.severity(Severity::Info), Severity::Critical);
    }

    #[test]
    fn a_mistake_names_the_rule() {
        let refusal = |text: &str| read(text).unwrap_err().to_string();
        let unknown = refusal("limit = 5");
        assert!(unknown.starts_with("alerts.rules.job-cost: limit: unknown field"), "{unknown}");
        assert!(refusal("days = 0").ends_with("job-cost: days: at least 1"));
        let wrong = refusal("[[for]]\nteam = 'x'\ndays = 'many'");
        assert!(wrong.starts_with("alerts.rules.job-cost: for[0]: days: "), "{wrong}");
        assert!(refusal("[[for]]\ndays = 5").contains("for[0]: say whom it is for"));
        assert!(refusal("[[for]]\njob = '('").contains("for[0]: job `(`"));
        assert!(refusal("[[for]]\ntag = 'x'").contains("key=value"));
        assert!(refusal("severity = 'loud'").contains("severity: "));
        assert!(refusal("enabled = 1").contains("true or false"));
    }
}
