//! Roll-ups that an earlier version wrote, and days that none ever did: found by themselves.

use super::*;
use crate::model::{Engine, JobRun, RunIdentity, RunState, utc_day};
use crate::store::StoreSettings;

const NOW: &str = "2026-11-16T06:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn run(number: u32, end: &str) -> JobRun {
    let identity = RunIdentity {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: format!("jr_{number}"),
        attempt: 1,
    };
    let mut run = JobRun::new(identity, RunState::Succeeded);
    run.job_name = Some("load".into());
    run.ended_at = Some(end.parse().unwrap());
    run
}

fn days() -> Range<Date> {
    let day = |day| jiff::civil::date(2026, 11, day);
    day(9)..day(13)
}

async fn marked(store: &Store) -> Vec<Date> {
    store.changed_days(now()).await.unwrap().days().collect()
}

/// Takes the day's marks away, and what says that it is of the newest form.
async fn forget(store: &Store, form: Option<i64>) {
    let changed = store.changed_days(now()).await.unwrap();
    for (day, marks) in &changed.0 {
        store.begin_day(&changed, *day, now()).await.unwrap().unwrap();
        store.table.delete_marks(marks).await.unwrap();
        let mut item = key_of(DAYS, &day.to_string());
        item.insert(TTL.to_owned(), number(store.roll_up_expiry(*day)));
        item.insert(GENERATION.to_owned(), number(1));
        item.extend(form.map(|form| (FORM.to_owned(), number(form))));
        store.table.put_item(item).await.unwrap();
    }
}

#[tokio::test]
async fn days_of_an_earlier_form_or_of_none_are_marked_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runledger.db");
    let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
    let runs = vec![run(1, "2026-11-09T10:00:00Z"), run(2, "2026-11-10T10:00:00Z")];
    store.save_runs(runs, now()).await.unwrap();
    assert_eq!(marked(&store).await.len(), 2);
    // Both were rolled up by a version that put no form on record, or an earlier one.
    forget(&store, None).await;
    assert!(marked(&store).await.is_empty());
    store.mark_unknown_days(days(), now()).await.unwrap();
    let all: Vec<Date> = days().start.series(1.day()).take(4).collect();
    assert_eq!(marked(&store).await, all);
    forget(&store, Some(1)).await;
    store.mark_unknown_days(days(), now()).await.unwrap();
    assert_eq!(marked(&store).await, all);
    // A day that was begun is of the newest form as soon as it has no marks, and not before.
    let changed = store.changed_days(now()).await.unwrap();
    for day in changed.days() {
        let rebuild = store.begin_day(&changed, day, now()).await.unwrap().unwrap();
        assert!(marked(&store).await.contains(&day), "a crash leaves the mark");
        store.finish_day(rebuild, &[]).await.unwrap();
    }
    store.mark_unknown_days(days(), now()).await.unwrap();
    assert!(marked(&store).await.is_empty());
    // A run still marks its day.
    store.save_runs(vec![run(3, "2026-11-12T10:00:00Z")], now()).await.unwrap();
    assert_eq!(marked(&store).await, [utc_day("2026-11-12T10:00:00Z".parse().unwrap())]);
}
