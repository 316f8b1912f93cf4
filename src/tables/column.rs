//! What a table is made of: columns with a name, a type and a meaning, and how each column's value
//! is taken from what a row is about.
//!
//! All four stand in one place for each column, so that a document, a header and a row cannot
//! disagree. How a value is written is each format's own affair.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::model::Usd;

/// The decimals of money: nano-dollars.
pub(super) const MONEY_DECIMALS: u32 = 9;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text in UTF-8.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// An instant, in UTC.
    Timestamp,
    /// A day, in UTC.
    Date,
    /// A measure that no money is computed from, as a binary floating-point number.
    Ratio,
    /// US dollars, exact: a decimal number of 38 digits, 9 of them after the point.
    Money,
    /// An exact decimal number of 38 digits, so many of them after the point.
    Decimal(u32),
}

impl Kind {
    /// The type in words, for the list of columns.
    #[must_use]
    pub fn word(self) -> Cow<'static, str> {
        match self {
            Self::Text => "text".into(),
            Self::Integer => "integer".into(),
            Self::Boolean => "boolean".into(),
            Self::Timestamp => "timestamp".into(),
            Self::Date => "date".into(),
            Self::Ratio => "float".into(),
            Self::Money => "decimal(38,9)".into(),
            Self::Decimal(scale) => format!("decimal(38,{scale})").into(),
        }
    }

    /// The digits after the point of an exact number; `None` for everything else.
    #[must_use]
    pub const fn scale(self) -> Option<u32> {
        match self {
            Self::Money => Some(MONEY_DECIMALS),
            Self::Decimal(scale) => Some(scale),
            _ => None,
        }
    }
}

/// A column, as it is documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in headers.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// What it says, with its unit.
    pub meaning: &'static str,
    /// Whether its values add up to something: such columns have a total.
    pub is_summed: bool,
}

/// An exact number: `units` of the `scale`-th digit after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    /// How many.
    pub units: i128,
    /// Digits after the point.
    pub scale: u32,
}

impl Exact {
    /// The number in units of another digit; `None` where digits would be lost, or it would need
    /// more than 38.
    pub(super) fn at_scale(self, scale: u32) -> Option<i128> {
        let factor = 10_i128.checked_pow(scale.checked_sub(self.scale)?)?;
        let units = self.units.checked_mul(factor)?;
        (units.unsigned_abs() < 10_u128.pow(38)).then_some(units)
    }
}

/// A plain decimal number without needless zeros, as `-0.0625` and `12`.
impl std::fmt::Display for Exact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let width = self.scale as usize;
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = width + 1);
        let (whole, fraction) = digits.split_at(digits.len() - width);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not known, or does not apply.
    Null,
    /// Text, hostile where it comes from AWS.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// An instant.
    Timestamp(Timestamp),
    /// A day.
    Date(Date),
    /// A measure.
    Ratio(f64),
    /// An exact number: money, a quantity, a price.
    Exact(Exact),
}

/// What a row's values are taken from: a column, and the way to its value.
#[derive(Debug)]
pub struct Field<S: 'static> {
    /// The column.
    pub column: Column,
    /// The value of a row.
    pub value: for<'a> fn(&'a S) -> Value<'a>,
}

impl<S> Field<S> {
    /// A column and the way to its value.
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        meaning: &'static str,
        value: for<'a> fn(&'a S) -> Value<'a>,
    ) -> Self {
        Self { column: Column { name, kind, meaning, is_summed: false }, value }
    }

    /// The same, with a total.
    pub(super) const fn summed(self) -> Self {
        Self { column: Column { is_summed: true, ..self.column }, value: self.value }
    }
}

/// What `failed_runs` counts in every table that puts runs together.
pub(super) const FAILED: &str = "of those, FAILED, TIMEOUT, ERROR or EXPIRED, but for streams \
     that Glue restarted and sessions that ended idle";

/// The meaning of [`Value::of_priced`] in every table that puts runs together.
pub(super) const PRICED: &str =
    "what its priced runs cost, in US dollars; empty where none has a price";

impl<'a> Value<'a> {
    /// A text.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A text that may be missing.
    pub(super) fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// A count. None comes near the limit of 64 bits.
    pub(super) fn count(count: impl TryInto<i64>) -> Self {
        Self::Integer(count.try_into().unwrap_or(i64::MAX))
    }

    /// An instant that may be missing.
    pub(super) fn instant(instant: Option<Timestamp>) -> Self {
        instant.map_or(Self::Null, Self::Timestamp)
    }

    /// Money.
    pub(super) const fn money(amount: Usd) -> Self {
        Self::Exact(Exact { units: amount.nanos(), scale: MONEY_DECIMALS })
    }

    /// Money that may be missing, which is never 0.
    pub(super) fn maybe_money(amount: Option<Usd>) -> Self {
        amount.map_or(Self::Null, Self::money)
    }

    /// What those of some runs come to that have a price: missing where none of them has.
    pub(super) fn of_priced(amount: Usd, runs: u64, unpriced: u64) -> Self {
        Self::maybe_money((runs == 0 || unpriced < runs).then_some(amount))
    }

    /// A number, rounded half to even where it has more decimals.
    pub(super) fn decimal(number: Decimal, decimals: u32) -> Self {
        let number = number.round_dp(decimals);
        Self::Exact(Exact { units: number.mantissa(), scale: number.scale() })
    }
}

/// The columns of fields, in order.
pub(super) fn columns_of<S>(fields: &'static [Field<S>]) -> Vec<&'static Column> {
    fields.iter().map(|field| &field.column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_number_is_written_without_needless_zeros() {
        let shown = |units, scale| Exact { units, scale }.to_string();
        assert_eq!(shown(0, 9), "0");
        assert_eq!(shown(-62_500_000, 9), "-0.0625");
        assert_eq!(shown(12_000_000_000, 9), "12");
        assert_eq!(shown(7, 0), "7");
        assert_eq!(shown(1_234_567, 3), "1234.567");
    }

    #[test]
    fn digits_are_added_but_never_lost() {
        let exact = Exact { units: 15, scale: 1 };
        assert_eq!(exact.at_scale(9), Some(1_500_000_000));
        assert_eq!(exact.at_scale(0), None);
        assert_eq!(Exact { units: i128::MAX, scale: 0 }.at_scale(9), None);
        assert_eq!(Exact { units: 10_i128.pow(38), scale: 9 }.at_scale(9), None);
        assert_eq!(
            Exact { units: 10_i128.pow(38) - 1, scale: 9 }.at_scale(9),
            Some(10_i128.pow(38) - 1)
        );
    }
}
