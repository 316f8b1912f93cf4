//! What of a schedule is to be done now: found from what is due and not done, not from the clock's
//! tick. Pure: what is on record is a value, the time an argument.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::settings::{Missed, Schedule};

/// What is on record of one due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnFacts {
    /// It is done.
    Done,
    /// It failed, and is to be tried again from then on.
    Failed {
        /// From when on.
        again_at: Timestamp,
    },
    /// Somebody is at it, and says so again before then.
    UnderWay {
        /// Until when, by the real clock.
        until: Timestamp,
    },
}

/// One due time at which there is something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it was due.
    pub at: Timestamp,
    /// Whether that is longer ago than the schedule's window.
    pub late: bool,
}

/// What is found of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// What is to be done, the oldest first.
    pub due: Vec<Due>,
    /// What somebody else is at.
    pub under_way: Vec<Timestamp>,
    /// What failed and is not yet to be tried again: when it was due, and when it will be tried.
    pub put_off: Vec<(Timestamp, Timestamp)>,
}

/// Looks for what is to be done. `since` is when the schedule was first looked at: what was due
/// before nobody has promised, but for what its window still holds. `clock` is the real time.
#[must_use]
pub fn look(
    schedule: &Schedule,
    since: Timestamp,
    record: impl Fn(Timestamp) -> Option<TurnFacts>,
    now: Timestamp,
    clock: Timestamp,
) -> Look {
    let mut look = Look::default();
    for at in due_times(schedule, since, now) {
        match record(at) {
            Some(TurnFacts::Done) => {}
            Some(TurnFacts::UnderWay { until }) if clock < until => look.under_way.push(at),
            Some(TurnFacts::Failed { again_at }) if now < again_at => {
                look.put_off.push((at, again_at));
            }
            None | Some(TurnFacts::UnderWay { .. } | TurnFacts::Failed { .. }) => {
                let late = now.duration_since(at) > signed(schedule.window);
                look.due.push(Due { at, late });
            }
        }
    }
    look
}

/// The due times up to now that are still to be answered for.
#[must_use]
pub fn due_times(schedule: &Schedule, since: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let from = answered_from(schedule, now).max(promised_from(schedule, since));
    let mut times: Vec<_> = schedule.after(from).take_while(|at| *at <= now).collect();
    if schedule.missed == Missed::Latest {
        times.drain(..times.len().saturating_sub(1));
    }
    times
}

/// The due times of a schedule that are no longer made up for, after the one up to which all are
/// answered for: the oldest first, so many at most. Where the newest stands for all none ever is.
#[must_use]
pub fn outlived(
    schedule: &Schedule,
    answered: Timestamp,
    now: Timestamp,
    most: usize,
) -> Vec<Timestamp> {
    if schedule.missed == Missed::Latest {
        return Vec::new();
    }
    let end = answered_from(schedule, now);
    schedule.after(answered).take_while(|at| *at <= end).take(most).collect()
}

/// How far back is made up for: what was due by then, and not after, is outlived.
#[must_use]
pub fn answered_from(schedule: &Schedule, now: Timestamp) -> Timestamp {
    now.checked_sub(schedule.catch_up).unwrap_or(Timestamp::MIN)
}

/// Up to when nobody has promised anything, for a schedule that was first looked at then.
#[must_use]
pub fn promised_from(schedule: &Schedule, since: Timestamp) -> Timestamp {
    since.checked_sub(schedule.window).unwrap_or(Timestamp::MIN)
}

/// When to try again what failed so many times: after five minutes, then twice as long each time,
/// an hour at most, so that what a person has mended is soon met.
#[must_use]
pub fn again_after(attempts: u32) -> Duration {
    const FIRST: Duration = Duration::from_mins(5);
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
    FIRST.saturating_mul(doubled).min(Duration::from_hours(1))
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::schedule::Schedules;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn weekly() -> Schedule {
        Schedules::load(None).unwrap().named("weekly-report").unwrap().clone()
    }

    fn looked(schedule: &Schedule, since: &str, now: &str, known: &[(&str, TurnFacts)]) -> Look {
        let known: BTreeMap<_, _> = known.iter().map(|(due, facts)| (at(due), *facts)).collect();
        look(schedule, at(since), |due| known.get(&due).copied(), at(now), at(now))
    }

    const LONG_AGO: &str = "2026-01-01T00:00:00Z";

    #[test]
    fn a_missed_monday_is_made_up_for_and_late() {
        let look = looked(
            &weekly(),
            "2026-11-08T00:00:00Z",
            "2026-11-17T10:00:00Z",
            &[("2026-11-09T07:00:00Z", TurnFacts::Done)],
        );
        assert_eq!(look.due, [Due { at: at("2026-11-16T07:00:00Z"), late: true }]);
    }

    #[test]
    fn every_missed_monday_is_made_up_for_but_not_for_ever() {
        let look = looked(&weekly(), LONG_AGO, "2026-11-16T07:00:00Z", &[]);
        let due: Vec<_> = look.due.iter().map(|due| due.at.to_string()).collect();
        // Eight weeks back to the second: the Monday before that is given up. Summer time ended on
        // 25 October.
        let mondays = ["09-28T06", "10-05T06", "10-12T06", "10-19T06", "10-26T07", "11-02T07"];
        let mondays = mondays.into_iter().chain(["11-09T07", "11-16T07"]);
        assert_eq!(due, mondays.map(|at| format!("2026-{at}:00:00Z")).collect::<Vec<_>>());
        let late: Vec<_> = look.due.iter().map(|due| due.late).collect();
        assert_eq!(late, [&[true; 7][..], &[false]].concat());
    }

    #[test]
    fn a_new_installation_sends_nothing_of_the_past() {
        let tuesday = "2026-11-17T10:00:00Z";
        assert_eq!(looked(&weekly(), tuesday, tuesday, &[]), Look::default());
        // Installed an hour after: within the window it is still on time.
        let monday = "2026-11-16T08:00:00Z";
        let look = looked(&weekly(), monday, monday, &[]);
        assert_eq!(look.due, [Due { at: at("2026-11-16T07:00:00Z"), late: false }]);
        // And what it found then it finds the day after too.
        let look = looked(&weekly(), monday, tuesday, &[]);
        assert_eq!(look.due, [Due { at: at("2026-11-16T07:00:00Z"), late: true }]);
    }

    #[test]
    fn of_sweeps_the_newest_stands_for_all() {
        let schedules = Schedules::load(None).unwrap();
        let collect = schedules.named("collect").unwrap();
        let look = looked(collect, LONG_AGO, "2026-11-16T09:20:00Z", &[]);
        assert_eq!(look.due, [Due { at: at("2026-11-16T09:05:00Z"), late: false }]);
    }

    #[test]
    fn nobody_begins_what_another_is_at_or_what_failed_just_now() {
        let now = "2026-11-16T07:10:00Z";
        let due = "2026-11-16T07:00:00Z";
        let before = ("2026-11-09T07:00:00Z", TurnFacts::Done);
        let until = |text| TurnFacts::UnderWay { until: at(text) };
        let of = |facts| looked(&weekly(), "2026-11-08T00:00:00Z", now, &[before, (due, facts)]);
        assert_eq!(of(until("2026-11-16T07:10:01Z")).under_way, [at(due)]);
        // Its process is gone.
        assert_eq!(of(until(now)).due.len(), 1);
        let failed = |text| TurnFacts::Failed { again_at: at(text) };
        assert_eq!(of(failed("2026-11-16T07:11:00Z")).put_off.len(), 1);
        assert_eq!(of(failed(now)).due.len(), 1);
    }

    #[test]
    fn tries_become_rarer() {
        let minutes = |n| again_after(n).as_secs() / 60;
        assert_eq!([1, 2, 3, 4, 5, 40].map(minutes), [5, 10, 20, 40, 60, 60]);
    }
}
