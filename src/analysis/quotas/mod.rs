//! How close did runs come to the accounts' quotas? Rebuilt from the overlap of runs.
//!
//! Counts of runs, and what fixed-size runs held, are exact. Of an auto-scaled or EMR Serverless
//! run AWS tells only what it held on average, so there the peak is a range: certain is what
//! fixed-size runs held together, or one such run's average on top of what they held meanwhile
//! (somewhere in its time a run reaches its average); possible is its most. The runs of an EMR
//! Serverless application have one most together, which is the application's.

mod sweep;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use self::sweep::{Span, Sweep, rounded};
use super::frame::Names;
use super::held::{Held, held, waited_seconds};
use super::row::{JobKey, RunRow};
use super::{PeakShare, QuotaFigures, TeamUse};
use crate::model::{
    EMR_SERVERLESS_VCPUS, Engine, GLUE_CONCURRENT_RUNS, GLUE_DPUS, GLUE_FLEX_DPUS,
    GLUE_RUNS_PER_JOB, JobRun, Period, QUOTAS, QuotaPeak, QuotaValue,
};

/// How many jobs are named as sharing a peak.
const PEAK_JOBS_MAX: usize = 5;

/// A run's time, in seconds of the period, and what it held: small, for there are millions.
#[derive(Clone, Copy, Debug)]
struct Interval {
    place: u32,
    job: u32,
    team: u32,
    application: Option<u32>,
    start: i64,
    end: i64,
    capacity: Capacity,
    held: Held,
}

/// Which capacity quota a run counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Capacity {
    Dpus,
    FlexDpus,
    Vcpus,
}

/// What a run held between two instants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding<'r> {
    pub(super) job: &'r JobKey,
    pub(super) team: &'r str,
    /// EMR Serverless: the application, whose runs together hold its most at most.
    pub(super) application: Option<&'r str>,
    /// From when on, where that is known.
    pub(super) since: Option<Timestamp>,
    pub(super) until: Timestamp,
    pub(super) flex: bool,
    pub(super) held: Held,
    /// Seconds for which it waited for capacity before that, where they are known.
    pub(super) waited: Option<u64>,
}

/// The runs' intervals, as rows are added.
#[derive(Debug)]
pub struct QuotaUse {
    /// The period, in epoch seconds.
    bounds: (i64, i64),
    /// Accounts and regions.
    places: Names<(String, String)>,
    jobs: Names<JobKey>,
    teams: Names<String>,
    /// With their places.
    applications: Names<(u32, String)>,
    intervals: Vec<Interval>,
    /// Runs that waited, and for how many seconds in all, by place and capacity.
    waited: HashMap<(u32, Capacity), (u64, u64)>,
}

impl QuotaUse {
    /// Nothing yet, in a period.
    #[must_use]
    pub fn new(period: &Period) -> Self {
        Self::between(period.start, period.end)
    }

    /// Nothing yet, from an instant to another.
    #[must_use]
    pub fn between(start: Timestamp, end: Timestamp) -> Self {
        Self {
            bounds: (start.as_second(), end.as_second()),
            places: Names::default(),
            jobs: Names::default(),
            teams: Names::default(),
            applications: Names::default(),
            intervals: Vec::new(),
            waited: HashMap::new(),
        }
    }

    /// Adds a run that has ended.
    pub fn add(&mut self, row: &RunRow) {
        self.add_holding(&Holding {
            job: &row.job,
            team: &row.team,
            application: row.identity.application_id.as_deref(),
            since: row.started,
            until: row.ended,
            flex: row.flex,
            held: row.held,
            waited: row.waited_seconds,
        });
    }

    /// Adds a run that has not ended, as far as it has come until now.
    pub fn add_open(&mut self, run: &JobRun, job: &JobKey, team: &str, now: Timestamp) {
        let waits = run.state.is_waiting();
        let begun = run.start().filter(|_| waits);
        let waiting = begun.and_then(|at| u64::try_from(now.as_second() - at.as_second()).ok());
        self.add_holding(&Holding {
            job,
            team,
            application: run.identity.application_id.as_deref(),
            // What waits holds nothing yet.
            since: run.started_at.filter(|_| !waits),
            until: now,
            flex: run.is_flex(),
            held: held(run),
            waited: waiting.or_else(|| waited_seconds(run)),
        });
    }

    /// Adds what a run held between two instants, as far as that lies in the period.
    pub(super) fn add_holding(&mut self, holding: &Holding<'_>) {
        let Holding { job, held, .. } = *holding;
        let capacity = match (&job.engine, holding.flex) {
            (Engine::Glue, false) => Capacity::Dpus,
            (Engine::Glue, true) => Capacity::FlexDpus,
            (Engine::EmrServerless, _) => Capacity::Vcpus,
            (Engine::Other(_), _) => return,
        };
        let end = holding.until.as_second();
        // What waits still has waited until now.
        let start = holding.since.map_or(end, Timestamp::as_second);
        if end <= self.bounds.0 || start >= self.bounds.1 {
            return;
        }
        let place = self.places.number(&(job.account.clone(), job.region.clone()));
        if let Some(seconds) = holding.waited.filter(|seconds| *seconds > 0) {
            let waited = self.waited.entry((place, capacity)).or_default();
            *waited = (waited.0 + 1, waited.1 + seconds);
        }
        if start >= end {
            return;
        }
        let job = self.jobs.number(job);
        let team = self.teams.number(&holding.team.to_owned());
        let application = holding.application.map(|id| (place, id.to_owned()));
        let application = application.map(|application| self.applications.number(&application));
        let interval = Interval { place, job, team, application, start, end, capacity, held };
        self.intervals.push(interval);
    }

    /// The figures, nearest to its limit first, then by place and quota.
    #[must_use]
    pub fn figures(mut self, limits: &[QuotaValue]) -> Vec<QuotaFigures> {
        let mut figures = self.by_place(|used, quota, intervals| {
            let known = used.limit(quota, intervals, limits);
            // Without a limit the busiest job is no figure of interest, and there are many jobs.
            let wanted = quota != GLUE_RUNS_PER_JOB || known.is_some();
            wanted.then(|| used.quota_figures(quota, intervals, known))?
        });
        figures.sort_by(|a, b| {
            let key = |f: &QuotaFigures| (f.account.clone(), f.region.clone(), f.quota.clone());
            b.share.total_cmp(&a.share).then_with(|| key(a).cmp(&key(b)))
        });
        figures
    }

    /// The certain peak of every quota of which something was held, whether or not its value is
    /// known: what a trend is made from.
    #[must_use]
    pub fn peaks(mut self) -> Vec<QuotaPeak> {
        self.by_place(|used, quota, intervals| {
            let spans = used.spans(quota, intervals);
            let sweep = Sweep::of(spans.iter().copied(), used.bounds)?;
            let (account, region) = used.places.get(intervals.first()?.place).clone();
            let (peak, _) = sweep.peak(spans.iter().copied());
            Some(QuotaPeak { account, region, quota: quota.to_owned(), peak: rounded(peak) })
        })
    }

    /// What is to be said of each quota in each place.
    fn by_place<T>(&mut self, say: impl Fn(&Self, &str, &[Interval]) -> Option<T>) -> Vec<T> {
        let mut intervals = std::mem::take(&mut self.intervals);
        intervals.sort_unstable_by_key(|i| (i.place, i.start, i.end, i.job));
        let places = intervals.chunk_by(|a, b| a.place == b.place);
        places.flat_map(|i| QUOTAS.iter().filter_map(|quota| say(self, quota, i))).collect()
    }

    /// The value of a quota where these intervals are.
    fn limit<'l>(
        &self,
        quota: &str,
        intervals: &[Interval],
        limits: &'l [QuotaValue],
    ) -> Option<&'l QuotaValue> {
        let (account, region) = self.places.get(intervals.first()?.place);
        let is_it = |limit: &&QuotaValue| {
            (&limit.account, &limit.region, limit.quota.as_str()) == (account, region, quota)
        };
        limits.iter().find(is_it).filter(|limit| limit.value > 0.0)
    }

    /// What counts against a quota: against the one per job, the runs of the busiest.
    fn spans(&self, quota: &str, intervals: &[Interval]) -> Vec<Span> {
        let all = intervals.iter().filter_map(|interval| interval.against(quota));
        if quota == GLUE_RUNS_PER_JOB {
            return self.busiest_job(all).unwrap_or_default();
        }
        all.collect()
    }

    /// The use of one quota in one place; `None` where no run counts against it.
    fn quota_figures(
        &self,
        quota: &str,
        intervals: &[Interval],
        known: Option<&QuotaValue>,
    ) -> Option<QuotaFigures> {
        let place = intervals.first()?.place;
        let (account, region) = self.places.get(place);
        let limit = known.map(|limit| limit.value);
        let spans = self.spans(quota, intervals);
        let spans = || spans.iter().copied();
        let sweep = Sweep::of(spans(), self.bounds)?;
        let (peak, at) = sweep.peak(spans());
        let over = |part: f64| limit.map_or(0, |limit| sweep.seconds_over(limit * part + 1e-6));
        let (waited_runs, waited_seconds) = self.waited_for(quota, place);
        Some(QuotaFigures {
            account: account.clone(),
            region: region.clone(),
            quota: quota.to_owned(),
            limit,
            limit_source: known.map(|limit| limit.source.as_str()),
            peak: rounded(peak),
            peak_upper: sweep.possible.map(|possible| possible.max(rounded(peak))),
            peak_at: at.and_then(|second| Timestamp::from_second(second).ok()),
            shared_by: at.map_or_else(Vec::new, |at| shared_by(spans(), at, &self.jobs)),
            share: limit.map_or(0.0, |limit| peak / limit),
            seconds_over_80: over(0.8),
            seconds_over_90: over(0.9),
            teams: self.team_use(&sweep, spans(), at),
            waited_runs,
            waited_seconds,
            forecast: None,
            no_forecast: None,
        })
    }

    /// The spans of the job that ran most often at once.
    fn busiest_job(&self, spans: impl Iterator<Item = Span>) -> Option<Vec<Span>> {
        let mut by_job: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
        for span in spans {
            by_job.entry(span.job).or_default().push(span);
        }
        let peak = |spans: &[Span]| {
            let sweep = Sweep::of(spans.iter().copied(), self.bounds);
            sweep.map_or(0.0, |sweep| sweep.peak(spans.iter().copied()).0)
        };
        let peaks = by_job.into_values().map(|spans| (peak(&spans), spans));
        let by_name = |spans: &[Span]| spans.first().map(|span| self.jobs.get(span.job).clone());
        peaks
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| by_name(&b.1).cmp(&by_name(&a.1))))
            .map(|(_, spans)| spans)
    }

    /// What each team held, largest peak first.
    fn team_use(
        &self,
        sweep: &Sweep,
        spans: impl Iterator<Item = Span>,
        at: Option<i64>,
    ) -> Vec<TeamUse> {
        let mut at_peak: HashMap<u32, f64> = HashMap::new();
        for span in spans.filter(|span| at.is_some_and(|at| span.start <= at && at < span.end)) {
            *at_peak.entry(span.team).or_default() += span.held.typical();
        }
        let mut teams: Vec<TeamUse> = sweep
            .teams
            .iter()
            .map(|peak| TeamUse {
                team: self.teams.get(peak.team).clone(),
                peak: peak.certain,
                peak_upper: peak.possible,
                held_at_peak: rounded(at_peak.get(&peak.team).copied().unwrap_or(0.0)),
            })
            .collect();
        teams.sort_by(|a, b| b.peak.total_cmp(&a.peak).then_with(|| a.team.cmp(&b.team)));
        teams
    }

    /// How many runs waited for a quota's capacity, and for how long in all. What waits counts
    /// against a number of runs too, and is told once.
    fn waited_for(&self, quota: &str, place: u32) -> (u64, u64) {
        let capacity = match quota {
            GLUE_DPUS => Capacity::Dpus,
            GLUE_FLEX_DPUS => Capacity::FlexDpus,
            EMR_SERVERLESS_VCPUS => Capacity::Vcpus,
            _ => return (0, 0),
        };
        self.waited.get(&(place, capacity)).copied().unwrap_or_default()
    }
}

impl Interval {
    /// What the run held of this quota; `None` where it does not count against it.
    fn against(&self, quota: &str) -> Option<Span> {
        let held = match (quota, self.capacity) {
            (GLUE_CONCURRENT_RUNS | GLUE_RUNS_PER_JOB, Capacity::Dpus | Capacity::FlexDpus) => {
                Held::Exactly(1.0)
            }
            (GLUE_DPUS, Capacity::Dpus)
            | (GLUE_FLEX_DPUS, Capacity::FlexDpus)
            | (EMR_SERVERLESS_VCPUS, Capacity::Vcpus) => self.held,
            _ => return None,
        };
        (held != Held::Unknown).then_some(Span {
            job: self.job,
            team: self.team,
            application: self.application,
            start: self.start,
            end: self.end,
            held,
        })
    }
}

/// The jobs that held most at an instant.
fn shared_by(spans: impl Iterator<Item = Span>, at: i64, jobs: &Names<JobKey>) -> Vec<PeakShare> {
    let mut held: HashMap<u32, f64> = HashMap::new();
    for interval in spans.filter(|span| span.start <= at && at < span.end) {
        *held.entry(interval.job).or_default() += interval.held.typical();
    }
    let mut shares: Vec<_> = held
        .into_iter()
        .map(|(job, held)| PeakShare { job: jobs.get(job).job.clone(), held: rounded(held) })
        .collect();
    shares.sort_by(|a, b| b.held.total_cmp(&a.held).then_with(|| a.job.cmp(&b.job)));
    shares.truncate(PEAK_JOBS_MAX);
    shares
}
