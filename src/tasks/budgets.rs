//! Teams' budgets for a calendar month: what was used of them, and where they are heading.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::report::sources_wanted;
use super::used::read;
use crate::analysis::Books;
use crate::chargeback::{Budgets, HISTORY_WEEKS, Outlook, forecast};
use crate::model::{Engine, Period, RollUp, Usd, utc_day};
use crate::pricing::DayShare;
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
    let complete = Complete::of(store.source_states().await?, expected, utc_day(now));
    let wanted = complete.wanted(month, now);
    let mut used = Used::since(wanted.start);
    read(store, books, wanted, now, |run| used.add(&run.owner.team, &run.shares)).await?;
    Ok(used.outlooks(budgets, month, &complete, store.kept_since(now), now))
}

/// The first day that the outlook of a month which is not over looks back on, where every day is
/// complete.
pub(super) fn first_day(month: &Period, now: Timestamp) -> Date {
    looking_back(month, utc_day(now))
}

/// The month's first day, or the first of the weeks before `until`, whichever is earlier.
fn looking_back(month: &Period, until: Date) -> Date {
    let back = until.checked_sub((7 * HISTORY_WEEKS).days()).unwrap_or(Date::MIN);
    month.utc_day_range().start.min(back)
}

/// Which days are complete: over, and collected to their end.
#[derive(Debug)]
pub(super) struct Complete {
    /// Days before this one are; `None` where no day is, because a source was never collected.
    until: Option<Date>,
    /// Why days that are over are not.
    because: Option<String>,
}

impl Complete {
    /// Where nothing is to be collected, days that are over are as complete as imports made them.
    pub(super) fn of(
        states: Vec<SourceState>,
        expected: &[(String, String, Engine)],
        today: Date,
    ) -> Self {
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

    /// The days that the outlook of a month is made from: its own that are over and, unless all of
    /// them are complete, the weeks that a forecast looks back on.
    fn wanted(&self, month: &Period, now: Timestamp) -> Range<Date> {
        let (days, today) = (month.utc_day_range(), utc_day(now));
        let until = self.until.unwrap_or(days.start);
        let first = if until >= days.end { days.start } else { looking_back(month, until) };
        let over = days.end.min(today).max(days.start);
        first..over.max(until.min(today))
    }
}

fn at(state: &SourceState) -> String {
    place(&(state.account.clone(), state.region.clone(), state.engine.clone()))
}

fn place((account, region, engine): &(String, String, Engine)) -> String {
    format!("{engine} in {region} of account {account}")
}

/// What teams used by day.
#[derive(Debug)]
pub(super) struct Used {
    /// Days before it are nobody's business.
    since: Date,
    teams: BTreeMap<String, BTreeMap<Date, Usd>>,
    /// The first day on which anybody used anything: before it there was nobody to look.
    first_day: Option<Date>,
}

impl Used {
    /// Nothing, from a day on.
    pub(super) const fn since(since: Date) -> Self {
        Self { since, teams: BTreeMap::new(), first_day: None }
    }

    /// Adds a run.
    pub(super) fn add(&mut self, team: &str, shares: &[DayShare]) {
        for share in shares {
            self.add_day(team, share.day, share.amount);
        }
    }

    /// Adds what a job's runs of a day come to: what they cost less what they used on earlier days
    /// was used on the day itself.
    pub(super) fn add_roll_up(&mut self, roll_up: &RollUp) {
        for hour in &roll_up.hours {
            self.add_day(&hour.team, roll_up.day, hour.counts.cost);
        }
        for earlier in &roll_up.earlier {
            self.add_day(&earlier.team, earlier.day, earlier.cost);
            self.add_day(&earlier.team, roll_up.day, Usd::ZERO - earlier.cost);
        }
    }

    fn add_day(&mut self, team: &str, day: Date, cost: Usd) {
        if day < self.since || cost == Usd::ZERO {
            return;
        }
        self.first_day = self.first_day.into_iter().chain([day]).min();
        if !self.teams.contains_key(team) {
            self.teams.insert(team.to_owned(), BTreeMap::new());
        }
        if let Some(days) = self.teams.get_mut(team) {
            *days.entry(day).or_default() += cost;
        }
    }

    /// What a team used on a day.
    pub(super) fn on(&self, team: &str, day: Date) -> Usd {
        self.teams.get(team).and_then(|days| days.get(&day)).copied().unwrap_or_default()
    }

    /// The outlook of every team with a budget, in the order of their names.
    pub(super) fn outlooks(
        &self,
        budgets: &Budgets,
        month: &Period,
        complete: &Complete,
        kept_since: Timestamp,
        now: Timestamp,
    ) -> Vec<Outlook> {
        let (days, today) = (month.utc_day_range(), utc_day(now));
        let until = complete.until.unwrap_or(days.start);
        let over = days.end.min(today).max(days.start);
        // Of the day on which the retention began a part has expired.
        let kept_since = utc_day(kept_since).tomorrow().unwrap_or(Date::MAX);
        let known_since = self.first_day.unwrap_or(today).max(kept_since);
        let counted = days.start..days.end.min(until).max(days.start);
        let because = complete.because.clone().filter(|_| counted.end < over);
        let nothing = BTreeMap::new();
        let outlook = |(team, budget): (&String, &Usd)| {
            let by_day = self.teams.get(team).unwrap_or(&nothing);
            let sum = |days: Range<Date>| by_day.range(days).map(|(_, usd)| *usd).sum();
            Outlook {
                team: team.clone(),
                month: month.name.clone(),
                budget_usd: *budget,
                used_usd: sum(counted.clone()),
                through: counted.end.yesterday().ok().filter(|day| *day >= days.start),
                incomplete_usd: sum(counted.end..over),
                incomplete_because: because.clone(),
                forecast: complete.until.and_then(|_| forecast(by_day, &days, known_since, until)),
            }
        };
        budgets.0.iter().map(outlook).collect()
    }
}
