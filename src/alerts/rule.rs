//! What a rule is, and the list of all of them.

use std::collections::BTreeMap;
use std::fmt::Debug;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::facts::Facts;
use super::finding::{Finding, Severity, Subject};
use super::limits::{self, Limits, LimitsError};
use super::rules;

/// A rule: pure, and about what is wrong now, not about what happened.
pub(super) trait Rule: 'static {
    /// Its stable name: the section of the configuration, and the file below `rules/`.
    const CODE: &'static str;
    /// How bad its findings are where the configuration says nothing else; the worst, where that
    /// depends on what is found.
    const SEVERITY: Severity;
    /// What it finds, in a sentence.
    const MEANING: &'static str;

    /// The rules whose findings about a subject are a part of this one's: while it is told, they
    /// are not.
    const PARTS: &'static [&'static str] = &[];

    /// Its limits; their defaults are the documented ones.
    type Limits: Default + Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync;

    /// Refuses limits that make no sense, saying which key.
    fn check(_limits: &Self::Limits) -> Result<(), String> {
        Ok(())
    }

    /// What is wrong.
    fn find(limits: &Limits<Self::Limits>, facts: &Facts) -> Vec<Finding>;

    /// Why it cannot be said that a subject is in order which was found once and is not found now.
    fn undecided(_: &Limits<Self::Limits>, facts: &Facts, subject: &Subject) -> Option<String> {
        job_is_gone(facts, subject)
    }
}

/// A job without runs is neither in order nor out of it.
pub(super) fn job_is_gone(facts: &Facts, subject: &Subject) -> Option<String> {
    let gone = !subject.job.is_empty() && facts.job(subject).is_none();
    gone.then(|| "no run of the job is known any more".to_owned())
}

/// What tells how a job is configured is its latest run, and there may be none lately.
pub(super) fn job_has_not_run(facts: &Facts, subject: &Subject) -> Option<String> {
    let ran = facts.job(subject).is_some_and(|job| job.recent().next().is_some());
    (!ran).then(|| "the job has not run within a day".to_owned())
}

/// A rule with its limits, ready to be asked.
pub(super) trait Asked: Send + Sync {
    /// What is wrong.
    fn find(&self, facts: &Facts) -> Vec<Finding>;
    /// Why it cannot be said that a subject is in order.
    fn undecided(&self, facts: &Facts, subject: &Subject) -> Option<String>;
}

struct Ready<R: Rule>(Limits<R::Limits>);

impl<R: Rule> Asked for Ready<R> {
    fn find(&self, facts: &Facts) -> Vec<Finding> {
        R::find(&self.0, facts)
    }

    fn undecided(&self, facts: &Facts, subject: &Subject) -> Option<String> {
        R::undecided(&self.0, facts, subject)
    }
}

/// What is said of a rule where all of them are listed.
#[derive(Clone, Copy)]
pub struct RuleEntry {
    /// Its stable name.
    pub code: &'static str,
    /// How bad its findings are, at worst, where the configuration says nothing else.
    pub severity: Severity,
    /// What it finds, in a sentence.
    pub meaning: &'static str,
    /// Its default limits, as they stand in a configuration.
    pub defaults: fn() -> String,
    parts: &'static [&'static str],
    limits: fn(&mut SchemaGenerator) -> Schema,
    build: Build,
}

/// Makes a rule of its section of the configuration; none where it is switched off.
type Build = fn(Option<&toml::Table>) -> Result<Option<Box<dyn Asked>>, LimitsError>;

const fn entry<R: Rule>() -> RuleEntry {
    RuleEntry {
        code: R::CODE,
        severity: R::SEVERITY,
        meaning: R::MEANING,
        defaults: defaults::<R>,
        parts: R::PARTS,
        limits: R::Limits::json_schema,
        build: build::<R>,
    }
}

fn defaults<R: Rule>() -> String {
    toml::to_string(&R::Limits::default()).unwrap_or_default()
}

fn build<R: Rule>(section: Option<&toml::Table>) -> Result<Option<Box<dyn Asked>>, LimitsError> {
    let limits = Limits::<R::Limits>::read(R::CODE, section, R::check)?;
    let enabled = limits.enabled;
    Ok(enabled.then(|| Box::new(Ready::<R>(limits)) as Box<dyn Asked>))
}

/// Every rule, in the order of their subjects: how runs end, how they are configured, what they
/// cost, how long they take, whether they come; teams, quotas, and Runledger itself.
pub const RULES: [RuleEntry; 25] = [
    entry::<rules::run_failed::RunFailed>(),
    entry::<rules::run_timeout::RunTimeout>(),
    entry::<rules::run_stopped::RunStopped>(),
    entry::<rules::failure_streak::FailureStreak>(),
    entry::<rules::retry_storm::RetryStorm>(),
    entry::<rules::worker_limit::WorkerLimit>(),
    entry::<rules::timeout_setting::TimeoutSetting>(),
    entry::<rules::owner_missing::OwnerMissing>(),
    entry::<rules::legacy_glue::LegacyGlue>(),
    entry::<rules::application_unbounded::ApplicationUnbounded>(),
    entry::<rules::run_cost::RunCost>(),
    entry::<rules::job_cost_day::JobCostDay>(),
    entry::<rules::job_cost_week::JobCostWeek>(),
    entry::<rules::cost_jump::CostJump>(),
    entry::<rules::duration_limit::DurationLimit>(),
    entry::<rules::duration_jump::DurationJump>(),
    entry::<rules::running_long::RunningLong>(),
    entry::<rules::run_missing::RunMissing>(),
    entry::<rules::deadline_missed::DeadlineMissed>(),
    entry::<rules::budget_used::BudgetUsed>(),
    entry::<rules::budget_forecast::BudgetForecast>(),
    entry::<rules::quota_near::QuotaNear>(),
    entry::<rules::noisy_neighbour::NoisyNeighbour>(),
    entry::<rules::collection_stale::CollectionStale>(),
    entry::<rules::report_overdue::ReportOverdue>(),
];

/// Every rule as it stands in a configuration, commented out: what it finds, how severe that is,
/// and its limits at their defaults.
#[must_use]
pub fn documented() -> String {
    let comment = |line: &str| format!("#: {line}\n");
    let section = |rule: &RuleEntry| {
        let defaults: String = (rule.defaults)().lines().map(comment).collect();
        let (severity, meaning, code) = (rule.severity.as_str(), rule.meaning, rule.code);
        format!(
            "# ({severity}) {meaning}.\n{}{defaults}",
            comment(&format!("[alerts.rules.{code}]"))
        )
    };
    RULES.iter().map(section).collect()
}

/// The section of all rules, `[alerts.rules]`, with the keys of each.
pub(super) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let mut sections = serde_json::Map::new();
    for rule in &RULES {
        let mut section = limits::schema((rule.limits)(generator), generator);
        let (severity, meaning) = (rule.severity.as_str(), rule.meaning);
        section.insert("description".to_owned(), format!("({severity}) {meaning}.").into());
        sections.insert(rule.code.to_owned(), section.to_value());
    }
    json_schema!({ "type": "object", "properties": sections, "additionalProperties": false })
}

/// The rules that are asked, by code.
pub(super) struct Rules(BTreeMap<&'static str, Box<dyn Asked>>);

impl Rules {
    /// Makes all rules that are not switched off.
    pub(super) fn new(sections: &BTreeMap<String, toml::Table>) -> Result<Self, LimitsError> {
        if let Some(unknown) = sections.keys().find(|code| !is_rule(code)) {
            let codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
            let reason = format!("there is no such rule; rules are {}", codes.join(", "));
            return Err(LimitsError { rule: unknown.clone(), reason });
        }
        let mut rules = BTreeMap::new();
        for rule in &RULES {
            if let Some(asked) = (rule.build)(sections.get(rule.code))? {
                rules.insert(rule.code, asked);
            }
        }
        Ok(Self(rules))
    }

    /// The rules, by code.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &dyn Asked)> {
        self.0.iter().map(|(code, rule)| (*code, rule.as_ref()))
    }

    /// The rule of a code, unless it is switched off or there is none.
    pub(super) fn get(&self, code: &str) -> Option<&dyn Asked> {
        self.0.get(code).map(AsRef::as_ref)
    }

    /// The same with one rule more, or another in its place.
    #[cfg(test)]
    pub(super) fn with(mut self, code: &'static str, rule: Box<dyn Asked>) -> Self {
        self.0.insert(code, rule);
        self
    }
}

/// The rules whose findings are a part of what this one finds of the same subject.
pub(super) fn parts_of(code: &str) -> &'static [&'static str] {
    RULES.iter().find(|rule| rule.code == code).map_or(&[], |rule| rule.parts)
}

/// The rule that this one's findings may be a part of.
pub(super) fn whole_of(code: &str) -> Option<&'static str> {
    RULES.iter().find(|rule| rule.parts.contains(&code)).map(|rule| rule.code)
}

/// Whether there is a rule of that code.
#[must_use]
pub fn is_rule(code: &str) -> bool {
    RULES.iter().any(|rule| rule.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_code_of_its_own_and_a_file_of_that_name() {
        let mut codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RULES.len());
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/alerts/rules");
        for rule in &RULES {
            let file = folder.join(rule.code.replace('-', "_") + ".rs");
            let text = std::fs::read_to_string(file).unwrap();
            assert!(text.starts_with(&format!("//! `{}`: ", rule.code)), "{}", rule.code);
            assert!(rule.meaning.len() > 20 && !rule.meaning.ends_with('.'), "{}", rule.code);
        }
    }

    /// A part of a part would be told by nobody.
    #[test]
    fn a_part_is_a_rule_and_has_no_parts() {
        for part in RULES.iter().flat_map(|rule| rule.parts) {
            assert!(is_rule(part) && parts_of(part).is_empty(), "{part}");
            assert_eq!(RULES.iter().filter(|rule| rule.parts.contains(part)).count(), 1);
        }
        assert_eq!(whole_of("run-timeout"), Some("failure-streak"));
        assert_eq!(whole_of("run-cost"), None);
    }

    /// What is printed as the default is what holds where nothing is printed.
    #[test]
    fn the_documented_defaults_are_a_valid_section() {
        for rule in &RULES {
            let text = (rule.defaults)();
            let section: toml::Table = toml::from_str(&text).unwrap();
            let sections = BTreeMap::from([(rule.code.to_owned(), section)]);
            assert!(Rules::new(&sections).is_ok(), "{}: {text}", rule.code);
        }
    }

    #[test]
    fn a_mistake_names_rule_and_key() {
        let refusal = |text: &str| {
            let sections: BTreeMap<String, toml::Table> = toml::from_str(text).unwrap();
            Rules::new(&sections).err().unwrap().to_string()
        };
        assert!(refusal("[run-lost]").starts_with("alerts.rules.run-lost: there is no such rule"));
        let text = refusal("[run-cost]\nlimit_usd = 'x'");
        assert!(text.starts_with("alerts.rules.run-cost: limit_usd: "), "{text}");
        let text = refusal("[deadline-missed]\nby = '18:00 Europe/Lodnon'");
        assert!(text.starts_with("alerts.rules.deadline-missed: by: "), "{text}");
        let text = refusal("[quota-near]\nwarning_percent = 95");
        assert!(text.contains("quota-near") && text.contains("critical_percent"), "{text}");
    }

    #[test]
    fn a_rule_can_be_switched_off() {
        let sections = toml::from_str("[run-failed]\nenabled = false").unwrap();
        let rules = Rules::new(&sections).unwrap();
        assert!(rules.get("run-failed").is_none());
        assert_eq!(rules.iter().count(), RULES.len() - 1);
    }
}
