//! Periods: half-open spans of time that partition it, so no run is counted twice or lost.
//!
//! A week is Monday 00:00 to Monday 00:00 in the report's time zone, whatever daylight saving does
//! in between; a month likewise. Names are ISO's: `2026-W46`, `2026-10`.

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A half-open span `[start, end)` with a name, in a time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// `2026-W46`, `2026-10`, or `START..END` for a free span.
    pub name: String,
    /// The first instant that belongs to the period.
    pub start: Timestamp,
    /// The first instant that no longer belongs to it.
    pub end: Timestamp,
    /// The zone in which its days begin.
    pub time_zone: TimeZone,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Week,
    Month,
    Span,
}

/// A period that cannot be made out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PeriodError {
    /// Not an ISO week.
    #[error("`{0}` is no ISO week; weeks are written like 2026-W46")]
    Week(String),
    /// Not a month.
    #[error("`{0}` is no month; months are written like 2026-10")]
    Month(String),
    /// Not an instant or a day.
    #[error("`{0}` is no time; times are written like 2026-11-09 or 2026-11-09T06:00:00Z")]
    Time(String),
    /// Not a time zone.
    #[error("`{0}` is no time zone; zones are written like Europe/Berlin")]
    Zone(String),
    /// Ends before it starts.
    #[error("the period ends before it starts, or is empty")]
    Empty,
    /// Beyond the calendar.
    #[error("the period lies outside the calendar")]
    Range,
}

impl Period {
    /// The week of that ISO name, in a zone.
    ///
    /// # Errors
    /// When the name is no ISO week.
    pub fn week(name: &str, zone: &TimeZone) -> Result<Self, PeriodError> {
        let bad = || PeriodError::Week(name.to_owned());
        let (year, week) = name.split_once("-W").ok_or_else(bad)?;
        if year.len() != 4 || week.len() != 2 {
            return Err(bad());
        }
        let year: i16 = year.parse().map_err(|_| bad())?;
        let week: i8 = week.parse().map_err(|_| bad())?;
        let monday = ISOWeekDate::new(year, week, Weekday::Monday).map_err(|_| bad())?;
        Self::week_from(monday.date(), zone)
    }

    /// The last week that is over at `now`.
    ///
    /// # Errors
    /// At the edges of the calendar only.
    pub fn last_week(now: Timestamp, zone: &TimeZone) -> Result<Self, PeriodError> {
        let today = now.to_zoned(zone.clone()).date();
        let monday = monday_of(today)?;
        Self::week_from(monday.checked_sub(1.week()).map_err(|_| PeriodError::Range)?, zone)
    }

    /// The week that an instant is in.
    ///
    /// # Errors
    /// At the edges of the calendar only.
    pub fn week_of(at: Timestamp, zone: &TimeZone) -> Result<Self, PeriodError> {
        Self::week_from(monday_of(at.to_zoned(zone.clone()).date())?, zone)
    }

    /// The month of that name, in a zone. Finance's months are UTC, as AWS bills.
    ///
    /// # Errors
    /// When the name is no month.
    pub fn month(name: &str, zone: &TimeZone) -> Result<Self, PeriodError> {
        let bad = || PeriodError::Month(name.to_owned());
        let (year, month) = name.split_once('-').ok_or_else(bad)?;
        if year.len() != 4 || month.len() != 2 {
            return Err(bad());
        }
        let year = year.parse().map_err(|_| bad())?;
        let first = Date::new(year, month.parse().map_err(|_| bad())?, 1).map_err(|_| bad())?;
        let next = first.checked_add(1.month()).map_err(|_| PeriodError::Range)?;
        Self::between(name.to_owned(), first, next, zone, Kind::Month)
    }

    /// A free span, from instants or days (a day means its midnight in the zone).
    ///
    /// # Errors
    /// When a bound is no time, or the end is not after the start.
    pub fn span(from: &str, to: &str, zone: &TimeZone) -> Result<Self, PeriodError> {
        let (start, end) = (parse_time(from, zone)?, parse_time(to, zone)?);
        if end <= start {
            return Err(PeriodError::Empty);
        }
        let name = format!("{from}..{to}");
        Ok(Self { name, start, end, time_zone: zone.clone(), kind: Kind::Span })
    }

    /// The period before this one, of the same kind: the week before, the month before, or a span
    /// of the same length.
    ///
    /// # Errors
    /// At the edges of the calendar only.
    pub fn previous(&self) -> Result<Self, PeriodError> {
        let first = self.start.to_zoned(self.time_zone.clone()).date();
        match self.kind {
            Kind::Week => Self::week_from(
                first.checked_sub(1.week()).map_err(|_| PeriodError::Range)?,
                &self.time_zone,
            ),
            Kind::Month => {
                let before = first.checked_sub(1.month()).map_err(|_| PeriodError::Range)?;
                let name = before.strftime("%Y-%m").to_string();
                Self::between(name, before, first, &self.time_zone, Kind::Month)
            }
            Kind::Span => {
                let length = self.end.duration_since(self.start);
                let start = self.start.checked_sub(length).map_err(|_| PeriodError::Range)?;
                let name = format!("{start}..{}", self.start);
                Ok(Self { name, start, end: self.start, ..self.clone() })
            }
        }
    }

    /// The part of the period before `end`, as a free span named by its bounds; `None` where there
    /// is none, and the period itself where it ends by then.
    #[must_use]
    pub fn before(&self, end: Timestamp) -> Option<Self> {
        if end >= self.end {
            return Some(self.clone());
        }
        let name = format!("{}..{end}", self.start);
        (end > self.start).then(|| Self { name, end, kind: Kind::Span, ..self.clone() })
    }

    /// The last midnight of the period's time zone that is not after an instant.
    #[must_use]
    pub fn midnight_before(&self, instant: Timestamp) -> Timestamp {
        let day = instant.to_zoned(self.time_zone.clone()).start_of_day();
        day.map_or(instant, |zoned| zoned.timestamp())
    }

    /// Whether an instant belongs to the period.
    #[must_use]
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// The UTC days that the period touches, in order.
    pub fn utc_days(&self) -> impl Iterator<Item = Date> + use<> {
        let first = utc_day(self.start);
        let last =
            utc_day(Timestamp::from_nanosecond(self.end.as_nanosecond() - 1).unwrap_or(self.end));
        first.series(1.day()).take_while(move |day| *day <= last)
    }

    /// The period as whole UTC days, the last one excluded: what finance's months are, whatever the
    /// period's own zone.
    #[must_use]
    pub fn utc_day_range(&self) -> std::ops::Range<Date> {
        let mut days = self.utc_days();
        let first = utc_day(self.start);
        let last = days.by_ref().last().unwrap_or(first);
        first..last.tomorrow().unwrap_or(Date::MAX)
    }

    /// The name of the period's time zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.time_zone.iana_name().unwrap_or("UTC")
    }

    /// What kind of period it is, in a sentence: `week`, `month`, `period`.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Week => "week",
            Kind::Month => "month",
            Kind::Span => "period",
        }
    }

    fn week_from(monday: Date, zone: &TimeZone) -> Result<Self, PeriodError> {
        let iso = monday.iso_week_date();
        let name = format!("{:04}-W{:02}", iso.year(), iso.week());
        let next = monday.checked_add(1.week()).map_err(|_| PeriodError::Range)?;
        Self::between(name, monday, next, zone, Kind::Week)
    }

    fn between(
        name: String,
        first: Date,
        next: Date,
        zone: &TimeZone,
        kind: Kind,
    ) -> Result<Self, PeriodError> {
        // Where midnight does not exist (a zone that changes its clocks at 00:00) this is the first
        // instant after the gap, so periods still join without a seam.
        let midnight =
            |day: Date| Ok(day.to_zoned(zone.clone()).map_err(|_| PeriodError::Range)?.timestamp());
        let (start, end) = (midnight(first)?, midnight(next)?);
        Ok(Self { name, start, end, time_zone: zone.clone(), kind })
    }
}

/// The UTC day of an instant: the day a run is stored under, and the day AWS bills.
#[must_use]
pub fn utc_day(instant: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(instant).date()
}

fn monday_of(day: Date) -> Result<Date, PeriodError> {
    let since_monday = i32::from(day.weekday().since(Weekday::Monday));
    day.checked_sub(since_monday.days()).map_err(|_| PeriodError::Range)
}

fn parse_time(text: &str, zone: &TimeZone) -> Result<Timestamp, PeriodError> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let bad = || PeriodError::Time(text.to_owned());
    let civil: jiff::civil::DateTime = text.parse().map_err(|_| bad())?;
    Ok(civil.to_zoned(zone.clone()).map_err(|_| bad())?.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn a_week_has_its_iso_name() {
        let week = Period::week("2026-W46", &TimeZone::UTC).unwrap();
        assert_eq!(week.start.to_string(), "2026-11-09T00:00:00Z");
        assert_eq!(week.end.to_string(), "2026-11-16T00:00:00Z");
        assert_eq!(week.previous().unwrap().name, "2026-W45");
        assert_eq!(
            Period::week("2027-W01", &TimeZone::UTC).unwrap().previous().unwrap().name,
            "2026-W53"
        );
        assert!(Period::week("2027-W53", &TimeZone::UTC).is_err());
        assert!(Period::week("2026-46", &TimeZone::UTC).is_err());
    }

    #[test]
    fn weeks_at_daylight_saving_edges_have_their_real_length() {
        let berlin = zone("Europe/Berlin");
        let hours = |name| {
            let week = Period::week(name, &berlin).unwrap();
            week.end.duration_since(week.start).as_hours()
        };
        assert_eq!(hours("2026-W13"), 167); // clocks go forward on 29 March
        assert_eq!(hours("2026-W43"), 169); // and back on 25 October
        assert_eq!(hours("2026-W46"), 168);
    }

    #[test]
    fn the_last_week_is_over() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let last = |now| Period::last_week(at(now), &TimeZone::UTC).unwrap().name;
        assert_eq!(last("2026-11-16T00:00:00Z"), "2026-W46");
        assert_eq!(last("2026-11-15T23:59:59Z"), "2026-W45");
        assert_eq!(last("2026-11-22T12:00:00Z"), "2026-W46");
    }

    proptest! {
        /// Whatever the zone, every instant is in exactly one week: its own, found the other way
        /// round, from the instant's civil date.
        #[test]
        fn weeks_partition_time(
            second in 1_500_000_000_i64..2_200_000_000,
            name in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
                "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Pacific/Apia",
            ]),
        ) {
            let zone = zone(name);
            let instant = Timestamp::from_second(second).unwrap();
            let iso = instant.to_zoned(zone.clone()).date().iso_week_date();
            let name = format!("{:04}-W{:02}", iso.year(), iso.week());
            let week = Period::week(&name, &zone).unwrap();
            prop_assert!(week.contains(instant));
            let before = week.previous().unwrap();
            prop_assert_eq!(before.end, week.start);
            prop_assert!(!before.contains(instant));
            prop_assert!(week.utc_days().any(|day| day == utc_day(instant)));
        }
    }
}
