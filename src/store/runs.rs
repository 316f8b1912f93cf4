//! Storing runs: what is known of a run is merged with what arrives, under the run's identity.
//!
//! A batch reads what the table holds of its runs, merges in memory, and writes only what changed,
//! in transactions conditioned on the versions seen. Whoever loses a race reads again and merges
//! again; since merging does not depend on order, everybody ends at the same item. A run that ends
//! leaves `OPEN` and enters its day in the same transaction, which also marks the day as changed:
//! there is no instant at which a run is stored and its day's roll-ups seem to be right.

#[cfg(test)]
mod throttled;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::beyond::Beyond;
use super::item::{Item, Stored, in_microseconds};
use super::keys::{self, OPEN};
use super::transact::{TRANSACTION_ITEMS_MAX, TRANSACTION_ITEMS_MIN, Transacted};
use super::{Store, StoreError, StoredRun};
use crate::model::{JobRun, QuotaPlace, merge, utc_day};

/// How often a batch that loses races reads again before it gives up.
const TRIES_MAX: u32 = 12;
/// The first pause between two tries; each further one is twice as long, up to the longest: twenty
/// seconds in all, in which a table that is billed by the request takes on capacity.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Requests under way at once.
const CONCURRENCY: usize = 8;
/// How long after its end a run is asked for again because something is still to be learnt of it.
const SETTLING_DAYS: i64 = 14;

/// What storing a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Runs met for the first time.
    pub new: u64,
    /// Runs of which something new became known.
    pub changed: u64,
    /// Runs of which nothing new became known.
    pub unchanged: u64,
    /// Runs past their retention, not stored as runs.
    pub too_old: u64,
    /// Of those, runs of closed months: kept for a while, so that the next month can book them.
    pub late: u64,
}

impl std::ops::AddAssign for Saved {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.too_old += other.too_old;
        self.late += other.late;
    }
}

/// What the table holds of one run: an item under `OPEN`, and under at most one day (two only where
/// an older version or a race left both).
#[derive(Default)]
struct Found {
    items: Vec<(String, Stored)>,
}

/// What to write for one run, all or nothing.
struct Plan {
    key: String,
    actions: Vec<TransactWriteItem>,
    /// The days that a run enters, leaves, or changes on, in order.
    days: Vec<Date>,
    change: Change,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    New,
    Changed,
    Unchanged,
    TooOld,
}

impl Store {
    /// Merges runs into the store. Safe to repeat, in any order, from several machines at once.
    ///
    /// # Errors
    /// When DynamoDB fails, or other writers never stop changing the same runs. What was written
    /// until then stays, and is correct.
    pub async fn save_runs(&self, runs: Vec<JobRun>, now: Timestamp) -> Result<Saved, StoreError> {
        let mut pending = by_identity(runs);
        let (mut saved, mut too_old) = (Saved::default(), Vec::new());
        for attempt in 0..TRIES_MAX {
            let mut found = self.find(&pending, now).await?;
            let mut plans = Vec::with_capacity(pending.len());
            for (key, run) in &pending {
                let plan = self.plan(key, run, found.remove(key).unwrap_or_default(), now)?;
                if plan.actions.is_empty() {
                    saved.count(plan.change);
                    too_old.extend((plan.change == Change::TooOld).then(|| run.clone()));
                } else {
                    plans.push(plan);
                }
            }
            let lost = self.write(plans, now, &mut saved).await?;
            pending.retain(|key, _| lost.contains(key));
            if pending.is_empty() {
                saved.late = self.keep_late(too_old, now).await?;
                return Ok(saved);
            }
            // Somebody else is writing the same runs, or the table is busy: give it time, twice as
            // much each time, and not the same time as the other loser.
            let jitter = Duration::from_millis(u64::from(std::process::id() % 7) * 5);
            tokio::time::sleep((PAUSE * 2_u32.pow(attempt)).min(PAUSE_MAX) + jitter).await;
        }
        Err(StoreError::Contended { table: self.table.name.clone() })
    }

    /// Every run that has not ended, or of which something is still to be learnt (an end of its
    /// own, what AWS billed). The first kind is what is still running.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn open_runs(&self, now: Timestamp) -> Result<Vec<JobRun>, StoreError> {
        let stored = self.open_stored_runs(now).await?;
        Ok(stored.into_iter().map(|stored| stored.run).collect())
    }

    /// The open runs of one account, region and engine: a Query of those alone.
    ///
    /// # Errors
    /// As [`Self::open_runs`].
    pub async fn open_runs_of(
        &self,
        place: &QuotaPlace,
        now: Timestamp,
    ) -> Result<Vec<JobRun>, StoreError> {
        let stored = self.open_runs_beginning(&keys::runs_of_place(place), now).await?;
        Ok(stored.into_iter().map(|stored| stored.run).collect())
    }

    /// Every open run, with when each was first stored.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn open_stored_runs(&self, now: Timestamp) -> Result<Vec<StoredRun>, StoreError> {
        self.open_runs_beginning("", now).await
    }

    async fn open_runs_beginning(
        &self,
        beginning: &str,
        now: Timestamp,
    ) -> Result<Vec<StoredRun>, StoreError> {
        let items = self.table.query_beginning(OPEN, beginning, Some(now)).await?;
        let mut runs = Vec::with_capacity(items.len());
        for item in &items {
            let Stored { run, first_stored, .. } =
                Stored::of_item(item).map_err(|e| self.table.unreadable(item, e))?;
            if run.end().is_none_or(|end| expiry(end, SETTLING_DAYS) > now.as_second()) {
                runs.push(StoredRun { run, first_stored });
            }
        }
        Ok(runs)
    }

    /// Reads what the table holds of each run.
    async fn find(
        &self,
        pending: &BTreeMap<String, JobRun>,
        now: Timestamp,
    ) -> Result<HashMap<String, Found>, StoreError> {
        let mut wanted: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (key, run) in pending {
            wanted.entry(OPEN.to_owned()).or_default().push(key);
            for day in days_to_search(run, self.settings.retention_days, now) {
                wanted.entry(keys::run_partition_on(key, day)).or_default().push(key);
            }
        }
        let mut found: HashMap<String, Found> = HashMap::new();
        self.fetch(&wanted, &mut found).await?;
        // A run under OPEN says where else it is: its end may have been another one by then.
        let mut elsewhere: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for key in pending.keys() {
            let items = found.get(key).map_or(&[][..], |found| &found.items);
            let under = items.iter().filter_map(|(_, stored)| stored.under.as_ref());
            for partition in under.filter(|p| items.iter().all(|(at, _)| &at != p)) {
                elsewhere.entry(partition.clone()).or_default().push(key);
            }
        }
        self.fetch(&elsewhere, &mut found).await?;
        Ok(found)
    }

    async fn fetch(
        &self,
        wanted: &BTreeMap<String, Vec<&str>>,
        found: &mut HashMap<String, Found>,
    ) -> Result<(), StoreError> {
        // A named function rather than a closure, so that the whole is `Send` for any lifetime.
        let requests: Vec<_> =
            wanted.iter().map(|(partition, keys)| self.fetch_from(partition, keys)).collect();
        let mut answers = stream::iter(requests).buffer_unordered(CONCURRENCY);
        while let Some((partition, items)) = answers.try_next().await? {
            for item in items {
                let stored =
                    Stored::of_item_to_merge(&item).map_err(|e| self.table.unreadable(&item, e))?;
                let key = keys::identity_key(&stored.run.identity);
                found.entry(key).or_default().items.push((partition.to_owned(), stored));
            }
        }
        Ok(())
    }

    async fn fetch_from<'k>(
        &self,
        partition: &'k str,
        keys: &[&str],
    ) -> Result<(&'k str, Vec<Item>), StoreError> {
        Ok((partition, self.table.items(partition, keys).await?))
    }

    /// What has to be written so that the table holds the run once, with everything known of it.
    fn plan(
        &self,
        key: &str,
        run: &JobRun,
        found: Found,
        now: Timestamp,
    ) -> Result<Plan, StoreError> {
        if key.len() > keys::SORT_KEY_BYTES_MAX {
            return Err(self.table.refused("PutItem", "a run's identity is over 1024 bytes"));
        }
        let merged =
            found.items.iter().fold(run.clone(), |known, (_, stored)| merge(&known, &stored.run));
        let first_stored =
            found.items.iter().map(|(_, stored)| stored.first_stored).min().unwrap_or(now);
        let plan = |actions, days, change| Plan { key: key.to_owned(), actions, days, change };
        let beyond = found.items.iter().map(|(_, stored)| &stored.beyond);
        let beyond = beyond.fold(Beyond::default(), Beyond::with);
        let nothing = |change| Ok(plan(Vec::new(), Vec::new(), change));
        let day = merged.end().map(|end| keys::run_partition(key, end));
        let expires = expiry(merged.end().unwrap_or(now), i64::from(self.settings.retention_days));
        if expires <= now.as_second() {
            return nothing(Change::TooOld);
        }
        // While the source has given no end of its own, the run may still move to another day; only
        // OPEN then says under which day it is, so it is kept for as long as the run itself.
        let open_until = match merged.end() {
            Some(end) if merged.ended_at.is_some() => expiry(end, SETTLING_DAYS),
            _ => expires,
        };
        let stays_open = !merged.is_settled() && open_until > now.as_second();

        let mut targets = Vec::new();
        targets.extend(day.clone().map(|day| (day, None, expires)));
        if stays_open {
            targets.push((OPEN.to_owned(), day, open_until));
        }
        let (mut actions, mut days) = (Vec::new(), Vec::new());
        for (partition, under, expires) in &targets {
            let old = found.items.iter().find(|(at, _)| at == partition).map(|(_, old)| old);
            let version = old.map_or(0, |old| old.version);
            let (run, under, beyond) = (merged.clone(), under.clone(), beyond.clone());
            let new = Stored { run, first_stored, version, under, beyond };
            if old != Some(&new) {
                let item = new.to_item(partition, *expires);
                actions.push(self.table.put_seen(item, old.map(|old| old.version))?);
                days.extend(keys::day_of_run_partition(partition));
            }
        }
        for (at, old) in &found.items {
            if targets.iter().all(|(partition, ..)| partition != at) {
                actions.push(self.table.delete_seen(at, key, old.version)?);
                days.extend(keys::day_of_run_partition(at));
            }
        }
        let change = match (actions.is_empty(), found.items.is_empty()) {
            (true, _) => Change::Unchanged,
            (false, true) => Change::New,
            (false, false) => Change::Changed,
        };
        days.sort_unstable();
        days.dedup();
        Ok(plan(actions, days, change))
    }

    /// Writes the plans, and returns the keys of those that lost a race.
    async fn write(
        &self,
        plans: Vec<Plan>,
        now: Timestamp,
        saved: &mut Saved,
    ) -> Result<Vec<String>, StoreError> {
        let groups =
            grouped(plans, self.settings.transaction_items.clamp(1, TRANSACTION_ITEMS_MAX));
        let writes: Vec<_> = groups.into_iter().map(|group| self.write_group(group, now)).collect();
        let mut outcomes = stream::iter(writes).buffer_unordered(CONCURRENCY);
        let mut lost = Vec::new();
        while let Some((written, contended)) = outcomes.try_next().await? {
            written.iter().for_each(|plan| saved.count(plan.change));
            lost.extend(contended.into_iter().map(|plan| plan.key));
        }
        Ok(lost)
    }

    async fn write_group(
        &self,
        group: Vec<Plan>,
        now: Timestamp,
    ) -> Result<(Vec<Plan>, Vec<Plan>), StoreError> {
        match self.transact(&group, now).await {
            Ok(Transacted::Done) => Ok((group, Vec::new())),
            Ok(Transacted::Lost { .. }) => Ok((Vec::new(), group)),
            // An older or smaller DynamoDB takes fewer items; ask for what all of them take.
            Err(StoreError::Refused { .. })
                if group.iter().map(|plan| plan.actions.len() + plan.days.len()).sum::<usize>()
                    > TRANSACTION_ITEMS_MIN =>
            {
                let (mut written, mut lost) = (Vec::new(), Vec::new());
                for small in grouped(group, TRANSACTION_ITEMS_MIN) {
                    let done = self.transact(&small, now).await? == Transacted::Done;
                    if done { written.extend(small) } else { lost.extend(small) }
                }
                Ok((written, lost))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes all of the plans or none, and with them that their days changed.
    async fn transact(&self, plans: &[Plan], now: Timestamp) -> Result<Transacted, StoreError> {
        let mut actions: Vec<_> =
            plans.iter().flat_map(|plan| plan.actions.iter().cloned()).collect();
        let days: BTreeSet<Date> =
            plans.iter().flat_map(|plan| plan.days.iter().copied()).collect();
        for day in days {
            if let Some(mark) = self.mark(day, now) {
                actions.push(self.table.put_over(mark)?);
            }
        }
        self.table.transact(actions).await
    }
}

impl Saved {
    const fn count(&mut self, change: Change) {
        match change {
            Change::New => self.new += 1,
            Change::Changed => self.changed += 1,
            Change::Unchanged => self.unchanged += 1,
            Change::TooOld => self.too_old += 1,
        }
    }
}

/// One run per identity, whatever the batch repeats, in the order of the keys.
fn by_identity(runs: Vec<JobRun>) -> BTreeMap<String, JobRun> {
    let mut merged: BTreeMap<String, JobRun> = BTreeMap::new();
    for run in runs {
        let run = in_microseconds(run);
        let key = keys::identity_key(&run.identity);
        match merged.entry(key) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(run);
            }
            std::collections::btree_map::Entry::Occupied(mut known) => {
                let both = merge(known.get(), &run);
                known.insert(both);
            }
        }
    }
    merged
}

/// The second from which on something that lasts for so many days is past.
fn expiry(from: Timestamp, days: i64) -> i64 {
    from.as_second() + days * 86_400
}

/// The UTC days under which the run may be stored already. A run whose source gives its end is
/// under that day, or where OPEN says; any other may have ended, as another source told, on any day
/// since it started. What ended before the retention does not count any more.
fn days_to_search(
    run: &JobRun,
    retention_days: u32,
    now: Timestamp,
) -> impl Iterator<Item = Date> + use<> {
    let exact = run.ended_at.and_then(|_| run.end()).map(utc_day);
    let last = exact.unwrap_or_else(|| utc_day(run.end().unwrap_or(now)));
    // With no start either, the end may still have been just before the midnight that the time of
    // the fact is just after.
    let eve = last.checked_sub(1.day()).unwrap_or(last);
    let start = run.start().map_or(eve, utc_day);
    let kept_since = Timestamp::from_second(expiry(now, -i64::from(retention_days)));
    let earliest = kept_since.map_or(start, utc_day);
    let first = exact.unwrap_or_else(|| start.max(earliest).min(last));
    first.series(1.day()).take_while(move |day| *day <= last)
}

/// Packs whole plans, and a mark for each of their days, into transactions of at most so many
/// actions. Those of one day come together, so that a transaction has few marks.
fn grouped(mut plans: Vec<Plan>, actions_max: usize) -> Vec<Vec<Plan>> {
    plans.sort_by(|a, b| (&a.days, &a.key).cmp(&(&b.days, &b.key)));
    let mut groups: Vec<Vec<Plan>> = Vec::new();
    let (mut room, mut days) = (0, BTreeSet::new());
    for plan in plans {
        let unmarked =
            |days: &BTreeSet<Date>| plan.days.iter().filter(|d| !days.contains(d)).count();
        if plan.actions.len() + unmarked(&days) > room || groups.is_empty() {
            groups.push(Vec::new());
            days.clear();
            room = actions_max;
        }
        room = room.saturating_sub(plan.actions.len() + unmarked(&days));
        days.extend(plan.days.iter().copied());
        if let Some(group) = groups.last_mut() {
            group.push(plan);
        }
    }
    groups
}
