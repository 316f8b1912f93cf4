//! In which week a quota will be reached, from the trend of the weekly peaks.
//!
//! The trend is Theil and Sen's: the median of the slopes between all pairs of weeks, so that one
//! odd week in four changes little. Its uncertainty is the middle half of those slopes. No week is
//! named, and the reason is, while history is short, where nothing grows, and beyond a year: nobody
//! can see so far.

use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan};
use serde::Serialize;

/// Weeks of history below which nothing is said.
const WEEKS_MIN: usize = 6;
/// Weeks ahead beyond which nothing is said.
const WEEKS_AHEAD_MAX: i64 = 52;

/// The peak of one quota in one week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeeklyPeak {
    /// The week's Monday.
    pub monday: Date,
    /// The certain peak.
    pub peak: f64,
}

/// When a quota will be reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The week in which the trend meets the quota, as `2026-W50`.
    pub week: String,
    /// The same, if the peaks grow as fast as in the fastest quarter of the history.
    pub earliest: String,
    /// The same, if they grow as slowly as in the slowest; `None` where that is not within a year.
    pub latest: Option<String>,
    /// How much the peak grows in a week, in the quota's unit.
    pub per_week: f64,
    /// From how many weeks that is known.
    pub weeks_of_history: usize,
}

/// Why no week is named.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum NoForecast {
    /// The quota's value is not known.
    QuotaNotKnown,
    /// The last of the peaks has reached it.
    ReachedAlready,
    /// The peaks of too few weeks are known.
    TooLittleHistory {
        /// Of so many.
        weeks_of_history: usize,
        /// So many are needed.
        weeks_needed: usize,
    },
    /// The peaks stay as they are, or fall.
    NotGrowing {
        /// How much they grow in a week, in the quota's unit: nothing, or less.
        per_week: f64,
        /// From how many weeks that is known.
        weeks_of_history: usize,
    },
    /// The trend meets the quota later than in a year.
    BeyondAYear {
        /// How much the peaks grow in a week, in the quota's unit.
        per_week: f64,
        /// From how many weeks that is known.
        weeks_of_history: usize,
    },
}

/// The forecast, from peaks in any order.
///
/// # Errors
/// With the reason, where no week can be named.
pub fn forecast(peaks: &[WeeklyPeak], limit: f64) -> Result<Forecast, NoForecast> {
    let mut points: Vec<(i64, f64)> =
        peaks.iter().map(|peak| (week_number(peak.monday), peak.peak)).collect();
    points.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup_by_key(|point| point.0);
    let weeks_of_history = points.len();
    let too_little = NoForecast::TooLittleHistory { weeks_of_history, weeks_needed: WEEKS_MIN };
    let Some((last, last_peak)) = points.last().copied() else { return Err(too_little) };
    if limit <= 0.0 {
        return Err(NoForecast::QuotaNotKnown);
    }
    if last_peak >= limit {
        return Err(NoForecast::ReachedAlready);
    }
    if weeks_of_history < WEEKS_MIN {
        return Err(too_little);
    }
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, one) in points.iter().enumerate() {
        slopes.extend(
            points[index + 1..].iter().map(|other| (other.1 - one.1) / weeks(other.0 - one.0)),
        );
    }
    let reached = |slope: f64| {
        // The line of that slope through the middle of the points.
        let mut levels: Vec<f64> =
            points.iter().map(|(x, y)| y - slope * weeks(x - last)).collect();
        let level = quantile(&mut levels, 0.5);
        if level >= limit {
            return Some(last + 1);
        }
        let ahead = (limit - level) / slope;
        // Also false where the slope is nought or below.
        let near = slope > 0.0 && ahead <= weeks(WEEKS_AHEAD_MAX);
        near.then(|| last + whole(ahead).max(1))
    };
    let (slow, middle, fast) =
        (quantile(&mut slopes, 0.25), quantile(&mut slopes, 0.5), quantile(&mut slopes, 0.75));
    let per_week = hundredths(middle);
    let beyond = NoForecast::BeyondAYear { per_week, weeks_of_history };
    let Some(week) = reached(middle) else {
        let grows = middle > 0.0;
        return Err(if grows {
            beyond
        } else {
            NoForecast::NotGrowing { per_week, weeks_of_history }
        });
    };
    // Lines of other slopes turn about the middle of history: where that is above the quota
    // already, they may order the weeks otherwise.
    let earliest = reached(fast).map_or(week, |early| early.min(week));
    let latest = reached(slow).map(|late| late.max(week));
    let (Some(week), Some(earliest)) = (week_name(week), week_name(earliest)) else {
        return Err(beyond);
    };
    let latest = latest.and_then(week_name);
    Ok(Forecast { week, earliest, latest, per_week, weeks_of_history })
}

/// To the hundredth, and nothing is no negative zero.
fn hundredths(units: f64) -> f64 {
    (units * 100.0).round() / 100.0 + 0.0
}

/// Weeks since the week of 1970-01-01.
fn week_number(monday: Date) -> i64 {
    let days = monday.duration_since(jiff::civil::date(1969, 12, 29));
    days.as_hours().div_euclid(24 * 7)
}

fn week_name(number: i64) -> Option<String> {
    let days = SignedDuration::from_hours(number.checked_mul(24 * 7)?).as_hours() / 24;
    let monday = jiff::civil::date(1969, 12, 29).checked_add(days.days()).ok()?;
    let iso = monday.iso_week_date();
    Some(format!("{:04}-W{:02}", iso.year(), iso.week()))
}

#[expect(clippy::cast_precision_loss, reason = "weeks of a history are few")]
const fn weeks(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "at most a year of weeks, checked before")]
fn whole(weeks: f64) -> i64 {
    weeks.ceil() as i64
}

/// A quantile of values, between the two nearest where it falls between.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "pairs of a few dozen weeks")]
    let place = part * (values.len() - 1) as f64;
    let below = place.floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of the values"
    )]
    let index = below as usize;
    let next = values.get(index + 1).unwrap_or(&values[index]);
    values[index] + (next - values[index]) * (place - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peaks(values: &[f64]) -> Vec<WeeklyPeak> {
        let first = jiff::civil::date(2026, 9, 7);
        let monday = |n: usize| first + (i64::try_from(n).unwrap() * 7).days();
        values
            .iter()
            .enumerate()
            .map(|(n, peak)| WeeklyPeak { monday: monday(n), peak: *peak })
            .collect()
    }

    #[test]
    fn a_straight_line_is_followed_to_its_week() {
        // 10 a week from 2026-W37 on: 100 is reached when the tenth week's peak comes.
        let line = peaks(&[10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        let found = forecast(&line, 100.0).unwrap();
        assert_eq!(found.week, "2026-W46");
        assert_eq!(
            (found.earliest.as_str(), found.latest.as_deref()),
            ("2026-W46", Some("2026-W46"))
        );
        assert_eq!((found.per_week, found.weeks_of_history), (10.0, 6));
        // Over the year's end, with its 53 weeks.
        assert_eq!(forecast(&line, 180.0).unwrap().week, "2027-W01");
    }

    #[test]
    fn one_odd_week_changes_nothing() {
        let mut odd = peaks(&[10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]);
        odd[3].peak = 900.0;
        let found = forecast(&odd, 100.0).unwrap();
        assert_eq!(found.week, "2026-W46", "{found:?}");
    }

    #[test]
    fn where_no_week_is_named_the_reason_is() {
        use NoForecast::{
            BeyondAYear, NotGrowing, QuotaNotKnown, ReachedAlready, TooLittleHistory,
        };
        let reason = |values: &[f64], limit| forecast(&peaks(values), limit).unwrap_err();
        let short = TooLittleHistory { weeks_of_history: 5, weeks_needed: 6 };
        assert_eq!(reason(&[1.0, 2.0, 3.0, 4.0, 5.0], 6.0), short);
        assert_eq!(reason(&[], 6.0), TooLittleHistory { weeks_of_history: 0, weeks_needed: 6 });
        let flat = NotGrowing { per_week: 0.0, weeks_of_history: 9 };
        assert_eq!(reason(&[5.0; 9], 6.0), flat);
        let shrinks = NotGrowing { per_week: -1.0, weeks_of_history: 6 };
        assert_eq!(reason(&[9.0, 8.0, 7.0, 6.0, 5.0, 4.0], 10.0), shrinks);
        let slow = BeyondAYear { per_week: 0.1, weeks_of_history: 6 };
        assert_eq!(reason(&[1.0, 1.1, 1.2, 1.3, 1.4, 1.5], 100.0), slow);
        // However short the history is, and whatever the trend says.
        assert_eq!(reason(&[9.0, 10.0], 10.0), ReachedAlready);
        assert_eq!(reason(&[10.0; 9], 10.0), ReachedAlready);
        assert_eq!(reason(&[10.0; 9], 0.0), QuotaNotKnown);
    }

    #[test]
    fn a_reason_is_told_with_its_numbers() {
        let short = NoForecast::TooLittleHistory { weeks_of_history: 3, weeks_needed: 6 };
        assert_eq!(
            serde_json::to_value(short).unwrap(),
            serde_json::json!({
                "reason": "too-little-history", "weeks_of_history": 3, "weeks_needed": 6
            })
        );
    }

    #[test]
    fn what_is_uncertain_is_said_so() {
        // Up and down, and a little more up.
        let noisy = peaks(&[40.0, 50.0, 42.0, 55.0, 44.0, 60.0, 47.0, 62.0]);
        let found = forecast(&noisy, 90.0).unwrap();
        assert!(found.earliest < found.week, "{found:?}");
        assert!(found.latest.as_ref().is_none_or(|late| *late > found.week), "{found:?}");
    }
}
