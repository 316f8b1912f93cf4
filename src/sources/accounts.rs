//! AWS accounts as sources: with the credentials at hand, or through a role in another account.

mod look;

use aws_config::SdkConfig;
use jiff::Timestamp;

use super::cost_explorer::{self, BillError, CostExplorer};
use super::emr_serverless::EmrServerlessSweep;
use super::glue::GlueSweep;
use super::quota_usage::{self, Measured};
use super::quotas;
use super::settings::BillTarget;
use super::sweep::{
    AccountSource, Batches, Scope, Service, SourceError, Sources, Sweep, Swept, Target,
};
use crate::aws::{self, AssumedRole, Trouble};
use crate::model::QuotaValue;

pub use look::Probe;

/// Every account that the SDK's configuration can get into.
#[derive(Clone, Debug)]
pub struct AwsAccounts {
    config: SdkConfig,
}

impl AwsAccounts {
    /// Starts from a configuration as `aws::load` gives it.
    #[must_use]
    pub const fn new(config: SdkConfig) -> Self {
        Self { config }
    }

    /// Cost Explorer in an account.
    ///
    /// # Errors
    /// When the account cannot be got into, or is another.
    pub async fn cost_explorer(&self, target: &BillTarget) -> Result<CostExplorer, BillError> {
        let BillTarget { account, role_arn, external_id, .. } = target.clone();
        // Billing knows no opt-in regions, so STS is asked where Cost Explorer is.
        let regions = vec![cost_explorer::REGION.to_owned()];
        let opened = self.open(&Target { account, role_arn, external_id, regions }).await?;
        Ok(CostExplorer::new(&opened.config))
    }
}

impl AwsAccount {
    /// What CloudWatch measured of the use of the account's quotas in a region, between two
    /// instants. Costs requests.
    ///
    /// # Errors
    /// When Service Quotas or CloudWatch cannot be asked.
    pub async fn measured(
        &self,
        region: &str,
        between: (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<Measured, SourceError> {
        let place = (self.account.as_str(), region);
        Ok(quota_usage::read(&self.config, place, between, now).await?)
    }
}

/// An AWS account that was got into.
#[derive(Clone, Debug)]
pub struct AwsAccount {
    config: SdkConfig,
    account: String,
}

impl Sources for AwsAccounts {
    type Account = AwsAccount;

    async fn home(&self) -> Result<Target, SourceError> {
        let region = self.config.region().ok_or(SourceError::NoRegion)?.to_string();
        let account = aws::caller_account(&self.config).await?;
        Ok(Target { account, role_arn: None, external_id: None, regions: vec![region] })
    }

    /// STS is asked in a region that the target uses: opt-in regions know roles only there. One
    /// that is down is no reason to leave the others unread.
    async fn open(&self, target: &Target) -> Result<AwsAccount, SourceError> {
        let mut unreachable = SourceError::NoRegion;
        for region in &target.regions {
            match self.open_through(region, target).await {
                Err(SourceError::Aws(error)) if error.trouble == Trouble::Unreachable => {
                    unreachable = error.into();
                }
                done => return done,
            }
        }
        Err(unreachable)
    }
}

impl AwsAccounts {
    /// Gets into an account by the STS of a region.
    async fn open_through(&self, region: &str, target: &Target) -> Result<AwsAccount, SourceError> {
        let own = aws::in_region(&self.config, region);
        let config = match &target.role_arn {
            Some(role_arn) => {
                let external_id = target.external_id.clone();
                aws::assume(&own, &AssumedRole { role_arn: role_arn.clone(), external_id }).await?
            }
            None => own,
        };
        match aws::caller_account(&config).await {
            Ok(found) if found != target.account => {
                return Err(SourceError::WrongAccount { wanted: target.account.clone(), found });
            }
            Ok(_) => {}
            // A private network may have a way to Glue and none to STS. Then the configuration is
            // believed; where nothing else answers either, the first call will say so.
            Err(error) if error.trouble == Trouble::Unreachable && target.role_arn.is_none() => {
                tracing::warn!(account = target.account, %error, "the account is not verified");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(AwsAccount { config, account: target.account.clone() })
    }
}

impl AccountSource for AwsAccount {
    async fn sweep(
        &self,
        region: &str,
        service: Service,
        scope: Scope,
        sweep: &Sweep,
        batches: Batches,
    ) -> Result<Swept, SourceError> {
        let (config, account) = (&self.config, self.account.as_str());
        match service {
            Service::Glue => {
                let glue = GlueSweep::new(config, account, region, sweep, batches);
                match scope {
                    Scope::JobRuns => glue.job_runs().await,
                    Scope::Sessions => glue.sessions().await,
                }
            }
            Service::EmrServerless => {
                EmrServerlessSweep::new(config, account, region, scope, sweep, batches).run().await
            }
        }
    }

    async fn quotas(&self, region: &str) -> Result<Vec<QuotaValue>, SourceError> {
        Ok(quotas::read(&self.config, &self.account, region).await?)
    }
}
