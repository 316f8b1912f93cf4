//! After collecting: reservations whose runs have shown up hold nothing any more, even where a run
//! was over before anybody saw it at work.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};

use crate::analysis::Books;
use crate::model::{JobRun, QuotaPlace, Reservation, StartedRun, take_places, utc_day};
use crate::store::{Guard, Reach, Store, StoreError};

/// How often a guard that others are writing is read again.
const TRIES_MAX: u32 = 20;

/// A run that began, as reservations know it.
struct Seen {
    place: QuotaPlace,
    run_id: String,
    job: String,
    team: String,
    started: Option<Timestamp>,
}

impl Seen {
    fn of(run: &JobRun, books: &Books) -> Self {
        let job = books.job(run);
        Self {
            place: run.identity.place(),
            run_id: run.identity.run_id.clone(),
            team: books.ownership.team(run, &job),
            job,
            started: run.start(),
        }
    }
}

/// Marks the reservations whose runs are in the store. How many runs have taken a place.
///
/// # Errors
/// When the store fails. What was marked until then stays, and the next time finds the rest.
pub async fn settle(
    store: &Store,
    books: &Arc<Books>,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let is_waiting = |held: &Reservation| held.is_live(now) && held.held().runs > 0;
    let guards = store.guards().await?;
    let waiting = || guards.iter().filter(|guard| guard.reservations.iter().any(is_waiting));
    let since = waiting().flat_map(|guard| &guard.reservations).map(|held| held.made_at).min();
    // The usual case: nobody waits for a run, and one small Query has told so.
    let Some(since) = since else { return Ok(0) };
    let seen = seen_since(store, books, since, now).await?;
    let mut taken = 0;
    for guard in waiting() {
        taken += settle_place(store, guard, &seen, now).await?;
    }
    Ok(taken)
}

/// Every run that is open, or ended since. A run that began before all reservations may still be
/// the one that a reservation names.
async fn seen_since(
    store: &Store,
    books: &Arc<Books>,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Seen>, StoreError> {
    let open = store.open_runs(now).await?;
    let mut seen: Vec<Seen> = open.iter().map(|run| Seen::of(run, books)).collect();
    let today = utc_day(now);
    let days = utc_day(since).series(1.day()).take_while(move |day| *day <= today);
    let books = Arc::clone(books);
    let keep = move |stored: crate::store::StoredRun| {
        let ended = stored.run.end().is_some_and(|end| end >= since);
        ended.then(|| Seen::of(&stored.run, &books))
    };
    store.read_days(days, Reach::All, now, keep, |page| seen.extend(page)).await?;
    Ok(seen)
}

async fn settle_place(
    store: &Store,
    guard: &Guard,
    seen: &[Seen],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let here = seen.iter().filter(|seen| seen.place == guard.place);
    let started: Vec<StartedRun<'_>> = here
        .map(|Seen { run_id, job, team, started, .. }| StartedRun {
            run_id,
            job,
            team,
            started: *started,
        })
        .collect();
    let taken = |guard: &Guard| -> usize {
        guard.reservations.iter().map(|held| held.taken_by.len()).sum()
    };
    let mut guard = guard.clone();
    for attempt in 0..TRIES_MAX {
        let before = taken(&guard);
        if !take_places(&mut guard.reservations, &started, now) {
            return Ok(0);
        }
        if store.put_guard(&guard).await? {
            return Ok(taken(&guard) - before);
        }
        Store::pause_after_race(attempt).await;
        guard = store.guard(&guard.place).await?;
    }
    // Askers keep the place busy, and each of them marks the runs that it sees.
    Ok(0)
}
