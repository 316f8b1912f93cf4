//! What AWS bills: a line of the bill, a day of lines, and when a day is to be read again.
//!
//! A bill is read by UTC day, account and usage type, or record type where it is no usage. Its
//! amounts have more decimals than our money, so they stay decimals until they are compared.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::utc_day;

/// The record type of ordinary usage.
pub const USAGE: &str = "Usage";

/// The currency in which runs are estimated.
pub const USD: &str = "USD";

/// How many days after its beginning a day's bill can be taken for whole. Cost Explorer is
/// refreshed about daily, and services report usage late.
const DAYS_TO_SETTLE: i64 = 2;

/// How often a day that AWS still calls estimated is read again.
const REREAD_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The day of the following month by which AWS has mostly made a month's bill final: every day of
/// the month is read once more from then on.
const CLOSED_ON_DAY: i8 = 5;

/// A line of the bill.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BillLine {
    /// The account that is charged; with a payer's bill, the linked account.
    pub account: String,
    /// The UTC day of use.
    pub day: Date,
    /// The usage type, as `EU-ETL-DPU-Hour`; `None` for what is no usage.
    pub usage_type: Option<String>,
    /// AWS's record type: `Usage`, `Credit`, `Refund`, `Tax`, names of discounts and fees.
    pub record_type: String,
    /// How much was used, in `unit`s.
    pub quantity: Decimal,
    /// The unit, in AWS's words; empty or `N/A` where it has none.
    pub unit: String,
    /// What it costs, in `currency`: unblended, as exact as AWS says it.
    pub amount: Decimal,
    /// The currency's code.
    pub currency: String,
    /// Whether AWS may still change it.
    pub estimated: bool,
}

/// One UTC day of the bill of one account, or of a payer's accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillDay {
    /// The day.
    pub day: Date,
    /// When it was read.
    pub read_at: Timestamp,
    /// Whether AWS said that it may still change.
    pub estimated: bool,
    /// Its lines; none where nothing was used.
    pub lines: Vec<BillLine>,
}

impl BillDay {
    /// Whether the day's bill can be held against an estimate: AWS does not call it estimated, and
    /// it was read when its usage had come in.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.estimated && self.read_at >= settles_at(self.day)
    }

    /// Whether reading the day again, which is paid for, can tell anything new.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let closes = closes_at(self.day);
        if now >= closes && self.read_at < closes {
            return true;
        }
        if self.read_at < settles_at(self.day) {
            // Cost Explorer has nothing new more often than that.
            return utc_day(now) > utc_day(self.read_at);
        }
        self.estimated && now.duration_since(self.read_at) >= REREAD_AFTER
    }
}

/// An account whose bill is read, and what became of the last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillSource {
    /// The account that Cost Explorer is asked in.
    pub account: String,
    /// Whether its bill names the accounts that it pays for.
    pub payer: bool,
    /// When it was last tried.
    pub attempted_at: Timestamp,
    /// Why the last attempt did not come to its end, if it did not.
    pub problem: Option<String>,
    /// The requests that were paid for since the first one.
    pub requests: u64,
}

fn settles_at(day: Date) -> Timestamp {
    midnight(day.saturating_add(SignedDuration::from_hours(24 * DAYS_TO_SETTLE)))
}

fn closes_at(day: Date) -> Timestamp {
    let next = day.last_of_month().saturating_add(SignedDuration::from_hours(24));
    midnight(Date::new(next.year(), next.month(), CLOSED_ON_DAY).unwrap_or(next))
}

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(read_at: &str, estimated: bool) -> BillDay {
        BillDay {
            day: "2026-11-10".parse().unwrap(),
            read_at: read_at.parse().unwrap(),
            estimated,
            lines: Vec::new(),
        }
    }

    fn due(day: &BillDay, now: &str) -> bool {
        day.is_due(now.parse().unwrap())
    }

    #[test]
    fn a_young_day_is_read_again_on_another_day() {
        let young = day("2026-11-11T06:00:00Z", false);
        assert!(!young.is_settled());
        assert!(!due(&young, "2026-11-11T23:59:59Z"));
        assert!(due(&young, "2026-11-12T00:00:00Z"));
    }

    #[test]
    fn a_settled_day_is_left_alone_until_its_month_is_closed() {
        let settled = day("2026-11-12T00:00:00Z", false);
        assert!(settled.is_settled());
        assert!(!due(&settled, "2026-11-30T00:00:00Z"));
        assert!(!due(&settled, "2026-12-04T23:59:59Z"));
        assert!(due(&settled, "2026-12-05T00:00:00Z"));
        assert!(!due(&day("2026-12-05T00:00:00Z", false), "2027-03-01T00:00:00Z"));
    }

    #[test]
    fn an_estimated_day_is_read_again_weekly() {
        let estimated = day("2026-11-12T06:00:00Z", true);
        assert!(!estimated.is_settled());
        assert!(!due(&estimated, "2026-11-19T05:59:59Z"));
        assert!(due(&estimated, "2026-11-19T06:00:00Z"));
        // AWS may be late with a month's end.
        let late = day("2026-12-06T00:00:00Z", true);
        assert!(!due(&late, "2026-12-12T00:00:00Z"));
        assert!(due(&late, "2026-12-13T00:00:00Z"));
    }
}
