//! `watch`: collects without end, events as they arrive.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use super::collect::{exit_of, tell};
use super::output::{complain, say};
use super::stop::told_to_stop;
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
    /// Collect only: tell nobody of what is found wrong
    #[arg(long)]
    no_alerts: bool,
}

impl Watch {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let app = world.app_to_watch().await?;
        world.warn_without_ttl(&app).await;
        let mut rounds = app.rounds().await?;
        if !self.no_alerts && app.config.tells_alerts() {
            rounds.alerts = Some(app.alerting(world.who()).await?);
        }
        if world.now_is_given {
            // A time that stands still has one round.
            let round = rounds.whole(None, world.now).await?;
            tell(world, &round, app.config.metrics.as_ref());
            return Ok(exit_of(round.exit_code()));
        }
        let rhythm = Rhythm { every: self.every, sweep_every: self.sweep };
        let stop = told_to_stop()?;
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

/// A span of at least a second: less would ask AWS without a pause.
fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<SignedDuration>().ok().and_then(|span| span.try_into().ok());
    span.filter(|span| *span >= Duration::from_secs(1))
        .ok_or_else(|| "write it like 60s or 10m, at least 1s".to_owned())
}
