//! Finding a run of which little more than the id is known: among those that are open, then day by
//! day backwards, until a day has it or the retention is through. No key leads from a run's id to
//! its day, and none is kept for it: it would double the cost of storing. Keys alone are read.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::model::{RunIdentity, utc_day};
use crate::store::{Store, StoreError, StoredRun};

/// UTC days that are read at once.
const DAYS_AT_ONCE: usize = 7;

/// Which run is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its id.
    pub run_id: String,
    /// Its account; any where absent.
    pub account: Option<String>,
    /// Its region; any where absent.
    pub region: Option<String>,
    /// Its attempt; any where absent.
    pub attempt: Option<u32>,
    /// The UTC day on which it ended, where that is known.
    pub day: Option<Date>,
}

impl Wanted {
    fn is(&self, identity: &RunIdentity) -> bool {
        let any_or = |own: &Option<String>, its: &str| own.as_deref().is_none_or(|own| own == its);
        identity.run_id == self.run_id
            && any_or(&self.account, &identity.account)
            && any_or(&self.region, &identity.region)
            && self.attempt.is_none_or(|attempt| attempt == identity.attempt)
    }
}

/// What a search came to.
#[derive(Clone, Debug)]
pub struct Found {
    /// The runs that fit, the latest first; empty where none does.
    pub runs: Vec<StoredRun>,
    /// The first UTC day that was looked at.
    pub searched_from: Date,
}

/// Finds a run. `progress` is told each day that the search goes back to, before it does.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(
    store: &Store,
    wanted: &Wanted,
    now: Timestamp,
    progress: impl Fn(Date),
) -> Result<Found, StoreError> {
    let today = utc_day(now);
    let open = store.open_stored_runs(now).await?.into_iter();
    let mut runs: Vec<StoredRun> = open.filter(|s| wanted.is(&s.run.identity)).collect();
    if let Some(day) = wanted.day {
        runs.retain(|stored| stored.run.end().is_some_and(|end| utc_day(end) == day));
        on_days(store, wanted, &[day], now, &mut runs).await?;
        return Ok(Found { runs: latest_first(runs), searched_from: day });
    }
    let oldest = utc_day(store.kept_since(now));
    let mut searched_from = today;
    let mut days = today.series((-1).day()).take_while(|day| *day >= oldest);
    while runs.is_empty() {
        let some: Vec<Date> = days.by_ref().take(DAYS_AT_ONCE).collect();
        let Some(first) = some.last() else { break };
        searched_from = *first;
        progress(*first);
        on_days(store, wanted, &some, now, &mut runs).await?;
    }
    Ok(Found { runs: latest_first(runs), searched_from })
}

async fn on_days(
    store: &Store,
    wanted: &Wanted,
    days: &[Date],
    now: Timestamp,
    runs: &mut Vec<StoredRun>,
) -> Result<(), StoreError> {
    let place = wanted.account.as_deref().zip(wanted.region.as_deref());
    let found = store.find_on_days(days, place, now, |identity| wanted.is(identity)).await?;
    runs.extend(found);
    Ok(())
}

/// The latest first, each once: one that waits for its bill is among the open ones and on its day.
fn latest_first(mut runs: Vec<StoredRun>) -> Vec<StoredRun> {
    runs.sort_by(|a, b| {
        b.run.end().cmp(&a.run.end()).then_with(|| a.run.identity.cmp(&b.run.identity))
    });
    runs.dedup_by(|a, b| a.run.identity == b.run.identity);
    runs
}
