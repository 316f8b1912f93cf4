//! EMR Serverless's calls, with AWS's answers in our own types.

use std::collections::BTreeSet;

use aws_sdk_emrserverless::types::{ApplicationSummary, JobRunState, SessionState};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EmrServerlessSweep, Listing, PAGES_MAX};
use crate::aws::{Answer, AwsError, instant, whole_second};
use crate::model::{JobRun, RunState};
use crate::sources::ConvertError;
use crate::sources::emr_serverless_convert::EmrRun;
use crate::sources::emr_session_convert::EmrSession;
use crate::sources::json::Members;
use crate::sources::sweep::{Scope, SourceError, Swept, unreadable};

/// The most that any list of EMR Serverless gives in a page.
const PAGE: i32 = 50;

/// What a list tells of a run or session: enough to know whether it is to be asked for.
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) is_terminal: bool,
    pub(super) updated_at: Option<Timestamp>,
}

impl Listed {
    fn new(id: String, state: &str, updated_at: &aws_smithy_types::DateTime) -> Self {
        let is_terminal = RunState::from(state).is_terminal();
        Self { id, is_terminal, updated_at: instant(updated_at) }
    }
}

/// The states of a run that is still at work. The filter takes eight states at most, of nine.
const AT_WORK: [JobRunState; 6] = [
    JobRunState::Submitted,
    JobRunState::Pending,
    JobRunState::Scheduled,
    JobRunState::Queued,
    JobRunState::Running,
    JobRunState::Cancelling,
];

/// The same for sessions, of which there are eight states.
const SESSIONS_AT_WORK: [SessionState; 6] = [
    SessionState::Submitted,
    SessionState::Starting,
    SessionState::Started,
    SessionState::Idle,
    SessionState::Busy,
    SessionState::Terminating,
];

impl EmrServerlessSweep<'_> {
    /// Every application.
    pub(super) async fn applications(&self) -> Result<Vec<ApplicationSummary>, SourceError> {
        let action = format!("emr-serverless ListApplications in {} {}", self.account, self.region);
        let mut applications = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let answer = self
                .client
                .list_applications()
                .max_results(PAGE)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|error| AwsError::new(&action, &error))?;
            applications.extend(answer.applications);
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(applications);
            }
        }
        Err(SourceError::Endless { list: action, pages: PAGES_MAX })
    }

    /// The operation that lists what this sweep is after.
    pub(super) const fn list_operation(&self) -> &'static str {
        match self.scope {
            Scope::JobRuns => "ListJobRuns",
            Scope::Sessions => "ListSessions",
        }
    }

    /// A page of an application's runs or sessions, and where the next one begins.
    pub(super) async fn list(
        &self,
        application: &str,
        listing: Listing,
        token: Option<String>,
    ) -> Result<(Vec<Listed>, Option<String>), AwsError> {
        let (listed, next) = match self.scope {
            Scope::JobRuns => self.list_job_runs(application, listing, token).await?,
            Scope::Sessions => self.list_sessions(application, listing, token).await?,
        };
        Ok((listed, next.filter(|token| !token.is_empty())))
    }

    async fn list_job_runs(
        &self,
        application: &str,
        listing: Listing,
        token: Option<String>,
    ) -> Result<(Vec<Listed>, Option<String>), AwsError> {
        let horizon = whole_second(self.sweep.started_since());
        let call = self
            .client
            .list_job_runs()
            .application_id(application)
            .max_results(PAGE)
            .set_next_token(token);
        let call = match listing {
            Listing::Recent => call.created_at_after(horizon),
            Listing::OldAtWork => {
                call.created_at_before(horizon).set_states(Some(AT_WORK.to_vec()))
            }
        };
        let answer = call
            .send()
            .await
            .map_err(|error| AwsError::new(self.action("ListJobRuns", application), &error))?;
        let runs = answer.job_runs.into_iter();
        let listed = runs.map(|run| Listed::new(run.id, run.state.as_str(), &run.updated_at));
        Ok((listed.collect(), answer.next_token))
    }

    async fn list_sessions(
        &self,
        application: &str,
        listing: Listing,
        token: Option<String>,
    ) -> Result<(Vec<Listed>, Option<String>), AwsError> {
        let horizon = whole_second(self.sweep.started_since());
        let call = self
            .client
            .list_sessions()
            .application_id(application)
            .max_results(PAGE)
            .set_next_token(token);
        let call = match listing {
            Listing::Recent => call.created_at_after(horizon),
            Listing::OldAtWork => {
                call.created_at_before(horizon).set_states(Some(SESSIONS_AT_WORK.to_vec()))
            }
        };
        let answer = call
            .send()
            .await
            .map_err(|error| AwsError::new(self.action("ListSessions", application), &error))?;
        let all = answer.sessions.into_iter();
        let listed = all.map(|s| Listed::new(s.session_id, s.state.as_str(), &s.updated_at));
        Ok((listed.collect(), answer.next_token))
    }

    /// The numbers of the attempts before the latest that are at work, changed since, or are known
    /// as open.
    pub(super) async fn earlier_attempts(
        &self,
        application: &str,
        run_id: &str,
        latest: u32,
        open: &BTreeSet<u32>,
    ) -> Result<BTreeSet<u32>, SourceError> {
        let action = self.action("ListJobRunAttempts", application);
        let mut earlier = BTreeSet::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let answer = self
                .client
                .list_job_run_attempts()
                .application_id(application)
                .job_run_id(run_id)
                .max_results(PAGE)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|error| AwsError::new(&action, &error))?;
            for attempt in answer.job_run_attempts {
                let Some(number) = attempt.attempt.and_then(|number| u32::try_from(number).ok())
                else {
                    continue;
                };
                let is_terminal = RunState::from(attempt.state.as_str()).is_terminal();
                let changed = self.sweep.wants(is_terminal, instant(&attempt.updated_at));
                if number < latest && (changed || open.contains(&number)) {
                    earlier.insert(number);
                }
            }
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(earlier);
            }
        }
        Err(SourceError::Endless { list: action, pages: PAGES_MAX })
    }

    /// One attempt, the latest where no number is given, or one session. `None` where it cannot be
    /// read, which is noted. Tags are what they are now: nobody tells when they became so.
    pub(super) async fn get(
        &self,
        application: &str,
        run_id: &str,
        attempt: Option<u32>,
        swept: &mut Swept,
    ) -> Result<Option<JobRun>, AwsError> {
        let (action, body) = match self.scope {
            Scope::JobRuns => self.get_job_run(application, run_id, attempt).await?,
            Scope::Sessions => self.get_session(application, run_id).await?,
        };
        let answer: GetAnswer<'_> =
            serde_json::from_slice(&body).map_err(|error| unreadable(&action, &error))?;
        let run = Members::parse(answer.record.get())
            .map_err(|error| error.to_string())
            .and_then(|members| self.read(&members).map_err(|error| error.to_string()));
        match run {
            Ok(mut run) => {
                run.observe_tags(self.sweep.now);
                Ok(Some(run))
            }
            Err(reason) => {
                swept.unread.push(format!("{action}: run {run_id} cannot be read: {reason}"));
                Ok(None)
            }
        }
    }

    fn read(&self, members: &Members<'_>) -> Result<JobRun, ConvertError> {
        match self.scope {
            Scope::JobRuns => EmrRun::from_json(members)?.into_run(self.account, self.region),
            Scope::Sessions => EmrSession::from_json(members)?.into_run(self.account, self.region),
        }
    }

    async fn get_job_run(
        &self,
        application: &str,
        run_id: &str,
        attempt: Option<u32>,
    ) -> Result<(String, Vec<u8>), AwsError> {
        let action = self.action("GetJobRun", application);
        let body = Answer::default();
        self.client
            .get_job_run()
            .application_id(application)
            .job_run_id(run_id)
            .set_attempt(attempt.and_then(|number| i32::try_from(number).ok()))
            .customize()
            .interceptor(body.clone())
            .send()
            .await
            .map_err(|error| AwsError::new(&action, &error))?;
        Ok((action, body.take()))
    }

    async fn get_session(
        &self,
        application: &str,
        id: &str,
    ) -> Result<(String, Vec<u8>), AwsError> {
        let action = self.action("GetSession", application);
        let body = Answer::default();
        self.client
            .get_session()
            .application_id(application)
            .session_id(id)
            .customize()
            .interceptor(body.clone())
            .send()
            .await
            .map_err(|error| AwsError::new(&action, &error))?;
        Ok((action, body.take()))
    }

    /// A call, for messages.
    pub(super) fn action(&self, operation: &str, application: &str) -> String {
        let (account, region) = (self.account, self.region);
        format!("emr-serverless {operation} of application {application} in {account} {region}")
    }
}

/// The answer to `GetJobRun` or `GetSession`, its run or session untouched.
#[derive(Deserialize)]
struct GetAnswer<'a> {
    #[serde(borrow, rename = "jobRun", alias = "session")]
    record: &'a RawValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_ended(words: &'static [&'static str]) -> BTreeSet<&'static str> {
        words.iter().copied().filter(|word| !RunState::from(*word).is_terminal()).collect()
    }

    /// The filter of either list takes eight states at most.
    #[test]
    fn every_state_that_is_not_an_end_is_listed_as_at_work() {
        let at_work: BTreeSet<&str> = AT_WORK.iter().map(JobRunState::as_str).collect();
        assert_eq!(at_work, not_ended(JobRunState::values()));
        let open: BTreeSet<&str> = SESSIONS_AT_WORK.iter().map(SessionState::as_str).collect();
        assert_eq!(open, not_ended(SessionState::values()));
        assert!(at_work.len() <= 8 && open.len() <= 8);
    }
}
