//! `schedule`: what is due when; and doing it, once for a scheduler that wakes the container, or
//! without end where there is none.

mod serve;
mod turn;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

pub(super) use self::turn::task;
use self::turn::{Done, Turns, take_turns};
use super::log::say;
use super::output::{data, json};
use super::{Exit, Failure, World};
use crate::app::App;
use crate::schedule::{Look, Schedule as Entry, Schedules, due_times, entries};
use crate::store::{RealClock, StoredTurn, TurnState};
use crate::tasks::schedule::find;

#[derive(Debug, Args)]
pub(super) struct Schedule {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The schedules, with what was done last and when they are due next
    List(Shown),
    /// The next due times of all schedules in force, in order
    Next(Next),
    /// Do what of a schedule is due and not done yet; nothing where nothing is
    Run(Run),
    /// Do what is due, without end
    Serve,
    /// Write EventBridge Scheduler's entries for the CloudFormation template
    Render,
}

#[derive(Debug, Args)]
struct Shown {
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Next {
    /// How many
    #[arg(long, default_value_t = 10)]
    count: usize,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
struct Run {
    /// The schedule
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Schedule {
    /// Whether it goes on until it is told to stop.
    pub(super) const fn serves(&self) -> bool {
        matches!(self.command, Command::Serve)
    }

    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let schedules = world.config()?.schedules()?;
        // A task that is no command is found out now, and not when it was due.
        for schedule in schedules.iter() {
            task(schedule, world.now)?;
        }
        match self.command {
            Command::List(shown) => list(world, &schedules, shown.format).await,
            Command::Next(next) => next.show(world, &schedules),
            Command::Run(run) => run.run(world, &schedules).await,
            Command::Serve => serve::serve(world, &schedules).await,
            Command::Render => {
                data(&entries(&schedules))?;
                Ok(Exit::Done)
            }
        }
    }
}

impl Run {
    async fn run(self, world: &World, schedules: &Schedules) -> Result<Exit, Failure> {
        let schedule = schedules.named(&self.name).ok_or_else(|| {
            Failure::usage(
                format!("there is no schedule `{}`", self.name),
                "`runledger schedule list` shows what there is",
            )
        })?;
        if !schedule.enabled {
            return Err(Failure::usage(
                format!("the schedule `{}` is not in force", self.name),
                format!("set `enabled = true` under [schedules.{}]", self.name),
            ));
        }
        let app = world.app_to_write().await?;
        let turns = take_turns(world, &app, schedule, |done| tell(world, done)).await?;
        // Looked for anew: that nothing is due is said only where all is done, since an alarm waits
        // for these words.
        let left = find(&app.store, schedule, &RealClock, world.now).await?.look;
        for line in what_is_left(schedule, &left, world.now) {
            say(world.quiet, &line);
        }
        Ok(worst(&turns))
    }
}

/// What there is still to be done of a schedule, and by whom or when; else when it is due next.
fn what_is_left(schedule: &Entry, left: &Look, now: Timestamp) -> Vec<String> {
    let name = &schedule.name;
    if *left == Look::default() {
        let next = schedule.after(now).next();
        let next = next.map_or_else(String::new, |at| format!("; next on {}", both(at, schedule)));
        return vec![format!("{name}: nothing is due{next}")];
    }
    // What was due just now, and was not taken, another process has taken.
    let others = left.due.iter().map(|due| due.at).chain(left.under_way.iter().copied());
    let others = others.map(|at| format!("{name}: another process is at what was due at {at:.0}"));
    let put_off = left.put_off.iter().map(|(at, again)| {
        format!("{name}: what was due at {at:.0} has failed, and is tried again from {again:.0}")
    });
    others.chain(put_off).collect()
}

/// What the turns came to together: the first failure, since a scheduler asks whether all is done.
/// Who gave something up says so once, by having done its work in part.
fn worst(turns: &Turns) -> Exit {
    let bad = |done: &&Done| !matches!(done.exit, Exit::Done | Exit::Found);
    let best = if turns.given_up { Exit::Partly } else { Exit::Done };
    turns.done.iter().find(bad).map_or(best, |done| done.exit)
}

fn tell(world: &World, done: &Done) {
    say(world.quiet, &done.to_string());
}

impl Next {
    fn show(&self, world: &World, schedules: &Schedules) -> Result<Exit, Failure> {
        let mut times: Vec<(Timestamp, &Entry)> = schedules
            .iter()
            .filter(|schedule| schedule.enabled)
            .flat_map(|schedule| {
                let times = schedule.after(world.now).take(self.count);
                times.map(move |at| (at, schedule))
            })
            .collect();
        times.sort_by_key(|(at, schedule)| (*at, schedule.name.clone()));
        times.truncate(self.count);
        let text = match self.shown.format {
            Format::Text => times
                .iter()
                .map(|(at, schedule)| {
                    let words = schedule.task_at(*at).join(" ");
                    format!("{}  {:<16} {words}\n", both(*at, schedule), schedule.name)
                })
                .collect::<String>(),
            Format::Json => {
                let rows = times.iter().map(|(at, schedule)| {
                    json!({ "schedule": schedule.name, "due": at, "local": local(*at, schedule),
                            "time_zone": schedule.zone_name(), "task": schedule.task_at(*at) })
                });
                json(&json!({ "due": rows.collect::<Vec<_>>() }))?
            }
        };
        data(&text)?;
        Ok(Exit::Done)
    }
}

async fn list(world: &World, schedules: &Schedules, format: Format) -> Result<Exit, Failure> {
    let app = world.app().await.ok();
    let mut rows = Vec::new();
    for schedule in schedules.iter() {
        let last = match &app {
            Some(app) => last_turn(world, app, schedule).await?,
            None => None,
        };
        rows.push((schedule, last, schedule.after(world.now).next()));
    }
    if app.is_none() {
        say(world.quiet, "note: there is no store yet, so nothing was done");
    }
    let text = match format {
        Format::Text => rows.iter().map(|(s, last, next)| row(s, last.as_ref(), *next)).collect(),
        Format::Json => {
            let rows = rows.iter().map(|(schedule, last, next)| {
                json!({ "name": schedule.name, "cron": schedule.cron.to_string(),
                        "time_zone": schedule.zone_name(), "enabled": schedule.enabled,
                        "task": schedule.task, "next": next.filter(|_| schedule.enabled),
                        "last": last.as_ref().map(|stored| &stored.turn) })
            });
            json(&json!({ "schedules": rows.collect::<Vec<_>>() }))?
        }
    };
    data(&text)?;
    Ok(Exit::Done)
}

/// The newest turn that is on record: of this month, or of the due times still answered for.
async fn last_turn(
    world: &World,
    app: &App,
    schedule: &Entry,
) -> Result<Option<StoredTurn>, Failure> {
    let of_month = app.store.turns_in_month_of(&schedule.name, world.now).await?;
    if let Some(last) = of_month.into_iter().next_back() {
        return Ok(Some(last));
    }
    let times = due_times(schedule, Timestamp::MIN, world.now);
    Ok(app.store.turns_at(&schedule.name, &times).await?.into_iter().next_back())
}

fn row(schedule: &Entry, last: Option<&StoredTurn>, next: Option<Timestamp>) -> String {
    let next = match next {
        _ if !schedule.enabled => "not in force".to_owned(),
        Some(at) => format!("next {}", both(at, schedule)),
        None => "never due".to_owned(),
    };
    let last = last.map_or_else(|| "nothing done yet".to_owned(), outcome);
    let (name, zone) = (&schedule.name, schedule.zone_name());
    let when = format!("{} {zone}", schedule.cron);
    format!("{name:<16} {when:<28} {next}\n    {}\n    {last}\n", schedule.task.join(" "))
}

fn outcome(stored: &StoredTurn) -> String {
    let turn = &stored.turn;
    let due = format!("{:.0}", turn.due);
    match turn.state {
        TurnState::Done { at } if turn.given_up => {
            format!("{due}: never done, and given up at {at:.0}")
        }
        TurnState::Done { at } => format!("{due}: done at {at:.0}"),
        TurnState::UnderWay { until } => {
            format!("{due}: under way by {}, its word holds until {until:.0}", turn.by)
        }
        TurnState::Failed { again_at } => {
            let why = turn.failure.as_deref().unwrap_or("no reason is on record");
            let times = turn.attempts;
            format!("{due}: failed {times} times, last: {why}; tried again from {again_at:.0}")
        }
    }
}

/// A due time by the schedule's clock and in UTC.
fn both(at: Timestamp, schedule: &Entry) -> String {
    let utc = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M");
    format!("{} ({utc} UTC)", local(at, schedule))
}

fn local(at: Timestamp, schedule: &Entry) -> String {
    let local = at.to_zoned(schedule.zone.clone());
    format!("{} {}", local.strftime("%a %Y-%m-%d %H:%M"), schedule.zone_name())
}
