//! AWS's Price List as CSV: a few lines about the file, a heading, and a line for each price. Pure;
//! read line by line.

use std::collections::HashMap;
use std::io::Read;

use csv::StringRecord;

use super::price_list_convert::{
    EMR, EMR_SERVERLESS, GLUE, Listed, PriceList, PriceListError, Refusal, day, offer,
};

/// The heading's first column, by which it is told from the lines about the file.
const FIRST_COLUMN: &str = "SKU";
/// The lines about the file are five.
const LINES_BEFORE_HEADING_MAX: usize = 20;

/// Reads an offer file in CSV.
///
/// # Errors
/// When it is none, or one of another service.
pub(super) fn offer_file(reader: impl Read) -> Result<PriceList, PriceListError> {
    let mut lines = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(reader);
    let mut list = PriceList::default();
    let mut record = StringRecord::new();
    let (mut columns, mut service, mut before) = (None, None, 0);
    while lines.read_record(&mut record).map_err(|e| PriceListError::Format(e.to_string()))? {
        let Some(columns) = &columns else {
            match (record.get(0), record.get(1)) {
                (Some(FIRST_COLUMN), _) => columns = Some(Columns::of(&record)?),
                (Some("Publication Date"), Some(text)) => list.published = day(text),
                (Some("OfferCode"), Some(code)) => service = Some(code.to_owned()),
                _ => before += 1,
            }
            if before > LINES_BEFORE_HEADING_MAX {
                break;
            }
            continue;
        };
        add(&mut list, &columns.line(&record));
    }
    match service.as_deref() {
        Some(service @ (GLUE | EMR)) if columns.is_some() => {
            Ok(PriceList { service: service.to_owned(), ..list })
        }
        Some(GLUE | EMR) => Err(PriceListError::Format("it has no heading".to_owned())),
        Some(other) => Err(PriceListError::Service(other.to_owned())),
        None => Err(PriceListError::Format("it has no `OfferCode`".to_owned())),
    }
}

/// Where the columns are.
struct Columns(HashMap<String, usize>);

/// A line, by its columns.
struct Line<'l> {
    columns: &'l Columns,
    record: &'l StringRecord,
}

impl Columns {
    fn of(heading: &StringRecord) -> Result<Self, PriceListError> {
        let places = heading.iter().enumerate().map(|(place, name)| (name.to_lowercase(), place));
        let columns = Self(places.collect());
        let needed = ["sku", "termtype", "effectivedate", "startingrange", "endingrange", "unit"];
        let needed = needed.into_iter().chain(["priceperunit", "currency", "region code"]);
        for name in needed.chain(["usagetype", "product family"]) {
            if !columns.0.contains_key(name) {
                return Err(PriceListError::Format(format!("it has no column `{name}`")));
            }
        }
        Ok(columns)
    }

    const fn line<'l>(&'l self, record: &'l StringRecord) -> Line<'l> {
        Line { columns: self, record }
    }
}

impl<'l> Line<'l> {
    fn get(&self, column: &str) -> &'l str {
        let place = self.columns.0.get(column);
        place.and_then(|place| self.record.get(*place)).unwrap_or_default()
    }

    fn offer(&self) -> Result<super::price_list_convert::Offer, Refusal> {
        if self.get("termtype") != "OnDemand" {
            return Err(Refusal::NotOnDemand);
        }
        let currency = self.get("currency");
        let price = self.get("priceperunit");
        let usd = if currency == "USD" { Ok(price) } else { Err(currency.to_owned()) };
        let range = (self.get("startingrange"), self.get("endingrange"));
        offer(self.get("unit"), range, usd, self.get("effectivedate"))
    }
}

fn add(list: &mut PriceList, line: &Line<'_>) {
    let usage_type = line.get("usagetype");
    let is_emr = line.get("servicecode") == EMR;
    let is_serverless =
        line.get("product family") == EMR_SERVERLESS || usage_type.contains("EMR-SERVERLESS");
    if is_emr && !is_serverless {
        list.passed_over += 1;
        return;
    }
    list.products.push(Listed {
        sku: line.get("sku").to_owned(),
        region: line.get("region code").to_owned(),
        usage_type: usage_type.to_owned(),
        operation: line.get("operation").to_owned(),
        offer: line.offer(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: &str = "\"FormatVersion\",\"v1.0\"\n\"Disclaimer\",\"as is, or so\"\n\
        \"Publication Date\",\"2026-11-12T20:00:00Z\"\n\"Version\",\"2026\"\n\
        \"OfferCode\",\"AWSGlue\"\n";
    const HEADING: &str = "\"SKU\",\"OfferTermCode\",\"RateCode\",\"TermType\",\
        \"PriceDescription\",\"EffectiveDate\",\"StartingRange\",\"EndingRange\",\"Unit\",\"PricePerUnit\",\"Currency\",\
        \"RelatedTo\",\"Product Family\",\"serviceCode\",\"Location\",\"Location Type\",\"Group\",\
        \"usageType\",\"operation\",\"Region Code\",\"serviceName\"\n";

    fn line(usage_type: &str, end: &str, price: &str, currency: &str) -> String {
        format!(
            "\"A\",\"J\",\"A.J.6\",\"OnDemand\",\"a, b\",\"2026-11-01\",\"0\",\"{end}\",\
             \"DPU-Hour\",\"{price}\",\"{currency}\",,\"AWS Glue\",\"AWSGlue\",\"EU (Ireland)\",\"AWS Region\",\"g\",\
             \"{usage_type}\",\"Jobrun\",\"eu-west-1\",\"AWS Glue\"\n"
        )
    }

    fn read(text: &str) -> Result<PriceList, String> {
        offer_file(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_becomes_a_price_or_says_why_not() {
        let lines = [
            line("EU-ETL-DPU-Hour", "Inf", "0.4400000000", "USD"),
            line("EU-ETL-DPU-Hour", "50", "0.4400000000", "USD"),
            line("CNN1-ETL-DPU-Hour", "Inf", "3.021", "CNY"),
            line("EU-Catalog-Request", "Inf", "0.0000000000", "USD"),
        ];
        let list = read(&format!("{ABOUT}{HEADING}{}", lines.concat())).unwrap();
        assert_eq!(list.published.unwrap().to_string(), "2026-11-12");
        let [price, tier, yuan, free] = &list.products[..] else { panic!("{list:?}") };
        let offer = price.offer.clone().unwrap();
        assert_eq!((offer.usd.to_string().as_str(), &*offer.unit), ("0.44", "DPU-Hour"));
        assert_eq!((offer.effective.to_string().as_str(), &*price.sku), ("2026-11-01", "A"));
        assert_eq!((&*price.region, &*price.operation), ("eu-west-1", "Jobrun"));
        assert!(tier.offer.clone().unwrap_err().to_string().contains("0 to 50 DPU-Hour"));
        assert_eq!(yuan.offer, Err(Refusal::Currency("CNY".into())));
        assert_eq!(free.offer, Err(Refusal::Free));
    }

    #[test]
    fn what_is_no_offer_file_is_refused() {
        assert!(read("a,b\n1,2\n").unwrap_err().contains("`OfferCode`"));
        assert!(read(ABOUT).unwrap_err().contains("no heading"));
        let ec2 = ABOUT.replace("AWSGlue", "AmazonEC2");
        assert!(read(&format!("{ec2}{HEADING}")).unwrap_err().contains("`AmazonEC2`"));
        let lacking = HEADING.replace("usageType", "use");
        assert!(read(&format!("{ABOUT}{lacking}")).unwrap_err().contains("`usagetype`"));
    }
}
