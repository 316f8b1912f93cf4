//! What is usual for a job, by its own history: the median, and how far its runs are from it.
//!
//! A job that is so uneven that what is usual reaches up to jumps has no usual. Only what goes as
//! far beyond the most that it ever did is a jump then, and that only where much is known of it. On
//! the NASA log of 1993, where a job is whatever a user did with a program, two thirds of the runs
//! are of such jobs, and one run in eighteen takes more than five times its job's median.
//!
//! Medians, because a history holds the very jumps that are looked for, and up to half of it may be
//! odd before they move. The spread is the median distance from the median (MAD), times 1.4826,
//! which makes it the standard deviation where runs are spread as errors are (Rousseeuw and Croux,
//! "Alternatives to the Median Absolute Deviation", 1993). Whole numbers: micro-dollars, seconds.

use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

/// The latest values that count: what a job did a year ago is not usual any more.
pub(super) const HISTORY_MAX: usize = 60;
/// Values of one weekday from which on that weekday has a usual of its own.
const WEEKDAY_MIN: usize = 3;
/// How many times more than a jump's own what is usual may reach before it is nothing usual.
const UNEVEN: u64 = 2;
/// Values from which on the largest of them tells how far an uneven job goes.
const UNEVEN_MIN: usize = 20;
/// 1.4826, in ten-thousandths.
const MAD_TO_DEVIATION: u64 = 14_826;

/// When a value is a jump: all of it must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Jump {
    /// It is so many times the median.
    pub(super) times: u64,
    /// It is so many spreads above the median.
    pub(super) spreads: u64,
    /// It is so much above the median.
    pub(super) floor: u64,
    /// So many values are known.
    pub(super) least: usize,
}

/// What is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usual {
    /// Half of the values are below it.
    pub(super) median: u64,
    /// What is above it is a jump.
    pub(super) limit: u64,
}

/// What is usual on a weekday, by a history of which the latest value comes last; `None` while it
/// is short. A weekday that is always dear is usual; so is what happened more than once.
pub(super) fn usual(history: &[(Weekday, u64)], on: Weekday, jump: Jump) -> Option<Usual> {
    let latest = &history[history.len().saturating_sub(HISTORY_MAX)..];
    if latest.len() < jump.least.max(1) {
        return None;
    }
    let mut all: Vec<u64> = latest.iter().map(|(_, value)| *value).collect();
    let mut same_day: Vec<u64> =
        latest.iter().filter(|(day, _)| *day == on).map(|(_, value)| *value).collect();
    let mut usual = of(&mut all, jump);
    if same_day.len() >= WEEKDAY_MIN {
        let of_weekday = of(&mut same_day, jump);
        usual = if of_weekday.limit > usual.limit { of_weekday } else { usual };
    }
    let Usual { median, limit } = usual;
    let uneven = limit > 0 && limit >= median.saturating_mul(jump.times.saturating_add(UNEVEN));
    let most = latest.iter().map(|(_, value)| *value).max().unwrap_or(0);
    let limit = match uneven {
        false => limit,
        true if latest.len() >= UNEVEN_MIN => most.saturating_mul(jump.times),
        true => return None,
    };
    Some(Usual { median, limit: limit.max(median.saturating_add(jump.floor)) })
}

fn of(values: &mut [u64], jump: Jump) -> Usual {
    values.sort_unstable();
    // Rare but not new: the largest but one of many values is a limit of its own.
    let second_largest = if values.len() >= 20 { values[values.len() - 2] } else { 0 };
    let median = middle(values);
    for value in values.iter_mut() {
        *value = value.abs_diff(median);
    }
    values.sort_unstable();
    let spread = u128::from(middle(values)) * u128::from(MAD_TO_DEVIATION) / 10_000;
    let spread = u64::try_from(spread).unwrap_or(u64::MAX);
    let limit = median
        .saturating_mul(jump.times)
        .max(median.saturating_add(spread.saturating_mul(jump.spreads)))
        .max(second_largest);
    Usual { median, limit }
}

/// The middle of sorted values; of two middles the mean.
fn middle(sorted: &[u64]) -> u64 {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => 0,
        length if length % 2 == 1 => sorted[half],
        _ => sorted[half - 1].midpoint(sorted[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUMP: Jump = Jump { times: 3, spreads: 6, floor: 50, least: 10 };

    fn limit(values: &[u64]) -> Option<u64> {
        let history: Vec<_> = values.iter().map(|value| (Weekday::Monday, *value)).collect();
        usual(&history, Weekday::Tuesday, JUMP).map(|usual| usual.limit)
    }

    #[test]
    fn a_short_history_says_nothing() {
        assert_eq!(limit(&[100; 9]), None);
        assert_eq!(limit(&[100; 10]), Some(300));
    }

    #[test]
    fn the_floor_holds_for_what_costs_little_and_the_spread_for_what_varies() {
        assert_eq!(limit(&[1; 10]), Some(51));
        // Median 100, and most of the distances 30: a spread of 44.
        assert_eq!(limit(&[70, 130, 70, 130, 70, 130, 100, 100, 130, 130, 70]), Some(364));
    }

    #[test]
    fn what_is_uneven_has_no_usual_and_still_a_most() {
        // A MAD of 50 is a spread of 74: six of them above 100 are more than five times as much.
        assert_eq!(limit(&[50, 150, 50, 150, 50, 150, 100, 100, 100, 150, 50]), None);
        assert_eq!(limit(&[1, 1_000, 1, 1_000, 1, 1_000, 1, 1_000, 1, 1_000]), None);
        assert_eq!(limit(&[0; 10]), Some(50));
        // Where much is known of it, what is far beyond all of that is a jump all the same.
        let mut known = [1, 1_000].repeat(10);
        assert_eq!(limit(&known), Some(3_000));
        known.truncate(18);
        assert_eq!(limit(&known), None);
    }

    #[test]
    fn odd_values_do_not_move_it_and_repeated_ones_become_usual() {
        let mut values = vec![100; 30];
        values.push(450);
        assert_eq!(limit(&values), Some(300));
        values.push(450);
        assert_eq!(limit(&values), Some(450));
        values.push(5_000);
        assert_eq!(limit(&values), Some(450));
        assert_eq!(limit(&[u64::MAX; 12]), None);
    }

    #[test]
    fn a_dear_weekday_is_usual_on_that_weekday() {
        let week = |_| {
            let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Sunday];
            days.map(|day| (day, if day == Weekday::Sunday { 1_000 } else { 100 }))
        };
        let history: Vec<_> = (0..4).flat_map(week).collect();
        let limit_on = |day| usual(&history, day, JUMP).unwrap().limit;
        assert_eq!((limit_on(Weekday::Sunday), limit_on(Weekday::Monday)), (3_000, 300));
    }
}
