//! The rate card: what a unit costs, where, for whom, and since when. Data, with its sources.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::model::{Usd, utc_day};

/// The rates that ship with Runledger.
const SHIPPED: &str = include_str!("rates.toml");

/// One kind of usage with its price in several regions, as it stands in a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateTable {
    /// `glue`, `emr-serverless`.
    pub engine: String,
    /// `DPU`, `M-DPU`, `vCPU`, `memory`, `storage`.
    pub component: String,
    /// The kinds of job it is for; all where empty.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// The first Glue version it is for.
    pub from_version: Option<String>,
    /// The first Glue version it is no longer for.
    pub below_version: Option<String>,
    /// `STANDARD`, `FLEX`; any where absent.
    pub execution_class: Option<String>,
    /// `X86_64`, `ARM64`; any where absent.
    pub architecture: Option<String>,
    /// The first UTC day it is in force.
    pub from: Option<Date>,
    /// The first UTC day it is no longer in force.
    pub to: Option<Date>,
    /// How old the source is; absent where it has no date.
    pub as_of: Option<String>,
    /// Where the figures come from.
    pub source: String,
    /// US dollars per unit and hour, by region, as text: no float comes near them.
    pub usd: BTreeMap<String, String>,
}

/// A rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The engine.
    pub engine: String,
    /// The region.
    pub region: String,
    /// What is counted.
    pub component: String,
    /// The kinds of job it is for; all where empty.
    pub kinds: Vec<String>,
    /// Glue versions it is for: from, and below.
    pub versions: (Option<Version>, Option<Version>),
    /// The execution class it is for.
    pub execution_class: Option<String>,
    /// The architecture it is for.
    pub architecture: Option<String>,
    /// UTC days in force: from, and to (excluded).
    pub days: (Option<Date>, Option<Date>),
    /// US dollars per unit and hour.
    pub usd: Decimal,
    /// How old the source is; `None` where it has no date.
    pub as_of: Option<String>,
    /// Where the figure comes from.
    pub source: String,
}

/// A Glue version, compared by number: 5.1 < 6.0 < 10.0.
pub type Version = (u32, u32);

/// A rate card that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RateCardError {
    /// Not a rate file at all.
    #[error("the rate card cannot be read: {0}")]
    Syntax(String),
    /// A price that is no positive decimal number.
    #[error("{engine} {component} in {region}: `{price}` is no price")]
    Price {
        /// The engine.
        engine: String,
        /// The component.
        component: String,
        /// The region.
        region: String,
        /// The price as written.
        price: String,
    },
    /// A version that is no number.
    #[error("{engine} {component}: `{version}` is no Glue version; versions are written like 6.0")]
    Version {
        /// The engine.
        engine: String,
        /// The component.
        component: String,
        /// The version as written.
        version: String,
    },
}

/// What a rate is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) engine: &'a str,
    pub(super) region: &'a str,
    pub(super) component: &'a str,
    pub(super) kind: &'a str,
    pub(super) version: Option<Version>,
    pub(super) execution_class: &'a str,
    pub(super) architecture: &'a str,
    /// The instant of use.
    pub(super) at: Option<Timestamp>,
}

/// Every rate, found by region and engine.
#[derive(Clone, Debug, Default)]
pub struct RateCard {
    rates: Vec<Rate>,
    by_region: HashMap<String, Vec<usize>>,
}

impl RateCard {
    /// The card that ships with Runledger.
    ///
    /// # Errors
    /// Never for a released version: a test reads it.
    pub fn shipped() -> Result<Self, RateCardError> {
        Self::parse(SHIPPED)
    }

    /// Reads a card from TOML, `[[rates]]` tables as in the shipped one.
    ///
    /// # Errors
    /// When the text is no rate card, or a price or version in it is none.
    pub fn parse(text: &str) -> Result<Self, RateCardError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            rates: Vec<RateTable>,
        }
        let file: File =
            toml::from_str(text).map_err(|error| RateCardError::Syntax(error.to_string()))?;
        Self::default().with(&file.rates)
    }

    /// This card with more tables, each of which comes before what the card says for the same use.
    ///
    /// # Errors
    /// When a price or version is none.
    pub fn with(mut self, tables: &[RateTable]) -> Result<Self, RateCardError> {
        for table in tables {
            self.add(table)?;
        }
        Ok(self)
    }

    /// All rates; a cost line's `rate_index` points into them.
    #[must_use]
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    fn add(&mut self, table: &RateTable) -> Result<(), RateCardError> {
        let version = |text: &Option<String>| {
            let parse = |text: &String| {
                parse_version(text).ok_or_else(|| RateCardError::Version {
                    engine: table.engine.clone(),
                    component: table.component.clone(),
                    version: text.clone(),
                })
            };
            text.as_ref().map(parse).transpose()
        };
        let versions = (version(&table.from_version)?, version(&table.below_version)?);
        for (region, price) in &table.usd {
            let usd = price.parse::<Decimal>().ok().filter(|usd| usd.is_sign_positive());
            let usd = usd.ok_or_else(|| RateCardError::Price {
                engine: table.engine.clone(),
                component: table.component.clone(),
                region: region.clone(),
                price: price.clone(),
            })?;
            self.by_region.entry(region.clone()).or_default().push(self.rates.len());
            self.rates.push(Rate {
                engine: table.engine.clone(),
                region: region.clone(),
                component: table.component.clone(),
                kinds: table.kinds.clone(),
                versions,
                execution_class: table.execution_class.clone(),
                architecture: table.architecture.clone(),
                days: (table.from, table.to),
                usd,
                as_of: table.as_of.clone(),
                source: table.source.clone(),
            });
        }
        Ok(())
    }

    /// The rate for a use, with its index. Where several fit, the one in force since the latest
    /// day, and of those the one added last.
    pub(super) fn find(&self, wanted: Wanted<'_>) -> Option<(usize, &Rate)> {
        let indexes = self.by_region.get(wanted.region)?;
        indexes
            .iter()
            .map(|index| (*index, &self.rates[*index]))
            .filter(|(_, rate)| rate.fits(&wanted))
            .max_by_key(|(_, rate)| rate.days.0)
    }
}

impl RateCard {
    /// What a cost of Glue Spark runs before 6.0 would have been less at the 6.0 rate of its region
    /// and class, for the same DPU time; `None` where that rate is not known or is no lower, or the
    /// runs are no Spark runs before 6.0.
    #[must_use]
    pub fn saving_on_glue_6(
        &self,
        region: &str,
        worker_type: &str,
        execution_class: &str,
        version: &str,
        cost: Usd,
        at: Timestamp,
    ) -> Option<Usd> {
        const GLUE_6: Version = (6, 0);
        let version = parse_version(version).filter(|version| *version < GLUE_6)?;
        let family = worker_type.split_once('.').map_or(worker_type, |(family, _)| family);
        let component = match family {
            "G" | "Standard" => "DPU",
            "R" => "M-DPU",
            _ => return None,
        };
        let rate = |version| {
            let wanted = Wanted {
                engine: "glue",
                region,
                component,
                kind: "spark",
                version: Some(version),
                execution_class,
                architecture: "",
                at: Some(at),
            };
            self.find(wanted).map(|(_, rate)| rate.usd)
        };
        let (old, new) = (rate(version)?, rate(GLUE_6)?);
        let same_scale = |a: Decimal, b: Decimal| {
            let scale = a.scale().max(b.scale());
            let at = |mut d: Decimal| {
                d.rescale(scale);
                u64::try_from(d.mantissa()).ok()
            };
            Some((at(a)?, at(b)?))
        };
        let (old, new) = same_scale(old, new)?;
        (new < old).then(|| cost.scaled(old - new, old)).flatten()
    }
}

impl Rate {
    fn fits(&self, wanted: &Wanted<'_>) -> bool {
        let any_or = |own: &Option<String>, asked: &str| own.as_deref().is_none_or(|o| o == asked);
        let (from_version, below_version) = self.versions;
        let day = wanted.at.map(utc_day);
        let (from, to) = self.days;
        self.engine == wanted.engine
            && self.component == wanted.component
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == wanted.kind))
            && from_version.is_none_or(|from| wanted.version.is_some_and(|v| v >= from))
            && below_version.is_none_or(|below| wanted.version.is_some_and(|v| v < below))
            && any_or(&self.execution_class, wanted.execution_class)
            && any_or(&self.architecture, wanted.architecture)
            && from.is_none_or(|from| day.is_some_and(|day| day >= from))
            && to.is_none_or(|to| day.is_some_and(|day| day < to))
    }
}

/// A Glue version as two numbers; `None` for `auto` and anything else that is not one.
pub(super) fn parse_version(text: &str) -> Option<Version> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted<'a>(region: &'a str, version: &str, class: &'a str) -> Wanted<'a> {
        Wanted {
            engine: "glue",
            region,
            component: "DPU",
            kind: "spark",
            version: parse_version(version),
            execution_class: class,
            architecture: "",
            at: Some("2026-11-10T00:00:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn the_shipped_card_knows_bands_and_classes() {
        let card = RateCard::shipped().unwrap();
        let rate = |wanted| card.find(wanted).map(|(_, rate)| rate.usd.to_string());
        assert_eq!(rate(wanted("us-east-1", "5.1", "STANDARD")).unwrap(), "0.44");
        assert_eq!(rate(wanted("us-east-1", "6.0", "STANDARD")).unwrap(), "0.308");
        assert_eq!(rate(wanted("us-east-1", "10.0", "STANDARD")).unwrap(), "0.308");
        assert_eq!(rate(wanted("us-east-1", "4.0", "FLEX")).unwrap(), "0.29");
        assert_eq!(rate(wanted("sa-east-1", "2.0", "STANDARD")).unwrap(), "0.69");
        assert_eq!(rate(wanted("sa-east-1", "4.0", "FLEX")), None);
        assert_eq!(rate(wanted("mars-north-1", "4.0", "STANDARD")), None);
        assert_eq!(rate(wanted("us-east-1", "auto", "STANDARD")), None);
    }

    /// Every use has at most one rate in force on any day, so none is chosen by accident.
    #[test]
    fn shipped_rates_do_not_overlap() {
        let card = RateCard::shipped().unwrap();
        for (n, a) in card.rates.iter().enumerate() {
            for b in &card.rates[n + 1..] {
                let same = (&a.engine, &a.region, &a.component, &a.execution_class)
                    == (&b.engine, &b.region, &b.component, &b.execution_class)
                    && a.architecture == b.architecture
                    && a.kinds.iter().any(|kind| b.kinds.contains(kind));
                let disjoint = a.versions.1.is_some_and(|below| Some(below) <= b.versions.0)
                    || b.versions.1.is_some_and(|below| Some(below) <= a.versions.0);
                assert!(!same || disjoint, "{a:?} overlaps {b:?}");
            }
        }
    }

    #[test]
    fn a_rate_is_in_force_between_its_days() {
        let card = RateCard::parse(
            "[[rates]]\nengine='glue'\ncomponent='DPU'\nsource='s'\nto='2026-11-01'\n\
             [rates.usd]\nx='1'\n\
             [[rates]]\nengine='glue'\ncomponent='DPU'\nsource='s'\nfrom='2026-11-01'\n\
             [rates.usd]\nx='2'\n",
        )
        .unwrap();
        let on = |day: &str| {
            let at = Some(day.parse().unwrap());
            card.find(Wanted { at, ..wanted("x", "5.0", "STANDARD") }).unwrap().1.usd
        };
        assert_eq!(on("2026-10-31T23:59:59Z"), Decimal::ONE);
        assert_eq!(on("2026-11-01T00:00:00Z"), Decimal::TWO);
    }

    #[test]
    fn a_price_that_is_none_is_refused() {
        let table = |price: &str| {
            format!(
                "[[rates]]\nengine='glue'\ncomponent='DPU'\nsource='s'\n[rates.usd]\nx='{price}'"
            )
        };
        assert!(RateCard::parse(&table("0.5")).is_ok());
        for price in ["-0.5", "free", "NaN", ""] {
            assert!(RateCard::parse(&table(price)).is_err(), "{price}");
        }
    }
}
