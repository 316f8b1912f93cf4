//! Cost Explorer, read for the bill of Glue and EMR Serverless by UTC day. Every request is paid
//! for, each page of an answer as one ($0.01), so requests are counted and bounded.
//!
//! Two questions a month: usage by account and usage type, and the rest (credits, refunds, taxes,
//! discounts) by account and record type. Glue is a service of its own. EMR Serverless is billed
//! under a service that it shares with EMR on EC2, so it is asked for by its usage types, which are
//! looked up first: no other EMR usage gets in. What AWS bills under no service of these, such as a
//! tax on the whole invoice, is not in it.

mod look;

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_costexplorer::Client;
use aws_sdk_costexplorer::config::Builder;
use aws_sdk_costexplorer::types::{
    DateInterval, Dimension, DimensionValues, Expression, Granularity, GroupDefinition,
    GroupDefinitionType,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use jiff::civil::Date;

use super::cost_explorer_convert::{COST, GroupedBy, Pages, QUANTITY};
use super::sweep::SourceError;
use crate::aws::{AwsError, RefuseNoAnswer, Trouble, in_region};
use crate::model::BillDay;

pub use look::PaidLook;

/// The one region that Cost Explorer answers in.
pub(super) const REGION: &str = "us-east-1";

/// How often a call that is throttled or not answered is sent; each time may be paid for.
const TRIES_MAX: u32 = 3;

/// Glue's name where none is found: its bill is asked for all the same, so that a day without
/// usage is known to be one.
const GLUE: &str = "AWS Glue";

/// What the usage types of EMR Serverless have in common.
const EMR_SERVERLESS: &str = "EMR-SERVERLESS-";

/// Record types of usage: what is ordered by usage type. The rest is ordered by record type.
const USAGE_RECORDS: [&str; 3] = ["Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"];

/// Why a bill was not read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// The account cannot be got into.
    #[error(transparent)]
    Account(#[from] SourceError),
    /// Cost Explorer refused, or did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// Cost Explorer is there and has no data.
    #[error("Cost Explorer has no data yet: {0}")]
    NoData(String),
    /// The answer changed or expired between its pages, twice.
    #[error("Cost Explorer's answer went out of date between its pages: {0}")]
    Changed(String),
    /// As many requests were made as may be paid for.
    #[error("the {max} requests that may be paid for are used up")]
    OutOfRequests {
        /// How many may be paid for.
        max: u32,
    },
    /// The answer holds something that cannot be read.
    #[error("Cost Explorer's answer cannot be read: {0}")]
    Unreadable(String),
}

impl BillError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Aws(AwsError { trouble: Trouble::AccessDenied, .. }) => {
                "allow the role ce:GetCostAndUsage and ce:GetDimensionValues, and switch Cost \
                 Explorer on in the account (a member needs its payer's consent)"
            }
            Self::Aws(error) => error.trouble.hint(),
            Self::Account(error) => error.hint(),
            Self::NoData(_) => {
                "wait: Cost Explorer takes a day after it is switched on, and a day after usage"
            }
            Self::Changed(_) => "run it again",
            Self::OutOfRequests { .. } => {
                "run it again to go on, or raise --max-requests or `max_requests` under `[bill]`"
            }
            Self::Unreadable(_) => "nothing of it was kept; a newer version may read it",
        }
    }

    /// Whether there was no answer, as against one that said no.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_unavailable(),
            Self::Account(error) => error.is_unavailable(),
            Self::NoData(_) | Self::Changed(_) => true,
            Self::OutOfRequests { .. } | Self::Unreadable(_) => false,
        }
    }
}

/// Requests that may be paid for, and those that were made. A request counts when it is sent:
/// whether AWS asks money for one that it refuses is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    max: u32,
    used: u32,
}

impl Requests {
    /// None made yet.
    #[must_use]
    pub const fn new(max: u32) -> Self {
        Self { max, used: 0 }
    }

    /// How many were made.
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.used
    }

    const fn take(&mut self) -> Result<(), BillError> {
        if self.used >= self.max {
            return Err(BillError::OutOfRequests { max: self.max });
        }
        self.used += 1;
        Ok(())
    }
}

/// Cost Explorer in one account.
#[derive(Clone, Debug)]
pub struct CostExplorer {
    client: Client,
    /// The first pause before a call is sent again; each further one is twice as long.
    pause: Duration,
}

/// What is asked about: whole services, and usage types of services that are shared with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billed {
    services: Vec<String>,
    usage_types: Vec<String>,
}

impl CostExplorer {
    /// With the credentials of a configuration. Nothing is asked yet.
    pub(super) fn new(config: &SdkConfig) -> Self {
        let patience = config.retry_config().map(RetryConfig::initial_backoff);
        // Repeated here and not by the SDK, because each repetition is counted.
        let config =
            Builder::from(&in_region(config, REGION)).retry_config(RetryConfig::disabled());
        let config = config.interceptor(RefuseNoAnswer).build();
        let pause = patience.unwrap_or(Duration::from_secs(1));
        Self { client: Client::from_conf(config), pause }
    }

    /// What there is to ask about on these UTC days (the last one excluded): `services` as they
    /// are configured, else those whose name says Glue; and the usage types of EMR Serverless.
    /// Services of EMR as a whole are not asked about, whoever names them.
    ///
    /// # Errors
    /// When Cost Explorer refuses or the requests are used up.
    pub async fn billed(
        &self,
        services: &[String],
        days: &Range<Date>,
        requests: &mut Requests,
    ) -> Result<Billed, BillError> {
        let is_emr = |service: &String| service.contains("MapReduce") || service.contains("EMR");
        let mut services = if services.is_empty() {
            self.values(Dimension::Service, "Glue", days, requests).await?
        } else {
            services.to_vec()
        };
        services.retain(|service| !is_emr(service));
        if services.is_empty() {
            services.push(GLUE.to_owned());
        }
        let usage_types = self.values(Dimension::UsageType, EMR_SERVERLESS, days, requests).await?;
        Ok(Billed { services, usage_types })
    }

    /// The bill of some UTC days (the last one excluded), day by day. All of them or none: a day
    /// of which a page is missing is no day.
    ///
    /// # Errors
    /// When Cost Explorer refuses, what it says cannot be read, or the requests are used up.
    pub async fn read(
        &self,
        billed: &Billed,
        days: &Range<Date>,
        requests: &mut Requests,
        now: Timestamp,
    ) -> Result<Vec<BillDay>, BillError> {
        match self.read_once(billed, days, requests, now).await {
            // A page's token does not live for ever: from the first page once more.
            Err(BillError::Changed(_)) => self.read_once(billed, days, requests, now).await,
            done => done,
        }
    }

    async fn read_once(
        &self,
        billed: &Billed,
        days: &Range<Date>,
        requests: &mut Requests,
        now: Timestamp,
    ) -> Result<Vec<BillDay>, BillError> {
        let mut pages = Pages::default();
        for by in [GroupedBy::UsageType, GroupedBy::RecordType] {
            let mut token: Option<String> = None;
            loop {
                let call = self
                    .client
                    .get_cost_and_usage()
                    .time_period(interval(days)?)
                    .granularity(Granularity::Daily)
                    .metrics(COST)
                    .metrics(QUANTITY)
                    .filter(billed.filter(by))
                    .group_by(group("LINKED_ACCOUNT"))
                    .group_by(group(match by {
                        GroupedBy::UsageType => "USAGE_TYPE",
                        GroupedBy::RecordType => "RECORD_TYPE",
                    }))
                    .set_next_page_token(token.take());
                let action = "ce GetCostAndUsage";
                let page = self.paid(action, requests, || call.clone().send()).await?;
                pages.add(by, page.results_by_time()).map_err(BillError::Unreadable)?;
                match page.next_page_token {
                    Some(next) if !next.is_empty() => token = Some(next),
                    _ => break,
                }
            }
        }
        Ok(pages.finish(now))
    }

    /// The values of a dimension that contain a text.
    async fn values(
        &self,
        dimension: Dimension,
        containing: &str,
        days: &Range<Date>,
        requests: &mut Requests,
    ) -> Result<Vec<String>, BillError> {
        let mut values = BTreeSet::new();
        let mut token: Option<String> = None;
        loop {
            let call = self
                .client
                .get_dimension_values()
                .time_period(interval(days)?)
                .dimension(dimension.clone())
                .search_string(containing)
                .set_next_page_token(token.take());
            let action = "ce GetDimensionValues";
            let page = self.paid(action, requests, || call.clone().send()).await?;
            let found = page.dimension_values().iter().filter_map(|value| value.value());
            // How exactly AWS searches is not documented.
            values.extend(found.filter(|value| value.contains(containing)).map(str::to_owned));
            match page.next_page_token {
                Some(next) if !next.is_empty() => token = Some(next),
                _ => return Ok(values.into_iter().collect()),
            }
        }
    }

    /// Sends a request, counted, and again where it was throttled or not answered.
    async fn paid<T, E, F>(
        &self,
        action: &str,
        requests: &mut Requests,
        send: impl Fn() -> F,
    ) -> Result<T, BillError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut pause = self.pause;
        let mut tries = 0;
        loop {
            requests.take()?;
            tries += 1;
            let error = match send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let told = AwsError::new(action, &error);
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
            match code.unwrap_or_default() {
                "DataUnavailableException" | "BillingViewHealthStatusException" => {
                    return Err(BillError::NoData(told.message));
                }
                "BillExpirationException"
                | "InvalidNextTokenException"
                | "RequestChangedException" => return Err(BillError::Changed(told.message)),
                _ => {}
            }
            let passing = matches!(told.trouble, Trouble::Throttled | Trouble::Unreachable);
            if !passing || tries >= TRIES_MAX {
                return Err(told.into());
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

impl Billed {
    /// The usage asked about, or all that is none.
    fn filter(&self, by: GroupedBy) -> Expression {
        let services = is_one_of(Dimension::Service, self.services.iter().cloned());
        let what = if self.usage_types.is_empty() {
            services
        } else {
            let types = is_one_of(Dimension::UsageType, self.usage_types.iter().cloned());
            Expression::builder().or(services).or(types).build()
        };
        let usage = is_one_of(Dimension::RecordType, USAGE_RECORDS.map(str::to_owned));
        let records = match by {
            GroupedBy::UsageType => usage,
            GroupedBy::RecordType => Expression::builder().not(usage).build(),
        };
        Expression::builder().and(what).and(records).build()
    }
}

fn is_one_of(dimension: Dimension, values: impl IntoIterator<Item = String>) -> Expression {
    let values = values.into_iter().collect();
    let values = DimensionValues::builder().key(dimension).set_values(Some(values)).build();
    Expression::builder().dimensions(values).build()
}

fn group(key: &str) -> GroupDefinition {
    GroupDefinition::builder().r#type(GroupDefinitionType::Dimension).key(key).build()
}

fn interval(days: &Range<Date>) -> Result<DateInterval, BillError> {
    let interval =
        DateInterval::builder().start(days.start.to_string()).end(days.end.to_string()).build();
    interval.map_err(|error| BillError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_to_their_end() {
        let mut requests = Requests::new(2);
        assert!(requests.take().is_ok() && requests.take().is_ok());
        let refused = requests.take().unwrap_err();
        assert_eq!(refused.to_string(), "the 2 requests that may be paid for are used up");
        assert_eq!(requests.used(), 2);
    }
}
