//! From a run and the rate card to cost lines. Pure: no clock, no network, no floats.
//!
//! The rules and their sources: `glue` and `emr_serverless`. The rates are data: `rates.toml`.

mod by_day;
mod discount;
mod emr_serverless;
mod glue;
mod in_force;
mod listed;
mod own_rates;
mod rate;
mod rate_card;
mod rate_index;
mod rate_table;
mod rate_use;
mod reasoning;
mod saving;
mod unpriced;
mod usage_type;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use by_day::{DayShare, by_day};
pub use discount::Discount;
pub use glue::{dpu_factor, is_memory_optimised, kind_of};
pub use in_force::InForce;
pub use listed::{Novelty, PriceHistory};
pub use own_rates::{OwnUnit, own_rate};
pub use rate::{Discounted, Origin, Rate, Version};
pub use rate_card::{Found, RateCard, RateCardError};
pub use rate_table::RateTable;
pub use reasoning::{
    CapacityFrom, EmrReasoning, GlueQuantity, GlueReasoning, KindFrom, Reasoning, explain,
};
pub use usage_type::{USAGE_TYPES, UsageType, region_prefix};

use crate::model::{
    Architecture, Basis, CostLine, Engine, JobRun, Price, PricedRun, Unpriced, Usage, Usd,
};

/// What AWS leaves open, as settings.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PricingSettings {
    /// Whether the billing minimum applies on top of `DPUSeconds` too. AWS does not say.
    pub minimum_applies_to_metered: bool,
    /// Rates that come before those that ship and those that `prices refresh` reads: negotiated
    /// ones, which are paid as they stand, or list prices of a region that no list tells of.
    pub rates: Vec<RateTable>,
    /// What an agreement with AWS takes off list prices. What a discount does not say, it is for
    /// all of.
    pub discounts: Vec<Discount>,
    /// The architecture of an EMR Serverless run whose application is not known, as in an imported
    /// file. `X86_64` is AWS's default, and the dearer one.
    pub assumed_architecture: Architecture,
}

impl Default for PricingSettings {
    fn default() -> Self {
        Self {
            minimum_applies_to_metered: false,
            rates: Vec::new(),
            discounts: Vec::new(),
            assumed_architecture: Architecture::X86,
        }
    }
}

/// Prices a run as far as it is known: one that has not ended is priced for what its facts tell.
#[must_use]
pub fn price(run: &JobRun, card: &RateCard, settings: &PricingSettings) -> PricedRun {
    if let Some(amount) = run.imported_cost {
        return PricedRun { price: imported(amount), usage: Usage::default() };
    }
    match &run.identity.engine {
        Engine::Glue => glue::price(run, card, settings),
        Engine::EmrServerless => emr_serverless::price(run, card, settings),
        Engine::Other(engine) => PricedRun {
            price: Price::Unpriced(Unpriced::Engine(engine.to_string())),
            usage: Usage::default(),
        },
    }
}

/// The rates of a cost line of a run: the one that is paid, and the price list's, in whose place it
/// may stand. `None` for an imported cost.
#[must_use]
pub fn rates_of<'c>(
    run: &JobRun,
    line: &CostLine,
    card: &'c RateCard,
    settings: &PricingSettings,
) -> Option<Found<'c>> {
    line.rate_index?;
    card.find(&match run.identity.engine {
        Engine::Glue => glue::wanted(run, &kind_of(run), line.component),
        _ => emr_serverless::wanted(run, line.component, settings),
    })
}

/// The cost that came with a run, where it is in the range of a rate.
fn imported(amount: Usd) -> Price {
    let Ok(rate) = Decimal::try_from_i128_with_scale(amount.nanos(), 9) else {
        return Price::Unpriced(Unpriced::OutOfRange);
    };
    let (component, unit) = ("imported", "Runs");
    let line = CostLine {
        component,
        quantity: Decimal::ONE,
        unit,
        rate,
        list_rate: rate,
        rate_index: None,
        amount,
    };
    Price::Priced { lines: vec![line], basis: Basis::Imported, minimum_extra: Usd::ZERO }
}
