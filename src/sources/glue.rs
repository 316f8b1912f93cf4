//! Glue's API, read for runs: jobs with their command and tags, runs newest first, and known runs
//! one by one. Never starts or stops anything. What a run means is decided in `glue_convert`.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_glue::Client;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::glue_convert::GlueRun;
use super::json::Members;
use super::sweep::{Batches, SourceError, Sweep, Swept};
use crate::aws::{Answer, AwsError, Trouble, in_region};
use crate::model::{Definition, Engine, JobKind, JobRun, RunIdentity};

/// The most runs that Glue gives in a page.
const RUNS_PAGE: i32 = 200;

/// Jobs in a page. Glue would give 1,000, and a job's drawing alone may have a hundred kilobytes.
const JOBS_PAGE: i32 = 100;

/// Where a list is given up as endless: two million runs of one job, a million jobs.
const PAGES_MAX: usize = 10_000;

/// A job, as far as its runs need it.
struct Job {
    name: String,
    kind: Option<JobKind>,
}

/// A page of a job's runs.
struct Page {
    runs: Vec<JobRun>,
    next: Option<String>,
}

/// One account and region, being swept.
pub(super) struct GlueSweep<'s> {
    client: Client,
    account: &'s str,
    region: &'s str,
    sweep: &'s Sweep,
    batches: Batches,
}

impl<'s> GlueSweep<'s> {
    /// Gets ready to sweep.
    pub(super) fn new(
        config: &SdkConfig,
        account: &'s str,
        region: &'s str,
        sweep: &'s Sweep,
        batches: Batches,
    ) -> Self {
        let client = Client::new(&in_region(config, region));
        Self { client, account, region, sweep, batches }
    }

    /// Reads every job's runs, and asks for the known ones that no page told of.
    pub(super) async fn run(&self) -> Result<Swept, SourceError> {
        let jobs = self.jobs().await?;
        let mut open = self.open_by_job();
        let work: Vec<(Option<Job>, String, BTreeSet<String>)> = jobs
            .into_iter()
            .map(|job| {
                let (name, known) = (job.name.clone(), open.remove(&job.name));
                (Some(job), name, known.unwrap_or_default())
            })
            .collect();
        // What is left belongs to jobs that are no longer there. Their runs go with them, but Glue
        // is asked rather than presumed upon.
        let gone = open.into_iter().map(|(name, known)| (None, name, known));
        stream::iter(work.into_iter().chain(gone))
            .map(|(job, name, known)| async move {
                match job {
                    Some(job) => self.sweep_job(&job, known).await,
                    None => self.ask_again(&name, known, None).await,
                }
            })
            .buffer_unordered(self.sweep.concurrency)
            .try_fold(Swept::default(), |mut all, part| async move {
                all.add(part);
                Ok(all)
            })
            .await
    }

    /// Reads a job's runs, newest first, until they are too old to matter.
    ///
    /// Glue filters neither by date nor by state. A run that started up to [`RUN_LENGTH_MAX`]
    /// before the wanted instant may have ended after it, so reading stops only at the first page
    /// of which even the newest run started before that. The newest, and not the last: AWS says
    /// "chronological order" without saying of which time stamp, and a run that waited in a queue
    /// may stand a few places from where its start would put it.
    ///
    /// [`RUN_LENGTH_MAX`]: super::sweep::RUN_LENGTH_MAX
    async fn sweep_job(
        &self,
        job: &Job,
        mut known: BTreeSet<String>,
    ) -> Result<Swept, SourceError> {
        let mut swept = Swept::default();
        let mut definition = None;
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let page = match self.page(job, token.take(), &mut swept).await {
                Ok(page) => page,
                // Deleted since it was listed: what is known of it is asked for like the rest.
                Err(error) if error.trouble == Trouble::NotFound => break,
                Err(error) => return swept.survive(error).map(|()| swept),
            };
            let newest = page.runs.iter().filter_map(JobRun::start).max();
            let wanted = self.wanted(page.runs, &mut known);
            self.hand_over(job, wanted, &mut definition, &mut swept).await?;
            let too_old = newest.is_some_and(|newest| newest < self.sweep.started_since());
            token = page.next.filter(|_| !too_old);
            if token.is_none() {
                break;
            }
        }
        if token.is_some() {
            let list = format!("glue GetJobRuns of `{}`", job.name);
            return Err(SourceError::Endless { list, pages: PAGES_MAX });
        }
        if !known.is_empty() {
            if definition.is_none() {
                definition = Some(self.definition(job, &mut swept).await?);
            }
            swept.add(self.ask_again(&job.name, known, definition).await?);
        }
        Ok(swept)
    }

    /// The runs of a page that the sweep is after. Those that were known are no longer to be asked
    /// for one by one.
    fn wanted(&self, runs: Vec<JobRun>, known: &mut BTreeSet<String>) -> Vec<JobRun> {
        runs.into_iter()
            .filter(|run| {
                let was_open = known.remove(&run.identity.run_id);
                let changed_at = run.updated_at.max(run.ended_at);
                was_open || self.sweep.wants(run.state.is_terminal(), changed_at)
            })
            .collect()
    }

    /// Hands runs over with their job's definition, which is read for the first of them: most jobs
    /// have no new runs in a sweep, and then their tags need not be asked for.
    async fn hand_over(
        &self,
        job: &Job,
        mut runs: Vec<JobRun>,
        definition: &mut Option<Definition>,
        swept: &mut Swept,
    ) -> Result<(), SourceError> {
        if runs.is_empty() {
            return Ok(());
        }
        let definition = match definition {
            Some(definition) => definition,
            None => definition.insert(self.definition(job, swept).await?),
        };
        for run in &mut runs {
            run.define(definition.clone());
        }
        self.batches.hand_over(runs).await
    }

    /// Asks for known runs one by one. What Glue no longer knows stays as it is, and is named.
    async fn ask_again(
        &self,
        job: &str,
        known: BTreeSet<String>,
        definition: Option<Definition>,
    ) -> Result<Swept, SourceError> {
        let mut swept = Swept::default();
        for run_id in known {
            match self.get(job, &run_id, &mut swept).await {
                Ok(Some(mut run)) => {
                    if let Some(definition) = &definition {
                        run.define(definition.clone());
                    }
                    self.batches.hand_over(vec![run]).await?;
                }
                Ok(None) => {}
                Err(error) if error.trouble == Trouble::NotFound => {
                    swept.vanished.push(self.identity(run_id));
                }
                Err(error) => swept.survive(error)?,
            }
        }
        Ok(swept)
    }

    /// What a job gives to its runs: the kind of its command, and its tags where they may be read.
    async fn definition(&self, job: &Job, swept: &mut Swept) -> Result<Definition, SourceError> {
        let tags = match self.tags(&job.name).await {
            Ok(tags) => Some(tags),
            Err(error) if error.is_unavailable() => return Err(error.into()),
            Err(error) => {
                swept.untagged.push(error.to_string());
                None
            }
        };
        let (observed_at, kind) = (self.sweep.now, job.kind.clone());
        Ok(Definition { observed_at, kind, tags, ..Definition::default() })
    }

    /// The known runs to ask for, by job. One without a job's name cannot be asked for.
    fn open_by_job(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut open: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for known in &self.sweep.open {
            if let Some(job) = &known.job_name {
                open.entry(job.clone()).or_default().insert(known.identity.run_id.clone());
            }
        }
        open
    }

    fn identity(&self, run_id: String) -> RunIdentity {
        RunIdentity {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            engine: Engine::Glue,
            application_id: None,
            run_id,
            attempt: 1,
        }
    }
}

/// The calls.
impl GlueSweep<'_> {
    async fn jobs(&self) -> Result<Vec<Job>, SourceError> {
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

    async fn page(
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

    async fn get(
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

    async fn tags(&self, job: &str) -> Result<BTreeMap<String, String>, AwsError> {
        let (region, account) = (self.region, self.account);
        let arn = format!("arn:{}:glue:{region}:{account}:job/{job}", partition(region));
        let answer = self
            .client
            .get_tags()
            .resource_arn(arn)
            .send()
            .await
            .map_err(|error| AwsError::new(self.action_on("GetTags", job), &error))?;
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

    fn action(&self, operation: &str) -> String {
        format!("glue {operation} in {} {}", self.account, self.region)
    }

    fn action_on(&self, operation: &str, job: &str) -> String {
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

/// The SDK read the answer and we cannot: not the run's fault, so nothing of the page is taken.
pub(super) fn unreadable(action: &str, error: &serde_json::Error) -> AwsError {
    let message = format!("an answer that cannot be read: {error}");
    AwsError { action: action.to_owned(), trouble: Trouble::Other, message }
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
        assert_eq!(runs_of(b"<html>", "x").unwrap_err().trouble, Trouble::Other);
    }
}
