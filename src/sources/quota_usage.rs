//! What CloudWatch measured of the use of quotas: AWS's own count, beside the one that is rebuilt
//! from runs.
//!
//! Which metric that is, if any, is what Service Quotas says of the quota: its name and dimensions
//! are not written down here, because AWS has no such metric for every quota and region, and may
//! get one. CloudWatch charges for each metric that is asked for, so nothing asks unasked.

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode,
};
use aws_sdk_servicequotas::types::MetricInfo;
use jiff::Timestamp;

use super::quotas::{QUOTAS, usage_metric};
use crate::aws::{AwsError, in_region, instant, whole_second};
use crate::model::MeasuredUse;

/// The statistic of a quota of what is in use at once. Another one counts something else.
const MAXIMUM: &str = "Maximum";
/// The finest spans that CloudWatch keeps for this many days (user guide, "Metrics retention").
const FINE: (i32, i64) = (300, 63);
/// The spans that it keeps for longer.
const COARSE: i32 = 3600;

/// What was measured of an account's quotas in a region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// One for each quota.
    pub used: Vec<MeasuredUse>,
    /// Metrics that CloudWatch was asked for: it charges for each.
    pub metrics_asked: u64,
}

/// The most that was in use between two instants.
///
/// # Errors
/// When Service Quotas or CloudWatch cannot be asked.
pub(super) async fn read(
    config: &SdkConfig,
    (account, region): (&str, &str),
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Measured, AwsError> {
    let config = in_region(config, region);
    let service_quotas = aws_sdk_servicequotas::Client::new(&config);
    let mut measured = Measured::default();
    let not_told = |quota: &str, why: &str| MeasuredUse::not_told(account, region, quota, why);
    let mut asked = Vec::new();
    let is_recent = now.duration_since(from).as_hours() < FINE.1 * 24;
    let span = if is_recent { FINE.0 } else { COARSE };
    for (quota, service, code) in QUOTAS {
        let query = match usage_metric(&service_quotas, service, code).await? {
            None => Err("Service Quotas names no metric of its use".to_owned()),
            Some(metric) => query(metric, asked.len(), span),
        };
        match query {
            Ok(query) => asked.push((quota, query)),
            Err(why) => measured.used.push(not_told(quota, &why)),
        }
    }
    if asked.is_empty() {
        return Ok(measured);
    }
    let queries = asked.iter().map(|(_, query)| query.clone()).collect();
    measured.metrics_asked = asked.len() as u64;
    let results = data(&aws_sdk_cloudwatch::Client::new(&config), queries, from, to).await?;
    for (quota, query) in asked {
        let mine = || results.iter().filter(|result| result.id == query.id);
        let peak = highest(mine());
        let mut used = not_told(quota, "CloudWatch has no data of it");
        if let Some(why) = mine().find_map(refusal) {
            used.not_told = Some(why);
        } else if let Some((peak, at)) = peak {
            (used.peak, used.peak_at, used.within_seconds) = (Some(peak), at, Some(span));
            used.not_told = None;
        }
        measured.used.push(used);
    }
    Ok(measured)
}

/// The question for a metric, or why it does not answer ours.
fn query(metric: MetricInfo, number: usize, span: i32) -> Result<MetricDataQuery, String> {
    let statistic = metric.metric_statistic_recommendation.unwrap_or_default();
    if statistic != MAXIMUM {
        return Err(format!("its metric counts a {statistic}, not what is in use at once"));
    }
    let dimensions = metric.metric_dimensions.unwrap_or_default();
    let mut dimensions: Vec<(String, String)> = dimensions.into_iter().collect();
    dimensions.sort();
    let dimension = |(name, value)| Dimension::builder().name(name).value(value).build();
    let of = Metric::builder()
        .set_namespace(metric.metric_namespace)
        .set_metric_name(metric.metric_name)
        .set_dimensions(Some(dimensions.into_iter().map(dimension).collect()))
        .build();
    let statistic = MetricStat::builder().metric(of).period(span).stat(statistic).build();
    Ok(MetricDataQuery::builder().id(format!("q{number}")).metric_stat(statistic).build())
}

/// Every page of the answers.
async fn data(
    client: &aws_sdk_cloudwatch::Client,
    queries: Vec<MetricDataQuery>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<MetricDataResult>, AwsError> {
    let call = client.get_metric_data().set_metric_data_queries(Some(queries));
    let call = call.start_time(whole_second(from)).end_time(whole_second(to));
    let mut pages = call.into_paginator().send();
    let mut results = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| AwsError::new("cloudwatch GetMetricData", &error))?;
        results.extend(page.metric_data_results.unwrap_or_default());
    }
    Ok(results)
}

/// Why a metric could not be read, where its answer says so.
fn refusal(result: &MetricDataResult) -> Option<String> {
    let status = result.status_code.as_ref()?;
    let is_good = matches!(status, StatusCode::Complete | StatusCode::PartialData);
    (!is_good).then(|| format!("CloudWatch answers {}", status.as_str()))
}

/// The highest value, and when its span began: the first, of several that are as high.
fn highest<'r>(
    results: impl Iterator<Item = &'r MetricDataResult>,
) -> Option<(f64, Option<Timestamp>)> {
    let points = results.flat_map(|r| r.values().iter().copied().zip(r.timestamps()));
    points
        .map(|(value, at)| (value, instant(at)))
        .max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(&one.1)))
}
