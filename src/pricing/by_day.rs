//! A run's cost on the basis `used`: its cost lines split over the UTC days in which it ran.
//!
//! AWS bills by UTC day of use, so finance's month, the comparison with the bill and FOCUS rows
//! stand on this basis. A run is split in proportion to time; an EMR Serverless streaming run,
//! which may go on for months at a changing size, by what its readings say it had been billed when.
//! Each line's quantity and amount are split by largest remainder, so the days add up to the line.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

use crate::model::{JobKind, JobRun, Price, Resources, Usd, apportion, utc_day};
use crate::pricing::kind_of;

/// The decimals of a quantity, as in a cost line.
const QUANTITY_DECIMALS: u32 = 9;
const SECONDS_PER_DAY: i64 = 86_400;

/// What one cost line contributes to one UTC day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayShare {
    /// The UTC day.
    pub day: Date,
    /// Which of the run's cost lines, by its place.
    pub line: usize,
    /// The quantity used on that day, in the line's unit, at most nine decimals.
    pub quantity: Decimal,
    /// What it cost.
    pub amount: Usd,
}

/// A run's cost lines by UTC day, in the order of lines, then days. Nothing for a run without a
/// price, and for one of which no time at all is known.
///
/// A run that has not ended is split up to its last reading, if it has any; what a run under way
/// without readings costs is not known day by day, and is nothing here.
#[must_use]
pub fn by_day(run: &JobRun, price: &Price) -> Vec<DayShare> {
    let Price::Priced { lines, .. } = price else { return Vec::new() };
    let readings = readings(run);
    let Some(end) = run.end().or_else(|| readings.last().map(|reading| reading.at)) else {
        return Vec::new();
    };
    let start = run.start().map_or(end, |start| start.min(end));
    let days = Days::new(start, end);
    let mut shares = Vec::with_capacity(lines.len() * days.seconds.len());
    for (index, line) in lines.iter().enumerate() {
        let metered = metered(&days, &readings, line.component);
        let weights = metered.as_deref().unwrap_or(&days.seconds);
        let quantity = scaled(line.quantity);
        let parts = |whole: i128| apportion(whole, weights);
        let (Some(quantities), Some(amounts)) = (parts(quantity), parts(line.amount.nanos()))
        else {
            // Beyond the range of the arithmetic: whole on its last day, and never lost.
            let day = days.last();
            shares.push(DayShare {
                day,
                line: index,
                quantity: line.quantity,
                amount: line.amount,
            });
            continue;
        };
        for (day, (quantity, amount)) in days.iter().zip(quantities.into_iter().zip(amounts)) {
            if quantity != 0 || amount != 0 {
                shares.push(DayShare {
                    day,
                    line: index,
                    quantity: decimal(quantity),
                    amount: Usd::from_nanos(amount),
                });
            }
        }
    }
    shares
}

/// The UTC days of a run, with its seconds in each.
struct Days {
    first: Date,
    start: Timestamp,
    end: Timestamp,
    seconds: Vec<u128>,
}

impl Days {
    fn new(start: Timestamp, end: Timestamp) -> Self {
        let (from, to) = (start.as_second(), end.as_second());
        let first = from.div_euclid(SECONDS_PER_DAY);
        // A run without any length is all on the day of its end.
        let last = (to - 1).max(from).div_euclid(SECONDS_PER_DAY);
        let in_day = |day: i64| {
            let (begin, finish) = (day * SECONDS_PER_DAY, (day + 1) * SECONDS_PER_DAY);
            u128::try_from(to.min(finish) - from.max(begin)).unwrap_or_default()
        };
        let mut seconds: Vec<u128> = (first..=last).map(in_day).collect();
        if from == to {
            seconds = vec![1];
        }
        Self { first: utc_day(start), start, end, seconds }
    }

    fn iter(&self) -> impl Iterator<Item = Date> {
        self.first.series(1.day()).take(self.seconds.len())
    }

    fn last(&self) -> Date {
        self.iter().last().unwrap_or(self.first)
    }
}

/// A point of the curve of what a run had been billed by when.
struct Reading {
    at: Timestamp,
    billed: Resources,
}

fn readings(run: &JobRun) -> Vec<Reading> {
    if kind_of(run) != JobKind::Streaming {
        return Vec::new();
    }
    let known = run.readings.values().map(|r| Reading { at: r.at, billed: r.billed });
    let mut all: Vec<_> = known.collect();
    if let (Some(end), Some(billed), false) = (run.end(), run.billed, all.is_empty()) {
        all.retain(|reading| reading.at < end);
        all.push(Reading { at: end, billed });
    }
    all
}

/// What was billed of a component in each day, as the readings tell: the curve through them is
/// straight between two of them, and begins with nothing at the run's start. `None` where they do
/// not tell it.
fn metered(days: &Days, readings: &[Reading], component: &str) -> Option<Vec<u128>> {
    let of = |billed: &Resources| match component {
        "vCPU" => Some(billed.vcpu_hours),
        "memory" => Some(billed.memory_gb_hours),
        "storage" => Some(billed.storage_gb_hours),
        _ => None,
    };
    let mut curve = BTreeMap::from([(days.start.as_second(), 0_i128)]);
    let mut highest = 0_i128;
    for reading in readings {
        // A total never falls; where AWS corrected one downwards, the days before keep theirs.
        highest = highest.max(scaled(of(&reading.billed)?));
        curve.insert(reading.at.min(days.end).as_second(), highest);
    }
    if highest == 0 {
        return None;
    }
    let begin = days.first.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    let mut before = 0_i128;
    let mut used = Vec::with_capacity(days.seconds.len());
    for number in 1..=i64::try_from(days.seconds.len()).ok()? {
        let now = value_at(&curve, begin + number * SECONDS_PER_DAY)?;
        used.push(u128::try_from(now - before).unwrap_or_default());
        before = now;
    }
    Some(used)
}

/// The value of a piecewise straight curve; constant outside its points.
fn value_at(curve: &BTreeMap<i64, i128>, second: i64) -> Option<i128> {
    let left = curve.range(..=second).next_back();
    let right = curve.range(second..).next();
    match (left, right) {
        (Some((_, value)), None) | (None, Some((_, value))) => Some(*value),
        (Some((s0, v0)), Some((s1, v1))) if s1 > s0 => {
            let (passed, whole) = (i128::from(second - s0), i128::from(s1 - s0));
            Some(v0 + (v1 - v0).checked_mul(passed)? / whole)
        }
        (Some((_, value)), _) => Some(*value),
        (None, None) => None,
    }
}

/// A quantity in units of its ninth decimal.
fn scaled(quantity: Decimal) -> i128 {
    let mut quantity = quantity.round_dp(QUANTITY_DECIMALS);
    quantity.rescale(QUANTITY_DECIMALS);
    quantity.mantissa()
}

fn decimal(units: i128) -> Decimal {
    Decimal::try_from_i128_with_scale(units, QUANTITY_DECIMALS).unwrap_or_default().normalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Basis, CostLine, Engine, Reading, RunIdentity, RunState};

    fn run(start: &str, end: &str) -> JobRun {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::EmrServerless,
            application_id: Some("app".into()),
            run_id: "run".into(),
            attempt: 1,
        };
        let mut run = JobRun::new(identity, RunState::Success);
        run.started_at = Some(start.parse().unwrap());
        run.ended_at = Some(end.parse().unwrap());
        run
    }

    fn priced(quantity: &str, nanos: i128) -> Price {
        let line = CostLine {
            component: "vCPU",
            quantity: quantity.parse().unwrap(),
            unit: "vCPU-Hours",
            rate: Decimal::ONE,
            list_rate: Decimal::ONE,
            rate_index: None,
            amount: Usd::from_nanos(nanos),
        };
        Price::Priced { lines: vec![line], basis: Basis::Billed, minimum_extra: Usd::ZERO }
    }

    fn shown(shares: &[DayShare]) -> Vec<String> {
        shares.iter().map(|s| format!("{} {} {}", s.day, s.quantity, s.amount)).collect()
    }

    #[test]
    fn in_proportion_to_time() {
        let run = run("2026-10-31T22:30:00Z", "2026-11-01T04:30:00Z");
        assert_eq!(
            shown(&by_day(&run, &priced("8", 4_000_000_000))),
            ["2026-10-31 2 1.00", "2026-11-01 6 3.00"]
        );
    }

    #[test]
    fn an_end_at_midnight_belongs_to_the_day_before() {
        let ended = run("2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z");
        assert_eq!(shown(&by_day(&ended, &priced("1", 10))), ["2026-10-31 1 0.00000001"]);
        let without_length = run("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z");
        assert_eq!(shown(&by_day(&without_length, &priced("1", 10))), ["2026-11-01 1 0.00000001"]);
        let mut no_start = run("2026-11-01T00:00:00Z", "2026-11-02T05:00:00Z");
        no_start.started_at = None;
        assert_eq!(shown(&by_day(&no_start, &priced("1", 10))), ["2026-11-02 1 0.00000001"]);
    }

    /// 10 hours by 18:00 on the first day, 16 by noon of the second, 20 at its end at 18:00. At
    /// midnight the straight line between the first two readings stands at 12.
    #[test]
    fn a_streaming_run_is_split_by_its_readings() {
        let mut run = run("2026-11-01T06:00:00Z", "2026-11-02T18:00:00Z");
        run.kind = Some(JobKind::Streaming);
        let hours = |vcpus: i64| Resources {
            vcpu_hours: vcpus.into(),
            memory_gb_hours: Decimal::ZERO,
            storage_gb_hours: Decimal::ZERO,
        };
        let mut read = |at: &str, vcpus| {
            let at: Timestamp = at.parse().unwrap();
            run.readings.insert(utc_day(at), Reading { at, billed: hours(vcpus) });
        };
        read("2026-11-01T18:00:00Z", 10);
        read("2026-11-02T12:00:00Z", 16);
        run.billed = Some(hours(20));
        assert_eq!(
            shown(&by_day(&run, &priced("20", 2_000_000_000))),
            ["2026-11-01 12 1.20", "2026-11-02 8 0.80"]
        );
        // Under way: what is known stops with the last reading.
        run.state = RunState::Running;
        run.billed = Some(hours(16));
        assert_eq!(
            shown(&by_day(&run, &priced("16", 1_600_000_000))),
            ["2026-11-01 12 1.20", "2026-11-02 4 0.40"]
        );
    }

    proptest! {
        /// The days partition the line, whatever the times, and no day is outside the run.
        #[test]
        fn days_add_up_to_the_line(
            start in 1_700_000_000_i64..1_800_000_000, seconds in 0_i64..5_000_000,
            quantity in 0_i64..1_000_000_000_000, nanos in 0_i64..1_000_000_000_000_000,
            readings in prop::collection::vec((0_i64..5_000_000, 0_i64..1_000_000), 0..6),
            streaming: bool,
        ) {
            let at = |second| Timestamp::from_second(second).unwrap();
            let mut run = run("2026-11-01T06:00:00Z", "2026-11-02T18:00:00Z");
            (run.started_at, run.ended_at) = (Some(at(start)), Some(at(start + seconds)));
            run.kind = streaming.then_some(JobKind::Streaming);
            let resources = |hours: i64| Resources {
                vcpu_hours: Decimal::new(hours, 3),
                memory_gb_hours: Decimal::ZERO,
                storage_gb_hours: Decimal::ZERO,
            };
            for (after, hours) in readings {
                let read = at(start + after);
                let reading = Reading { at: read, billed: resources(hours) };
                run.readings.insert(utc_day(read), reading);
            }
            run.billed = Some(resources(1_000_000));
            let quantity = Decimal::new(quantity, 9);
            let price = priced(&quantity.to_string(), nanos.into());
            let shares = by_day(&run, &price);
            prop_assert_eq!(shares.iter().map(|s| s.quantity).sum::<Decimal>(), quantity);
            let amount: Usd = shares.iter().map(|s| s.amount).sum();
            prop_assert_eq!(amount, Usd::from_nanos(nanos.into()));
            let sound = |s: &DayShare| s.amount >= Usd::ZERO && s.quantity >= Decimal::ZERO;
            prop_assert!(shares.iter().all(sound));
            let (first, last) = (utc_day(at(start)), utc_day(at(start + seconds)));
            prop_assert!(shares.iter().all(|s| first <= s.day && s.day <= last));
        }
    }
}
