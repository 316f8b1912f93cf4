//! Schedules: which task is due when, read from one small file each. What a task means is for the
//! command line to know: here it stays words.

mod cron;
mod due;
mod eventbridge;
mod settings;

pub use cron::{Cron, CronError};
pub use due::{
    Due, Look, TurnFacts, again_after, answered_from, due_times, look, outlived, promised_from,
};
pub use eventbridge::{entries, wakes};
pub use settings::{Missed, Schedule, ScheduleChange, ScheduleError, Schedules};
