//! `explain`: finds a run and what is around it, or reads a period, and hands it to the words of
//! `report::explain`. Only reading is done here.

mod find;

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

pub use find::{Found, Wanted, find};

use crate::analysis::Books;
use crate::model::{JobRun, Occurrence, Period, utc_day};
use crate::report::explain::{About, Explanation, Piece, Sent, TotalExplanation, TotalSum};
use crate::store::{Ledger, Reach, Store, StoreError, StoredRun};
use crate::tasks::chargeback::{ChargebackError, booked_for};

/// How many jobs and runs a total names; the others are one line.
const SHOWN_MAX: usize = 20;

/// How long after a run the next of its chain may have ended: Glue's longest run is of seven days.
const RETRY_DAYS_MAX: i64 = 8;

/// What is asked of a run.
#[derive(Clone, Debug)]
pub struct RunRequest<'a> {
    /// The report whose weeks are meant.
    pub report: &'a str,
    /// Where its weeks begin.
    pub zone: TimeZone,
    /// Days for which runs are kept.
    pub retention_days: u32,
    /// What "now" is.
    pub now: Timestamp,
}

/// Explains a run that was found.
///
/// # Errors
/// When the store, the ledger or a closed month cannot be read.
pub async fn explain_run(
    store: &Store,
    ledger: &Ledger,
    books: &Books,
    stored: &StoredRun,
    request: &RunRequest<'_>,
) -> Result<Explanation, ChargebackError> {
    let relatives = relatives(store, &stored.run, request.now).await?;
    let week = stored.run.end().and_then(|end| Period::week_of(end, &request.zone).ok());
    let sent = match week {
        Some(week) => {
            let whole = Occurrence::WHOLE_COMPANY;
            let record = ledger.sent_record(request.report, &week.name, whole).await?;
            record.map_or(Sent::NotYet, |record| Sent::At(record.first_at))
        }
        None => Sent::NotYet,
    };
    Ok(Explanation::of(&About {
        stored,
        relatives: &relatives,
        books,
        zone: &request.zone,
        report: request.report,
        sent,
        booked: &booked_for(store, &stored.run).await?,
        retention_days: request.retention_days,
    }))
}

/// Takes a period's total apart: of every run that ended in it, as the report counts them.
///
/// # Errors
/// When the store cannot be read.
pub async fn explain_total(
    store: &Store,
    books: &Arc<Books>,
    period: &Period,
    team: Option<&str>,
    now: Timestamp,
) -> Result<TotalExplanation, StoreError> {
    let mut sum = TotalSum::new(SHOWN_MAX);
    let (wanted, rules, only) = (period.clone(), Arc::clone(books), team.map(str::to_owned));
    let keep = move |stored: StoredRun| {
        // A period need not begin with a UTC day: the days at its edges hold others' runs too.
        let piece = wanted.contains(stored.run.end()?).then(|| Piece::of(&stored.run, &rules))?;
        only.as_ref().is_none_or(|team| team == piece.team()).then_some(piece)
    };
    let mut take = |page: Vec<Piece>| page.into_iter().for_each(|piece| sum.add(piece));
    store.read_days(period.utc_days(), Reach::All, now, keep, &mut take).await?;
    Ok(sum.explanation(&period.name, team))
}

/// The runs before and after a run in its chain, as far as they are stored near it.
async fn relatives(store: &Store, run: &JobRun, now: Timestamp) -> Result<Vec<JobRun>, StoreError> {
    let own = run.clone();
    let is_relative = move |other: &JobRun| {
        let (a, b) = (&own.identity, &other.identity);
        let same_place = (&a.account, &a.region, &a.engine, &a.application_id)
            == (&b.account, &b.region, &b.engine, &b.application_id);
        let linked = a.run_id == b.run_id
            || own.previous_run_id.as_ref() == Some(&b.run_id)
            || other.previous_run_id.as_ref() == Some(&a.run_id);
        same_place && linked && a != b
    };
    let mut relatives: Vec<JobRun> = Vec::new();
    for other in store.open_runs(now).await? {
        if other.end().is_none() && is_relative(&other) {
            relatives.push(other);
        }
    }
    let start = utc_day(run.start().or_else(|| run.end()).unwrap_or(now));
    let end = utc_day(run.end().unwrap_or(now));
    let first = start.checked_sub(1.day()).unwrap_or(start);
    let reach = end.checked_add(RETRY_DAYS_MAX.days()).unwrap_or(end);
    let last = reach.min(utc_day(now));
    let days = first.series(1.day()).take_while(|day| *day <= last);
    let keep = move |stored: StoredRun| is_relative(&stored.run).then_some(stored.run);
    store.read_days(days, Reach::All, now, keep, |found| relatives.extend(found)).await?;
    relatives.sort_by(|a, b| (a.start(), &a.identity).cmp(&(b.start(), &b.identity)));
    relatives.dedup_by(|a, b| a.identity == b.identity);
    Ok(relatives)
}
