//! What ended in each hour: runs, failures, use and cost per job, team and UTC hour.
//!
//! Runs come day after day, so only one day's hours are held at a time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{BookedRun, JobKey};
use crate::model::{Usd, utc_day};
use crate::pricing::kind_of;

const SECONDS_PER_HOUR: i64 = 3_600;

/// A job's runs that ended in one hour, for one team.
#[derive(Clone, Debug)]
pub struct HourFigures {
    /// When the hour begins.
    pub hour: Timestamp,
    /// The job.
    pub job: JobKey,
    /// Who pays.
    pub team: String,
    /// Runs that ended in it.
    pub runs: u64,
    /// Of those, with a bad end.
    pub failed_runs: u64,
    /// Of those, without a cost.
    pub unpriced_runs: u64,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// DPU- and M-DPU-seconds, billing minimum included.
    pub dpu_seconds: Decimal,
    /// EMR Serverless vCPU-hours.
    pub vcpu_hours: Decimal,
    /// What they cost.
    pub cost_usd: Usd,
}

/// The hours of the day at hand.
#[derive(Debug, Default)]
pub struct Hours {
    day: Option<Date>,
    hours: BTreeMap<(Timestamp, JobKey, String), HourFigures>,
}

impl Hours {
    /// Adds a run that has ended; days come in order. Answers with the hours of the day before,
    /// when a new one begins.
    pub fn add(&mut self, booked: &BookedRun) -> Vec<HourFigures> {
        let run = &booked.stored.run;
        let Some(end) = run.end() else { return Vec::new() };
        let day = utc_day(end);
        let finished = if self.day == Some(day) { Vec::new() } else { self.finish() };
        self.day = Some(day);
        let second = end.as_second() - end.as_second().rem_euclid(SECONDS_PER_HOUR);
        let hour = Timestamp::from_second(second).unwrap_or(end);
        let job = JobKey {
            engine: run.identity.engine.clone(),
            account: run.identity.account.clone(),
            region: run.identity.region.clone(),
            job: booked.job.clone(),
        };
        let key = (hour, job, booked.owner.team.clone());
        let figures = self.hours.entry(key).or_insert_with_key(|(hour, job, team)| HourFigures {
            hour: *hour,
            job: job.clone(),
            team: team.clone(),
            runs: 0,
            failed_runs: 0,
            unpriced_runs: 0,
            runtime_seconds: 0,
            dpu_seconds: Decimal::ZERO,
            vcpu_hours: Decimal::ZERO,
            cost_usd: Usd::ZERO,
        });
        let (cost, usage) = (booked.priced.price.cost(), &booked.priced.usage);
        figures.runs += 1;
        figures.failed_runs += u64::from(run.is_wasted_end(&kind_of(run)));
        figures.unpriced_runs += u64::from(cost.is_none());
        figures.runtime_seconds = figures.runtime_seconds.saturating_add(run.runtime_seconds());
        figures.dpu_seconds = figures.dpu_seconds.saturating_add(usage.dpu_seconds);
        figures.vcpu_hours = figures.vcpu_hours.saturating_add(usage.vcpu_hours);
        figures.cost_usd += cost.unwrap_or_default();
        finished
    }

    /// The hours of the last day.
    pub fn finish(&mut self) -> Vec<HourFigures> {
        std::mem::take(&mut self.hours).into_values().collect()
    }
}
