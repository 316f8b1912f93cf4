//! A Glue interactive session as AWS tells it, and what it means: a run of kind `session`. One
//! conversion for the files and for the API. Pure.
//!
//! A session has no job. Its `job_name` is the role that it works under: people share roles by
//! team, and a role is what rules of ownership can name.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::convert::{ConvertError, UnknownMembers, error_text, name, required, role_name, word};
use super::json::Members;
use crate::model::{Engine, JobKind, JobRun, RunIdentity, RunState};

const RECORD: &str = "a Glue session";

/// The members of Glue's `Session` that a run is made of, under AWS's names.
#[derive(Default)]
pub(super) struct GlueSession {
    id: Option<String>,
    created_on: Option<Timestamp>,
    completed_on: Option<Timestamp>,
    status: Option<String>,
    error_message: Option<String>,
    role: Option<String>,
    max_capacity: Option<Decimal>,
    glue_version: Option<String>,
    worker_type: Option<String>,
    number_of_workers: Option<u32>,
    execution_time_seconds: Option<Decimal>,
    dpu_seconds: Option<Decimal>,
    unknown: UnknownMembers,
}

impl GlueSession {
    /// Takes a session from a JSON object as the AWS CLI and the SDKs print it.
    pub(super) fn from_json(members: &Members<'_>) -> Result<Self, ConvertError> {
        let mut session = Self::default();
        for member in members.iter() {
            match member.name.as_ref() {
                "Id" => member.text(&mut session.id)?,
                "CreatedOn" => member.time(&mut session.created_on)?,
                "CompletedOn" => member.time(&mut session.completed_on)?,
                "Status" => member.text(&mut session.status)?,
                "ErrorMessage" => member.text(&mut session.error_message)?,
                "Role" => member.text(&mut session.role)?,
                "MaxCapacity" => member.decimal(&mut session.max_capacity)?,
                "GlueVersion" => member.text(&mut session.glue_version)?,
                "WorkerType" => member.text(&mut session.worker_type)?,
                "NumberOfWorkers" => member.small_count(&mut session.number_of_workers)?,
                "ExecutionTime" => member.decimal(&mut session.execution_time_seconds)?,
                "DPUSeconds" => member.decimal(&mut session.dpu_seconds)?,
                // Known and of no use to a ledger; `DefaultArguments` may hold secrets besides.
                "Command"
                | "Connections"
                | "DefaultArguments"
                | "Description"
                | "IdleTimeout"
                | "ProfileName"
                | "Progress"
                | "SecurityConfiguration"
                | "SessionType" => {}
                unknown => session.unknown.keep(unknown, member.value.get()),
            }
        }
        Ok(session)
    }

    /// The session in Runledger's words. Glue gives no time at which it last changed, so a session
    /// that is open is as new as the question (`asked_at`; none for a file), and one that has ended
    /// without a `CompletedOn` as the last moment in which it is known to have run.
    pub(super) fn into_run(
        self,
        account: &str,
        region: &str,
        asked_at: Option<Timestamp>,
    ) -> Result<JobRun, ConvertError> {
        let identity = RunIdentity {
            account: account.to_owned(),
            region: region.to_owned(),
            engine: Engine::Glue,
            application_id: None,
            run_id: required(RECORD, "Id", self.id)?,
            attempt: 1,
        };
        let state = RunState::from(required(RECORD, "Status", self.status)?.as_str());
        // A double in AWS's model. A second that was begun is paid for.
        let seconds = self.execution_time_seconds.and_then(|seconds| seconds.ceil().to_u64());
        let last_known = || {
            let ran = SignedDuration::from_secs(i64::try_from(seconds.unwrap_or(0)).ok()?);
            self.created_on?.checked_add(ran).ok()
        };
        let updated_at =
            if state.is_terminal() { self.completed_on.or_else(last_known) } else { asked_at };
        Ok(JobRun {
            job_name: name("Role", self.role.as_deref().map(role_name))?,
            updated_at,
            created_at: self.created_on,
            ended_at: self.completed_on,
            execution_seconds: seconds,
            kind: Some(JobKind::Session),
            version: word("GlueVersion", self.glue_version)?,
            worker_type: word("WorkerType", self.worker_type)?,
            worker_count: self.number_of_workers,
            max_capacity: self.max_capacity,
            dpu_seconds: self.dpu_seconds,
            error: error_text(self.error_message).filter(|_| state.is_bad_end()),
            unknown: self.unknown.into_members(),
            ..JobRun::new(identity, state)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(json: &str, asked_at: Option<Timestamp>) -> JobRun {
        let members = Members::parse(json).unwrap();
        let session = GlueSession::from_json(&members).unwrap();
        session.into_run("111122223333", "eu-west-1", asked_at).unwrap()
    }

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn a_session_that_has_ended() {
        let run = converted(
            r#"{"Id":"s1","CreatedOn":1000,"CompletedOn":1900.5,"Status":"STOPPED",
                "Role":"arn:aws:iam::111122223333:role/teams/analysts","ExecutionTime":600.25,
                "DPUSeconds":3001.25,"MaxCapacity":5.0,"WorkerType":"G.1X","NumberOfWorkers":5,
                "GlueVersion":"4.0","Progress":0.0,"DefaultArguments":{"--password":"x"},
                "IdleTimeout":30,"SessionType":"LIVY","Novelty":1}"#,
            at(9_999),
        );
        assert_eq!(
            (run.kind.clone(), run.state.clone()),
            (Some(JobKind::Session), "STOPPED".into())
        );
        assert_eq!(run.job_name.as_deref(), Some("analysts"));
        assert_eq!((run.start(), run.end()), (at(1000), at(1900)));
        assert_eq!((run.started_at, run.execution_seconds), (None, Some(601)));
        assert_eq!(run.dpu_seconds.unwrap().to_string(), "3001.25");
        assert!(run.is_settled() && !run.is_wasted_end(&JobKind::Session));
        assert_eq!(run.unknown.unwrap().keys().collect::<Vec<_>>(), ["Novelty"]);
    }

    #[test]
    fn an_end_without_its_time_and_an_open_session() {
        let json = |status: &str| {
            format!(r#"{{"Id":"s","CreatedOn":1000,"Status":"{status}","ExecutionTime":60}}"#)
        };
        let failed = converted(&json("FAILED"), at(9_999));
        assert_eq!((failed.end(), failed.is_settled()), (at(1060), false));
        let open = converted(&json("READY"), at(9_999));
        assert_eq!((open.end(), open.updated_at), (None, at(9_999)));
        assert_eq!(converted(&json("READY"), None).updated_at, None);
    }

    /// `IdleTimeout`: the session was left alone, which is nobody's failure.
    #[test]
    fn a_session_that_was_left_alone_wasted_nothing() {
        let json = r#"{"Id":"s","CreatedOn":1,"CompletedOn":2,"Status":"TIMEOUT"}"#;
        let run = converted(json, None);
        assert!(run.is_idle_end() && !run.is_wasted_end(&JobKind::Session));
    }
}
