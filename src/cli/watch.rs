//! `watch`: collects without end, events as they arrive.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

use super::collect::{count, exit_of, tell};
use super::journal::{Beside, Task};
use super::log::{complain, is_json, say};
use super::{Exit, Failure, World};
use crate::app::App;
use crate::tasks::collect::CollectError;
use crate::tasks::round::Round;
use crate::tasks::watch::{Rhythm, watch};

/// The first pause before what is needed to begin is tried again, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct Watch {
    /// A round at least this often, even if no event arrives
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = span)]
    every: Duration,
    /// Read the sources this often, for what events lose
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = span)]
    sweep: Duration,
    /// Collect only: tell nobody of what is found wrong
    #[arg(long)]
    no_alerts: bool,
}

impl Watch {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let mut stop = pin!(world.stop.told());
        let opening = async {
            let app = patiently(world, async || world.app_to_watch().await).await?;
            world.warn_without_ttl(&app).await;
            Ok::<App, Failure>(app)
        };
        let app = tokio::select! {
            app = opening => app?,
            () = &mut stop => return Ok(stopped(world)),
        };
        let app = &app;
        let mut rounds = tokio::select! {
            rounds = patiently(world, async || Ok(app.rounds().await?)) => rounds?,
            () = &mut stop => return Ok(stopped(world)),
        };
        if !self.no_alerts && app.config.tells_alerts() {
            rounds.alerts = Some(app.alerting(world.who()).await?);
        }
        if world.now_is_given {
            // A time that stands still has one round.
            let sweep = Beside::begin(&sweep(), world, app);
            let span = sweep.journal.span();
            let round = rounds.whole(None, world.now).instrument(span).await;
            let span = sweep.journal.span();
            let _ = ended(sweep, &round, world.now).await;
            let round = round?;
            span.in_scope(|| tell(world, &round, app.config.metrics.as_ref()));
            return Ok(exit_of(round.exit_code()));
        }
        let rhythm = Rhythm { every: self.every, sweep_every: self.sweep };
        let under_way = RefCell::new(None);
        let recorded = RefCell::new(Vec::new());
        let begins = |now| {
            let world = World { now, ..world.clone() };
            let sweep = Beside::begin(&sweep(), &world, app);
            let span = sweep.journal.span();
            under_way.replace(Some(sweep));
            span
        };
        let told = |now: Timestamp, done: &Result<Round, CollectError>| {
            let sweep = under_way.take();
            let span = sweep.as_ref().map_or_else(Span::none, |sweep| sweep.journal.span());
            span.in_scope(|| tell_round(world, now, done));
            if let Some(sweep) = sweep {
                let mut recorded = recorded.borrow_mut();
                recorded.retain(|record: &JoinHandle<()>| !record.is_finished());
                recorded.push(ended(sweep, done, now));
            }
        };
        watch(&mut rounds, rhythm, stop, begins, told).await;
        recorded.borrow_mut().extend(under_way.take().map(Beside::cut));
        for record in recorded.into_inner() {
            let _ = record.await;
        }
        Ok(stopped(world))
    }
}

fn stopped(world: &World) -> Exit {
    say(world.quiet, "stopped");
    Exit::Done
}

/// Tries what needs AWS until it can be reached, and tells each time that it cannot. A time that
/// stands still has one try.
async fn patiently<T>(
    world: &World,
    mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut pause = PAUSE;
    loop {
        match attempt().await {
            Err(failure) if failure.exit == Exit::AwsUnavailable && !world.now_is_given => {
                let again = format!("tried again in {} s", pause.as_secs());
                let hint = failure.hint.map_or_else(String::new, |hint| format!("{hint}; "));
                complain(&failure.message, Some(&(hint + &again)));
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(PAUSE_MAX);
            }
            done => return done,
        }
    }
}

/// What a sweep is called in the records.
fn sweep() -> Task {
    Task { name: "watch".to_owned(), words: vec!["watch".to_owned()] }
}

fn ended(sweep: Beside, done: &Result<Round, CollectError>, now: Timestamp) -> JoinHandle<()> {
    if let Ok(round) = done {
        count(&sweep.journal, round, now);
    }
    sweep.end(match done {
        Ok(round) => Ok(exit_of(round.exit_code())),
        Err(error) => Err(Failure::failed(error.to_string())),
    })
}

fn tell_round(world: &World, now: Timestamp, done: &Result<Round, CollectError>) {
    match done {
        Ok(round) => {
            say(world.quiet, &format!("{now:.0} {round}"));
            for told in round.events.iter().flat_map(|events| &events.poison_told) {
                complain(told, None);
            }
        }
        // In a log the line has its time already.
        Err(error) if is_json() => complain(&error.to_string(), Some("tried again shortly")),
        Err(error) => complain(&format!("{now:.0} {error}"), Some("tried again shortly")),
    }
}

/// A span of at least a second: less would ask AWS without a pause.
fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<SignedDuration>().ok().and_then(|span| span.try_into().ok());
    span.filter(|span| *span >= Duration::from_secs(1))
        .ok_or_else(|| "write it like 60s or 10m, at least 1s".to_owned())
}
