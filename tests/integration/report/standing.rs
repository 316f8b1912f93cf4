//! The alerts that stand in the company's week.

use runledger::model::{Severity, StandingAlert, Subject};

use super::company::at;

pub(super) fn alerts() -> Vec<StandingAlert> {
    vec![
        alert(
            "cost-jump",
            Severity::Critical,
            "customer_profile_ingest_hourly cost 3 times its usual week",
        ),
        alert(
            "quota-near",
            Severity::Warning,
            "Glue DPUs in 123456789012 eu-west-1 were over 90% of the quota for 42 minutes",
        ),
    ]
}

pub(super) fn alert(code: &str, severity: Severity, message: &str) -> StandingAlert {
    StandingAlert {
        code: code.to_owned(),
        severity,
        state: "OPEN".to_owned(),
        fingerprint: code.to_owned(),
        subject: Subject::default(),
        observed: String::new(),
        limit: String::new(),
        message: message.to_owned(),
        advice: String::new(),
        opened_at: at("2026-11-14T03:10:00Z"),
    }
}
