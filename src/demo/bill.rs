//! What the company is billed: its own runs as they were priced, and what no run tells of.
//!
//! The bill agrees with the estimate but for what makes bills differ in life: crawlers, the Data
//! Catalog, EMR Serverless workers that are kept ready, runs of a job that was deleted before
//! anybody collected them, usage of runs that have no rate, a credit and a tax. The prices of these
//! are the simulation's own; it is a bill, and not an estimate.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

use super::teams::{GOODS, IRELAND, NUMBERS, SHOP};
use crate::model::{BillDay, BillLine, Engine, JobRun, Price, PricedRun, USAGE, USD, Usd, utc_day};
use crate::pricing::{DayShare, PricingSettings, UsageType};

/// The account that pays for the company's accounts.
pub const PAYER: &str = "555566667777";

/// How many days AWS calls estimated.
const ESTIMATED_DAYS: i32 = 2;

/// A line in the making: account, usage type, record type, unit, with quantity and dollars.
type Key = (Date, String, Option<String>, &'static str, &'static str);

/// The company's bill, made from its runs.
#[derive(Debug)]
pub struct DemoBill<'p> {
    pricing: &'p PricingSettings,
    lines: BTreeMap<Key, (Decimal, Decimal)>,
}

impl<'p> DemoBill<'p> {
    /// Of no runs yet.
    #[must_use]
    pub const fn new(pricing: &'p PricingSettings) -> Self {
        Self { pricing, lines: BTreeMap::new() }
    }

    /// Bills what a run used.
    pub fn add(&mut self, run: &JobRun, priced: &PricedRun, shares: &[DayShare]) {
        match &priced.price {
            Price::Priced { lines, .. } => {
                for share in shares {
                    let Some(line) = lines.get(share.line) else { continue };
                    self.usage(
                        run,
                        share.day,
                        line.component,
                        share.quantity,
                        dollars(share.amount),
                    );
                }
            }
            Price::Unpriced(_) => self.unpriced(run, priced),
        }
    }

    /// AWS knows a price for what our rate card has none for.
    fn unpriced(&mut self, run: &JobRun, priced: &PricedRun) {
        let Some(day) = run.end().map(utc_day) else { return };
        let used = match run.identity.engine {
            Engine::Glue => vec![("DPU", priced.usage.dpu_seconds / Decimal::from(3600), 308)],
            _ => run.billed.map_or_else(Vec::new, |billed| {
                vec![("vCPU", billed.vcpu_hours, 42), ("memory", billed.memory_gb_hours, 5)]
            }),
        };
        for (component, quantity, thousandths) in used {
            let quantity = quantity.round_dp(9);
            self.usage(run, day, component, quantity, quantity * Decimal::new(thousandths, 3));
        }
    }

    fn usage(
        &mut self,
        run: &JobRun,
        day: Date,
        component: &str,
        quantity: Decimal,
        amount: Decimal,
    ) {
        let assumed = &self.pricing.assumed_architecture;
        // What Ray is billed under nobody has told; that it is billed is certain.
        let known = UsageType::of_run(run, component, assumed);
        let tail = known.map_or("Ray-M-DPU-Hour", |known| known.tail);
        let prefix = if run.identity.region == IRELAND { "EU" } else { "USE1" };
        let unit = match component {
            "vCPU" => "vCPU-Hours",
            "memory" | "storage" => "GB-Hours",
            _ => "DPU-Hour",
        };
        let usage_type = format!("{prefix}-{tail}");
        self.line(day, &run.identity.account, Some(&usage_type), USAGE, (quantity, amount), unit);
    }

    fn line(
        &mut self,
        day: Date,
        account: &str,
        usage_type: Option<&str>,
        record_type: &'static str,
        (quantity, amount): (Decimal, Decimal),
        unit: &'static str,
    ) {
        let key = (day, account.to_owned(), usage_type.map(str::to_owned), record_type, unit);
        let sum = self.lines.entry(key).or_default();
        sum.0 += quantity;
        sum.1 += amount;
    }

    /// The bill of these days (the last one excluded), as Cost Explorer would tell it now.
    #[must_use]
    pub fn days(mut self, days: Range<Date>, now: Timestamp) -> Vec<BillDay> {
        let all: Vec<Date> = days.start.series(1.day()).take_while(|day| *day < days.end).collect();
        for day in &all {
            self.overhead(*day);
        }
        let certain_until = utc_day(now).saturating_sub(ESTIMATED_DAYS.days());
        let mut of_day: BTreeMap<Date, Vec<BillLine>> =
            all.iter().map(|day| (*day, Vec::new())).collect();
        for ((day, account, usage_type, record_type, unit), (quantity, amount)) in self.lines {
            if let Some(lines) = of_day.get_mut(&day) {
                lines.push(BillLine {
                    account,
                    day,
                    usage_type,
                    record_type: record_type.to_owned(),
                    quantity: quantity.normalize(),
                    unit: unit.to_owned(),
                    amount: amount.normalize(),
                    currency: USD.to_owned(),
                    estimated: day >= certain_until,
                });
            }
        }
        of_day
            .into_iter()
            .map(|(day, lines)| BillDay {
                day,
                read_at: now,
                estimated: day >= certain_until,
                lines,
            })
            .collect()
    }

    /// What is billed on a day beside runs.
    fn overhead(&mut self, day: Date) {
        // Workdays have more of everything.
        let busy = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let hours = Decimal::from(if busy { 6 } else { 2 });
        let at = |price: i64, decimals: u32, hours: Decimal| {
            (hours, hours * Decimal::new(price, decimals))
        };
        for account in [SHOP, GOODS, NUMBERS] {
            let crawlers = Some("USE1-Crawler-DPU-Hour");
            self.line(day, account, crawlers, USAGE, at(44, 2, hours), "DPU-Hour");
            let requests = hours * Decimal::from(100_000);
            let catalog = Some("USE1-Catalog-Request");
            self.line(day, account, catalog, USAGE, at(1, 6, requests), "Request");
        }
        // An application that keeps four workers of four vCPUs ready during work.
        let ready = hours * Decimal::from(16);
        let (vcpus, memory) =
            (Some("USE1-EMR-SERVERLESS-vCPUHours"), Some("USE1-EMR-SERVERLESS-MemoryGBHours"));
        self.line(day, SHOP, vcpus, USAGE, at(52_624, 6, ready), "vCPU-Hours");
        let gigabytes = ready * Decimal::from(4);
        self.line(day, SHOP, memory, USAGE, at(57_785, 7, gigabytes), "GB-Hours");
        if busy {
            let deleted = at(44, 2, Decimal::new(75, 1));
            self.line(day, NUMBERS, Some("USE1-ETL-DPU-Hour"), USAGE, deleted, "DPU-Hour");
        }
        if day.weekday() == Weekday::Monday {
            let nothing = Decimal::ZERO;
            self.line(day, GOODS, None, "Credit", (nothing, Decimal::new(-2_500, 2)), "");
            self.line(day, SHOP, None, "Tax", (nothing, Decimal::new(1_234, 2)), "");
        }
    }
}

fn dollars(usd: Usd) -> Decimal {
    Decimal::try_from_i128_with_scale(usd.nanos(), 9).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_of_overhead_is_the_same_every_time_and_its_last_days_are_not_final() {
        let pricing = PricingSettings::default();
        let bill = || {
            let days = "2026-11-09".parse().unwrap().."2026-11-16".parse().unwrap();
            DemoBill::new(&pricing).days(days, "2026-11-16T06:00:00Z".parse().unwrap())
        };
        let days = bill();
        assert_eq!(days, bill());
        assert_eq!(days.len(), 7);
        let settled: Vec<bool> = days.iter().map(BillDay::is_settled).collect();
        assert_eq!(settled, [true, true, true, true, true, false, false]);
        // Crawlers: three accounts, 6 hours on five days and 2 on two, at 0.44.
        let crawlers: Decimal = days
            .iter()
            .flat_map(|day| &day.lines)
            .filter(|line| line.usage_type.as_deref() == Some("USE1-Crawler-DPU-Hour"))
            .map(|line| line.amount)
            .sum();
        assert_eq!(crawlers, Decimal::new(4_488, 2));
    }
}
