//! The weekly peaks of quotas: counted once a week is over and kept for longer than its runs are,
//! and the week in which the trend of them will meet the quota.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::show::use_over;
use crate::analysis::{Books, QuotaFigures};
use crate::model::{Period, QuotaPeak, utc_day};
use crate::quota::{NoForecast, WeeklyPeak, forecast};
use crate::store::{Store, StoreError, WeekPeaks};

/// How many weeks before the one shown the trend is made from: a quarter of a year.
const TREND_WEEKS: usize = 12;

/// Days after a week on which runs that touched it can still end: Glue's longest run.
const DAYS_AFTER: i64 = 7;

/// How many peaks are kept of a week, because they are one item of at most 400 kB.
const PEAKS_MAX: usize = 4_000;

/// What keeping weekly peaks came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeaksKept {
    /// Weeks that were counted.
    pub weeks: u64,
    /// Peaks that found no room, the lowest of their week: they have no forecast.
    pub left_out: u64,
}

impl fmt::Display for PeaksKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quota peaks of {} weeks counted", self.weeks)?;
        if self.left_out > 0 {
            write!(f, ", {} of the lowest peaks not kept, without a forecast", self.left_out)?;
        }
        Ok(())
    }
}

/// Counts the peaks of every complete UTC week of a quarter that was never counted, or whose days
/// changed since. To be called once the days are rolled up. Safe to stop at any instant and to run
/// twice at once: each week is one conditional write.
///
/// # Errors
/// When the store fails. Weeks that are not counted by then are next time.
pub async fn keep_peaks(
    store: &Store,
    books: &Arc<Books>,
    now: Timestamp,
) -> Result<PeaksKept, StoreError> {
    let mut kept = PeaksKept::default();
    let weeks = whole_weeks(store, now);
    let Some(first) = weeks.last().map(|week| utc_day(week.start)) else { return Ok(kept) };
    let known = store.week_peaks(weeks.iter().map(|week| utc_day(week.start)), now).await?;
    // Before any run is read: what changes from here on gives a day another generation.
    let days = first.series(1.day()).take_while(|day| *day <= utc_day(now));
    let generations = store.day_generations(days).await?;
    for week in &weeks {
        let monday = utc_day(week.start);
        let days = monday.series(1.day()).take((7 + DAYS_AFTER).unsigned_abs() as usize);
        let now_of = |day: Date| generations.get(&day).copied().unwrap_or(0);
        let generations: Vec<u64> = days.map(now_of).collect();
        let before = known.iter().find(|known| known.monday == monday);
        if !is_due(before, &generations, week, now) {
            continue;
        }
        let mut record = before.cloned().unwrap_or_else(|| WeekPeaks::unknown(monday));
        record.peaks = use_over(store, books, week, now).await?.peaks();
        kept.left_out += cut(&mut record.peaks);
        (record.generations, record.counted_at) = (generations, now);
        // Who was quicker has counted the same runs, or another generation will tell.
        kept.weeks += u64::from(store.put_week_peaks(&record).await?);
    }
    Ok(kept)
}

/// The weeks that are over and of which no run has expired, latest first.
fn whole_weeks(store: &Store, now: Timestamp) -> Vec<Period> {
    let first = Period::last_week(now, &TimeZone::UTC).ok();
    let weeks = std::iter::successors(first, |week| week.previous().ok());
    weeks.take(TREND_WEEKS).take_while(|week| week.start >= store.kept_since(now)).collect()
}

/// Whether a week is to be counted. In the days after it most rounds change a little, so it is
/// counted once a day then; what comes later than that is rare, and counted at once.
fn is_due(before: Option<&WeekPeaks>, generations: &[u64], week: &Period, now: Timestamp) -> bool {
    let own = |all: &[u64]| all.iter().take(7).copied().collect::<Vec<_>>();
    let Some(before) = before else {
        return own(generations).iter().any(|generation| *generation > 0);
    };
    if before.generations == generations {
        return false;
    }
    let is_late = now >= week.end + (DAYS_AFTER * 24).hours();
    let is_other_day = utc_day(before.counted_at) < utc_day(now);
    is_other_day || (is_late && own(&before.generations) != own(generations))
}

/// Leaves the highest peaks; how many were too many.
fn cut(peaks: &mut Vec<QuotaPeak>) -> u64 {
    if peaks.len() <= PEAKS_MAX {
        return 0;
    }
    peaks.sort_by(|a, b| b.peak.total_cmp(&a.peak));
    let left_out = peaks.len() - PEAKS_MAX;
    peaks.truncate(PEAKS_MAX);
    left_out as u64
}

/// Adds to each figure of a week when its quota will be reached, or why no week can be named. The
/// trend is of the week itself, once it is over, and of those before it.
///
/// # Errors
/// When the store cannot be read.
pub async fn add_forecasts(
    store: &Store,
    period: &Period,
    figures: &mut [QuotaFigures],
    now: Timestamp,
) -> Result<(), StoreError> {
    if period.noun() != "week" || figures.is_empty() {
        return Ok(());
    }
    let monday = period.start.to_zoned(period.time_zone.clone()).date();
    // Weeks in UTC, whatever the report's zone: a trend does not feel the hours between.
    let before = std::iter::successors(monday.checked_sub(7.days()).ok(), |monday| {
        monday.checked_sub(7.days()).ok()
    });
    let weeks = store.week_peaks(before.take(TREND_WEEKS), now).await?;
    for figure in figures {
        let mut peaks = history(&weeks, figure);
        if period.end <= now {
            peaks.push(WeeklyPeak { monday, peak: figure.peak });
        }
        let found = match figure.limit {
            Some(limit) => forecast(&peaks, limit),
            None => Err(NoForecast::QuotaNotKnown),
        };
        match found {
            Ok(forecast) => figure.forecast = Some(forecast),
            Err(reason) => figure.no_forecast = Some(reason),
        }
    }
    Ok(())
}

/// The peaks of one quota, from the first week on in which something was held of it. A week that
/// was counted and does not name it held nothing.
fn history(weeks: &[WeekPeaks], figure: &QuotaFigures) -> Vec<WeeklyPeak> {
    let is_it = |peak: &&QuotaPeak| {
        (&peak.account, &peak.region, &peak.quota)
            == (&figure.account, &figure.region, &figure.quota)
    };
    let peak = |week: &WeekPeaks| week.peaks.iter().find(is_it).map(|peak| peak.peak);
    let held = weeks.iter().map(|week| (week.monday, peak(week)));
    let since_first = held.skip_while(|(_, peak)| peak.is_none());
    since_first.map(|(monday, peak)| WeeklyPeak { monday, peak: peak.unwrap_or(0.0) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Generations of the week's days, and of the seven after it.
    fn generations(own: u64, after: u64) -> Vec<u64> {
        [[own; 7], [after; 7]].concat()
    }

    #[test]
    fn a_week_is_counted_once_a_day_and_what_is_late_at_once() {
        let week = Period::week("2026-W46", &TimeZone::UTC).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut counted = WeekPeaks::unknown(jiff::civil::date(2026, 11, 9));
        (counted.generations, counted.counted_at) = (generations(1, 1), at("2026-11-16T06:00:00Z"));
        let due = |counted: &WeekPeaks, own, after, now: &str| {
            is_due(Some(counted), &generations(own, after), &week, at(now))
        };
        assert!(!due(&counted, 1, 1, "2026-12-16T06:00:00Z"), "nothing changed");
        assert!(!due(&counted, 2, 2, "2026-11-16T23:59:59Z"), "counted today");
        assert!(due(&counted, 2, 1, "2026-11-17T00:00:00Z"));
        assert!(due(&counted, 1, 2, "2026-11-17T00:00:00Z"), "a long run may have ended");
        counted.counted_at = at("2026-11-23T05:00:00Z");
        assert!(due(&counted, 2, 1, "2026-11-23T05:15:00Z"), "a late run, seven days after");
        assert!(!due(&counted, 1, 2, "2026-11-23T05:15:00Z"), "the next week goes on as ever");
        assert!(!due(&counted, 2, 1, "2026-11-22T05:15:00Z"), "a clock that went back");
        // Never counted: where runs ended in it, and not for those that ended after it.
        let now = at("2026-11-16T00:00:00Z");
        assert!(is_due(None, &generations(1, 0), &week, now));
        assert!(!is_due(None, &generations(0, 1), &week, now));
    }

    #[test]
    fn the_highest_peaks_find_room() {
        let peak = |n: usize| QuotaPeak {
            account: format!("{n:012}"),
            region: "eu-west-1".into(),
            quota: "glue-dpus".into(),
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            peak: n as f64,
        };
        let mut peaks: Vec<QuotaPeak> = (0..PEAKS_MAX + 3).map(peak).collect();
        assert_eq!((cut(&mut peaks), peaks.len()), (3, PEAKS_MAX));
        assert!(peaks.iter().all(|peak| peak.peak >= 3.0));
        assert_eq!(cut(&mut peaks), 0);
    }
}
