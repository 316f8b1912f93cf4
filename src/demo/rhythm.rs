//! When jobs start: nightly batches, hourly loads, month-end close, weekend lulls. All in UTC, as
//! the company's schedules are, so no change of clocks moves a run.

use jiff::civil::{Date, Weekday};

/// The seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// A job's schedule. Minutes are those of the UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rhythm {
    /// Every so many minutes; at weekends every second time.
    Every {
        /// How often; less than a day.
        minutes: u32,
        /// The first start of the day.
        offset: u32,
    },
    /// Once a day.
    Daily {
        /// When.
        minute: u32,
        /// Whether there are no runs on Saturdays and Sundays.
        workdays: bool,
    },
    /// Once a week.
    Weekly {
        /// On which day.
        weekday: Weekday,
        /// When.
        minute: u32,
    },
    /// The month-end close: on the last day of a month and on the three days after it.
    MonthEnd {
        /// When.
        minute: u32,
    },
    /// A stream, which its maintenance window restarts on Sundays at 22:00.
    Stream,
    /// Many at once, and never again.
    Burst {
        /// The second in which the first one starts; the others follow second by second.
        at: i64,
        /// How many.
        runs: u32,
    },
}

impl Rhythm {
    /// The seconds of the Unix epoch in which the job is started on a day that begins at
    /// `midnight`, in order.
    pub(super) fn starts(self, midnight: i64, date: Date) -> Vec<i64> {
        let at = |minute: u32| midnight + i64::from(minute) * 60;
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        let once = |wanted: bool, minute: u32| if wanted { vec![at(minute)] } else { vec![] };
        match self {
            Self::Every { minutes, offset } => {
                let step = if weekend { minutes * 2 } else { minutes };
                (offset..1_440).step_by(step as usize).map(at).collect()
            }
            Self::Daily { minute, workdays } => once(!(workdays && weekend), minute),
            Self::Weekly { weekday, minute } => once(date.weekday() == weekday, minute),
            Self::MonthEnd { minute } => {
                once(date == date.last_of_month() || date.day() <= 3, minute)
            }
            Self::Stream => once(date.weekday() == Weekday::Sunday, 22 * 60),
            Self::Burst { at, runs } => (0..i64::from(runs))
                .map(|run| at + run)
                .filter(|start| (midnight..midnight + DAY).contains(start))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// How many starts fall on each of the seven days from Monday, 9 November 2026.
    fn week(rhythm: Rhythm) -> Vec<usize> {
        (0..7).map(|day| rhythm.starts(0, date(2026, 11, 9 + day)).len()).collect()
    }

    #[test]
    fn weekends_are_calmer() {
        assert_eq!(week(Rhythm::Every { minutes: 60, offset: 5 }), [24, 24, 24, 24, 24, 12, 12]);
        assert_eq!(week(Rhythm::Daily { minute: 0, workdays: true }), [1, 1, 1, 1, 1, 0, 0]);
        assert_eq!(week(Rhythm::Daily { minute: 0, workdays: false }), [1; 7]);
        assert_eq!(week(Rhythm::Stream), [0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn the_close_is_around_the_end_of_a_month() {
        let close = Rhythm::MonthEnd { minute: 90 };
        let days: Vec<i8> =
            (1..=30).filter(|day| close.starts(0, date(2026, 11, *day)) == [5_400]).collect();
        assert_eq!(days, [1, 2, 3, 30]);
    }

    #[test]
    fn a_burst_happens_once() {
        let burst = Rhythm::Burst { at: DAY + 7_200, runs: 40 };
        let day = date(2026, 11, 11);
        assert!(burst.starts(0, day).is_empty());
        assert_eq!(burst.starts(DAY, day).len(), 40);
        assert!(burst.starts(2 * DAY, day).is_empty());
    }
}
