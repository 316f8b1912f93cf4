//! `collect`: reads the Glue and EMR Serverless runs of every configured account and region.

use clap::Args;
use jiff::Span;

use super::output::{complain, progress, say};
use super::{Exit, Failure, World};
use crate::sources::SourceError;
use crate::tasks::collect::{CollectError, CollectOutcome, collect};

#[derive(Debug, Args)]
pub(super) struct Collect {
    /// How far back to read, as 2d or 90d, instead of from where the last time ended
    #[arg(long, value_name = "SPAN")]
    since: Option<Span>,
}

impl Collect {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let app = world.app_to_write().await?;
        world.warn_without_ttl(&app).await;
        let accounts = app.accounts().await;
        let settings = &app.config.collect;
        let bar = progress(world.quiet, "collecting");
        let outcome = collect(&app.store, &accounts, settings, self.since, world.now).await;
        bar.finish_and_clear();
        let outcome = outcome?;
        tell(world, &outcome);
        Ok(match outcome.exit_code() {
            0 => Exit::Done,
            4 => Exit::Partly,
            5 => Exit::AwsUnavailable,
            _ => Exit::Failed,
        })
    }
}

fn tell(world: &World, outcome: &CollectOutcome) {
    for source in &outcome.sources {
        match &source.failure {
            Some(failure) => complain(&source.to_string(), Some(failure.hint)),
            None => match &source.sessions_failure {
                Some(failure) => complain(&source.to_string(), Some(failure.hint)),
                None => say(world.quiet, &source.to_string()),
            },
        }
        for run in &source.vanished {
            say(
                world.quiet,
                &format!("note: AWS no longer knows run {}; kept as it is", run.run_id),
            );
        }
        for untagged in &source.untagged {
            say(world.quiet, &format!("note: no tags: {untagged}"));
        }
    }
    for quota in &outcome.quotas_unread {
        say(world.quiet, &format!("note: no quotas: {quota}"));
    }
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Self {
        let message = error.to_string();
        match error {
            CollectError::Store(error) => error.into(),
            CollectError::Since(_) => Self::usage(message, "write it like 2d or 90d"),
            CollectError::Home(source) => Self {
                exit: match &source {
                    SourceError::NoRegion => Exit::Usage,
                    source if source.is_unavailable() => Exit::AwsUnavailable,
                    _ => Exit::Failed,
                },
                message,
                hint: Some(source.hint().to_owned()),
            },
        }
    }
}
