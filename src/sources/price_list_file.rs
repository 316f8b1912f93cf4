//! An offer file of AWS's Price List in JSON, read as it comes: of hundreds of megabytes only the
//! products that matter are kept, until their terms are met further down.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::price_list_convert::{EMR, GLUE, PriceList, PriceListError, Product, Terms, day};

/// Reads an offer file.
///
/// # Errors
/// When it is none, or one of another service.
pub(super) fn offer_file(reader: impl Read) -> Result<PriceList, PriceListError> {
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
    fn keep(&mut self, sku: String, mut product: Product) {
        if product.is_passed_over(self.service.as_deref().unwrap_or_default()) {
            self.list.passed_over += 1;
        } else {
            product.sku.clone_from(&sku);
            self.products.insert(sku, product);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::price_list_convert::{Offer, Refusal};

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
}
