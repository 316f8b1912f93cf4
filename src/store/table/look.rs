//! Looking at what protects the table. Needs permissions that no other command needs, so what may
//! not be seen is no failure.

use aws_sdk_dynamodb::types::PointInTimeRecoveryStatus;

use super::{Table, few_attempts};
use crate::store::StoreError;

/// What protects a table on AWS.
#[derive(Debug)]
pub struct Protection {
    /// Whether it can be restored as it was at any second of the last weeks.
    pub recovery: Result<bool, StoreError>,
    /// Whether nobody can delete it by mistake.
    pub deletion: Result<bool, StoreError>,
}

impl Table {
    /// Asks DynamoDB what protects the table.
    pub async fn look_at_protection(&self) -> Protection {
        Protection { recovery: self.has_recovery().await, deletion: self.keeps_itself().await }
    }

    async fn has_recovery(&self) -> Result<bool, StoreError> {
        let call = self.client.describe_continuous_backups().table_name(&self.name);
        let answer = call
            .customize()
            .config_override(few_attempts())
            .send()
            .await
            .map_err(|error| StoreError::of(&self.name, "DescribeContinuousBackups", &error))?;
        let backups = answer.continuous_backups_description;
        let recovery = backups.and_then(|b| b.point_in_time_recovery_description);
        let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
        Ok(status == Some(PointInTimeRecoveryStatus::Enabled))
    }

    async fn keeps_itself(&self) -> Result<bool, StoreError> {
        let call = self.client.describe_table().table_name(&self.name);
        let answer = call
            .customize()
            .config_override(few_attempts())
            .send()
            .await
            .map_err(|error| StoreError::of(&self.name, "DescribeTable", &error))?;
        let enabled = answer.table.and_then(|table| table.deletion_protection_enabled);
        Ok(enabled.unwrap_or(false))
    }
}
