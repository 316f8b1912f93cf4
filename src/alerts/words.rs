//! Numbers as people read them in an alert.

use jiff::Timestamp;

use crate::model::Usd;

/// Dollars and cents, `$1,234.50`.
pub(super) fn dollars(usd: Usd) -> String {
    let cents = usd.cents();
    let whole = (cents.unsigned_abs() / 100).to_string();
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}${grouped}.{:02}", cents.unsigned_abs() % 100)
}

/// A length of time in its two largest units, `2 h 5 min`.
pub(super) fn duration(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min {rest} s"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// `1 run`, `2 runs`.
pub(super) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// An instant to the minute.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How many things there are.
pub(super) fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A value as thousandths of its limit: how far beyond it is.
pub(super) fn beyond(value: u64, limit: u64) -> u64 {
    let thousandths = u128::from(value) * 1_000 / u128::from(limit.max(1));
    u64::try_from(thousandths).unwrap_or(u64::MAX)
}

/// The same for money.
pub(super) fn beyond_usd(value: Usd, limit: Usd) -> u64 {
    let part = |usd: Usd| u64::try_from(usd.nanos().max(0) / 1_000).unwrap_or(u64::MAX);
    beyond(part(value), part(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_read_them() {
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        assert_eq!(dollars(usd("1234567.891")), "$1,234,567.89");
        assert_eq!(dollars(usd("-12.5")), "-$12.50");
        assert_eq!(dollars(usd("999")), "$999.00");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(3_725), "1 h 2 min");
        assert_eq!(duration(90_000), "1 d 1 h");
        assert_eq!(beyond(15, 10), 1_500);
        assert_eq!(beyond_usd(usd("3"), usd("0.5")), 6_000);
        assert_eq!(beyond(5, 0), 5_000);
    }
}
