//! Alerts: rules that look at facts, and what becomes of what they find.

mod facts;
mod finding;
mod lifecycle;
mod limits;
mod rule;
mod rules;
mod words;

pub use facts::{
    BudgetFacts, Facts, JobDay, JobFacts, QuotaFacts, ReportFacts, RunFacts, SourceFacts,
};
pub use finding::{Finding, Severity, Subject};
pub use lifecycle::{AlertState, Notice, Quiet, Seen, Stage, Step, StoredSeverity, Told, step};
pub use limits::{Limits, LimitsError};
pub use rule::{Check, Rules};
