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
use crate::model::{Occurrence, key_part};

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
    history: Vec<Event>,
    #[serde(default)]
    history_dropped: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

pub(super) fn to_item(record: &Record) -> Result<Item, String> {
    let Record { occurrence, .. } = record.clone();
    let stored = Stored {
        recipient: occurrence.recipient.mailbox().to_owned(),
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

pub(super) fn of_item(item: &Item) -> Result<Record, String> {
    let packed = item.get(RECORD).and_then(|value| value.as_s().ok()).ok_or("no record")?;
    let version = item.get(VERSION).and_then(|value| value.as_n().ok());
    let version = version.and_then(|number| number.parse().ok()).ok_or("no version")?;
    let stored: Stored = serde_json::from_str(packed).map_err(|error| error.to_string())?;
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
        history: stored.history,
        history_dropped: stored.history_dropped,
        rest: stored.rest,
    })
}
