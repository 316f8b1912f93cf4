//! Putting settled hours to CloudWatch: each once, as far as that can be known.
//!
//! An hour is claimed on record before its metrics leave, and marked after; what may have left is
//! never put again, because CloudWatch adds up what it is given. What becomes known of an hour
//! later is in the table `hourly` alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::delivery::{
    CALL_MAX, CloudWatch, Metric, MetricPer, MetricSettings, PutError, WholeCall,
};
use crate::model::{Counts, RollUp, Usd, utc_day};
use crate::store::{Clock, MetricHour, Store, StoreError, UnderWay};

/// How long after it has settled an hour is still put: after a longer pause its metrics would come
/// days late, and CloudWatch shows points that are a day old only after hours.
const CATCH_UP: SignedDuration = SignedDuration::from_hours(24);

/// How much longer than the call itself its claim holds.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// What putting metrics came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricsPut {
    /// Hours that are out.
    pub hours: u64,
    /// Metrics of them.
    pub metrics: u64,
    /// Series that a month has, of the hours that are due now: each is billed by the month.
    pub series: u64,
    /// Calls of which it is not known whether they counted. They are not repeated.
    pub unknown: Vec<String>,
    /// Why some hours are not out. They are tried again.
    pub refused: Option<String>,
}

impl MetricsPut {
    /// What so many series cost a month.
    #[must_use]
    pub fn usd_a_month(&self, settings: &MetricSettings) -> Decimal {
        settings.usd_per_metric.saturating_mul(self.series.into())
    }
}

impl fmt::Display for MetricsPut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hours put as {} metrics", self.hours, self.metrics)?;
        if !self.unknown.is_empty() {
            write!(f, ", {} calls not known to count, and not repeated", self.unknown.len())?;
        }
        self.refused.iter().try_for_each(|reason| write!(f, ", refused: {reason}"))
    }
}

/// Where metrics go.
pub trait MetricSink: Sync {
    /// Puts metrics in one call, which is not repeated.
    fn put(&self, metrics: &[Metric]) -> impl Future<Output = Result<(), PutError>> + Send;
}

impl MetricSink for CloudWatch {
    async fn put(&self, metrics: &[Metric]) -> Result<(), PutError> {
        Self::put(self, metrics).await
    }
}

/// Puts every hour that has settled and is not out yet.
///
/// # Errors
/// When the store fails.
pub async fn put_metrics<M: MetricSink, C: Clock>(
    store: &Store,
    sink: &M,
    settings: &MetricSettings,
    clock: &C,
    now: Timestamp,
) -> Result<MetricsPut, StoreError> {
    let mut outcome = MetricsPut::default();
    let hours = due(settings, now);
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Ok(outcome) };
    let mut by_hour: BTreeMap<Timestamp, Points> = BTreeMap::new();
    let mut series = BTreeSet::new();
    let days = utc_day(*first).series(jiff::Span::new().days(1));
    let days: Vec<_> = days.take_while(|day| *day <= utc_day(*last)).collect();
    store.roll_ups(days, now, |roll_up| add(&mut by_hour, &roll_up, settings.per)).await?;
    for hour in hours {
        let Some(points) = by_hour.remove(&hour) else { continue };
        for (key, (_, counts)) in &points {
            series.extend(values(counts).map(|(name, ..)| (key.clone(), name)));
        }
        let put = Hour { store, sink, clock, points, hour };
        if !put.put(&mut outcome).await? {
            break;
        }
    }
    outcome.series = series.len() as u64;
    Ok(outcome)
}

/// What has metrics of its own in an hour, by its key: dimensions and counts.
type Points = BTreeMap<String, (Vec<(&'static str, String)>, Counts)>;

/// The hours that have settled within the time in which they are put, in order.
fn due(settings: &MetricSettings, now: Timestamp) -> Vec<Timestamp> {
    let settle = SignedDuration::try_from(settings.settle).unwrap_or(CATCH_UP);
    let whole = |at: Timestamp| at.as_second().div_euclid(3600);
    let settled = now.checked_sub(settle).map_or(i64::MIN, whole);
    let first = settled.saturating_sub(CATCH_UP.as_hours());
    let hours = (first..settled).filter_map(|hour| Timestamp::from_second(hour * 3600).ok());
    hours.collect()
}

fn add(by_hour: &mut BTreeMap<Timestamp, Points>, roll_up: &RollUp, per: MetricPer) {
    for hour in &roll_up.hours {
        let Some(at) = roll_up.hour_begins(hour.hour) else { continue };
        let (key, dimensions) = match per {
            MetricPer::Team => (hour.team.clone(), vec![("Team", hour.team.clone())]),
            MetricPer::Job => {
                let job = &roll_up.job;
                let dimensions = vec![
                    ("Account", job.account.clone()),
                    ("Region", job.region.clone()),
                    ("Engine", job.engine.to_string()),
                    ("Job", job.job.clone()),
                ];
                let values: Vec<&str> = dimensions.iter().map(|(_, v)| v.as_str()).collect();
                (values.join("\u{1f}"), dimensions)
            }
        };
        let point = by_hour.entry(at).or_default().entry(key);
        point.or_insert_with(|| (dimensions, Counts::default())).1 += hour.counts;
    }
}

/// The metrics of some runs: name, value, whether it is a count. What an engine does not have is
/// left out, because a metric that is always 0 costs as much as any other.
fn values(counts: &Counts) -> impl Iterator<Item = (&'static str, f64, bool)> {
    #[expect(clippy::cast_precision_loss, reason = "runs of an hour are far below 2^52")]
    let count = |n: u64| n as f64;
    let dollars = counts.cost.share_of(Usd::from_nanos(1_000_000_000));
    let dpu_hours = counts.dpu_seconds.checked_div(Decimal::from(3600)).unwrap_or_default();
    let hours = |hours: Decimal| hours.to_f64().unwrap_or_default();
    [
        Some(("Runs", count(counts.runs), true)),
        Some(("Failures", count(counts.failures), true)),
        Some(("CostUSD", dollars, false)),
        (!dpu_hours.is_zero()).then(|| ("DPUHours", hours(dpu_hours), false)),
        (!counts.vcpu_hours.is_zero()).then(|| ("VCPUHours", hours(counts.vcpu_hours), false)),
    ]
    .into_iter()
    .flatten()
}

/// One hour on its way.
struct Hour<'h, M, C> {
    store: &'h Store,
    sink: &'h M,
    clock: &'h C,
    points: Points,
    hour: Timestamp,
}

impl<M: MetricSink, C: Clock> Hour<'_, M, C> {
    /// Puts what is not out yet; `false` where CloudWatch refuses, as it would the next hour.
    async fn put(self, outcome: &mut MetricsPut) -> Result<bool, StoreError> {
        let mut hour = self.store.metric_hour(self.hour).await?;
        if hour.record.done {
            return Ok(true);
        }
        if let Some(call) = &hour.record.under_way {
            if call.until > self.clock.now() {
                // Another process is at it.
                return Ok(true);
            }
            hour.record.give_up("the process that put them was stopped");
            outcome.unknown.extend(self.last_unknown(&hour));
        }
        loop {
            let (metrics, to) = self.next(hour.record.out_to.as_deref());
            let Some((to, is_last)) = to else {
                hour.record.done = true;
                self.store.put_metric_hour(&mut hour).await?;
                return Ok(true);
            };
            // To its end on record: cut in between, it could not be repeated.
            let _whole = WholeCall::begin().await;
            let until =
                self.clock.now() + LEASE + SignedDuration::try_from(CALL_MAX).unwrap_or(LEASE);
            hour.record.under_way = Some(UnderWay::new(to.clone(), until));
            if !self.store.put_metric_hour(&mut hour).await? {
                return Ok(true);
            }
            match self.sink.put(&metrics).await {
                Ok(()) => {
                    hour.record.under_way = None;
                    hour.record.out_to = Some(to);
                    hour.record.put += metrics.len() as u64;
                    outcome.metrics += metrics.len() as u64;
                }
                Err(PutError::Uncertain(error)) => {
                    hour.record.give_up(&error);
                    outcome.unknown.extend(self.last_unknown(&hour));
                }
                Err(PutError::Refused(error)) => {
                    hour.record.under_way = None;
                    outcome.refused = Some(error);
                    self.store.put_metric_hour(&mut hour).await?;
                    return Ok(false);
                }
            }
            hour.record.done = is_last;
            self.store.put_metric_hour(&mut hour).await?;
            if is_last {
                outcome.hours += 1;
                return Ok(true);
            }
        }
    }

    fn last_unknown(&self, hour: &MetricHour) -> Option<String> {
        Some(format!("{}: {}", self.hour, hour.record.unknown.last()?))
    }

    /// The metrics of one call, from the first key after `out_to` on; its last key, and whether
    /// that is the hour's last.
    fn next(&self, out_to: Option<&str>) -> (Vec<Metric>, Option<(String, bool)>) {
        let (mut metrics, mut to) = (Vec::new(), None);
        let rest = self.points.iter().filter(|(key, _)| out_to.is_none_or(|o| key.as_str() > o));
        for (key, (dimensions, counts)) in rest {
            let metric = |(name, value, is_count)| {
                let dimensions = dimensions.clone();
                Metric { name, is_count, dimensions, at: self.hour, value }
            };
            let of_key: Vec<Metric> = values(counts).map(metric).collect();
            if metrics.len() + of_key.len() > CloudWatch::METRICS_MAX {
                return (metrics, to.map(|to| (to, false)));
            }
            metrics.extend(of_key);
            to = Some(key.clone());
        }
        (metrics, to.map(|to| (to, true)))
    }
}
