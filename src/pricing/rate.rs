//! A rate: what a unit costs, of what use, where, for whom, and since when. And when two rates are
//! for the same use.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::rate_use::{Use, known};

/// A Glue version, compared by number: 5.1 < 6.0 < 10.0.
pub type Version = (u32, u32);

/// Whose word a rate is. A later one comes before an earlier one for the same use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The card that ships with Runledger.
    Shipped,
    /// AWS's Price List, as it was last read.
    PriceList,
    /// The configuration.
    Configuration,
}

impl Origin {
    /// The origin's word in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::PriceList => "price-list",
            Self::Configuration => "configuration",
        }
    }
}

/// How a discounted rate came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discounted {
    /// What comes off, in percent.
    pub percent: Decimal,
    /// Where in the card the rate stands that it comes off.
    pub list_index: usize,
}

/// A rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The engine.
    pub engine: String,
    /// The region.
    pub region: String,
    /// What is counted.
    pub component: String,
    /// The kinds of job it is for; all where empty.
    pub kinds: Vec<String>,
    /// Glue versions it is for: from, and below.
    pub versions: (Option<Version>, Option<Version>),
    /// The execution class it is for.
    pub execution_class: Option<String>,
    /// The architecture it is for.
    pub architecture: Option<String>,
    /// The account it is for; every account where absent.
    pub account: Option<String>,
    /// UTC days in force: from, and to (excluded).
    pub days: (Option<Date>, Option<Date>),
    /// US dollars per unit and hour.
    pub usd: Decimal,
    /// How old the source is; `None` where it has no date.
    pub as_of: Option<String>,
    /// Where the figure comes from.
    pub source: String,
    /// Whose word it is.
    pub origin: Origin,
    /// Whether it is the list's price, as against what was negotiated: discounts come off it.
    pub is_list_price: bool,
    /// The percentage that made it, and of which rate.
    pub discounted: Option<Discounted>,
    /// AWS's key of the product, where the Price List told it.
    pub sku: Option<String>,
    /// The usage type that AWS bills it under, where the Price List told it.
    pub usage_type: Option<String>,
}

impl Rate {
    /// Whether it is in force on a UTC day.
    #[must_use]
    pub fn is_in_force(&self, day: Date) -> bool {
        let (from, to) = self.days;
        from.is_none_or(|from| from <= day) && to.is_none_or(|to| day < to)
    }

    /// Whether there is a use on some day that both are for.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.same_place(other)
            && Use::of(self).meets(&Use::of(other))
            && ranges_meet(self.versions, other.versions)
            && ranges_meet(self.days, other.days)
    }

    /// Whether it is for every use of the other, whatever the day and account.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let (from, below) = self.versions;
        let (other_from, other_below) = other.versions;
        self.same_place(other)
            && Use::of(self).contains(&Use::of(other))
            && from.is_none_or(|from| other_from.is_some_and(|other| other >= from))
            && below.is_none_or(|below| other_below.is_some_and(|other| other <= below))
    }

    fn same_place(&self, other: &Self) -> bool {
        (&self.engine, &self.region, &self.component)
            == (&other.engine, &other.region, &other.component)
    }
}

/// Whether two half-open ranges, open where an end is absent, have something in common.
pub(super) fn ranges_meet<T: Ord>(a: (Option<T>, Option<T>), b: (Option<T>, Option<T>)) -> bool {
    let before = |end: &Option<T>, start: &Option<T>| match (end, start) {
        (Some(end), Some(start)) => end <= start,
        _ => false,
    };
    !before(&a.1, &b.0) && !before(&b.1, &a.0)
}

/// What the rate is for, in words: `Glue DPU spark, streaming STANDARD below 6.0 in eu-west-1`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(known::engine_name(&self.engine))?;
        let rest = self.what();
        write!(f, " {rest} in {}", self.region)?;
        match &self.account {
            Some(account) => write!(f, " for {account}"),
            None => Ok(()),
        }
    }
}

impl Rate {
    /// What is counted, and of which runs: `DPU spark, streaming STANDARD below 6.0`.
    #[must_use]
    pub fn what(&self) -> String {
        let mut words = vec![self.component.clone()];
        if !self.kinds.is_empty() {
            words.push(self.kinds.join(", "));
        }
        words.extend(self.execution_class.clone());
        words.extend(self.architecture.clone());
        let (from, below) = self.versions;
        words.extend(from.map(|(major, minor)| format!("from {major}.{minor}")));
        words.extend(below.map(|(major, minor)| format!("below {major}.{minor}")));
        words.join(" ")
    }
}

/// A Glue version as two numbers; `None` for `auto` and anything else that is not one.
pub(super) fn parse_version(text: &str) -> Option<Version> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}
