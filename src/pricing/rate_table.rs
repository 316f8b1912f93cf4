//! Rates as they are written down, in the shipped card and in the configuration: read strictly,
//! because a word misspelt would fit no run, and a decimal point misplaced would fit all of them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RateCardError;
use super::rate::{Origin, Rate, Version, parse_version};
use super::rate_use::known;
use crate::model::written::{AccountId, DayText};

/// How many times the dearest shipped rate of the same component a rate may be. Between AWS's
/// cheapest and dearest region lies a factor below two, so a hundred is no price: it is cents taken
/// for dollars, or a decimal point misplaced.
const TIMES_DEAREST_MAX: u32 = 100;

/// The most decimals of a rate. The list has ten; with these and a discount's, every product of a
/// quantity and a rate stays in range.
const DECIMALS_MAX: u32 = 12;

/// One kind of usage with its price in several regions, as it stands in a file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateTable {
    /// `glue` or `emr-serverless`.
    pub engine: String,
    /// `DPU`, `M-DPU`, `vCPU`, `memory` or `storage`.
    pub component: String,
    /// The kinds of job it is for; all where empty.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// The first Glue version it is for.
    pub from_version: Option<String>,
    /// The first Glue version it is no longer for.
    pub below_version: Option<String>,
    /// `STANDARD` or `FLEX`; any where absent.
    pub execution_class: Option<String>,
    /// `X86_64` or `ARM64`; any where absent.
    pub architecture: Option<String>,
    /// The account it is for; every account where absent.
    #[schemars(with = "Option<AccountId>")]
    pub account: Option<String>,
    /// The first UTC day it is in force.
    #[schemars(with = "Option<DayText>")]
    pub from: Option<Date>,
    /// The first UTC day it is no longer in force.
    #[schemars(with = "Option<DayText>")]
    pub to: Option<Date>,
    /// How old the source is; absent where it has no date.
    pub as_of: Option<String>,
    /// Where the figures come from.
    pub source: String,
    /// Whether these are list prices, as of a region that no list tells of,
    /// rather than what was negotiated. Discounts come off list prices alone.
    #[serde(default)]
    pub list_price: bool,
    /// US dollars per unit and hour, by region, as text: `{ eu-west-1 = "0.36" }`.
    pub usd: BTreeMap<String, String>,
}

/// The dearest rate of each component that is still believed.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds(BTreeMap<(String, String), Decimal>);

impl Bounds {
    /// The bounds that known rates set.
    pub(super) fn of(rates: &[Rate]) -> Self {
        let mut dearest = BTreeMap::<_, Decimal>::new();
        for rate in rates {
            let key = (rate.engine.clone(), rate.component.clone());
            let bound = rate.usd * Decimal::from(TIMES_DEAREST_MAX);
            let known = dearest.entry(key).or_default();
            *known = bound.max(*known);
        }
        Self(dearest)
    }

    /// Why a rate is not believed, if it is not.
    pub(super) fn refuse(&self, engine: &str, component: &str, usd: Decimal) -> Option<String> {
        if usd <= Decimal::ZERO {
            return Some("a rate is more than 0".to_owned());
        }
        if usd.normalize().scale() > DECIMALS_MAX {
            return Some(format!("a rate has at most {DECIMALS_MAX} decimals"));
        }
        let bound = self.0.get(&(engine.to_owned(), component.to_owned()))?;
        (usd > *bound).then(|| {
            let usd = bound / Decimal::from(TIMES_DEAREST_MAX);
            format!("more than {TIMES_DEAREST_MAX} times the dearest known rate, {usd} USD")
        })
    }
}

impl RateTable {
    /// The table's rates, one a region. `key` is where the table stands, for messages.
    pub(super) fn rates(
        &self,
        key: &str,
        origin: Origin,
        bounds: &Bounds,
    ) -> Result<Vec<Rate>, RateCardError> {
        self.check_words(key)?;
        let versions = (
            version(&self.from_version, || format!("{key}.from_version"))?,
            version(&self.below_version, || format!("{key}.below_version"))?,
        );
        check_order(versions, || format!("{key}.below_version"))?;
        check_order((self.from, self.to), || format!("{key}.to"))?;
        let mut rates = Vec::with_capacity(self.usd.len());
        for (region, price) in &self.usd {
            let at = || format!("{key}.usd.{region}");
            check_region(region).map_err(|reason| RateCardError::invalid(at(), reason))?;
            let refused =
                |why: &str| RateCardError::invalid(at(), format!("`{price}` is no rate: {why}"));
            let usd = Decimal::from_str_exact(price)
                .map_err(|_| refused("write dollars as text, like \"0.44\""))?;
            if let Some(why) = bounds.refuse(&self.engine, &self.component, usd) {
                return Err(refused(&why));
            }
            rates.push(Rate {
                engine: self.engine.clone(),
                region: region.clone(),
                component: self.component.clone(),
                kinds: self.kinds.clone(),
                versions,
                execution_class: self.execution_class.clone(),
                architecture: self.architecture.clone(),
                account: self.account.clone(),
                days: (self.from, self.to),
                usd,
                as_of: self.as_of.clone(),
                source: self.source.clone(),
                origin,
                is_list_price: origin != Origin::Configuration || self.list_price,
                discounted: None,
                sku: None,
                usage_type: None,
            });
        }
        Ok(rates)
    }

    fn check_words(&self, key: &str) -> Result<(), RateCardError> {
        check_engine(&self.engine, key)?;
        check_component(Some(&self.engine), &self.component, key)?;
        for kind in &self.kinds {
            check_word(kind, &known::KINDS, || format!("{key}.kinds"))?;
        }
        if let Some(class) = &self.execution_class {
            check_word(class, &known::CLASSES, || format!("{key}.execution_class"))?;
        }
        if let Some(architecture) = &self.architecture {
            check_word(architecture, &known::ARCHITECTURES, || format!("{key}.architecture"))?;
        }
        let misplaced = match self.engine.as_str() {
            "glue" => self.architecture.as_ref().map(|_| "architecture"),
            _ if self.execution_class.is_some() => Some("execution_class"),
            _ => self.from_version.as_ref().or(self.below_version.as_ref()).map(|_| "versions"),
        };
        match misplaced {
            Some(word) => {
                let reason = format!("rates of {} are not told apart by it", self.engine);
                Err(RateCardError::invalid(format!("{key}.{word}"), reason))
            }
            None => check_account(self.account.as_deref(), key),
        }
    }
}

/// Refuses an engine that no run of ours is of.
pub(super) fn check_engine(engine: &str, key: &str) -> Result<(), RateCardError> {
    let engines = known::ENGINES.map(|(engine, _)| engine);
    check_word(engine, &engines, || format!("{key}.engine"))
}

/// Refuses a component that the engine does not count; any engine's where none is given.
pub(super) fn check_component(
    engine: Option<&str>,
    component: &str,
    key: &str,
) -> Result<(), RateCardError> {
    let of_engine = |(name, _): &&(&str, &[&str])| engine.is_none_or(|engine| *name == engine);
    let components = known::ENGINES.iter().filter(of_engine).flat_map(|(_, words)| *words);
    let components: Vec<&str> = components.copied().collect();
    check_word(component, &components, || format!("{key}.component"))
}

/// Refuses an account number that is none: one written as a number has lost its leading zeros.
pub(super) fn check_account(account: Option<&str>, key: &str) -> Result<(), RateCardError> {
    let is_number = |a: &str| a.len() == 12 && a.bytes().all(|byte| byte.is_ascii_digit());
    if account.is_none_or(is_number) {
        return Ok(());
    }
    Err(RateCardError::invalid(format!("{key}.account"), "expected twelve digits in quotes"))
}

/// Refuses what is no region's name, as `eu-west1`: nothing would ever run there.
pub(super) fn check_region(region: &str) -> Result<(), String> {
    let mut parts = region.split('-').collect::<Vec<_>>();
    let number = parts.pop().unwrap_or_default();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() >= 2 && parts.iter().all(is_word) && is_number {
        return Ok(());
    }
    Err(format!("`{region}` is no region; they are written like eu-west-1"))
}

/// Refuses a range that ends before it begins.
pub(super) fn check_order<T: Ord>(
    range: (Option<T>, Option<T>),
    key: impl FnOnce() -> String,
) -> Result<(), RateCardError> {
    match range {
        (Some(from), Some(to)) if from >= to => {
            Err(RateCardError::invalid(key(), "it ends before it begins"))
        }
        _ => Ok(()),
    }
}

fn check_word(
    word: &str,
    words: &[&str],
    key: impl FnOnce() -> String,
) -> Result<(), RateCardError> {
    if words.contains(&word) {
        return Ok(());
    }
    Err(RateCardError::invalid(key(), format!("`{word}` is none of {}", words.join(", "))))
}

fn version(
    text: &Option<String>,
    key: impl FnOnce() -> String,
) -> Result<Option<Version>, RateCardError> {
    let Some(text) = text else { return Ok(None) };
    let refused = || format!("`{text}` is no Glue version; versions are written like 6.0");
    match parse_version(text) {
        Some(version) => Ok(Some(version)),
        None => Err(RateCardError::invalid(key(), refused())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PricingSettings, RateCard};

    /// The refusal of a `[[pricing.rates]]` table.
    fn refusal(table: &str) -> String {
        let text = format!("[[rates]]\nsource = \"s\"\n{table}");
        let settings: PricingSettings = toml::from_str(&text).unwrap();
        RateCard::new(&[], &settings).unwrap_err().to_string()
    }

    fn with_usd(usd: &str) -> String {
        format!("engine = \"glue\"\ncomponent = \"DPU\"\nusd = {{ eu-west-1 = \"{usd}\" }}")
    }

    /// The dearest shipped DPU-hour is 0.69, in sa-east-1.
    #[test]
    fn an_absurd_rate_is_refused_with_its_key() {
        for usd in ["-0.5", "0", "-0", "free", "NaN", "", "1e2", "69.01", "0.1234567890123"] {
            let text = refusal(&with_usd(usd));
            let key = format!("pricing.rates[0].usd.eu-west-1: `{usd}` is no rate: ");
            assert!(text.starts_with(&key), "{text}");
        }
        let settings = toml::from_str(&format!("[[rates]]\nsource=\"s\"\n{}", with_usd("69")));
        assert!(RateCard::new(&[], &settings.unwrap()).is_ok());
    }

    #[test]
    fn a_word_that_would_fit_nothing_is_refused() {
        let glue = |more: &str| refusal(&format!("{more}\n{}", with_usd("0.4")));
        assert!(glue("kinds = [\"sparc\"]").contains("kinds: `sparc` is none of spark, "));
        assert!(glue("execution_class = \"flex\"").contains("`flex` is none of STANDARD, FLEX"));
        assert!(glue("architecture = \"ARM64\"").contains("not told apart by it"));
        assert!(glue("account = \"1\"").contains("twelve digits"));
        assert!(glue("from_version = \"six\"").contains("`six` is no Glue version"));
        assert!(glue("from = \"2026-02-01\"\nto = \"2026-02-01\"").contains("ends before"));
        let versions = "from_version = \"6.0\"\nbelow_version = \"5.0\"";
        assert!(glue(versions).contains("below_version: it ends before"));
        let of = |engine: &str, component: &str, region: &str| {
            refusal(&format!(
                "engine = \"{engine}\"\ncomponent = \"{component}\"\nusd = {{ {region} = \"0.4\" }}"
            ))
        };
        assert!(of("gleu", "DPU", "eu-west-1").contains("`gleu` is none of glue, emr-serverless"));
        assert!(of("glue", "vCPU", "eu-west-1").contains("`vCPU` is none of DPU, M-DPU"));
        assert!(of("glue", "DPU", "eu-west1").contains("`eu-west1` is no region"));
    }
}
