//! Under which SKU a cost line is charged, as far as that is known.

use crate::analysis::Books;
use crate::model::{CostLine, JobRun};
use crate::pricing::{UsageType, kind_of};

/// How a SKU is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkuOrigin {
    /// The Price List names it.
    PriceList,
    /// The usage type under which such use has been seen to be billed stands for it.
    UsageType,
    /// Nobody has been seen to be billed for such use, or an import brought the cost.
    Assumed,
}

impl SkuOrigin {
    /// The origin's word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PriceList => "price-list",
            Self::UsageType => "usage-type",
            Self::Assumed => "assumed",
        }
    }
}

/// What is charged, and at which of its prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sku {
    /// What is charged.
    pub id: String,
    /// Which of its prices: they differ by region.
    pub price_id: String,
    /// How that is known.
    pub origin: SkuOrigin,
}

/// The SKU of a cost line: the Price List's, where the rate was read from it; else the usage type
/// that such use is billed under.
pub(super) fn sku_of(run: &JobRun, line: &CostLine, books: &Books) -> Sku {
    let rate = line.rate_index.and_then(|index| books.card.rates().get(index));
    if let Some(sku) = rate.and_then(|rate| rate.sku.clone()) {
        // A SKU is of one region, and has one price there.
        return Sku { price_id: sku.clone(), id: sku, origin: SkuOrigin::PriceList };
    }
    // A rate that was agreed on need not say all that a usage type is told by; the run does.
    let assumed = &books.pricing.assumed_architecture;
    let of_run = || rate.and(UsageType::of_run(run, line.component, assumed));
    let (id, origin) = match rate.and_then(UsageType::of_rate).or_else(of_run) {
        Some(usage_type) => (usage_type.tail.to_owned(), SkuOrigin::UsageType),
        None => {
            let (engine, kind) = (run.identity.engine.as_str(), kind_of(run));
            let id = format!("{engine}:{}:{}", kind.as_str(), line.component);
            (id, SkuOrigin::Assumed)
        }
    };
    let price_id = format!("{}:{id}", run.identity.region);
    Sku { id, price_id, origin }
}
