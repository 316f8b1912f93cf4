//! Alerts: rules that look at facts, and what becomes of what they find.

mod finding;
mod lifecycle;

pub use finding::{Finding, Severity, Subject};
pub use lifecycle::{AlertState, Notice, Quiet, Seen, Stage, Step, StoredSeverity, Told, step};
