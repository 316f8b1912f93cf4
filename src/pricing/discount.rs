//! Discounts in percent, as an agreement with AWS gives them. They come off list prices, exactly:
//! a discounted rate is not rounded, only the amount that it makes is. What is negotiated as a rate
//! of its own is what is paid, and no discount comes off it.

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RateCardError;
use super::rate::{Discounted, Origin, Rate, ranges_meet};
use super::rate_table::{check_account, check_component, check_engine, check_order, check_region};
use crate::model::written::{AccountId, DayText, PercentText};

/// The most decimals of a percentage: with the ten of a list price, a product stays exact.
const PERCENT_DECIMALS_MAX: u32 = 6;

/// A discount: `[[pricing.discounts]]` of the configuration. What is not told, it is for all of.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discount {
    /// What comes off the list price, in percent: more than 0 and less than 100.
    #[schemars(with = "PercentText")]
    pub percent: String,
    /// `glue` or `emr-serverless`; both where absent.
    pub engine: Option<String>,
    /// `DPU`, `M-DPU`, `vCPU`, `memory` or `storage`; all of them where absent.
    pub component: Option<String>,
    /// The region; every one where absent.
    pub region: Option<String>,
    /// The account; every one where absent.
    #[schemars(with = "Option<AccountId>")]
    pub account: Option<String>,
    /// The first UTC day it is in force.
    #[schemars(with = "Option<DayText>")]
    pub from: Option<Date>,
    /// The first UTC day it is no longer in force.
    #[schemars(with = "Option<DayText>")]
    pub to: Option<Date>,
    /// The agreement that it stands in.
    pub source: String,
}

impl Discount {
    /// The percentage, once everything about the discount is checked. `key` is where it stands.
    pub(super) fn checked(&self, key: &str) -> Result<Decimal, RateCardError> {
        if let Some(engine) = &self.engine {
            check_engine(engine, key)?;
        }
        if let Some(component) = &self.component {
            check_component(self.engine.as_deref(), component, key)?;
        }
        if let Some(region) = &self.region {
            let invalid = |reason| RateCardError::invalid(format!("{key}.region"), reason);
            check_region(region).map_err(invalid)?;
        }
        check_account(self.account.as_deref(), key)?;
        check_order((self.from, self.to), || format!("{key}.to"))?;
        let percent = Decimal::from_str_exact(&self.percent).ok().map(|p| p.normalize());
        percent
            .filter(|p| *p > Decimal::ZERO && *p < Decimal::ONE_HUNDRED)
            .filter(|p| p.scale() <= PERCENT_DECIMALS_MAX)
            .ok_or_else(|| {
                let reason = format!(
                    "`{}` is no discount; write percent as text, like \"12.5\": more than 0, less \
                     than 100, at most {PERCENT_DECIMALS_MAX} decimals",
                    self.percent
                );
                RateCardError::invalid(format!("{key}.percent"), reason)
            })
    }

    /// Whether there may be a use on some day that both come off, for the same accounts.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let meet = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        meet(&self.engine, &other.engine)
            && meet(&self.component, &other.component)
            && meet(&self.region, &other.region)
            && self.account == other.account
            && ranges_meet((self.from, self.to), (other.from, other.to))
    }

    /// The list rate at `list_index` with this discount; `None` where it does not come off it.
    pub(super) fn applied(&self, percent: Decimal, list: &Rate, list_index: usize) -> Option<Rate> {
        let is_for = |own: &Option<String>, of: &str| own.as_deref().is_none_or(|own| own == of);
        let days = (list.days.0.max(self.from), earlier(list.days.1, self.to));
        let account = match (&list.account, &self.account) {
            (Some(list), Some(own)) if list != own => return None,
            (list, own) => list.clone().or_else(|| own.clone()),
        };
        let fits = list.is_list_price
            && is_for(&self.engine, &list.engine)
            && is_for(&self.component, &list.component)
            && is_for(&self.region, &list.region)
            && ranges_meet(list.days, (self.from, self.to));
        let left = Decimal::ONE_HUNDRED - percent;
        let usd = list.usd.checked_mul(left)?.checked_div(Decimal::ONE_HUNDRED)?.normalize();
        fits.then(|| Rate {
            account,
            days,
            usd,
            source: format!("{percent} % off: {}", self.source),
            origin: Origin::Configuration,
            is_list_price: false,
            discounted: Some(Discounted { percent, list_index }),
            ..list.clone()
        })
    }
}

/// The earlier of two ends, of which an absent one never comes.
fn earlier(a: Option<Date>, b: Option<Date>) -> Option<Date> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PricingSettings, RateCard};

    fn card(discounts: &str) -> Result<RateCard, String> {
        let settings: PricingSettings = toml::from_str(discounts).unwrap();
        RateCard::new(&[], &settings).map_err(|error| error.to_string())
    }

    fn refusal(discount: &str) -> String {
        card(&format!("[[discounts]]\nsource = \"s\"\n{discount}")).unwrap_err()
    }

    /// By hand: 0.44 x 0.875 = 0.385; 0.0060515 x 0.66667 = 0.004034353505, of no rounding.
    #[test]
    fn a_discount_is_exact() {
        let card = card(
            "[[discounts]]\nsource = \"EDP\"\npercent = \"12.5\"\nengine = \"glue\"\n\
             [[discounts]]\nsource = \"EDP\"\npercent = \"33.333\"\nregion = \"ap-south-1\"\n\
             engine = \"emr-serverless\"",
        );
        let card = card.unwrap();
        let discounted = |region: &str, component: &str| {
            let mut rates = card.rates().iter().filter(|rate| rate.discounted.is_some());
            let rate = rates.find(|rate| rate.region == region && rate.component == component);
            rate.map(|rate| (rate.usd.to_string(), rate.source.clone()))
        };
        let (usd, source) = discounted("eu-west-1", "DPU").unwrap();
        assert_eq!((usd.as_str(), source.as_str()), ("0.385", "12.5 % off: EDP"));
        assert_eq!(discounted("ap-south-1", "memory").unwrap().0, "0.004034353505");
        assert_eq!(discounted("eu-west-1", "memory"), None);
    }

    #[test]
    fn what_is_no_discount_is_refused_with_its_key() {
        for percent in ["0", "-5", "100", "250", "ten", "12.5 %", "1.1234567"] {
            let text = refusal(&format!("percent = \"{percent}\""));
            assert!(text.starts_with("pricing.discounts[0].percent: `"), "{text}");
        }
        let more = |text: &str| refusal(&format!("percent = \"5\"\n{text}"));
        assert!(more("engine = \"emr\"").contains("`emr` is none of"));
        assert!(more("engine = \"glue\"\ncomponent = \"vCPU\"").contains("`vCPU` is none of"));
        assert!(more("region = \"Ireland\"").contains("`Ireland` is no region"));
        assert!(more("account = \"12\"").contains("twelve digits"));
        assert!(more("from = \"2026-02-01\"\nto = \"2026-01-01\"").contains("ends before"));
    }

    #[test]
    fn two_discounts_on_the_same_are_refused_by_name() {
        let two = |first: &str, second: &str| {
            card(&format!(
                "[[discounts]]\nsource=\"a\"\npercent=\"5\"\n{first}\n\
                 [[discounts]]\nsource=\"b\"\npercent=\"6\"\n{second}"
            ))
        };
        let refused = two("", "engine = \"glue\"").unwrap_err();
        assert!(refused.starts_with("pricing.discounts[0] and pricing.discounts[1] are both in"));
        assert!(two("region = \"eu-west-1\"", "component = \"DPU\"").is_err());
        assert!(two("to = \"2026-02-02\"", "from = \"2026-02-01\"").is_err());
        assert!(two("to = \"2026-02-01\"", "from = \"2026-02-01\"").is_ok());
        assert!(two("engine = \"glue\"", "engine = \"emr-serverless\"").is_ok());
        // What is agreed for one account comes before what is for all.
        assert!(two("", "account = \"111122223333\"").is_ok());
    }
}
