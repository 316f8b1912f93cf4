//! What a team may spend in a calendar month, and where it is heading.
//!
//! Only complete UTC days count: those that are over, and that every source was read to the end of.
//! The forecast is what was used on them, and for each other day the median of the same weekday
//! over the last weeks: a forecast that one bad night does not move. Its spread are the quartiles
//! of the same days. Where the history is short it is silent.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Usd;
use crate::ownership::by_team_respelt;

/// The weeks that a forecast looks back on.
pub const HISTORY_WEEKS: i64 = 8;
/// The fewest days of one weekday from which a median says anything.
const DAYS_MIN: usize = 3;

/// The settings of `[budgets]`: what each team may spend in a UTC calendar month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Budgets(pub BTreeMap<String, Usd>);

/// A team's budget, and where it is heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// The team.
    pub team: String,
    /// The month.
    pub month: String,
    /// What it may spend.
    pub budget_usd: Usd,
    /// What it used on the month's complete days.
    pub used_usd: Usd,
    /// The last complete day that counts, if any of the month is complete.
    pub through: Option<Date>,
    /// What is known of its use on days that are over and not complete: not in `used_usd`, and the
    /// least that the forecast takes for them.
    pub incomplete_usd: Usd,
    /// Why days that are over are not complete, where there are any in the month.
    pub incomplete_because: Option<String>,
    /// Where it is heading; `null` while the history is short.
    pub forecast: Option<Forecast>,
}

/// A month's forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Used so far, and the first quartile of each day that is left.
    pub low_usd: Usd,
    /// Used so far, and the median of each day that is left.
    pub usd: Usd,
    /// Used so far, and the third quartile of each day that is left.
    pub high_usd: Usd,
}

impl Budgets {
    /// Whether no team has a budget.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with every team's name spelt as `spell` does.
    ///
    /// # Errors
    /// With the team, where two names are one team's.
    pub fn respelt(self, spell: impl Fn(&str) -> String) -> Result<Self, String> {
        by_team_respelt(self.0, spell).map(Self)
    }

    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// When a budget is no amount above nothing.
    pub fn check(&self) -> Result<(), String> {
        match self.0.iter().find(|(_, usd)| **usd <= Usd::ZERO) {
            Some((team, usd)) => Err(format!("the budget of `{team}`, {usd}, is not above 0")),
            None => Ok(()),
        }
    }
}

/// The forecast of a month from a team's use by day: days from `known_since` on and before
/// `complete_until` are complete, and one that is not in `used` was free. What is known of a day
/// that is not complete is the least that it will have used. `None` where the weekday of such a day
/// was seen fewer than three times.
#[must_use]
pub fn forecast(
    used: &BTreeMap<Date, Usd>,
    month: &Range<Date>,
    known_since: Date,
    complete_until: Date,
) -> Option<Forecast> {
    let complete = month.start..month.end.min(complete_until).max(month.start);
    let so_far: Usd = used.range(complete.clone()).map(|d| *d.1).sum();
    let mut forecast = Forecast { low_usd: so_far, usd: so_far, high_usd: so_far };
    let left = complete.end.series(1.day()).take_while(|day| *day < month.end);
    for day in left {
        let back = |weeks: i64| day.checked_sub((7 * weeks).days()).ok();
        // A day far ahead looks back over the same complete weeks as one tomorrow.
        let mut same: Vec<i128> = (1..)
            .map_while(back)
            .skip_while(|day| *day >= complete_until)
            .take(usize::try_from(HISTORY_WEEKS).unwrap_or_default())
            .take_while(|day| *day >= known_since)
            .map(|day| used.get(&day).map_or(0, |usd| usd.nanos()))
            .collect();
        if same.len() < DAYS_MIN {
            return None;
        }
        same.sort_unstable();
        let least = used.get(&day).copied().unwrap_or_default();
        forecast.low_usd += quartile(&same, 1).max(least);
        forecast.usd += quartile(&same, 2).max(least);
        forecast.high_usd += quartile(&same, 3).max(least);
    }
    Some(forecast)
}

/// A quartile of sorted amounts, between two of them on the straight line, as spreadsheets'
/// `QUARTILE.INC` does it; down to the whole nano-dollar.
fn quartile(sorted: &[i128], number: usize) -> Usd {
    let position = sorted.len().saturating_sub(1) * number;
    let (place, quarters) = (position / 4, position % 4);
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    let step = at((place + 1).min(sorted.len() - 1)) - at(place);
    let part = i128::try_from(quarters).unwrap_or_default();
    Usd::from_nanos(at(place) + (step * part).div_euclid(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn dollars(text: &str) -> Usd {
        text.parse().unwrap()
    }

    /// November 2026 begins on a Sunday; at the 28th, a Saturday, it is complete up to Friday, and
    /// a Saturday, a Sunday and a Monday are left. Saturdays cost 1, 2, 3 and 10, Sundays nothing,
    /// Mondays 4, 4, 8.
    #[test]
    fn used_so_far_and_the_median_of_the_same_weekdays() {
        let used = [
            ("2026-10-31", "10"),
            ("2026-11-07", "1"),
            ("2026-11-14", "3"),
            ("2026-11-21", "2"),
            ("2026-11-09", "4"),
            ("2026-11-16", "4"),
            ("2026-11-23", "8"),
        ];
        let used: BTreeMap<Date, Usd> =
            used.into_iter().map(|(at, usd)| (day(at), dollars(usd))).collect();
        let month = day("2026-11-01")..day("2026-12-01");
        let november = |since: &str, today: &str| forecast(&used, &month, day(since), day(today));
        let seen = november("2026-10-31", "2026-11-28").unwrap();
        // So far 1 + 3 + 2 + 4 + 4 + 8 = 22. The Saturday: 1.75, 2.5, 4.75. The Sunday: 1, 8, 15
        // and 22 November, all 0. The Monday, of 2, 9, 16 and 23 November with 0, 4, 4 and 8: 3,
        // 4, 5.
        assert_eq!(seen.usd, dollars("28.5"));
        assert_eq!((seen.low_usd, seen.high_usd), (dollars("26.75"), dollars("31.75")));
        // Two weeks of history say nothing.
        assert_eq!(november("2026-11-14", "2026-11-28"), None);
        // A month that is over needs none.
        let over = november("2026-11-30", "2026-12-05").unwrap();
        assert_eq!(
            (over.low_usd, over.usd, over.high_usd),
            (dollars("22"), dollars("22"), dollars("22"))
        );
    }

    /// Collected to the end of Thursday the 19th only: the Friday after it, of which 7 is known, is
    /// the least. Fridays, Saturdays and Sundays before it were free.
    #[test]
    fn a_day_that_was_not_collected_to_its_end_is_still_to_come() {
        let used = [("2026-11-02", "6"), ("2026-11-20", "7")];
        let used: BTreeMap<Date, Usd> =
            used.into_iter().map(|(at, usd)| (day(at), dollars(usd))).collect();
        let month = day("2026-11-01")..day("2026-11-23");
        let seen = forecast(&used, &month, day("2026-10-26"), day("2026-11-20")).unwrap();
        assert_eq!((seen.low_usd, seen.usd), (dollars("13"), dollars("13")));
        assert_eq!(seen.high_usd, dollars("13"));
        let complete = forecast(&used, &month, day("2026-10-26"), day("2026-11-21")).unwrap();
        assert_eq!(complete.usd, dollars("13"));
    }

    #[test]
    fn days_of_the_last_weeks_alone_count() {
        let month = day("2026-12-01")..day("2027-01-01");
        let monday = day("2026-09-07");
        let used: BTreeMap<Date, Usd> = monday
            .series(1.day())
            .take_while(|day| *day < month.start)
            // Until 6 October a day costs 100, after it 1: eight weeks before 1 December.
            .map(|at| (at, dollars(if at < day("2026-10-06") { "100" } else { "1" })))
            .collect();
        let seen = forecast(&used, &month, monday, month.start).unwrap();
        assert_eq!(
            (seen.low_usd, seen.usd, seen.high_usd),
            (dollars("31"), dollars("31"), dollars("31"))
        );
    }

    #[test]
    fn a_budget_is_above_nothing() {
        let budgets = |usd: &str| Budgets([("a".to_owned(), dollars(usd))].into());
        assert_eq!(budgets("0.01").check(), Ok(()));
        assert!(budgets("0").check().unwrap_err().contains("`a`"));
    }
}
