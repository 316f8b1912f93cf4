//! The questions that a report answers, each in a file of its own: priced runs go into a Polars
//! frame, and plain structs come out.

mod figures;

pub use figures::{
    Action, Completeness, ConfigurationFigures, FailureFigures, Figures, JobFigures, NotCollected,
    OpenRun, PeakShare, QuotaFigures, Restated, StateFigures, TeamFigures, Totals, UnpricedReason,
    Waste,
};
