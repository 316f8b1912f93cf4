//! From Cost Explorer's answers to bill lines. Pure.

use std::collections::BTreeMap;

use aws_sdk_costexplorer::types::{Group, MetricValue, ResultByTime};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::model::{BillDay, BillLine, USAGE};

/// The metric of what is paid, before anything is spread over time.
pub(super) const COST: &str = "UnblendedCost";
/// The metric of what was used.
pub(super) const QUANTITY: &str = "UsageQuantity";

/// Beyond this no bill of a day is believed: ten thousand million dollars, a thousand million
/// million units. It keeps sums in range.
const AMOUNT_MAX: Decimal = Decimal::from_parts(1_410_065_408, 2, 0, false, 0);
const QUANTITY_MAX: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0);

/// What an answer's groups are named by, beside the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupedBy {
    /// Usage, by usage type.
    UsageType,
    /// All that is no usage, by record type.
    RecordType,
}

/// A bill in the making, out of several answers of several pages.
#[derive(Debug, Default)]
pub(super) struct Pages {
    days: BTreeMap<Date, Day>,
}

#[derive(Debug, Default)]
struct Day {
    estimated: bool,
    /// Whether usage was told of, and the rest.
    told: [bool; 2],
    lines: Vec<BillLine>,
}

impl Pages {
    /// Takes a page. The error says what in it cannot be read.
    pub(super) fn add(&mut self, by: GroupedBy, results: &[ResultByTime]) -> Result<(), String> {
        for result in results {
            let start = result.time_period().map(|period| period.start()).unwrap_or_default();
            let day: Date = start
                .get(..10)
                .and_then(|day| day.parse().ok())
                .ok_or_else(|| format!("`{start}` is no day"))?;
            let into = self.days.entry(day).or_default();
            into.estimated |= result.estimated();
            into.told[usize::from(by == GroupedBy::RecordType)] = true;
            for group in result.groups() {
                let line = line(by, day, group).map_err(|what| format!("{day}: {what}"))?;
                // Half of a free service's rows are zeros that say nothing.
                if !(line.amount.is_zero() && line.quantity.is_zero()) {
                    into.lines.push(line);
                }
            }
        }
        Ok(())
    }

    /// The days of which everything was told, in order; what is flagged of a day holds for all of
    /// its lines.
    pub(super) fn finish(self, read_at: Timestamp) -> Vec<BillDay> {
        let whole = self.days.into_iter().filter(|(_, day)| day.told == [true, true]);
        whole
            .map(|(date, mut day)| {
                for line in &mut day.lines {
                    line.estimated = day.estimated;
                }
                day.lines.sort_unstable();
                BillDay { day: date, read_at, estimated: day.estimated, lines: day.lines }
            })
            .collect()
    }
}

fn line(by: GroupedBy, day: Date, group: &Group) -> Result<BillLine, String> {
    let [account, name] = group.keys() else {
        return Err(format!("a group has {} keys, not two", group.keys().len()));
    };
    let metric = |name: &str| group.metrics().and_then(|metrics| metrics.get(name));
    let cost = metric(COST).ok_or_else(|| format!("`{name}` has no {COST}"))?;
    let (usage_type, record_type) = match by {
        GroupedBy::UsageType => (Some(name.clone()), USAGE.to_owned()),
        GroupedBy::RecordType => (None, name.clone()),
    };
    // What is no usage has no quantity that means anything.
    let used = metric(QUANTITY).filter(|_| by == GroupedBy::UsageType);
    let number = |value: &MetricValue, most: Decimal| {
        let text = value.amount().unwrap_or_default();
        decimal(text)
            .filter(|number| number.abs() <= most)
            .ok_or_else(|| format!("`{name}`: `{text}` is no amount"))
    };
    Ok(BillLine {
        account: account.clone(),
        day,
        usage_type,
        record_type,
        quantity: used.map_or(Ok(Decimal::ZERO), |used| number(used, QUANTITY_MAX))?,
        unit: used.and_then(|used| used.unit()).unwrap_or_default().to_owned(),
        amount: number(cost, AMOUNT_MAX)?,
        currency: cost.unit().unwrap_or_default().to_owned(),
        estimated: false,
    })
}

/// A decimal number as AWS writes it, plain or with an exponent. Digits beyond the 28th, which no
/// bill has been seen to have, are rounded away.
fn decimal(text: &str) -> Option<Decimal> {
    let plain = || text.parse::<Decimal>().ok();
    Decimal::from_str_exact(text)
        .ok()
        .or_else(|| Decimal::from_scientific(text).ok())
        .or_else(plain)
        .map(|number| number.normalize())
}

#[cfg(test)]
mod tests {
    use aws_sdk_costexplorer::types::DateInterval;

    use super::*;

    fn group(keys: [&str; 2], cost: &str, currency: &str, quantity: &str) -> Group {
        let metric =
            |amount: &str, unit: &str| MetricValue::builder().amount(amount).unit(unit).build();
        Group::builder()
            .keys(keys[0])
            .keys(keys[1])
            .metrics(COST, metric(cost, currency))
            .metrics(QUANTITY, metric(quantity, "DPU-Hour"))
            .build()
    }

    fn result(day: &str, estimated: bool, groups: Vec<Group>) -> ResultByTime {
        let period = DateInterval::builder().start(day).end(day).build().unwrap();
        ResultByTime::builder()
            .time_period(period)
            .estimated(estimated)
            .set_groups(Some(groups))
            .build()
    }

    fn read(pages: Pages) -> Vec<BillDay> {
        pages.finish("2026-11-16T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_day_over_several_pages_and_both_questions_is_one_day() {
        let account = "111122223333";
        let mut pages = Pages::default();
        let first = group([account, "EU-ETL-DPU-Hour"], "0.4400000001", "USD", "1.0");
        let second = group([account, "EU-Crawler-DPU-Hour"], "1.2E-7", "USD", "3E-7");
        let free = group([account, "EU-Catalog-Storage"], "0", "USD", "0");
        let credit = group([account, "Credit"], "-0.25", "USD", "0");
        let usage = GroupedBy::UsageType;
        pages.add(usage, &[result("2026-11-09", false, vec![first])]).unwrap();
        pages.add(usage, &[result("2026-11-09", true, vec![second, free])]).unwrap();
        pages.add(usage, &[result("2026-11-10T00:00:00Z", false, vec![])]).unwrap();
        let rest = [result("2026-11-09", false, vec![credit])];
        pages.add(GroupedBy::RecordType, &rest).unwrap();
        // Of the second day only the usage was told: it is not read.
        let days = read(pages);
        assert_eq!(days.len(), 1);
        assert!(days[0].estimated && days[0].lines.iter().all(|line| line.estimated));
        let told: Vec<_> = days[0]
            .lines
            .iter()
            .map(|l| (l.usage_type.as_deref(), &*l.record_type, l.amount.to_string()))
            .collect();
        assert_eq!(
            told,
            [
                (None, "Credit", "-0.25".to_owned()),
                (Some("EU-Crawler-DPU-Hour"), "Usage", "0.00000012".to_owned()),
                (Some("EU-ETL-DPU-Hour"), "Usage", "0.4400000001".to_owned()),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_line() {
        let refusal = |cost: &str| {
            let group = group(["111122223333", "EU-ETL-DPU-Hour"], cost, "USD", "1");
            let results = [result("2026-11-09", false, vec![group])];
            Pages::default().add(GroupedBy::UsageType, &results).unwrap_err()
        };
        assert_eq!(refusal("many"), "2026-11-09: `EU-ETL-DPU-Hour`: `many` is no amount");
        assert!(refusal("1e15").ends_with("`1e15` is no amount"));
        assert!(refusal("10000000000.01").contains("no amount"));
        let bad_day = [result("yesterday", false, vec![])];
        assert!(Pages::default().add(GroupedBy::UsageType, &bad_day).is_err());
    }

    #[test]
    fn the_limits_are_what_their_names_say() {
        assert_eq!(AMOUNT_MAX.to_string(), "10000000000");
        assert_eq!(QUANTITY_MAX.to_string(), "1000000000000000");
    }
}
