//! Times of the week, said plainly: days, from, to, and the zone whose clocks are meant.

use crate::model::written::{ClockText, ZoneText};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::Deserialize;

/// The days of the week that a wide enough time touches for certain, and one to spare.
const DAYS_MAX: usize = 9;

/// A time that comes every week, and what a team is sure of in it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSetting {
    /// How much of the quota it is sure of: runs, DPUs or vCPUs.
    pub units: f64,
    /// The days it begins on; every day where there are none.
    #[serde(default)]
    pub days: Vec<Day>,
    /// When it begins.
    #[schemars(with = "ClockText")]
    pub from: Time,
    /// When it ends: on the next day where that is not after `from`.
    #[schemars(with = "ClockText")]
    pub to: Time,
    /// Whose clocks.
    #[serde(default = "utc")]
    #[schemars(with = "ZoneText")]
    pub time_zone: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl WindowSetting {
    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn check(&self) -> Result<(), String> {
        TimeZone::get(&self.time_zone).map(|_| ()).map_err(|_| {
            format!("`{}` is no time zone; write it like Europe/London", self.time_zone)
        })
    }

    /// Whether a time, of which the end is excluded, touches the window. An instant is a time that
    /// ends as it begins.
    #[must_use]
    pub fn touches(&self, from: Timestamp, until: Timestamp) -> bool {
        let Ok(zone) = TimeZone::get(&self.time_zone) else { return false };
        // The window of the eve may reach into today.
        let Ok(eve) = zone.to_datetime(from).date().yesterday() else { return false };
        let last = zone.to_datetime(until).date();
        eve.series(1.day())
            .take(DAYS_MAX)
            .take_while(|day| *day <= last)
            .filter(|day| self.begins_on(day.weekday()))
            .filter_map(|day| self.on(day, &zone))
            .any(|(begin, end)| begin < until.max(from + 1.nanosecond()) && from < end)
    }

    fn begins_on(&self, weekday: Weekday) -> bool {
        self.days.is_empty() || self.days.iter().any(|day| day.weekday() == weekday)
    }

    /// The window that begins on a day. Where clocks change, its ends are where those clocks say.
    fn on(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let last = if self.to <= self.from { day.tomorrow().ok()? } else { day };
        let instant = |day: Date, time: Time| {
            let zoned = day.to_datetime(time).to_zoned(zone.clone()).ok()?;
            Some(zoned.timestamp())
        };
        Some((instant(day, self.from)?, instant(last, self.to)?))
    }
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(text: &str) -> WindowSetting {
        let window: WindowSetting = toml::from_str(text).unwrap();
        window.check().unwrap();
        window
    }

    fn touches(window: &WindowSetting, from: &str, until: &str) -> bool {
        window.touches(from.parse().unwrap(), until.parse().unwrap())
    }

    #[test]
    fn a_window_is_where_its_zones_clocks_say() {
        let text = "units=1.0\ndays=['fri']\nfrom='22:00'\nto='02:00'\ntime_zone='Europe/Berlin'";
        let window = window(text);
        // Friday 22:00 in Berlin is 21:00 in winter and 20:00 in summer.
        let now = |at: &str| touches(&window, at, at);
        assert!(!now("2026-11-20T20:59:59Z") && now("2026-11-20T21:00:00Z"));
        assert!(now("2026-11-21T00:59:59Z") && !now("2026-11-21T01:00:00Z"));
        assert!(now("2026-07-17T20:00:00Z") && !now("2026-07-18T00:00:00Z"));
        assert!(!now("2026-11-19T22:00:00Z"), "Thursday");
        assert!(touches(&window, "2026-11-16T00:00:00Z", "2026-11-24T00:00:00Z"));
        assert!(!touches(&window, "2026-11-16T00:00:00Z", "2026-11-20T21:00:00Z"));
        let nowhere = toml::from_str::<WindowSetting>(
            "units=1.0\nfrom='22:00'\nto='02:00'\ntime_zone='Mars/Base'",
        );
        assert!(nowhere.unwrap().check().unwrap_err().contains("Mars/Base"));
    }

    proptest! {
        /// Against the clock on the wall, minute by minute.
        #[test]
        fn as_the_clock_on_the_wall_says(
            from_minute in 0_i8..60, from_hour in 0_i8..24, to_hour in 0_i8..24,
            begin in 0_i64..20_000, length in 0_i64..300, day in 0_usize..8,
        ) {
            let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            let days = names.get(day).map_or(String::new(), |day| format!("days=['{day}']\n"));
            let text = format!(
                "units=1.0\n{days}from='{from_hour:02}:{from_minute:02}'\nto='{to_hour:02}:00'\n\
                 time_zone='Asia/Kolkata'"
            );
            let window = window(&text);
            // No daylight saving there: 5 h 30 min ahead of UTC, always.
            let epoch: Timestamp = "2026-11-15T18:30:00Z".parse().unwrap(); // Monday 00:00
            let from_of_day = i64::from(from_hour) * 60 + i64::from(from_minute);
            let to_of_day = i64::from(to_hour) * 60;
            let long = (to_of_day - from_of_day).rem_euclid(1440);
            let long = if long == 0 { 1440 } else { long };
            let inside = |minute: i64| (-1..16).any(|d: i64| {
                let ours = day > 6 || d.rem_euclid(7) == i64::try_from(day).unwrap();
                let start = d * 1440 + from_of_day;
                ours && start <= minute && minute < start + long
            });
            let expected = (begin..begin + length.max(1)).any(inside);
            let at = |minute: i64| epoch + minute.minutes();
            prop_assert_eq!(window.touches(at(begin), at(begin + length)), expected);
        }
    }
}
