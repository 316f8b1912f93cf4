//! Bad days of those who ask: clocks that disagree, runs that come late, quotas that shrink, and
//! a crowd for the last place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::SignedDuration;
use runledger::model::{QuotaSource, QuotaValue, RunState};
use runledger::quota::{Ask, Verdict};
use runledger::tasks::quota::{Checked, Reserved, Wish, settle};
use serde_json::json;

use super::show::glue;
use super::{ACCOUNT, Company, REGION, ask, now, run, wish};
use crate::harness::Sandbox;
use crate::store::on_every_store;

/// The figures of the DPUs in an answer: in use, reserved, free.
fn dpus(checked: &Checked) -> (f64, f64, Option<f64>) {
    let all = &checked.answer.quotas;
    let dpus = all.iter().find(|quota| quota.quota == "glue-dpus").unwrap();
    (dpus.running, dpus.reserved, dpus.free)
}

/// Threads of their own, each with its own runtime, as processes have: ten places of 10, and 64 who
/// want one, three times over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_gets_every_place_once_and_no_place_more() {
    on_every_store(async |store| {
        let company = Arc::new(Company::over(store));
        let granted = Arc::new(AtomicU32::new(0));
        let refused = Arc::new(AtomicU32::new(0));
        let askers: Vec<_> = (0..64)
            .map(|number| {
                let company = Arc::clone(&company);
                let (granted, refused) = (Arc::clone(&granted), Arc::clone(&refused));
                tokio::task::spawn_blocking(move || {
                    let handle = tokio::runtime::Handle::current();
                    for turn in 0..3 {
                        let wish = wish(&format!("{number}-{turn}"));
                        let answer = company.desk();
                        let ask = ask(10.0, None);
                        match handle.block_on(answer.reserve(&ask, &wish)).unwrap() {
                            Reserved::Held(held, Some(_)) if !held.again => {
                                granted.fetch_add(1, Ordering::SeqCst)
                            }
                            Reserved::Refused(checked)
                                if checked.answer.verdict == Verdict::DoesNotFit =>
                            {
                                refused.fetch_add(1, Ordering::SeqCst)
                            }
                            other => panic!("{other:?}"),
                        };
                    }
                })
            })
            .collect();
        for asker in askers {
            asker.await.unwrap();
        }
        let counted = (granted.load(Ordering::SeqCst), refused.load(Ordering::SeqCst));
        assert_eq!((counted, company.held(now()).await), ((10, 182), 100.0));
    })
    .await;
}

/// An asker whose clock is behind sees what others hold; one whose clock is ahead cannot end it.
#[tokio::test]
async fn clocks_that_disagree_give_no_place_twice() {
    on_every_store(async |store| {
        let company = Company::over(store);
        company.desk().reserve(&ask(60.0, None), &wish("first")).await.unwrap();
        let asked_at = async |ahead: SignedDuration, key: &str| {
            let from = now() + ahead;
            let ask = Ask { from, until: from + SignedDuration::from_hours(2), ..ask(60.0, None) };
            // As the program does: the real clock is `now`, whatever the asker's says.
            let wish = Wish { forget_before: from.min(now()), ..wish(key) };
            company.desk().reserve(&ask, &wish).await.unwrap()
        };
        for minutes in [-600, -10, 10, 119] {
            let answer = asked_at(SignedDuration::from_mins(minutes), &minutes.to_string()).await;
            assert!(matches!(answer, Reserved::Refused(_)), "{minutes}: {answer:?}");
        }
        // For a clock beyond the term it has ended, and for everybody else it still is there.
        let answer = asked_at(SignedDuration::from_mins(121), "ahead").await;
        assert!(matches!(answer, Reserved::Held(_, Some(_))), "{answer:?}");
        assert_eq!(company.held(now()).await, 120.0, "nothing of the first was ended");
        assert_eq!(dpus(&company.desk().check(&ask(1.0, None)).await.unwrap()).2, Some(0.0));
    })
    .await;
}

/// A run that began by AWS's clock before its place was held by the asker's counts twice, until it
/// is named: that is too careful for a while, and never too bold.
#[tokio::test]
async fn a_run_that_seems_older_than_its_place_is_settled_by_its_name() {
    let later = now() + SignedDuration::from_mins(20);
    on_every_store(async |store| {
        let company = Company::over(store);
        let books = Arc::new(company.books.clone());
        let early = Ask { from: now() + SignedDuration::from_mins(7), ..ask(10.0, Some("load")) };
        let Reserved::Held(held, _) = company.desk().reserve(&early, &wish("a")).await.unwrap()
        else {
            panic!("refused")
        };
        company.store.save_runs(vec![run("r1", "load", RunState::Running)], later).await.unwrap();
        assert_eq!(settle(&company.store, &books, later).await.unwrap(), 0);
        let at_later = Ask { from: later, ..ask(1.0, None) };
        let twice = company.desk().check(&at_later).await.unwrap();
        assert_eq!(dpus(&twice), (10.0, 10.0, Some(80.0)));
        let id = held.id.parse().unwrap();
        assert!(company.desk().release(&id, Some("r1"), later).await.unwrap());
        let once = company.desk().check(&at_later).await.unwrap();
        assert_eq!(dpus(&once), (10.0, 0.0, Some(90.0)));
    })
    .await;
}

/// The term ends before the run is seen: then nothing holds its place, and once it is seen it
/// counts once, by itself.
#[tokio::test]
async fn a_run_that_shows_up_after_the_term_counts_once() {
    let (before, after) =
        (now() + SignedDuration::from_mins(119), now() + SignedDuration::from_mins(121));
    on_every_store(async |store| {
        let company = Company::over(store);
        let books = Arc::new(company.books.clone());
        company.desk().reserve(&ask(10.0, Some("load")), &wish("a")).await.unwrap();
        let use_at = async |from| {
            let ask = Ask { from, until: from, ..ask(1.0, None) };
            dpus(&company.desk().check(&ask).await.unwrap())
        };
        assert_eq!(use_at(before).await, (0.0, 10.0, Some(90.0)));
        assert_eq!(use_at(after).await, (0.0, 0.0, Some(100.0)));
        let late = run("r1", "load", RunState::Running);
        company.store.save_runs(vec![late], after).await.unwrap();
        assert_eq!(use_at(after).await, (10.0, 0.0, Some(90.0)));
        assert_eq!(settle(&company.store, &books, after).await.unwrap(), 0, "nothing to take");
        // In the last minute of the term it takes its place, and goes on after it.
        let load = Ask { from: before, ..ask(10.0, Some("load")) };
        assert_eq!(use_at(before).await, (10.0, 0.0, Some(90.0)));
        let again = company.desk().reserve(&load, &wish("b")).await.unwrap();
        assert!(matches!(again, Reserved::Held(_, Some(_))), "{again:?}");
        assert_eq!(use_at(before).await.1, 10.0, "a start of its own");
    })
    .await;
}

/// What Service Quotas says changes from one collection to the next; nobody is ended by it.
#[tokio::test]
async fn a_quota_below_its_use_gives_nothing_and_one_that_vanished_is_not_known() {
    on_every_store(async |store| {
        let mut company = Company::over(store);
        company.config.quotas.clear();
        let unknown = company.desk().check(&ask(1.0, None)).await.unwrap();
        assert_eq!(unknown.answer.verdict, Verdict::CannotKnow);
        assert_eq!(dpus(&unknown).2, None);
        let refused = company.desk().reserve(&ask(1.0, None), &wish("a")).await.unwrap();
        assert!(matches!(refused, Reserved::Refused(_)), "{refused:?}");
        assert_eq!(company.held(now()).await, 0.0, "nobody holds what is not known to be there");

        let set = async |value| {
            let (account, region, quota) = (ACCOUNT.into(), REGION.into(), "glue-dpus".into());
            let source = QuotaSource::Applied;
            let quota = QuotaValue { account, region, quota, value, source };
            company.store.put_quotas(&[quota]).await.unwrap();
        };
        set(50.0).await;
        company.desk().reserve(&ask(40.0, None), &wish("b")).await.unwrap();
        set(30.0).await;
        let checked = company.desk().check(&ask(1.0, None)).await.unwrap();
        assert_eq!(checked.answer.verdict, Verdict::DoesNotFit);
        assert_eq!(dpus(&checked), (0.0, 40.0, Some(0.0)), "not below nothing");
        let again = company.desk().reserve(&ask(40.0, None), &wish("b")).await.unwrap();
        assert!(matches!(again, Reserved::Held(held, None) if held.again), "held as before");
        set(0.0).await;
        let checked = company.desk().check(&ask(1.0, None)).await.unwrap();
        assert_eq!(checked.answer.verdict, Verdict::DoesNotFit);
    })
    .await;
}

#[test]
fn use_above_a_lowered_quota_is_shown_as_such() {
    let sandbox = Sandbox::new();
    let config = |value: u32| {
        format!(
            "account = '{ACCOUNT}'\nregion = '{REGION}'\n[[quotas]]\naccount = '{ACCOUNT}'\n\
             region = '{REGION}'\nquota = 'glue-dpus'\nvalue = {value}\n"
        )
    };
    sandbox.write("runledger.toml", config(100));
    let open = glue("jr", "load", 70, "2026-11-16T05:00:00Z", None);
    let ended = glue("jr_2", "load", 60, "2026-11-10T01:00:00Z", Some("2026-11-10T02:00:00Z"));
    sandbox.write("runs.json", json!({ "JobRuns": [open, ended] }).to_string());
    let at = ["--now", "2026-11-16T06:00:00Z"];
    let run = |arguments: &str| {
        let all: Vec<&str> = at.into_iter().chain(arguments.split(' ')).collect();
        sandbox.run(&all)
    };
    run("import runs.json").exits(0);
    run("quota check --team a --dpu 30").exits(0);
    sandbox.write("runledger.toml", config(50));
    let no = run("quota check --team a --dpu 1 --format json").exits(3).json();
    let dpus = super::show::of(&no, "quotas", "glue-dpus");
    assert_eq!((&dpus["running"], &dpus["free"]), (&json!(70.0), &json!(0.0)));
    let shown = run("quota show").exits(0).stdout;
    assert!(shown.contains("70 of 50 (configured) in use, 20 OVER THE QUOTA"), "{shown}");
    assert!(shown.contains("peak 60 of 50 (configured) at 10 Nov 01:00, 120.0%"), "{shown}");
    sandbox.write("runledger.toml", format!("account = '{ACCOUNT}'\nregion = '{REGION}'\n"));
    run("quota check --team a --dpu 1").exits(5);
    assert!(run("quota show").exits(0).stdout.contains("70 of an unknown quota in use"));
}
