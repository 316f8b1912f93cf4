//! A run: one attempt at a job, whichever engine ran it and whichever source told of it.
//!
//! Most facts are optional because every member of AWS's answers is: what is not known stays
//! unknown, and is never replaced by a default that would look like a fact.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::merge::Stamp;
use super::{QuotaPlace, RunState, Teller, Usd};

/// The longest piece of an error's first line that is shown, in characters.
const ERROR_LINE_CHARS_MAX: usize = 300;

/// The service that ran a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// AWS Glue.
    Glue,
    /// Amazon EMR Serverless.
    EmrServerless,
    /// Another engine, imported in Runledger's own columns.
    Other(Box<str>),
}

impl Engine {
    /// The engine's word in files, keys and tables: `glue`, `emr-serverless`, or its own.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Glue => "glue",
            Self::EmrServerless => "emr-serverless",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Engine {
    fn from(word: &str) -> Self {
        match word {
            "glue" => Self::Glue,
            "emr-serverless" => Self::EmrServerless,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What makes a run itself. A Glue retry has a run id of its own, so `attempt` is 1 there; an EMR
/// Serverless retry is another attempt of the same run id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunIdentity {
    /// The AWS account that ran it, twelve digits.
    pub account: String,
    /// The AWS region, as `eu-west-1`.
    pub region: String,
    /// The engine.
    pub engine: Engine,
    /// The EMR Serverless application; `None` for Glue.
    pub application_id: Option<String>,
    /// Glue `JobRun.Id`, EMR Serverless `jobRunId`, or a session's id.
    pub run_id: String,
    /// The EMR Serverless attempt, from 1; always 1 for Glue.
    pub attempt: u32,
}

impl RunIdentity {
    /// The account, region and engine, whose runs share quotas.
    #[must_use]
    pub fn place(&self) -> QuotaPlace {
        QuotaPlace {
            account: self.account.clone(),
            region: self.region.clone(),
            engine: self.engine.clone(),
        }
    }
}

/// What a job's command is. It decides the rate and the billing minimum.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobKind {
    /// Spark: Glue `glueetl`, EMR Serverless batch.
    Spark,
    /// Spark streaming: Glue `gluestreaming`, EMR Serverless mode `STREAMING`.
    Streaming,
    /// Glue `pythonshell`.
    PythonShell,
    /// Glue `glueray`.
    Ray,
    /// An interactive session of either engine.
    Session,
    /// A command name that this version does not know.
    Other(Box<str>),
}

impl JobKind {
    /// The kind's word in Runledger's tables.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Spark => "spark",
            Self::Streaming => "streaming",
            Self::PythonShell => "python-shell",
            Self::Ray => "ray",
            Self::Session => "session",
            Self::Other(name) => name,
        }
    }

    /// The kind for Glue's `JobCommand.Name`.
    #[must_use]
    pub fn of_glue_command(name: &str) -> Self {
        match name {
            "glueetl" => Self::Spark,
            "gluestreaming" => Self::Streaming,
            "pythonshell" => Self::PythonShell,
            "glueray" => Self::Ray,
            other => Self::Other(other.into()),
        }
    }
}

impl From<&str> for JobKind {
    fn from(word: &str) -> Self {
        match word {
            "spark" => Self::Spark,
            "streaming" => Self::Streaming,
            "python-shell" => Self::PythonShell,
            "ray" => Self::Ray,
            "session" => Self::Session,
            other => Self::Other(other.into()),
        }
    }
}

/// Whether the run used spare capacity at a discount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecutionClass {
    /// Dedicated capacity. What a run without the field has.
    Standard,
    /// Spare capacity.
    Flex,
    /// A class that this version does not know.
    Other(Box<str>),
}

impl ExecutionClass {
    /// AWS's word: `STANDARD`, `FLEX`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Standard => "STANDARD",
            Self::Flex => "FLEX",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for ExecutionClass {
    fn from(word: &str) -> Self {
        match word {
            "STANDARD" => Self::Standard,
            "FLEX" => Self::Flex,
            other => Self::Other(other.into()),
        }
    }
}

/// The processor architecture of an EMR Serverless application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// `X86_64`.
    X86,
    /// `ARM64`.
    Arm,
    /// An architecture that this version does not know.
    Other(Box<str>),
}

impl Architecture {
    /// AWS's word: `X86_64`, `ARM64`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::X86 => "X86_64",
            Self::Arm => "ARM64",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Architecture {
    fn from(word: &str) -> Self {
        match word {
            "X86_64" => Self::X86,
            "ARM64" => Self::Arm,
            other => Self::Other(other.into()),
        }
    }
}

macro_rules! serde_as_word {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<str>::deserialize(from)?;
                Ok(Self::from(word.as_ref()))
            }
        }
    )*};
}
pub(super) use serde_as_word;
serde_as_word!(Engine, JobKind, ExecutionClass, Architecture);

super::written::text_schema!(Architecture, { "type": "string", "enum": ["X86_64", "ARM64"] });

/// EMR Serverless resources, as AWS counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resources {
    /// `vCPUHour`.
    pub vcpu_hours: Decimal,
    /// `memoryGBHour`.
    pub memory_gb_hours: Decimal,
    /// `storageGBHour`. In billed resources: what exceeds 20 GB a worker.
    pub storage_gb_hours: Decimal,
}

/// What an EMR Serverless run had been billed in all when AWS read its meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    /// Up to when: `calculatedTo`.
    pub at: Timestamp,
    /// `totalBilledResourceUtilization`: everything since the run's start.
    pub billed: Resources,
}

/// What a run takes from its job or application, which may change after the run has ended: frozen
/// with the run, so that retagging a job does not rewrite its past (`merge` says which is kept).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// When the source was asked; decides which of two definitions the run keeps.
    pub observed_at: Timestamp,
    /// Whether the run had ended by then.
    pub at_end: bool,
    /// Glue: the job's command. (A run does not carry it.)
    pub kind: Option<JobKind>,
    /// EMR Serverless: the application's architecture.
    pub architecture: Option<Architecture>,
    /// EMR Serverless: the application's name.
    pub application_name: Option<String>,
    /// EMR Serverless: the application's `maximumCapacity`, in vCPU.
    pub maximum_vcpus: Option<Decimal>,
    /// The tags of the job, the application or the Glue session; `None` where they could not be
    /// read.
    pub tags: Option<BTreeMap<String, String>>,
}

/// One attempt at a job, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRun {
    /// What makes the run itself.
    pub identity: RunIdentity,
    /// The name of the job as the source has it, before normalisation. `None` where only an event
    /// without a name is known so far. A session has no job: here is the role that it works under,
    /// which is what sessions are grouped by.
    pub job_name: Option<String>,
    /// AWS's word for where the run stands.
    pub state: RunState,
    /// When the source last changed the run: `LastModifiedOn`, `updatedAt`, or the event's time.
    pub updated_at: Option<Timestamp>,
    /// `StartedOn`; EMR Serverless `startedAt`, absent where the run never got to start.
    pub started_at: Option<Timestamp>,
    /// EMR Serverless `createdAt` (of the attempt, where it is given).
    pub created_at: Option<Timestamp>,
    /// `CompletedOn`, `endedAt`. See [`JobRun::end`] for the run that lacks it.
    pub ended_at: Option<Timestamp>,
    /// Glue `ExecutionTime`, EMR Serverless `totalExecutionDurationSeconds`: seconds in which the
    /// run consumed resources.
    pub execution_seconds: Option<u64>,
    /// `JobRun.PreviousRunId`: the run that this one retries.
    pub previous_run_id: Option<String>,
    /// What the run itself says it is: session, streaming. The job's command is in `definition`.
    pub kind: Option<JobKind>,
    /// `GlueVersion`, or the EMR release label.
    pub version: Option<String>,
    /// Glue `ExecutionClass`, EMR Serverless `flexExecution.enabled`.
    pub execution_class: Option<ExecutionClass>,
    /// Glue `WorkerType`, as it stands.
    pub worker_type: Option<String>,
    /// Glue `NumberOfWorkers`.
    pub worker_count: Option<u32>,
    /// Glue `MaxCapacity`, in DPU.
    pub max_capacity: Option<Decimal>,
    /// Glue `DPUSeconds`. AWS sets it for Flex runs and for auto scaling.
    pub dpu_seconds: Option<Decimal>,
    /// EMR Serverless `totalResourceUtilization`: what the run used.
    pub used: Option<Resources>,
    /// EMR Serverless `billedResourceUtilization`: what AWS says it billed.
    pub billed: Option<Resources>,
    /// The last reading of each UTC day, from utilisation events. What was billed by the end of a
    /// day is what splits a streaming run over days; totals, because events may get lost.
    pub readings: BTreeMap<Date, Reading>,
    /// The configured timeout in minutes. Not a time used.
    pub timeout_minutes: Option<u64>,
    /// `ErrorMessage`, `stateDetails`: hostile text.
    pub error: Option<String>,
    /// Glue `TriggerName`.
    pub trigger: Option<String>,
    /// The run's own tags (EMR Serverless); Glue runs have none, and a Glue session's, which are
    /// asked for apart from it, are in its definition. Frozen at the run's end.
    pub tags: Option<BTreeMap<String, String>>,
    /// The cost that an import brought along, for engines that Runledger does not price.
    pub imported_cost: Option<Usd>,
    /// What the run takes from its job or application.
    pub definition: Option<Definition>,
    /// Members that this version does not know, as JSON text. Job arguments are never among them.
    pub unknown: Option<BTreeMap<String, String>>,
    /// Who told of the run, each with the first time.
    pub told_by: BTreeMap<Teller, Timestamp>,
    /// Fields whose value is not as old as the run as a whole, with how old they are; see
    /// [`super::merge()`].
    pub older: BTreeMap<String, Stamp>,
}

impl JobRun {
    /// A run of which nothing is known but its identity and state.
    #[must_use]
    pub const fn new(identity: RunIdentity, state: RunState) -> Self {
        Self {
            identity,
            job_name: None,
            state,
            updated_at: None,
            started_at: None,
            created_at: None,
            ended_at: None,
            execution_seconds: None,
            previous_run_id: None,
            kind: None,
            version: None,
            execution_class: None,
            worker_type: None,
            worker_count: None,
            max_capacity: None,
            dpu_seconds: None,
            used: None,
            billed: None,
            readings: BTreeMap::new(),
            timeout_minutes: None,
            error: None,
            trigger: None,
            tags: None,
            imported_cost: None,
            definition: None,
            unknown: None,
            told_by: BTreeMap::new(),
            older: BTreeMap::new(),
        }
    }

    /// When the run ended, cut to whole seconds because sources differ in precision: `ended_at`,
    /// else the last update of a terminal state. `None` while the run has not ended, and for a
    /// terminal one whose source gave no time at all.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        if !self.state.is_terminal() {
            return None;
        }
        let end = self.ended_at.or(self.updated_at)?;
        Timestamp::from_second(end.as_second()).ok()
    }

    /// When the run began: `started_at`, else its creation.
    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        self.started_at.or(self.created_at)
    }

    /// The first line of the error that has one, cut in length; `None` where there is no error.
    #[must_use]
    pub fn error_line(&self) -> Option<String> {
        let line = self.error.as_ref()?.trim_start().lines().next().unwrap_or_default();
        Some(line.chars().take(ERROR_LINE_CHARS_MAX).collect())
    }

    /// Seconds of work: what the source says, else the time from start to end.
    #[must_use]
    pub fn runtime_seconds(&self) -> u64 {
        let measured = || {
            let seconds = self.end()?.as_second() - self.started_at?.as_second();
            u64::try_from(seconds).ok()
        };
        self.execution_seconds.or_else(measured).unwrap_or(0)
    }

    /// Whether nothing more is to be learnt of the run: it has ended, its end is the source's own,
    /// and AWS has said what it billed where it says so at all.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let billing_known = self.identity.engine != Engine::EmrServerless || self.billed_is_final();
        self.state.is_terminal() && self.ended_at.is_some() && billing_known
    }

    /// Whether the run uses spare capacity.
    #[must_use]
    pub fn is_flex(&self) -> bool {
        self.execution_class == Some(ExecutionClass::Flex)
    }

    /// Whether the run is a retry: it names a run before it, or is a later attempt.
    #[must_use]
    pub const fn is_retry(&self) -> bool {
        self.previous_run_id.is_some() || self.identity.attempt > 1
    }

    /// Whether this is an interactive session.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.kind == Some(JobKind::Session)
    }

    /// The tags that count for the run, its own before those of its job or application; `None`
    /// where neither were read.
    #[must_use]
    pub fn all_tags(&self) -> Option<BTreeMap<String, String>> {
        let defined = self.definition.as_ref().and_then(|definition| definition.tags.as_ref());
        if self.tags.is_none() && defined.is_none() {
            return None;
        }
        let mut tags = defined.cloned().unwrap_or_default();
        tags.extend(self.tags.iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        Some(tags)
    }

    /// Marks the run's own tags as what they were when the source was asked, which for a run that
    /// has ended may be long after its last update: of two such answers the first is kept.
    pub fn observe_tags(&mut self, at: Timestamp) {
        let stamp = Stamp { terminal: self.state.is_terminal(), updated_at: Some(at) };
        if self.tags.is_some() && stamp != self.stamp() {
            self.older.insert("tags".to_owned(), stamp);
        }
    }

    /// Gives the run what its job or application says, marked with whether the run had ended.
    pub fn define(&mut self, definition: Definition) {
        let at_end = self.state.is_terminal();
        self.definition = Some(Definition { at_end, ..definition });
    }

    /// The kind of job, from the run, else from its job's definition.
    #[must_use]
    pub fn job_kind(&self) -> Option<&JobKind> {
        self.kind.as_ref().or_else(|| self.definition.as_ref()?.kind.as_ref())
    }

    /// Whether the whole cost of the run is waste because of how it ended. A streaming job's weekly
    /// restart leaves an `EXPIRED` run behind, and a session that nobody used any more a `TIMEOUT`
    /// (source: `IdleTimeout` in the Glue API reference): those are none. The kind is told by the
    /// caller, because a run whose job is not known may still give it away (`pricing::kind_of`).
    #[must_use]
    pub fn is_wasted_end(&self, kind: &JobKind) -> bool {
        let restarted = self.state == RunState::Expired && *kind == JobKind::Streaming;
        self.state.is_bad_end() && !restarted && !self.is_idle_end()
    }

    /// Whether this is a session that ended because nobody used it any more.
    #[must_use]
    pub fn is_idle_end(&self) -> bool {
        self.is_session() && self.state == RunState::Timeout
    }
}
