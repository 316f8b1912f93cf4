//! What CloudWatch measured, for every quota that `quota show` shows. On wish alone: it costs
//! requests.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Shown;
use crate::model::{MeasuredUse, Period};
use crate::sources::{AwsAccount, AwsAccounts};
use crate::sources::{Measured, SourceError, Sources, Target};

/// What asking CloudWatch came to, beside what is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Metrics that CloudWatch was asked for: it charges for each.
    pub metrics: u64,
    /// Accounts and regions that could not be asked, each with the reason.
    pub failures: Vec<String>,
}

/// Puts beside the use over the period what CloudWatch measured of it, in every account and region
/// that is shown. Where it cannot be asked, that is what is told.
pub async fn add_measured(
    accounts: &AwsAccounts,
    targets: &[Target],
    shown: &mut Shown,
    period: &Period,
    now: Timestamp,
) -> Asked {
    let mut by_account: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for figures in &shown.over_period {
        by_account.entry(&figures.account).or_default().insert(&figures.region);
    }
    let (mut asked, mut told) = (Asked::default(), Vec::new());
    let mut why: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (account, regions) in &by_account {
        let opened = open(accounts, targets, account, regions).await;
        for region in regions {
            let between = (period.start, period.end.min(now));
            let measured = match &opened {
                Ok(opened) => opened.measured(region, between, now).await,
                Err(error) => Err(error.clone()),
            };
            match measured {
                Ok(Measured { used, metrics_asked }) => {
                    asked.metrics += metrics_asked;
                    told.extend(used);
                }
                Err(error) => {
                    asked.failures.push(format!("{account} {region}: {error}"));
                    why.insert((account, region), error.to_string());
                }
            }
        }
    }
    let of = |f: &crate::analysis::QuotaFigures| {
        let is_it = |m: &&MeasuredUse| {
            (&m.account, &m.region, &m.quota) == (&f.account, &f.region, &f.quota)
        };
        let reason = why.get(&(f.account.as_str(), f.region.as_str()));
        let reason = reason.map_or("Service Quotas was not asked for it", String::as_str);
        let not_told = || MeasuredUse::not_told(&f.account, &f.region, &f.quota, reason);
        told.iter().find(is_it).cloned().unwrap_or_else(not_told)
    };
    shown.measured = Some(shown.over_period.iter().map(of).collect());
    asked
}

/// Gets into an account, the way it is collected from.
async fn open(
    accounts: &AwsAccounts,
    targets: &[Target],
    account: &str,
    regions: &BTreeSet<&str>,
) -> Result<AwsAccount, SourceError> {
    let target = targets.iter().find(|target| target.account == account);
    let regions: Vec<String> = regions.iter().map(|region| (*region).to_owned()).collect();
    let own = || Target {
        account: account.to_owned(),
        role_arn: None,
        external_id: None,
        regions: regions.clone(),
    };
    // Of an account that is not collected from, the credentials at hand may be the right ones; who
    // answers is checked.
    let target =
        target.map_or_else(own, |target| Target { regions: regions.clone(), ..target.clone() });
    accounts.open(&target).await
}
