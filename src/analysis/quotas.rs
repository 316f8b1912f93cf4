//! How close did runs come to the accounts' quotas? Rebuilt from the overlap of runs.
//!
//! Counts of runs, and what fixed-size runs held, are exact. Of an auto-scaled or EMR Serverless
//! run AWS tells only what it held on average, so there the peak is a range: certain is what
//! fixed-size runs held together, or one such run's average on top of what they held meanwhile
//! (somewhere in its time a run reaches its average); possible is its most.

use std::collections::HashMap;

use jiff::Timestamp;

use super::frame::Names;
use super::row::{Held, JobKey, RunRow};
use super::{PeakShare, QuotaFigures};
use crate::model::{
    EMR_SERVERLESS_VCPUS, Engine, GLUE_CONCURRENT_RUNS, GLUE_DPUS, GLUE_FLEX_DPUS, Period, QUOTAS,
    QuotaValue,
};

/// How many jobs are named as sharing a peak.
const PEAK_JOBS_MAX: usize = 5;

/// A run's time, in seconds of the period, and what it held: small, for there are millions.
#[derive(Clone, Copy, Debug)]
struct Interval {
    place: u32,
    job: u32,
    start: i64,
    end: i64,
    capacity: Capacity,
    held: Held,
}

/// Which capacity quota a run counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Capacity {
    Dpus,
    FlexDpus,
    Vcpus,
}

/// The runs' intervals, as rows are added.
#[derive(Debug)]
pub(super) struct QuotaUse {
    /// The period, in epoch seconds.
    bounds: (i64, i64),
    /// Accounts and regions.
    places: Names<(String, String)>,
    jobs: Names<JobKey>,
    intervals: Vec<Interval>,
}

impl QuotaUse {
    pub(super) fn new(period: &Period) -> Self {
        Self {
            bounds: (period.start.as_second(), period.end.as_second()),
            places: Names::default(),
            jobs: Names::default(),
            intervals: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, row: &RunRow) {
        self.add_span(&row.job, row.started, row.ended, row.flex, row.held);
    }

    /// Adds what a run held between two instants, as far as that lies in the period.
    pub(super) fn add_span(
        &mut self,
        job: &JobKey,
        started: Option<Timestamp>,
        ended: Timestamp,
        flex: bool,
        held: Held,
    ) {
        let Some(start) = started.map(Timestamp::as_second) else { return };
        let end = ended.as_second();
        if start >= end || end <= self.bounds.0 || start >= self.bounds.1 {
            return;
        }
        let capacity = match (&job.engine, flex) {
            (Engine::Glue, false) => Capacity::Dpus,
            (Engine::Glue, true) => Capacity::FlexDpus,
            (Engine::EmrServerless, _) => Capacity::Vcpus,
            (Engine::Other(_), _) => return,
        };
        let place = self.places.number(&(job.account.clone(), job.region.clone()));
        let job = self.jobs.number(job);
        self.intervals.push(Interval { place, job, start, end, capacity, held });
    }

    /// The figures, nearest to its limit first, then by place and quota.
    pub(super) fn figures(mut self, limits: &[QuotaValue]) -> Vec<QuotaFigures> {
        self.intervals.sort_unstable_by_key(|i| (i.place, i.start, i.end, i.job));
        let mut figures = Vec::new();
        for intervals in self.intervals.chunk_by(|a, b| a.place == b.place) {
            for quota in QUOTAS {
                figures.extend(self.quota_figures(quota, intervals, limits));
            }
        }
        figures.sort_by(|a, b| {
            let key = |f: &QuotaFigures| (f.account.clone(), f.region.clone(), f.quota.clone());
            b.share.total_cmp(&a.share).then_with(|| key(a).cmp(&key(b)))
        });
        figures
    }

    /// The use of one quota in one place; `None` where no run counts against it.
    fn quota_figures(
        &self,
        quota: &str,
        intervals: &[Interval],
        limits: &[QuotaValue],
    ) -> Option<QuotaFigures> {
        let (account, region) = self.places.get(intervals.first()?.place);
        let limit = limits
            .iter()
            .find(|limit| {
                (&limit.account, &limit.region, limit.quota.as_str()) == (account, region, quota)
            })
            .map(|limit| limit.value)
            .filter(|limit| *limit > 0.0);
        let spans = intervals.iter().filter_map(|interval| interval.against(quota));
        let sweep = Sweep::of(spans.clone(), self.bounds)?;
        let (peak, at) = sweep.peak(spans.clone());
        let over = |part: f64| limit.map_or(0, |limit| sweep.seconds_over(limit * part + 1e-6));
        Some(QuotaFigures {
            account: account.clone(),
            region: region.clone(),
            quota: quota.to_owned(),
            limit,
            peak: rounded(peak),
            peak_upper: sweep.possible.map(|possible| possible.max(rounded(peak))),
            peak_at: at.and_then(|second| Timestamp::from_second(second).ok()),
            shared_by: at.map_or_else(Vec::new, |at| shared_by(spans, at, &self.jobs)),
            share: limit.map_or(0.0, |limit| peak / limit),
            seconds_over_80: over(0.8),
            seconds_over_90: over(0.9),
        })
    }
}

/// What a run held of one quota, and when.
#[derive(Clone, Copy, Debug)]
struct Span {
    job: u32,
    start: i64,
    end: i64,
    held: Held,
}

impl Interval {
    /// What the run held of this quota; `None` where it does not count against it.
    fn against(&self, quota: &str) -> Option<Span> {
        let held = match (quota, self.capacity) {
            (GLUE_CONCURRENT_RUNS, Capacity::Dpus | Capacity::FlexDpus) => Held::Exactly(1.0),
            (GLUE_DPUS, Capacity::Dpus)
            | (GLUE_FLEX_DPUS, Capacity::FlexDpus)
            | (EMR_SERVERLESS_VCPUS, Capacity::Vcpus) => self.held,
            _ => return None,
        };
        (held != Held::Unknown).then_some(Span {
            job: self.job,
            start: self.start,
            end: self.end,
            held,
        })
    }
}

/// The certain and the possible use, as steps over time.
struct Sweep {
    bounds: (i64, i64),
    /// Where a step begins, what is held from there on for certain, and the certain use so far in
    /// unit-seconds.
    steps: Vec<(i64, f64, f64)>,
    /// The greatest possible use; `None` where some run has no bound.
    possible: Option<f64>,
}

impl Sweep {
    /// The steps; `None` where nobody held anything.
    fn of(spans: impl Iterator<Item = Span>, bounds: (i64, i64)) -> Option<Self> {
        // (time, 0 = end before 1 = start, certain, possible)
        let mut events: Vec<(i64, u8, f64, f64)> = Vec::new();
        let mut bounded = true;
        for interval in spans {
            let (certain, possible) = match interval.held {
                Held::Exactly(held) => (held, held),
                Held::OnAverage { average, most } => {
                    bounded &= most.is_some();
                    (0.0, most.unwrap_or(average))
                }
                Held::Unknown => continue,
            };
            events.push((interval.start.max(bounds.0), 1, certain, possible));
            events.push((interval.end.min(bounds.1), 0, certain, possible));
        }
        if events.is_empty() {
            return None;
        }
        // A run that ends as another begins does not overlap it.
        events.sort_unstable_by(|a, b| {
            (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)).then(a.3.total_cmp(&b.3))
        });
        let (mut certain, mut possible, mut peak_possible) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut steps: Vec<(i64, f64, f64)> = vec![(bounds.0, 0.0, 0.0)];
        for (time, kind, c, p) in events {
            let sign = if kind == 1 { 1.0 } else { -1.0 };
            certain += sign * c;
            possible += sign * p;
            peak_possible = peak_possible.max(possible);
            let (last, level, area) = steps[steps.len() - 1];
            if last == time {
                let last = steps.len() - 1;
                steps[last].1 = certain;
            } else {
                steps.push((time, certain, area + level * span(last, time)));
            }
        }
        Some(Self { bounds, steps, possible: bounded.then(|| rounded(peak_possible)) })
    }

    /// The certain use, in unit-seconds, from the period's start to a time.
    fn area_until(&self, time: i64) -> f64 {
        let next = self.steps.partition_point(|(start, ..)| *start <= time);
        let (start, level, area) = self.steps[next.saturating_sub(1)];
        area + level * span(start, time)
    }

    /// The certain peak and when it was.
    fn peak(&self, spans: impl Iterator<Item = Span>) -> (f64, Option<i64>) {
        let fixed = self.steps.iter().fold((0.0, None), |best: (f64, Option<i64>), step| {
            if step.1 > best.0 { (step.1, Some(step.0)) } else { best }
        });
        spans.fold(fixed, |best, interval| {
            let Held::OnAverage { average, .. } = interval.held else { return best };
            // The average is the whole run's: it says nothing of a part.
            if interval.start < self.bounds.0 || interval.end > self.bounds.1 {
                return best;
            }
            let area = self.area_until(interval.end) - self.area_until(interval.start);
            let peak = average + area / span(interval.start, interval.end);
            if peak > best.0 { (peak, Some(interval.start)) } else { best }
        })
    }

    fn seconds_over(&self, threshold: f64) -> u64 {
        let ends = self.steps.iter().skip(1).map(|step| step.0).chain([self.bounds.1]);
        let over = self.steps.iter().zip(ends).filter(|(step, _)| step.1 > threshold);
        over.map(|(step, end)| u64::try_from(end - step.0).unwrap_or(0)).sum()
    }
}

/// The jobs that held most at an instant.
fn shared_by(spans: impl Iterator<Item = Span>, at: i64, jobs: &Names<JobKey>) -> Vec<PeakShare> {
    let mut held: HashMap<u32, f64> = HashMap::new();
    for interval in spans.filter(|span| span.start <= at && at < span.end) {
        let amount = match interval.held {
            Held::Exactly(amount) | Held::OnAverage { average: amount, .. } => amount,
            Held::Unknown => 0.0,
        };
        *held.entry(interval.job).or_default() += amount;
    }
    let mut shares: Vec<_> = held
        .into_iter()
        .map(|(job, held)| PeakShare { job: jobs.get(job).job.clone(), held: rounded(held) })
        .collect();
    shares.sort_by(|a, b| b.held.total_cmp(&a.held).then_with(|| a.job.cmp(&b.job)));
    shares.truncate(PEAK_JOBS_MAX);
    shares
}

/// To the ten-thousandth: finer than any unit of capacity, and coarse enough that the order in
/// which floats were added does not show.
fn rounded(amount: f64) -> f64 {
    (amount * 10_000.0).round() / 10_000.0
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a period are far below 2^52")]
fn span(from: i64, to: i64) -> f64 {
    (to - from) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interval(start: i64, end: i64, held: Held) -> Span {
        Span { job: 0, start, end, held }
    }

    proptest! {
        /// The peak and the seconds over a threshold, counted second by second.
        #[test]
        fn as_counted_second_by_second(
            runs in prop::collection::vec((0_i64..60, 1_i64..30, 1_u32..9), 1..25)
        ) {
            let bounds = (10, 50);
            let intervals: Vec<_> = runs
                .iter()
                .map(|(start, length, held)| {
                    interval(*start, start + length, Held::Exactly(f64::from(*held)))
                })
                .filter(|i| i.end > bounds.0 && i.start < bounds.1)
                .collect();
            let sweep = Sweep::of(intervals.iter().copied(), bounds);
            let at = |second: i64| -> u32 {
                let alive = runs.iter().filter(|(s, l, _)| *s <= second && second < s + l);
                alive.map(|(_, _, held)| *held).sum()
            };
            let peak = (bounds.0..bounds.1).map(at).max().unwrap_or(0);
            let Some(sweep) = sweep else {
                prop_assert_eq!(peak, 0);
                return Ok(());
            };
            prop_assert_eq!(sweep.peak(intervals.iter().copied()).0, f64::from(peak));
            prop_assert_eq!(sweep.possible, Some(f64::from(peak)));
            let over = (bounds.0..bounds.1).filter(|second| at(*second) > 12).count();
            prop_assert_eq!(sweep.seconds_over(12.0), over as u64);
        }
    }

    #[test]
    fn an_average_gives_a_range() {
        let average = Held::OnAverage { average: 6.0, most: Some(20.0) };
        let intervals = [interval(10, 30, average), interval(20, 40, Held::Exactly(4.0))];
        let sweep = Sweep::of(intervals.into_iter(), (0, 100)).unwrap();
        // For half of the average's time 4 were held beside it.
        assert_eq!(sweep.peak(intervals.into_iter()), (8.0, Some(10)));
        assert_eq!(sweep.possible, Some(24.0));
        let unbounded = [interval(10, 30, Held::OnAverage { average: 6.0, most: None })];
        assert_eq!(Sweep::of(unbounded.into_iter(), (0, 100)).unwrap().possible, None);
    }
}
