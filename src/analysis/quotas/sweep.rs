//! The use of one quota as steps over time, from the spans in which runs held a part of it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use crate::analysis::Held;

/// What a run held of one quota, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) job: u32,
    pub(super) team: u32,
    /// Runs of one application hold no more together than the most that any of them may.
    pub(super) application: Option<u32>,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) held: Held,
}

/// The certain and the possible use, as steps over time.
pub(super) struct Sweep {
    bounds: (i64, i64),
    /// Where a step begins, what is held from there on for certain, and the certain use so far in
    /// unit-seconds.
    steps: Vec<(i64, f64, f64)>,
    /// The greatest possible use; `None` where some run has no bound.
    pub(super) possible: Option<f64>,
    /// What each team that held anything held at most by itself.
    pub(super) teams: Vec<TeamPeak>,
}

/// The most that one team held by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TeamPeak {
    pub(super) team: u32,
    /// For certain.
    pub(super) certain: f64,
    /// Possibly; `None` where some run has no bound.
    pub(super) possible: Option<f64>,
}

/// A team's use while the sweep goes on.
#[derive(Clone, Copy, Debug, Default)]
struct TeamLevel {
    certain: f64,
    possible: f64,
    peak_certain: f64,
    peak_possible: f64,
    is_unbounded: bool,
}

impl Sweep {
    /// The steps; `None` where nobody held anything.
    pub(super) fn of(spans: impl Iterator<Item = Span>, bounds: (i64, i64)) -> Option<Self> {
        let mut teams: BTreeMap<u32, TeamLevel> = BTreeMap::new();
        let mut events = Vec::new();
        for span in spans {
            let team = teams.entry(span.team).or_default();
            let (certain, possible) = match span.held {
                Held::Exactly(held) => (held, held),
                Held::OnAverage { average, most } => {
                    team.is_unbounded |= most.is_none();
                    if span.start >= bounds.0 && span.end <= bounds.1 {
                        // Somewhere in its time a run reaches its average.
                        team.peak_certain = team.peak_certain.max(average);
                    }
                    (0.0, most.unwrap_or(average))
                }
                Held::Unknown => continue,
            };
            let Span { team, application, .. } = span;
            let event = Event { time: 0, is_start: true, certain, possible, team, application };
            events.push(Event { time: span.start.max(bounds.0), ..event });
            events.push(Event { time: span.end.min(bounds.1), is_start: false, ..event });
        }
        if events.is_empty() {
            return None;
        }
        events.sort_unstable_by(Event::in_order);
        let is_bounded = !teams.values().any(|team| team.is_unbounded);
        let (steps, peak) = steps(&events, bounds, &mut teams);
        let teams = teams.iter().map(|(team, level)| TeamPeak {
            team: *team,
            certain: rounded(level.peak_certain),
            possible: (!level.is_unbounded)
                .then(|| rounded(level.peak_possible.max(level.peak_certain))),
        });
        let possible = is_bounded.then(|| rounded(peak));
        Some(Self { bounds, steps, possible, teams: teams.collect() })
    }

    /// The certain use, in unit-seconds, from the period's start to a time.
    fn area_until(&self, time: i64) -> f64 {
        let next = self.steps.partition_point(|(start, ..)| *start <= time);
        let (start, level, area) = self.steps[next.saturating_sub(1)];
        area + level * span(start, time)
    }

    /// The certain peak and when it was.
    pub(super) fn peak(&self, spans: impl Iterator<Item = Span>) -> (f64, Option<i64>) {
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

    pub(super) fn seconds_over(&self, threshold: f64) -> u64 {
        let ends = self.steps.iter().skip(1).map(|step| step.0).chain([self.bounds.1]);
        let over = self.steps.iter().zip(ends).filter(|(step, _)| step.1 > threshold);
        over.map(|(step, end)| u64::try_from(end - step.0).unwrap_or(0)).sum()
    }
}

/// The beginning or the end of a span.
#[derive(Clone, Copy, Debug)]
struct Event {
    time: i64,
    is_start: bool,
    certain: f64,
    possible: f64,
    team: u32,
    application: Option<u32>,
}

impl Event {
    /// Ends before beginnings, because a run that ends as another begins does not overlap it; and
    /// the rest so that the same runs give the same sums, whatever order they came in.
    fn in_order(&self, other: &Self) -> Ordering {
        (self.time, self.is_start, self.team, self.application)
            .cmp(&(other.time, other.is_start, other.team, other.application))
            .then(self.certain.total_cmp(&other.certain))
            .then(self.possible.total_cmp(&other.possible))
    }
}

/// What the runs of an application may hold, each by itself: how many may hold how much. Amounts
/// are above zero, so that their bits are in their order.
#[derive(Debug, Default)]
struct Mosts(BTreeMap<u64, u32>);

impl Mosts {
    /// Adds a run, or takes it away: by how much the greatest changes.
    fn change(&mut self, event: &Event) -> f64 {
        let (before, key) = (self.greatest(), event.possible.max(0.0).to_bits());
        if event.is_start {
            *self.0.entry(key).or_default() += 1;
        } else if let Some(runs) = self.0.get_mut(&key) {
            *runs -= 1;
            if *runs == 0 {
                self.0.remove(&key);
            }
        }
        self.greatest() - before
    }

    fn greatest(&self) -> f64 {
        self.0.last_key_value().map_or(0.0, |(bits, _)| f64::from_bits(*bits))
    }
}

/// The steps, and the greatest possible use; the teams' peaks go into `teams`.
fn steps(
    events: &[Event],
    bounds: (i64, i64),
    teams: &mut BTreeMap<u32, TeamLevel>,
) -> (Vec<(i64, f64, f64)>, f64) {
    let (mut certain, mut possible, mut peak_possible) = (0.0_f64, 0.0_f64, 0.0_f64);
    let mut steps: Vec<(i64, f64, f64)> = vec![(bounds.0, 0.0, 0.0)];
    let mut by_application: HashMap<(Option<u32>, u32), Mosts> = HashMap::new();
    for event in events {
        let sign = if event.is_start { 1.0 } else { -1.0 };
        certain += sign * event.certain;
        let mut change = |team: Option<u32>| match event.application {
            Some(application) => {
                by_application.entry((team, application)).or_default().change(event)
            }
            None => sign * event.possible,
        };
        let (of_all, of_team) = (change(None), change(Some(event.team)));
        possible += of_all;
        peak_possible = peak_possible.max(possible);
        if let Some(team) = teams.get_mut(&event.team) {
            team.certain += sign * event.certain;
            team.possible += of_team;
            team.peak_certain = team.peak_certain.max(team.certain);
            team.peak_possible = team.peak_possible.max(team.possible);
        }
        let (last, level, area) = steps[steps.len() - 1];
        if last == event.time {
            let last = steps.len() - 1;
            steps[last].1 = certain;
        } else {
            steps.push((event.time, certain, area + level * span(last, event.time)));
        }
    }
    (steps, peak_possible)
}

/// To the ten-thousandth: finer than any unit of capacity, and coarse enough that the order in
/// which floats were added does not show.
pub(super) fn rounded(amount: f64) -> f64 {
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
        Span { job: 0, team: 0, application: None, start, end, held }
    }

    proptest! {
        /// The peak and the seconds over a threshold, counted second by second.
        #[test]
        fn as_counted_second_by_second(
            runs in prop::collection::vec((0_i64..60, 1_i64..30, 1_u32..9, 0_u32..3), 1..25)
        ) {
            let bounds = (10, 50);
            let intervals: Vec<_> = runs
                .iter()
                .map(|(start, length, held, team)| {
                    let held = Held::Exactly(f64::from(*held));
                    Span { team: *team, ..interval(*start, start + length, held) }
                })
                .filter(|i| i.end > bounds.0 && i.start < bounds.1)
                .collect();
            let sweep = Sweep::of(intervals.iter().copied(), bounds);
            let of = |second: i64, team: Option<u32>| -> u32 {
                let alive = runs.iter().filter(|(s, l, ..)| *s <= second && second < s + l);
                alive.filter(|run| team.is_none_or(|t| t == run.3)).map(|run| run.2).sum()
            };
            let at = |second| of(second, None);
            let most = |team| (bounds.0..bounds.1).map(|s| of(s, team)).max().unwrap_or(0);
            let peak = most(None);
            let Some(sweep) = sweep else {
                prop_assert_eq!(peak, 0);
                return Ok(());
            };
            prop_assert_eq!(sweep.peak(intervals.iter().copied()).0, f64::from(peak));
            prop_assert_eq!(sweep.possible, Some(f64::from(peak)));
            for team in 0..3 {
                let told = sweep.teams.iter().find(|peak| peak.team == team);
                let told = told.map_or((0.0, Some(0.0)), |peak| (peak.certain, peak.possible));
                let peak = f64::from(most(Some(team)));
                prop_assert_eq!(told, (peak, Some(peak)));
            }
            let over = (bounds.0..bounds.1).filter(|second| at(*second) > 12).count();
            prop_assert_eq!(sweep.seconds_over(12.0), over as u64);
        }
    }

    proptest! {
        /// Runs that use all that their application has, counted second by second: the bound is
        /// that, so it always holds, and no less would.
        #[test]
        fn an_application_is_bound_once_however_many_runs_it_has(
            runs in prop::collection::vec(
                (0_i64..60, 1_i64..30, 1_u32..9, 0_u32..2, prop::option::of(0_u32..3)), 1..25
            )
        ) {
            let bounds = (0, 90);
            let spans = runs.iter().map(|(start, length, most, team, application)| {
                let held = Held::OnAverage { average: 0.5, most: Some(f64::from(*most)) };
                let span = interval(*start, start + length, held);
                Span { team: *team, application: *application, ..span }
            });
            let sweep = Sweep::of(spans, bounds).unwrap();
            let used = |second: i64, team: Option<u32>| -> u32 {
                let alive = runs.iter().filter(|run| run.0 <= second && second < run.0 + run.1);
                let alive: Vec<_> =
                    alive.filter(|run| team.is_none_or(|team| team == run.3)).collect();
                let alone: u32 =
                    alive.iter().filter(|run| run.4.is_none()).map(|run| run.2).sum();
                let most = |application: u32| {
                    let its = alive.iter().filter(|run| run.4 == Some(application));
                    its.map(|run| run.2).max().unwrap_or(0)
                };
                alone + (0..3).map(most).sum::<u32>()
            };
            let peak = |team| (0..90).map(|second| used(second, team)).max().unwrap_or(0);
            prop_assert_eq!(sweep.possible, Some(f64::from(peak(None))));
            for team in &sweep.teams {
                let possible = Some(f64::from(peak(Some(team.team))));
                prop_assert_eq!(team.possible, possible);
            }
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
        let own = TeamPeak { team: 0, certain: 6.0, possible: Some(24.0) };
        assert_eq!(sweep.teams, [own]);
        let unbounded = [interval(10, 30, Held::OnAverage { average: 6.0, most: None })];
        assert_eq!(Sweep::of(unbounded.into_iter(), (0, 100)).unwrap().possible, None);
    }
}
