//! The list prices of what Runledger itself uses, as far as they are known: `own_rates.toml`. Which
//! of them holds is a question of region and processor; what was used is `analysis`'s to know.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::model::{Architecture, Usd};

/// The prices that ship. A test reads them.
const SHIPPED: &str = include_str!("own_rates.toml");
/// Stands for every region.
const EVERYWHERE: &str = "*";

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnUnit {
    /// An hour of a vCPU on Fargate.
    VcpuHour,
    /// An hour of a gigabyte of memory on Fargate.
    GbHour,
    /// A million read request units of DynamoDB, on demand.
    MillionReadUnits,
    /// A million write request units of DynamoDB, on demand.
    MillionWriteUnits,
    /// A request to Cost Explorer.
    CostExplorerRequest,
}

#[derive(Debug, Deserialize)]
struct Shipped {
    rates: Vec<OwnRate>,
}

/// A price; `source` and `as_of` are for whoever reads the file.
#[derive(Debug, Deserialize)]
struct OwnRate {
    unit: OwnUnit,
    #[serde(default)]
    processor: Option<Architecture>,
    usd: BTreeMap<String, Usd>,
}

/// What AWS takes for a unit in a region, for a container of a processor; none where that is not
/// known. A unit that has no region, as Cost Explorer's, needs none.
#[must_use]
pub fn own_rate(
    unit: OwnUnit,
    region: Option<&str>,
    processor: Option<&Architecture>,
) -> Option<Usd> {
    static RATES: OnceLock<Vec<OwnRate>> = OnceLock::new();
    let rates = RATES.get_or_init(|| {
        // A test reads the same text; without it nothing has a price, which is told.
        toml::from_str::<Shipped>(SHIPPED).map(|shipped| shipped.rates).unwrap_or_default()
    });
    let is_for = |rate: &&OwnRate| {
        rate.unit == unit && (rate.processor.is_none() || rate.processor.as_ref() == processor)
    };
    let mut fitting = rates.iter().filter(is_for);
    fitting.find_map(|rate| {
        let of_region = region.and_then(|region| rate.usd.get(region));
        of_region.or_else(|| rate.usd.get(EVERYWHERE)).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the pages that the facts are from.
    #[test]
    fn what_ships_is_read_and_a_region_without_a_price_has_none() {
        let shipped: toml::Value = toml::from_str(SHIPPED).unwrap();
        let tables = shipped["rates"].as_array().unwrap();
        assert_eq!(toml::from_str::<Shipped>(SHIPPED).unwrap().rates.len(), tables.len());
        assert!(tables.iter().all(|table| table["source"].as_str().is_some_and(|s| s.len() > 20)));
        let rate = |unit, region, processor| {
            own_rate(unit, region, Some(&processor)).map(|usd| usd.to_string())
        };
        let x86 = Architecture::X86;
        let virginia = Some("us-east-1");
        assert_eq!(rate(OwnUnit::VcpuHour, virginia, x86.clone()).unwrap(), "0.04048");
        assert_eq!(rate(OwnUnit::VcpuHour, virginia, Architecture::Arm), None);
        assert_eq!(
            rate(OwnUnit::GbHour, Some("ap-northeast-1"), Architecture::Arm).unwrap(),
            "0.00442"
        );
        assert_eq!(rate(OwnUnit::MillionWriteUnits, virginia, x86.clone()).unwrap(), "0.625");
        assert_eq!(rate(OwnUnit::MillionWriteUnits, Some("eu-west-1"), x86.clone()), None);
        assert_eq!(rate(OwnUnit::MillionReadUnits, None, x86), None);
        assert_eq!(own_rate(OwnUnit::CostExplorerRequest, None, None).unwrap().to_string(), "0.01");
    }
}
