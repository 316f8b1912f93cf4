//! What the account may use at once, from Service Quotas: its own value where it has one, else
//! AWS's default.
//!
//! A default that is printed in a guide is no substitute: AWS changed them over the years, and
//! gives new accounts less.

use aws_config::SdkConfig;
use aws_sdk_servicequotas::Client;
use aws_sdk_servicequotas::config::Builder;
use aws_sdk_servicequotas::types::{MetricInfo, ServiceQuota};

use super::Probe;
use crate::aws::{AwsError, RefuseNoAnswer, RetryTooMany, Trouble, in_region};
use crate::model::{
    EMR_SERVERLESS_VCPUS, GLUE_CONCURRENT_RUNS, GLUE_DPUS, GLUE_FLEX_DPUS, GLUE_RUNS_PER_JOB,
    QuotaSource, QuotaValue,
};

/// The quotas that are read: our word, the service's code, the quota's code.
pub(super) const QUOTAS: [(&str, &str, &str); 5] = [
    (GLUE_CONCURRENT_RUNS, "glue", "L-5E4153CA"),
    (GLUE_RUNS_PER_JOB, "glue", "L-F574AED9"),
    (GLUE_DPUS, "glue", "L-08F3B322"),
    (GLUE_FLEX_DPUS, "glue", "L-096DBB95"),
    (EMR_SERVERLESS_VCPUS, "emr-serverless", "L-D05C8A75"),
];

/// The account's quotas in a region. One that the region does not have is left out.
///
/// # Errors
/// When Service Quotas cannot be asked.
pub(super) async fn read(
    config: &SdkConfig,
    account: &str,
    region: &str,
) -> Result<Vec<QuotaValue>, AwsError> {
    let config = Builder::from(&in_region(config, region))
        .interceptor(RefuseNoAnswer)
        .retry_classifier(RetryTooMany);
    let client = Client::from_conf(config.build());
    let mut quotas = Vec::with_capacity(QUOTAS.len());
    for (quota, service, code) in QUOTAS {
        let own = applied(&client, service, code).await?.and_then(|quota| quota.value);
        let (value, source) = match own {
            Some(value) => (Some(value), QuotaSource::Applied),
            None => {
                let default = default(&client, service, code).await?;
                (default.and_then(|quota| quota.value), QuotaSource::Default)
            }
        };
        if let Some(value) = value {
            let (account, region) = (account.to_owned(), region.to_owned());
            quotas.push(QuotaValue { account, region, quota: quota.to_owned(), value, source });
        }
    }
    Ok(quotas)
}

/// The quota as the account has it; `None` where Service Quotas has none of the account's own.
async fn applied(
    client: &Client,
    service: &str,
    code: &str,
) -> Result<Option<ServiceQuota>, AwsError> {
    let call = client.get_service_quota().service_code(service).quota_code(code);
    let action = || format!("servicequotas GetServiceQuota {service} {code}");
    let answer = call.send().await.map_err(|error| AwsError::new(action(), &error));
    Ok(found(answer)?.and_then(|answer| answer.quota))
}

/// The quota as AWS gives it to accounts of the region.
async fn default(
    client: &Client,
    service: &str,
    code: &str,
) -> Result<Option<ServiceQuota>, AwsError> {
    let call = client.get_aws_default_service_quota().service_code(service).quota_code(code);
    let action = || format!("servicequotas GetAWSDefaultServiceQuota {service} {code}");
    let answer = call.send().await.map_err(|error| AwsError::new(action(), &error));
    Ok(found(answer)?.and_then(|answer| answer.quota))
}

/// Whether quotas can be read, by asking for one of them; that an account has no value of its own
/// for it is an answer.
pub(super) async fn look_at_one(config: &SdkConfig) -> Probe {
    let client = Client::new(config);
    let (_, service, code) = QUOTAS[0];
    let call = client.get_service_quota().service_code(service).quota_code(code);
    let answer = call.send().await.map(|_| ());
    let action = "servicequotas GetServiceQuota";
    let outcome = answer.map_err(|error| AwsError::new(action, &error));
    Probe::of("servicequotas:GetServiceQuota", outcome)
}

/// The CloudWatch metric of a quota's use, where Service Quotas names one.
pub(super) async fn usage_metric(
    client: &Client,
    service: &str,
    code: &str,
) -> Result<Option<MetricInfo>, AwsError> {
    if let Some(metric) = applied(client, service, code).await?.and_then(|q| q.usage_metric) {
        return Ok(Some(metric));
    }
    Ok(default(client, service, code).await?.and_then(|quota| quota.usage_metric))
}

/// The answer, or nothing where Service Quotas knows no such quota.
fn found<T>(answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.trouble == Trouble::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
