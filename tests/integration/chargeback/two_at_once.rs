//! Closing a month from several places at once, on every DynamoDB at hand: one wins, and nothing of
//! the others is left.

use std::collections::BTreeMap;

use runledger::store::{ClosedBy, ClosingOutcome, MonthToClose, Store};

use crate::store::on_every_store;

fn month(by: &str, filler: u8) -> MonthToClose {
    // Three chunks and a little, so that others are in the middle of theirs.
    let large = vec![filler; 1_100_000];
    let small = by.as_bytes().to_vec();
    MonthToClose {
        month: "2026-10".into(),
        closed: ClosedBy {
            at: "2026-11-06T00:00:00Z".parse().unwrap(),
            by: by.to_owned(),
            forced_because: None,
        },
        parts: BTreeMap::from([("large".to_owned(), large), ("small".to_owned(), small)]),
    }
}

async fn part(store: &Store, name: &str) -> Vec<u8> {
    let header = store.closed_month("2026-10").await.unwrap().expect("it is closed");
    store.closed_part(&header, name).await.unwrap().expect("it has the part")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_closes_a_month() {
    on_every_store(async |store| {
        assert_eq!(store.closed_month("2026-10").await.unwrap(), None);
        let months: Vec<_> = (0..4_u8).map(|n| month(&format!("closer {n}"), n)).collect();
        let closing = months.iter().map(|month| store.close_month(month));
        let outcomes = futures::future::join_all(closing).await;
        let mut winners = Vec::new();
        for outcome in outcomes {
            match outcome.unwrap() {
                ClosingOutcome::Done(header) => winners.push(header),
                ClosingOutcome::Already(_) => {}
            }
        }
        let [winner] = &winners[..] else { panic!("{} have closed it", winners.len()) };
        assert_eq!(store.closed_month("2026-10").await.unwrap().as_ref(), Some(winner));
        let won = months.iter().find(|month| month.closed == winner.closed).unwrap();
        for (name, bytes) in &won.parts {
            assert_eq!(&part(&store, name).await, bytes);
        }
        // Whoever comes later changes nothing.
        let late = store.close_month(&month("late", 9)).await.unwrap();
        assert_eq!(late, ClosingOutcome::Already(winner.clone()));
        assert_eq!(&part(&store, "large").await, &won.parts["large"]);
        assert_eq!(store.closed_months().await.unwrap(), winners);
        assert_eq!(store.closed_part(winner, "none").await.unwrap(), None);
    })
    .await;
}
