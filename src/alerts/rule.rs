//! What a rule is, and the list of all of them.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::finding::Finding;
use super::limits::LimitsError;
use super::rules;

/// A rule, ready to be asked: looks at the facts and says what it found. Pure.
pub type Check = Box<dyn Fn(&Facts) -> Vec<Finding> + Send + Sync>;

/// Makes a rule from its section of the configuration, which may be absent.
type Build = fn(Option<&toml::Table>) -> Result<Option<Check>, LimitsError>;

/// Every rule: its code, and what makes it. One file each, of the code's name.
const RULES: [(&str, Build); 3] = [
    (rules::run_failed::CODE, rules::run_failed::rule),
    (rules::run_stopped::CODE, rules::run_stopped::rule),
    (rules::run_timeout::CODE, rules::run_timeout::rule),
];

/// The rules that are asked, by code.
pub struct Rules(BTreeMap<&'static str, Check>);

impl Rules {
    /// Makes all rules that are not switched off.
    ///
    /// # Errors
    /// When a section is no rule's, or says what its rule does not know.
    pub fn new(sections: &BTreeMap<String, toml::Table>) -> Result<Self, LimitsError> {
        let known = |code: &String| RULES.iter().any(|(rule, _)| rule == code);
        if let Some(unknown) = sections.keys().find(|code| !known(code)) {
            let codes: Vec<_> = RULES.iter().map(|(code, _)| *code).collect();
            let reason = format!("there is no such rule; rules are {}", codes.join(", "));
            return Err(LimitsError { rule: unknown.clone(), reason });
        }
        let mut rules = BTreeMap::new();
        for (code, build) in RULES {
            if let Some(check) = build(sections.get(code))? {
                rules.insert(code, check);
            }
        }
        Ok(Self(rules))
    }

    /// The rules, by code.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Check)> {
        self.0.iter().map(|(code, check)| (*code, check))
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
