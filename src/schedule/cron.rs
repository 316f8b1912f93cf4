//! When something is due: a cron line in a time zone.
//!
//! The clock's changes are met once each. Where a time is skipped in spring, what was due then is
//! due when the clock has leapt; where one comes twice in autumn, it is due the first time only. So
//! a weekly report has one due time a week, whatever the zone does that night.

use std::fmt;

use cronexpr::Crontab;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

/// A cron line of five fields: minute, hour, day of month, month, weekday.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    /// Reckoned as if the zone's clock were UTC: what the clock does in spring and autumn is not
    /// for the cron line to know.
    crontab: Crontab,
}

/// A cron line that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CronError {
    /// Not five fields of numbers, names, `*`, `,`, `-` and `/`.
    #[error(
        "`{0}` is no cron line: write minute, hour, day of month, month and weekday, as `0 7 * * \
         MON`, with numbers, names, `*`, `,`, `-` and `/`"
    )]
    Form(String),
    /// It never comes, or a field is out of range.
    #[error("`{text}` cannot be used: {reason}")]
    Never {
        /// The line.
        text: String,
        /// Why.
        reason: String,
    },
    /// EventBridge Scheduler knows no "or" of the two kinds of day.
    #[error("`{0}` names days of the month and weekdays: AWS's schedules take one of them")]
    TwoDays(String),
}

impl Cron {
    /// Reads a cron line. The extensions that cron's descendants have (`L`, `W`, `#`, `?`) are
    /// refused: no two of them mean the same.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let form = || CronError::Form(text.to_owned());
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [_, _, day, _, weekday] = fields[..] else { return Err(form()) };
        if !fields.iter().all(|field| field.split([',', '-', '/']).all(is_plain)) {
            return Err(form());
        }
        if day != "*" && weekday != "*" {
            return Err(CronError::TwoDays(text.to_owned()));
        }
        let text = fields.join(" ");
        let never = |error: cronexpr::Error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim().to_owned();
            CronError::Never { text: text.clone(), reason }
        };
        let crontab = cronexpr::parse_crontab(&format!("{text} UTC")).map_err(never)?;
        // A day that is in no month is found out now, and not when it was to be due.
        crontab.find_next(Timestamp::UNIX_EPOCH.to_string().as_str()).map_err(never)?;
        Ok(Self { text, crontab })
    }

    /// The due times after one instant, the earliest first.
    pub fn after<'a>(
        &'a self,
        instant: Timestamp,
        zone: &'a TimeZone,
    ) -> impl Iterator<Item = Timestamp> + 'a {
        // An hour and more back: what the spring skipped is due after the leap.
        let from = instant - jiff::SignedDuration::from_hours(3);
        let from = as_if_utc(zone.to_datetime(from));
        let times = from.and_then(|from| self.crontab.iter_after(from.to_string().as_str()).ok());
        let mut last = instant;
        times
            .into_iter()
            .flatten()
            .map_while(Result::ok)
            .filter_map(move |civil| instant_of(civil.datetime(), zone))
            // Several skipped times, and the regular one after the leap, are the same instant.
            .filter(move |due| {
                let is_later = *due > last;
                last = last.max(*due);
                is_later
            })
    }

    /// As EventBridge Scheduler writes it, where a week begins with Sunday as 1 and one of the two
    /// kinds of day has to be `?`:
    /// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>.
    #[must_use]
    pub fn for_eventbridge(&self) -> String {
        let fields: Vec<&str> = self.text.split(' ').collect();
        let [minute, hour, day, month, weekday] = fields[..] else { return String::new() };
        let (day, weekday) = match (day, weekday) {
            (day, "*") => (day.replace("*/", "1/"), "?".to_owned()),
            (_, weekday) => ("?".to_owned(), named_days(weekday)),
        };
        // A step begins with a number there.
        let (minute, hour) = (minute.replace("*/", "0/"), hour.replace("*/", "0/"));
        let month = month.replace("*/", "1/");
        format!("cron({minute} {hour} {day} {month} {weekday} *)")
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The wall clock's time as an instant of a zone without changes.
fn as_if_utc(civil: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// When a clock on the wall shows a time, or would have.
fn instant_of(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { before, .. } => {
            let after_the_leap = before.to_timestamp(civil).ok()?;
            let next = after_the_leap.checked_add(Span::new().nanoseconds(1)).ok()?;
            zone.preceding(next).next().map(|leap| leap.timestamp())
        }
        _ => ambiguous.earlier().ok(),
    }
}

/// A number, a name of three letters, or everything.
fn is_plain(part: &str) -> bool {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    part == "*" || is_number || is_name
}

/// Weekdays by name, since their numbers differ: 0 and 7 are cron's Sunday, 1 is AWS's.
fn named_days(field: &str) -> String {
    const NAMES: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let named = |part: &str| {
        let place = part.parse::<usize>().ok();
        place.and_then(|place| NAMES.get(place)).map_or(part.to_owned(), |name| (*name).to_owned())
    };
    let parts = field.split(',').map(|part| match part.split_once('/') {
        // What follows a slash is a number of days.
        Some((days, step)) => format!("{}/{step}", range(days, &named)),
        None => range(part, &named),
    });
    parts.collect::<Vec<_>>().join(",")
}

fn range(part: &str, named: &impl Fn(&str) -> String) -> String {
    part.split('-').map(named).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(line: &str, zone: &str, after: &str, times: usize) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let cron = Cron::parse(line).unwrap();
        let due = cron.after(after.parse().unwrap(), &zone);
        due.take(times).map(|time| time.to_string()).collect()
    }

    #[test]
    fn monday_at_seven_is_by_the_zones_clock() {
        // The clocks of London go back on 2026-10-25.
        let mondays = due("0 7 * * MON", "Europe/London", "2026-10-19T06:00:00Z", 2);
        assert_eq!(mondays, ["2026-10-26T07:00:00Z", "2026-11-02T07:00:00Z"]);
        let before = due("0 7 * * MON", "Europe/London", "2026-10-19T05:59:59Z", 1);
        assert_eq!(before, ["2026-10-19T06:00:00Z"]);
    }

    #[test]
    fn a_time_that_spring_skips_is_due_after_the_leap() {
        // London's clocks leap from 01:00 to 02:00 on 2027-03-28, which is 01:00 UTC.
        let nights = due("30 1 * * *", "Europe/London", "2027-03-27T12:00:00Z", 2);
        assert_eq!(nights, ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]);
        let just_before = due("30 1 * * *", "Europe/London", "2027-03-28T00:59:59Z", 1);
        assert_eq!(just_before, ["2027-03-28T01:00:00Z"]);
        // What the leap moves onto a regular time is due once, and no regular time is lost.
        let halves = due("0,30 1,2 * * *", "Europe/London", "2027-03-28T00:00:00Z", 3);
        let expected = ["2027-03-28T01:00:00Z", "2027-03-28T01:30:00Z", "2027-03-29T00:00:00Z"];
        assert_eq!(halves, expected);
        // A leap of half an hour, from 02:00 to 02:30, which is 15:30 UTC the day before.
        let minutes = due("10,35 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 2);
        assert_eq!(minutes, ["2026-10-03T15:30:00Z", "2026-10-03T15:35:00Z"]);
    }

    #[test]
    fn a_time_that_autumn_repeats_is_due_once() {
        // 01:30 comes twice in London on 2026-10-25: 00:30 and 01:30 UTC.
        let nights = due("30 1 * * *", "Europe/London", "2026-10-24T12:00:00Z", 2);
        assert_eq!(nights, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        let between = due("30 1 * * *", "Europe/London", "2026-10-25T00:45:00Z", 1);
        assert_eq!(between, ["2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn no_due_time_is_lost_or_repeated_over_a_year_of_changes() {
        // Counted another way: one a day by the calendar.
        for zone in ["Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata"] {
            for line in ["0 0 * * *", "15 2 * * *", "59 23 * * *"] {
                let times = due(line, zone, "2026-01-01T12:00:00Z", 365);
                let zone = TimeZone::get(zone).unwrap();
                let date = |text: &String| zone.to_datetime(text.parse().unwrap()).date();
                let days: std::collections::BTreeSet<_> = times.iter().map(date).collect();
                assert_eq!(days.len(), 365, "{line} {zone:?}");
            }
        }
    }

    #[test]
    fn what_is_no_cron_line_is_refused() {
        for line in ["", "0 7 * *", "0 7 * * MON *", "@weekly", "0 7 ? * MON", "0 7 L * *"] {
            assert!(matches!(Cron::parse(line), Err(CronError::Form(_))), "{line}");
        }
        for line in ["60 7 * * *", "0 24 * * *", "0 7 30 2 *", "0 7 * * FOO"] {
            assert!(matches!(Cron::parse(line), Err(CronError::Never { .. })), "{line}");
        }
        assert!(matches!(Cron::parse("0 7 1 * MON"), Err(CronError::TwoDays(_))));
    }

    #[test]
    fn eventbridge_has_its_own_spelling() {
        let of = |line: &str| Cron::parse(line).unwrap().for_eventbridge();
        assert_eq!(of("0 7 * * MON"), "cron(0 7 ? * MON *)");
        assert_eq!(of("*/10 * * * *"), "cron(0/10 * * * ? *)");
        assert_eq!(of("0 */6 */2 * *"), "cron(0 0/6 1/2 * ? *)");
        assert_eq!(of("0 6 5 * *"), "cron(0 6 5 * ? *)");
        assert_eq!(of("0 7 * * 0,1-5"), "cron(0 7 ? * SUN,MON-FRI *)");
    }
}
