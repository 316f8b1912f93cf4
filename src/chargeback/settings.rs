//! What a company decides about its months: who gets them, and who bears what no run explains.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::analysis::GapKind;
use crate::model::Address;
use crate::ownership::by_team_respelt;

/// The settings of `[chargeback]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChargebackSettings {
    /// Who gets the month by mail: finance.
    pub recipients: Vec<Address>,
    /// Who bears what the bill has and no run explains, by its kind: `proportional` to own use,
    /// `even` over teams, `none` (it stays unallocated), or percents by team, `{ orders = "60" }`.
    pub split: SplitRules,
}

/// How one kind of line is split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitRule {
    /// In proportion to what each cell used itself.
    Proportional,
    /// The same for every team that used anything; within a team in proportion.
    Even,
    /// To these teams, in percent; what is missing to 100 stays unallocated.
    Fixed(BTreeMap<String, Decimal>),
    /// Not at all: it stays unallocated.
    None,
}

/// The rules, by kind of line; a kind without one has its default.
///
/// | split in proportion by default | because |
/// |---|---|
/// | idle capacity, crawlers, catalogue | they serve the runs of their account |
/// | rate variance, credits, refunds, tax, rounding | they follow what was used |
///
/// | left unallocated by default | because |
/// |---|---|
/// | days not settled | AWS has not billed them yet |
/// | runs and sessions not captured, unpriced runs | they are somebody's, and not everybody's |
/// | idle capacity or runs not captured | it is not known which of the two it is |
/// | other usage | nobody knows yet what it is for |
/// | over-estimate, upper bounds | errors to chase in some runs, and no discount for all |
/// | outside the bill | runs that another bill has |
///
/// What is of engines that no bill holds is own use and no line, so it has no rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitRules(BTreeMap<GapKind, SplitRule>);

impl SplitRules {
    /// The rule for a kind of line.
    #[must_use]
    pub fn rule(&self, kind: GapKind) -> SplitRule {
        self.0.get(&kind).cloned().unwrap_or_else(|| default_rule(kind))
    }

    /// The teams that bear fixed shares.
    pub fn teams(&self) -> impl Iterator<Item = &str> {
        self.0.values().flat_map(|rule| match rule {
            SplitRule::Fixed(shares) => shares.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        })
    }

    /// The same with another rule for one kind.
    #[must_use]
    pub fn with(mut self, kind: GapKind, rule: SplitRule) -> Self {
        self.0.insert(kind, rule);
        self
    }

    /// The same with every team's name spelt as `spell` does.
    ///
    /// # Errors
    /// With the kind of line and both names, where two are one team's.
    pub fn respelt(self, spell: impl Fn(&str) -> String) -> Result<Self, String> {
        let mut rules = BTreeMap::new();
        for (kind, rule) in self.0 {
            let rule = match rule {
                SplitRule::Fixed(shares) => {
                    let twice = |why| format!("{}: {why}", word_of(kind));
                    SplitRule::Fixed(by_team_respelt(shares, &spell).map_err(twice)?)
                }
                other => other,
            };
            rules.insert(kind, rule);
        }
        Ok(Self(rules))
    }

    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// With the kind of line, and what is wrong with its rule.
    pub fn check(&self) -> Result<(), String> {
        for (kind, rule) in &self.0 {
            let SplitRule::Fixed(shares) = rule else { continue };
            let kind = word_of(*kind);
            if let Some((team, _)) = shares.iter().find(|(_, percent)| **percent <= Decimal::ZERO) {
                return Err(format!("{kind}: the share of `{team}` is not above 0 percent"));
            }
            let sum = shares.values().try_fold(Decimal::ZERO, |sum, share| sum.checked_add(*share));
            if shares.is_empty() || sum.is_none_or(|sum| sum > Decimal::ONE_HUNDRED) {
                return Err(format!("{kind}: the shares are to add up to 100 percent at most"));
            }
        }
        Ok(())
    }
}

impl SplitRule {
    /// The word of a rule that is one: `proportional`.
    const fn word(&self) -> Option<&'static str> {
        match self {
            Self::Proportional => Some("proportional"),
            Self::Even => Some("even"),
            Self::None => Some("none"),
            Self::Fixed(_) => None,
        }
    }

    /// The rule in a word or two: `in proportion`.
    #[must_use]
    pub const fn in_words(&self) -> &'static str {
        match self {
            Self::Proportional => "in proportion to own use",
            Self::Even => "evenly over teams",
            Self::Fixed(_) => "by fixed shares",
            Self::None => "not split",
        }
    }
}

const fn default_rule(kind: GapKind) -> SplitRule {
    match kind {
        GapKind::IdleCapacity
        | GapKind::Crawlers
        | GapKind::Catalog
        | GapKind::RateVariance
        | GapKind::Credits
        | GapKind::Refunds
        | GapKind::Tax
        | GapKind::Rounding => SplitRule::Proportional,
        GapKind::DaysNotSettled
        | GapKind::RunsNotCaptured
        | GapKind::IdleOrNotCaptured
        | GapKind::UnpricedRuns
        | GapKind::SessionsNotSeen
        | GapKind::OtherUsage
        | GapKind::OverEstimate
        | GapKind::UpperBound
        | GapKind::OutsideBill
        | GapKind::OtherEngines => SplitRule::None,
    }
}

/// Every kind of line that can be split, so that each has a word in the configuration.
const KINDS: [GapKind; 17] = [
    GapKind::DaysNotSettled,
    GapKind::RunsNotCaptured,
    GapKind::IdleCapacity,
    GapKind::IdleOrNotCaptured,
    GapKind::UnpricedRuns,
    GapKind::Crawlers,
    GapKind::SessionsNotSeen,
    GapKind::Catalog,
    GapKind::RateVariance,
    GapKind::OtherUsage,
    GapKind::OverEstimate,
    GapKind::UpperBound,
    GapKind::OutsideBill,
    GapKind::Credits,
    GapKind::Refunds,
    GapKind::Tax,
    GapKind::Rounding,
];

/// The word of a kind of line, in JSON and in the configuration: `idle-capacity`.
#[must_use]
pub(super) fn word_of(kind: GapKind) -> String {
    let word = serde_json::to_value(kind).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The kind of line that a word names.
pub(super) fn kind_of(word: &str) -> Option<GapKind> {
    serde_json::from_value(word.into()).ok()
}

impl<'de> Deserialize<'de> for SplitRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told: BTreeMap<String, SplitRule> = BTreeMap::deserialize(deserializer)?;
        let mut rules = BTreeMap::new();
        for (word, rule) in told {
            let kind = KINDS.into_iter().find(|kind| word_of(*kind) == word).ok_or_else(|| {
                let known = KINDS.map(word_of).join(", ");
                D::Error::custom(format!("`{word}` is no kind of line; they are {known}"))
            })?;
            rules.insert(kind, rule);
        }
        Ok(Self(rules))
    }
}

impl<'de> Deserialize<'de> for SplitRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rule;
        impl<'de> Visitor<'de> for Rule {
            type Value = SplitRule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "`proportional`, `even`, `none`, or percents by team as { orders = \"60\" }",
                )
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<SplitRule, E> {
                let words = [SplitRule::Proportional, SplitRule::Even, SplitRule::None];
                let rule = words.into_iter().find(|rule| rule.word() == Some(word));
                rule.ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(word), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SplitRule, A::Error> {
                let mut shares = BTreeMap::new();
                while let Some((team, percent)) = map.next_entry::<String, String>()? {
                    let share = percent.parse().map_err(|_| {
                        A::Error::custom(format!("`{percent}` is no percent; write it like \"60\""))
                    })?;
                    shares.insert(team, share);
                }
                Ok(SplitRule::Fixed(shares))
            }
        }
        deserializer.deserialize_any(Rule)
    }
}

/// A key for each kind of line, with the rule that holds where none is set.
impl JsonSchema for SplitRules {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("SplitRules")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = [SplitRule::Proportional, SplitRule::Even, SplitRule::None];
        let words = words.map(|rule| rule.word());
        let key = |kind: GapKind| {
            let rule = json_schema!({
                "title": "rule, or percents by team",
                "description": format!("The bill's {}.", kind.in_words()),
                "default": default_rule(kind).word(),
                "anyOf": [
                    { "enum": words },
                    { "type": "object", "additionalProperties": { "type": "string" } },
                ],
            });
            (word_of(kind), rule.to_value())
        };
        let keys: serde_json::Map<_, _> = KINDS.into_iter().map(key).collect();
        json_schema!({ "type": "object", "properties": keys, "additionalProperties": false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<ChargebackSettings, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_words_or_shares() {
        let told = settings(
            "[split]\ntax = 'even'\nidle-capacity = 'none'\n\
             credits = { orders = '60', claims = '33.5' }\n",
        );
        let split = told.unwrap().split;
        assert_eq!(split.check(), Ok(()));
        assert_eq!(split.rule(GapKind::Tax), SplitRule::Even);
        assert_eq!(split.rule(GapKind::IdleCapacity), SplitRule::None);
        assert_eq!(split.rule(GapKind::Catalog), SplitRule::Proportional);
        assert_eq!(split.rule(GapKind::RunsNotCaptured), SplitRule::None);
        let SplitRule::Fixed(shares) = split.rule(GapKind::Credits) else { panic!("no shares") };
        assert_eq!(shares["claims"], Decimal::new(335, 1));
    }

    #[test]
    fn a_mistake_says_what_was_expected() {
        assert!(settings("[split]\ntaxes = 'even'").unwrap_err().contains("idle-capacity"));
        assert!(settings("[split]\ntax = 'fair'").unwrap_err().contains("`proportional`"));
        assert!(settings("[split]\ntax = { a = 'x' }").unwrap_err().contains("no percent"));
        let above = settings("[split]\ntax = { a = '60', b = '41' }").unwrap();
        assert!(above.split.check().unwrap_err().starts_with("tax: "));
        let nothing = settings("[split]\ntax = { a = '0' }").unwrap();
        assert!(nothing.split.check().unwrap_err().contains("`a`"));
    }

    /// A kind that is added without a word in the configuration would be refused there.
    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = KINDS.map(word_of).into_iter().collect();
        assert_eq!(words.len(), KINDS.len());
        assert!(words.iter().all(|word| !word.is_empty()));
    }
}
