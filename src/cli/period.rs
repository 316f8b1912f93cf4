//! The arguments that choose a period.

use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Failure;
use crate::model::{Address, Period};

/// Which period; the last complete week where nothing is said.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct PeriodArguments {
    /// An ISO week: 2026-W46
    #[arg(long, value_name = "WEEK", conflicts_with_all = ["last_week", "month", "from"])]
    week: Option<String>,
    /// The last complete week (the default)
    #[arg(long, conflicts_with_all = ["month", "from"])]
    last_week: bool,
    /// A month: 2026-10
    #[arg(long, value_name = "MONTH", conflicts_with = "from")]
    month: Option<String>,
    /// From this day or instant on; a day begins in the report's time zone
    #[arg(long, value_name = "TIME", requires = "to")]
    from: Option<String>,
    /// Until before this day or instant; or a copy to this address alone, to try (with --send)
    #[arg(long, value_name = "TIME|ADDRESS")]
    to: Vec<To>,
}

/// What `--to` says: where a span ends, or who gets a copy. An address has an `@`; no time has.
#[derive(Clone, Debug)]
enum To {
    Time(String),
    Address(Address),
}

impl FromStr for To {
    type Err = <Address as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('@') {
            text.parse().map(Self::Address)
        } else {
            Ok(Self::Time(text.into()))
        }
    }
}

impl PeriodArguments {
    pub(super) fn period(&self, now: Timestamp, zone: &TimeZone) -> Result<Period, Failure> {
        let until = self.to.iter().find_map(|to| match to {
            To::Time(time) => Some(time),
            To::Address(_) => None,
        });
        if self.from.is_some() != until.is_some() {
            return Err(Failure::usage(
                "--from and --to belong together",
                "give a day or an instant for each, as --from 2026-11-09 --to 2026-11-16",
            ));
        }
        Ok(match (&self.week, &self.month, &self.from, until) {
            (Some(week), ..) => Period::week(week, zone)?,
            (_, Some(month), ..) => Period::month(month, zone)?,
            (_, _, Some(from), Some(to)) => Period::span(from, to, zone)?,
            _ => Period::last_week(now, zone)?,
        })
    }

    /// Whether any period is named.
    pub(super) const fn is_given(&self) -> bool {
        let Self { week, last_week, month, from, to } = self;
        week.is_some() || *last_week || month.is_some() || from.is_some() || !to.is_empty()
    }

    /// Who alone gets a copy.
    pub(super) fn copy_to(&self) -> Option<&Address> {
        self.to.iter().find_map(|to| match to {
            To::Address(address) => Some(address),
            To::Time(_) => None,
        })
    }
}
