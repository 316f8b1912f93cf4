//! `collect`: drains the event queue, reads the Glue and EMR Serverless runs of every configured
//! account and region, and keeps what follows from them: roll-ups and metrics.

use clap::Args;
use jiff::{Span, Timestamp};

use super::journal::Journal;
use super::log::{complain, say};
use super::output::progress;
use super::{Exit, Failure, World};
use crate::delivery::MetricSettings;
use crate::sources::SourceError;
use crate::store::Saved;
use crate::tasks::collect::{CollectError, CollectOutcome};
use crate::tasks::events::Drained;
use crate::tasks::metrics::MetricsPut;
use crate::tasks::quota::PeaksKept;
use crate::tasks::roll_up::RolledUp;
use crate::tasks::round::Round;

#[derive(Debug, Args)]
pub(super) struct Collect {
    /// How far back to read, as 2d or 90d, instead of from where the last time ended
    #[arg(long, value_name = "SPAN")]
    since: Option<Span>,
    /// Tell those concerned of what is found wrong, as `alerts --send` does
    #[arg(long)]
    alerts: bool,
}

impl Collect {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let app = world.app_to_write().await?;
        world.warn_without_ttl(&app).await;
        let mut rounds = app.rounds().await?;
        if self.alerts {
            rounds.alerts = Some(app.alerting(world.who()).await?);
        }
        let bar = progress(world.quiet, "collecting");
        let round = rounds.whole(self.since, world.now).await;
        bar.finish_and_clear();
        let round = round?;
        count(&world.journal, &round, world.now);
        let sources = app.store.source_states().await.unwrap_or_default();
        if let Some(through) = sources.iter().filter_map(|source| source.collected_through).min() {
            let lag = world.now.duration_since(through).as_secs();
            world.journal.count("lag_seconds", u64::try_from(lag).unwrap_or(0));
        }
        tell(world, &round, app.config.metrics.as_ref());
        Ok(exit_of(round.exit_code()))
    }
}

/// Counts what a round came to.
pub(super) fn count(journal: &Journal, round: &Round, now: Timestamp) {
    let mut saved = round.events.as_ref().map_or_else(Saved::default, |events| events.saved);
    let sources = round.collected.iter().flat_map(|collected| &collected.sources);
    for source in sources {
        saved += source.saved;
        journal.count("sources_failed", u64::from(source.failure.is_some()));
    }
    if let Some(events) = &round.events {
        journal.count("events_received", events.received);
        journal.count("events_unreadable", events.poison);
        if let Some(left) = events.left {
            journal.count("events_left", left);
        }
        if let Some(sent) = events.oldest_sent {
            let age = now.duration_since(sent).as_secs();
            journal.count("events_oldest_age_seconds", u64::try_from(age).unwrap_or(0));
        }
    }
    if let Some(put) = round.metrics.as_ref().filter(|put| put.metrics > 0) {
        journal.count("metrics_put", put.metrics);
    }
    journal.count("runs_new", saved.new);
    journal.count("runs_changed", saved.changed);
    journal.count("runs_unchanged", saved.unchanged);
}

/// The exit code of a round as the command's.
pub(super) const fn exit_of(code: u8) -> Exit {
    match code {
        0 => Exit::Done,
        4 => Exit::Partly,
        5 => Exit::AwsUnavailable,
        _ => Exit::Failed,
    }
}

/// Says what a round came to, line by line.
pub(super) fn tell(world: &World, round: &Round, metrics: Option<&MetricSettings>) {
    if let Some(events) = &round.events {
        tell_events(world, events);
    }
    if let Some(collected) = &round.collected {
        tell_sources(world, collected);
    }
    if round.places_taken > 0 {
        let line = format!("{} reserved places were taken by their runs", round.places_taken);
        say(world.quiet, &line);
    }
    if let Some(rolled_up) = &round.rolled_up {
        tell_rolled_up(world, rolled_up);
    }
    if let Some(peaks) = &round.peaks {
        tell_peaks(world, peaks);
    }
    if let (Some(put), Some(settings)) = (&round.metrics, metrics) {
        tell_metrics(world, put, settings);
    }
    if let Some(alerts) = &round.alerts {
        if alerts.told > 0 {
            say(world.quiet, &format!("alerts told to {}", alerts.told));
        }
        for trouble in &alerts.troubles {
            complain(trouble, Some("tried again with the next round"));
        }
    }
}

fn tell_events(world: &World, events: &Drained) {
    match &events.failure {
        Some(failure) => complain(&events.to_string(), Some(failure.hint)),
        None => say(world.quiet, &events.to_string()),
    }
    for told in &events.poison_told {
        complain(told, None);
    }
}

fn tell_sources(world: &World, outcome: &CollectOutcome) {
    for source in &outcome.sources {
        match &source.failure {
            Some(failure) => complain(&source.to_string(), Some(failure.hint)),
            None => match &source.sessions_failure {
                Some(failure) => complain(&source.to_string(), Some(failure.hint)),
                None => say(world.quiet, &source.to_string()),
            },
        }
        for run in &source.vanished {
            say(
                world.quiet,
                &format!("note: AWS no longer knows run {}; kept as it is", run.run_id),
            );
        }
        for untagged in &source.untagged {
            say(world.quiet, &format!("note: no tags: {untagged}"));
        }
    }
    for quota in &outcome.quotas_unread {
        say(world.quiet, &format!("note: no quotas: {quota}"));
    }
}

/// Says only what a reader would not expect: days are rolled up each time.
pub(super) fn tell_rolled_up(world: &World, rolled_up: &RolledUp) {
    for day in &rolled_up.overtaken {
        say(world.quiet, &format!("note: {day} is being rolled up by another process"));
    }
    for day in &rolled_up.past_retention {
        let line = format!(
            "note: {day} is past the retention of its first runs, so its roll-ups stay as they were"
        );
        say(world.quiet, &line);
    }
}

/// Says only what is missing: peaks are kept each week.
pub(super) fn tell_peaks(world: &World, peaks: &PeaksKept) {
    if peaks.left_out > 0 {
        say(world.quiet, &format!("note: {peaks}"));
    }
}

fn tell_metrics(world: &World, put: &MetricsPut, settings: &MetricSettings) {
    if put.hours > 0 {
        let (series, usd) = (put.series, put.usd_a_month(settings).normalize());
        let each = settings.usd_per_metric.normalize();
        let line = format!("{put}; {series} series, about ${usd} a month at ${each} each");
        say(world.quiet, &line);
    }
    for unknown in &put.unknown {
        complain(unknown, Some("not put again: CloudWatch would count it twice"));
    }
    if let Some(reason) = &put.refused {
        complain(&format!("no metrics: {reason}"), Some("allow `cloudwatch:PutMetricData`"));
    }
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Self {
        let message = error.to_string();
        match error {
            CollectError::Store(error) => error.into(),
            CollectError::Since(_) => Self::usage(message, "write it like 2d or 90d"),
            CollectError::Home(source) => Self {
                exit: match &source {
                    SourceError::NoRegion => Exit::Usage,
                    source if source.is_unavailable() => Exit::AwsUnavailable,
                    _ => Exit::Failed,
                },
                message,
                hint: Some(source.hint().to_owned()),
            },
        }
    }
}
