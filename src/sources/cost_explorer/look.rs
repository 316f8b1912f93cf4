//! Looking whether Cost Explorer answers, and which tags it orders costs by. AWS takes $0.01 for
//! each request, so this is done only where somebody says so.

use std::ops::Range;

use aws_sdk_costexplorer::types::{CostAllocationTagStatus, Granularity};
use jiff::civil::Date;

use super::{BillError, COST, CostExplorer, Requests, interval};

/// What two paid requests found out.
#[derive(Debug)]
pub struct PaidLook {
    /// Whether costs can be read.
    pub costs: Result<(), BillError>,
    /// Which of the tags that were asked for are active for cost allocation.
    pub active_tags: Result<Vec<String>, BillError>,
    /// The requests that were made, repeated ones included.
    pub requests: u32,
}

impl CostExplorer {
    /// Asks for one number of some UTC days, and for tags by their keys.
    pub async fn look_at_costs_and_tags(
        &self,
        days: &Range<Date>,
        tags: &[String],
        mut requests: Requests,
    ) -> PaidLook {
        let costs = self.look_at_costs(days, &mut requests).await;
        let active_tags = self.look_at_tags(tags, &mut requests).await;
        PaidLook { costs, active_tags, requests: requests.used() }
    }

    async fn look_at_costs(
        &self,
        days: &Range<Date>,
        requests: &mut Requests,
    ) -> Result<(), BillError> {
        let call = self
            .client
            .get_cost_and_usage()
            .time_period(interval(days)?)
            .granularity(Granularity::Daily)
            .metrics(COST);
        self.paid("ce GetCostAndUsage", requests, || call.clone().send()).await.map(|_| ())
    }

    async fn look_at_tags(
        &self,
        tags: &[String],
        requests: &mut Requests,
    ) -> Result<Vec<String>, BillError> {
        let call = self
            .client
            .list_cost_allocation_tags()
            .status(CostAllocationTagStatus::Active)
            .set_tag_keys(Some(tags.to_vec()));
        let action = "ce ListCostAllocationTags";
        let answer = self.paid(action, requests, || call.clone().send()).await?;
        let listed = answer.cost_allocation_tags.unwrap_or_default();
        Ok(listed.into_iter().map(|tag| tag.tag_key).collect())
    }
}
