//! AWS's Price List in JSON: the products that `GetProducts` gives one by one, and the offer files
//! that hold them all. Pure; a file is read as it comes and never held as a whole.
//!
//! Every product of the two services becomes an entry, with its price or with why it has none that
//! could be used: what is not wanted is for others to decide, and nothing is dropped here but the
//! products of EMR on EC2 and EKS, which are counted. (Layout: the Price List's bulk files, and
//! `GetProducts` with format version `aws_v1`.)

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
struct Product {
    sku: String,
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

type Terms = BTreeMap<String, Term>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Term {
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
    fn is_passed_over(&self, service: &str) -> bool {
        service == EMR
            && self.product_family != EMR_SERVERLESS
            && !self.attributes.usagetype.contains(EMR_SERVERLESS_USAGE)
    }

    /// An entry for each of its prices, and at least one.
    fn listed(&self, terms: &Terms) -> Vec<Listed> {
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

/// Reads an offer file.
///
/// # Errors
/// When it is none, or one of another service.
pub fn offer_file(reader: impl Read) -> Result<PriceList, PriceListError> {
    let format = |error: serde_json::Error| PriceListError::Format(error.to_string());
    let mut from = serde_json::Deserializer::from_reader(reader);
    let file = OfferFile::deserialize(&mut from).map_err(format)?;
    from.end().map_err(format)?;
    match file.service.as_deref() {
        Some(service @ (GLUE | EMR)) => Ok(PriceList { service: service.to_owned(), ..file.list }),
        Some(other) => Err(PriceListError::Service(other.to_owned())),
        None => Err(PriceListError::Format("it has no `offerCode`".to_owned())),
    }
}

/// What of an offer file is kept while it is read.
#[derive(Default)]
struct OfferFile {
    service: Option<String>,
    products: BTreeMap<String, Product>,
    list: PriceList,
    has_terms: bool,
}

impl<'de> Deserialize<'de> for OfferFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = OfferFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an offer file of the Price List")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OfferFile, A::Error> {
                let mut file = OfferFile::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "offerCode" => file.service = Some(map.next_value()?),
                        "publicationDate" => {
                            file.list.published = day(&map.next_value::<String>()?);
                        }
                        "products" if file.has_terms => {
                            return Err(A::Error::custom("its terms come before its products"));
                        }
                        "products" => map.next_value_seed(Inside::Products(&mut file))?,
                        "terms" => map.next_value_seed(Inside::Terms(&mut file))?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                if !file.has_terms {
                    return Err(A::Error::custom("it has no terms on demand"));
                }
                // What has no term on demand is listed too.
                for product in std::mem::take(&mut file.products).values() {
                    file.list.products.extend(product.listed(&Terms::new()));
                }
                Ok(file)
            }
        }
        from.deserialize_map(Whole)
    }
}

/// The parts of an offer file that are read entry by entry.
enum Inside<'f> {
    /// Products by SKU.
    Products(&'f mut OfferFile),
    /// Terms by kind, of which those on demand matter.
    Terms(&'f mut OfferFile),
    /// Terms on demand by SKU.
    OnDemand(&'f mut OfferFile),
}

impl<'de> DeserializeSeed<'de> for Inside<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Inside<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, as in an offer file of the Price List")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match &mut self {
                Inside::Products(file) => file.keep(name, map.next_value()?),
                Inside::Terms(file) if name == "OnDemand" => {
                    file.has_terms = true;
                    map.next_value_seed(Inside::OnDemand(file))?;
                }
                Inside::OnDemand(file) => match file.products.remove(&name) {
                    Some(product) => {
                        let terms: Terms = map.next_value()?;
                        file.list.products.extend(product.listed(&terms));
                    }
                    None => drop(map.next_value::<IgnoredAny>()?),
                },
                Inside::Terms(_) => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

impl OfferFile {
    fn keep(&mut self, sku: String, product: Product) {
        if product.is_passed_over(self.service.as_deref().unwrap_or_default()) {
            self.list.passed_over += 1;
        } else {
            self.products.insert(sku.clone(), Product { sku, ..product });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(products: &str, on_demand: &str) -> String {
        format!(
            r#"{{"formatVersion": "v1.0", "offerCode": "AWSGlue", "version": "1",
                "publicationDate": "2026-11-12T20:00:00Z", "products": {{ {products} }},
                "terms": {{ "OnDemand": {{ {on_demand} }}, "Reserved": {{ "X": {{}} }} }},
                "attributesList": {{}} }}"#
        )
    }

    fn product(sku: &str, usage_type: &str) -> String {
        format!(
            r#""{sku}": {{"sku": "{sku}", "productFamily": "AWS Glue", "attributes": {{
                "servicecode": "AWSGlue", "regionCode": "eu-west-1", "usagetype": "{usage_type}",
                "operation": "Jobrun", "group": "ETL Job run"}} }}"#
        )
    }

    fn term(sku: &str, range: (&str, &str), currency: &str, price: &str) -> String {
        let (begin, end) = range;
        format!(
            r#""{sku}": {{ "{sku}.J": {{"offerTermCode": "J", "sku": "{sku}",
                "effectiveDate": "2026-11-01T00:00:00Z", "priceDimensions": {{ "{sku}.J.6": {{
                "rateCode": "r", "unit": "DPU-Hour", "beginRange": "{begin}",
                "endRange": "{end}", "description": "d", "appliesTo": [],
                "pricePerUnit": {{ "{currency}": "{price}" }} }} }}, "termAttributes": {{}} }} }}"#
        )
    }

    fn read(text: &str) -> Result<PriceList, String> {
        offer_file(text.as_bytes()).map_err(|error| error.to_string())
    }

    fn only_offer(on_demand: &str) -> Result<Offer, Refusal> {
        let list = read(&file(&product("A", "EU-ETL-DPU-Hour"), on_demand)).unwrap();
        let [listed] = &list.products[..] else { panic!("{list:?}") };
        assert_eq!((&*listed.sku, &*listed.region), ("A", "eu-west-1"));
        listed.offer.clone()
    }

    #[test]
    fn a_product_becomes_a_price() {
        let price = only_offer(&term("A", ("0", "Inf"), "USD", "0.4400000000")).unwrap();
        assert_eq!((price.usd.to_string().as_str(), &*price.unit), ("0.44", "DPU-Hour"));
        assert_eq!(price.effective.to_string(), "2026-11-01");
        let small = only_offer(&term("A", ("0.0", "Inf"), "USD", "2.0E-7")).unwrap();
        assert_eq!(small.usd.to_string(), "0.0000002");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let whole = ("0", "Inf");
        let refusal = |on_demand: String| only_offer(&on_demand).unwrap_err().to_string();
        assert_eq!(refusal(term("A", whole, "USD", "0.0000000000")), "it is free");
        assert!(refusal(term("A", whole, "CNY", "3.021")).contains("in CNY"));
        assert!(refusal(term("A", ("0", "100"), "USD", "0.4")).contains("0 to 100 DPU-Hour"));
        assert!(refusal(term("A", ("100", "Inf"), "USD", "0.4")).contains("100 to Inf"));
        for price in ["-0.44", "free", ""] {
            assert_eq!(refusal(term("A", whole, "USD", price)), format!("`{price}` is no price"));
        }
        assert_eq!(refusal(String::new()), "it has no price on demand");
        let undated = term("A", whole, "USD", "0.44").replace("2026-11-01T00:00:00Z", "soon");
        assert_eq!(refusal(undated), "`soon` is no effective date");
    }

    #[test]
    fn emr_on_machines_is_passed_over_and_counted() {
        let serverless = product("A", "EU-EMR-SERVERLESS-vCPUHours").replace("AWS Glue", "other");
        let machine = product("B", "EU-BoxUsage:m5.xlarge").replace("AWS Glue", "EMR Instance");
        let terms = [term("A", ("0", "Inf"), "USD", "0.05"), term("B", ("0", "Inf"), "USD", "9")];
        let text = file(&format!("{serverless}, {machine}"), &terms.join(","));
        let list = read(&text.replace("\"AWSGlue\"", "\"ElasticMapReduce\"")).unwrap();
        assert_eq!((list.products.len(), list.passed_over), (1, 1));
        assert_eq!(list.published.unwrap().to_string(), "2026-11-12");
    }

    #[test]
    fn what_is_no_offer_file_is_refused() {
        let good = file(&product("A", "EU-ETL-DPU-Hour"), "");
        assert!(read(&good[..good.len() - 20]).unwrap_err().contains("it is no price list"));
        assert!(read(&format!("{good} {{}}")).unwrap_err().contains("trailing"));
        assert!(read("[]").unwrap_err().contains("an offer file of the Price List"));
        assert!(read("{}").unwrap_err().contains("no terms on demand"));
        let ec2 = good.replace("\"offerCode\": \"AWSGlue\"", "\"offerCode\": \"AmazonEC2\"");
        assert!(read(&ec2).unwrap_err().contains("price list of `AmazonEC2`"));
        let turned = r#"{"offerCode": "AWSGlue", "terms": {"OnDemand": {}}, "products": {}}"#;
        assert!(read(turned).unwrap_err().contains("its terms come before its products"));
    }

    #[test]
    fn garbage_among_products_is_said_and_the_rest_is_read() {
        let good = format!(
            r#"{{"product": {{"sku": "A", "attributes": {{"regionCode": "eu-west-1"}} }},
                "publicationDate": "2026-11-12T20:00:00Z"}}"#
        );
        let mut list = PriceList::default();
        add_products(&mut list, GLUE, &[good, "{".to_owned(), "[1]".to_owned()]);
        assert_eq!((list.products.len(), list.garbage.len()), (1, 2));
        assert_eq!(list.products[0].offer, Err(Refusal::NotOnDemand));
    }
}
