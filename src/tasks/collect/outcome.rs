//! What collecting came to: source by source, what was stored and why anything was not.

use std::fmt;

use jiff::Span;

use crate::aws::AwsError;
use crate::model::{Engine, RunIdentity};
use crate::sources::SourceError;
use crate::store::{Saved, StoreError};

/// What collecting came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectOutcome {
    /// One for each account, region and service, in the order of the configuration.
    pub sources: Vec<SourceOutcome>,
    /// Accounts and regions whose quotas could not be read, with the reason. No reason to fail:
    /// limits may stand in the configuration instead.
    pub quotas_unread: Vec<String>,
}

/// What one account, region and service came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOutcome {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine.
    pub engine: Engine,
    /// What storing the runs came to.
    pub saved: Saved,
    /// Known runs that the service no longer knows. They stay as they are.
    pub vanished: Vec<RunIdentity>,
    /// Jobs and applications whose tags could not be read, with the reason.
    pub untagged: Vec<String>,
    /// Why the source's job runs were not read to their end, if they were not.
    pub failure: Option<Failure>,
    /// Why its interactive sessions were not, where its job runs were.
    pub sessions_failure: Option<Failure>,
}

/// Why a source was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
    /// Whether AWS as a whole could not be used.
    pub is_unavailable: bool,
}

/// Why nothing could be collected at all.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// It is not known which account to collect from.
    #[error("cannot tell which account to collect from: {0}")]
    Home(#[source] SourceError),
    /// The time to begin at lies outside the calendar.
    #[error("`--since {0}` reaches back beyond the calendar")]
    Since(Span),
    /// The store failed. What was saved until then stays, and no watermark moved past it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CollectOutcome {
    /// The exit code: 0 where everything was read, 4 where something was not, 5 where nothing was
    /// because AWS could not be used, 1 where nothing was for other reasons.
    /// Sessions that could not be read where the job runs were make it 4.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let failures: Vec<&Failure> =
            self.sources.iter().filter_map(|source| source.failure.as_ref()).collect();
        if failures.is_empty() {
            let missed = self.sources.iter().any(|source| source.sessions_failure.is_some());
            if missed { 4 } else { 0 }
        } else if failures.len() < self.sources.len() {
            4
        } else if failures.iter().all(|failure| failure.is_unavailable) {
            5
        } else {
            1
        }
    }
}

impl fmt::Display for SourceOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, region, engine, saved, .. } = self;
        write!(
            f,
            "{engine} in {account} {region}: {} new, {} changed, {} unchanged",
            saved.new, saved.changed, saved.unchanged
        )?;
        if saved.too_old > 0 {
            write!(f, ", {} past their retention", saved.too_old)?;
        }
        if saved.late > 0 {
            write!(f, " ({} kept for the next month's chargeback)", saved.late)?;
        }
        if !self.vanished.is_empty() {
            write!(f, ", {} no longer known to AWS", self.vanished.len())?;
        }
        if let Some(failure) = &self.failure {
            write!(f, "; not read to the end: {}", failure.message)?;
        }
        if let Some(failure) = &self.sessions_failure {
            write!(f, "; sessions not read to the end: {}", failure.message)?;
        }
        Ok(())
    }
}

impl Failure {
    /// A call that failed.
    pub(in crate::tasks) fn of_aws(error: &AwsError) -> Self {
        Self {
            message: error.to_string(),
            hint: error.trouble.hint(),
            is_unavailable: error.is_unavailable(),
        }
    }

    /// What ended a source.
    pub(super) fn of(error: &SourceError) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
            is_unavailable: error.is_unavailable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(failure: Option<bool>) -> SourceOutcome {
        let failure = failure.map(|is_unavailable| Failure {
            message: "no".into(),
            hint: "wait",
            is_unavailable,
        });
        SourceOutcome {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::Glue,
            saved: Saved::default(),
            vanished: Vec::new(),
            untagged: Vec::new(),
            failure,
            sessions_failure: None,
        }
    }

    #[test]
    fn the_exit_code_tells_what_was_read() {
        let code = |failures: &[Option<bool>]| {
            let sources = failures.iter().map(|failure| source(*failure)).collect();
            CollectOutcome { sources, quotas_unread: Vec::new() }.exit_code()
        };
        assert_eq!(code(&[None, None]), 0);
        assert_eq!(code(&[None, Some(false)]), 4);
        assert_eq!(code(&[None, Some(true)]), 4);
        assert_eq!(code(&[Some(true), Some(true)]), 5);
        assert_eq!(code(&[Some(true), Some(false)]), 1);
        assert_eq!(code(&[]), 0);
    }
}
