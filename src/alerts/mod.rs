//! Alerts: rules that look at facts, what becomes of what they find, and who is told. Pure: facts
//! come in gathered, and messages go out as values.

mod evaluate;
mod facts;
mod finding;
mod handover;
mod lifecycle;
mod limits;
mod local_time;
mod message;
mod recipients;
mod rule;
mod rules;
mod settings;
mod standing;
mod words;

#[cfg(test)]
pub(crate) mod month;
#[cfg(test)]
mod tests;

pub use evaluate::{Alert, BROKEN, Evaluation, Evaluator, Known};
pub use facts::{
    BudgetFacts, End, Facts, HISTORY_DAYS, JobDay, JobFacts, QuotaFacts, ReportFacts, RunFacts,
    SKEW, SourceFacts, TeamUse, WINDOW,
};
pub use finding::{Finding, Severity, Subject};
pub use lifecycle::{
    AlertState, Notice, Pace, Quiet, REMINDERS, Seen, Stage, Step, Told, Weight, step,
};
pub use limits::LimitsError;
pub use message::{Group, Message, News, SHOWN_MAX, Section};
pub use recipients::Recipients;
pub use rule::{RULES, RuleEntry, documented, is_rule};
pub use settings::{AlertSettings, AlertSettingsError, Mute};
