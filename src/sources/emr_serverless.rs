//! EMR Serverless's API, read for runs: applications with architecture and tags, runs by creation
//! date, and every attempt with what it used and was billed. Never starts or cancels anything.
//! What a run means is decided in `emr_serverless_convert`; the calls themselves are in `calls`.
//!
//! Interactive sessions are swept the same way, by calls of their own: they have one attempt, and
//! are listed by creation date too.
//!
//! A list says nothing of utilisation, so each run costs a call of its own. It is made for runs
//! that changed since the last sweep, that are at work, or that the store knows as open: whatever
//! else is listed was stored with its final figures before.

mod calls;
mod look;

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_emrserverless::Client;
use aws_sdk_emrserverless::config::Builder;
use aws_sdk_emrserverless::types::ApplicationSummary;
use futures::{StreamExt, TryStreamExt, stream};
use rust_decimal::Decimal;

use self::calls::Listed;
use super::sweep::{Batches, Scope, SourceError, Sweep, Swept};
use crate::aws::{AwsError, RefuseNoAnswer, RetryTooMany, Trouble, in_region};
use crate::model::{Architecture, Definition, Engine, JobRun, RunIdentity};

pub(super) use look::look_at_applications;

/// Where a list is given up as endless: half a million runs of an application.
const PAGES_MAX: usize = 10_000;

/// The type of an application that can have sessions: they are Spark's.
const SPARK: &str = "Spark";

/// Which of an application's runs a list is of. Together they hold every run that a sweep may want,
/// except those that ended long ago and are known as open.
#[derive(Clone, Copy)]
enum Listing {
    /// Created late enough to have ended since, in whatever state.
    Recent,
    /// Older, and still at work: a streaming run has no longest length.
    OldAtWork,
}

/// The known attempts to ask for, by run id.
type Known = BTreeMap<String, BTreeSet<u32>>;

/// One account and region, being swept.
pub(super) struct EmrServerlessSweep<'s> {
    client: Client,
    account: &'s str,
    region: &'s str,
    scope: Scope,
    sweep: &'s Sweep,
    batches: Batches,
}

impl<'s> EmrServerlessSweep<'s> {
    /// Gets ready to sweep.
    pub(super) fn new(
        config: &SdkConfig,
        account: &'s str,
        region: &'s str,
        scope: Scope,
        sweep: &'s Sweep,
        batches: Batches,
    ) -> Self {
        let config = Builder::from(&in_region(config, region))
            .interceptor(RefuseNoAnswer)
            .retry_classifier(RetryTooMany);
        let client = Client::from_conf(config.build());
        Self { client, account, region, scope, sweep, batches }
    }

    /// Reads every application's runs, and asks for the known ones that no list told of.
    pub(super) async fn run(&self) -> Result<Swept, SourceError> {
        let mut swept = Swept::default();
        let mut open = self.open_by_application();
        for application in self.applications().await? {
            let known = open.remove(&application.id).unwrap_or_default();
            if self.scope == Scope::Sessions && application.r#type != SPARK && known.is_empty() {
                continue;
            }
            self.sweep_application(&application, known, &mut swept).await?;
        }
        // What is left belongs to applications that are no longer listed. Their runs may outlive
        // them, so they are asked for.
        for (application, known) in open {
            let runs =
                self.read_runs(&application, known.into_iter().collect(), &mut swept).await?;
            self.batches.hand_over(runs).await?;
        }
        Ok(swept)
    }

    async fn sweep_application(
        &self,
        application: &ApplicationSummary,
        mut known: Known,
        swept: &mut Swept,
    ) -> Result<(), SourceError> {
        let mut definition = None;
        let listings: &[Listing] = match self.sweep.only_open {
            true => &[],
            false => &[Listing::Recent, Listing::OldAtWork],
        };
        for listing in listings.iter().copied() {
            let mut token = None;
            for page in 0.. {
                if page == PAGES_MAX {
                    let list = self.action(self.list_operation(), &application.id);
                    return Err(SourceError::Endless { list, pages: PAGES_MAX });
                }
                let (runs, next) = match self.list(&application.id, listing, token).await {
                    Ok(page) => page,
                    // An application that is gone since it was listed has nothing more to tell.
                    Err(error) if error.trouble == Trouble::NotFound => break,
                    Err(error) => return swept.survive(error),
                };
                let wanted = self.wanted(&runs, &mut known);
                self.fetch(application, wanted, &mut definition, swept).await?;
                token = next;
                if token.is_none() {
                    break;
                }
            }
        }
        self.fetch(application, known.into_iter().collect(), &mut definition, swept).await
    }

    /// The runs of a page that are to be asked for, with their attempts known as open. Those are no
    /// longer to be asked for by themselves.
    fn wanted(&self, runs: &[Listed], known: &mut Known) -> Vec<(String, BTreeSet<u32>)> {
        let mut wanted = Vec::new();
        for run in runs {
            let open = known.remove(&run.id);
            if open.is_some() || self.sweep.wants(run.is_terminal, run.updated_at) {
                wanted.push((run.id.clone(), open.unwrap_or_default()));
            }
        }
        wanted
    }

    /// Reads runs and hands them over with their application's definition, which is read for the
    /// first of them.
    async fn fetch(
        &self,
        application: &ApplicationSummary,
        wanted: Vec<(String, BTreeSet<u32>)>,
        definition: &mut Option<Definition>,
        swept: &mut Swept,
    ) -> Result<(), SourceError> {
        let runs = self.read_runs(&application.id, wanted, swept).await?;
        let read = self.definition(application, swept);
        self.batches.hand_over_defined(runs, definition, read).await
    }

    /// Reads runs with their attempts, a few at a time.
    async fn read_runs(
        &self,
        application: &str,
        wanted: Vec<(String, BTreeSet<u32>)>,
        swept: &mut Swept,
    ) -> Result<Vec<JobRun>, SourceError> {
        let mut answers = stream::iter(wanted)
            .map(|(run_id, open)| async move {
                let mut part = Swept::default();
                let runs = self.attempts(application, &run_id, &open, &mut part).await?;
                Ok::<_, SourceError>((runs, part))
            })
            .buffer_unordered(self.sweep.concurrency);
        let mut runs = Vec::new();
        while let Some((read, part)) = answers.try_next().await? {
            runs.extend(read);
            swept.add(part);
        }
        Ok(runs)
    }

    /// Reads the latest attempt of a run, and of those before it the ones that are wanted: an
    /// attempt that ended long ago was stored before.
    async fn attempts(
        &self,
        application: &str,
        run_id: &str,
        open: &BTreeSet<u32>,
        swept: &mut Swept,
    ) -> Result<Vec<JobRun>, SourceError> {
        let mut runs = Vec::new();
        let latest = match self.get(application, run_id, None, swept).await {
            Ok(latest) => latest,
            Err(error) if error.trouble == Trouble::NotFound => {
                let attempts = if open.is_empty() { &BTreeSet::from([1]) } else { open };
                let gone = attempts.iter().map(|n| self.identity(application, run_id, *n));
                swept.vanished.extend(gone);
                return Ok(runs);
            }
            Err(error) => return swept.survive(error).map(|()| runs),
        };
        let number = latest.as_ref().map_or(1, |run| run.identity.attempt);
        runs.extend(latest);
        if number == 1 {
            return Ok(runs);
        }
        let earlier = match self.earlier_attempts(application, run_id, number, open).await {
            Ok(earlier) => earlier,
            Err(SourceError::Aws(error)) => return swept.survive(error).map(|()| runs),
            Err(endless) => return Err(endless),
        };
        for attempt in earlier {
            match self.get(application, run_id, Some(attempt), swept).await {
                Ok(run) => runs.extend(run),
                Err(error) => swept.survive(error)?,
            }
        }
        Ok(runs)
    }

    /// What an application gives to its runs. Where it may be listed but not read, the list's own
    /// word on architecture and name stands, and the tags are unknown.
    async fn definition(
        &self,
        listed: &ApplicationSummary,
        swept: &mut Swept,
    ) -> Result<Definition, SourceError> {
        let from_list = Definition {
            observed_at: self.sweep.now,
            architecture: listed.architecture.as_ref().map(|a| Architecture::from(a.as_str())),
            application_name: listed.name.clone(),
            ..Definition::default()
        };
        let answer = self.client.get_application().application_id(&listed.id).send().await;
        let action = || self.action("GetApplication", &listed.id);
        match answer.map_err(|error| AwsError::new(action(), &error)) {
            Ok(answer) => {
                let application = answer.application;
                let limit = application.as_ref().and_then(|a| a.maximum_capacity.as_ref());
                let maximum_vcpus = limit.and_then(|limit| vcpus(&limit.cpu));
                let tags = application
                    .map(|application| application.tags.unwrap_or_default().into_iter().collect());
                Ok(Definition { maximum_vcpus, tags, ..from_list })
            }
            Err(error) if error.is_unavailable() || error.trouble == Trouble::Garbled => {
                Err(error.into())
            }
            Err(error) => {
                swept.untagged.push(error.to_string());
                Ok(from_list)
            }
        }
    }

    fn open_by_application(&self) -> BTreeMap<String, Known> {
        let mut open: BTreeMap<String, Known> = BTreeMap::new();
        let sessions = self.scope == Scope::Sessions;
        let known = self.sweep.open.iter().filter(|known| known.is_session == sessions);
        for RunIdentity { application_id, run_id, attempt, .. } in known.map(|k| &k.identity) {
            if let Some(application) = application_id {
                let runs = open.entry(application.clone()).or_default();
                runs.entry(run_id.clone()).or_default().insert(*attempt);
            }
        }
        open
    }

    fn identity(&self, application: &str, run_id: &str, attempt: u32) -> RunIdentity {
        RunIdentity {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            engine: Engine::EmrServerless,
            application_id: Some(application.to_owned()),
            run_id: run_id.to_owned(),
            attempt,
        }
    }
}

/// The number in `400 vCPU`, as `maximumCapacity` writes it, or `None` for anything else.
fn vcpus(text: &str) -> Option<Decimal> {
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let unit = unit.trim();
    let known = unit.is_empty() || unit.eq_ignore_ascii_case("vcpu");
    if known { number.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_with_its_unit() {
        assert_eq!(vcpus("400 vCPU"), Some(Decimal::from(400)));
        assert_eq!(vcpus("400vCPU"), Some(Decimal::from(400)));
        assert_eq!(vcpus("16"), Some(Decimal::from(16)));
        assert_eq!(vcpus("3000 GB"), None);
        assert_eq!(vcpus("vCPU"), None);
    }
}
