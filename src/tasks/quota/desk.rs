//! Where starts are asked for: reads what runs and what is reserved, has `quota` decide, and writes
//! a reservation conditioned on what was read.

use jiff::Timestamp;
use serde::Serialize;

use crate::analysis::{Books, units_now};
use crate::model::{
    Engine, JobRun, QuotaPlace, QuotaValue, Reservation, ReservationId, StartedRun, take_places,
};
use crate::quota::{
    Answer, Ask, Facts, QuotaCheckSettings, QuotaSetting, Running, ShareSetting, Verdict, decide,
};
use crate::store::{Guard, SourceState, Store, StoreError};

/// How often an asker that others outran decides anew. Each round somebody wins.
const TRIES_MAX: u32 = 100;

/// What answers are made from.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'d> {
    /// Where runs and reservations are.
    pub store: &'d Store,
    /// What names and owns runs.
    pub books: &'d Books,
    /// The configured quotas and shares.
    pub quotas: &'d [QuotaSetting],
    /// The terms.
    pub settings: &'d QuotaCheckSettings,
    /// The accounts, regions and engines that are to be collected.
    pub expected: &'d [(String, String, Engine)],
}

/// An answer, with what it was asked about. Serialised, it is `quota check --format json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// What "now" was.
    pub checked_at: Timestamp,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: Engine,
    /// The team.
    pub team: String,
    /// Until when the runs there were collected; `None` where they never were, only imported.
    pub collected_through: Option<Timestamp>,
}

/// How a place is to be held.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The key of the reservation: the same key asks for the same one.
    pub key: String,
    /// The run that takes it, where its id is known already.
    pub run_id: Option<String>,
    /// Who asks.
    pub by: String,
    /// Reservations that ended before this leave the store.
    pub forget_before: Timestamp,
}

/// A place that is held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Its name.
    pub id: String,
    /// When its term ends.
    pub until: Timestamp,
    /// Whether it was held already.
    pub again: bool,
    /// What gives it up before that.
    pub given_up_by: String,
}

/// What came of asking for a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Reserved {
    /// It is held. The answer is `None` where it was held already.
    Held(Held, Option<Checked>),
    /// It does not fit, or that cannot be known.
    Refused(Checked),
    /// The same key holds something else.
    Other(Box<Reservation>),
}

/// What the store says of a place.
struct Known {
    guard: Guard,
    running: Vec<Running>,
    limits: Vec<QuotaValue>,
    shares: Vec<(String, Vec<ShareSetting>)>,
    state: Option<SourceState>,
}

impl Desk<'_> {
    /// Whether a start fits, and nothing else.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn check(&self, ask: &Ask) -> Result<Checked, StoreError> {
        let mut known = self.known(&ask.place, ask.from).await?;
        known.take_places(ask.from);
        Ok(self.answer(ask, &known))
    }

    /// Holds a place, if it fits: the decision and the write are one, whoever asks meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read or written, or others never stop asking.
    pub async fn reserve(&self, ask: &Ask, wish: &Wish) -> Result<Reserved, StoreError> {
        for attempt in 0..TRIES_MAX {
            let mut known = self.known(&ask.place, ask.from).await?;
            known.guard.reservations.retain(|old| old.until > wish.forget_before);
            known.take_places(ask.from);
            if let Some(index) = known.position(&wish.key, ask.from) {
                let held = &known.guard.reservations[index];
                if !is_same(held, ask) {
                    return Ok(Reserved::Other(Box::new(held.clone())));
                }
                if known.is_in_use(held) {
                    return Ok(Reserved::Held(held_as(held, &ask.place, true), None));
                }
                // Its runs came and went: the same key now speaks of another start.
                known.guard.reservations.remove(index);
            }
            let checked = self.answer(ask, &known);
            if checked.answer.verdict != Verdict::Fits {
                return Ok(Reserved::Refused(checked));
            }
            let new = reservation(ask, wish);
            let held = held_as(&new, &ask.place, false);
            // One of that key that has ended, and is not forgotten yet, makes room.
            known.guard.reservations.retain(|old| old.key != new.key);
            known.guard.reservations.push(new);
            if self.store.put_guard(&known.guard).await? {
                return Ok(Reserved::Held(held, Some(checked)));
            }
            Store::pause_after_race(attempt).await;
        }
        Err(StoreError::Contended { table: self.store.table().name().to_owned() })
    }

    /// Gives a place back; or, where a run is named, leaves it to that run until it shows up.
    /// `false` where nothing of that name is held.
    ///
    /// # Errors
    /// When the store cannot be read or written, or others never stop asking.
    pub async fn release(
        &self,
        id: &ReservationId,
        run_id: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        for attempt in 0..TRIES_MAX {
            let mut guard = self.store.guard(&id.place).await?;
            let is_it = |held: &Reservation| held.key == id.key && held.is_live(now);
            let Some(index) = guard.reservations.iter().position(is_it) else { return Ok(false) };
            match run_id {
                Some(run_id) => guard.reservations[index].run_id = Some(run_id.to_owned()),
                None => drop(guard.reservations.remove(index)),
            }
            if self.store.put_guard(&guard).await? {
                return Ok(true);
            }
            Store::pause_after_race(attempt).await;
        }
        Err(StoreError::Contended { table: self.store.table().name().to_owned() })
    }

    /// Reads what there is to know of a place. The reservations first: a run that takes its place
    /// between the two readings then counts twice for a moment, and never not at all.
    async fn known(&self, place: &QuotaPlace, now: Timestamp) -> Result<Known, StoreError> {
        let guard = self.store.guard(place).await?;
        let (open, read, state) = futures::try_join!(
            self.store.open_runs_of(place, now),
            self.store.quotas_of(&place.account, &place.region),
            self.store.source_state(place),
        )?;
        let limits = self.configured(place).filter_map(QuotaSetting::value).chain(read).collect();
        let shares = self.shares(place);
        Ok(Known { guard, running: self.running(open), limits, shares, state })
    }

    fn configured(&self, place: &QuotaPlace) -> impl Iterator<Item = &QuotaSetting> {
        let is_here = move |quota: &&QuotaSetting| {
            quota.account == place.account && quota.region == place.region
        };
        self.quotas.iter().filter(is_here)
    }

    /// How teams share the quotas of a place.
    pub(super) fn shares(&self, place: &QuotaPlace) -> Vec<(String, Vec<ShareSetting>)> {
        self.configured(place).map(|q| (q.quota.clone(), q.shares.clone())).collect()
    }

    pub(super) fn running(&self, open: Vec<JobRun>) -> Vec<Running> {
        // What is under OPEN and has ended waits for its bill only.
        let open: Vec<JobRun> = open.into_iter().filter(|run| !run.state.is_terminal()).collect();
        let units = units_now(&open);
        let running = |(run, units): (&JobRun, _)| {
            let job = self.books.job(run);
            Running {
                run_id: run.identity.run_id.clone(),
                team: self.books.ownership.team(run, &job),
                job,
                started: run.start(),
                flex: run.is_flex(),
                waiting: run.state.is_waiting(),
                units,
            }
        };
        open.iter().zip(units).map(running).collect()
    }

    fn answer(&self, ask: &Ask, known: &Known) -> Checked {
        let mut answer = decide(ask, &known.facts(self.settings));
        if let Some(reason) = self.ignorance(&ask.place, known.state.as_ref(), ask.from) {
            answer = Answer { verdict: Verdict::CannotKnow, reason, ..answer };
        }
        let QuotaPlace { account, region, engine } = ask.place.clone();
        Checked {
            answer,
            checked_at: ask.from,
            account,
            region,
            engine,
            team: ask.team.clone(),
            collected_through: known.state.as_ref().and_then(|state| state.collected_through),
        }
    }

    /// Why nobody knows what runs now: it was not collected lately. Of a place that nobody collects
    /// from, what was imported is believed.
    fn ignorance(
        &self,
        place: &QuotaPlace,
        state: Option<&SourceState>,
        now: Timestamp,
    ) -> Option<String> {
        let QuotaPlace { account, region, engine } = place;
        let expected =
            || self.expected.iter().any(|(a, r, e)| (a, r, e) == (account, region, engine));
        if state.is_none() && !expected() {
            return None;
        }
        let Some(through) = state.and_then(|state| state.collected_through) else {
            return Some(format!("runs of {engine} in {account} {region} were never collected"));
        };
        let is_stale = now.duration_since(through) > self.settings.stale_after;
        is_stale.then(|| {
            format!(
                "runs of {engine} in {account} {region} were last collected at {through}, more \
                 than {:#} ago",
                self.settings.stale_after
            )
        })
    }
}

impl Known {
    fn facts<'f>(&'f self, settings: &'f QuotaCheckSettings) -> Facts<'f> {
        Facts {
            limits: &self.limits,
            shares: &self.shares,
            running: &self.running,
            reservations: &self.guard.reservations,
            settings,
        }
    }

    fn take_places(&mut self, now: Timestamp) {
        let started: Vec<StartedRun<'_>> = self.running.iter().map(Running::as_started).collect();
        take_places(&mut self.guard.reservations, &started, now);
    }

    fn position(&self, key: &str, now: Timestamp) -> Option<usize> {
        self.guard.reservations.iter().position(|held| held.key == key && held.is_live(now))
    }

    /// Whether a reservation still holds something, or the runs that took it go on.
    fn is_in_use(&self, held: &Reservation) -> bool {
        let goes_on = |id: &String| self.running.iter().any(|run| run.run_id == *id);
        held.held().runs > 0 || held.taken_by.iter().any(goes_on)
    }
}

fn is_same(held: &Reservation, ask: &Ask) -> bool {
    (&held.team, &held.need, &held.job) == (&ask.team, &ask.need, &ask.job)
}

fn held_as(held: &Reservation, place: &QuotaPlace, again: bool) -> Held {
    let id = ReservationId { place: place.clone(), key: held.key.clone() };
    let given_up_by = held.given_up_by();
    Held { id: id.to_string(), until: held.until, again, given_up_by }
}

fn reservation(ask: &Ask, wish: &Wish) -> Reservation {
    Reservation {
        key: wish.key.clone(),
        team: ask.team.clone(),
        need: ask.need.clone(),
        job: ask.job.clone(),
        run_id: wish.run_id.clone(),
        made_at: ask.from,
        until: ask.until,
        by: wish.by.clone(),
        taken_by: Vec::new(),
    }
}
