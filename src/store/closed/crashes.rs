//! Closing cut short after every number of writes: the month is open or closed, never half, and
//! closing it again gives what was asked for.

use super::*;
use crate::store::StoreSettings;
use crate::store::chunks::CHUNK_BYTES_MAX;
use crate::store::dying::dying;

fn month(by: &str) -> MonthToClose {
    MonthToClose {
        month: "2026-10".into(),
        closed: ClosedBy {
            at: "2026-11-06T00:00:00Z".parse().unwrap(),
            by: by.to_owned(),
            forced_because: Some("test".into()),
        },
        parts: BTreeMap::from([
            ("large".to_owned(), by.as_bytes().repeat(CHUNK_BYTES_MAX / 2)),
            ("nothing".to_owned(), Vec::new()),
            ("small".to_owned(), by.as_bytes().to_vec()),
        ]),
    }
}

#[tokio::test]
async fn a_crash_leaves_a_month_open_or_closed() {
    let (mut open, mut closed) = (0, 0);
    for (calls, answers) in (0..9).flat_map(|calls| [(calls, true), (calls, false)]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runledger.db");
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        let first = month("first");
        let outcome = dying(&store, calls, answers).close_month(&first).await;

        let wanted = match store.closed_month("2026-10").await.unwrap() {
            // Closed, whatever its closer was told: by what it wrote.
            Some(header) => {
                closed += 1;
                assert_eq!(header.closed, first.closed);
                first
            }
            // Open, and its closer knows that: somebody else can close it.
            None => {
                open += 1;
                assert!(outcome.is_err(), "{outcome:?}");
                month("second")
            }
        };
        let again = store.close_month(&month("second")).await.unwrap();
        let (ClosingOutcome::Done(header) | ClosingOutcome::Already(header)) = &again;
        assert_eq!(header.closed, wanted.closed);
        for (name, bytes) in &wanted.parts {
            assert_eq!(store.closed_part(header, name).await.unwrap().as_ref(), Some(bytes));
        }
    }
    assert!(open > 3 && closed > 3, "{open} open, {closed} closed");
}

/// What is cut short leaves chunks, and the closing that comes through removes them.
#[tokio::test]
async fn nothing_is_left_of_what_was_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runledger.db");
    let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
    let partition = keys::closed_partition("2026-10");
    dying(&store, 4, true).close_month(&month("first")).await.unwrap_err();
    assert!(!store.ledger_table.sort_keys(&partition).await.unwrap().is_empty());
    let outcome = store.close_month(&month("second")).await.unwrap();
    let ClosingOutcome::Done(header) = outcome else { panic!("{outcome:?}") };
    let keys = store.ledger_table.sort_keys(&partition).await.unwrap();
    assert_eq!(keys.len(), 4, "three chunks of 1.05 MB, and one of the small part");
    assert!(keys.iter().all(|key| key.starts_with(&header.digest)));
}

#[tokio::test]
async fn a_part_that_is_not_what_was_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runledger.db");
    let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
    let outcome = store.close_month(&month("first")).await.unwrap();
    let ClosingOutcome::Done(header) = outcome else { panic!("{outcome:?}") };
    let partition = keys::closed_partition("2026-10");
    let key = format!("{}#large#000001", header.digest);
    store.ledger_table.delete_item(&partition, &key).await.unwrap();
    let refused = store.closed_part(&header, "large").await.unwrap_err();
    assert!(refused.to_string().contains("not what was written"), "{refused}");
}
