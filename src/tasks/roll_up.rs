//! Rolling up: of every day on which a run changed, the runs are read again and what they come to
//! is kept, so that alerts and budgets look back on a year without reading a year's runs.
//!
//! Never adds to what is there: a day is computed from its runs as they are now. Safe to stop at
//! any instant and to run twice at once (`store::roll_ups` says why).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::analysis::{Books, DayRollUps, RollUpPart};
use crate::model::RollUp;
use crate::store::{Reach, Rebuilt, Store, StoreError, StoredRun};

/// What rolling up came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolledUp {
    /// Days rebuilt.
    pub days: u64,
    /// Items that were written, each with some of a day's jobs.
    pub written: u64,
    /// Items that were removed, because no job of theirs has a run on that day any more.
    pub removed: u64,
    /// Days that another process began to rebuild meanwhile; it has the newer runs.
    pub overtaken: Vec<Date>,
    /// Days of which runs have expired, so that what was known of them stays as it was.
    pub past_retention: Vec<Date>,
}

impl fmt::Display for RolledUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, written, removed, .. } = self;
        write!(f, "{days} days rolled up, {written} items written")?;
        for (count, what) in [
            (*removed, "removed"),
            (self.overtaken.len() as u64, "days left to another process"),
            (self.past_retention.len() as u64, "days past their runs' retention left as they were"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// Rebuilds every day on which a run changed since it was last rebuilt.
///
/// # Errors
/// When the store fails. Days that are not rebuilt by then are next time.
pub async fn roll_up(
    store: &Store,
    books: &Arc<Books>,
    now: Timestamp,
) -> Result<RolledUp, StoreError> {
    // Before any run is read: what changes from here on has a mark that stays.
    let changed = store.changed_days(now).await?;
    let mut outcome = RolledUp::default();
    for day in changed.days() {
        let Some(rebuild) = store.begin_day(&changed, day, now).await? else {
            outcome.past_retention.push(day);
            continue;
        };
        let roll_ups = of_runs(store, books, day, now).await?;
        match store.finish_day(rebuild, &roll_ups).await? {
            Rebuilt::Done { written, removed } => {
                outcome.days += 1;
                outcome.written += written;
                outcome.removed += removed;
            }
            Rebuilt::Overtaken => outcome.overtaken.push(day),
        }
    }
    Ok(outcome)
}

/// Makes the roll-ups of these days what their runs say, those among them that were never rolled up
/// or in an earlier form, and returns the days whose stored roll-ups may not be: another process
/// began to rebuild them meanwhile. They are computed from their runs and not stored.
///
/// # Errors
/// When the store fails.
pub async fn days_as_they_are(
    store: &Store,
    books: &Arc<Books>,
    days: Range<Date>,
    now: Timestamp,
) -> Result<BTreeMap<Date, Vec<RollUp>>, StoreError> {
    store.mark_unknown_days(days.clone(), now).await?;
    let done = roll_up(store, books, now).await?;
    let mut computed = BTreeMap::new();
    for day in done.overtaken.into_iter().filter(|day| days.contains(day)) {
        computed.insert(day, of_runs(store, books, day, now).await?);
    }
    Ok(computed)
}

/// What a day's runs come to now.
async fn of_runs(
    store: &Store,
    books: &Arc<Books>,
    day: Date,
    now: Timestamp,
) -> Result<Vec<RollUp>, StoreError> {
    let mut roll_ups = DayRollUps::default();
    let books = Arc::clone(books);
    let keep = move |stored: StoredRun| RollUpPart::of(&stored, &books);
    let take = |parts: Vec<RollUpPart>| parts.into_iter().for_each(|part| roll_ups.add(part));
    store.read_days([day], Reach::All, now, keep, take).await?;
    Ok(roll_ups.finish(day))
}

/// Rebuilds these days too, as far as their runs are still there: after prices, owners' rules or
/// the folding of names changed.
///
/// # Errors
/// When the store fails.
pub async fn roll_up_days(
    store: &Store,
    books: &Arc<Books>,
    days: Range<Date>,
    now: Timestamp,
) -> Result<RolledUp, StoreError> {
    let inside = days.start.series(1.day()).take_while(|day| *day < days.end);
    store.mark_days(inside, now).await?;
    roll_up(store, books, now).await
}
