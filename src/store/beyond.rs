//! What a newer version said of a run and this one does not know: it is kept as it stands, so that
//! going back to an older version for a while loses no fact.
//!
//! Members of the packed facts and attributes of the item, as a whole; what is new inside of a
//! member (a definition's, say) goes with the member when that is replaced.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::item::{Item, RUN, Stored};

/// Facts of a run that this version does not know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Beyond {
    attributes: BTreeMap<String, aws_sdk_dynamodb::types::AttributeValue>,
    /// JSON, as it was written.
    members: BTreeMap<String, String>,
}

impl Beyond {
    /// What an item says beyond what was read of it.
    pub(super) fn of(item: &Item, read: &Stored) -> Self {
        // What this version would write of it is what it knows of it.
        let known = read.to_item("", 0);
        let is_new = |(name, _): &(&String, _)| !known.contains_key(*name) && is_ours(name);
        let attributes = item.iter().filter(is_new);
        let known = members(&known);
        let members = members(item).into_iter().filter(|(name, _)| !known.contains_key(name));
        Self {
            attributes: attributes.map(|(name, value)| (name.clone(), value.clone())).collect(),
            members: members.collect(),
        }
    }

    /// Both; what both have, as this one has it.
    pub(super) fn with(mut self, other: &Self) -> Self {
        for (name, value) in &other.attributes {
            self.attributes.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for (name, value) in &other.members {
            self.members.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    /// Puts it back into an item that is to be written. What this version says comes first.
    pub(super) fn put_into(&self, item: &mut Item) {
        for (name, value) in &self.attributes {
            item.entry(name.clone()).or_insert_with(|| value.clone());
        }
        if self.members.is_empty() {
            return;
        }
        let mut all = members(item);
        for (name, value) in &self.members {
            all.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let raw = |(name, text): (String, String)| Some((name, RawValue::from_string(text).ok()?));
        let all: BTreeMap<String, Box<RawValue>> = all.into_iter().filter_map(raw).collect();
        if let Ok(text) = serde_json::to_string(&all) {
            item.insert(RUN.to_owned(), aws_sdk_dynamodb::types::AttributeValue::S(text));
        }
    }
}

/// Attributes that this version leaves out where they do not hold are no news.
fn is_ours(name: &str) -> bool {
    use super::item::{RETRY, STARTED, STORED_UNDER, VERSION};
    use super::keys::{PARTITION_KEY, SORT_KEY, TTL};
    ![PARTITION_KEY, SORT_KEY, TTL, VERSION, STARTED, RETRY, STORED_UNDER].contains(&name)
}

/// The members of the packed facts, each as it is written.
fn members(item: &Item) -> BTreeMap<String, String> {
    let packed = item.get(RUN).and_then(|value| value.as_s().ok());
    let members: BTreeMap<String, &RawValue> =
        packed.and_then(|packed| serde_json::from_str(packed).ok()).unwrap_or_default();
    members.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use jiff::{Timestamp, ToSpan};

    use super::*;
    use crate::model::{Engine, JobRun, RunIdentity, RunState};
    use crate::store::{Store, StoreSettings};

    const NEW: &str = r#"{"deep":[1.10,"x"]}"#;

    fn run(state: RunState, end: Option<Timestamp>) -> JobRun {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::Glue,
            application_id: None,
            run_id: "jr_1".into(),
            attempt: 1,
        };
        let mut run = JobRun::new(identity, state);
        run.started_at = Some(now() - 2.hours());
        run.updated_at = end.or(run.started_at);
        run.ended_at = end;
        run.execution_seconds = end.map(|_| 60);
        run.dpu_seconds = end.map(|_| 60.into());
        run
    }

    fn now() -> Timestamp {
        "2026-11-10T12:00:00Z".parse().unwrap()
    }

    async fn all(store: &Store, run: &JobRun) -> Vec<(String, Item)> {
        let key = super::super::keys::identity_key(&run.identity);
        let day = run.end().map(|end| super::super::keys::run_partition(&key, end));
        let mut found = Vec::new();
        for partition in ["OPEN".to_owned()].into_iter().chain(day) {
            let items = store.table.items(&partition, &[&key]).await.unwrap();
            found.extend(items.into_iter().map(|item| (partition.clone(), item)));
        }
        found
    }

    /// A run that a newer version stored while it was under way ends, as this version learns: what
    /// the newer one said of it is where the run is now.
    #[tokio::test]
    async fn what_a_newer_version_said_survives_an_older_ones_merge() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runledger.db");
        let store = Store::embedded(&path, StoreSettings::default()).await.unwrap();
        let open = run(RunState::Running, None);
        store.save_runs(vec![open.clone()], now()).await.unwrap();
        let (_, mut item) = all(&store, &open).await.remove(0);
        let text = item[RUN].as_s().unwrap().replacen('{', &format!("{{\"zz\":{NEW},"), 1);
        item.insert(RUN.to_owned(), AttributeValue::S(text));
        item.insert("novel".to_owned(), AttributeValue::N("7".to_owned()));
        store.table.put_item(item).await.unwrap();

        let ended = run(RunState::Succeeded, Some(now() - 1.hour()));
        let saved = store.save_runs(vec![ended.clone()], now()).await.unwrap();
        assert_eq!(saved.changed, 1);
        let found = all(&store, &ended).await;
        assert!(found.iter().any(|(partition, _)| partition.starts_with("RUN#")), "{found:?}");
        for (partition, item) in found {
            let text = item[RUN].as_s().unwrap();
            assert!(text.contains(&format!("\"zz\":{NEW}")), "{partition}: {text}");
            assert_eq!(item["novel"].as_n().unwrap(), "7", "{partition}");
            assert_eq!(Stored::of_item(&item).unwrap().run, ended);
        }
        // And no write for nothing.
        assert_eq!(store.save_runs(vec![ended], now()).await.unwrap().unchanged, 1);
    }
}
