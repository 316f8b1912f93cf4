//! What a job's runs of one UTC day come to: small enough to be kept when the runs are gone.
//!
//! A value like any other; `analysis` computes it from a day's runs, and `store` keeps it.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::{JobKey, JobKind, RetryOf, RunState, Usd};

/// The runs of one job that ended on one UTC day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollUp {
    /// The UTC day.
    pub day: Date,
    /// The job.
    pub job: JobKey,
    /// The hours in which a run ended, by hour and team.
    pub hours: Vec<HourCount>,
    /// Its runs one by one, by end: all of them; or of many the last ones, and the good one that
    /// began last.
    pub samples: Vec<RunSample>,
    /// What its runs try again that did not end on this day, as far as that is known.
    pub retries: Vec<RetryOf>,
    /// What its runs used on days before this one, by day and team.
    pub earlier: Vec<EarlierUse>,
    /// Who paid for the run that ended last, and its tags: for the last one whose tags were read,
    /// if there is one.
    pub last_owner: LastOwner,
}

/// What ended in one UTC hour, for one team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourCount {
    /// The hour of the day, from 0.
    pub hour: u8,
    /// Who pays.
    pub team: String,
    /// What it comes to.
    pub counts: Counts,
}

/// What some runs come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs that ended.
    pub runs: u64,
    /// Of those, with a bad end.
    pub failures: u64,
    /// Of those, without a cost.
    pub unpriced: u64,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// DPU- and M-DPU-seconds, billing minimum included.
    pub dpu_seconds: Decimal,
    /// EMR Serverless vCPU-hours.
    pub vcpu_hours: Decimal,
    /// What the priced ones cost.
    pub cost: Usd,
}

/// One run that has ended, as a job's history needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunSample {
    /// When it ended, in whole seconds.
    pub ended: Timestamp,
    /// When it started, where that is known.
    pub started: Option<Timestamp>,
    /// Its id; `None` of runs that ended well, and of those that were tried again: what came of
    /// the retry counts, and not they. A retry that ended on another day is known to that day.
    pub run_id: Option<String>,
    /// Which attempt of that it was; 1 where there is no id.
    pub attempt: u32,
    /// The EMR Serverless application, where there is an id.
    pub application_id: Option<String>,
    /// The first line of its error: of the last run with an id that ended in its way.
    pub error: Option<String>,
    /// How it ended.
    pub state: RunState,
    /// What kind of job it is of.
    pub kind: JobKind,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// What it cost, where that is known.
    pub cost: Option<Usd>,
}

impl RunSample {
    /// Whether it did what it was started for; see [`RunState::is_good_end_of`].
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.state.is_good_end_of(&self.kind)
    }

    /// The same as one of many: nothing is left that leads to the very run.
    #[must_use]
    pub fn anonymous(self) -> Self {
        Self { run_id: None, attempt: 1, application_id: None, error: None, ..self }
    }

    /// When it began, as far as that is known: no later than it ended.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        self.started.map_or(self.ended, |start| start.min(self.ended))
    }
}

/// What runs that ended on a day used on one day before it. The rest of what they cost they used
/// on the day itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierUse {
    /// The UTC day.
    pub day: Date,
    /// Who pays.
    pub team: String,
    /// What it cost.
    pub cost: Usd,
}

/// Who paid for a job's last run of a day. Frozen with the run, as its tags are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastOwner {
    /// The team.
    pub team: String,
    /// Whether that is known by a tag.
    pub tagged: bool,
    /// The tags that count for the run; `None` where they were not read.
    pub tags: Option<BTreeMap<String, String>>,
}

impl RollUp {
    /// The whole day.
    #[must_use]
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        self.hours.iter().for_each(|hour| totals += hour.counts);
        totals
    }

    /// When an hour of the day begins.
    #[must_use]
    pub fn hour_begins(&self, hour: u8) -> Option<Timestamp> {
        let at = self.day.at(i8::try_from(hour).ok()?, 0, 0, 0);
        at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    }

    /// Who pays for most of it: by cost, then by runs, then by name.
    #[must_use]
    pub fn team(&self) -> &str {
        let mut teams: BTreeMap<&str, Counts> = BTreeMap::new();
        for hour in &self.hours {
            *teams.entry(&hour.team).or_default() += hour.counts;
        }
        let most = teams.iter().rev().max_by_key(|(_, counts)| (counts.cost, counts.runs));
        most.map_or("", |(team, _)| *team)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.failures += other.failures;
        self.unpriced += other.unpriced;
        self.runtime_seconds = self.runtime_seconds.saturating_add(other.runtime_seconds);
        self.dpu_seconds = self.dpu_seconds.saturating_add(other.dpu_seconds);
        self.vcpu_hours = self.vcpu_hours.saturating_add(other.vcpu_hours);
        self.cost += other.cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Engine;

    #[test]
    fn the_team_is_the_one_that_pays_most() {
        let hour = |hour, team: &str, runs, nanos| HourCount {
            hour,
            team: team.into(),
            counts: Counts { runs, cost: Usd::from_nanos(nanos), ..Counts::default() },
        };
        let job = JobKey {
            engine: Engine::Glue,
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            job: "load".into(),
        };
        let of = |hours| RollUp {
            day: jiff::civil::date(2026, 11, 10),
            job: job.clone(),
            hours,
            samples: Vec::new(),
            retries: Vec::new(),
            earlier: Vec::new(),
            last_owner: LastOwner::default(),
        };
        let day = of(vec![hour(1, "a", 9, 5), hour(2, "b", 1, 4), hour(3, "b", 1, 4)]);
        assert_eq!((day.team(), day.totals().runs), ("b", 11));
        assert_eq!(of(vec![hour(1, "b", 2, 0), hour(1, "a", 2, 0)]).team(), "a");
        assert_eq!(of(vec![hour(1, "b", 3, 0), hour(1, "a", 2, 0)]).team(), "b");
    }
}
