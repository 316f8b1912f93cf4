//! A Glue job run as AWS tells it, and what it means: one conversion for the files and for the API.
//!
//! Pure. Interactive sessions have a shape of their own: `glue_session_convert`.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::convert::{ConvertError, UnknownMembers, error_text, name, required, word};
use super::json::Members;
use crate::model::{Engine, ExecutionClass, JobRun, RunIdentity, RunState};

const RECORD: &str = "a Glue job run";

/// The members of Glue's `JobRun` that a run is made of, under AWS's names. Every member is
/// optional in AWS's model, so every one is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GlueRun {
    /// `Id`; a retry has its own, so Glue's `Attempt` says nothing that is not in it.
    pub id: Option<String>,
    /// `PreviousRunId`: the run that this one retries.
    pub previous_run_id: Option<String>,
    /// `TriggerName`.
    pub trigger_name: Option<String>,
    /// `JobName`.
    pub job_name: Option<String>,
    /// `StartedOn`. Start-up and waiting come after it.
    pub started_on: Option<Timestamp>,
    /// `LastModifiedOn`.
    pub last_modified_on: Option<Timestamp>,
    /// `CompletedOn`.
    pub completed_on: Option<Timestamp>,
    /// `JobRunState`, AWS's word.
    pub job_run_state: Option<String>,
    /// `ErrorMessage`.
    pub error_message: Option<String>,
    /// `ExecutionTime`, in seconds.
    pub execution_time_seconds: Option<u64>,
    /// `Timeout`, in minutes.
    pub timeout_minutes: Option<u64>,
    /// `MaxCapacity`, in DPU.
    pub max_capacity: Option<Decimal>,
    /// `WorkerType`, AWS's word.
    pub worker_type: Option<String>,
    /// `NumberOfWorkers`.
    pub number_of_workers: Option<u32>,
    /// `GlueVersion`.
    pub glue_version: Option<String>,
    /// `DPUSeconds`.
    pub dpu_seconds: Option<Decimal>,
    /// `ExecutionClass`, AWS's word. Missing means STANDARD to AWS, and stays missing here: the
    /// default is for those who price and show.
    pub execution_class: Option<String>,
    /// Members that this version does not know.
    pub unknown: UnknownMembers,
}

impl GlueRun {
    /// Takes a run from a JSON object as the AWS CLI and the SDKs print it.
    pub(super) fn from_json(members: &Members<'_>) -> Result<Self, ConvertError> {
        let mut run = Self::default();
        for member in members.iter() {
            match member.name.as_ref() {
                "Id" => member.text(&mut run.id)?,
                "PreviousRunId" => member.text(&mut run.previous_run_id)?,
                "TriggerName" => member.text(&mut run.trigger_name)?,
                "JobName" => member.text(&mut run.job_name)?,
                "StartedOn" => member.time(&mut run.started_on)?,
                "LastModifiedOn" => member.time(&mut run.last_modified_on)?,
                "CompletedOn" => member.time(&mut run.completed_on)?,
                "JobRunState" => member.text(&mut run.job_run_state)?,
                "ErrorMessage" => member.text(&mut run.error_message)?,
                "ExecutionTime" => member.count(&mut run.execution_time_seconds)?,
                "Timeout" => member.count(&mut run.timeout_minutes)?,
                "MaxCapacity" => member.decimal(&mut run.max_capacity)?,
                "WorkerType" => member.text(&mut run.worker_type)?,
                "NumberOfWorkers" => member.small_count(&mut run.number_of_workers)?,
                "GlueVersion" => member.text(&mut run.glue_version)?,
                "DPUSeconds" => member.decimal(&mut run.dpu_seconds)?,
                "ExecutionClass" => member.text(&mut run.execution_class)?,
                // Known and of no use to a ledger; `Arguments` may hold secrets besides.
                "Arguments"
                | "Attempt"
                | "AllocatedCapacity"
                | "ExecutionRoleSessionPolicy"
                | "JobMode"
                | "JobRunQueuingEnabled"
                | "LogGroupName"
                | "MaintenanceWindow"
                | "NotificationProperty"
                | "PredecessorRuns"
                | "ProfileName"
                | "SecurityConfiguration"
                | "StateDetail" => {}
                unknown => run.unknown.keep(unknown, member.value.get()),
            }
        }
        Ok(run)
    }

    /// The run in Runledger's words. A Glue run does not say where it ran, so the caller does.
    ///
    /// # Errors
    /// Where `Id` or `JobRunState` is missing, or a member is longer than AWS lets it be.
    pub fn into_run(self, account: &str, region: &str) -> Result<JobRun, ConvertError> {
        let identity = RunIdentity {
            account: account.to_owned(),
            region: region.to_owned(),
            engine: Engine::Glue,
            application_id: None,
            run_id: required(RECORD, "Id", self.id)?,
            attempt: 1,
        };
        let state = required(RECORD, "JobRunState", self.job_run_state)?;
        let class = word("ExecutionClass", self.execution_class)?;
        Ok(JobRun {
            job_name: name("JobName", self.job_name)?,
            updated_at: self.last_modified_on,
            started_at: self.started_on,
            ended_at: self.completed_on,
            execution_seconds: self.execution_time_seconds,
            previous_run_id: word("PreviousRunId", self.previous_run_id)?,
            version: word("GlueVersion", self.glue_version)?,
            execution_class: class.as_deref().map(ExecutionClass::from),
            worker_type: word("WorkerType", self.worker_type)?,
            worker_count: self.number_of_workers,
            max_capacity: self.max_capacity,
            dpu_seconds: self.dpu_seconds,
            timeout_minutes: self.timeout_minutes,
            error: error_text(self.error_message),
            trigger: name("TriggerName", self.trigger_name)?,
            unknown: self.unknown.into_members(),
            ..JobRun::new(identity, RunState::from(state.as_str()))
        })
    }
}
