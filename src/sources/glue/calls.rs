//! Glue's calls, with AWS's answers in our own types.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{GlueSweep, Job, PAGES_MAX, Page};
use crate::aws::{Answer, AwsError};
use crate::model::{JobKind, JobRun};
use crate::sources::glue_convert::GlueRun;
use crate::sources::json::Members;
use crate::sources::sweep::{SourceError, Swept, unreadable};

/// The most runs that Glue gives in a page.
const RUNS_PAGE: i32 = 200;

/// Jobs in a page. Glue would give 1,000, and a job's drawing alone may have a hundred kilobytes.
const JOBS_PAGE: i32 = 100;

impl GlueSweep<'_> {
    /// Every job.
    pub(super) async fn jobs(&self) -> Result<Vec<Job>, SourceError> {
        let mut jobs = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let answer = self
                .client
                .get_jobs()
                .max_results(JOBS_PAGE)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|error| AwsError::new(self.action("GetJobs"), &error))?;
            jobs.extend(answer.jobs.unwrap_or_default().into_iter().filter_map(|job| {
                let command = job.command.and_then(|command| command.name);
                let kind = command.as_deref().map(JobKind::of_glue_command);
                Some(Job { name: job.name?, kind })
            }));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(jobs);
            }
        }
        Err(SourceError::Endless { list: self.action("GetJobs"), pages: PAGES_MAX })
    }

    /// A page of a job's runs.
    pub(super) async fn page(
        &self,
        job: &Job,
        token: Option<String>,
        swept: &mut Swept,
    ) -> Result<Page, AwsError> {
        let body = Answer::default();
        let answer = self
            .client
            .get_job_runs()
            .job_name(&job.name)
            .max_results(RUNS_PAGE)
            .set_next_token(token)
            .customize()
            .interceptor(body.clone())
            .send()
            .await
            .map_err(|error| AwsError::new(self.action_on("GetJobRuns", &job.name), &error))?;
        let action = self.action_on("GetJobRuns", &job.name);
        let runs = runs_of(&body.take(), &action)?
            .into_iter()
            .filter_map(|json| self.read(json.get(), &job.name, &action, swept))
            .collect();
        Ok(Page { runs, next: answer.next_token.filter(|token| !token.is_empty()) })
    }

    /// One run, `None` where it cannot be read, which is noted.
    pub(super) async fn get(
        &self,
        job: &str,
        run_id: &str,
        swept: &mut Swept,
    ) -> Result<Option<JobRun>, AwsError> {
        let action = self.action_on("GetJobRun", job);
        let body = Answer::default();
        self.client
            .get_job_run()
            .job_name(job)
            .run_id(run_id)
            .customize()
            .interceptor(body.clone())
            .send()
            .await
            .map_err(|error| AwsError::new(&action, &error))?;
        let body = body.take();
        let answer: RunAnswer<'_> =
            serde_json::from_slice(&body).map_err(|error| unreadable(&action, &error))?;
        Ok(self.read(answer.job_run.get(), job, &action, swept))
    }

    /// The tags of a job or session.
    pub(super) async fn tags(
        &self,
        kind: &str,
        name: &str,
    ) -> Result<BTreeMap<String, String>, AwsError> {
        let (region, account) = (self.region, self.account);
        let arn = format!("arn:{}:glue:{region}:{account}:{kind}/{name}", partition(region));
        let answer = self
            .client
            .get_tags()
            .resource_arn(arn)
            .send()
            .await
            .map_err(|error| AwsError::new(self.action_on("GetTags", name), &error))?;
        Ok(answer.tags.unwrap_or_default().into_iter().collect())
    }

    /// A run in Runledger's words. One that cannot be read does not hide the others of its page.
    fn read(&self, json: &str, job: &str, action: &str, swept: &mut Swept) -> Option<JobRun> {
        let run = Members::parse(json)
            .map_err(|error| error.to_string())
            .and_then(|members| GlueRun::from_json(&members).map_err(|error| error.to_string()))
            .and_then(|run| {
                run.into_run(self.account, self.region).map_err(|error| error.to_string())
            });
        match run {
            Ok(mut run) => {
                run.job_name.get_or_insert_with(|| job.to_owned());
                Some(run)
            }
            Err(reason) => {
                swept.unread.push(format!("{action}: a run that cannot be read: {reason}"));
                None
            }
        }
    }

    pub(super) fn action(&self, operation: &str) -> String {
        format!("glue {operation} in {} {}", self.account, self.region)
    }

    pub(super) fn action_on(&self, operation: &str, job: &str) -> String {
        format!("glue {operation} of `{job}` in {} {}", self.account, self.region)
    }
}

/// The answer to GetJobRuns, its runs untouched.
#[derive(Deserialize)]
struct RunsAnswer<'a> {
    #[serde(borrow, rename = "JobRuns", default)]
    job_runs: Option<Vec<&'a RawValue>>,
}

/// The answer to GetJobRun, its run untouched.
#[derive(Deserialize)]
struct RunAnswer<'a> {
    #[serde(borrow, rename = "JobRun")]
    job_run: &'a RawValue,
}

fn runs_of<'a>(body: &'a [u8], action: &str) -> Result<Vec<&'a RawValue>, AwsError> {
    let answer: RunsAnswer<'_> =
        serde_json::from_slice(body).map_err(|error| unreadable(action, &error))?;
    Ok(answer.job_runs.unwrap_or_default())
}

/// The partition that a region's ARNs name. GetTags alone needs an ARN of our own making.
fn partition(region: &str) -> &'static str {
    const PARTITIONS: [(&str, &str); 6] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
    ];
    let of = |(start, _): &&(&str, &str)| region.starts_with(start);
    PARTITIONS.iter().find(of).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Trouble;

    #[test]
    fn a_region_names_its_partition() {
        assert_eq!(partition("eu-west-1"), "aws");
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition("us-isob-east-1"), "aws-iso-b");
    }

    #[test]
    fn an_answer_without_runs_has_none() {
        assert!(runs_of(b"{}", "x").unwrap().is_empty());
        assert_eq!(runs_of(br#"{"JobRuns":[{"Id":"a"},{"Id":"b"}]}"#, "x").unwrap().len(), 2);
        assert_eq!(runs_of(b"<html>", "x").unwrap_err().trouble, Trouble::Garbled);
    }
}
