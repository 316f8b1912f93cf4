//! AWS's Price List as ours: what a product, its terms and their prices mean, in JSON as
//! `GetProducts` gives them one by one. Pure. Offer files, which hold them all, are read by
//! `price_list_file` and `price_list_csv`.
//!
//! Every product of the two services becomes an entry, with its price or with why it has none that
//! could be used: what is not wanted is for others to decide, and nothing is dropped here but the
//! products of EMR on EC2 and EKS, which are counted. (Layout: the Price List's bulk files, and
//! `GetProducts` with format version `aws_v1`.)

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::model::utc_day;

/// AWS Glue in the Price List.
pub const GLUE: &str = "AWSGlue";
/// EMR in the Price List; EMR Serverless is one family of its products.
pub const EMR: &str = "ElasticMapReduce";
/// The family that EMR Serverless' products are of.
pub const EMR_SERVERLESS: &str = "EMR Serverless";
/// What every usage type of EMR Serverless contains, whatever family it is said to be of.
const EMR_SERVERLESS_USAGE: &str = "EMR-SERVERLESS";

/// A list of prices, as one source gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceList {
    /// The service: [`GLUE`] or [`EMR`].
    pub service: String,
    /// The day on which it was published, where it says so.
    pub published: Option<Date>,
    /// An entry for each price of each product.
    pub products: Vec<Listed>,
    /// Products of EMR that are not EMR Serverless.
    pub passed_over: u64,
    /// What was no product at all, as far as it can be said.
    pub garbage: Vec<String>,
}

/// A product with one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// AWS's key of the product.
    pub sku: String,
    /// The region; empty where the list gives none.
    pub region: String,
    /// The usage type, as `EU-ETL-DPU-Hour`.
    pub usage_type: String,
    /// The operation, as `Jobrun`.
    pub operation: String,
    /// The price, or why there is none that could be used.
    pub offer: Result<Offer, Refusal>,
}

/// A price on demand, for any quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What is counted, as `DPU-Hour`.
    pub unit: String,
    /// US dollars per unit.
    pub usd: Decimal,
    /// The first UTC day of the price.
    pub effective: Date,
}

/// Why a product's price cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A tier that costs nothing: what is free is not billed.
    #[error("it is free")]
    Free,
    /// It is not sold on demand.
    #[error("it has no price on demand")]
    NotOnDemand,
    /// Another currency than US dollars. Currencies are never added.
    #[error("its price is in {0}, and only USD is added up")]
    Currency(String),
    /// A tier: the price depends on what else was used in the month.
    #[error("its price is for {begin} to {end} {unit} a month, not for any quantity")]
    Tier {
        /// Where the tier begins.
        begin: String,
        /// Where it ends.
        end: String,
        /// The unit.
        unit: String,
    },
    /// A price that is no number, or negative.
    #[error("`{0}` is no price")]
    Price(String),
    /// A price without the day from which it holds.
    #[error("`{0}` is no effective date")]
    Date(String),
}

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PriceListError {
    /// Not what a price list looks like.
    #[error("it is no price list: {0}")]
    Format(String),
    /// The list of another service.
    #[error("it is the price list of `{0}`, not of {GLUE} or {EMR}")]
    Service(String),
}

/// A product's members that decide what it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Product {
    pub(super) sku: String,
    product_family: String,
    attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(rename = "regionCode")]
    region: String,
    usagetype: String,
    operation: String,
}

pub(super) type Terms = BTreeMap<String, Term>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Term {
    effective_date: String,
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Dimension {
    unit: String,
    begin_range: String,
    end_range: String,
    price_per_unit: BTreeMap<String, String>,
}

impl Product {
    /// Whether it is EMR on EC2 or EKS, which Runledger does not price.
    pub(super) fn is_passed_over(&self, service: &str) -> bool {
        service == EMR
            && self.product_family != EMR_SERVERLESS
            && !self.attributes.usagetype.contains(EMR_SERVERLESS_USAGE)
    }

    /// An entry for each of its prices, and at least one.
    pub(super) fn listed(&self, terms: &Terms) -> Vec<Listed> {
        let entry = |offer| Listed {
            sku: self.sku.clone(),
            region: self.attributes.region.clone(),
            usage_type: self.attributes.usagetype.clone(),
            operation: self.attributes.operation.clone(),
            offer,
        };
        let prices = |term: &'_ Term| -> Vec<_> {
            let dimensions = term.price_dimensions.values();
            dimensions.map(|dimension| dimension.offer(&term.effective_date)).collect()
        };
        let entries: Vec<_> = terms.values().flat_map(prices).map(entry).collect();
        if entries.is_empty() { vec![entry(Err(Refusal::NotOnDemand))] } else { entries }
    }
}

impl Dimension {
    fn offer(&self, effective: &str) -> Result<Offer, Refusal> {
        let range = (self.begin_range.as_str(), self.end_range.as_str());
        let usd = self.price_per_unit.get("USD").map(String::as_str);
        let currencies = || self.price_per_unit.keys().cloned().collect::<Vec<_>>().join(", ");
        offer(&self.unit, range, usd.ok_or_else(currencies), effective)
    }
}

/// A price as any form of the list gives it; `usd` is the other currency's name where it is not in
/// US dollars.
pub(super) fn offer(
    unit: &str,
    (begin, end): (&str, &str),
    usd: Result<&str, String>,
    effective: &str,
) -> Result<Offer, Refusal> {
    let text = usd.map_err(Refusal::Currency)?;
    let usd = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    let usd = usd.ok().filter(|usd| !usd.is_sign_negative() || usd.is_zero());
    let usd = usd.ok_or_else(|| Refusal::Price(text.to_owned()))?.normalize();
    if usd.is_zero() {
        return Err(Refusal::Free);
    }
    let begins_at_0 = begin.parse::<Decimal>().is_ok_and(|begin| begin.is_zero());
    if !begins_at_0 || end != "Inf" {
        let (begin, end, unit) = (begin.to_owned(), end.to_owned(), unit.to_owned());
        return Err(Refusal::Tier { begin, end, unit });
    }
    let effective = day(effective).ok_or_else(|| Refusal::Date(effective.to_owned()))?;
    Ok(Offer { unit: unit.to_owned(), usd, effective })
}

/// A day, or the UTC day of an instant.
pub(super) fn day(text: &str) -> Option<Date> {
    text.parse::<Timestamp>().map(utc_day).ok().or_else(|| text.parse().ok())
}

/// Adds the products that `GetProducts` gave for a service: texts of JSON, one a product.
pub fn add_products(list: &mut PriceList, service: &str, texts: &[String]) {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Text {
        product: Product,
        #[serde(default)]
        terms: TextTerms,
        publication_date: Option<String>,
    }
    #[derive(Default, Deserialize)]
    struct TextTerms {
        #[serde(rename = "OnDemand", default)]
        on_demand: Terms,
    }
    for text in texts {
        match serde_json::from_str::<Text>(text) {
            Ok(text) if text.product.is_passed_over(service) => list.passed_over += 1,
            Ok(text) => {
                list.published = text.publication_date.as_deref().and_then(day).max(list.published);
                list.products.extend(text.product.listed(&text.terms.on_demand));
            }
            Err(error) => list.garbage.push(format!("a product that cannot be read: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_among_products_is_said_and_the_rest_is_read() {
        let good = r#"{"product": {"sku": "A", "attributes": {"regionCode": "eu-west-1"}},
            "publicationDate": "2026-11-12T20:00:00Z"}"#
            .to_owned();
        let mut list = PriceList::default();
        add_products(&mut list, GLUE, &[good, "{".to_owned(), "[1]".to_owned()]);
        assert_eq!((list.products.len(), list.garbage.len()), (1, 2));
        assert_eq!(list.products[0].offer, Err(Refusal::NotOnDemand));
    }
}
