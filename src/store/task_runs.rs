//! The record of Runledger's own work: each run of a task that stores or sends, by whom and why it
//! was begun, what it came to and how it ended.
//!
//! A record is written when the work begins and again when it ends, so that one that was killed is
//! seen too. It says what was done, and decides nothing: what must not be done twice is kept from
//! it by the delivery ledger and by the turns of schedules.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::item::Item;
use super::keys::{PARTITION_KEY, SORT_KEY, TTL};
use super::query::key_of;
use super::{OwnPlace, OwnUse, SourceState, Store, StoreError};
use crate::aws::{CallCounts, ContainerSize};
use crate::model::{SentFile, StandingAlerts, utc_day};

const TASK_RUN: &str = "task_run";
/// Whether a run's end is on record: a renewal that comes late must not undo it.
const ENDED: &str = "ended";
/// As long as turns and roll-ups.
const KEPT_SECONDS: i64 = 400 * 86_400;
/// Mails that a record names; how many there were is among its counts.
const MAILS_MAX: usize = 200;
/// Files that a record names: an item has 400 kB.
const FILES_MAX: usize = 500;
/// Characters of a failure that are kept.
const FAILURE_CHARS_MAX: usize = 500;

/// One run of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRun {
    /// A word that no other run is called by.
    pub id: String,
    /// The task: `collect`, `report`, `prices refresh`.
    pub task: String,
    /// The command line, word by word, without addresses.
    pub words: Vec<String>,
    /// By whom: a person or container, and its process.
    pub by: String,
    /// The schedule that had it done, where one had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// When that was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The period that it was about, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// When it began: what "now" was for it.
    pub began: Timestamp,
    /// Until when its word holds that it is under way; it is renewed while it is.
    pub until: Timestamp,
    /// When it ended; none where it is under way, or was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The exit code that it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// What it came to: `runs_new`, `mails_sent` and the like.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// What it asked of AWS, by service and operation: `Glue GetJobRuns`; tries after the first of
    /// each are among the counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, u64>,
    /// The container that it ran in, where that is one of ECS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerSize>,
    /// The mails that it sent, the first of them where they are very many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mails: Vec<TaskMail>,
    /// What went wrong, in words without addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What a report was computed with, so that it can be computed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<ReportInputs>,
}

/// A mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMail {
    /// Its name at the mail service, or the hash in the outbox file's.
    pub message_id: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// The files that went with it, as far as a record has room: the ledger has them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SentFile>,
}

/// What a report was computed with, besides the runs. Hashes are SHA-256, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportInputs {
    /// The program's version.
    pub version: String,
    /// Of the configuration's text.
    pub configuration: String,
    /// Of the templates.
    pub templates: String,
    /// Of the rates in force on the day of sending.
    pub rates: String,
    /// How far the sources had been read.
    pub sources: Vec<SourceState>,
    /// When it was due, where it went out late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<Timestamp>,
    /// The alerts that stood.
    #[serde(default)]
    pub alerts: StandingAlerts,
    /// The tables that were asked for to go with the mails, as `runs.csv`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<String>,
    /// Which report it was; earlier versions did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Whether it was a copy to try.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub copy: bool,
    /// What Runledger's own tasks had used in the week before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_use: Option<OwnUse>,
    /// Where that was, for its prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_place: Option<OwnPlace>,
}

impl TaskRun {
    /// A run that begins now, and whose word holds until then.
    #[must_use]
    pub fn begun(task: &str, words: &[String], by: String, began: Timestamp) -> Self {
        Self {
            id: super::keys::unique(),
            task: task.to_owned(),
            words: words.iter().map(|word| without_address(word)).collect(),
            by,
            schedule: None,
            due: None,
            period: None,
            began,
            until: began,
            ended: None,
            exit: None,
            counts: BTreeMap::new(),
            calls: BTreeMap::new(),
            container: None,
            mails: Vec::new(),
            failure: None,
            inputs: None,
        }
    }

    /// Adds to a count.
    pub fn count(&mut self, name: &str, more: u64) {
        let count = self.counts.entry(name.to_owned()).or_default();
        *count = count.saturating_add(more);
    }

    /// Notes what was asked of AWS.
    pub fn called(&mut self, counted: CallCounts) {
        let CallCounts { calls, retries, half_read_units, write_units } = counted;
        self.count("aws_calls", calls.values().sum());
        let others = [
            ("aws_retries", retries),
            ("dynamodb_read_units", half_read_units.div_ceil(2)),
            ("dynamodb_write_units", write_units),
        ];
        for (name, count) in others.into_iter().filter(|(_, count)| *count > 0) {
            self.count(name, count);
        }
        for (name, times) in calls {
            *self.calls.entry(name).or_default() += times;
        }
    }

    /// Notes a mail that was sent.
    pub fn sent(&mut self, mut mail: TaskMail) {
        if self.mails.len() < MAILS_MAX {
            let named: usize = self.mails.iter().map(|mail| mail.files.len()).sum();
            mail.files.truncate(FILES_MAX.saturating_sub(named));
            self.mails.push(mail);
        }
    }

    /// Notes what went wrong, without the addresses that mail services repeat in their answers.
    pub fn failed(&mut self, text: &str) {
        let words = text.split_whitespace().map(without_address).collect::<Vec<_>>().join(" ");
        self.failure = Some(words.chars().take(FAILURE_CHARS_MAX).collect());
    }

    /// Whether it began and was never heard of again.
    #[must_use]
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.until <= now
    }
}

/// A word of a command line or a message, unless it holds an address. Of a URL that is signed,
/// the signature is left out too: whoever has it has the file.
fn without_address(word: &str) -> String {
    if word.contains("://") {
        return word.split('?').next().unwrap_or_default().to_owned();
    }
    if word.contains('@') { "[address]".to_owned() } else { word.to_owned() }
}

impl Store {
    /// Puts a run on record, in place of what is known of it; `false` where its end is on record
    /// already and this would undo it.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn put_task_run(&self, run: &TaskRun) -> Result<bool, StoreError> {
        let table = &self.table;
        let text = serde_json::to_string(run)
            .map_err(|error| table.refused("PutItem", &error.to_string()))?;
        let key = format!("{}#{}", sortable(run.began), run.id);
        let mut item = key_of(&partition(utc_day(run.began)), &key);
        let expiry = run.began.as_second() + KEPT_SECONDS;
        item.insert(TTL.to_owned(), AttributeValue::N(expiry.to_string()));
        item.insert(TASK_RUN.to_owned(), AttributeValue::S(text));
        let put = table.client.put_item().table_name(&table.name);
        if run.ended.is_some() {
            item.insert(ENDED.to_owned(), AttributeValue::Bool(true));
            return table.written(put.set_item(Some(item)).send().await);
        }
        let put = put
            .condition_expression("attribute_not_exists(#ended)")
            .expression_attribute_names("#ended", ENDED);
        table.written(put.set_item(Some(item)).send().await)
    }

    /// The runs that began from `since` to `until`, the oldest first; without expired ones.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn task_runs(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<TaskRun>, StoreError> {
        let kept = Timestamp::from_second(until.as_second() - KEPT_SECONDS);
        let since = since.max(kept.unwrap_or(Timestamp::MIN));
        let mut month = utc_day(since).first_of_month();
        let mut runs = Vec::new();
        while month <= utc_day(until) {
            for item in self.items_between(&partition(month), since, until).await? {
                runs.push(of_item(&item).map_err(|why| self.table.unreadable(&item, why))?);
            }
            match month.last_of_month().tomorrow() {
                Ok(next) => month = next,
                Err(_) => break,
            }
        }
        Ok(runs)
    }

    async fn items_between(
        &self,
        partition: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Item>, StoreError> {
        let text = |text: String| AttributeValue::S(text);
        let query = self
            .table
            .client
            .query()
            .table_name(&self.table.name)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :since AND :until")
            .expression_attribute_names("#pk", PARTITION_KEY)
            .expression_attribute_names("#sk", SORT_KEY)
            .expression_attribute_values(":pk", text(partition.to_owned()))
            .expression_attribute_values(":since", text(sortable(since)))
            // `~` comes after whatever follows the time in a key.
            .expression_attribute_values(":until", text(sortable(until) + "~"));
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        items.map_err(|error| StoreError::of(&self.table.name, "Query", &error))
    }
}

/// A month's runs are together: of what is done every ten minutes they are some thousands.
fn partition(day: Date) -> String {
    format!("TASK#{}", day.strftime("%Y-%m"))
}

/// A time whose text sorts as it does: with as many digits as any other.
fn sortable(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn of_item(item: &Item) -> Result<TaskRun, String> {
    let text = item.get(TASK_RUN).and_then(|v| v.as_s().ok()).ok_or("no run of a task")?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreSettings;

    fn run(began: &str) -> TaskRun {
        TaskRun::begun("collect", &["collect".to_owned()], "test".into(), began.parse().unwrap())
    }

    #[test]
    fn no_address_and_no_signature_is_kept() {
        let words =
            ["report", "--to=ada@example.org", "https://x.example/p.json?X-Amz-Signature=1"]
                .map(str::to_owned);
        let mut run = TaskRun::begun("report", &words, "test".into(), Timestamp::UNIX_EPOCH);
        assert_eq!(run.words, ["report", "[address]", "https://x.example/p.json"]);
        run.failed("Address is not verified: <ada@example.org>, in eu-west-1");
        let told = "Address is not verified: [address] in eu-west-1";
        assert_eq!(run.failure.as_deref(), Some(told));
    }

    #[tokio::test]
    async fn a_late_renewal_does_not_undo_an_end_and_months_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runledger.db");
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        let mut first = run("2026-10-31T23:59:59.9Z");
        first.count("runs_new", 2);
        first.count("runs_new", 3);
        let under_way = first.clone();
        assert!(store.put_task_run(&first).await.unwrap());
        (first.ended, first.exit) = (Some("2026-11-01T00:00:07Z".parse().unwrap()), Some(0));
        assert!(store.put_task_run(&first).await.unwrap());
        assert!(!store.put_task_run(&under_way).await.unwrap());
        // A whole second sorts before its fractions, which `Display` would write the other way.
        let second = run("2026-11-02T00:00:00Z");
        let third = run("2026-11-02T00:00:00.5Z");
        for run in [&third, &second] {
            assert!(store.put_task_run(run).await.unwrap());
        }
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (since, until) = (at("2026-10-01T00:00:00Z"), at("2026-11-02T00:00:00.5Z"));
        let read = store.task_runs(since, until).await.unwrap();
        assert_eq!(read, [first.clone(), second.clone(), third.clone()]);
        assert_eq!(read[0].counts["runs_new"], 5);
        let later = store.task_runs(at("2026-11-02T00:00:00.4Z"), until).await.unwrap();
        assert_eq!(later, [third]);
        assert!(second.is_lost(until) && !first.is_lost(until));
    }
}
