//! Collecting: every configured account, region and service is read, its runs are saved as they
//! come, and only then its watermark moves.
//!
//! Safe to stop at any instant and to run twice at once: saving merges, so that a page saved twice
//! is a page saved once, and a watermark that did not move only makes the next sweep read more.
//! What cannot be read is on record (`SourceState::error`) and in the outcome; the others go on.

mod outcome;

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use crate::model::{JobRun, RunIdentity, Teller};
use crate::sources::{
    AccountSource, Batches, CollectSettings, KnownRun, Scope, Service, SourceError, Sources, Sweep,
    Swept, Target,
};
use crate::store::{Saved, SourceState, Store, StoreError};

pub use outcome::{CollectError, CollectOutcome, Failure, SourceOutcome};

/// How far back a source is read that was never read before, unless told otherwise.
const FIRST_SINCE: SignedDuration = SignedDuration::from_hours(48);

/// How far before the watermark a sweep begins: for what AWS shows late, and for clocks that
/// differ.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);

/// Accounts read at once. Each has its own limits at AWS, so that they do not hinder each other.
const ACCOUNTS_AT_ONCE: usize = 4;

/// What the store knows before a sweep begins.
struct Known {
    states: Vec<SourceState>,
    open: Vec<JobRun>,
}

/// One account, region and service.
#[derive(Clone, Copy)]
struct Place<'p> {
    account: &'p str,
    region: &'p str,
    service: Service,
}

/// Whether nothing in a region answered: its quotas would take minutes more, and not be had.
fn is_silent(sources: &[SourceOutcome], region: &str) -> bool {
    let mut of_region = sources.iter().filter(|source| source.region == region).peekable();
    let is_silent = |source: &SourceOutcome| {
        source.failure.as_ref().is_some_and(|failure| failure.is_unavailable)
    };
    of_region.peek().is_some() && of_region.all(is_silent)
}

/// What one sweep came to.
struct Part {
    saved: Saved,
    swept: Swept,
    failure: Option<Failure>,
}

/// One run of the task, with all that its parts share.
struct Collection<'c> {
    store: &'c Store,
    settings: &'c CollectSettings,
    known: Known,
    /// What `--since` asks for, as an instant.
    since: Option<Timestamp>,
    /// Whether only known runs are asked for: then no watermark moves.
    only_open: bool,
    now: Timestamp,
}

/// Reads every source from where its last sweep began, or further back where `since` says so, and
/// saves what it tells.
///
/// # Errors
/// When the store fails, or when no account is configured and there are no credentials either. A
/// source that fails is no error but part of the outcome.
pub async fn collect<S: Sources>(
    store: &Store,
    sources: &S,
    settings: &CollectSettings,
    since: Option<Span>,
    now: Timestamp,
) -> Result<CollectOutcome, CollectError> {
    let targets = targets(sources, settings).await?;
    let known = Known { states: store.source_states().await?, open: store.open_runs(now).await? };
    let since = since.map(|span| before(now, span)).transpose()?;
    Collection { store, settings, known, since, only_open: false, now }.run(sources, &targets).await
}

/// Asks for these runs alone, as far as something is still to be learnt of them: what events named
/// and did not describe. No watermark moves.
///
/// # Errors
/// As [`collect`].
pub async fn ask_for<S: Sources>(
    store: &Store,
    sources: &S,
    settings: &CollectSettings,
    runs: &BTreeSet<RunIdentity>,
    now: Timestamp,
) -> Result<CollectOutcome, CollectError> {
    let mut open = store.open_runs(now).await?;
    open.retain(|run| runs.contains(&run.identity));
    if open.is_empty() {
        return Ok(CollectOutcome::default());
    }
    let mut targets = targets(sources, settings).await?;
    targets.retain(|target| open.iter().any(|run| run.identity.account == target.account));
    let known = Known { states: Vec::new(), open };
    let collection = Collection { store, settings, known, since: None, only_open: true, now };
    collection.run(sources, &targets).await
}

/// The accounts that are collected: the configured ones, else the one of the credentials at hand.
///
/// # Errors
/// When none is configured, and there are no credentials or no region.
pub async fn targets<S: Sources>(
    sources: &S,
    settings: &CollectSettings,
) -> Result<Vec<Target>, CollectError> {
    match settings.targets.as_slice() {
        [] => Ok(vec![sources.home().await.map_err(CollectError::Home)?]),
        configured => Ok(configured.to_vec()),
    }
}

/// The instant that a span like `90d` reaches back to. Days are those of UTC.
fn before(now: Timestamp, span: Span) -> Result<Timestamp, CollectError> {
    let begin = now.to_zoned(TimeZone::UTC).checked_sub(span.abs());
    begin.map(|begin| begin.timestamp()).map_err(|_| CollectError::Since(span))
}

impl Collection<'_> {
    async fn run<S: Sources>(
        &self,
        sources: &S,
        targets: &[Target],
    ) -> Result<CollectOutcome, CollectError> {
        let parts: Vec<CollectOutcome> = stream::iter(targets)
            .map(|target| self.target(sources, target))
            .buffered(ACCOUNTS_AT_ONCE)
            .try_collect()
            .await?;
        let mut outcome = CollectOutcome::default();
        for part in parts {
            outcome.sources.extend(part.sources);
            outcome.quotas_unread.extend(part.quotas_unread);
        }
        Ok(outcome)
    }

    async fn target<S: Sources>(
        &self,
        sources: &S,
        target: &Target,
    ) -> Result<CollectOutcome, CollectError> {
        let opened = sources.open(target).await;
        let mut outcome = CollectOutcome::default();
        for region in &target.regions {
            for service in &self.settings.engines {
                let place = Place { account: &target.account, region, service: *service };
                if self.only_open && !self.known.open.iter().any(|run| place.is_of(&run.identity)) {
                    continue;
                }
                let source = match &opened {
                    Ok(account) => self.source(account, &place).await?,
                    Err(error) => self.unread(&place, error).await?,
                };
                outcome.sources.push(source);
            }
            let Ok(account) = &opened else { continue };
            if self.only_open {
                continue;
            }
            let unread = if is_silent(&outcome.sources, region) {
                let account = &target.account;
                Some(format!(
                    "quotas of {account} {region}: not asked for, as nothing answers there"
                ))
            } else {
                self.quotas(account, target, region).await?
            };
            outcome.quotas_unread.extend(unread);
        }
        Ok(outcome)
    }

    /// Sweeps one source: its job runs, then its sessions, each with a watermark of its own, so
    /// that a role which may not read sessions yet stops nothing else.
    async fn source<A: AccountSource>(
        &self,
        account: &A,
        place: &Place<'_>,
    ) -> Result<SourceOutcome, CollectError> {
        let Part { mut saved, mut swept, failure } =
            self.part(account, place, Scope::JobRuns).await?;
        let mut sessions_failure = None;
        // Where not even the job runs came to their end for want of AWS, nothing else will; and no
        // event names a session.
        if !self.only_open && failure.as_ref().is_none_or(|failure| !failure.is_unavailable) {
            let sessions = self.part(account, place, Scope::Sessions).await?;
            saved += sessions.saved;
            swept.vanished.extend(sessions.swept.vanished);
            swept.untagged.extend(sessions.swept.untagged);
            sessions_failure = sessions.failure;
        }
        let mut vanished = swept.vanished;
        vanished.sort_unstable();
        let untagged = swept.untagged;
        Ok(SourceOutcome { saved, vanished, untagged, sessions_failure, ..place.outcome(failure) })
    }

    /// One sweep: the one hand reads, the other saves, and the watermark moves last.
    async fn part<A: AccountSource>(
        &self,
        account: &A,
        place: &Place<'_>,
        scope: Scope,
    ) -> Result<Part, CollectError> {
        let sweep = self.sweep(place, scope);
        let (give, mut take) = Batches::bounded();
        let reading = account.sweep(place.region, place.service, scope, &sweep, give);
        let saving = async move {
            let mut saved = Saved::default();
            while let Some(mut runs) = take.recv().await {
                for run in &mut runs {
                    run.told(place.teller(), self.now);
                }
                saved += self.store.save_runs(runs, self.now).await?;
            }
            Ok::<_, StoreError>(saved)
        };
        let (swept, saved) = tokio::join!(reading, saving);
        // Before anything else: without its runs in the store, a sweep counts for nothing.
        let saved = saved?;
        let (swept, failure) = match swept {
            Ok(swept) => {
                let failure = incomplete(&swept);
                (swept, failure)
            }
            Err(error) => (Swept::default(), Some(Failure::of(&error))),
        };
        self.put_state(place, scope, failure.as_ref()).await?;
        Ok(Part { saved, swept, failure })
    }

    /// A source that could not even be begun.
    async fn unread(
        &self,
        place: &Place<'_>,
        error: &SourceError,
    ) -> Result<SourceOutcome, CollectError> {
        let failure = Failure::of(error);
        self.put_state(place, Scope::JobRuns, Some(&failure)).await?;
        Ok(place.outcome(Some(failure)))
    }

    /// What is asked of a source. `--since` may reach further back than the watermark, and never
    /// less far: a gap would lie between, and nothing would ever show it.
    fn sweep(&self, place: &Place<'_>, scope: Scope) -> Sweep {
        let collected_through = self.collected_through(place, scope);
        let watermark = collected_through.and_then(|at| at.checked_sub(OVERLAP).ok());
        let first = || self.now.checked_sub(FIRST_SINCE).unwrap_or(Timestamp::MIN);
        let changed_since = match (self.since, watermark) {
            (Some(since), Some(watermark)) => since.min(watermark),
            (since, watermark) => since.or(watermark).unwrap_or_else(first),
        };
        let open = self
            .known
            .open
            .iter()
            .filter(|run| place.is_of(&run.identity))
            .map(|run| KnownRun {
                identity: run.identity.clone(),
                job_name: run.job_name.clone(),
                is_session: run.is_session(),
            })
            .collect();
        let concurrency = self.settings.concurrency.max(1);
        let only_open = self.only_open;
        Sweep { changed_since, open, only_open, now: self.now, concurrency }
    }

    fn collected_through(&self, place: &Place<'_>, scope: Scope) -> Option<Timestamp> {
        let of_place = |state: &&SourceState| {
            state.account == place.account
                && state.region == place.region
                && state.engine == place.service.into()
                && state.sessions == (scope == Scope::Sessions)
        };
        self.known.states.iter().find(of_place)?.collected_through
    }

    /// Puts on record how far a source is read: to the instant the sweep began, where it came to
    /// its end. What happened while it went on is the next sweep's.
    async fn put_state(
        &self,
        place: &Place<'_>,
        scope: Scope,
        failure: Option<&Failure>,
    ) -> Result<(), StoreError> {
        if self.only_open {
            return Ok(());
        }
        let before = || self.collected_through(place, scope);
        let collected_through = if failure.is_none() { Some(self.now) } else { before() };
        let state = SourceState {
            account: place.account.to_owned(),
            region: place.region.to_owned(),
            engine: place.service.into(),
            sessions: scope == Scope::Sessions,
            collected_through,
            attempted_at: self.now,
            error: failure.map(|failure| failure.message.clone()),
        };
        self.store.put_source_state(&state).await
    }

    /// Reads and saves the quotas of an account's region, or tells why they could not be read.
    async fn quotas<A: AccountSource>(
        &self,
        account: &A,
        target: &Target,
        region: &str,
    ) -> Result<Option<String>, StoreError> {
        match account.quotas(region).await {
            Ok(quotas) => {
                self.store.put_quotas(&quotas).await?;
                Ok(None)
            }
            Err(error) => Ok(Some(format!("quotas of {} {region}: {error}", target.account))),
        }
    }
}

impl Place<'_> {
    fn is_of(&self, run: &RunIdentity) -> bool {
        run.account == self.account
            && run.region == self.region
            && run.engine == self.service.into()
    }

    /// Who tells of the runs there.
    const fn teller(&self) -> Teller {
        match self.service {
            Service::Glue => Teller::GlueApi,
            Service::EmrServerless => Teller::EmrServerlessApi,
        }
    }

    fn outcome(&self, failure: Option<Failure>) -> SourceOutcome {
        SourceOutcome {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            engine: self.service.into(),
            saved: Saved::default(),
            vanished: Vec::new(),
            untagged: Vec::new(),
            failure,
            sessions_failure: None,
        }
    }
}

/// A sweep that came to its end and yet could not read everything.
fn incomplete(swept: &Swept) -> Option<Failure> {
    let first = swept.unread.first()?;
    let message = match swept.unread.len() - 1 {
        0 => first.clone(),
        more => format!("{first}; and {more} more"),
    };
    let hint =
        "where the role was refused, allow it that; the rest was read, and all is read again";
    Some(Failure { message, hint, is_unavailable: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn since_counts_days_of_utc_whatever_its_sign() {
        let now = at("2026-11-16T06:00:00Z");
        let days = |n: i64| Span::new().days(n);
        assert_eq!(before(now, days(90)).unwrap(), at("2026-08-18T06:00:00Z"));
        assert_eq!(before(now, days(-2)).unwrap(), at("2026-11-14T06:00:00Z"));
        assert_eq!(before(now, Span::new().hours(5)).unwrap(), at("2026-11-16T01:00:00Z"));
        let beyond = before(now, Span::new().years(19_000)).unwrap_err();
        assert!(beyond.to_string().contains("beyond the calendar"), "{beyond}");
    }

    #[test]
    fn settings_refuse_what_they_do_not_know() {
        let defaults: CollectSettings = toml::from_str("").unwrap();
        assert_eq!(defaults, CollectSettings::default());
        assert!(toml::from_str::<CollectSettings>("engines = [\"glu\"]").is_err());
        assert!(toml::from_str::<CollectSettings>("target = []").is_err());
        let text = "[[targets]]\naccount = \"444455556666\"\nregions = [\"eu-west-1\"]\n\
                    role_arn = \"arn:aws:iam::444455556666:role/reader\"";
        let one: CollectSettings = toml::from_str(text).unwrap();
        assert_eq!(one.targets[0].external_id, None);
        assert_eq!(one.engines, CollectSettings::default().engines);
    }
}
