//! What Runledger itself costs its owner, from what its tasks used: by the configuration's rates,
//! else by those that ship for its region and processor. What has neither is named and not priced.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Usd;
use crate::pricing::{OwnUnit, own_rate};
use crate::store::{OwnPlace, OwnUse};

/// The hours of a month, on average: CloudWatch's price of a metric is by the month.
const HOURS_OF_A_MONTH: u32 = 730;

/// `[own_cost]` of the configuration: what AWS takes where Runledger runs, in US dollars. What is
/// not said here is told by list prices where those are known, as for us-east-1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OwnCostSettings {
    /// An hour of a vCPU on Fargate, in US dollars.
    pub vcpu_hour: Option<Usd>,
    /// An hour of a gigabyte of memory on Fargate, in US dollars.
    pub gb_hour: Option<Usd>,
    /// A million read request units of DynamoDB, in US dollars.
    pub million_read_units: Option<Usd>,
    /// A million write request units of DynamoDB, in US dollars.
    pub million_write_units: Option<Usd>,
    /// A thousand mails by SES, in US dollars.
    pub thousand_mails: Option<Usd>,
    /// A custom metric of CloudWatch for a month, in US dollars; `usd_per_metric` under `[metrics]`
    /// where that is there.
    pub metric_month: Option<Usd>,
}

impl OwnCostSettings {
    /// Whether these can be rates.
    ///
    /// # Errors
    /// Which is not, and why.
    pub fn check(&self) -> Result<(), String> {
        let rates = [
            ("vcpu_hour", self.vcpu_hour),
            ("gb_hour", self.gb_hour),
            ("million_read_units", self.million_read_units),
            ("million_write_units", self.million_write_units),
            ("thousand_mails", self.thousand_mails),
            ("metric_month", self.metric_month),
        ];
        match rates.into_iter().find(|(_, rate)| rate.is_some_and(|rate| rate < Usd::ZERO)) {
            Some((key, _)) => Err(format!("`{key}` is below 0, and AWS pays nobody for using it")),
            None => Ok(()),
        }
    }
}

/// What Runledger cost in a week, as far as that can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnCost {
    /// The days that it is about: those before the report.
    pub days: u32,
    /// The sum of what has a price; none where nothing has.
    pub usd: Option<Usd>,
    /// What it is made of; what was not used is not there.
    pub parts: Vec<OwnPart>,
}

/// One thing that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnPart {
    /// What: `containers, vCPU`.
    pub part: &'static str,
    /// How much, in its unit.
    pub quantity: String,
    /// The unit: `vCPU-hours`.
    pub unit: &'static str,
    /// What it cost; none without a rate.
    pub usd: Option<Usd>,
}

impl OwnCost {
    /// The cost of what was used in so many days; none where that was nothing.
    #[must_use]
    pub fn of(
        used: &OwnUse,
        days: u32,
        settings: &OwnCostSettings,
        place: Option<&OwnPlace>,
    ) -> Option<Self> {
        let rates = Rates::of(settings, place);
        // How much, of how many is one of the unit, how it is shown, the rate of how many units.
        let whole =
            |part, quantity, unit, per, rate| part_of(part, (quantity, 1), unit, (per, rate));
        let hours = 3_600;
        let parts = [
            part_of(
                "containers, vCPU",
                (used.milli_vcpu_seconds, hours * 1_000),
                "vCPU-hours",
                (1, rates.vcpu_hour),
            ),
            part_of(
                "containers, memory",
                (used.mib_seconds, hours * 1_024),
                "GB-hours",
                (1, rates.gb_hour),
            ),
            whole("DynamoDB, reads", used.read_units, "units", 1_000_000, rates.million_read_units),
            whole(
                "DynamoDB, writes",
                used.write_units,
                "units",
                1_000_000,
                rates.million_write_units,
            ),
            whole(
                "Cost Explorer",
                used.cost_explorer_requests,
                "requests",
                1,
                rates.cost_explorer_request,
            ),
            whole("SES", used.mails, "mails", 1_000, settings.thousand_mails),
            part_of(
                "CloudWatch metrics",
                (used.metric_hours, HOURS_OF_A_MONTH),
                "metric-months",
                (1, settings.metric_month),
            ),
        ];
        let parts: Vec<OwnPart> = parts.into_iter().flatten().collect();
        let mut priced = parts.iter().filter_map(|part| part.usd).peekable();
        let usd = priced.peek().is_some().then(|| priced.sum());
        (!parts.is_empty()).then_some(Self { days, usd, parts })
    }
}

/// The rates that hold: said ones, else those that ship.
struct Rates {
    vcpu_hour: Option<Usd>,
    gb_hour: Option<Usd>,
    million_read_units: Option<Usd>,
    million_write_units: Option<Usd>,
    cost_explorer_request: Option<Usd>,
}

impl Rates {
    fn of(said: &OwnCostSettings, place: Option<&OwnPlace>) -> Self {
        let region = place.map(|place| place.region.as_str());
        let processor = place.map(|place| &place.processor);
        let listed = |unit| own_rate(unit, region, processor);
        Self {
            vcpu_hour: said.vcpu_hour.or_else(|| listed(OwnUnit::VcpuHour)),
            gb_hour: said.gb_hour.or_else(|| listed(OwnUnit::GbHour)),
            million_read_units: said
                .million_read_units
                .or_else(|| listed(OwnUnit::MillionReadUnits)),
            million_write_units: said
                .million_write_units
                .or_else(|| listed(OwnUnit::MillionWriteUnits)),
            cost_explorer_request: listed(OwnUnit::CostExplorerRequest),
        }
    }
}

/// A part, unless nothing of it was used: its quantity in units of `divisor`, at a rate for so many
/// units.
fn part_of(
    part: &'static str,
    (quantity, divisor): (u64, u32),
    unit: &'static str,
    (per, rate): (u32, Option<Usd>),
) -> Option<OwnPart> {
    if quantity == 0 {
        return None;
    }
    let cost = |rate: Usd| {
        let dollars = Decimal::try_from_i128_with_scale(rate.nanos(), 9).ok()?;
        Usd::of_usage(Decimal::from(quantity), divisor.checked_mul(per)?, dollars).ok()
    };
    let in_units = Decimal::from(quantity) / Decimal::from(divisor);
    Some(OwnPart {
        part,
        quantity: in_units.round_dp(3).normalize().to_string(),
        unit,
        usd: rate.and_then(cost),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::ContainerSize;

    fn rates() -> OwnCostSettings {
        let usd = |text: &str| Some(text.parse().unwrap());
        OwnCostSettings {
            vcpu_hour: usd("0.04048"),
            gb_hour: usd("0.004445"),
            million_read_units: usd("0.125"),
            million_write_units: usd("0.625"),
            thousand_mails: None,
            metric_month: usd("0.73"),
        }
    }

    #[test]
    fn a_rate_below_zero_is_refused_by_its_key() {
        assert_eq!(rates().check(), Ok(()));
        let wrong = OwnCostSettings { gb_hour: Some("-1".parse().unwrap()), ..rates() };
        assert!(wrong.check().unwrap_err().starts_with("`gb_hour`"));
    }

    #[test]
    fn each_part_is_quantity_times_rate_and_what_has_no_rate_is_not_priced() {
        // A container of 0.5 vCPU and 1 GB for two hours: 0.04048 and 0.00889.
        let mut used =
            OwnUse::of_container(ContainerSize { milli_vcpu: 500, memory_mib: 1_024 }, 7_200);
        used += OwnUse {
            read_units: 2_000_000,
            write_units: 80_000,
            cost_explorer_requests: 3,
            mails: 5,
            metric_hours: 1_460,
            ..OwnUse::default()
        };
        let cost = OwnCost::of(&used, 7, &rates(), None).unwrap();
        let told: Vec<(String, &str, Option<String>)> = cost
            .parts
            .iter()
            .map(|part| (part.quantity.clone(), part.unit, part.usd.map(|usd| usd.to_string())))
            .collect();
        let expected = [
            ("1", "vCPU-hours", Some("0.04048")),
            ("2", "GB-hours", Some("0.00889")),
            ("2000000", "units", Some("0.25")),
            ("80000", "units", Some("0.05")),
            ("3", "requests", Some("0.03")),
            ("5", "mails", None),
            ("2", "metric-months", Some("1.46")),
        ];
        let expected = expected.map(|(q, unit, usd)| (q.to_owned(), unit, usd.map(str::to_owned)));
        assert_eq!(told, expected);
        assert_eq!(cost.usd.unwrap().to_string(), "1.83937");
    }

    #[test]
    fn nothing_used_is_nothing_said() {
        assert_eq!(OwnCost::of(&OwnUse::default(), 7, &rates(), None), None);
        let mails = OwnUse { mails: 1, ..OwnUse::default() };
        let cost = OwnCost::of(&mails, 7, &OwnCostSettings::default(), None).unwrap();
        assert_eq!((cost.usd, cost.parts[0].usd), (None, None));
    }

    #[test]
    fn with_nothing_said_the_list_prices_of_the_place_hold_and_what_is_said_comes_first() {
        // A container of 1 vCPU and 2 GB for an hour, and a million writes.
        let mut used =
            OwnUse::of_container(ContainerSize { milli_vcpu: 1_000, memory_mib: 2_048 }, 3_600);
        used += OwnUse { write_units: 1_000_000, mails: 1, ..OwnUse::default() };
        let place = |region: &str| OwnPlace {
            region: region.to_owned(),
            processor: crate::model::Architecture::X86,
        };
        let told = |settings: &OwnCostSettings, region: &str| {
            let cost = OwnCost::of(&used, 7, settings, Some(&place(region))).unwrap();
            let priced = cost.parts.iter().filter(|part| part.usd.is_some()).count();
            (cost.usd.map(|usd| usd.to_string()), priced)
        };
        let none = OwnCostSettings::default();
        // 0.04048 + 2 x 0.004445 + 0.625.
        assert_eq!(told(&none, "us-east-1"), (Some("0.67437".to_owned()), 3));
        assert_eq!(told(&none, "eu-west-3"), (None, 0));
        let said = OwnCostSettings { million_write_units: Some("1".parse().unwrap()), ..none };
        assert_eq!(told(&said, "us-east-1"), (Some("1.04937".to_owned()), 3));
    }
}
