//! What the account may use at once, from Service Quotas: its own value where it has one, else
//! AWS's default.
//!
//! A default that is printed in a guide is no substitute: AWS changed them over the years, and
//! gives new accounts less.

use aws_config::SdkConfig;
use aws_sdk_servicequotas::Client;

use crate::aws::{AwsError, Trouble, in_region};
use crate::model::{
    EMR_SERVERLESS_VCPUS, GLUE_CONCURRENT_RUNS, GLUE_DPUS, GLUE_FLEX_DPUS, GLUE_RUNS_PER_JOB,
    QuotaSource, QuotaValue,
};

/// The quotas that are read: our word, the service's code, the quota's code.
const QUOTAS: [(&str, &str, &str); 5] = [
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
    let client = Client::new(&in_region(config, region));
    let mut quotas = Vec::with_capacity(QUOTAS.len());
    for (quota, service, code) in QUOTAS {
        let (value, source) = match applied(&client, service, code).await? {
            Some(value) => (Some(value), QuotaSource::Applied),
            None => (default(&client, service, code).await?, QuotaSource::Default),
        };
        if let Some(value) = value {
            let (account, region) = (account.to_owned(), region.to_owned());
            quotas.push(QuotaValue { account, region, quota: quota.to_owned(), value, source });
        }
    }
    Ok(quotas)
}

/// The account's own value, where it has one.
async fn applied(client: &Client, service: &str, code: &str) -> Result<Option<f64>, AwsError> {
    let call = client.get_service_quota().service_code(service).quota_code(code);
    let action = || format!("servicequotas GetServiceQuota {service} {code}");
    let answer = call.send().await.map_err(|error| AwsError::new(action(), &error));
    Ok(found(answer)?.and_then(|answer| answer.quota?.value))
}

/// AWS's default in the region.
async fn default(client: &Client, service: &str, code: &str) -> Result<Option<f64>, AwsError> {
    let call = client.get_aws_default_service_quota().service_code(service).quota_code(code);
    let action = || format!("servicequotas GetAWSDefaultServiceQuota {service} {code}");
    let answer = call.send().await.map_err(|error| AwsError::new(action(), &error));
    Ok(found(answer)?.and_then(|answer| answer.quota?.value))
}

/// The answer, or nothing where Service Quotas knows no such quota.
fn found<T>(answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.trouble == Trouble::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
