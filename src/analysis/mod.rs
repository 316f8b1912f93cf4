//! The questions that a report answers, each in a file of its own: priced runs go into a Polars
//! frame, and plain structs come out.

mod actions;
mod booked;
mod books;
mod chains;
mod failures;
mod figures;
mod frame;
mod groups;
mod held;
mod hourly;
mod jobs;
mod own_cost;
mod quotas;
mod rates;
mod report;
mod roll_up;
mod row;
mod totals;
mod true_up;
mod unpriced;

pub use booked::BookedRun;
pub use books::{Books, NameFrom};
pub use chains::{Chain, Chains, RunsMoved};
pub use figures::{
    Action, Completeness, ConfigurationFigures, FailureFigures, Figures, JobFigures, NotCollected,
    OpenRun, PeakShare, QuotaFigures, Restated, StateFigures, TeamFigures, TeamUse, Totals,
    UnpricedReason, Waste,
};
pub use held::{Held, units_now};
pub use hourly::{HourFigures, Hours};
pub use own_cost::{OwnCost, OwnCostSettings, OwnPart};
pub use quotas::QuotaUse;
pub use rates::{RateFigure, rates_in_force};
pub use report::{Context, Edition, ReportAnalysis};
pub use roll_up::{DayRollUps, RollUpPart, last_owner};
pub use row::{ConfigurationKey, JobKey, RunRow, follows};
pub use true_up::{
    AccountBill, BillState, Collected, Compared, Comparison, Estimate, Facts, GapKind, GapLine,
    OverEstimate, Question, Reading, TrueUp, compare, speaks_for,
};

/// Polars refused a question: a defect of this program, not of the data.
#[derive(Debug, thiserror::Error)]
#[error("the figures cannot be computed: {0}")]
pub struct AnalysisError(#[from] polars::error::PolarsError);
