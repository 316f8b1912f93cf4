//! Teams' budgets for a calendar month: what was used of them, and where they are heading.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::report::sources_wanted;
use super::used::{UsedRun, read};
use crate::analysis::Books;
use crate::chargeback::{Budgets, HISTORY_WEEKS, Outlook, forecast};
use crate::model::{Engine, Period, Usd, utc_day};
use crate::store::{SourceState, Store, StoreError};

/// The outlook of every team with a budget, in the order of their names. Reads the month's days
/// that are over and, unless all of the month is complete, the weeks that a forecast looks back on.
///
/// # Errors
/// When the store cannot be read.
pub async fn outlooks(
    store: &Store,
    books: &Arc<Books>,
    budgets: &Budgets,
    month: &Period,
    expected: &[(String, String, Engine)],
    now: Timestamp,
) -> Result<Vec<Outlook>, StoreError> {
    if budgets.is_empty() {
        return Ok(Vec::new());
    }
    let (days, today) = (month.utc_day_range(), utc_day(now));
    let complete = Complete::of(store.source_states().await?, expected, today);
    let until = complete.until.unwrap_or(days.start);
    let back = until.checked_sub((7 * HISTORY_WEEKS).days()).unwrap_or(Date::MIN);
    let first = if until >= days.end { days.start } else { days.start.min(back) };
    let over = days.end.min(today).max(days.start);
    let wanted = first..over.max(until.min(today));
    let mut used = Used::default();
    read(store, books, wanted, now, |run| used.add(&run, budgets)).await?;
    // Of the day on which the retention began a part has expired.
    let kept_since = utc_day(store.kept_since(now)).tomorrow().unwrap_or(Date::MAX);
    let known_since = used.first_day.unwrap_or(today).max(kept_since);
    let counted = days.start..days.end.min(until).max(days.start);
    let because = complete.because.filter(|_| counted.end < over);
    let outlook = |(team, budget): (&String, &Usd)| {
        let by_day = used.teams.remove(team).unwrap_or_default();
        let sum = |days: Range<Date>| by_day.range(days).map(|(_, usd)| *usd).sum();
        Outlook {
            team: team.clone(),
            month: month.name.clone(),
            budget_usd: *budget,
            used_usd: sum(counted.clone()),
            through: counted.end.yesterday().ok().filter(|day| *day >= days.start),
            incomplete_usd: sum(counted.end..over),
            incomplete_because: because.clone(),
            forecast: complete.until.and_then(|_| forecast(&by_day, &days, known_since, until)),
        }
    };
    Ok(budgets.0.iter().map(outlook).collect())
}

/// Which days are complete: over, and collected to their end.
struct Complete {
    /// Days before this one are; `None` where no day is, because a source was never collected.
    until: Option<Date>,
    /// Why days that are over are not.
    because: Option<String>,
}

impl Complete {
    /// Where nothing is to be collected, days that are over are as complete as imports made them.
    fn of(states: Vec<SourceState>, expected: &[(String, String, Engine)], today: Date) -> Self {
        let (states, never) = sources_wanted(states, expected);
        let never_read = states.iter().filter(|state| state.collected_through.is_none());
        let mut never: Vec<String> = never.iter().map(place).chain(never_read.map(at)).collect();
        if let Some(place) = never.pop() {
            let because = Some(format!("{place} was never collected to an end"));
            return Self { until: None, because };
        }
        let through = |state: &SourceState| state.collected_through;
        let Some(last) = states.iter().min_by_key(|state| through(state)) else {
            return Self { until: Some(today), because: None };
        };
        let through = through(last).unwrap_or(Timestamp::MIN);
        let until = utc_day(through).min(today);
        let because = format!("{} was collected up to {through} only", at(last));
        Self { until: Some(until), because: (until < today).then_some(because) }
    }
}

fn at(state: &SourceState) -> String {
    place(&(state.account.clone(), state.region.clone(), state.engine.clone()))
}

fn place((account, region, engine): &(String, String, Engine)) -> String {
    format!("{engine} in {region} of account {account}")
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
