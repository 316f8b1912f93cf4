//! Serving: doing what is due, minute by minute, for as long as the process is let live. It is for
//! machines without EventBridge; several may serve the same store.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::tell;
use super::turn::take_turns;
use crate::app::App;
use crate::cli::log::{complain, say};
use crate::cli::{Exit, Failure, World};
use crate::schedule::{Schedule, Schedules};

/// How often is looked: cron's finest measure.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// How long the work under way may go on after being told to stop: orchestrators kill after 30
/// seconds. What is cut short then is taken up again when its lease ends.
const GRACE: Duration = Duration::from_secs(20);

/// Does what is due until the process is told to stop; with `--now`, a time that stands still, it
/// looks once.
pub(super) async fn serve(world: &World, schedules: &Schedules) -> Result<Exit, Failure> {
    let mut stop = pin!(world.stop.told());
    let app = tokio::select! {
        app = world.app_to_write() => app?,
        () = &mut stop => {
            say(world.quiet, "stopped");
            return Ok(Exit::Done);
        }
    };
    let in_force: Vec<&Schedule> = schedules.iter().filter(|schedule| schedule.enabled).collect();
    if world.now_is_given {
        for schedule in &in_force {
            look(world, &app, schedule).await;
        }
        return Ok(Exit::Done);
    }
    let names = in_force.iter().map(|schedule| schedule.name.as_str()).collect::<Vec<_>>();
    say(world.quiet, &format!("serving {}", names.join(", ")));
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut at_work = FuturesUnordered::new();
    let mut busy = HashSet::new();
    loop {
        tokio::select! {
            () = &mut stop => break,
            // A schedule never overtakes itself; the others do not wait for it.
            _ = looks.tick() => {
                for &schedule in &in_force {
                    if !busy.insert(&schedule.name) {
                        continue;
                    }
                    let (world, app) = (World { now: Timestamp::now(), ..world.clone() }, &app);
                    at_work.push(async move {
                        look(&world, app, schedule).await;
                        &schedule.name
                    });
                }
            }
            Some(name) = at_work.next(), if !at_work.is_empty() => {
                busy.remove(name);
            }
        }
    }
    let rest = async { while at_work.next().await.is_some() {} };
    if tokio::time::timeout(GRACE, rest).await.is_err() {
        say(world.quiet, "stopped with work under way, which the next start takes up");
    }
    say(world.quiet, "stopped");
    Ok(Exit::Done)
}

/// One look at one schedule. Trouble is told, and does not end the serving: the next look comes.
async fn look(world: &World, app: &App, schedule: &Schedule) {
    if let Err(failure) = take_turns(world, app, schedule, |done| tell(world, done)).await {
        complain(&format!("{}: {}", schedule.name, failure.message), failure.hint.as_deref());
    }
}
