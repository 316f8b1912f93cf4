//! Taking the turns that are due of one schedule: each is its command line, done in this process.

use std::ffi::OsString;
use std::fmt;

use clap::Parser;
use jiff::Timestamp;

use crate::app::App;
use crate::cli::journal::{GIVEN_UP, Task, recorded};
use crate::cli::log::tell_failure;
use crate::cli::{Arguments, Command, Exit, Failure, Occasion, World, dispatch};
use crate::schedule::{Due, Schedule};
use crate::store::RealClock;
use crate::tasks::schedule::{Ended, Taken, find, finish, give_up, hold, take, told};

/// Turns that are named when they are given up; more are counted.
const GIVEN_UP_SHOWN_MAX: usize = 9;

/// A turn that was taken, and how it ended.
#[derive(Debug)]
pub(super) struct Done {
    schedule: String,
    due: Due,
    pub(super) exit: Exit,
    failure: Option<String>,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = if self.due.late { ", late" } else { "" };
        write!(f, "{}, due at {:.0}{late}: ", self.schedule, self.due.at)?;
        match (&self.failure, self.exit) {
            (None, Exit::Done | Exit::Found) => f.write_str("done"),
            (None, exit) => write!(f, "ended with {}; tried again later", exit.code()),
            // Why has been told.
            (Some(_), exit) => write!(f, "failed with {}; tried again later", exit.code()),
        }
    }
}

/// What came of a look at a schedule.
#[derive(Debug)]
pub(super) struct Turns {
    /// The turns that were taken.
    pub(super) done: Vec<Done>,
    /// Whether any was given up, which is told by then.
    pub(super) given_up: bool,
}

/// Takes every turn of a schedule that is due, one after the other, and tells of each. What is too
/// old to be made up for is given up first, and told.
pub(super) async fn take_turns(
    world: &World,
    app: &App,
    schedule: &Schedule,
    mut tell: impl FnMut(&Done),
) -> Result<Turns, Failure> {
    let given_up = tell_given_up(world, app, schedule).await?;
    let found = find(&app.store, schedule, &RealClock, world.now).await?;
    let mut turns = Turns { done: Vec::new(), given_up };
    for due in &found.look.due {
        let by = world.who();
        let taken = take(&app.store, schedule, &found, *due, &by, &RealClock).await?;
        if let Some(taken) = taken {
            let done = do_turn(world, app, schedule, taken).await?;
            tell(&done);
            turns.done.push(done);
        }
    }
    Ok(turns)
}

/// Puts on record, and tells once, that turns are given up: as a run of the schedule's task that
/// ended before it began. Whether there were any.
async fn tell_given_up(world: &World, app: &App, schedule: &Schedule) -> Result<bool, Failure> {
    let gone = give_up(&app.store, schedule, &world.who(), &RealClock, world.now).await?;
    let Some(oldest) = gone.due.first().copied() else { return Ok(false) };
    let occasion = Occasion { schedule: schedule.clone(), due: Due { at: oldest, late: true } };
    let world = &World { occasion: Some(occasion), ..world.clone() };
    let words = schedule.task_at(oldest);
    let name = task(schedule, oldest)?.task().or(words.first().map(String::as_str)).unwrap_or("");
    let of_record = Task { name: name.to_owned(), words: words.clone() };
    let told_once = recorded(Some(of_record), world, async |world| {
        world.journal.begin(app).await;
        world.journal.count(GIVEN_UP, gone.due.len() as u64);
        Err(Failure {
            exit: Exit::Partly,
            message: given_up(schedule, &gone.due),
            hint: Some(format!(
                "where it is still wanted, do it by hand: {}",
                by_hand(schedule, &gone.due)
            )),
        })
    });
    // What it comes to is told and on record.
    let _ = told_once.await;
    told(&app.store, schedule, &gone).await?;
    Ok(true)
}

/// What is given up, in words.
fn given_up(schedule: &Schedule, due: &[Timestamp]) -> String {
    let (name, days) = (&schedule.name, schedule.catch_up.as_secs() / 86_400);
    let named = |at: &Timestamp| match period(schedule, *at) {
        Some(period) => format!("{at:.0} ({period})"),
        None => format!("{at:.0}"),
    };
    let shown = due.iter().take(GIVEN_UP_SHOWN_MAX).map(named).collect::<Vec<_>>().join(", ");
    let more = match (due.len().saturating_sub(GIVEN_UP_SHOWN_MAX), due.last()) {
        (0, _) | (_, None) => String::new(),
        (more, Some(last)) => format!(" and {more} times after, the last at {}", named(last)),
    };
    format!(
        "{name}: given up: what was due at {shown}{more} was never done, and is more than \
         {days} days (`catch_up`) ago"
    )
}

/// The period that a turn is about, where the schedule's task speaks of one: what stands in its
/// command line in place of `{last_week}` and the like.
fn period(schedule: &Schedule, due: Timestamp) -> Option<String> {
    let words = schedule.task_at(due).into_iter().zip(&schedule.task);
    let filled = words.filter(|(word, written)| *word != **written).map(|(word, _)| word);
    let filled = filled.collect::<Vec<_>>().join(" ");
    Some(filled).filter(|filled| !filled.is_empty())
}

/// The command lines of turns, each once.
fn by_hand(schedule: &Schedule, due: &[Timestamp]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for at in due {
        let line = format!("`runledger {}`", schedule.task_at(*at).join(" "));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let more = match lines.len().saturating_sub(GIVEN_UP_SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    lines.truncate(GIVEN_UP_SHOWN_MAX);
    lines.join(", ") + &more
}

async fn do_turn(
    world: &World,
    app: &App,
    schedule: &Schedule,
    mut taken: Taken,
) -> Result<Done, Failure> {
    let due = taken.due;
    let occasion = Some(Occasion { schedule: schedule.clone(), due });
    let world = &World { occasion, ..world.clone() };
    let mut why = None;
    let work = async {
        let command = task(schedule, due.at).inspect_err(tell_failure)?;
        // What only reads is on record too: a schedule did have it done.
        let words = schedule.task_at(due.at);
        let name = command.task().or(words.first().map(String::as_str)).unwrap_or_default();
        let task = Task { name: name.to_owned(), words };
        let dispatched = async |world: &World| {
            let done = dispatch(command, world).await;
            if let Err(failure) = &done {
                world.journal.failed(failure);
            }
            why = world.journal.failure();
            done
        };
        recorded(Some(task), world, dispatched).await
    };
    let ended = hold(&app.store, &mut taken, &RealClock, work).await;
    let (exit, failure) = match ended {
        Ok(exit) => (exit, None),
        Err(failure) => (failure.exit, Some(failure.message)),
    };
    let is_done = matches!(exit, Exit::Done | Exit::Found);
    let why = why.or_else(|| failure.clone()).filter(|_| !is_done);
    let ended = Ended { exit: exit.code(), failure: why };
    finish(&app.store, taken, &ended, world.now).await?;
    Ok(Done { schedule: schedule.name.clone(), due, exit, failure })
}

/// The command that a schedule has done at one of its due times.
pub(in crate::cli) fn task(schedule: &Schedule, due: Timestamp) -> Result<Command, Failure> {
    let wrong = |reason: &str| {
        let name = &schedule.name;
        let words = schedule.task.join(" ");
        Failure::usage(
            format!("schedule `{name}`: task: `{words}` cannot be done: {reason}"),
            "`task` is a command line of runledger, word by word, as [\"report\", \"weekly\"]",
        )
    };
    let program = OsString::from("runledger");
    let words = std::iter::once(program).chain(schedule.task_at(due).into_iter().map(Into::into));
    let arguments = Arguments::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        wrong(text.lines().next().unwrap_or_default().trim_start_matches("error: "))
    })?;
    let Arguments { config, store, now, verbose, quiet, command } = arguments;
    if config.is_some() || store.is_some() || now.is_some() || verbose > 0 || quiet {
        return Err(wrong("configuration, store, time and loudness are the scheduler's own"));
    }
    match command {
        Command::Demo(_) | Command::Init(_) | Command::Watch(_) | Command::Schedule(_) => {
            Err(wrong("it is no task that ends"))
        }
        command if !schedule.attachments.is_empty() && !command.sends_reports() => {
            Err(wrong("`attachments` go with the mails of `report --send`"))
        }
        // `{last_week}` goes by the clock of the report that is sent.
        command if command.report_name() != schedule.report() => {
            Err(wrong("the name of a report follows `report`, before its options"))
        }
        command => Ok(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedules;

    #[test]
    fn every_shipped_schedule_is_a_command() {
        for schedule in Schedules::load(None).unwrap().iter() {
            task(schedule, Timestamp::UNIX_EPOCH).unwrap();
        }
    }

    #[test]
    fn of_many_given_up_the_first_are_named_and_the_others_counted() {
        let schedules = Schedules::load(None).unwrap();
        let weekly = schedules.named("weekly-report").unwrap();
        let first: Timestamp = "2026-01-05T07:00:00Z".parse().unwrap();
        let weeks: Vec<Timestamp> =
            (0..12).map(|week| first + jiff::SignedDuration::from_hours(7 * 24 * week)).collect();
        let told = given_up(weekly, &weeks);
        assert!(told.contains("at 2026-01-05T07:00:00Z (2026-W01), 2026-01-12T"), "{told}");
        let more = "2026-03-02T07:00:00Z (2026-W09) and 3 times after, the last at \
                    2026-03-23T07:00:00Z (2026-W12) was never done";
        assert!(told.contains(more), "{told}");
        let words = by_hand(weekly, &weeks);
        assert!(words.ends_with("--week 2026-W09 --send` and 3 more"), "{words}");
        // What speaks of no period is one command line.
        let collect = schedules.named("collect").unwrap();
        assert!(!given_up(collect, &weeks).contains("Z ("));
        assert_eq!(by_hand(collect, &weeks).matches('`').count(), 2);
    }

    #[test]
    fn what_is_no_task_is_refused_by_name() {
        let weekly = Schedules::load(None).unwrap().named("weekly-report").unwrap().clone();
        for words in [
            &["reprot"][..],
            &["schedule", "serve"],
            &["report", "--now", "2026-11-16"],
            &["watch"],
            &["report", "--week", "{last_week}", "tokyo", "--send"],
            &[],
        ] {
            let task_words = words.iter().map(|word| (*word).to_owned()).collect();
            let schedule = Schedule { task: task_words, ..weekly.clone() };
            let failure = task(&schedule, Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(failure.message.contains("`weekly-report`"), "{}", failure.message);
        }
        let attachments = vec!["runs.csv".to_owned()];
        let with_files = Schedule { attachments: attachments.clone(), ..weekly.clone() };
        task(&with_files, Timestamp::UNIX_EPOCH).unwrap();
        let collects = Schedule { task: vec!["collect".into()], attachments, ..weekly };
        let failure = task(&collects, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(failure.message.contains("`report --send`"), "{}", failure.message);
    }
}
