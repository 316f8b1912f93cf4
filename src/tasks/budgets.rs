//! Teams' budgets for a calendar month: what was used of them, and where they are heading.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::used::{UsedRun, read};
use crate::analysis::Books;
use crate::chargeback::{Budgets, HISTORY_WEEKS, Outlook, forecast};
use crate::model::{Period, Usd, utc_day};
use crate::store::{Store, StoreError};

/// The outlook of every team with a budget, in the order of their names. Reads the month's complete
/// days and, while the month is not over, the weeks that a forecast looks back on.
///
/// # Errors
/// When the store cannot be read.
pub async fn outlooks(
    store: &Store,
    books: &Arc<Books>,
    budgets: &Budgets,
    month: &Period,
    now: Timestamp,
) -> Result<Vec<Outlook>, StoreError> {
    if budgets.is_empty() {
        return Ok(Vec::new());
    }
    let (days, today) = (month.utc_day_range(), utc_day(now));
    let back = today.checked_sub((7 * HISTORY_WEEKS).days()).unwrap_or(Date::MIN);
    let wanted = if today >= days.end { days.clone() } else { days.start.min(back)..today };
    let mut used = Used::default();
    read(store, books, wanted, now, |run| used.add(&run, budgets)).await?;
    // Of the day on which the retention began a part has expired.
    let kept_since = utc_day(store.kept_since(now)).tomorrow().unwrap_or(Date::MAX);
    let known_since = used.first_day.unwrap_or(today).max(kept_since);
    let outlook = |(team, budget): (&String, &Usd)| {
        let by_day = used.teams.remove(team).unwrap_or_default();
        let complete = days.start..days.end.min(today).max(days.start);
        Outlook {
            team: team.clone(),
            month: month.name.clone(),
            budget_usd: *budget,
            used_usd: by_day.range(complete.clone()).map(|(_, usd)| *usd).sum(),
            through: complete.end.yesterday().ok().filter(|day| *day >= days.start),
            forecast: forecast(&by_day, &days, known_since, today),
        }
    };
    Ok(budgets.0.iter().map(outlook).collect())
}

/// What teams used by day.
#[derive(Default)]
struct Used {
    teams: BTreeMap<String, BTreeMap<Date, Usd>>,
    /// The first day on which anybody used anything: before it there was nobody to look.
    first_day: Option<Date>,
}

impl Used {
    fn add(&mut self, run: &UsedRun, budgets: &Budgets) {
        let first = run.shares.iter().map(|share| share.day).min();
        self.first_day = self.first_day.into_iter().chain(first).min();
        if !budgets.0.contains_key(&run.owner.team) {
            return;
        }
        let days = self.teams.entry(run.owner.team.clone()).or_default();
        for share in &run.shares {
            *days.entry(share.day).or_default() += share.amount;
        }
    }
}
