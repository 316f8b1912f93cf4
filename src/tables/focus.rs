//! The columns of `focus`: FOCUS 1.2, one row a cost line and UTC day on which it was used.
//!
//! Column names, their order, nulls and rules are those of the specification
//! (FinOps-Open-Cost-and-Usage-Spec, `FOCUS_Spec`, tag v1.2); its four `PricingCurrency` columns
//! are left out, because nothing here is priced in another currency than it is billed in. What is
//! ours follows in `x_` columns.
//!
//! A price times the written quantity is the written cost to the last digit, as the specification
//! demands, so `ListCost` and `ContractedCost` are computed from the rounded quantity. `BilledCost`
//! and `EffectiveCost` are the ledger's amount, rounded once from the exact quantity: they add up
//! to what every other table says. They are estimates until AWS bills them, and say so.

mod place;
mod sku;

use jiff::civil::Date as Day;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use self::place::{region_name, resource};
pub use self::sku::{Sku, SkuOrigin};
use super::column::Kind::{Boolean, Decimal as Exactly, Integer, Money, Text, Timestamp};
use super::column::{Exact, Field, Value};
use super::costs::{RATE, UsageLine};
use super::runs::QUANTITY;
use crate::analysis::Books;
use crate::model::{CostLine, Engine, JobRun};
use crate::pricing::kind_of;

/// The version of the specification.
pub const FOCUS_VERSION: &str = "1.2";
/// The decimals of a price times a quantity.
const PRODUCT: u32 = QUANTITY + RATE;

/// What one UTC day took of a cost line.
#[derive(Clone, Debug)]
pub struct FocusLine {
    usage: UsageLine,
    line: CostLine,
    sku: Sku,
    resource: Option<place::Resource>,
    account_name: Option<String>,
}

impl FocusLine {
    /// The row of a usage line; `None` for a run without a price, of which FOCUS has no row.
    #[must_use]
    pub fn new(usage: UsageLine, books: &Books) -> Option<Self> {
        let line = usage.cost_line()?.clone();
        let run = &usage.run.stored.run;
        Some(Self {
            sku: sku::sku_of(run, &line, books),
            resource: resource(run),
            account_name: books.ownership.account_name(&run.identity.account).map(str::to_owned),
            line,
            usage,
        })
    }

    fn run(&self) -> &JobRun {
        &self.usage.run.stored.run
    }

    /// A price times the written quantity, exact.
    fn times(&self, price: Decimal) -> Value<'static> {
        let (quantity, price) = (self.usage.quantity.round_dp(QUANTITY), price.round_dp(RATE));
        // Two 96-bit numbers of a cost that is in range: their product is too.
        let units = quantity.mantissa().saturating_mul(price.mantissa());
        Value::Exact(Exact { units, scale: quantity.scale() + price.scale() })
    }
}

type Row = Field<FocusLine>;

const fn absent(name: &'static str, meaning: &'static str) -> Row {
    Row::new(name, Text, meaning, |_| Value::Null)
}

const NO_COMMITMENT: &str = "null: no commitment discount covers these services";
const NO_RESERVATION: &str = "null: these services have no capacity reservations";

/// The columns.
pub const FOCUS: &[Row] = &[
    absent("AvailabilityZone", "null: AWS does not tell it"),
    Row::new("BilledCost", Money, "the ledger's amount: an estimate until AWS bills it", |f| {
        Value::money(f.usage.amount)
    })
    .summed(),
    Row::new("BillingAccountId", Text, "the account that used it; the payer is not known", |f| {
        Value::text(&f.run().identity.account)
    }),
    Row::new("BillingAccountName", Text, "its name, where one is configured", |f| {
        Value::maybe(f.account_name.as_deref())
    }),
    Row::new("BillingAccountType", Text, "AWS account", |_| Value::text("AWS account")),
    Row::new("BillingCurrency", Text, "USD", |_| Value::text("USD")),
    Row::new("BillingPeriodEnd", Timestamp, "the end of the UTC month, excluded", |f| {
        let next = f.usage.day.first_of_month().checked_add(1.month());
        midnight(next.unwrap_or(Day::MAX))
    }),
    Row::new("BillingPeriodStart", Timestamp, "the start of the UTC month", |f| {
        midnight(f.usage.day.first_of_month())
    }),
    absent("CapacityReservationId", NO_RESERVATION),
    absent("CapacityReservationStatus", NO_RESERVATION),
    Row::new("ChargeCategory", Text, "Usage", |_| Value::text("Usage")),
    absent("ChargeClass", "null: nothing here corrects an invoice"),
    Row::new("ChargeDescription", Text, "what is charged, in words", |f| {
        let service = service(&f.run().identity.engine);
        Value::text(format!("{service} {}: {}", kind_of(f.run()).as_str(), f.line.unit))
    }),
    Row::new("ChargeFrequency", Text, "Usage-Based", |_| Value::text("Usage-Based")),
    Row::new("ChargePeriodEnd", Timestamp, "the end of the UTC day, excluded", |f| {
        midnight(f.usage.day.tomorrow().unwrap_or(Day::MAX))
    }),
    Row::new("ChargePeriodStart", Timestamp, "the start of the UTC day", |f| midnight(f.usage.day)),
    absent("CommitmentDiscountCategory", NO_COMMITMENT),
    absent("CommitmentDiscountId", NO_COMMITMENT),
    absent("CommitmentDiscountName", NO_COMMITMENT),
    Row::new("CommitmentDiscountQuantity", Exactly(QUANTITY), NO_COMMITMENT, |_| Value::Null),
    absent("CommitmentDiscountStatus", NO_COMMITMENT),
    absent("CommitmentDiscountType", NO_COMMITMENT),
    absent("CommitmentDiscountUnit", NO_COMMITMENT),
    Row::new("ConsumedQuantity", Exactly(QUANTITY), "as PricingQuantity", |f| {
        Value::decimal(f.usage.quantity, QUANTITY)
    }),
    Row::new("ConsumedUnit", Text, "as PricingUnit", |f| Value::text(f.line.unit)),
    Row::new("ContractedCost", Exactly(PRODUCT), "ContractedUnitPrice x PricingQuantity", |f| {
        f.times(f.line.rate)
    }),
    Row::new("ContractedUnitPrice", Exactly(RATE), "US dollars a unit, as paid", |f| {
        Value::decimal(f.line.rate, RATE)
    }),
    Row::new("EffectiveCost", Money, "as BilledCost: nothing is paid in advance", |f| {
        Value::money(f.usage.amount)
    })
    .summed(),
    absent("InvoiceId", "null: an estimate is on no invoice"),
    Row::new("InvoiceIssuerName", Text, "who bills it", |f| provider(f.run())),
    Row::new("ListCost", Exactly(PRODUCT), "ListUnitPrice x PricingQuantity", |f| {
        f.times(f.line.list_rate)
    }),
    Row::new("ListUnitPrice", Exactly(RATE), "US dollars a unit on the price list", |f| {
        Value::decimal(f.line.list_rate, RATE)
    }),
    Row::new("PricingCategory", Text, "Standard: Flex has a published rate too", |_| {
        Value::text("Standard")
    }),
    Row::new("PricingQuantity", Exactly(QUANTITY), "units used, rounded at nine decimals", |f| {
        Value::decimal(f.usage.quantity, QUANTITY)
    }),
    Row::new("PricingUnit", Text, "DPU-Hours, M-DPU-Hours, vCPU-Hours, GB-Hours, Runs", |f| {
        Value::text(f.line.unit)
    }),
    Row::new("ProviderName", Text, "who provides it", |f| provider(f.run())),
    Row::new("PublisherName", Text, "who made it", |f| provider(f.run())),
    Row::new("RegionId", Text, "the AWS region", |f| Value::text(&f.run().identity.region)),
    Row::new("RegionName", Text, "the region's name; its id where that is not known", |f| {
        Value::text(region_name(&f.run().identity.region))
    }),
    Row::new("ResourceId", Text, "the ARN of the Glue job or EMR Serverless application", |f| {
        Value::maybe(f.resource.as_ref().map(|resource| resource.id.as_str()))
    }),
    Row::new("ResourceName", Text, "the job's or application's name", |f| {
        Value::maybe(f.resource.as_ref().and_then(|resource| resource.name.as_deref()))
    }),
    Row::new("ResourceType", Text, "Glue job, EMR Serverless application", |f| {
        Value::maybe(f.resource.as_ref().map(|resource| resource.kind))
    }),
    Row::new("ServiceCategory", Text, "Analytics", |_| Value::text("Analytics")),
    Row::new("ServiceName", Text, "AWS Glue, Amazon EMR Serverless, an engine's word", |f| {
        Value::text(service(&f.run().identity.engine).to_owned())
    }),
    Row::new("ServiceSubcategory", Text, "Data Processing", |_| Value::text("Data Processing")),
    Row::new("SkuId", Text, "the Price List's SKU, else the usage type: see x_SkuOrigin", |f| {
        Value::text(&f.sku.id)
    }),
    Row::new("SkuMeter", Text, "DPU, M-DPU, vCPU, memory, storage, imported", |f| {
        Value::text(f.line.component)
    }),
    absent("SkuPriceDetails", "null"),
    Row::new("SkuPriceId", Text, "the same in its region; SKUs of the Price List have one", |f| {
        Value::text(&f.sku.price_id)
    }),
    Row::new("SubAccountId", Text, "the AWS account", |f| Value::text(&f.run().identity.account)),
    Row::new("SubAccountName", Text, "its name, where one is configured", |f| {
        Value::maybe(f.account_name.as_deref())
    }),
    Row::new("SubAccountType", Text, "AWS account", |_| Value::text("AWS account")),
    Row::new("Tags", Text, "the run's tags over its job's or application's, as JSON", |f| {
        tags(f.run()).map_or(Value::Null, Value::text)
    }),
    Row::new("x_Attempt", Integer, "the EMR Serverless attempt, from 1; 1 elsewhere", |f| {
        Value::count(f.run().identity.attempt)
    }),
    Row::new("x_Basis", Text, "how the quantity is known: as basis of runs", |f| {
        Value::text(f.usage.run.priced.price.basis_word())
    }),
    Row::new("x_CostCenter", Text, "the cost centre, where one is known", |f| {
        Value::maybe(f.usage.run.owner.cost_center.as_deref())
    }),
    Row::new("x_Environment", Text, "the environment, where one is known", |f| {
        Value::maybe(f.usage.run.owner.environment.as_deref())
    }),
    Row::new("x_Estimated", Boolean, "true: no invoice says it", |_| Value::Boolean(true)),
    Row::new("x_Job", Text, "the job, with dates and ids in its name folded", |f| {
        Value::text(&f.usage.run.job)
    }),
    Row::new("x_LedgerAmount", Money, "the ledger's amount, which all tables add up to", |f| {
        Value::money(f.usage.amount)
    })
    .summed(),
    Row::new("x_RunId", Text, "the run", |f| Value::text(&f.run().identity.run_id)),
    Row::new("x_SkuOrigin", Text, "price-list, usage-type (seen on bills), assumed", |f| {
        Value::text(f.sku.origin.as_str())
    }),
    Row::new("x_Team", Text, "who pays, or Unallocated", |f| Value::text(&f.usage.run.owner.team)),
];

fn midnight(day: Day) -> Value<'static> {
    let at = day.to_zoned(TimeZone::UTC).map_or(Instant::MAX, |zoned| zoned.timestamp());
    Value::Timestamp(at)
}

fn service(engine: &Engine) -> &str {
    match engine {
        Engine::Glue => "AWS Glue",
        Engine::EmrServerless => "Amazon EMR Serverless",
        Engine::Other(word) => word,
    }
}

/// Who provides, makes and bills it; of an imported engine nothing is known but its word.
fn provider(run: &JobRun) -> Value<'_> {
    match &run.identity.engine {
        Engine::Glue | Engine::EmrServerless => Value::text("Amazon Web Services"),
        Engine::Other(word) => Value::text(&**word),
    }
}

/// The tags as one JSON object; a run's own come before those of its job or application.
fn tags(run: &JobRun) -> Option<String> {
    let defined = run.definition.as_ref().and_then(|definition| definition.tags.as_ref());
    let all = defined.into_iter().chain(&run.tags).flatten();
    let object: Map<String, Json> =
        all.map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect();
    (!object.is_empty()).then(|| Json::Object(object).to_string())
}
