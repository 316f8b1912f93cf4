//! The rate card: every rate, and the one that a use is paid at.
//!
//! What the configuration says comes before AWS's Price List, and that before what ships. Within
//! one of them no two rates are for the same use on the same day: such a card is refused, so that
//! none is ever chosen by accident. What is for one account comes before what is for all.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::PricingSettings;
use super::listed::PriceHistory;
use super::rate::{Origin, Rate};
use super::rate_index::{RateIndex, Wanted};
use super::rate_table::{Bounds, RateTable, check_region};
use super::usage_type::UsageType;
use crate::model::ListPrice;

/// The rates that ship with Runledger.
const SHIPPED: &str = include_str!("rates.toml");

/// A rate card that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RateCardError {
    /// Not a rate file at all.
    #[error("the rate card cannot be read: {0}")]
    Syntax(String),
    /// A rate or discount that cannot be.
    #[error("{key}: {reason}")]
    Invalid {
        /// Where it stands.
        key: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// Two rates, or two discounts, in force for the same use on the same day.
    #[error(
        "{first} and {second} are both in force for {what}; give one of them a `to`, or make \
             them differ in what they are for"
    )]
    Overlap {
        /// Where the one stands.
        first: String,
        /// Where the other stands.
        second: String,
        /// What both are for.
        what: String,
    },
}

impl RateCardError {
    pub(super) fn invalid(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { key: key.into(), reason: reason.into() }
    }
}

/// The rate that a use is paid at, and the price list's.
#[derive(Clone, Copy, Debug)]
pub struct Found<'c> {
    /// Where the rate that is paid stands in the card.
    pub index: usize,
    /// The rate that is paid.
    pub rate: &'c Rate,
    /// The price list's rate; `None` where no list has the use.
    pub list: Option<&'c Rate>,
}

/// Every rate, and how they are found.
#[derive(Clone, Debug, Default)]
pub struct RateCard {
    rates: Vec<Rate>,
    bounds: Bounds,
    index: RateIndex,
}

impl RateCard {
    /// The card that ships with Runledger.
    ///
    /// # Errors
    /// Never for a released version: a test reads it.
    pub fn shipped() -> Result<Self, RateCardError> {
        Self::new(&[], &PricingSettings::default())
    }

    /// The shipped card, with what was read of the Price List, and with what is configured: each
    /// comes before the one before it.
    ///
    /// # Errors
    /// When a configured rate or discount cannot be, or two are for the same use on the same day.
    pub fn new(listed: &[ListPrice], settings: &PricingSettings) -> Result<Self, RateCardError> {
        let shipped = shipped_rates()?;
        let bounds = Bounds::of(&shipped);
        let mut rates = shipped;
        rates.extend(PriceHistory::of(listed).rates());
        let configured_from = rates.len();
        let mut keys = Vec::new();
        for (place, table) in settings.rates.iter().enumerate() {
            let key = format!("pricing.rates[{place}]");
            let added = table.rates(&key, Origin::Configuration, &bounds)?;
            keys.extend(added.iter().map(|_| key.clone()));
            rates.extend(added);
        }
        check_rates(&rates[configured_from..], |place| keys[place].clone())?;
        Self { rates, bounds, ..Self::default() }.discounted(settings)
    }

    /// All rates; a cost line's `rate_index` points into them.
    #[must_use]
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    /// Why a price of the Price List is not believed, if it is not: it is not put on record then.
    #[must_use]
    pub fn refusal(&self, price: &ListPrice) -> Option<String> {
        if let Err(reason) = check_region(&price.region) {
            return Some(reason);
        }
        let counted = UsageType::of(&price.usage_type);
        let refuse = |counted: &&UsageType| {
            let why = self.bounds.refuse(counted.engine, counted.component, price.usd)?;
            Some(format!("`{}` is no rate: {why}", price.usd))
        };
        counted.iter().find_map(refuse)
    }

    /// Adds the discounted rates, and indexes everything.
    fn discounted(mut self, settings: &PricingSettings) -> Result<Self, RateCardError> {
        let key = |place: usize| format!("pricing.discounts[{place}]");
        let mut percents = Vec::with_capacity(settings.discounts.len());
        for (place, discount) in settings.discounts.iter().enumerate() {
            percents.push(discount.checked(&key(place))?);
            let others = &settings.discounts[..place];
            if let Some(other) = others.iter().position(|other| other.overlaps(discount)) {
                let (first, second) = (key(other), key(place));
                let what = "some of the same rates on the same days".to_owned();
                return Err(RateCardError::Overlap { first, second, what });
            }
        }
        for index in 0..self.rates.len() {
            for (discount, percent) in settings.discounts.iter().zip(&percents) {
                let cheaper = discount.applied(*percent, &self.rates[index], index);
                self.rates.extend(cheaper);
            }
        }
        Ok(self.indexed())
    }

    /// The card of these rates, discounted ones included: what was frozen with a closed month.
    #[must_use]
    pub fn of_frozen(rates: Vec<Rate>) -> Self {
        Self { rates, ..Self::default() }.indexed()
    }

    /// Puts every rate where it is looked for, and discounted ones with what they come off.
    fn indexed(mut self) -> Self {
        let mut cheaper: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, rate) in self.rates.iter().enumerate() {
            if let Some(discounted) = &rate.discounted {
                cheaper.entry(discounted.list_index).or_default().push(index);
            }
        }
        for (index, rate) in self.rates.iter().enumerate() {
            if rate.discounted.is_none() {
                let discounted = cheaper.get(&index).map_or(&[][..], Vec::as_slice);
                self.index.add(&self.rates, index, discounted);
            }
        }
        self.index.sort();
        self
    }

    /// The rate for a use.
    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Option<Found<'_>> {
        let (index, list) = self.index.find(wanted)?;
        Some(Found { index, rate: &self.rates[index], list: list.map(|list| &self.rates[list]) })
    }

    /// A rate for the same use on other days, where there is none on this one.
    pub(super) fn find_on_other_days(&self, wanted: &Wanted<'_>) -> Option<&Rate> {
        self.index.find_on_other_days(wanted).map(|index| &self.rates[index])
    }
}

/// The rates of the shipped file.
fn shipped_rates() -> Result<Vec<Rate>, RateCardError> {
    parse(SHIPPED)
}

/// Reads `[[rates]]` tables as in the shipped file.
fn parse(text: &str) -> Result<Vec<Rate>, RateCardError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        rates: Vec<RateTable>,
    }
    let file: File =
        toml::from_str(text).map_err(|error| RateCardError::Syntax(error.to_string()))?;
    let mut rates = Vec::new();
    for (place, table) in file.rates.iter().enumerate() {
        let key = format!("rates[{place}]");
        rates.extend(table.rates(&key, Origin::Shipped, &Bounds::default())?);
    }
    check_rates(&rates, |place| format!("shipped rate {place}"))?;
    Ok(rates)
}

/// Refuses two rates of one source that are for the same use on the same day.
fn check_rates(rates: &[Rate], key: impl Fn(usize) -> String) -> Result<(), RateCardError> {
    for (second, rate) in rates.iter().enumerate() {
        let same = |other: &Rate| {
            other.is_list_price == rate.is_list_price
                && other.account == rate.account
                && other.overlaps(rate)
        };
        if let Some(first) = rates[..second].iter().position(same) {
            let what = rate.to_string();
            let (first, second) = (key(first), key(second));
            return Err(RateCardError::Overlap { first, second, what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Engine, ExecutionClass, JobKind};
    use crate::pricing::rate::parse_version;
    use crate::pricing::rate_use::Use;

    const ACCOUNT: &str = "111122223333";

    fn wanted<'a>(region: &'a str, version: &str, class: &str) -> Wanted<'a> {
        Wanted {
            engine: &Engine::Glue,
            account: ACCOUNT,
            region,
            component: "DPU",
            what: Use::glue(&JobKind::Spark, Some(&ExecutionClass::from(class))),
            version: parse_version(version),
            at: Some("2026-11-10T00:00:00Z".parse().unwrap()),
        }
    }

    fn card(settings: &str) -> Result<RateCard, String> {
        let settings: PricingSettings = toml::from_str(settings).unwrap();
        RateCard::new(&[], &settings).map_err(|error| error.to_string())
    }

    /// A `[[rates]]` table for Glue DPUs.
    fn table(usd: &str, more: &str) -> String {
        format!(
            "[[rates]]\nengine=\"glue\"\ncomponent=\"DPU\"\nsource=\"s\"\nusd={{ {usd} }}\n{more}\n"
        )
    }

    fn paid_and_listed(card: &RateCard, wanted: Wanted<'_>) -> Option<(String, Option<String>)> {
        let found = card.find(&wanted)?;
        Some((found.rate.usd.to_string(), found.list.map(|list| list.usd.to_string())))
    }

    #[test]
    fn the_shipped_card_knows_bands_and_classes() {
        let card = RateCard::shipped().unwrap();
        let rate = |wanted| card.find(&wanted).map(|found| found.rate.usd.to_string());
        assert_eq!(rate(wanted("us-east-1", "5.1", "STANDARD")).unwrap(), "0.44");
        assert_eq!(rate(wanted("us-east-1", "6.0", "STANDARD")).unwrap(), "0.308");
        assert_eq!(rate(wanted("us-east-1", "10.0", "STANDARD")).unwrap(), "0.308");
        assert_eq!(rate(wanted("us-east-1", "4.0", "FLEX")).unwrap(), "0.29");
        assert_eq!(rate(wanted("sa-east-1", "2.0", "STANDARD")).unwrap(), "0.69");
        assert_eq!(rate(wanted("sa-east-1", "4.0", "FLEX")), None);
        assert_eq!(rate(wanted("us-east-1", "4.0", "TURBO")), None);
        assert_eq!(rate(wanted("mars-north-1", "4.0", "STANDARD")), None);
        assert_eq!(rate(wanted("us-east-1", "auto", "STANDARD")), None);
    }

    #[test]
    fn a_rate_is_in_force_between_its_days() {
        let tables = table("mars-north-1 = \"1\"", "to = \"2026-11-01\"")
            + &table("mars-north-1 = \"2\"", "from = \"2026-11-01\"");
        let card = card(&tables).unwrap();
        let on = |day: &str| {
            let at = Some(day.parse().unwrap());
            let wanted = Wanted { at, ..wanted("mars-north-1", "5.0", "STANDARD") };
            card.find(&wanted).unwrap().rate.usd.to_string()
        };
        assert_eq!(on("2026-10-31T23:59:59Z"), "1");
        assert_eq!(on("2026-11-01T00:00:00Z"), "2");
        let unknown = Wanted { at: None, ..wanted("mars-north-1", "5.0", "STANDARD") };
        assert!(card.find(&unknown).is_none());
        assert_eq!(card.find_on_other_days(&unknown).unwrap().usd.to_string(), "1");
    }

    #[test]
    fn what_is_negotiated_is_paid_and_the_list_stands_beside_it() {
        let settings = table("eu-west-1 = \"0.3\", mars-north-1 = \"0.31\"", "")
            + &table("mars-north-1 = \"0.5\"", "list_price = true")
            + &table("eu-west-1 = \"0.2\"", &format!("account = \"{ACCOUNT}\""))
            + &table("moon-south-1 = \"0.8\"", "list_price = true")
            + "[[discounts]]\nsource=\"EDP\"\npercent=\"10\"\n";
        let card = card(&settings).unwrap();
        let both = |wanted| paid_and_listed(&card, wanted).unwrap();
        let some = |paid: &str, list: &str| (paid.to_owned(), Some(list.to_owned()));
        let ireland = wanted("eu-west-1", "5.0", "STANDARD");
        assert_eq!(both(ireland), some("0.2", "0.44"));
        assert_eq!(both(Wanted { account: "9", ..ireland }), some("0.3", "0.44"));
        assert_eq!(both(wanted("mars-north-1", "5.0", "STANDARD")), some("0.31", "0.5"));
        // No discount comes off what is negotiated; it comes off what is a list price.
        assert_eq!(both(wanted("moon-south-1", "5.0", "STANDARD")), some("0.72", "0.8"));
        assert_eq!(both(wanted("us-east-1", "5.0", "STANDARD")), some("0.396", "0.44"));
        let no_list = table("mars-north-1 = \"0.31\"", "");
        let mars = wanted("mars-north-1", "5.0", "STANDARD");
        let found = paid_and_listed(&super::tests::card(&no_list).unwrap(), mars).unwrap();
        assert_eq!(found, ("0.31".to_owned(), None));
    }

    /// What a closed month keeps finds the same rates as the card that closed it.
    #[test]
    fn a_frozen_card_is_the_card_it_was() {
        let settings = table("mars-north-1 = \"0.31\"", &format!("account = \"{ACCOUNT}\""))
            + "[[discounts]]\nsource=\"EDP\"\npercent=\"10\"\n"
            + &format!("[[discounts]]\nsource=\"b\"\npercent=\"50\"\naccount=\"{ACCOUNT}\"");
        let card = card(&settings).unwrap();
        let json = serde_json::to_string(card.rates()).unwrap();
        let thawed = RateCard::of_frozen(serde_json::from_str(&json).unwrap());
        for region in ["us-east-1", "mars-north-1", "moon-south-1"] {
            for account in [ACCOUNT, "9"] {
                let wanted = Wanted { account, ..wanted(region, "5.0", "STANDARD") };
                let [was, is] = [&card, &thawed].map(|card| paid_and_listed(card, wanted));
                assert_eq!(was, is, "{region} {account}");
            }
        }
    }

    #[test]
    fn an_account_has_its_own_discount_in_its_days() {
        let card = card(&format!(
            "[[discounts]]\nsource=\"a\"\npercent=\"10\"\n\
             [[discounts]]\nsource=\"b\"\npercent=\"50\"\naccount=\"{ACCOUNT}\"\nto=\"2026-11-10\""
        ))
        .unwrap();
        let at = |account, at: &str| {
            let at = Some(at.parse().unwrap());
            let wanted = Wanted { at, account, ..wanted("us-east-1", "5.0", "STANDARD") };
            card.find(&wanted).unwrap().rate.usd.to_string()
        };
        assert_eq!(at(ACCOUNT, "2026-11-09T23:59:59Z"), "0.22");
        assert_eq!(at(ACCOUNT, "2026-11-10T00:00:00Z"), "0.396");
        assert_eq!(at("999999999999", "2026-11-09T23:59:59Z"), "0.396");
    }

    #[test]
    fn two_rates_for_the_same_use_are_refused_by_name() {
        let two = |first: &str, second: &str| {
            let usd = "eu-west-1 = \"0.3\"";
            card(&(table(usd, first) + &table(usd, second)))
        };
        let refused = two("", "kinds = [\"spark\"]").unwrap_err();
        let expected = "pricing.rates[0] and pricing.rates[1] are both in force for Glue DPU spark";
        assert!(refused.starts_with(expected), "{refused}");
        assert!(two("kinds = [\"ray\"]", "kinds = [\"spark\"]").is_ok());
        assert!(two("execution_class = \"FLEX\"", "kinds = [\"spark\"]").is_err());
        assert!(two("execution_class = \"FLEX\"", "execution_class = \"STANDARD\"").is_ok());
        assert!(two("below_version = \"6.0\"", "from_version = \"5.1\"").is_err());
        assert!(two("below_version = \"6.0\"", "from_version = \"6.0\"").is_ok());
        assert!(two("from = \"2026-01-01\"", "to = \"2026-01-02\"").is_err());
        assert!(two("from = \"2026-01-01\"", "to = \"2026-01-01\"").is_ok());
        assert!(two("list_price = true", "").is_ok());
        assert!(two("", "account = \"111122223333\"").is_ok());
    }

    #[test]
    fn the_shipped_file_is_read_as_strictly() {
        let file = table("x-y-1 = \"1\"", "") + &table("x-y-1 = \"2\"", "");
        assert!(parse(&file).unwrap_err().to_string().contains("both in force"));
        assert!(parse("[[rates]]\nprice = 5").is_err());
    }
}
