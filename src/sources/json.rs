//! JSON records, member by member: numbers and times are read from the record's own text, so that
//! no binary float stands between the source and the money.
//!
//! Knows no engine. A record is parsed once into the raw texts of its members; each converter takes
//! the members it needs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::ConvertError;

/// Epoch numbers from here on count milliseconds: as seconds this is the year 5138, as milliseconds
/// it is 1973.
const EPOCH_MILLIS_MIN: i64 = 100_000_000_000;

/// The members of one JSON object, in order, with their values as JSON text.
pub(super) struct Members<'a>(Vec<Member<'a>>);

/// One member of a JSON object.
pub(super) struct Member<'a> {
    /// The member's name, unescaped.
    pub(super) name: Cow<'a, str>,
    /// Its value, as the text that stands in the source.
    pub(super) value: &'a RawValue,
}

impl<'a> Members<'a> {
    /// Reads an object.
    pub(super) fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The members, in the order of the text.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Member<'a>> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(32);
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push(Member { name, value });
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A name that borrows from the record unless it is escaped there. (A bare `Cow` always copies.)
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Member<'a> {
    /// Takes the member as text. Numbers and truth values are taken as they are written, because a
    /// version `5.0` loses its quotes easily; empty text is unknown.
    pub(super) fn text(&self, into: &mut Option<String>) -> Result<(), ConvertError> {
        let expected = "text";
        let text = match self.value.get().as_bytes() {
            [b'"', ..] => self.unquoted(expected)?.into_owned(),
            [b'{' | b'[', ..] => return Err(self.unexpected(expected)),
            b"null" => String::new(),
            _ => self.value.get().to_owned(),
        };
        self.once(into, Some(text).filter(|text| !text.is_empty()))
    }

    /// Takes the member as a number of zero or more, exactly as it is written.
    pub(super) fn decimal(&self, into: &mut Option<Decimal>) -> Result<(), ConvertError> {
        let expected = "a number of zero or more, as 12.5";
        let Some(text) = self.scalar(expected)? else { return Ok(()) };
        let number = decimal(&text).filter(|number| *number >= Decimal::ZERO);
        // A zero may bear a sign, which would only show.
        self.once(into, Some(number.ok_or_else(|| self.unexpected(expected))?.abs()))
    }

    /// Takes the member as a whole number.
    pub(super) fn count(&self, into: &mut Option<u64>) -> Result<(), ConvertError> {
        let expected = "a whole number, as 10";
        let Some(text) = self.scalar(expected)? else { return Ok(()) };
        let whole = || decimal(&text).filter(Decimal::is_integer)?.to_u64();
        let count = text.parse().ok().or_else(whole);
        self.once(into, Some(count.ok_or_else(|| self.unexpected(expected))?))
    }

    /// Takes the member as a whole number of at most 32 bits.
    pub(super) fn small_count(&self, into: &mut Option<u32>) -> Result<(), ConvertError> {
        let mut count = into.map(u64::from);
        self.count(&mut count)?;
        let small = |count| u32::try_from(count);
        *into = count
            .map(small)
            .transpose()
            .map_err(|_| self.unexpected("a whole number below 4294967296"))?;
        Ok(())
    }

    /// Takes the member as an instant: ISO 8601 with `Z` or an offset, or seconds or milliseconds
    /// since 1970, told apart by their magnitude.
    pub(super) fn time(&self, into: &mut Option<Timestamp>) -> Result<(), ConvertError> {
        let expected = "a time with an offset, as 2026-11-10T02:00:00Z, or epoch seconds";
        let Some(text) = self.scalar(expected)? else { return Ok(()) };
        self.once(into, Some(instant(&text).ok_or_else(|| self.unexpected(expected))?))
    }

    /// Takes the member as a truth value.
    pub(super) fn flag(&self, into: &mut Option<bool>) -> Result<(), ConvertError> {
        let expected = "true or false";
        let Some(text) = self.scalar(expected)? else { return Ok(()) };
        self.once(into, Some(text.parse().map_err(|_| self.unexpected(expected))?))
    }

    /// Takes the member as tags. A tag without a value has an empty one.
    pub(super) fn tags(
        &self,
        into: &mut Option<BTreeMap<String, String>>,
    ) -> Result<(), ConvertError> {
        let tags: Option<BTreeMap<String, Option<String>>> = serde_json::from_str(self.value.get())
            .map_err(|_| self.unexpected("an object of texts, as {\"team\": \"orders\"}"))?;
        let with_values = |tags: BTreeMap<String, Option<String>>| {
            tags.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
        };
        self.once(into, tags.map(with_values))
    }

    /// The member as a list of texts; none where it is null.
    pub(super) fn texts(&self) -> Result<Vec<String>, ConvertError> {
        let texts: Option<Vec<String>> = serde_json::from_str(self.value.get())
            .map_err(|_| self.unexpected("a list of texts"))?;
        Ok(texts.unwrap_or_default())
    }

    /// The member's own members; `None` where it is null.
    pub(super) fn object(&self) -> Result<Option<Members<'a>>, ConvertError> {
        serde_json::from_str(self.value.get()).map_err(|_| self.unexpected("an object"))
    }

    /// Sets a field that may be set once only: of two values neither is known to be right.
    pub(super) fn once<T>(
        &self,
        into: &mut Option<T>,
        value: Option<T>,
    ) -> Result<(), ConvertError> {
        let Some(value) = value else { return Ok(()) };
        if into.replace(value).is_some() {
            return Err(ConvertError::twice(&self.name));
        }
        Ok(())
    }

    /// The text of a number, time or truth value, quoted or not; `None` where it is null or empty.
    fn scalar(&self, expected: &'static str) -> Result<Option<Cow<'a, str>>, ConvertError> {
        match self.value.get().as_bytes() {
            b"null" | b"\"\"" => Ok(None),
            [b'"', ..] => self.unquoted(expected).map(Some),
            _ => Ok(Some(Cow::Borrowed(self.value.get()))),
        }
    }

    fn unquoted(&self, expected: &'static str) -> Result<Cow<'a, str>, ConvertError> {
        let Name(text) =
            serde_json::from_str(self.value.get()).map_err(|_| self.unexpected(expected))?;
        Ok(text)
    }

    fn unexpected(&self, expected: &'static str) -> ConvertError {
        ConvertError::unexpected(&self.name, expected, self.value.get())
    }
}

/// A number as it is written, E-notation included. Digits beyond the 28 that a decimal holds are
/// rounded; no double has as many. `None` for anything else, and for what is too large.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    // The decimal's own parser would also take digit separators.
    if text.contains('_') {
        return None;
    }
    let Some((base, exponent)) = text.split_once(['e', 'E']) else { return text.parse().ok() };
    let (mut number, mut exponent): (Decimal, i64) = (base.parse().ok()?, exponent.parse().ok()?);
    if number.is_zero() {
        return Some(number);
    }
    let step = i64::from(Decimal::MAX_SCALE);
    while exponent < 0 && !number.is_zero() {
        let digits = exponent.unsigned_abs().min(step.unsigned_abs());
        number *= Decimal::new(1, u32::try_from(digits).ok()?);
        exponent += i64::try_from(digits).ok()?;
    }
    if exponent > 0 {
        let power = 10_i128.checked_pow(u32::try_from(exponent).ok()?)?;
        number = number.checked_mul(Decimal::try_from_i128_with_scale(power, 0).ok()?)?;
    }
    Some(number)
}

/// An instant in any of the forms in which AWS and its tools print one.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let Some(number) = decimal(text) else { return text.parse().ok() };
    let nanos_per_unit =
        if number.abs() < Decimal::from(EPOCH_MILLIS_MIN) { 1_000_000_000 } else { 1_000_000 };
    let nanos = number.checked_mul(Decimal::from(nanos_per_unit))?;
    Timestamp::from_nanosecond(nanos.round().to_i128()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let read = |text| decimal(text).map(|number| number.normalize().to_string());
        for (text, expected) in [
            ("0.1", "0.1"),
            ("12", "12"),
            ("1.602873931255E9", "1602873931.255"),
            ("2.5e-3", "0.0025"),
            ("25e+1", "250"),
            ("1e-7", "0.0000001"),
            ("1.2345678901234567E-15", "0.0000000000000012345678901235"),
            ("4.9E-324", "0"),
            ("0e999999999999", "0"),
            // What a sum of binary floats looks like: kept to the digit.
            ("0.30000000000000004", "0.30000000000000004"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "NaN", "Infinity", "1e40", "1e999999999999999999999", "9_9", "1,5", "0x10"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_without_an_offset_is_none() {
        assert_eq!(instant("2026-11-10T02:00:00"), None);
        assert_eq!(instant("2026-11-10"), None);
        assert_eq!(instant("tomorrow"), None);
        assert_eq!(instant("1e27"), None);
        assert_eq!(instant("0").unwrap(), Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let last_second = instant("99999999999.999999999").unwrap();
        assert_eq!(last_second.to_string(), "5138-11-16T09:46:39.999999999Z");
        assert_eq!(instant("100000000000").unwrap().to_string(), "1973-03-03T09:46:40Z");
    }

    #[test]
    fn counts_may_be_written_as_decimals() {
        let count = |json: &str| {
            let json = format!("{{\"n\":{json}}}");
            let members = Members::parse(&json).unwrap();
            let mut count = None;
            members.iter().try_for_each(|member| member.small_count(&mut count)).map(|()| count)
        };
        assert_eq!(count("10"), Ok(Some(10)));
        assert_eq!(count("10.0"), Ok(Some(10)));
        assert_eq!(count("\"10\""), Ok(Some(10)));
        assert_eq!(count("null"), Ok(None));
        for json in ["10.5", "-1", "4294967296", "[10]", "true", "\"ten\""] {
            let error = count(json).unwrap_err().to_string();
            assert!(error.starts_with("`n` should be a whole number"), "{error}");
        }
    }
}
