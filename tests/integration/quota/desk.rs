//! Many who ask at once, on every store there is: never more is granted than fits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use runledger::model::{ReservationId, RunState};
use runledger::quota::{Ask, Verdict};
use runledger::tasks::quota::{Reserved, Wish, settle};

use super::{Company, ask, at, now, place, run, wish};
use crate::store::on_every_store;

/// Random sizes and interleavings: askers who keep what they get, and askers who give it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn askers_at_once_never_get_more_than_fits() {
    let sizes = proptest::collection::vec((1_u32..60, proptest::bool::ANY, 0_u64..8), 6..20);
    on_every_store(async |store| {
        let mut runner = TestRunner::default();
        let company = Arc::new(Company::over(store));
        let (mut granted_all, mut refused_all) = (0, 0);
        for round in 0..6 {
            let askers = sizes.new_tree(&mut runner).unwrap().current();
            let shown = format!("round {round}: {askers:?}");
            let refused = Arc::new(AtomicU32::new(0));
            let tasks: Vec<_> = askers
                .iter()
                .enumerate()
                .map(|(number, (units, gives_back, pause))| {
                    let (company, refused) = (Arc::clone(&company), Arc::clone(&refused));
                    let (units, gives_back) = (f64::from(*units), *gives_back);
                    let pause = std::time::Duration::from_millis(*pause);
                    tokio::spawn(async move {
                        tokio::time::sleep(pause).await;
                        let key = format!("{round}-{number}");
                        let desk = company.desk();
                        let answer = desk.reserve(&ask(units, None), &wish(&key)).await.unwrap();
                        let Reserved::Held(held, Some(_)) = answer else {
                            refused.fetch_add(1, Ordering::SeqCst);
                            return 0.0;
                        };
                        let sum = company.held(now()).await;
                        assert!(sum <= 100.0, "{sum} held at once");
                        if !gives_back {
                            return units;
                        }
                        let id: ReservationId = held.id.parse().unwrap();
                        assert!(desk.release(&id, None, now()).await.unwrap());
                        assert!(!desk.release(&id, None, now()).await.unwrap(), "once");
                        0.0
                    })
                })
                .collect();
            let mut kept = 0.0;
            for task in tasks {
                kept += task.await.unwrap_or_else(|error| panic!("{shown}: {error}"));
            }
            assert_eq!(company.held(now()).await, kept, "{shown}");
            assert!(kept <= 100.0, "{shown}");
            // Nobody was refused what was free to the end.
            let smallest = askers.iter().map(|(units, ..)| f64::from(*units)).fold(100.0, f64::min);
            let refused = refused.load(Ordering::SeqCst);
            assert!(refused == 0 || kept + 100.0 > smallest, "{shown}");
            granted_all += askers.len() - usize::try_from(refused).unwrap();
            refused_all += refused;
            for held in company.store.guard(&place()).await.unwrap().reservations {
                let id = ReservationId { place: place(), key: held.key };
                company.desk().release(&id, None, now()).await.unwrap();
            }
        }
        assert!(granted_all > 10 && refused_all > 10, "{granted_all} {refused_all}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_cannot_both_fit_into_the_last_place() {
    on_every_store(async |store| {
        let company = Arc::new(Company::over(store));
        for round in 0..10 {
            let askers = (0..8).map(|number| {
                let company = Arc::clone(&company);
                let wish = wish(&format!("{round}-{number}"));
                tokio::spawn(async move {
                    company.desk().reserve(&ask(60.0, None), &wish).await.unwrap()
                })
            });
            let mut ids = Vec::new();
            for asker in askers.collect::<Vec<_>>() {
                match asker.await.unwrap() {
                    Reserved::Held(held, _) => ids.push(held.id),
                    Reserved::Refused(checked) => {
                        assert_eq!(checked.answer.verdict, Verdict::DoesNotFit);
                    }
                    other @ Reserved::Other(_) => panic!("{other:?}"),
                }
            }
            assert_eq!(ids.len(), 1, "round {round}");
            company.desk().release(&ids[0].parse().unwrap(), None, now()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_key_is_one_place_however_often_it_is_asked_for() {
    on_every_store(async |store| {
        let company = Arc::new(Company::over(store));
        let askers = (0..8).map(|number| {
            let company = Arc::clone(&company);
            // Each is another process, and says so.
            let wish = Wish { by: format!("asker {number}"), ..wish("key") };
            tokio::spawn(
                async move { company.desk().reserve(&ask(60.0, None), &wish).await.unwrap() },
            )
        });
        let mut first = 0;
        for asker in askers.collect::<Vec<_>>() {
            let Reserved::Held(held, _) = asker.await.unwrap() else { panic!("refused") };
            first += u32::from(!held.again);
        }
        assert_eq!((first, company.held(now()).await), (1, 60.0));
        let other = company.desk().reserve(&ask(10.0, None), &wish("key")).await.unwrap();
        assert!(matches!(other, Reserved::Other(_)), "{other:?}");
        // After its term the key is free, and so is the place.
        let mut later = ask(100.0, None);
        (later.from, later.until) = (later.until, at("2026-11-16T09:00:00Z"));
        let held = company.desk().reserve(&later, &wish("key")).await.unwrap();
        assert!(matches!(held, Reserved::Held(_, Some(_))), "{held:?}");
        assert_eq!(company.store.guard(&place()).await.unwrap().reservations.len(), 1);
    })
    .await;
}

/// From the place to the run, and to the run's end: never held twice, never not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_held_until_its_run_shows_up_and_then_by_the_run() {
    let later = at("2026-11-16T06:20:00Z");
    on_every_store(async |store| {
        let company = Company::over(store);
        let books = Arc::new(company.books.clone());
        let in_use = async |from| {
            let mut ask = ask(1.0, None);
            ask.from = from;
            let checked = company.desk().check(&ask).await.unwrap();
            let dpus = checked.answer.quotas.into_iter().find(|q| q.quota == "glue-dpus").unwrap();
            (dpus.running, dpus.reserved)
        };
        let load = ask(10.0, Some("load"));
        company.desk().reserve(&load, &wish("a")).await.unwrap();
        assert_eq!(in_use(now()).await, (0.0, 10.0));
        let save = async |state| {
            company.store.save_runs(vec![run("r1", "load", state)], later).await.unwrap();
        };
        save(RunState::Running).await;
        assert_eq!(in_use(later).await, (10.0, 0.0), "it counts as a run, before any settling");
        assert_eq!(settle(&company.store, &books, later).await.unwrap(), 1);
        assert_eq!(settle(&company.store, &books, later).await.unwrap(), 0);
        // While its run goes on the same key is the same start; after that it is another.
        let again = company.desk().reserve(&load, &wish("a")).await.unwrap();
        assert!(matches!(again, Reserved::Held(held, None) if held.again));
        save(RunState::Succeeded).await;
        assert_eq!(in_use(later).await, (0.0, 0.0), "the run is over, and so is its place");
        let anew = Ask { from: later, ..load };
        let again = company.desk().reserve(&anew, &wish("a")).await.unwrap();
        assert!(matches!(again, Reserved::Held(held, Some(_)) if !held.again));

        // One whose run was over before anybody saw it, known by its id alone.
        let Reserved::Held(held, _) =
            company.desk().reserve(&ask(20.0, None), &wish("b")).await.unwrap()
        else {
            panic!("refused")
        };
        let id = held.id.parse().unwrap();
        assert!(company.desk().release(&id, Some("r2"), later).await.unwrap());
        assert_eq!(in_use(later).await.1, 30.0, "handed over, and not yet seen");
        let short = run("r2", "adhoc", RunState::Failed);
        company.store.save_runs(vec![short], later).await.unwrap();
        assert_eq!(settle(&company.store, &books, later).await.unwrap(), 1);
        assert_eq!(in_use(later).await.1, 10.0);
    })
    .await;
}

/// A place that was asked for in another team's name than the run's tags say is given up all the
/// same, and once: of two who then ask for the last place one gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_of_another_team_gives_up_its_jobs_place_and_no_more() {
    let later = at("2026-11-16T06:20:00Z");
    on_every_store(async |store| {
        let company = Arc::new(Company::over(store));
        company.desk().reserve(&ask(10.0, Some("load")), &wish("a")).await.unwrap();
        let mut risks = run("r1", "load", RunState::Running);
        risks.tags = Some([("team".to_owned(), "risk".to_owned())].into());
        company.store.save_runs(vec![risks], later).await.unwrap();
        // 100 less the ten that run: the place is not held beside its run.
        let askers = (0..4).map(|number| {
            let company = Arc::clone(&company);
            tokio::spawn(async move {
                let last = Ask { from: later, ..ask(90.0, None) };
                company.desk().reserve(&last, &wish(&format!("b{number}"))).await.unwrap()
            })
        });
        let mut held = 0;
        for asker in askers.collect::<Vec<_>>() {
            match asker.await.unwrap() {
                Reserved::Held(..) => held += 1,
                Reserved::Refused(checked) => {
                    let dpus = checked.answer.quotas.iter().find(|q| q.quota == "glue-dpus");
                    let dpus = dpus.unwrap();
                    assert_eq!((dpus.running, dpus.reserved, dpus.free), (10.0, 90.0, Some(0.0)));
                }
                other @ Reserved::Other(_) => panic!("{other:?}"),
            }
        }
        assert_eq!(held, 1);
        assert_eq!(company.held(later).await, 90.0, "of the job nothing is held any more");
    })
    .await;
}
