//! Exact money: US dollars counted in whole nano-dollars.
//!
//! A cost line's amount is rounded once, half to even, at nine decimals (`Usd::of_usage`); from
//! there on money is only added and subtracted, so every table that sums the same lines agrees.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use rust_decimal::Decimal;

const NANOS_PER_DOLLAR: i128 = 1_000_000_000;
const DECIMALS: u32 = 9;
/// How many decimals of a quotient without end are shown.
const SHOWN_DECIMALS_MAX: u32 = 15;

/// An amount of US dollars, exact to the nano-dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i128);

/// The product of a quantity and a rate does not fit the range of [`Usd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is out of range")]
pub struct AmountOutOfRange;

impl Usd {
    /// No money at all. An unpriced run is never this: see [`super::Price`].
    pub const ZERO: Self = Self(0);

    /// The amount of so many nano-dollars.
    #[must_use]
    pub const fn from_nanos(nanos: i128) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars.
    #[must_use]
    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// `quantity / divisor * rate`, computed exactly and rounded once, half to even, at nine
    /// decimals. The divisor keeps a quantity exact whose unit is an hour but whose source counts
    /// seconds: 5,400 DPU-seconds are 1.5 DPU-hours, and 100 are no finite decimal.
    ///
    /// # Errors
    /// When the product leaves the range of 128 bits.
    pub fn of_usage(
        quantity: Decimal,
        divisor: u32,
        rate: Decimal,
    ) -> Result<Self, AmountOutOfRange> {
        let (numerator, denominator) = nanos_fraction(quantity, divisor, rate)?;
        Ok(Self(divide_half_even(numerator, denominator)))
    }

    /// The digits of `quantity / divisor * rate` before they are rounded, and whether they are all:
    /// a quotient without end is cut after fifteen decimals. For showing how an amount came about.
    ///
    /// # Errors
    /// When the product leaves the range of 128 bits.
    pub fn usage_digits(
        quantity: Decimal,
        divisor: u32,
        rate: Decimal,
    ) -> Result<(String, bool), AmountOutOfRange> {
        let (numerator, denominator) = nanos_fraction(quantity, divisor, rate)?;
        let sign = if numerator < 0 { "-" } else { "" };
        let (numerator, denominator) = (numerator.unsigned_abs(), denominator.unsigned_abs());
        let (nanos, mut rest) = (numerator / denominator, numerator % denominator);
        let one = NANOS_PER_DOLLAR.unsigned_abs();
        let mut decimals = format!("{:09}", nanos % one);
        for _ in DECIMALS..SHOWN_DECIMALS_MAX {
            if rest == 0 {
                break;
            }
            let next = rest.checked_mul(10).ok_or(AmountOutOfRange)?;
            decimals.push_str(&(next / denominator).to_string());
            rest = next % denominator;
        }
        let kept = decimals.trim_end_matches('0').len().max(2);
        Ok((format!("{sign}{}.{}", nanos / one, &decimals[..kept]), rest == 0))
    }

    /// This amount times `numerator / denominator`, rounded half to even at nine decimals.
    /// `None` where the denominator is zero or the product is out of range.
    #[must_use]
    pub fn scaled(self, numerator: u64, denominator: u64) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let product = self.0.checked_mul(i128::from(numerator))?;
        Some(Self(divide_half_even(product, i128::from(denominator))))
    }

    /// An amount from a decimal number of dollars; `None` where it has more than nine decimals.
    #[must_use]
    pub fn from_decimal(dollars: Decimal) -> Option<Self> {
        let dollars = dollars.normalize();
        let missing = DECIMALS.checked_sub(dollars.scale())?;
        Some(Self(dollars.mantissa().checked_mul(10_i128.checked_pow(missing)?)?))
    }

    /// Whole cents, rounded half to even. For showing only: booked tables apportion their cents.
    #[must_use]
    pub fn cents(self) -> i128 {
        divide_half_even(self.0, NANOS_PER_DOLLAR / 100)
    }

    /// Whether this is no money at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This amount's part of `whole`, 0 where the whole is zero. A ratio, for showing only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share is shown with three digits")]
    pub fn share_of(self, whole: Self) -> f64 {
        if whole.is_zero() { 0.0 } else { self.0 as f64 / whole.0 as f64 }
    }
}

/// `quantity / divisor * rate` in nano-dollars, as an exact fraction.
fn nanos_fraction(
    quantity: Decimal,
    divisor: u32,
    rate: Decimal,
) -> Result<(i128, i128), AmountOutOfRange> {
    let (quantity, rate) = (quantity.normalize(), rate.normalize());
    let scale = quantity.scale() + rate.scale();
    let product = quantity.mantissa().checked_mul(rate.mantissa()).ok_or(AmountOutOfRange)?;
    let power = |exponent: u32| 10_i128.checked_pow(exponent).ok_or(AmountOutOfRange);
    if scale <= DECIMALS {
        let factor = power(DECIMALS - scale)?;
        Ok((product.checked_mul(factor).ok_or(AmountOutOfRange)?, i128::from(divisor)))
    } else {
        let factor = power(scale - DECIMALS)?;
        Ok((product, factor.checked_mul(i128::from(divisor)).ok_or(AmountOutOfRange)?))
    }
}

/// Divides and rounds half to even; the denominator is positive.
fn divide_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let remainder = numerator.rem_euclid(denominator);
    // Compared with what is missing to the next step, because twice the remainder may overflow.
    match remainder.cmp(&(denominator - remainder)) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
    }
}

/// A plain decimal number of dollars with two to nine decimals: `0.66`, `12.3456`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let whole = nanos / NANOS_PER_DOLLAR.unsigned_abs();
        let digits = format!("{:09}", nanos % NANOS_PER_DOLLAR.unsigned_abs());
        let kept = digits.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{whole}.{}", &digits[..kept])
    }
}

impl serde::Serialize for Usd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::str::FromStr for Usd {
    type Err = AmountOutOfRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let dollars = Decimal::from_str_exact(text).map_err(|_| AmountOutOfRange)?;
        Self::from_decimal(dollars).ok_or(AmountOutOfRange)
    }
}

impl<'de> serde::Deserialize<'de> for Usd {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            serde::de::Error::custom(format!(
                "`{text}` is not an amount of dollars with at most nine decimals"
            ))
        })
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Usd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Usd {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

super::written::text_schema!(Usd, {
    "type": "string", "title": "US dollars", "pattern": r"^-?[0-9]*\.?[0-9]*$",
    "examples": ["1200.00"]
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    /// AWS's worked example on the Glue pricing page: 6 DPU for 15 minutes at 0.44 is 0.66.
    #[test]
    fn six_dpus_for_fifteen_minutes() {
        let seconds = decimal("5400");
        assert_eq!(Usd::of_usage(seconds, 3600, decimal("0.44")).unwrap().to_string(), "0.66");
        assert_eq!(Usd::of_usage(seconds, 3600, decimal("0.308")).unwrap().to_string(), "0.462");
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let half_nano = |text: &str| Usd::of_usage(decimal(text), 1, decimal("1")).unwrap().nanos();
        assert_eq!(half_nano("0.0000000005"), 0);
        assert_eq!(half_nano("0.0000000015"), 2);
        assert_eq!(half_nano("0.0000000025"), 2);
        assert_eq!(half_nano("-0.0000000005"), 0);
        assert_eq!(half_nano("-0.0000000015"), -2);
        assert_eq!(half_nano("0.00000000051"), 1);
    }

    #[test]
    fn digits_before_rounding() {
        let digits = |quantity: &str, divisor, rate: &str| {
            Usd::usage_digits(decimal(quantity), divisor, decimal(rate)).unwrap()
        };
        assert_eq!(digits("5400", 3600, "0.44"), ("0.66".into(), true));
        assert_eq!(digits("600", 3600, "0.44"), ("0.073333333333333".into(), false));
        assert_eq!(digits("5.067", 1, "0.0057785"), ("0.0292796595".into(), true));
        assert_eq!(digits("0", 3600, "0.44"), ("0.00".into(), true));
        assert_eq!(digits("7200000", 3600, "0.44"), ("880.00".into(), true));
    }

    #[test]
    fn shown_with_two_to_nine_decimals() {
        assert_eq!(Usd::from_nanos(0).to_string(), "0.00");
        assert_eq!(Usd::from_nanos(-5).to_string(), "-0.000000005");
        assert_eq!(Usd::from_nanos(1_500_000_000).to_string(), "1.50");
        assert_eq!("12.000000001".parse::<Usd>().unwrap().nanos(), 12_000_000_001);
        assert!("0.0000000001".parse::<Usd>().is_err());
    }

    proptest! {
        /// The rounded amount is never further than half a nano-dollar from the exact one,
        /// checked by cross-multiplication instead of division.
        #[test]
        fn rounding_is_within_half_a_nano(
            quantity in 0_i64..1_000_000_000_000, scale in 0_u32..6, rate in 0_i64..1_000_000_000
        ) {
            let amount = Usd::of_usage(
                Decimal::new(quantity, scale), 3600, Decimal::new(rate, 6)).unwrap();
            let denominator = 10_i128.pow(scale + 6) * 3600;
            let exact = i128::from(quantity) * i128::from(rate) * 1_000_000_000;
            let off = (amount.nanos() * denominator - exact).abs() * 2;
            prop_assert!(off <= denominator);
        }

        #[test]
        fn text_round_trips(nanos in any::<i64>()) {
            let amount = Usd::from_nanos(i128::from(nanos));
            prop_assert_eq!(amount.to_string().parse::<Usd>().unwrap(), amount);
        }
    }
}
