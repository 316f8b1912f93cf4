//! What waits for a price: runs without a cost, and how much usage of what has no rate.

use rust_decimal::Decimal;

use super::UnpricedReason;
use super::row::RunRow;
use crate::model::Unpriced;

const SECONDS_PER_HOUR: u32 = 3600;

/// The runs of one reason, with what they used.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    runs: u64,
    dpu_seconds: Decimal,
    vcpu_hours: Decimal,
    memory_gb_hours: Decimal,
    storage_gb_hours: Decimal,
}

impl Waiting {
    /// Adds a run. Where single rates are missing, what has a rate does not wait.
    pub(super) fn add(&mut self, reason: &Unpriced, row: &RunRow) {
        let waits = |component: &str| match reason {
            Unpriced::NoRate(missing) => missing.components.contains(&component),
            _ => true,
        };
        let add = |sum: &mut Decimal, used: Decimal, waits: bool| {
            if waits {
                *sum = sum.saturating_add(used);
            }
        };
        self.runs += 1;
        add(&mut self.dpu_seconds, row.dpu_seconds, true);
        add(&mut self.vcpu_hours, row.vcpu_hours, waits("vCPU"));
        add(&mut self.memory_gb_hours, row.memory_gb_hours, waits("memory"));
        add(&mut self.storage_gb_hours, row.storage_gb_hours, waits("storage"));
    }

    /// The figure that is shown.
    pub(super) fn figure(&self, reason: &Unpriced) -> UnpricedReason {
        let rounded = |hours: Decimal| hours.round_dp(6).normalize();
        UnpricedReason {
            reason: reason.to_string(),
            missing_rate: match reason {
                Unpriced::NoRate(missing) => Some((**missing).clone()),
                _ => None,
            },
            runs: self.runs,
            dpu_hours: rounded(self.dpu_seconds / Decimal::from(SECONDS_PER_HOUR)),
            vcpu_hours: rounded(self.vcpu_hours),
            memory_gb_hours: rounded(self.memory_gb_hours),
            storage_gb_hours: rounded(self.storage_gb_hours),
        }
    }
}
