//! One round of keeping the ledger: drain the event queue, read the sources, roll up the days that
//! changed, put settled hours to CloudWatch, tell what is found wrong. `collect` does one; `watch`
//! does one after the other.
//!
//! Each step is safe to stop at any instant and to repeat, so a round is too.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Span, Timestamp};

use super::alerts::{Alerting, AlertsTold};
use super::collect::{CollectError, CollectOutcome, ask_for, collect, targets};
use super::events::{Drain, Drained, Received};
use super::metrics::{MetricSink, MetricsPut, put_metrics};
use super::quota::{PeaksKept, keep_peaks, settle};
use super::roll_up::{RolledUp, roll_up};
use crate::analysis::Books;
use crate::delivery::MetricSettings;
use crate::sources::{CollectSettings, Sources};
use crate::store::{Clock, Saved, Store, StoreError};

/// What rounds work with.
pub struct Rounds<'r, S, M, C> {
    /// Where runs are kept.
    pub store: &'r Store,
    /// What prices, names and owns them.
    pub books: Arc<Books>,
    /// The accounts.
    pub sources: S,
    /// What is collected from where.
    pub settings: &'r CollectSettings,
    /// The queue of events, if there is one.
    pub drain: Option<Drain<'r>>,
    /// Where metrics go, if anywhere.
    pub metrics: Option<(&'r MetricSettings, M)>,
    /// What tells of what a round found, if anything does.
    pub alerts: Option<Alerting<'r>>,
    /// For leases alone.
    pub clock: C,
}

/// What one round came to. A step that was not due is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// The events.
    pub events: Option<Drained>,
    /// The sources.
    pub collected: Option<CollectOutcome>,
    /// The reserved places that runs have taken.
    pub places_taken: usize,
    /// The days that changed.
    pub rolled_up: Option<RolledUp>,
    /// The weekly peaks of quotas.
    pub peaks: Option<PeaksKept>,
    /// The metrics.
    pub metrics: Option<MetricsPut>,
    /// What was told.
    pub alerts: Option<AlertsTold>,
}

/// How far a round reads the sources.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// Everything that changed since the last time, or in a span before now.
    Sweep(Option<Span>),
    /// The runs that events named, and nothing else.
    Named,
}

impl<S: Sources, M: MetricSink, C: Clock> Rounds<'_, S, M, C> {
    /// One whole round.
    ///
    /// # Errors
    /// When the store fails, or it is not known which account to collect from.
    pub async fn whole(
        &mut self,
        since: Option<Span>,
        now: Timestamp,
    ) -> Result<Round, CollectError> {
        let mut events = None;
        if let Some(drain) = &mut self.drain {
            drain.expect(targets(&self.sources, self.settings).await?);
            events = Some(drain.to_the_end(now).await?);
        }
        self.after_events(events, Extent::Sweep(since), now).await
    }

    /// Waits for events, at most so long. Nothing is stored yet, so the waiting may be given up.
    pub async fn wait(&self, wait: Duration) -> Option<Received> {
        match &self.drain {
            Some(drain) => Some(drain.receive(wait).await),
            None => {
                self.clock.sleep(wait).await;
                None
            }
        }
    }

    /// A round with the events that were waited for.
    ///
    /// # Errors
    /// As [`Rounds::whole`]. Events that are not stored come again.
    pub async fn with(
        &mut self,
        received: Option<Received>,
        extent: Extent,
        now: Timestamp,
    ) -> Result<Round, CollectError> {
        let mut events = None;
        if let (Some(drain), Some(received)) = (&mut self.drain, received) {
            drain.expect(targets(&self.sources, self.settings).await?);
            let mut drained = drain.store(received, now).await?;
            if matches!(extent, Extent::Sweep(_)) {
                drain.look(&mut drained).await;
            }
            events = Some(drained);
        }
        self.after_events(events, extent, now).await
    }

    /// The steps, each of which sees what those before it stored.
    async fn after_events(
        &self,
        events: Option<Drained>,
        extent: Extent,
        now: Timestamp,
    ) -> Result<Round, CollectError> {
        let (store, sources, settings) = (self.store, &self.sources, self.settings);
        let mut round = Round { events, ..Round::default() };
        match extent {
            // What events named is open by now, and asked for like the rest.
            Extent::Sweep(since) => {
                round.collected = Some(collect(store, sources, settings, since, now).await?);
                round.rolled_up = Some(roll_up(store, &self.books, now).await?);
                round.peaks = Some(keep_peaks(store, &self.books, now).await?);
                round.metrics = self.metrics(now).await?;
            }
            Extent::Named => {
                if let Some(drained) = round.events.as_ref().filter(|e| !e.named.is_empty()) {
                    let asked = ask_for(store, sources, settings, &drained.named, now).await?;
                    round.collected = Some(asked);
                }
            }
        }
        round.places_taken = settle(store, &self.books, now).await?;
        if let Some(alerts) = self.alerts.as_ref().filter(|_| round.has_news(extent)) {
            let told = alerts.after_round(store, &self.books, &self.clock, now).await;
            round.alerts = Some(told);
        }
        Ok(round)
    }

    async fn metrics(&self, now: Timestamp) -> Result<Option<MetricsPut>, StoreError> {
        let Some((settings, sink)) = &self.metrics else { return Ok(None) };
        put_metrics(self.store, sink, settings, &self.clock, now).await.map(Some)
    }
}

impl Round {
    /// Whether there may be something to tell: a run became known, or time has passed.
    fn has_news(&self, extent: Extent) -> bool {
        let stored = |e: &Drained| e.saved.new + e.saved.changed > 0 || !e.named.is_empty();
        matches!(extent, Extent::Sweep(_)) || self.events.as_ref().is_some_and(stored)
    }

    /// The exit code: what was collected decides (see [`CollectOutcome::exit_code`]); where that is
    /// well and something else of the round is not, 4.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let collected = self.collected.as_ref().map_or(0, CollectOutcome::exit_code);
        let of_events = |e: &Drained| e.failure.is_some() || e.poison > 0 || e.undeleted > 0;
        let of_metrics = |m: &MetricsPut| m.refused.is_some() || !m.unknown.is_empty();
        let partly = self.events.as_ref().is_some_and(of_events)
            || self.metrics.as_ref().is_some_and(of_metrics)
            || self.alerts.as_ref().is_some_and(|alerts| !alerts.troubles.is_empty());
        if collected == 0 && partly { 4 } else { collected }
    }

    /// Whether AWS could not be used, so that it should be left alone for a while.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        let queue = self.events.as_ref().is_some_and(|events| events.failure.is_some());
        queue || self.collected.as_ref().is_some_and(|c| matches!(c.exit_code(), 1 | 5))
    }
}

/// One line.
impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.events.iter().map(ToString::to_string).collect();
        if let Some(collected) = &self.collected {
            let mut saved = Saved::default();
            collected.sources.iter().for_each(|source| saved += source.saved);
            let (sources, Saved { new, changed, unchanged, .. }) = (collected.sources.len(), saved);
            let mut part = format!(
                "{sources} sources read: {new} runs new, {changed} changed, {unchanged} unchanged"
            );
            let failures = || collected.sources.iter().filter_map(|source| source.failure.as_ref());
            if let Some(first) = failures().next() {
                part += &format!(", {} failed ({})", failures().count(), first.message);
            }
            parts.push(part);
        }
        if self.places_taken > 0 {
            parts.push(format!("{} reserved places were taken by their runs", self.places_taken));
        }
        parts.extend(self.rolled_up.iter().map(ToString::to_string));
        let peaks = self.peaks.iter().filter(|peaks| peaks.weeks > 0);
        parts.extend(peaks.map(ToString::to_string));
        parts.extend(self.metrics.iter().map(ToString::to_string));
        let told = |alerts: &&AlertsTold| alerts.told > 0 || !alerts.troubles.is_empty();
        parts.extend(self.alerts.iter().filter(told).map(ToString::to_string));
        if parts.is_empty() {
            return f.write_str("nothing was due");
        }
        f.write_str(&parts.join("; "))
    }
}
