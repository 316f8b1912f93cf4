//! Glue's API, read for runs: jobs with their command and tags, runs newest first, and known runs
//! one by one. Never starts or stops anything. What a run means is decided in `glue_convert`; the
//! calls themselves are in `calls`, and interactive sessions in `sessions`.

mod calls;
mod look;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_glue::Client;
use aws_sdk_glue::config::Builder;
use futures::{StreamExt, TryStreamExt, stream};

use super::sweep::{Batches, SourceError, Sweep, Swept};
use crate::aws::{RefuseNoAnswer, RetryTooMany, Trouble, in_region};
use crate::model::{Definition, Engine, JobKind, JobRun, RunIdentity};

pub(super) use look::look_at_jobs;

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
        let config = Builder::from(&in_region(config, region))
            .interceptor(RefuseNoAnswer)
            .retry_classifier(RetryTooMany);
        let client = Client::from_conf(config.build());
        Self { client, account, region, sweep, batches }
    }

    /// Reads every job's runs, and asks for the known ones that no page told of.
    pub(super) async fn job_runs(&self) -> Result<Swept, SourceError> {
        let jobs = self.jobs().await?;
        let mut open = self.open_by_job();
        let work: Vec<(Option<Job>, String, BTreeSet<String>)> = jobs
            .into_iter()
            .map(|job| {
                let (name, known) = (job.name.clone(), open.remove(&job.name));
                (Some(job), name, known.unwrap_or_default())
            })
            .filter(|(_, _, known)| !(self.sweep.only_open && known.is_empty()))
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
        let pages_max = if self.sweep.only_open { 0 } else { PAGES_MAX };
        for _ in 0..pages_max {
            let page = match self.page(job, token.take(), &mut swept).await {
                Ok(page) => page,
                // Deleted since it was listed: what is known of it is asked for like the rest.
                Err(error) if error.trouble == Trouble::NotFound => break,
                Err(error) => return swept.survive(error).map(|()| swept),
            };
            let newest = page.runs.iter().filter_map(JobRun::start).max();
            let wanted = self.wanted(page.runs, &mut known);
            let read = self.definition(job, &mut swept);
            self.batches.hand_over_defined(wanted, &mut definition, read).await?;
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
        let tags = swept.tags_or_note(self.tags("job", &job.name).await)?;
        let (observed_at, kind) = (self.sweep.now, job.kind.clone());
        Ok(Definition { observed_at, kind, tags, ..Definition::default() })
    }

    /// The known runs to ask for, by job. One without a job's name cannot be asked for.
    fn open_by_job(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut open: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for known in self.sweep.open.iter().filter(|known| !known.is_session) {
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
