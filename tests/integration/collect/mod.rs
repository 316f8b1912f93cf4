//! Collecting through the real SDK, from services on this machine that speak AWS's wire formats.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use jiff::{Span, Timestamp, ToSpan};
use runledger::aws::Trouble as AwsTrouble;
use runledger::model::{
    Architecture, EMR_SERVERLESS_VCPUS, Engine, ExecutionClass, GLUE_CONCURRENT_RUNS, GLUE_DPUS,
    JobKind, JobRun, RunState, Teller, utc_day,
};
use runledger::sources::{AwsAccounts, CollectSettings, Service, SourceError, Target};
use runledger::store::{Reach, Store, StoreSettings, StoredRun};
use runledger::tasks::collect::{CollectError, CollectOutcome, collect};
use serde_json::json;

use super::fakes::emr_serverless::attempt;
use super::fakes::glue::run;
use super::fakes::{Fakes, HOME, REGION, Trouble};

mod accounts;
mod bad_days;
mod binary;
mod emr_serverless;
mod glue;
mod sessions;

/// When the tests take place: a Monday morning.
const NOW: &str = "2026-11-16T06:00:00Z";

/// A store in a folder of its own, with the fakes to fill it from.
struct Scene {
    fakes: Fakes,
    store: Store,
    settings: CollectSettings,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        Self { fakes: Fakes::start().await, store, settings: CollectSettings::default(), folder }
    }

    /// Collects at a time, with the home account's credentials.
    async fn collect_at(&self, now: Timestamp, since: Option<Span>) -> CollectOutcome {
        let accounts = AwsAccounts::new(self.fakes.config().await);
        collect(&self.store, &accounts, &self.settings, since, now).await.unwrap()
    }

    async fn collect(&self) -> CollectOutcome {
        self.collect_at(now(), None).await
    }

    /// Every run that the store holds, by run id and attempt.
    async fn runs(&self) -> BTreeMap<(String, u32), JobRun> {
        let days = (0..110).map(|day| utc_day(now() + Span::new().hours(24 * (10 - day))));
        let mut runs = self.store.open_runs(now()).await.unwrap();
        let ended = |stored: StoredRun| Some(stored.run);
        self.store
            .read_days(days, Reach::All, now(), ended, |ended| runs.extend(ended))
            .await
            .unwrap();
        let key = |run: &JobRun| (run.identity.run_id.clone(), run.identity.attempt);
        runs.into_iter().map(|run| (key(&run), run)).collect()
    }

    async fn run(&self, id: &str) -> JobRun {
        self.runs().await.remove(&(id.to_owned(), 1)).unwrap()
    }

    async fn watermark(&self, engine: Engine) -> Option<Timestamp> {
        let states = self.store.source_states().await.unwrap();
        states.into_iter().find(|state| state.engine == engine)?.collected_through
    }
}

async fn open(folder: &tempfile::TempDir) -> Store {
    let file = folder.path().join("runledger.db");
    Store::embedded(&file, StoreSettings::default()).await.unwrap()
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn later(hours: i64) -> Timestamp {
    now() + hours.hours()
}

/// Epoch seconds, as the services write them.
fn hours_ago(hours: f64) -> f64 {
    now().as_second() as f64 - hours * 3600.0
}

/// A run of `job` that ended well half an hour after its start.
fn ended(id: &str, started_hours_ago: f64) -> serde_json::Value {
    run(id, "SUCCEEDED", hours_ago(started_hours_ago), Some(hours_ago(started_hours_ago - 0.5)))
}

/// Whatever was asked of the services was asked in order to read.
fn assert_only_read(fakes: &Fakes) {
    const READING: [&str; 15] = [
        "GetJobs",
        "GetJobRuns",
        "GetJobRun",
        "GetTags",
        "ListApplications",
        "GetApplication",
        "ListJobRuns",
        "ListJobRunAttempts",
        "GetServiceQuota",
        "GetAWSDefaultServiceQuota",
        "GetCallerIdentity",
        "AssumeRole",
        "ListJobs",
        "ListSessions",
        "GetSession",
    ];
    let asked: BTreeSet<String> = fakes.log().into_iter().map(|asked| asked.operation).collect();
    let others: Vec<&String> = asked.iter().filter(|op| !READING.contains(&op.as_str())).collect();
    assert!(!asked.is_empty() && others.is_empty(), "{others:?}");
}
