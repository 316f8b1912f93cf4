//! An EMR Serverless job run as AWS tells it, and what it means: one conversion for the files and
//! for the API.
//!
//! Pure. Interactive sessions have a shape of their own: `emr_session_convert`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::convert::{ConvertError, UnknownMembers, error_text, name, required, tags, word};
use super::json::{Member, Members};
use crate::model::{Engine, ExecutionClass, JobKind, JobRun, Resources, RunIdentity, RunState};

const RECORD: &str = "an EMR Serverless job run";

/// Bytes of a region's name; AWS's longest has 14.
const REGION_BYTES_MAX: usize = 32;

/// The members of EMR Serverless's `JobRun` that a run is made of, under AWS's names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmrRun {
    /// `applicationId`.
    pub application_id: Option<String>,
    /// `jobRunId`.
    pub job_run_id: Option<String>,
    /// `name`, where the caller gave one.
    pub name: Option<String>,
    /// `arn`: says in which account and region the run is.
    pub arn: Option<String>,
    /// `createdAt`, of the run's first attempt.
    pub created_at: Option<Timestamp>,
    /// `updatedAt`.
    pub updated_at: Option<Timestamp>,
    /// `attemptCreatedAt`.
    pub attempt_created_at: Option<Timestamp>,
    /// `attemptUpdatedAt`.
    pub attempt_updated_at: Option<Timestamp>,
    /// `startedAt`.
    pub started_at: Option<Timestamp>,
    /// `endedAt`.
    pub ended_at: Option<Timestamp>,
    /// `state`, AWS's word.
    pub state: Option<String>,
    /// `stateDetails`.
    pub state_details: Option<String>,
    /// `releaseLabel`.
    pub release_label: Option<String>,
    /// `mode`: `BATCH` or `STREAMING`.
    pub mode: Option<String>,
    /// `attempt`, from 1.
    pub attempt: Option<u32>,
    /// `flexExecution.enabled`.
    pub flex_enabled: Option<bool>,
    /// `totalExecutionDurationSeconds`.
    pub total_execution_seconds: Option<u64>,
    /// `executionTimeoutMinutes`.
    pub execution_timeout_minutes: Option<u64>,
    /// `totalResourceUtilization`.
    pub total_utilization: Utilization,
    /// `billedResourceUtilization`.
    pub billed_utilization: Utilization,
    /// `tags`.
    pub tags: Option<BTreeMap<String, String>>,
    /// Members that this version does not know.
    pub unknown: UnknownMembers,
}

/// EMR Serverless resources as AWS tells them: `{}` until it has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utilization {
    /// `vCPUHour`.
    pub vcpu_hours: Option<Decimal>,
    /// `memoryGBHour`.
    pub memory_gb_hours: Option<Decimal>,
    /// `storageGBHour`.
    pub storage_gb_hours: Option<Decimal>,
}

impl Utilization {
    /// Takes the resources from a JSON object.
    pub(super) fn from_json(member: &Member<'_>, into: &mut Self) -> Result<(), ConvertError> {
        let Some(members) = member.object()? else { return Ok(()) };
        for member in members.iter() {
            match member.name.as_ref() {
                "vCPUHour" => member.decimal(&mut into.vcpu_hours)?,
                "memoryGBHour" => member.decimal(&mut into.memory_gb_hours)?,
                "storageGBHour" => member.decimal(&mut into.storage_gb_hours)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The resources, or `None` while AWS has not counted both processors and memory. Storage
    /// alone may be left out: most runs have none to bill.
    #[must_use]
    pub fn known(self) -> Option<Resources> {
        Some(Resources {
            vcpu_hours: self.vcpu_hours?,
            memory_gb_hours: self.memory_gb_hours?,
            storage_gb_hours: self.storage_gb_hours.unwrap_or_default(),
        })
    }
}

impl EmrRun {
    /// Takes a run from a JSON object as the AWS CLI and the SDKs print it.
    pub(super) fn from_json(members: &Members<'_>) -> Result<Self, ConvertError> {
        let mut run = Self::default();
        for member in members.iter() {
            match member.name.as_ref() {
                "applicationId" => member.text(&mut run.application_id)?,
                "jobRunId" => member.text(&mut run.job_run_id)?,
                "name" => member.text(&mut run.name)?,
                "arn" => member.text(&mut run.arn)?,
                "createdAt" => member.time(&mut run.created_at)?,
                "updatedAt" => member.time(&mut run.updated_at)?,
                "attemptCreatedAt" => member.time(&mut run.attempt_created_at)?,
                "attemptUpdatedAt" => member.time(&mut run.attempt_updated_at)?,
                "startedAt" => member.time(&mut run.started_at)?,
                "endedAt" => member.time(&mut run.ended_at)?,
                "state" => member.text(&mut run.state)?,
                "stateDetails" => member.text(&mut run.state_details)?,
                "releaseLabel" => member.text(&mut run.release_label)?,
                "mode" => member.text(&mut run.mode)?,
                "attempt" => member.small_count(&mut run.attempt)?,
                "flexExecution" => flex_enabled(member, &mut run.flex_enabled)?,
                "totalExecutionDurationSeconds" => {
                    member.count(&mut run.total_execution_seconds)?;
                }
                "executionTimeoutMinutes" => member.count(&mut run.execution_timeout_minutes)?,
                "totalResourceUtilization" => {
                    Utilization::from_json(member, &mut run.total_utilization)?;
                }
                "billedResourceUtilization" => {
                    Utilization::from_json(member, &mut run.billed_utilization)?;
                }
                "tags" => member.tags(&mut run.tags)?,
                // Known and of no use to a ledger; `jobDriver` and the configuration may hold
                // arguments and secrets besides.
                "configurationOverrides"
                | "createdBy"
                | "executionIamPolicy"
                | "executionRole"
                | "imageConfiguration"
                | "jobDriver"
                | "networkConfiguration"
                | "queuedDurationMilliseconds"
                | "retryPolicy"
                | "workerTypeSpecifications" => {}
                unknown => run.unknown.keep(unknown, member.value.get()),
            }
        }
        Ok(run)
    }

    /// The account and region that the run's own ARN names, or `None` where it has none.
    #[must_use]
    pub fn place(&self) -> Option<(&str, &str)> {
        place_of_arn(self.arn.as_deref()?)
    }

    /// The run in Runledger's words. Its own ARN says where it ran; `account` and `region` are for
    /// the run that has none.
    ///
    /// # Errors
    /// Where `applicationId`, `jobRunId` or `state` is missing, or a member is longer than AWS lets
    /// it be.
    pub fn into_run(self, account: &str, region: &str) -> Result<JobRun, ConvertError> {
        let (account, region) = self.place().unwrap_or((account, region));
        let identity = RunIdentity {
            account: account.to_owned(),
            region: region.to_owned(),
            engine: Engine::EmrServerless,
            application_id: Some(required(RECORD, "applicationId", self.application_id)?),
            run_id: required(RECORD, "jobRunId", self.job_run_id)?,
            attempt: self.attempt.filter(|attempt| *attempt > 0).unwrap_or(1),
        };
        let state = RunState::from(required(RECORD, "state", self.state)?.as_str());
        // While the run is under way, and after a good end, the details say what it is doing.
        let error =
            error_text(self.state_details).filter(|_| state.is_terminal() && !state.is_good_end());
        let streaming = self.mode.as_deref() == Some("STREAMING");
        let flex = self.flex_enabled == Some(true);
        Ok(JobRun {
            job_name: name("name", self.name)?,
            updated_at: self.attempt_updated_at.or(self.updated_at),
            started_at: self.started_at,
            created_at: self.attempt_created_at.or(self.created_at),
            ended_at: self.ended_at,
            execution_seconds: self.total_execution_seconds,
            kind: Some(if streaming { JobKind::Streaming } else { JobKind::Spark }),
            version: word("releaseLabel", self.release_label)?,
            execution_class: Some(if flex {
                ExecutionClass::Flex
            } else {
                ExecutionClass::Standard
            }),
            used: self.total_utilization.known(),
            billed: self.billed_utilization.known(),
            timeout_minutes: self.execution_timeout_minutes,
            error,
            tags: tags(self.tags)?,
            unknown: self.unknown.into_members(),
            ..JobRun::new(identity, state)
        })
    }
}

/// Account and region of `arn:aws:emr-serverless:REGION:ACCOUNT:/applications/...`.
pub(super) fn place_of_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    if parts.next()? != "arn" {
        return None;
    }
    let (_partition, _service) = (parts.next()?, parts.next()?);
    let (region, account, _resource) = (parts.next()?, parts.next()?, parts.next()?);
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_region = (1..=REGION_BYTES_MAX).contains(&region.len());
    (is_account && is_region).then_some((account, region))
}

fn flex_enabled(member: &Member<'_>, into: &mut Option<bool>) -> Result<(), ConvertError> {
    let Some(members) = member.object()? else { return Ok(()) };
    for member in members.iter().filter(|member| member.name == "enabled") {
        member.flag(into)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> EmrRun {
        EmrRun {
            application_id: Some("app".into()),
            job_run_id: Some("run".into()),
            state: Some("SUCCESS".into()),
            ..EmrRun::default()
        }
    }

    fn converted(run: EmrRun) -> JobRun {
        run.into_run("111122223333", "eu-west-1").unwrap()
    }

    #[test]
    fn what_is_left_out_has_awss_default_or_is_not_known() {
        let plain = converted(run());
        assert_eq!(plain.identity.attempt, 1);
        assert_eq!(plain.kind, Some(JobKind::Spark));
        assert_eq!(plain.execution_class, Some(ExecutionClass::Standard));
        assert_eq!((plain.used, plain.billed, plain.tags), (None, None, None));
        let other = converted(EmrRun {
            attempt: Some(0),
            mode: Some("STREAMING".into()),
            flex_enabled: Some(true),
            ..run()
        });
        assert_eq!(other.identity.attempt, 1);
        assert_eq!(other.kind, Some(JobKind::Streaming));
        assert_eq!(other.execution_class, Some(ExecutionClass::Flex));
    }

    #[test]
    fn resources_are_known_once_processors_and_memory_are() {
        let mut told = Utilization { vcpu_hours: Some(2.into()), ..Utilization::default() };
        assert_eq!(told.known(), None);
        told.memory_gb_hours = Some(8.into());
        assert_eq!(told.known().unwrap().storage_gb_hours, Decimal::ZERO);
        told.storage_gb_hours = Some(1.into());
        assert_eq!(told.known().unwrap().storage_gb_hours, Decimal::ONE);
    }

    #[test]
    fn the_attempts_own_times_come_first() {
        let at = |second| Timestamp::from_second(second).ok();
        let of_run = EmrRun { created_at: at(1), updated_at: at(9), ..run() };
        let attempt = converted(EmrRun {
            attempt_created_at: at(5),
            attempt_updated_at: at(7),
            ..of_run.clone()
        });
        assert_eq!((attempt.created_at, attempt.updated_at), (at(5), at(7)));
        assert_eq!(attempt.end(), at(7));
        let whole = converted(of_run);
        assert_eq!((whole.created_at, whole.updated_at), (at(1), at(9)));
    }

    #[test]
    fn details_are_an_error_only_of_an_end_that_was_not_good() {
        let error = |state: &str| {
            let details = Some("details".to_owned());
            converted(EmrRun { state: Some(state.into()), state_details: details, ..run() }).error
        };
        assert_eq!(error("FAILED").as_deref(), Some("details"));
        assert_eq!(error("CANCELLED").as_deref(), Some("details"));
        assert_eq!(error("SUCCESS"), None);
        assert_eq!(error("PENDING"), None);
    }

    #[test]
    fn an_arn_says_where_the_run_is_and_a_bad_one_does_not() {
        let place = |arn: &str| {
            let run = EmrRun { arn: Some(arn.into()), ..run() };
            converted(run).identity
        };
        let there = place("arn:aws-cn:emr-serverless:cn-north-1:999988887777:/applications/a");
        assert_eq!((&*there.account, &*there.region), ("999988887777", "cn-north-1"));
        for arn in [
            "arn:aws:emr-serverless:us-east-1:12345:/applications/a",
            "arn:aws:emr-serverless::999988887777:/applications/a",
            "arn:aws:emr-serverless:us-east-1:999988887777",
            "urn:aws:emr-serverless:us-east-1:999988887777:/applications/a",
        ] {
            assert_eq!(&*place(arn).account, "111122223333", "{arn}");
        }
    }
}
