//! Reading what was used on some UTC days: every run that ran on them, priced, owned, and split
//! over its days. What finance's month, the comparison with the bill and FOCUS rows are made from.

use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::analysis::Books;
use crate::model::{JobRun, Price, PricedRun, utc_day};
use crate::ownership::Owner;
use crate::pricing::{DayShare, by_day};
use crate::store::{Reach, Store, StoreError, StoredRun};

/// A run with what it used on the days asked for.
#[derive(Clone, Debug)]
pub struct UsedRun {
    /// The run, as stored.
    pub stored: StoredRun,
    /// Its job's name.
    pub job: String,
    /// Who pays.
    pub owner: Owner,
    /// Its price as a whole, other days included.
    pub priced: PricedRun,
    /// Its cost lines on the days asked for; empty where it is unpriced, or ran on other days only.
    pub shares: Vec<DayShare>,
    /// Whether it ended on one of the days.
    pub ended_here: bool,
}

impl UsedRun {
    /// The run with what it used on these days; `None` where it neither ended on them nor used
    /// anything, as far as that is known: one that has ended and ran on them without a price is
    /// kept.
    #[must_use]
    pub fn of(stored: StoredRun, books: &Books, days: &Range<Date>) -> Option<Self> {
        let run = &stored.run;
        let ended_here = run.end().is_some_and(|end| days.contains(&utc_day(end)));
        let priced = books.price(run);
        let mut shares = by_day(run, &priced.price);
        shares.retain(|share| days.contains(&share.day));
        let is_unpriced = matches!(priced.price, Price::Unpriced(_)) && run.end().is_some();
        let is_unknown = is_unpriced && ran_on(run, days);
        if !ended_here && shares.is_empty() && !is_unknown {
            return None;
        }
        let job = books.job(run);
        let owner = books.owner(run, &job);
        Some(Self { job, owner, priced, shares, ended_here, stored })
    }
}

/// Whether a run can have used something on these days, by what is known of its times.
#[must_use]
pub fn ran_on(run: &JobRun, days: &Range<Date>) -> bool {
    let end = run.end().map(utc_day);
    let start = run.start().map(utc_day).or(end);
    start.is_some_and(|start| start < days.end) && end.is_none_or(|end| end >= days.start)
}

/// Reads every run that used something on these UTC days (the last one excluded), or ended on them:
/// those that ended then or later, and those under way whose meters were read. A run comes once.
///
/// # Errors
/// When the store cannot be read.
pub async fn read(
    store: &Store,
    books: &Arc<Books>,
    days: Range<Date>,
    now: Timestamp,
    mut take: impl FnMut(UsedRun),
) -> Result<(), StoreError> {
    // Before the days: a run that ends meanwhile is then met twice and not missed. What has an end
    // already is under its day too, whose item is the one that counts.
    let mut open = Vec::new();
    for run in store.open_runs(now).await? {
        if run.end().is_none() {
            let stored = StoredRun { first_stored: now, run };
            open.extend(UsedRun::of(stored, books, &days));
        }
    }
    let ended_meanwhile = |open: &mut Vec<UsedRun>, used: &UsedRun| {
        open.retain(|other| other.stored.run.identity != used.stored.run.identity);
    };
    let keep = |books: Arc<Books>, days: Range<Date>| {
        move |stored: StoredRun| UsedRun::of(stored, &books, &days)
    };
    let mut give = |page: Vec<UsedRun>| {
        for used in page {
            ended_meanwhile(&mut open, &used);
            take(used);
        }
    };
    let inside = days.start.series(1.day()).take_while(|day| *day < days.end);
    store
        .read_days(inside, Reach::All, now, keep(Arc::clone(books), days.clone()), &mut give)
        .await?;
    // However long a run goes on, what it used before it ended belongs to the days it ran on.
    let until = utc_day(now);
    if let Ok(after) = days.end.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()) {
        let later = days.end.series(1.day()).take_while(move |day| *day <= until);
        let reach = Reach::StartedBefore(after);
        store.read_days(later, reach, now, keep(Arc::clone(books), days), &mut give).await?;
    }
    open.into_iter().for_each(take);
    Ok(())
}
