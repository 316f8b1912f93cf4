//! Looking whether an account can be read, by the smallest calls that collecting makes too. What
//! they are is the services' own: see each `look` beside them.

use super::{AwsAccount, AwsAccounts};
use crate::aws::{AwsError, CallerAnswer, Trouble, caller_and_time, in_region};
use crate::sources::{Service, emr_serverless, glue, quotas};

/// What came of calls that only find out whether they are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The permission of the last call that was made, as IAM writes it.
    pub permission: &'static str,
    /// Whether it was answered.
    pub outcome: Result<(), AwsError>,
}

impl Probe {
    /// What came of a call about something that may be gone since it was listed, or that may never
    /// have been: that it is not there is an answer.
    pub(in crate::sources) fn of(permission: &'static str, outcome: Result<(), AwsError>) -> Self {
        match outcome {
            Err(error) if error.trouble == Trouble::NotFound => {
                Self { permission, outcome: Ok(()) }
            }
            outcome => Self { permission, outcome },
        }
    }
}

impl AwsAccounts {
    /// Whose credentials are at hand, and what time AWS has.
    pub async fn look_at_caller(&self) -> CallerAnswer {
        caller_and_time(&self.config).await
    }
}

impl AwsAccount {
    /// Whether the runs of a service can be listed in a region: its jobs or applications, and the
    /// runs of the first of them where there is one.
    pub async fn look_at_service(&self, region: &str, service: Service) -> Probe {
        let config = in_region(&self.config, region);
        match service {
            Service::Glue => glue::look_at_jobs(&config).await,
            Service::EmrServerless => emr_serverless::look_at_applications(&config).await,
        }
    }

    /// Whether quotas can be read in a region.
    pub async fn look_at_quotas(&self, region: &str) -> Probe {
        quotas::look_at_one(&in_region(&self.config, region)).await
    }
}
