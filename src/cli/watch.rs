//! `watch`: collects without end, events as they arrive.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use tokio::signal::unix::{SignalKind, signal};

use super::collect::{exit_of, tell};
use super::output::{complain, say};
use super::{Exit, Failure, World};
use crate::tasks::watch::{Rhythm, watch};

#[derive(Debug, Args)]
pub(super) struct Watch {
    /// A round at least this often, even if no event arrives
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = span)]
    every: Duration,
    /// Read the sources this often, for what events lose
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = span)]
    sweep: Duration,
}

impl Watch {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let app = world.app_to_watch().await?;
        world.warn_without_ttl(&app).await;
        let mut rounds = app.rounds().await?;
        if world.now_is_given {
            // A time that stands still has one round.
            let round = rounds.whole(None, world.now).await?;
            tell(world, &round, app.config.metrics.as_ref());
            return Ok(exit_of(round.exit_code()));
        }
        let rhythm = Rhythm { every: self.every, sweep_every: self.sweep };
        let stop = stopped()?;
        watch(&mut rounds, rhythm, stop, |now, done| match done {
            Ok(round) => {
                say(world.quiet, &format!("{now:.0} {round}"));
                for told in round.events.iter().flat_map(|events| &events.poison_told) {
                    complain(told, None);
                }
            }
            Err(error) => complain(&format!("{now:.0} {error}"), Some("tried again shortly")),
        })
        .await;
        say(world.quiet, "stopped");
        Ok(Exit::Done)
    }
}

/// Ready once the process is told to stop, by whom it was started or by a person.
pub(super) fn stopped() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::failed(format!("cannot listen to signals: {error}")))
    };
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// A span of at least a second: less would ask AWS without a pause.
fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<SignedDuration>().ok().and_then(|span| span.try_into().ok());
    span.filter(|span| *span >= Duration::from_secs(1))
        .ok_or_else(|| "write it like 60s or 10m, at least 1s".to_owned())
}
