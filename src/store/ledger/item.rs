//! A delivery record as an item: its keys, version and state, and the record itself as JSON.
//!
//! JSON in one attribute, as for runs: it reads well in a console, and its members are only ever
//! added to. An older version keeps the members that it does not know when it writes.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::super::item::{Item, VERSION};
use super::super::keys::{PARTITION_KEY, SORT_KEY};
use super::record::{Event, Record, SentMail, Stage};
use crate::model::{Occurrence, SentFile, key_part};

const RECORD: &str = "delivery";
/// For eyes and consoles; the record has it too.
const STATE: &str = "state";

/// The partition of all deliveries of a report for a period: every edition, recipient, revision and
/// copy, so that one Query answers who got what, and when the period's report was first sent.
pub(super) fn partition(report: &str, period: &str) -> String {
    format!("DELIVERY#{}#{}", key_part(report), key_part(period))
}

/// One occurrence within its partition. Copies are apart, so that nothing takes them for mails.
pub(super) fn sort_key(occurrence: &Occurrence) -> String {
    format!(
        "{}#{}#{}#r{:04}",
        if occurrence.copy { "COPY" } else { "MAIL" },
        key_part(&occurrence.edition),
        key_part(&occurrence.recipient.identity()),
        occurrence.revision,
    )
}

/// The files of one sending.
#[derive(Serialize, Deserialize)]
struct FilesOf {
    mail_sha256: String,
    files: Vec<SentFile>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    report: String,
    period: String,
    edition: String,
    revision: u32,
    recipient: String,
    #[serde(default)]
    copy: bool,
    stage: Stage,
    claim: u32,
    attempts: u32,
    #[serde(default)]
    unknown_ends: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_sent: Option<SentMail>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sent_again: Vec<SentMail>,
    /// The files of each sending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<FilesOf>,
    history: Vec<Event>,
    #[serde(default)]
    history_dropped: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

pub(super) fn to_item(record: &Record) -> Result<Item, String> {
    let Record { occurrence, .. } = record.clone();
    let stored = Stored {
        recipient: occurrence.recipient.in_full().to_owned(),
        report: occurrence.report,
        period: occurrence.period,
        edition: occurrence.edition,
        revision: occurrence.revision,
        copy: occurrence.copy,
        stage: record.stage.clone(),
        claim: record.claim,
        attempts: record.attempts,
        unknown_ends: record.unknown_ends,
        first_sent: record.first_sent.clone(),
        sent_again: record.sent_again.clone(),
        files: files_of(record),
        history: record.history.clone(),
        history_dropped: record.history_dropped,
        rest: record.rest.clone(),
    };
    let text = |text: String| AttributeValue::S(text);
    let occurrence = &record.occurrence;
    Ok(HashMap::from([
        (PARTITION_KEY.to_owned(), text(partition(&occurrence.report, &occurrence.period))),
        (SORT_KEY.to_owned(), text(sort_key(occurrence))),
        (VERSION.to_owned(), AttributeValue::N(record.version.to_string())),
        (STATE.to_owned(), text(record.state().as_str().to_owned())),
        (RECORD.to_owned(), text(serde_json::to_string(&stored).map_err(|e| e.to_string())?)),
    ]))
}

fn files_of(record: &Record) -> Vec<FilesOf> {
    let with_files = record.sendings().into_iter().filter(|mail| !mail.files.is_empty());
    let of =
        |mail: &SentMail| FilesOf { mail_sha256: mail.sha256.clone(), files: mail.files.clone() };
    with_files.map(of).collect()
}

pub(super) fn of_item(item: &Item) -> Result<Record, String> {
    let packed = item.get(RECORD).and_then(|value| value.as_s().ok()).ok_or("no record")?;
    let version = item.get(VERSION).and_then(|value| value.as_n().ok());
    let version = version.and_then(|number| number.parse().ok()).ok_or("no version")?;
    let mut stored: Stored = serde_json::from_str(packed).map_err(|error| error.to_string())?;
    let files = std::mem::take(&mut stored.files);
    let last = match &mut stored.stage {
        Stage::Sent(mail) => Some(mail),
        _ => None,
    };
    for mail in stored.first_sent.iter_mut().chain(&mut stored.sent_again).chain(last) {
        let of_mail = files.iter().find(|of| of.mail_sha256 == mail.sha256);
        mail.files = of_mail.map(|of| of.files.clone()).unwrap_or_default();
    }
    Ok(Record {
        occurrence: Occurrence {
            report: stored.report,
            period: stored.period,
            edition: stored.edition,
            revision: stored.revision,
            recipient: stored.recipient.parse().map_err(|e| format!("its recipient is {e}"))?,
            copy: stored.copy,
        },
        stage: stored.stage,
        version,
        claim: stored.claim,
        attempts: stored.attempts,
        unknown_ends: stored.unknown_ends,
        first_sent: stored.first_sent,
        sent_again: stored.sent_again,
        history: stored.history,
        history_dropped: stored.history_dropped,
        rest: stored.rest,
    })
}

#[cfg(test)]
mod tests {
    use super::super::record::{Lease, SentMail};
    use super::*;
    use crate::delivery::Via;

    fn record(stage: Stage) -> Record {
        let at = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let sent = SentMail {
            message_id: "id".into(),
            bytes: 7,
            sha256: "ab".into(),
            at,
            by: "test".into(),
            total_usd: "12.000000001".parse().unwrap(),
            via: Via::Ses,
            files: vec![SentFile { name: "a.csv".into(), bytes: 3, sha256: "cd".into() }],
        };
        Record {
            occurrence: Occurrence {
                report: "weekly #1/2".into(),
                period: "2026-11-01..2026-11-02".into(),
                edition: "Zahlungsläufe".into(),
                revision: 3,
                recipient: "ada@example.org".parse().unwrap(),
                copy: true,
            },
            stage,
            version: 9,
            claim: 2,
            attempts: 4,
            unknown_ends: 1,
            first_sent: Some(sent.clone()),
            sent_again: vec![sent],
            history: vec![Event {
                at,
                by: "test".into(),
                to: crate::model::DeliveryState::Claimed,
                why: "due \"now\"".into(),
            }],
            history_dropped: 5,
            rest: BTreeMap::from([("opened".to_owned(), serde_json::json!({"by": ["x"]}))]),
        }
    }

    #[test]
    fn every_fact_survives_the_item_and_so_does_what_a_newer_version_wrote() {
        let lease = Lease { holder: "one".into(), until: jiff::Timestamp::UNIX_EPOCH };
        let (reason, retryable) = ("no".to_owned(), true);
        let stages = [
            Stage::Claimed(lease.clone()),
            Stage::Sending { lease, via: Via::Outbox },
            Stage::Failed { reason: reason.clone(), retryable },
            Stage::Unknown { reason: reason.clone() },
            Stage::Withdrawn { reason },
            Stage::Sent(record(Stage::Unknown { reason: String::new() }).first_sent.unwrap()),
        ];
        for stage in stages {
            let record = record(stage);
            let item = to_item(&record).unwrap();
            assert_eq!(item[STATE].as_s().unwrap(), record.state().as_str());
            assert_eq!(of_item(&item), Ok(record));
        }
    }

    #[test]
    fn keys_are_apart() {
        assert_eq!(partition("weekly #1/2", "2026-W46"), "DELIVERY#weekly%20%231%2F2#2026-W46");
        let mut channel = record(Stage::Unknown { reason: String::new() });
        let copy = channel.occurrence.clone();
        channel.occurrence.recipient = "ops-slack".parse().unwrap();
        assert_eq!(of_item(&to_item(&channel).unwrap()), Ok(channel));
        assert_eq!(sort_key(&copy), "COPY#Zahlungsl%C3%A4ufe#ada@example.org#r0003");
        assert_ne!(sort_key(&Occurrence { copy: false, ..copy.clone() }), sort_key(&copy));
    }

    #[test]
    fn an_item_is_refused_with_a_reason() {
        let mut item = to_item(&record(Stage::Unknown { reason: String::new() })).unwrap();
        item.insert(RECORD.to_owned(), AttributeValue::S(r#"{"report":"x"}"#.into()));
        assert!(of_item(&item).unwrap_err().contains("missing field"));
        item.remove(RECORD);
        assert_eq!(of_item(&item), Err("no record".into()));
    }
}
