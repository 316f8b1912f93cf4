//! Numbers as people read them: dollars, changes, durations, counts, shares and dates.
//!
//! Pure functions from a number to a string. Rounding here is for the eye only: sums are made
//! before, on exact amounts. What text looks like beside other text is the table's affair.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::model::{Period, Usd};

/// The typographic minus, as wide as a plus sign, so that columns of changes line up.
const MINUS: char = '−';
const NANOS_PER_CENT: i128 = 10_000_000;

/// Dollars and cents: `$1,234.56`. What is not nothing but rounds to it is `<$0.01`, so that a
/// cost never looks like none.
#[must_use]
pub fn dollars(amount: Usd) -> String {
    let sign = if amount < Usd::ZERO { MINUS.to_string() } else { String::new() };
    format!("{sign}{}", magnitude(amount))
}

/// A change in dollars, with its sign: `+$200.00`, `−$3.50`, `$0.00`.
#[must_use]
pub fn change(amount: Usd) -> String {
    format!("{}{}", sign_of(amount.nanos()), magnitude(amount))
}

/// A change as part of what was there before: `+19.4%`. `None` where nothing was there before,
/// because a part of nothing is no number.
#[must_use]
pub fn change_percent(change: Usd, before: Usd) -> Option<String> {
    if before <= Usd::ZERO {
        return None;
    }
    // Whole tenths of a percent, rounded half away from zero, without leaving the integers.
    let (change, before) = (change.nanos(), before.nanos());
    let tenths = change.unsigned_abs().checked_mul(2000)? / before.unsigned_abs();
    let tenths = tenths.div_ceil(2);
    let sign = if tenths == 0 { String::new() } else { sign_of(change) };
    Some(if tenths < 1000 {
        format!("{sign}{}.{}%", tenths / 10, tenths % 10)
    } else {
        format!("{sign}{}%", grouped(tenths / 10))
    })
}

/// A whole number with its thousands apart: `12,345`.
#[must_use]
pub fn count(number: u64) -> String {
    grouped(u128::from(number))
}

/// A change of a whole number: `+12`, `−3`, `0`.
#[must_use]
pub fn count_change(now: u64, before: u64) -> String {
    format!("{}{}", sign_of(i128::from(now) - i128::from(before)), count(now.abs_diff(before)))
}

/// A number and what it counts: `1 run`, `12,345 runs`. For nouns that take an `s`.
#[must_use]
pub fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// A span of time by its two largest units: `3 h 12 m`, `12 m 5 s`, `45 s`. From a hundred hours
/// on the minutes say nothing any more: `4,321 h`.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} m {rest} s"),
        (..100, _) => format!("{hours} h {minutes} m"),
        _ => format!("{} h", count(hours + minutes / 30)),
    }
}

/// A change of a span of time: `+3 h 12 m`.
#[must_use]
pub fn duration_change(now: u64, before: u64) -> String {
    format!("{}{}", sign_of(i128::from(now) - i128::from(before)), duration(now.abs_diff(before)))
}

/// Hours of a capacity, with one decimal: `1,234.5`.
#[must_use]
pub fn hours(hours: Decimal) -> String {
    let sign = if hours.is_sign_negative() { MINUS.to_string() } else { String::new() };
    format!("{sign}{}", one_decimal(hours))
}

/// A change of hours of a capacity: `+12.5`.
#[must_use]
pub fn hours_change(now: Decimal, before: Decimal) -> String {
    let change = now - before;
    format!("{}{}", sign_of(change.mantissa()), one_decimal(change))
}

/// A number with every digit that it has, and its thousands apart: `5,400`, `1.267`.
#[must_use]
pub fn exact(number: Decimal) -> String {
    let text = number.abs().normalize().to_string();
    let (whole, decimals) = text.split_once('.').map_or((&*text, None), |(w, d)| (w, Some(d)));
    let sign = if number < Decimal::ZERO { MINUS.to_string() } else { String::new() };
    let decimals = decimals.map_or_else(String::new, |decimals| format!(".{decimals}"));
    format!("{sign}{}{decimals}", group_digits(whole))
}

/// A share of one as percent: `34.5%`; `<0.1%` for what is not nothing.
#[must_use]
pub fn share(share: f64) -> String {
    if share > 0.0 && share < 0.0005 { "<0.1%".into() } else { format!("{:.1}%", share * 100.0) }
}

/// A quantity that is mostly whole, such as workers or a quota: `12`, `1,250`, `7.5`.
#[must_use]
pub fn quantity(quantity: f64) -> String {
    Decimal::from_f64_retain(quantity).map_or_else(
        || quantity.to_string(),
        |quantity| {
            let text = hours(quantity);
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        },
    )
}

/// A size in memory or on disk, in units of thousand: `97.3 kB`.
#[must_use]
pub fn bytes(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// An instant to the minute, without its zone: `14 Nov 03:12`. The table says the zone once.
#[must_use]
pub fn short_time(instant: Timestamp, zone: &TimeZone) -> String {
    instant.to_zoned(zone.clone()).strftime("%-d %b %H:%M").to_string()
}

/// An instant to the minute with its zone: `14 Nov 2026 03:12 Europe/Berlin`.
#[must_use]
pub fn time(instant: Timestamp, period: &Period) -> String {
    let local = instant.to_zoned(period.time_zone.clone());
    format!("{} {}", local.strftime("%-d %b %Y %H:%M"), period.zone_name())
}

/// A period as its days, the last one included: `9–15 November 2026`. A span whose bounds are no
/// midnights shows both instants.
#[must_use]
pub fn days(period: &Period) -> String {
    let start = period.start.to_zoned(period.time_zone.clone());
    let end = period.end.to_zoned(period.time_zone.clone());
    let is_midnight = |time: &jiff::Zoned| time.start_of_day().is_ok_and(|day| day == *time);
    if !is_midnight(&start) || !is_midnight(&end) {
        let format = "%-d %b %Y %H:%M:%S";
        return format!("{} – {}", start.strftime(format), end.strftime(format));
    }
    let first = start.date();
    let last = end.date().yesterday().unwrap_or(end.date());
    let whole = "%-d %B %Y";
    if first == last {
        last.strftime(whole).to_string()
    } else if (first.year(), first.month()) == (last.year(), last.month()) {
        format!("{}–{}", first.day(), last.strftime(whole))
    } else if first.year() == last.year() {
        format!("{} – {}", first.strftime("%-d %B"), last.strftime(whole))
    } else {
        format!("{} – {}", first.strftime(whole), last.strftime(whole))
    }
}

fn sign_of(number: i128) -> String {
    match number {
        0 => String::new(),
        1.. => "+".into(),
        _ => MINUS.into(),
    }
}

fn magnitude(amount: Usd) -> String {
    let cents = amount.cents().unsigned_abs();
    if cents == 0 && !amount.is_zero() {
        return "<$0.01".into();
    }
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}

/// What is left of a sum's cents once the cents of the parts already shown are taken away, so that
/// the column adds up as it is printed.
#[must_use]
pub fn remainder(total: Usd, shown: impl IntoIterator<Item = Usd>) -> Usd {
    let shown: i128 = shown.into_iter().map(Usd::cents).sum();
    Usd::from_nanos((total.cents() - shown) * NANOS_PER_CENT)
}

fn one_decimal(number: Decimal) -> String {
    let rounded = number.abs().round_dp_with_strategy(1, RoundingStrategy::MidpointNearestEven);
    let text = format!("{rounded:.1}");
    let (whole, tenths) = text.split_once('.').unwrap_or((&text, "0"));
    format!("{}.{tenths}", group_digits(whole))
}

fn grouped(number: u128) -> String {
    group_digits(&number.to_string())
}

fn group_digits(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn dollars_have_cents_and_thousands() {
        assert_eq!(dollars(usd("0")), "$0.00");
        assert_eq!(dollars(usd("1234.56")), "$1,234.56");
        assert_eq!(dollars(usd("1234567.895")), "$1,234,567.90");
        assert_eq!(dollars(usd("-12.3")), "−$12.30");
        assert_eq!(dollars(usd("0.000000001")), "<$0.01");
        assert_eq!(dollars(usd("0.004999999")), "<$0.01");
        assert_eq!(dollars(usd("0.005000001")), "$0.01");
        assert_eq!(dollars(usd("-0.001")), "−<$0.01");
    }

    #[test]
    fn changes_have_a_sign_and_a_percent() {
        assert_eq!(change(usd("200")), "+$200.00");
        assert_eq!(change(usd("-200")), "−$200.00");
        assert_eq!(change(usd("0")), "$0.00");
        let percent = |change, before| change_percent(usd(change), usd(before));
        assert_eq!(percent("19.44", "100").unwrap(), "+19.4%");
        assert_eq!(percent("-0.25", "100").unwrap(), "−0.3%");
        assert_eq!(percent("0.01", "100").unwrap(), "0.0%");
        assert_eq!(percent("1500", "100").unwrap(), "+1,500%");
        assert_eq!(percent("5", "0"), None);
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        assert_eq!(duration(0), "0 s");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(725), "12 m 5 s");
        assert_eq!(duration(3 * 3600 + 12 * 60 + 59), "3 h 12 m");
        assert_eq!(duration(99 * 3600 + 3599), "99 h 59 m");
        assert_eq!(duration(4321 * 3600 + 1799), "4,321 h");
        assert_eq!(duration(4321 * 3600 + 1800), "4,322 h");
        assert_eq!(duration_change(60, 3660), "−1 h 0 m");
    }

    #[test]
    fn counts_hours_shares_and_sizes() {
        assert_eq!(plural(1, "run"), "1 run");
        assert_eq!(plural(0, "run"), "0 runs");
        assert_eq!(plural(12_345, "run"), "12,345 runs");
        assert_eq!(count_change(3, 15), "−12");
        assert_eq!(hours("1234.56".parse().unwrap()), "1,234.6");
        assert_eq!(hours_change("1".parse().unwrap(), "3.5".parse().unwrap()), "−2.5");
        assert_eq!(exact("5400.00".parse().unwrap()), "5,400");
        assert_eq!(exact("1234567.8901".parse().unwrap()), "1,234,567.8901");
        assert_eq!(exact("0.0625".parse().unwrap()), "0.0625");
        assert_eq!(share(0.345), "34.5%");
        assert_eq!(share(0.0001), "<0.1%");
        assert_eq!(share(0.0), "0.0%");
        assert_eq!(quantity(10.0), "10");
        assert_eq!(quantity(1250.25), "1,250.2");
        assert_eq!(bytes(97_345), "97.3 kB");
    }

    #[test]
    fn dates_are_those_of_the_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let week = Period::week("2026-W46", &berlin).unwrap();
        assert_eq!(days(&week), "9–15 November 2026");
        let instant = "2026-11-14T23:30:00Z".parse().unwrap();
        assert_eq!(short_time(instant, &berlin), "15 Nov 00:30");
        assert_eq!(time(instant, &week), "15 Nov 2026 00:30 Europe/Berlin");
        let named = |name| days(&Period::week(name, &TimeZone::UTC).unwrap());
        assert_eq!(named("2026-W40"), "28 September – 4 October 2026");
        assert_eq!(named("2026-W53"), "28 December 2026 – 3 January 2027");
        let span = Period::span("2026-11-09T06:00:00Z", "2026-11-10", &TimeZone::UTC).unwrap();
        assert_eq!(days(&span), "9 Nov 2026 06:00:00 – 10 Nov 2026 00:00:00");
    }

    proptest! {
        /// Reading the digits back gives the cents: nothing is lost to grouping or sign.
        #[test]
        fn dollars_read_back(cents in -10_000_000_000_i64..10_000_000_000) {
            let text = dollars(Usd::from_nanos(i128::from(cents) * NANOS_PER_CENT));
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let read: i64 = digits.parse().unwrap();
            prop_assert_eq!(if text.starts_with('−') { -read } else { read }, cents);
        }

        /// Shown parts and the remainder add up to the shown total, whatever the roundings.
        #[test]
        fn the_remainder_closes_the_column(parts in prop::collection::vec(0_i128..1 << 40, 1..20)) {
            let parts: Vec<Usd> = parts.into_iter().map(Usd::from_nanos).collect();
            let total: Usd = parts.iter().copied().sum();
            let shown = &parts[..parts.len() / 2];
            let rest = remainder(total, shown.iter().copied());
            let printed: i128 = shown.iter().map(|part| part.cents()).sum();
            prop_assert_eq!(printed + rest.cents(), total.cents());
        }
    }
}
