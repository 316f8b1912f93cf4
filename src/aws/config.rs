//! The SDK's configuration: loaded once from its own environment and files, then varied by region
//! and by assumed role.
//!
//! There are no settings of our own for what the SDK has: endpoints (`AWS_ENDPOINT_URL`,
//! `AWS_ENDPOINT_URL_GLUE`), profiles, regions, proxies and credentials are its environment's.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use super::{AwsError, Calls, Trouble};

/// The name under which assumed roles appear in the other account's CloudTrail.
const SESSION_NAME: &str = "runledger";

/// How often a call is tried. Glue publishes no rate for its reading calls, so throttling is to be
/// expected and is waited out: with the SDK's waits, doubling up to 20 seconds, ten attempts are
/// about a minute. `AWS_MAX_ATTEMPTS` may ask for more; fewer would turn throttling into failure.
const ATTEMPTS_MIN: u32 = 10;

/// How often the first call of all is tried: enough for a hiccup, and a machine without a network
/// is told so within seconds.
const FIRST_CALL_ATTEMPTS: u32 = 3;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one attempt of a call may take. A page of 200 runs takes a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a call may take with all its attempts: longer than throttling is waited out, and much
/// shorter than ten attempts at a region that is down and says nothing.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(180);

/// A role in another account, and what that account's owner asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    /// The role's ARN.
    pub role_arn: String,
    /// The external id that the role's trust policy demands, if any.
    pub external_id: Option<String>,
}

/// The configuration that the SDK's environment and files give, with HTTPS, timeouts and enough
/// retries. Makes no call; missing credentials show at the first one. What is called with it is
/// counted in `calls`.
pub async fn load(calls: &Calls) -> SdkConfig {
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let loaded = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(calls.counting(https))
        .timeout_config(timeouts)
        .load()
        .await;
    let retry = loaded.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let attempts = retry.max_attempts().max(ATTEMPTS_MIN);
    loaded.into_builder().retry_config(retry.with_max_attempts(attempts)).build()
}

/// The same configuration for calls in `region`.
#[must_use]
pub fn in_region(config: &SdkConfig, region: &str) -> SdkConfig {
    config.to_builder().region(Region::new(region.to_owned())).build()
}

/// The same configuration with the credentials of a role, which STS in the configuration's region
/// gives and renews.
///
/// # Errors
/// When the role cannot be assumed: said now rather than by every call that follows.
pub async fn assume(config: &SdkConfig, role: &AssumedRole) -> Result<SdkConfig, AwsError> {
    let mut builder = AssumeRoleProvider::builder(&role.role_arn)
        .session_name(SESSION_NAME)
        .configure(&first_call(config));
    if let Some(external_id) = &role.external_id {
        builder = builder.external_id(external_id);
    }
    let provider = builder.build().await;
    let action = || format!("sts AssumeRole of {}", role.role_arn);
    provider.provide_credentials().await.map_err(|error| AwsError::chain(action(), &error))?;
    Ok(config.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// The account whose credentials the configuration holds, by STS `GetCallerIdentity`, which needs
/// no permission.
///
/// # Errors
/// When there are no usable credentials, or STS cannot be reached.
pub async fn caller_account(config: &SdkConfig) -> Result<String, AwsError> {
    let action = "sts GetCallerIdentity";
    let identity = aws_sdk_sts::Client::new(&first_call(config))
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| AwsError::new(action, &error))?;
    identity.account.ok_or_else(|| AwsError {
        action: action.to_owned(),
        trouble: Trouble::Other,
        message: "the answer names no account".to_owned(),
    })
}

/// The same configuration for calls that find out whether AWS is there at all: a few attempts.
#[must_use]
pub fn first_call(config: &SdkConfig) -> SdkConfig {
    let retry = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let attempts = retry.max_attempts().min(FIRST_CALL_ATTEMPTS);
    config.to_builder().retry_config(retry.with_max_attempts(attempts)).build()
}
