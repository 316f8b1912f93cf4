//! What a sweep is, in Runledger's words: what is asked of an account, how runs are handed over,
//! and what came of it. The services' own ways stand in `glue` and `emr_serverless`.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::mpsc;

use crate::aws::{AwsError, Trouble};
use crate::model::written::AccountId;
use crate::model::{Definition, Engine, JobRun, QuotaValue, RunIdentity};

/// How long before the wanted instant a run may have started and yet have ended after it, or still
/// be at work: seven days, the longest timeout that either service takes for a batch run, and a day
/// for queueing. What is older and still at work is found by its state, or is known already.
pub(super) const RUN_LENGTH_MAX: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Batches that wait to be saved. Small, because a batch is a page of runs: the services are read
/// no faster than the store writes.
const BATCHES_WAITING_MAX: usize = 2;

/// A service whose runs can be collected.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// AWS Glue.
    Glue,
    /// Amazon EMR Serverless.
    EmrServerless,
}

impl From<Service> for Engine {
    fn from(service: Service) -> Self {
        match service {
            Service::Glue => Self::Glue,
            Service::EmrServerless => Self::EmrServerless,
        }
    }
}

/// An account to collect from, and how to get in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The account. Who it is that answers is checked: runs are stored under it.
    #[serde(deserialize_with = "account")]
    #[schemars(with = "AccountId")]
    pub account: String,
    /// The role to assume there; without one, the credentials at hand are that account's own.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy demands.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The regions, as `eu-west-1`; at least one.
    #[serde(deserialize_with = "regions")]
    #[schemars(length(min = 1))]
    pub regions: Vec<String>,
}

/// An account's number. One written as a number would have lost its leading zeros.
pub(super) fn account<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let account = String::deserialize(from)?;
    let is_number = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(account) } else { Err(D::Error::custom("expected twelve digits in quotes")) }
}

/// Regions. A target without any would be passed over, and nobody would notice.
fn regions<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let regions = Vec::deserialize(from)?;
    if regions.is_empty() {
        return Err(D::Error::custom("expected at least one region, as [\"eu-west-1\"]"));
    }
    Ok(regions)
}

/// A run that is known and of which something is still to be learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRun {
    /// The run.
    pub identity: RunIdentity,
    /// Its job's name: Glue tells of a run only to those who know it.
    pub job_name: Option<String>,
    /// Whether it is an interactive session, of which other calls tell than of runs.
    pub is_session: bool,
}

/// What is asked of one account, region and service.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Runs that changed at this instant or later are wanted, and every run still at work.
    pub changed_since: Timestamp,
    /// Runs to ask again for, whatever their age.
    pub open: Vec<KnownRun>,
    /// Whether no other runs are wanted: no list of runs is read then.
    pub only_open: bool,
    /// When the sweep began.
    pub now: Timestamp,
    /// Calls under way at once, at least 1.
    pub concurrency: usize,
}

impl Sweep {
    /// Runs that started before this instant, and are not known as open, are none of this sweep's.
    #[must_use]
    pub(super) fn started_since(&self) -> Timestamp {
        self.changed_since.checked_sub(RUN_LENGTH_MAX).unwrap_or(Timestamp::MIN)
    }

    /// Whether a run is to be handed over: it is at work, or something of it changed since.
    #[must_use]
    pub(super) fn wants(&self, is_terminal: bool, changed_at: Option<Timestamp>) -> bool {
        !is_terminal || changed_at.is_none_or(|changed| changed >= self.changed_since)
    }
}

/// What a sweep that came to its end tells beside the runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Known runs that the service no longer knows: their job was deleted, or they are past its
    /// history. They stay as they are.
    pub vanished: Vec<RunIdentity>,
    /// What could not be read, each with the reason. Not empty: the sweep is not complete.
    pub unread: Vec<String>,
    /// Jobs and applications whose runs are here and whose tags could not be read, with the reason.
    pub untagged: Vec<String>,
}

impl Swept {
    /// Takes what another part of the same sweep tells.
    pub(super) fn add(&mut self, other: Self) {
        self.vanished.extend(other.vanished);
        self.unread.extend(other.unread);
        self.untagged.extend(other.untagged);
    }

    /// Goes on without what a call was to tell, unless no later call can do better: a job that may
    /// not be read does not stop the others, and a network that is gone does.
    pub(super) fn survive(&mut self, error: AwsError) -> Result<(), SourceError> {
        if error.is_unavailable() {
            return Err(error.into());
        }
        self.unread.push(error.to_string());
        Ok(())
    }

    /// Tags, or `None` where they may not be read, which is noted: the runs are worth having
    /// without.
    pub(super) fn tags_or_note(
        &mut self,
        tags: Result<BTreeMap<String, String>, AwsError>,
    ) -> Result<Option<BTreeMap<String, String>>, SourceError> {
        match tags {
            Ok(tags) => Ok(Some(tags)),
            // Asked again they are there; and what ends without them keeps no team.
            Err(error) if error.is_unavailable() || error.trouble == Trouble::Garbled => {
                Err(error.into())
            }
            Err(error) => {
                self.untagged.push(error.to_string());
                Ok(None)
            }
        }
    }
}

/// The SDK read the answer and we cannot: not the run's fault, so nothing of the page is taken.
pub(super) fn unreadable(action: &str, error: &serde_json::Error) -> AwsError {
    let message = format!("an answer that cannot be read: {error}");
    AwsError { action: action.to_owned(), trouble: Trouble::Garbled, message }
}

/// Why a sweep came to no end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// AWS did not answer, or refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The credentials belong to another account.
    #[error("the credentials for account {wanted} belong to account {found}")]
    WrongAccount {
        /// The account of the configuration.
        wanted: String,
        /// The account that answered.
        found: String,
    },
    /// There is no region to collect from.
    #[error("no region is configured to collect from")]
    NoRegion,
    /// A service gave page after page without an end.
    #[error("{list}: no end after {pages} pages")]
    Endless {
        /// What was listed.
        list: String,
        /// How many pages were read.
        pages: usize,
    },
    /// Nobody takes the runs any longer: saving them failed, which is reported there.
    #[error("the runs that were read could not be saved")]
    NotSaved,
}

impl SourceError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Aws(error) => error.trouble.hint(),
            Self::WrongAccount { .. } => {
                "correct `account` or `role_arn` of that account in the configuration"
            }
            Self::NoRegion => {
                "set AWS_REGION, or `regions` of the target under `[[collect.targets]]`"
            }
            Self::Endless { .. } => "run it again; if it stays, the service's paging is broken",
            Self::NotSaved => "see what is said of the store",
        }
    }

    /// Whether AWS as a whole could not be used.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_unavailable(),
            _ => false,
        }
    }
}

/// Where runs are handed over as they are read, page by page, so that neither side ever holds all.
#[derive(Clone, Debug)]
pub struct Batches(mpsc::Sender<Vec<JobRun>>);

impl Batches {
    /// The hand that gives, and the one that takes.
    #[must_use]
    pub fn bounded() -> (Self, mpsc::Receiver<Vec<JobRun>>) {
        let (give, take) = mpsc::channel(BATCHES_WAITING_MAX);
        (Self(give), take)
    }

    /// Hands runs over, and waits while too many batches wait.
    ///
    /// # Errors
    /// [`SourceError::NotSaved`] once nobody takes them.
    pub async fn hand_over(&self, runs: Vec<JobRun>) -> Result<(), SourceError> {
        if runs.is_empty() {
            return Ok(());
        }
        self.0.send(runs).await.map_err(|_| SourceError::NotSaved)
    }

    /// Hands runs over with what they take from their job or application. That is read for the
    /// first of them: most jobs have no new runs in a sweep, and then it need not be asked for.
    pub(super) async fn hand_over_defined(
        &self,
        mut runs: Vec<JobRun>,
        known: &mut Option<Definition>,
        read: impl Future<Output = Result<Definition, SourceError>> + Send,
    ) -> Result<(), SourceError> {
        if runs.is_empty() {
            return Ok(());
        }
        let definition = match known {
            Some(definition) => definition,
            None => known.insert(read.await?),
        };
        for run in &mut runs {
            run.define(definition.clone());
        }
        self.hand_over(runs).await
    }
}

/// Where accounts come from: AWS, or whatever stands in for it.
pub trait Sources: Sync {
    /// An account that was got into.
    type Account: AccountSource;

    /// The account and region of the credentials at hand: what is collected where the
    /// configuration names nothing.
    fn home(&self) -> impl Future<Output = Result<Target, SourceError>> + Send;

    /// Gets into an account.
    fn open(
        &self,
        target: &Target,
    ) -> impl Future<Output = Result<Self::Account, SourceError>> + Send;
}

/// Which of a service's runs a sweep is after. Each has calls, permissions and a watermark of its
/// own, so that a role which may read the one and not the other misses nothing of the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The runs of its jobs.
    JobRuns,
    /// Its interactive sessions.
    Sessions,
}

/// An account whose runs and quotas can be read.
pub trait AccountSource: Send + Sync {
    /// Reads what is asked, handing runs over as they come.
    fn sweep(
        &self,
        region: &str,
        service: Service,
        scope: Scope,
        sweep: &Sweep,
        batches: Batches,
    ) -> impl Future<Output = Result<Swept, SourceError>> + Send;

    /// The account's quotas in a region.
    fn quotas(
        &self,
        region: &str,
    ) -> impl Future<Output = Result<Vec<QuotaValue>, SourceError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_run_is_wanted_while_it_works_or_when_it_changed_since() {
        let sweep = Sweep {
            changed_since: at(1000),
            open: Vec::new(),
            only_open: false,
            now: at(2000),
            concurrency: 1,
        };
        assert!(sweep.wants(false, Some(at(1))));
        assert!(sweep.wants(true, Some(at(1000))));
        assert!(sweep.wants(true, None));
        assert!(!sweep.wants(true, Some(at(999))));
        assert_eq!(sweep.started_since(), at(1000 - 8 * 86_400));
    }

    #[test]
    fn what_may_not_be_read_is_survived_and_a_lost_network_is_not() {
        let error = |trouble| AwsError {
            action: "glue GetJobRuns of `load`".into(),
            trouble,
            message: "no".into(),
        };
        let mut swept = Swept::default();
        swept.survive(error(Trouble::AccessDenied)).unwrap();
        assert_eq!(swept.unread, ["glue GetJobRuns of `load`: no"]);
        assert!(swept.survive(error(Trouble::Unreachable)).unwrap_err().is_unavailable());
    }

    #[test]
    fn a_target_says_what_it_does_not_know() {
        let refused = |account: &str, regions: &str, rest: &str| {
            let text = format!("account = {account}\nregions = {regions}\n{rest}");
            toml::from_str::<Target>(&text).unwrap_err().to_string()
        };
        let (account, regions) = ("\"111122223333\"", "[\"eu-west-1\"]");
        assert!(refused(account, regions, "role = \"x\"").contains("role"));
        assert!(refused(account, "[]", "").contains("at least one region"));
        assert!(refused("\"1111\"", regions, "").contains("twelve digits"));
        let service: Result<Service, _> = serde_json::from_str("\"emr-serverless\"");
        assert_eq!(service.unwrap(), Service::EmrServerless);
    }
}
