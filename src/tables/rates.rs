//! The rates in force as CSV.

use std::borrow::Cow;

use super::TableError;
use super::csv::{number, text, written};
use crate::analysis::RateFigure;

/// The columns, in their order.
const COLUMNS: [&str; 20] = [
    "region",
    "engine",
    "component",
    "kinds",
    "from_version",
    "below_version",
    "execution_class",
    "architecture",
    "account",
    "usd",
    "list_usd",
    "discount_percent",
    "origin",
    "list_origin",
    "from",
    "to",
    "as_of",
    "source",
    "sku",
    "usage_type",
];

/// Every rate, in its order.
///
/// # Errors
/// Never for a writer in memory, as this is.
pub fn rates_csv(rates: &[RateFigure]) -> Result<Vec<u8>, TableError> {
    let rows = rates.iter().map(|rate| {
        vec![
            text(&rate.region),
            text(&rate.engine),
            text(&rate.component),
            Cow::Owned(rate.kinds.join(" ")),
            words(&rate.from_version),
            words(&rate.below_version),
            words(&rate.execution_class),
            words(&rate.architecture),
            words(&rate.account),
            number(rate.usd),
            maybe(rate.list_usd),
            maybe(rate.discount_percent),
            text(rate.origin.as_str()),
            rate.list_origin.map_or(Cow::Borrowed(""), |origin| text(origin.as_str())),
            maybe(rate.from),
            maybe(rate.to),
            words(&rate.as_of),
            text(&rate.source),
            words(&rate.sku),
            words(&rate.usage_type),
        ]
    });
    written(&COLUMNS, rows)
}

fn words(value: &Option<String>) -> Cow<'_, str> {
    text(value.as_deref().unwrap_or_default())
}

fn maybe(value: Option<impl std::fmt::Display>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed(""), number)
}
