//! Taking the turns of schedules: finding what is due, claiming it, keeping the claim while the
//! work goes on, and putting on record what came of it.
//!
//! Whoever loses a claim does nothing; whoever is killed leaves a lease that runs out. The work
//! itself is the caller's: what a task means is for the command line to know.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};

use crate::schedule::{
    Due, Look, Schedule, TurnFacts, again_after, answered_from, due_times, look, outlived,
    promised_from,
};
use crate::store::{Answered, Clock, Store, StoreError, StoredTurn, Turn, TurnState};

/// How long a claim holds unless it is renewed: how soon another takes over what a killed process
/// began.
const LEASE: Duration = Duration::from_mins(3);
/// How often it is renewed: two renewals may fail before it runs out.
const RENEWED_EVERY: Duration = Duration::from_mins(1);

/// Turns that are given up at one look; the next look goes on.
const GIVEN_UP_MAX: usize = 100;

/// What is found of a schedule, with the records that a claim is conditioned on.
#[derive(Debug)]
pub struct Found {
    /// What is due, under way and put off.
    pub look: Look,
    records: BTreeMap<Timestamp, StoredTurn>,
}

/// A turn in the holder's hands.
#[derive(Debug)]
pub struct Taken {
    /// When it was due, and whether that is long ago.
    pub due: Due,
    stored: StoredTurn,
}

/// How the work of a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub exit: u8,
    /// What went wrong, in words, where anything did.
    pub failure: Option<String>,
}

/// Looks for what of a schedule is to be done.
///
/// # Errors
/// When the store fails.
pub async fn find(
    store: &Store,
    schedule: &Schedule,
    clock: &impl Clock,
    now: Timestamp,
) -> Result<Found, StoreError> {
    let since = store.first_look(&schedule.name, now).await?;
    let times = due_times(schedule, since, now);
    let stored = store.turns_at(&schedule.name, &times).await?;
    let look = looked(schedule, since, &stored, (now, clock.now()));
    let records = stored.into_iter().map(|stored| (stored.turn.due, stored)).collect();
    Ok(Found { look, records })
}

/// What is to be done of a schedule, by the records of its due times; `now` and the real time.
#[must_use]
pub fn looked(
    schedule: &Schedule,
    since: Timestamp,
    stored: &[StoredTurn],
    (now, clock): (Timestamp, Timestamp),
) -> Look {
    let of = |due| stored.iter().find(|stored| stored.turn.due == due);
    look(schedule, since, |due| of(due).map(|stored| facts_of(stored.turn.state)), now, clock)
}

const fn facts_of(state: TurnState) -> TurnFacts {
    match state {
        TurnState::Done { .. } => TurnFacts::Done,
        TurnState::Failed { again_at } => TurnFacts::Failed { again_at },
        TurnState::UnderWay { until } => TurnFacts::UnderWay { until },
    }
}

/// Claims a turn; `None` where somebody else was faster.
///
/// # Errors
/// When the store fails.
pub async fn take(
    store: &Store,
    schedule: &Schedule,
    found: &Found,
    due: Due,
    by: &str,
    clock: &impl Clock,
) -> Result<Option<Taken>, StoreError> {
    let before = found.records.get(&due.at);
    let turn = Turn {
        schedule: schedule.name.clone(),
        due: due.at,
        state: TurnState::UnderWay { until: lease_end(clock) },
        attempts: before.map_or(0, |before| before.turn.attempts).saturating_add(1),
        by: by.to_owned(),
        began_at: clock.now(),
        exit: None,
        failure: None,
        given_up: false,
    };
    let mut stored = match before {
        Some(before) => before.with(turn),
        None => StoredTurn::new(turn),
    };
    Ok(store.put_turn(&mut stored).await?.then_some(Taken { due, stored }))
}

/// Turns that were never done and are too old to be made up for, on record as given up and not yet
/// told.
#[derive(Debug)]
pub struct GivenUp {
    /// When they were due, the oldest first.
    pub due: Vec<Timestamp>,
    /// Up to when all are answered for once these are told.
    until: Timestamp,
    before: Option<Answered>,
}

/// Gives up what a schedule has outlived undone. Whoever puts it on record tells it, and then says
/// so ([`told`]); of one who is killed in between another takes that over, so that it is told at
/// least once, and twice only then.
///
/// # Errors
/// When the store fails.
pub async fn give_up(
    store: &Store,
    schedule: &Schedule,
    by: &str,
    clock: &impl Clock,
    now: Timestamp,
) -> Result<GivenUp, StoreError> {
    let name = &schedule.name;
    let Some(before) = store.answered(name).await? else {
        // Of what was before the first look with this in force, nothing is known to be missing.
        let since = store.first_look(name, now).await?;
        let until = answered_from(schedule, now).max(promised_from(schedule, since));
        store.answer(name, None, until).await?;
        return Ok(GivenUp { due: Vec::new(), until, before: None });
    };
    let times = outlived(schedule, before.until, now, GIVEN_UP_MAX);
    let stored = store.turns_at(name, &times).await?;
    let mut given_up = GivenUp { due: Vec::new(), until: before.until, before: Some(before) };
    for due in times {
        let known = stored.iter().find(|stored| stored.turn.due == due);
        if let Some(known) = known
            && is_anothers(&known.turn, clock.now())
        {
            break;
        }
        if known.is_none_or(|known| known.turn.is_undone() || known.turn.given_up) {
            if !put_given_up(store, name, due, known, by, (now, clock)).await? {
                break;
            }
            given_up.due.push(due);
        }
        given_up.until = due;
    }
    if given_up.due.is_empty() && given_up.until > before.until {
        told(store, schedule, &given_up).await?;
    }
    Ok(given_up)
}

/// Says that what was given up is told: nobody tells it again.
///
/// # Errors
/// When the store fails.
pub async fn told(
    store: &Store,
    schedule: &Schedule,
    given_up: &GivenUp,
) -> Result<(), StoreError> {
    store.answer(&schedule.name, given_up.before, given_up.until).await
}

/// Whether somebody else is at it: doing it, or telling that it is given up.
fn is_anothers(turn: &Turn, clock: Timestamp) -> bool {
    match turn.state {
        TurnState::UnderWay { until } => clock < until,
        _ if turn.given_up => clock < lease_end_of(turn.began_at),
        _ => false,
    }
}

async fn put_given_up(
    store: &Store,
    schedule: &str,
    due: Timestamp,
    known: Option<&StoredTurn>,
    by: &str,
    (now, clock): (Timestamp, &impl Clock),
) -> Result<bool, StoreError> {
    let failure = known.and_then(|known| known.turn.failure.clone());
    let turn = Turn {
        schedule: schedule.to_owned(),
        due,
        state: TurnState::Done { at: now },
        attempts: known.map_or(0, |known| known.turn.attempts),
        by: by.to_owned(),
        began_at: clock.now(),
        exit: known.and_then(|known| known.turn.exit),
        failure,
        given_up: true,
    };
    let mut stored = match known {
        Some(known) => known.with(turn),
        None => StoredTurn::new(turn),
    };
    store.put_turn(&mut stored).await
}

/// Does the work of a turn, saying again and again that it is under way. A store that cannot be
/// reached meanwhile does not stop the work: at worst another begins it too, which every task is
/// made for.
pub async fn hold<T>(
    store: &Store,
    taken: &mut Taken,
    clock: &impl Clock,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        let pause = pin!(clock.sleep(RENEWED_EVERY));
        match select(work, pause).await {
            Either::Left((done, _)) => return done,
            Either::Right(((), under_way)) => work = under_way,
        }
        taken.stored.turn.state = TurnState::UnderWay { until: lease_end(clock) };
        match store.put_turn(&mut taken.stored).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(
                schedule = taken.stored.turn.schedule,
                "another process has taken this turn over"
            ),
            Err(error) => tracing::warn!(%error, "cannot renew the claim of a turn"),
        }
    }
}

/// Puts on record how a turn ended; `false` where another process has taken it over, whose record
/// then stands.
///
/// # Errors
/// When the store fails. The turn is then under way until its lease ends, and done again.
pub async fn finish(
    store: &Store,
    mut taken: Taken,
    ended: &Ended,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let turn = &mut taken.stored.turn;
    turn.exit = Some(ended.exit);
    turn.failure.clone_from(&ended.failure);
    turn.state = if ended.is_done() {
        TurnState::Done { at: now }
    } else {
        let wait = SignedDuration::try_from(again_after(turn.attempts));
        let again_at = wait.ok().and_then(|wait| now.checked_add(wait).ok());
        TurnState::Failed { again_at: again_at.unwrap_or(Timestamp::MAX) }
    };
    store.put_turn(&mut taken.stored).await
}

impl Ended {
    /// Whether there is nothing left to do: all is done (0), or something was found (3), which is
    /// no failure. What was done in part (4) is tried again, and does only what is left.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.exit, 0 | 3)
    }
}

fn lease_end(clock: &impl Clock) -> Timestamp {
    lease_end_of(clock.now())
}

fn lease_end_of(begun: Timestamp) -> Timestamp {
    let lease = SignedDuration::try_from(LEASE).unwrap_or(SignedDuration::ZERO);
    begun.checked_add(lease).unwrap_or(Timestamp::MAX)
}
