//! Runs of closed months that came too late to be stored as runs: kept for a term, so that the next
//! month's closing can book what they change.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;

use super::beyond::Beyond;
use super::item::{Item, Stored, in_microseconds};
use super::keys::{self, PARTITION_KEY, TTL};
use super::{Store, StoreError};
use crate::model::{JobRun, merge, utc_day};

/// How often a run is merged anew because somebody else was faster.
const TRIES_MAX: u32 = 12;

impl Store {
    /// Keeps the runs that used something in a closed month, each under every such month; says how
    /// many were.
    pub(super) async fn keep_late(
        &self,
        runs: Vec<JobRun>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if runs.is_empty() {
            return Ok(0);
        }
        let closed = self.closed_months().await?;
        let mut kept = 0;
        for run in runs {
            let months = months_of(&run);
            let months = closed.iter().filter(|closed| months.contains(&closed.month));
            let mut any = false;
            for month in months {
                self.keep_late_run(&month.month, &run, now).await?;
                any = true;
            }
            kept += u64::from(any);
        }
        Ok(kept)
    }

    async fn keep_late_run(
        &self,
        month: &str,
        run: &JobRun,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let partition = keys::late_partition(month);
        let key = keys::identity_key(&run.identity);
        let run = in_microseconds(run.clone());
        for _ in 0..TRIES_MAX {
            let found = self.table.items(&partition, &[&key]).await?;
            let found = found.first().filter(|item| !has_expired(item, now));
            let found = found.map(|item| self.late_of(item)).transpose()?;
            let merged = found.as_ref().map_or_else(|| run.clone(), |old| merge(&run, &old.run));
            if found.as_ref().is_some_and(|old| old.run == merged) {
                return Ok(());
            }
            let first_stored = found.as_ref().map_or(now, |old| old.first_stored);
            let version = found.as_ref().map_or(0, |old| old.version);
            let beyond = found.as_ref().map_or_else(Beyond::default, |old| old.beyond.clone());
            let new = Stored { run: merged, first_stored, version, under: None, beyond };
            let term = i64::from(self.settings.retention_days) * 86_400;
            let item = new.to_item(&partition, now.as_second() + term);
            if self.table.put_if_version(item, found.map(|old| old.version), now).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended { table: self.table.name.clone() })
    }

    /// The late runs of a closed month that have not expired, in the order of their identities.
    ///
    /// # Errors
    /// When DynamoDB fails or an item cannot be read.
    pub async fn late_runs(&self, month: &str, now: Timestamp) -> Result<Vec<JobRun>, StoreError> {
        let items = self.table.query_partition(&keys::late_partition(month), Some(now)).await?;
        items.iter().map(|item| Ok(self.late_of(item)?.run)).collect()
    }

    fn late_of(&self, item: &Item) -> Result<Stored, StoreError> {
        Stored::of_item_to_merge(item).map_err(|reason| self.table.unreadable(item, reason))
    }
}

fn has_expired(item: &Item, now: Timestamp) -> bool {
    let term = item.get(TTL).and_then(|value: &AttributeValue| value.as_n().ok());
    term.and_then(|term| term.parse::<i64>().ok()).is_some_and(|term| term <= now.as_second())
}

/// The UTC months in which the run can have used something: those from its start to its end.
fn months_of(run: &JobRun) -> Vec<String> {
    let Some(end) = run.end().map(utc_day) else { return Vec::new() };
    let start = run.start().map_or(end, utc_day).min(end);
    let mut months = Vec::new();
    let mut day = Date::new(start.year(), start.month(), 1).unwrap_or(start);
    while day <= end {
        months.push(day.strftime("%Y-%m").to_string());
        let next = day.last_of_month().tomorrow();
        let Ok(next) = next else { break };
        day = next;
    }
    months
}

impl super::Table {
    /// Writes an item if there is none of another version; one that has expired does not count.
    async fn put_if_version(
        &self,
        item: Item,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let put = match seen {
            None => put
                .condition_expression("attribute_not_exists(#pk) OR #ttl <= :now")
                .expression_attribute_names("#pk", PARTITION_KEY)
                .expression_attribute_names("#ttl", TTL)
                .expression_attribute_values(
                    ":now",
                    AttributeValue::N(now.as_second().to_string()),
                ),
            Some(version) => put
                .condition_expression("#version = :seen")
                .expression_attribute_names("#version", super::item::VERSION)
                .expression_attribute_values(":seen", AttributeValue::N(version.to_string())),
        };
        self.written(put.send().await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Engine, RunIdentity, RunState};

    #[test]
    fn a_run_is_of_every_month_it_ran_in() {
        let identity = RunIdentity {
            account: "1".into(),
            region: "r".into(),
            engine: Engine::Glue,
            application_id: None,
            run_id: "x".into(),
            attempt: 1,
        };
        let mut run = JobRun::new(identity, RunState::Succeeded);
        assert!(months_of(&run).is_empty());
        run.ended_at = Some("2027-01-01T00:30:00Z".parse().unwrap());
        assert_eq!(months_of(&run), ["2027-01"]);
        run.started_at = Some("2026-10-31T23:30:00Z".parse().unwrap());
        assert_eq!(months_of(&run), ["2026-10", "2026-11", "2026-12", "2027-01"]);
    }
}
