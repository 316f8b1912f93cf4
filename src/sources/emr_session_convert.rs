//! An EMR Serverless interactive session as AWS tells it, and what it means: a run of kind
//! `session`. One conversion for the files and for the API. Pure.
//!
//! A session has no job. Its `job_name` is the role that it works under, as a Glue session's is;
//! the name that a notebook makes up for it says nothing that runs could be grouped by.

use super::convert::{ConvertError, error_text, role_name};
use super::emr_serverless_convert::EmrRun;
use super::json::Members;
use crate::model::{JobKind, JobRun};

/// An EMR Serverless session: the members that it shares with a job run, and its role.
pub(super) struct EmrSession {
    run: EmrRun,
    role: Option<String>,
}

impl EmrSession {
    /// Takes a session from a JSON object as the AWS CLI and the SDKs print it. Utilisation, times
    /// and tags bear the names that they have in a job run.
    pub(super) fn from_json(members: &Members<'_>) -> Result<Self, ConvertError> {
        let mut run = EmrRun::from_json(members)?;
        let mut role = None;
        for member in members.iter() {
            match member.name.as_ref() {
                "sessionId" => member.text(&mut run.job_run_id)?,
                "executionRoleArn" => member.text(&mut role)?,
                _ => {}
            }
        }
        // What a job run does not have is no news in a session.
        for known in ["sessionId", "executionRoleArn", "idleSince", "idleTimeoutMinutes"] {
            run.unknown.forget(known);
        }
        Ok(Self { run, role })
    }

    /// The account and region that the session's own ARN names, or `None` where it has none.
    pub(super) fn place(&self) -> Option<(&str, &str)> {
        self.run.place()
    }

    /// The session in Runledger's words.
    pub(super) fn into_run(self, account: &str, region: &str) -> Result<JobRun, ConvertError> {
        let details = self.run.state_details.clone();
        let mut run = self.run.into_run(account, region)?;
        run.kind = Some(JobKind::Session);
        // Sessions know no spare capacity.
        run.execution_class = None;
        run.job_name =
            super::convert::name("executionRoleArn", self.role.as_deref().map(role_name))?;
        run.error = error_text(details).filter(|_| run.state.is_bad_end());
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunState;

    fn converted(state: &str) -> JobRun {
        let json = format!(
            r#"{{"applicationId":"app","sessionId":"s1","name":"notebook-7","state":"{state}",
                "arn":"arn:aws:emr-serverless:us-east-1:999988887777:/applications/app/sessions/s1",
                "executionRoleArn":"arn:aws:iam::999988887777:role/analysts","idleSince":1500,
                "stateDetails":"idle for 60 minutes","createdAt":1000,"updatedAt":2000,
                "startedAt":1060,"endedAt":2000,"idleTimeoutMinutes":60,
                "totalExecutionDurationSeconds":940,"tags":{{"team":"insight"}},
                "totalResourceUtilization":{{"vCPUHour":1.0,"memoryGBHour":4.0}},
                "billedResourceUtilization":{{"vCPUHour":1.1,"memoryGBHour":4.4}}}}"#
        );
        let session = EmrSession::from_json(&Members::parse(&json).unwrap()).unwrap();
        assert_eq!(session.place(), Some(("999988887777", "us-east-1")));
        session.into_run("x", "y").unwrap()
    }

    #[test]
    fn a_session_is_a_run_of_its_role() {
        let run = converted("TERMINATED");
        assert_eq!((run.identity.run_id.as_str(), run.identity.attempt), ("s1", 1));
        assert_eq!(
            (run.kind.clone(), run.state.clone()),
            (Some(JobKind::Session), RunState::Terminated)
        );
        assert_eq!(run.job_name.as_deref(), Some("analysts"));
        assert_eq!(run.billed.unwrap().vcpu_hours.to_string(), "1.1");
        assert_eq!((run.error.as_deref(), run.unknown.as_ref()), (None, None));
        assert!(run.is_settled());
        assert_eq!(run.tags.unwrap()["team"], "insight");
        assert_eq!(converted("FAILED").error.as_deref(), Some("idle for 60 minutes"));
        assert!(!converted("BUSY").state.is_terminal());
    }
}
