//! The simulated company as a whole: its calendar, and its runs day by day.

use jiff::Timestamp;

use super::chain::chain;
use super::job::Job;
use super::rhythm::{DAY, Rhythm};
use super::{catalogue, stories};
use crate::model::{JobRun, utc_day};

/// What the simulation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoSettings {
    /// How many complete weeks to simulate, Monday to Monday in UTC; what has passed of the current
    /// week comes on top. The stories are about the last complete week; with fewer than two there
    /// is nothing to compare it with.
    pub weeks: u32,
    /// Decides everything that chance decides. Equal settings give equal runs.
    pub seed: u64,
    /// What "now" is: nothing starts after it, and what has not ended by then is running.
    pub now: Timestamp,
}

impl DemoSettings {
    /// How many weeks where nothing else is asked for: enough for a trend and a month-end close.
    pub const WEEKS: u32 = 6;
    /// The seed where nothing else is asked for.
    pub const SEED: u64 = 1;
}

/// The calendar of a simulation, in seconds of the Unix epoch, and its seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct World {
    /// The seed.
    pub(super) seed: u64,
    /// Now, in milliseconds.
    pub(super) now_ms: i64,
    /// The Monday with which the simulation begins.
    pub(super) from: i64,
    /// The Monday with which the last complete week begins.
    pub(super) last_week: i64,
}

impl World {
    pub(super) fn of(settings: &DemoSettings) -> Self {
        let today = settings.now.as_second().div_euclid(DAY);
        // Day 4 of the epoch, 5 January 1970, was a Monday.
        let monday = (today - (today - 4).rem_euclid(7)) * DAY;
        Self {
            seed: settings.seed,
            now_ms: settings.now.as_millisecond(),
            from: monday - i64::from(settings.weeks) * 7 * DAY,
            last_week: monday - 7 * DAY,
        }
    }

    /// The runs that began on a day, or follow from a start on that day, in the order in which they
    /// began.
    fn day(&self, jobs: &[Job], day: i64) -> Vec<JobRun> {
        let midnight = day * DAY;
        let date = utc_day(instant(midnight * 1_000));
        let mut runs = Vec::new();
        for job in jobs {
            // Streams are at work already when the simulation begins.
            if midnight < self.from && job.rhythm != Rhythm::Stream {
                continue;
            }
            for start in job.rhythm.starts(midnight, date) {
                runs.extend(chain(self, job, start));
            }
        }
        runs.sort_by(|a, b| (a.start(), &a.identity).cmp(&(b.start(), &b.identity)));
        runs
    }
}

/// The instant of so many milliseconds since the Unix epoch. Beyond the calendar there is no
/// company: such instants are the last one.
pub(super) fn instant(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX)
}

/// The runs of the company, as its sources would have told them by now, day after day: a few
/// thousand are in memory at a time.
pub fn runs(settings: &DemoSettings) -> impl Iterator<Item = JobRun> + use<> {
    let world = World::of(settings);
    let mut jobs = catalogue::jobs(world.seed);
    jobs.extend(stories::jobs(world.last_week));
    let first = world.from.div_euclid(DAY) - 7;
    let today = world.now_ms.div_euclid(DAY * 1_000);
    (first..=today).flat_map(move |day| world.day(&jobs, day))
}
