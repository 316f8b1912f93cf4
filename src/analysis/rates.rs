//! The rates in force, as figures: what `prices list` shows in every format.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::pricing::{InForce, Origin, RateCard, Version};

/// A rate in force, with where it comes from and what it takes the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RateFigure {
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: String,
    /// What is counted.
    pub component: String,
    /// The kinds of job it is for; all where empty.
    pub kinds: Vec<String>,
    /// The first Glue version it is for.
    pub from_version: Option<String>,
    /// The first Glue version it is no longer for.
    pub below_version: Option<String>,
    /// The execution class it is for.
    pub execution_class: Option<String>,
    /// The architecture it is for.
    pub architecture: Option<String>,
    /// The account it is for; every account where absent.
    pub account: Option<String>,
    /// What is paid, in US dollars per unit and hour.
    #[serde(with = "rust_decimal::serde::str")]
    pub usd: Decimal,
    /// The list's price in its place, where there is one.
    #[serde(with = "rust_decimal::serde::str_option")]
    pub list_usd: Option<Decimal>,
    /// The discount that lies between the two, in percent.
    #[serde(with = "rust_decimal::serde::str_option")]
    pub discount_percent: Option<Decimal>,
    /// Whose word the rate is.
    pub origin: Origin,
    /// Whose word the list's price is.
    pub list_origin: Option<Origin>,
    /// The first UTC day it is in force.
    pub from: Option<Date>,
    /// The first UTC day it is no longer in force.
    pub to: Option<Date>,
    /// How old the source is; absent where it has no date.
    pub as_of: Option<String>,
    /// Where the figure comes from.
    pub source: String,
    /// AWS's key of the product, where the Price List told it.
    pub sku: Option<String>,
    /// The usage type, where the Price List told it.
    pub usage_type: Option<String>,
    /// What it is for, in words.
    #[serde(skip)]
    pub what: String,
}

/// The rates in force on a day, in these regions or, without any, in all.
#[must_use]
pub fn rates_in_force(card: &RateCard, day: Date, regions: &[String]) -> Vec<RateFigure> {
    let is_wanted = |paid: &InForce<'_>| regions.is_empty() || regions.contains(&paid.rate.region);
    card.in_force(day).into_iter().filter(is_wanted).map(figure).collect()
}

fn figure(InForce { rate, list }: InForce<'_>) -> RateFigure {
    let version = |version: Option<Version>| version.map(|(a, b)| format!("{a}.{b}"));
    RateFigure {
        region: rate.region.clone(),
        engine: rate.engine.clone(),
        component: rate.component.clone(),
        kinds: rate.kinds.clone(),
        from_version: version(rate.versions.0),
        below_version: version(rate.versions.1),
        execution_class: rate.execution_class.clone(),
        architecture: rate.architecture.clone(),
        account: rate.account.clone(),
        usd: rate.usd,
        list_usd: list.map(|list| list.usd),
        discount_percent: rate.discounted.as_ref().map(|discounted| discounted.percent),
        origin: rate.origin,
        list_origin: list.map(|list| list.origin),
        from: rate.days.0,
        to: rate.days.1,
        as_of: rate.as_of.clone(),
        source: rate.source.clone(),
        sku: rate.sku.clone(),
        usage_type: rate.usage_type.clone(),
        what: rate.what(),
    }
}
