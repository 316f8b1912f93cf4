//! The arguments that choose a period.

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Failure;
use crate::model::Period;

/// Which period; the last complete week where nothing is said.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct PeriodArguments {
    /// An ISO week: 2026-W46
    #[arg(long, value_name = "WEEK", conflicts_with_all = ["last_week", "month", "from", "to"])]
    week: Option<String>,
    /// The last complete week (the default)
    #[arg(long, conflicts_with_all = ["month", "from", "to"])]
    last_week: bool,
    /// A month: 2026-10
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "to"])]
    month: Option<String>,
    /// From this day or instant on; a day begins in the report's time zone
    #[arg(long, value_name = "TIME", requires = "to")]
    from: Option<String>,
    /// Until before this day or instant
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
}

impl PeriodArguments {
    pub(super) fn period(&self, now: Timestamp, zone: &TimeZone) -> Result<Period, Failure> {
        Ok(match (&self.week, &self.month, &self.from, &self.to) {
            (Some(week), ..) => Period::week(week, zone)?,
            (_, Some(month), ..) => Period::month(month, zone)?,
            (_, _, Some(from), Some(to)) => Period::span(from, to, zone)?,
            _ => Period::last_week(now, zone)?,
        })
    }
}
