//! Taking the turns that are due of one schedule: each is its command line, done in this process.

use std::ffi::OsString;
use std::fmt;

use clap::Parser;
use jiff::Timestamp;

use crate::app::App;
use crate::cli::journal::{Task, recorded};
use crate::cli::output::complain;
use crate::cli::{Arguments, Command, Exit, Failure, Occasion, World, dispatch};
use crate::schedule::{Due, Schedule};
use crate::store::RealClock;
use crate::tasks::schedule::{Ended, Taken, find, finish, hold, take};

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
            (Some(why), exit) => write!(f, "failed with {}: {why}; tried again later", exit.code()),
        }
    }
}

/// Takes every turn of a schedule that is due, one after the other, and tells of each.
pub(super) async fn take_turns(
    world: &World,
    app: &App,
    schedule: &Schedule,
    mut tell: impl FnMut(&Done),
) -> Result<Vec<Done>, Failure> {
    let found = find(&app.store, schedule, &RealClock, world.now).await?;
    let mut turns = Vec::new();
    for due in &found.look.due {
        let by = world.who();
        let taken = take(&app.store, schedule, &found, *due, &by, &RealClock).await?;
        if let Some(taken) = taken {
            let done = do_turn(world, app, schedule, taken).await?;
            tell(&done);
            turns.push(done);
        }
    }
    Ok(turns)
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
    let work = async {
        let command = task(schedule, due.at)?;
        // What only reads is on record too: a schedule did have it done.
        let words = schedule.task_at(due.at);
        let name = command.task().or(words.first().map(String::as_str)).unwrap_or_default();
        let task = Task { name: name.to_owned(), words };
        recorded(Some(task), world, async |world| dispatch(command, world).await).await
    };
    let ended = hold(&app.store, &mut taken, &RealClock, work).await;
    let (exit, failure) = match ended {
        Ok(exit) => (exit, None),
        Err(failure) => {
            complain(&failure.message, failure.hint.as_deref());
            (failure.exit, Some(failure.message))
        }
    };
    let ended = Ended { exit: exit.code(), failure: failure.clone() };
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
    fn what_is_no_task_is_refused_by_name() {
        let weekly = Schedules::load(None).unwrap().named("weekly-report").unwrap().clone();
        for words in [
            &["reprot"][..],
            &["schedule", "serve"],
            &["report", "--now", "2026-11-16"],
            &["watch"],
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
