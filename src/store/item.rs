//! A run as an item: its keys, a few attributes that DynamoDB itself looks at, and all other facts
//! packed as JSON into one attribute, `run`.
//!
//! One packed attribute because a Query's cost in processor time is per attribute: a report that
//! reads 100,000 runs spends most of its time taking answers apart. The JSON's names are short for
//! the same reason, and its members are only ever added to, never changed in meaning: an older
//! version reads past what it does not know, and keeps it where it writes (`beyond`).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::beyond::Beyond;
use super::keys::{self, PARTITION_KEY, SORT_KEY, TTL};
use crate::model::{
    Architecture, Definition, ExecutionClass, JobKind, JobRun, Reading, Resources, RunState, Stamp,
    Teller, Usd, utc_day,
};

/// The packed facts.
pub(super) const RUN: &str = "run";
/// A counter that each write raises: what conditional writes are conditioned on.
pub(super) const VERSION: &str = "version";
/// When the run started, epoch seconds: lets a Query leave out runs that cannot matter.
pub(super) const STARTED: &str = "started";
/// There only where the run is a retry, for the same purpose.
pub(super) const RETRY: &str = "retry";
/// On an item under `OPEN` of a run that has ended: the partition that holds it.
pub(super) const STORED_UNDER: &str = "under";

/// A DynamoDB item.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A run with what the store knows beside its facts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) run: JobRun,
    /// When the run was first stored: later than its report's sending, and the run is late.
    pub(super) first_stored: Timestamp,
    pub(super) version: u64,
    /// See [`STORED_UNDER`].
    pub(super) under: Option<String>,
    /// What a newer version said of the run.
    pub(super) beyond: Beyond,
}

impl Stored {
    /// The item to be written under a partition, with the next version.
    pub(super) fn to_item(&self, partition: &str, expires: i64) -> Item {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |number: i64| AttributeValue::N(number.to_string());
        let mut item = HashMap::from([
            (PARTITION_KEY.to_owned(), text(partition)),
            (SORT_KEY.to_owned(), text(&keys::identity_key(&self.run.identity))),
            (TTL.to_owned(), number(expires)),
            (VERSION.to_owned(), AttributeValue::N((self.version + 1).to_string())),
            (RUN.to_owned(), AttributeValue::S(pack(&self.run, self.first_stored))),
        ]);
        if let Some(start) = self.run.start() {
            item.insert(STARTED.to_owned(), number(start.as_second()));
        }
        if self.run.is_retry() {
            item.insert(RETRY.to_owned(), number(1));
        }
        if let Some(under) = &self.under {
            item.insert(STORED_UNDER.to_owned(), text(under));
        }
        self.beyond.put_into(&mut item);
        item
    }

    /// Reads an item; the error says what is wrong with it.
    pub(super) fn of_item(item: &Item) -> Result<Self, String> {
        let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok());
        let (run, first_stored) = run_of_item(item)?;
        let version = number(VERSION).and_then(|n| n.parse().ok()).ok_or("no version")?;
        let under = item.get(STORED_UNDER).and_then(|value| value.as_s().ok()).cloned();
        Ok(Self { run, first_stored, version, under, beyond: Beyond::default() })
    }

    /// Reads an item that is to be merged and written again: with what this version does not know.
    pub(super) fn of_item_to_merge(item: &Item) -> Result<Self, String> {
        let stored = Self::of_item(item)?;
        let beyond = Beyond::of(item, &stored);
        Ok(Self { beyond, ..stored })
    }
}

/// The run of an item of which only the sort key and the packed facts were asked for, and when it
/// was first stored.
pub(super) fn run_of_item(item: &Item) -> Result<(JobRun, Timestamp), String> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let key = text(SORT_KEY).ok_or("no sort key")?;
    let identity = keys::parse_identity(key).ok_or("the sort key is no run's identity")?;
    let packed = text(RUN).ok_or("no packed facts")?;
    let packed: Packed<'_> = serde_json::from_str(packed).map_err(|error| error.to_string())?;
    packed.unpack(identity)
}

fn pack(run: &JobRun, first_stored: Timestamp) -> String {
    let packed = Packed::of(run, first_stored);
    // Strings, numbers and maps with string keys always serialise.
    serde_json::to_string(&packed).unwrap_or_default()
}

/// The packed form. Times are epoch microseconds, which is as fine as any source is; decimals are
/// text, so that no binary float comes near them.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    #[serde(borrow, rename = "s")]
    state: Cow<'a, str>,
    #[serde(rename = "fs")]
    first_stored: i64,
    #[serde(borrow, rename = "j", default, skip_serializing_if = "Option::is_none")]
    job_name: Option<Cow<'a, str>>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
    #[serde(rename = "st", default, skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    execution_seconds: Option<u64>,
    #[serde(borrow, rename = "p", default, skip_serializing_if = "Option::is_none")]
    previous_run_id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "k", default, skip_serializing_if = "Option::is_none")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "v", default, skip_serializing_if = "Option::is_none")]
    version: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ec", default, skip_serializing_if = "Option::is_none")]
    execution_class: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "wt", default, skip_serializing_if = "Option::is_none")]
    worker_type: Option<Cow<'a, str>>,
    #[serde(rename = "wc", default, skip_serializing_if = "Option::is_none")]
    worker_count: Option<u32>,
    #[serde(borrow, rename = "mc", default, skip_serializing_if = "Option::is_none")]
    max_capacity: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ds", default, skip_serializing_if = "Option::is_none")]
    dpu_seconds: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "us", default, skip_serializing_if = "Option::is_none")]
    used: Option<[Cow<'a, str>; 3]>,
    #[serde(borrow, rename = "bi", default, skip_serializing_if = "Option::is_none")]
    billed: Option<[Cow<'a, str>; 3]>,
    #[serde(borrow, rename = "re", default, skip_serializing_if = "Vec::is_empty")]
    readings: Vec<(i64, [Cow<'a, str>; 3])>,
    #[serde(rename = "to", default, skip_serializing_if = "Option::is_none")]
    timeout_minutes: Option<u64>,
    #[serde(borrow, rename = "er", default, skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "tr", default, skip_serializing_if = "Option::is_none")]
    trigger: Option<Cow<'a, str>>,
    #[serde(rename = "tg", default, skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeMap<String, String>>,
    #[serde(rename = "ic", default, skip_serializing_if = "Option::is_none")]
    imported_cost: Option<Usd>,
    #[serde(borrow, rename = "d", default, skip_serializing_if = "Option::is_none")]
    definition: Option<PackedDefinition<'a>>,
    #[serde(rename = "un", default, skip_serializing_if = "Option::is_none")]
    unknown: Option<BTreeMap<String, String>>,
    #[serde(rename = "tb", default, skip_serializing_if = "BTreeMap::is_empty")]
    told_by: BTreeMap<Teller, i64>,
    #[serde(rename = "ol", default, skip_serializing_if = "BTreeMap::is_empty")]
    older: BTreeMap<String, (bool, Option<i64>)>,
}

#[derive(Serialize, Deserialize)]
struct PackedDefinition<'a> {
    #[serde(rename = "o")]
    observed_at: i64,
    #[serde(rename = "ae", default)]
    at_end: bool,
    #[serde(borrow, rename = "k", default, skip_serializing_if = "Option::is_none")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "a", default, skip_serializing_if = "Option::is_none")]
    architecture: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "n", default, skip_serializing_if = "Option::is_none")]
    application_name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "mv", default, skip_serializing_if = "Option::is_none")]
    maximum_vcpus: Option<Cow<'a, str>>,
    #[serde(rename = "tg", default, skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeMap<String, String>>,
}

fn borrowed(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(Cow::Borrowed)
}

fn micros(instant: Option<Timestamp>) -> Option<i64> {
    instant.map(Timestamp::as_microsecond)
}

fn instant(micros: i64) -> Result<Timestamp, String> {
    Timestamp::from_microsecond(micros).map_err(|error| error.to_string())
}

fn decimal(text: &str) -> Result<Decimal, String> {
    text.parse().map_err(|_| format!("`{text}` is no decimal number"))
}

fn decimal_text(number: Decimal) -> Cow<'static, str> {
    Cow::Owned(number.to_string())
}

fn pack_resources(resources: &Resources) -> [Cow<'static, str>; 3] {
    let Resources { vcpu_hours, memory_gb_hours, storage_gb_hours } = resources;
    [vcpu_hours, memory_gb_hours, storage_gb_hours].map(|hours| decimal_text(*hours))
}

fn unpack_resources(packed: &[Cow<'_, str>; 3]) -> Result<Resources, String> {
    let [vcpu, memory, storage] = packed;
    Ok(Resources {
        vcpu_hours: decimal(vcpu)?,
        memory_gb_hours: decimal(memory)?,
        storage_gb_hours: decimal(storage)?,
    })
}

fn unpack_reading(packed: &(i64, [Cow<'_, str>; 3])) -> Result<(Date, Reading), String> {
    let at = instant(packed.0)?;
    Ok((utc_day(at), Reading { at, billed: unpack_resources(&packed.1)? }))
}

impl<'a> Packed<'a> {
    fn of(run: &'a JobRun, first_stored: Timestamp) -> Self {
        let older = |(field, stamp): (&String, &Stamp)| {
            (field.clone(), (stamp.terminal, micros(stamp.updated_at)))
        };
        let reading =
            |reading: &Reading| (reading.at.as_microsecond(), pack_resources(&reading.billed));
        Self {
            state: run.state.as_str().into(),
            first_stored: first_stored.as_microsecond(),
            job_name: borrowed(&run.job_name),
            updated_at: micros(run.updated_at),
            started_at: micros(run.started_at),
            created_at: micros(run.created_at),
            ended_at: micros(run.ended_at),
            execution_seconds: run.execution_seconds,
            previous_run_id: borrowed(&run.previous_run_id),
            kind: run.kind.as_ref().map(|kind| kind.as_str().into()),
            version: borrowed(&run.version),
            execution_class: run.execution_class.as_ref().map(|class| class.as_str().into()),
            worker_type: borrowed(&run.worker_type),
            worker_count: run.worker_count,
            max_capacity: run.max_capacity.map(decimal_text),
            dpu_seconds: run.dpu_seconds.map(decimal_text),
            used: run.used.as_ref().map(pack_resources),
            billed: run.billed.as_ref().map(pack_resources),
            readings: run.readings.values().map(reading).collect(),
            timeout_minutes: run.timeout_minutes,
            error: borrowed(&run.error),
            trigger: borrowed(&run.trigger),
            tags: run.tags.clone(),
            imported_cost: run.imported_cost,
            definition: run.definition.as_ref().map(PackedDefinition::of),
            unknown: run.unknown.clone(),
            told_by: run
                .told_by
                .iter()
                .map(|(teller, at)| (teller.clone(), at.as_microsecond()))
                .collect(),
            older: run.older.iter().map(older).collect(),
        }
    }

    fn unpack(self, identity: crate::model::RunIdentity) -> Result<(JobRun, Timestamp), String> {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let time = |micros: Option<i64>| micros.map(instant).transpose();
        let number = |text: Option<Cow<'_, str>>| text.map(|text| decimal(&text)).transpose();
        let resources =
            |packed: Option<[Cow<'_, str>; 3]>| packed.as_ref().map(unpack_resources).transpose();
        let older = |(field, (terminal, updated))| {
            Ok((field, Stamp { terminal, updated_at: time(updated)? }))
        };
        let told = |(teller, at): (Teller, i64)| Ok((teller, instant(at)?));
        let run = JobRun {
            identity,
            job_name: owned(self.job_name),
            state: RunState::from(self.state.as_ref()),
            updated_at: time(self.updated_at)?,
            started_at: time(self.started_at)?,
            created_at: time(self.created_at)?,
            ended_at: time(self.ended_at)?,
            execution_seconds: self.execution_seconds,
            previous_run_id: owned(self.previous_run_id),
            kind: self.kind.as_deref().map(JobKind::from),
            version: owned(self.version),
            execution_class: self.execution_class.as_deref().map(ExecutionClass::from),
            worker_type: owned(self.worker_type),
            worker_count: self.worker_count,
            max_capacity: number(self.max_capacity)?,
            dpu_seconds: number(self.dpu_seconds)?,
            used: resources(self.used)?,
            billed: resources(self.billed)?,
            readings: self.readings.iter().map(unpack_reading).collect::<Result<_, _>>()?,
            timeout_minutes: self.timeout_minutes,
            error: owned(self.error),
            trigger: owned(self.trigger),
            tags: self.tags,
            imported_cost: self.imported_cost,
            definition: self.definition.map(PackedDefinition::unpack).transpose()?,
            unknown: self.unknown,
            told_by: self.told_by.into_iter().map(told).collect::<Result<_, String>>()?,
            older: self.older.into_iter().map(older).collect::<Result<_, String>>()?,
        };
        Ok((run, instant(self.first_stored)?))
    }
}

impl<'a> PackedDefinition<'a> {
    fn of(definition: &'a Definition) -> Self {
        Self {
            observed_at: definition.observed_at.as_microsecond(),
            at_end: definition.at_end,
            kind: definition.kind.as_ref().map(|kind| kind.as_str().into()),
            architecture: definition.architecture.as_ref().map(|a| a.as_str().into()),
            application_name: borrowed(&definition.application_name),
            maximum_vcpus: definition.maximum_vcpus.map(decimal_text),
            tags: definition.tags.clone(),
        }
    }

    fn unpack(self) -> Result<Definition, String> {
        Ok(Definition {
            observed_at: instant(self.observed_at)?,
            at_end: self.at_end,
            kind: self.kind.as_deref().map(JobKind::from),
            architecture: self.architecture.as_deref().map(Architecture::from),
            application_name: self.application_name.map(Cow::into_owned),
            maximum_vcpus: self.maximum_vcpus.map(|text| decimal(&text)).transpose()?,
            tags: self.tags,
        })
    }
}

/// Cuts every time to the microsecond, as the packed form does, so that a fact that is stored again
/// compares equal to itself.
pub(super) fn in_microseconds(mut run: JobRun) -> JobRun {
    let cut = |instant: &mut Timestamp| {
        *instant = Timestamp::from_microsecond(instant.as_microsecond()).unwrap_or(*instant);
    };
    let times = [&mut run.updated_at, &mut run.started_at, &mut run.created_at, &mut run.ended_at];
    times.into_iter().flatten().for_each(cut);
    run.older.values_mut().filter_map(|stamp| stamp.updated_at.as_mut()).for_each(cut);
    run.told_by.values_mut().for_each(cut);
    if let Some(definition) = &mut run.definition {
        cut(&mut definition.observed_at);
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Engine, RunIdentity};

    fn full_run() -> JobRun {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::EmrServerless,
            application_id: Some("app".into()),
            run_id: "run#with#marks".into(),
            attempt: 2,
        };
        let mut run = JobRun::new(identity, RunState::from("WEIRD \"state\""));
        run.job_name = Some("naïve\njob \"x\"".into());
        run.updated_at = at(5);
        run.started_at = at(1);
        run.created_at = at(0);
        run.ended_at = at(4);
        run.execution_seconds = Some(3);
        run.previous_run_id = Some("before".into());
        run.kind = Some(JobKind::Other("odd".into()));
        run.version = Some("6.0".into());
        run.execution_class = Some(ExecutionClass::Flex);
        run.worker_type = Some("G.99X".into());
        run.worker_count = Some(7);
        run.max_capacity = Some("0.0625".parse().unwrap());
        run.dpu_seconds = Some("1234.5678".parse().unwrap());
        let hours = |h: &str| h.parse().unwrap();
        let resources = Resources {
            vcpu_hours: hours("1.267"),
            memory_gb_hours: hours("5"),
            storage_gb_hours: hours("0.0"),
        };
        (run.used, run.billed) = (Some(resources), Some(resources));
        let reading = Reading { at: at(3).unwrap(), billed: resources };
        run.readings.insert(utc_day(reading.at), reading);
        run.timeout_minutes = Some(2880);
        run.error = Some("<script>\u{1b}[31m".into());
        run.trigger = Some("nightly".into());
        let tags = BTreeMap::from([("team".to_owned(), "orders".to_owned())]);
        run.tags = Some(tags.clone());
        run.imported_cost = Some(Usd::from_nanos(1));
        run.define(Definition {
            observed_at: at(9).unwrap(),
            kind: Some(JobKind::Ray),
            architecture: Some(Architecture::Arm),
            application_name: Some("app".into()),
            maximum_vcpus: Some(hours("400")),
            tags: Some(tags),
            at_end: false,
        });
        run.unknown = Some(BTreeMap::from([("New".to_owned(), "[1]".to_owned())]));
        run.told(Teller::File, at(11).unwrap());
        run.told(Teller::from("carrier \"pigeon\""), at(12).unwrap());
        run.older.insert("billed".into(), Stamp { terminal: false, updated_at: at(2) });
        run
    }

    #[test]
    fn every_fact_survives_the_item() {
        let stored = Stored {
            run: full_run(),
            first_stored: Timestamp::from_second(77).unwrap(),
            version: 4,
            under: Some("RUN#2026-11-10#1".into()),
            beyond: Beyond::default(),
        };
        let item = stored.to_item("OPEN", 123);
        assert_eq!(Stored::of_item(&item), Ok(Stored { version: 5, ..stored }));
    }

    /// What versions before the tellers wrote is read as before, with no teller known.
    #[test]
    fn an_older_item_is_read() {
        let mut item = Item::new();
        item.insert(SORT_KEY.into(), AttributeValue::S("a#b#glue##1#r".into()));
        item.insert(RUN.into(), AttributeValue::S(r#"{"s":"FAILED","fs":1,"x":7}"#.into()));
        let (run, _) = run_of_item(&item).unwrap();
        assert_eq!((run.execution_seconds, run.told_by.len()), (Some(7), 0));
    }

    #[test]
    fn an_item_is_refused_with_a_reason() {
        let mut item = Item::new();
        assert_eq!(Stored::of_item(&item), Err("no sort key".into()));
        item.insert(SORT_KEY.into(), AttributeValue::S("a#b#glue##1#r".into()));
        assert_eq!(Stored::of_item(&item), Err("no packed facts".into()));
        item.insert(RUN.into(), AttributeValue::S(r#"{"s":"FAILED","fs":1,"ds":"x"}"#.into()));
        assert_eq!(Stored::of_item(&item), Err("`x` is no decimal number".into()));
    }
}
