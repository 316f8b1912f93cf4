//! What the tasks of the last seven days used, by their records and by the schedules that started
//! containers for nothing: one that finds nothing due leaves no record, and is billed for a minute.
//!
//! It is an estimate. A container's start is not seen from inside, nor are logs, storage and what
//! other commands ask; a container whose size is not known is none.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::aws::ContainerSize;
use crate::schedule::{Schedules, wakes};
use crate::store::{CONTAINER_SECONDS_MIN, METRICS_LOGGED, OwnUse, Store, StoreError, TaskRun};

/// The days that are looked at.
pub const DAYS: u32 = 7;

/// What the tasks used that began in the seven days before the hour of `now`: whole hours, so that
/// a weekly task counts once however many seconds it took to begin.
///
/// # Errors
/// When the store cannot be read.
pub async fn own_use(
    store: &Store,
    schedules: Option<&Schedules>,
    now: Timestamp,
) -> Result<OwnUse, StoreError> {
    let second = now.as_second();
    let until = Timestamp::from_second(second - second.rem_euclid(3_600)).unwrap_or(now);
    let week = SignedDuration::from_hours(24 * i64::from(DAYS));
    let since = until.checked_sub(week).unwrap_or(Timestamp::MIN);
    let runs = store.task_runs(since, until).await?;
    Ok(of_runs(runs.iter().filter(|run| run.began < until), schedules, (since, until)))
}

fn of_runs<'r>(
    runs: impl Iterator<Item = &'r TaskRun>,
    schedules: Option<&Schedules>,
    (since, until): (Timestamp, Timestamp),
) -> OwnUse {
    let mut used = OwnUse::default();
    let mut woken: BTreeMap<&str, (ContainerSize, u64)> = BTreeMap::new();
    let mut watching: Option<(ContainerSize, Timestamp, Timestamp)> = None;
    // A metric of an hour is one, however many runs of its task had values for it.
    let mut logged: BTreeMap<(&str, i64), u64> = BTreeMap::new();
    for run in runs {
        used += OwnUse::of_calls(run);
        let hour = run.ended.unwrap_or(run.began).as_second().div_euclid(3_600);
        let of_hour = logged.entry((&run.task, hour)).or_default();
        *of_hour = (*of_hour).max(run.counts.get(METRICS_LOGGED).copied().unwrap_or(0));
        let Some(size) = run.container else { continue };
        let end = run.ended.unwrap_or(run.began);
        if run.task == "watch" {
            // One container for all its sweeps, and between them too.
            let began = watching.map_or(run.began, |(_, began, _)| began);
            watching = Some((size, began, end));
            continue;
        }
        used += OwnUse::of_container(size, seconds(run.began, end).max(CONTAINER_SECONDS_MIN));
        if let Some(schedule) = &run.schedule {
            let (last, times) = woken.entry(schedule).or_insert((size, 0));
            (*last, *times) = (size, *times + 1);
        }
    }
    used.metric_hours += logged.values().sum::<u64>();
    if let Some((size, began, end)) = watching {
        used += OwnUse::of_container(size, seconds(began, end));
    }
    for (name, (size, times)) in woken {
        let all = schedules.and_then(|schedules| schedules.named(name));
        let all = all.map_or(0, |schedule| wakes(schedule, since, until));
        let idle = all.saturating_sub(times);
        used += OwnUse::of_container(size, idle.saturating_mul(CONTAINER_SECONDS_MIN));
    }
    used
}

fn seconds(began: Timestamp, ended: Timestamp) -> u64 {
    u64::try_from(ended.duration_since(began).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: ContainerSize = ContainerSize { milli_vcpu: 1_000, memory_mib: 2_048 };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn run(task: &str, schedule: Option<&str>, (began, ended): (&str, &str)) -> TaskRun {
        let mut run = TaskRun::begun(task, &[], "test".into(), at(began));
        run.schedule = schedule.map(str::to_owned);
        run.ended = Some(at(ended));
        run.container = Some(SIZE);
        run
    }

    #[test]
    fn containers_that_found_nothing_due_are_paid_for_too() {
        let schedules = Schedules::load(None).unwrap();
        let week = (at("2026-11-09T07:00:00Z"), at("2026-11-16T07:00:00Z"));
        let span = ("2026-11-09T07:00:30Z", "2026-11-09T07:02:10Z");
        let report = run("report", Some("weekly-report"), span);
        // It took 100 seconds. Its schedule is due once in these days, and looked after each hour.
        let used = of_runs([&report].into_iter(), Some(&schedules), week);
        let idle = 7 * 24 * 60;
        assert_eq!(used.milli_vcpu_seconds, 1_000 * (100 + idle));
        assert_eq!(used.mib_seconds, 2_048 * (100 + idle));
        let by_hand = run("report", None, ("2026-11-10T07:00:00Z", "2026-11-10T07:00:10Z"));
        let used = of_runs([&by_hand].into_iter(), Some(&schedules), week);
        assert_eq!(used.milli_vcpu_seconds, 60_000, "a minute at least, and nothing else");
    }

    #[test]
    fn a_watch_is_one_container_and_a_laptop_is_none() {
        let schedules = Schedules::load(None).unwrap();
        let week = (at("2026-11-09T00:00:00Z"), at("2026-11-16T00:00:00Z"));
        let first = run("watch", None, ("2026-11-10T00:00:00Z", "2026-11-10T00:00:05Z"));
        let last = run("watch", None, ("2026-11-10T00:59:00Z", "2026-11-10T01:00:00Z"));
        let used = of_runs([&first, &last].into_iter(), Some(&schedules), week);
        assert_eq!(used.milli_vcpu_seconds, 3_600_000);
        let mut laptop =
            run("bill refresh", None, ("2026-11-10T00:00:00Z", "2026-11-10T00:00:05Z"));
        laptop.container = None;
        assert!(of_runs([&laptop].into_iter(), Some(&schedules), week).is_nothing());
        laptop.calls.insert("Cost Explorer GetCostAndUsage".to_owned(), 3);
        let used = of_runs([&laptop].into_iter(), Some(&schedules), week);
        assert_eq!((used.cost_explorer_requests, used.milli_vcpu_seconds), (3, 0));
    }

    #[test]
    fn a_metric_of_an_hour_counts_once_whatever_had_values_for_it() {
        let week = (at("2026-11-09T00:00:00Z"), at("2026-11-16T00:00:00Z"));
        let logged = |task: &str, minute: &str, metrics: u64| {
            let at = format!("2026-11-10T{minute}:00Z");
            let mut run = run(task, None, (&at, &at));
            run.container = None;
            run.count(METRICS_LOGGED, metrics);
            run
        };
        let mut runs = [
            logged("collect", "09:05", 9),
            logged("collect", "09:55", 11),
            logged("report", "09:56", 4),
            logged("collect", "10:05", 9),
        ];
        runs[0].count("metrics_put", 30);
        let used = of_runs(runs.iter(), None, week);
        assert_eq!(used.metric_hours, 11 + 4 + 9 + 30);
    }
}
