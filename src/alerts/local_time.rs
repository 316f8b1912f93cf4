//! A time of day in a zone, as people state a schedule: `18:00 Europe/London`, Monday to Friday.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How far back the last due day is looked for: a schedule has at least one day a week.
const DAYS_BACK: i64 = 8;

/// A time of day in a zone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LocalTime {
    time: Time,
    zone: TimeZone,
}

/// The days of a schedule; none of them means every day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Days(Vec<Weekday>);

const DAY_WORDS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl LocalTime {
    /// The instant of it on a local day. Where clocks skip it, it is as much later; where they show
    /// it twice, the first.
    pub(super) fn on(&self, day: Date) -> Option<Timestamp> {
        let zoned = day.to_datetime(self.time).to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp())
    }

    /// The last of the days on which it had come by `now`, with its instant.
    pub(super) fn last_due(&self, days: &Days, now: Timestamp) -> Option<(Date, Timestamp)> {
        let today = now.to_zoned(self.zone.clone()).date();
        let back = (0..DAYS_BACK).map(|back| today.saturating_sub(back.days()));
        back.filter(|day| days.contains(*day))
            .filter_map(|day| Some((day, self.on(day)?)))
            .find(|(_, at)| *at <= now)
    }

    /// The latest instant at or before `due` at which clocks of the zone show `time`.
    pub(super) fn before(&self, time: Time, due_day: Date, due: Timestamp) -> Option<Timestamp> {
        let other = Self { time, zone: self.zone.clone() };
        let same_day = other.on(due_day)?;
        if same_day <= due { Some(same_day) } else { other.on(due_day.yesterday().ok()?) }
    }

    /// Where it is, for a sentence: `18:00 Europe/London`.
    pub(super) fn as_text(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        format!("{:02}:{:02} {zone}", self.time.hour(), self.time.minute())
    }
}

impl FromStr for LocalTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a time and a zone, as in \"18:00 Europe/London\"");
        let (time, zone) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let time = clock(time).ok_or_else(wrong)?;
        let zone = TimeZone::get(zone.trim())
            .map_err(|_| format!("there is no time zone `{}`", zone.trim()))?;
        Ok(Self { time, zone })
    }
}

/// `18:00` as a time of day.
pub(super) fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str| {
        let is_short = !part.is_empty() && part.len() <= 2;
        (is_short && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

impl Days {
    /// Whether a day is one of them.
    pub(super) fn contains(&self, day: Date) -> bool {
        self.0.is_empty() || self.0.contains(&day.weekday())
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.as_text())
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(from)?;
        let day = |word: &String| {
            let known = DAY_WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known));
            known.map(|(_, day)| *day).ok_or_else(|| {
                serde::de::Error::custom(format!("`{word}` is no day; days are mon, tue ... sun"))
            })
        };
        Ok(Self(words.iter().map(day).collect::<Result<_, _>>()?))
    }
}

impl Serialize for Days {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let word = |day| DAY_WORDS.iter().find(|(_, known)| known == day).map(|(word, _)| *word);
        to.collect_seq(self.0.iter().filter_map(word))
    }
}

crate::model::written::text_schema!(LocalTime, {
    "type": "string", "title": "time of day and zone", "examples": ["18:00 Europe/London"]
});

impl JsonSchema for Days {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Days")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": { "type": "string", "enum": DAY_WORDS.map(|(word, _)| word) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(by: &str, days: &str, now: &str) -> String {
        let by: LocalTime = by.parse().unwrap();
        #[derive(Deserialize)]
        struct Table {
            days: Days,
        }
        let table: Table = toml::from_str(&format!("days = [{days}]")).unwrap();
        let (_, at) = by.last_due(&table.days, now.parse().unwrap()).unwrap();
        at.to_string()
    }

    #[test]
    fn the_last_due_time_follows_the_zone_through_the_year() {
        let london = "18:00 Europe/London";
        assert_eq!(due(london, "", "2026-07-01T17:00:00Z"), "2026-07-01T17:00:00Z");
        assert_eq!(due(london, "", "2026-12-01T17:59:59Z"), "2026-11-30T18:00:00Z");
        assert_eq!(due(london, "'mon'", "2026-12-06T12:00:00Z"), "2026-11-30T18:00:00Z");
        // Sunday 29 March 2026: clocks go from 01:00 to 02:00.
        assert_eq!(due("01:30 Europe/London", "", "2026-03-29T02:00:00Z"), "2026-03-29T01:30:00Z");
        // Sunday 25 October 2026: 01:30 is shown twice.
        assert_eq!(due("01:30 Europe/London", "", "2026-10-25T02:00:00Z"), "2026-10-25T00:30:00Z");
        // Kiritimati is a day ahead.
        assert_eq!(
            due("01:00 Pacific/Kiritimati", "'sat'", "2026-11-13T12:00:00Z"),
            "2026-11-13T11:00:00Z"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["18:00", "6pm UTC", "24:00 UTC", "18:60 UTC", "+1:00 UTC", "1:2:3 UTC"] {
            assert!(text.parse::<LocalTime>().is_err(), "{text}");
        }
        let error = "18:00 Europe/Lodnon".parse::<LocalTime>().unwrap_err();
        assert_eq!(error, "there is no time zone `Europe/Lodnon`");
    }
}
