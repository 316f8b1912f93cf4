//! A price as AWS's Price List has it. Which rate it is, is pricing's to say.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// What one usage type costs in a region from a day on, by AWS's Price List.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPrice {
    /// The region, as `eu-west-1`.
    pub region: String,
    /// The usage type, as `EU-ETL-DPU-Hour`.
    pub usage_type: String,
    /// AWS's key of the product.
    pub sku: String,
    /// The operation, as `Jobrun`; empty where the list gives none.
    pub operation: String,
    /// The unit, as `DPU-Hour`.
    pub unit: String,
    /// US dollars per unit.
    pub usd: Decimal,
    /// The first UTC day of this price.
    pub effective: Date,
    /// When the newest list that says so was published; where a list does not tell, the day on
    /// which it was read.
    pub published: Date,
    /// Where it was read.
    pub source: String,
    /// When it was first read.
    pub read_at: Timestamp,
}
