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

use crate::schedule::{Due, Look, Schedule, TurnFacts, again_after, due_times, look};
use crate::store::{Clock, Store, StoreError, StoredTurn, Turn, TurnState};

/// How long a claim holds unless it is renewed: how soon another takes over what a killed process
/// began.
const LEASE: Duration = Duration::from_mins(3);
/// How often it is renewed: two renewals may fail before it runs out.
const RENEWED_EVERY: Duration = Duration::from_mins(1);

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
    };
    let mut stored = match before {
        Some(before) => before.with(turn),
        None => StoredTurn::new(turn),
    };
    Ok(store.put_turn(&mut stored).await?.then_some(Taken { due, stored }))
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
    let lease = SignedDuration::try_from(LEASE).unwrap_or(SignedDuration::ZERO);
    clock.now().checked_add(lease).unwrap_or(Timestamp::MAX)
}
