//! The runs of the last day one by one, and the days before by their roll-ups.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::alerts::{HISTORY_DAYS, JobDay, JobFacts, RunFacts, SKEW, WINDOW};
use crate::analysis::{Books, JobKey, QuotaUse, RunRow, last_owner};
use crate::model::{JobRun, LastOwner, Period, RollUp, RunIdentity, utc_day};
use crate::pricing::by_day;
use crate::store::{Reach, Store, StoreError, StoredRun};
use crate::tasks::budgets::{Used, first_day};

/// The days of which roll-ups are read, today included: what ended today may have been used before.
/// The month is that of the budgets, where there are any.
pub(super) fn history(month: Option<&Period>, now: Timestamp) -> Range<Date> {
    let today = utc_day(now);
    let first = today.checked_sub(HISTORY_DAYS.days()).unwrap_or(Date::MIN);
    let first = month.map_or(first, |month| first.min(first_day(month, now)));
    first..today.tomorrow().unwrap_or(Date::MAX)
}

/// What is gathered of runs.
pub(super) struct Gathering<'b> {
    books: &'b Arc<Books>,
    now: Timestamp,
    pub(super) jobs: BTreeMap<JobKey, JobFacts>,
    /// The last day's use of quotas.
    pub(super) quota_use: QuotaUse,
    /// What teams used by day.
    pub(super) used: Used,
    /// Of each job the run that says who owns it.
    owners: BTreeMap<JobKey, (Latest, LastOwner)>,
}

/// What makes one run's word on its owner count more than another's: that its tags were read, then
/// that it is newer.
type Latest = (bool, Timestamp);

/// A run of the last day, taken apart where it was read.
struct Ended {
    key: JobKey,
    facts: RunFacts,
    row: Option<RunRow>,
    owner: LastOwner,
}

impl<'b> Gathering<'b> {
    pub(super) fn new(books: &'b Arc<Books>, first_day: Date, now: Timestamp) -> Self {
        Self {
            books,
            now,
            jobs: BTreeMap::new(),
            quota_use: QuotaUse::between(now - WINDOW, now),
            used: Used::since(first_day),
            owners: BTreeMap::new(),
        }
    }

    /// Reads what ended within a day, and adds what is still open of `open`, which was read before:
    /// a run that ended in between is met twice, and has ended.
    pub(super) async fn read_ended(
        &mut self,
        store: &Store,
        open: &[JobRun],
    ) -> Result<(), StoreError> {
        let now = self.now;
        let (since, until) = (now - WINDOW, now + SKEW);
        let books = Arc::clone(self.books);
        let keep = move |stored: StoredRun| {
            let end = stored.run.end()?;
            (end > since && end <= until).then(|| ended(&stored, &books))
        };
        let days = utc_day(since).series(1.day()).take_while(|day| *day <= utc_day(until));
        let mut met: BTreeSet<RunIdentity> = BTreeSet::new();
        let open_ids: BTreeSet<&RunIdentity> = open.iter().map(|run| &run.identity).collect();
        let take = |page: Vec<Ended>| {
            for run in page {
                met.extend(open_ids.get(&run.facts.identity).map(|id| (*id).clone()));
                self.add_ended(run);
            }
        };
        store.read_days(days, Reach::All, now, keep, take).await?;
        for run in open {
            // What has an end waits for its bill only, and is under its day.
            if run.end().is_none() && !run.state.is_terminal() && !met.contains(&run.identity) {
                self.add_open(run);
            }
        }
        Ok(())
    }

    fn add_ended(&mut self, run: Ended) {
        let Ended { key, facts, row, owner } = run;
        row.iter().for_each(|row| self.quota_use.add(row));
        self.owned(&key, facts.ended.unwrap_or(self.now), owner);
        self.jobs.entry(key).or_default().ended.push(facts);
    }

    fn add_open(&mut self, run: &JobRun) {
        let job = self.books.job(run);
        let owner = last_owner(run, self.books.owner(run, &job));
        let priced = self.books.price(run);
        let key = key_of(run, job);
        self.quota_use.add_open(run, &key, &owner.team, self.now);
        // Of a run under way only what its readings tell is known day by day.
        self.used.add(&owner.team, &by_day(run, &priced.price));
        self.owned(&key, self.now, owner);
        self.jobs.entry(key).or_default().open.push(RunFacts::of(run, &priced));
    }

    /// Reads the roll-ups of these days, but those that are given.
    pub(super) async fn read_history(
        &mut self,
        store: &Store,
        days: Range<Date>,
        given: BTreeMap<Date, Vec<RollUp>>,
    ) -> Result<(), StoreError> {
        let now = self.now;
        let stored = days.start.series(1.day()).take_while(|day| *day < days.end);
        let stored = stored.filter(|day| !given.contains_key(day)).collect::<Vec<_>>();
        store.roll_ups(stored, now, |roll_up| self.add_roll_up(roll_up)).await?;
        given.into_values().flatten().for_each(|roll_up| self.add_roll_up(roll_up));
        // Each job is whoever's its latest run is, whichever was read first.
        for (key, (_, owner)) in std::mem::take(&mut self.owners) {
            if let Some(job) = self.jobs.get_mut(&key) {
                job.team = owner.team;
                job.tagged = owner.tagged;
                job.tags = owner.tags.unwrap_or_default();
                // Most jobs have one run a day, and a list grows by more than that.
                job.ended.shrink_to_fit();
            }
        }
        Ok(())
    }

    fn add_roll_up(&mut self, mut roll_up: RollUp) {
        self.used.add_roll_up(&roll_up);
        let today = utc_day(self.now);
        let first = today.checked_sub(HISTORY_DAYS.days()).unwrap_or(Date::MIN);
        if !(first..today).contains(&roll_up.day) {
            return;
        }
        let last = roll_up.samples.last().map_or(Timestamp::MIN, |run| run.ended);
        let owner = std::mem::take(&mut roll_up.last_owner);
        let (job, day) = JobDay::of(roll_up);
        self.owned(&job, last, owner);
        self.jobs.entry(job).or_default().days.push(day);
    }

    fn owned(&mut self, key: &JobKey, at: Timestamp, owner: LastOwner) {
        let place = (owner.tags.is_some(), at);
        match self.owners.get_mut(key) {
            Some((known, _)) if *known > place => {}
            Some(known) => *known = (place, owner),
            None => drop(self.owners.insert(key.clone(), (place, owner))),
        }
    }
}

fn ended(stored: &StoredRun, books: &Books) -> Ended {
    let run = &stored.run;
    let job = books.job(run);
    let priced = books.price(run);
    let owner = last_owner(run, books.owner(run, &job));
    Ended {
        facts: RunFacts::of(run, &priced),
        row: RunRow::of(run, &priced, &job, owner.team.clone(), stored.first_stored),
        key: key_of(run, job),
        owner,
    }
}

fn key_of(run: &JobRun, job: String) -> JobKey {
    let RunIdentity { engine, account, region, .. } = run.identity.clone();
    JobKey { engine, account, region, job }
}
