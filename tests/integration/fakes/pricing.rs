//! AWS's Price List in JSON 1.1: `GetProducts`, whose products are JSON inside of strings, in pages
//! of at most a hundred, filtered by exact terms. And the same products as an offer file.

use serde_json::{Value, json};

use super::{Answer, Asked, page};

/// AWS's limit for a page.
const PAGE_MAX: u64 = 100;

/// The whole list, which is the same for every account.
#[derive(Default)]
pub(crate) struct Pricing {
    products: Vec<Product>,
    /// What stands in a list and is no product.
    pub(crate) garbage: Vec<String>,
    /// How many products a page has, where it is less than what was asked for.
    pub(crate) page_size: Option<usize>,
}

/// A product with one price on demand.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) service: &'static str,
    pub(crate) family: &'static str,
    pub(crate) sku: String,
    pub(crate) region: String,
    pub(crate) usage_type: String,
    pub(crate) usd: String,
    pub(crate) effective: String,
    pub(crate) currency: &'static str,
    pub(crate) range: (&'static str, &'static str),
}

/// A product of Glue, in force since the first of November 2026.
pub(crate) fn glue(region: &str, usage_type: &str, usd: &str) -> Product {
    Product {
        service: "AWSGlue",
        family: "AWS Glue",
        sku: format!("SKU{}{}", region.replace('-', ""), usage_type.replace('-', "")),
        region: region.into(),
        usage_type: usage_type.into(),
        usd: usd.into(),
        effective: "2026-11-01T00:00:00Z".into(),
        currency: "USD",
        range: ("0", "Inf"),
    }
}

/// A product of EMR Serverless.
pub(crate) fn emr_serverless(region: &str, usage_type: &str, usd: &str) -> Product {
    let (service, family) = ("ElasticMapReduce", "EMR Serverless");
    Product { service, family, ..glue(region, usage_type, usd) }
}

impl Product {
    /// The same at another price from a day on.
    pub(crate) fn from(self, day: &str, usd: &str) -> Self {
        Self { effective: format!("{day}T00:00:00Z"), usd: usd.into(), ..self }
    }

    fn product(&self) -> Value {
        json!({
            "sku": self.sku,
            "productFamily": self.family,
            "attributes": {
                "servicecode": self.service,
                "servicename": "A service",
                "location": "A place",
                "locationType": "AWS Region",
                "regionCode": self.region,
                "usagetype": self.usage_type,
                "operation": "Jobrun",
                "group": "A group"
            }
        })
    }

    fn terms(&self) -> Value {
        let (sku, (begin, end)) = (&self.sku, self.range);
        let rate_code = format!("{sku}.JRTCKXETXF.6YS6EN2CT7");
        json!({ format!("{sku}.JRTCKXETXF"): {
            "offerTermCode": "JRTCKXETXF",
            "sku": sku,
            "effectiveDate": self.effective,
            "priceDimensions": { &rate_code: {
                "rateCode": rate_code,
                "unit": "DPU-Hour",
                "beginRange": begin,
                "endRange": end,
                "description": "a price",
                "pricePerUnit": { self.currency: self.usd },
                "appliesTo": []
            }},
            "termAttributes": {}
        }})
    }

    fn listed(&self) -> Value {
        json!({
            "product": self.product(),
            "serviceCode": self.service,
            "terms": { "OnDemand": self.terms() },
            "version": "20261112200000",
            "publicationDate": "2026-11-12T20:00:00Z"
        })
    }
}

/// The offer file of a service with these products, published on a day.
pub(crate) fn offer_file(service: &str, published: &str, products: &[Product]) -> String {
    // By hand, because the order of the members matters and a map would sort them.
    let each = |value: fn(&Product) -> Value| {
        let entries = products.iter().map(|p| format!("{:?}: {}", p.sku, value(p)));
        entries.collect::<Vec<_>>().join(",\n")
    };
    format!(
        "{{\"formatVersion\": \"v1.0\", \"disclaimer\": \"as is\", \"offerCode\": {service:?},\n\
         \"version\": \"1\", \"publicationDate\": \"{published}T20:00:00Z\",\n\
         \"products\": {{ {} }},\n\"terms\": {{ \"OnDemand\": {{ {} }} }}, \"attributesList\": {{}} }}",
        each(Product::product),
        each(Product::terms),
    )
}

impl Pricing {
    /// Adds a product, or changes the one of the same SKU.
    pub(crate) fn put(&mut self, product: Product) {
        self.products.retain(|other| other.sku != product.sku);
        self.products.push(product);
    }

    /// Takes a usage type from the list.
    pub(crate) fn withdraw(&mut self, usage_type: &str) {
        self.products.retain(|product| product.usage_type != usage_type);
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        if asked.operation != "GetProducts" {
            return Answer::error(400, "UnknownOperationException", &asked.operation);
        }
        let input = &asked.input;
        let size = input["MaxResults"].as_u64().unwrap_or(PAGE_MAX);
        if size > PAGE_MAX || input["FormatVersion"] != "aws_v1" {
            return Answer::error(400, "InvalidParameterException", "MaxResults or FormatVersion");
        }
        let service = input["ServiceCode"].as_str().unwrap_or("");
        let filters = input["Filters"].as_array().cloned().unwrap_or_default();
        let fits = |product: &&Product| {
            let members = product.product();
            product.service == service
                && filters.iter().all(|filter| {
                    assert_eq!(filter["Type"], "TERM_MATCH");
                    let field = filter["Field"].as_str().unwrap();
                    let attributes = &members["attributes"][field];
                    let value = if field == "productFamily" { &members[field] } else { attributes };
                    *value == filter["Value"]
                })
        };
        let mut texts: Vec<String> =
            self.products.iter().filter(fits).map(|product| product.listed().to_string()).collect();
        texts.extend(self.garbage.iter().cloned());
        let size = self.page_size.unwrap_or(usize::try_from(size).unwrap());
        match page(&texts, service, input["NextToken"].as_str(), size) {
            Ok((texts, next)) => Answer::ok(&json!({
                "FormatVersion": "aws_v1",
                "PriceList": texts,
                "NextToken": next
            })),
            Err(error) => error,
        }
    }
}
