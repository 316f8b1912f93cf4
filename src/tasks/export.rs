//! Exporting tables: read the period, price, own and split its runs, and write rows as they come.
//! Nothing that grows with the number of runs is held, but for what a table itself puts together.
//!
//! Tables of one order are made from one reading where they are about runs, and what they cost must
//! be the same in all of them: where it is not, runs were stored meanwhile, and nothing is written.

mod attached;
mod days;
mod passes;
pub mod target;

use std::sync::Arc;

use jiff::Timestamp;

pub use self::attached::{attached, is_attached_anyway};
pub use self::days::LeftOut;
use self::passes::{Part, Scope, read_ended, read_used};
use super::report::{ReportError, Request, figures};
use crate::analysis::{AnalysisError, Books, Edition, Figures, OwnCostSettings};
use crate::chargeback::Budgets;
use crate::model::{Engine, Period, PeriodError, QuotaValue, StandingAlerts, Usd};
use crate::sources::BillSettings;
use crate::store::{OwnUse, Store, StoreError};
use crate::tables::{JOBS, OfPeriod, QUOTA, TEAMS, Table, TableError, TableWriter, Tally};

/// To which days a run's cost belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostBasis {
    /// To the day of its end, wholly: as reports count.
    #[default]
    Ended,
    /// To the UTC days in which it ran, in proportion: as AWS bills.
    Used,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// The period, in the report's time zone.
    pub period: Period,
    /// The period in UTC, for what is counted by UTC days of use.
    pub utc_period: Period,
    /// The team whose runs alone are wanted.
    pub team: Option<String>,
    /// The basis of `costs`. FOCUS is always on the basis `used`, everything else on `ended`.
    pub basis: CostBasis,
    /// Whether days that are not complete are wanted too.
    pub incomplete: bool,
    /// What "now" is.
    pub now: Timestamp,
    /// Quotas that the configuration sets.
    pub quotas: Vec<QuotaValue>,
    /// What is to be collected: see [`Request::expected`].
    pub expected: Vec<(String, String, Engine)>,
}

/// What an export came to.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Each table, with its rows and sums.
    pub tallies: Vec<Tally>,
    /// The days that were left out because they are not complete.
    pub left_out: Option<LeftOut>,
    /// Where a part of the period is past its retention: runs that ended before this are gone.
    pub kept_since: Option<Timestamp>,
    /// Runs without a price, which FOCUS has no row for.
    pub unpriced_without_row: u64,
}

/// An export that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A question failed.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// The period before lies outside the calendar.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// Runs were stored while the tables were made.
    #[error("runs were stored while the tables were made, so they do not agree; export again")]
    Moved,
}

impl From<ReportError> for ExportError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Store(error) => error.into(),
            ReportError::Analysis(error) => error.into(),
            ReportError::Period(error) => error.into(),
        }
    }
}

/// Writes the tables of an order.
///
/// # Errors
/// When the store cannot be read, a table cannot be written, or runs are stored meanwhile.
pub async fn export(
    store: &Store,
    books: &Arc<Books>,
    order: &Order,
    tables: TableWriter<'_>,
) -> Result<Exported, ExportError> {
    let sources = store.source_states().await?;
    let complete = |period: &Period| days::complete(period, &sources, order);
    let (ended, left_out) = complete(&order.period);
    let (used, left_out_used) = complete(&order.utc_period);
    let by_use = |table: &Table| {
        *table == Table::Focus || (*table == Table::Costs && order.basis == CostBasis::Used)
    };
    let any_used = Table::ALL.iter().any(|table| tables.wants(*table) && by_use(table));
    let any_ended = Table::ALL.iter().any(|table| tables.wants(*table) && !by_use(table));
    let mut part = Part::new(order.team.clone(), order.basis, tables);
    let mut unpriced_without_row = 0;
    if let Some(period) = ended.filter(|_| any_ended) {
        if wants_figures(&part.tables) {
            part.take_figures(&figures_of(store, books, order, &period).await?);
        }
        let scope = Scope { period: &period, now: order.now, as_known: false };
        read_ended(store, books, scope, std::slice::from_mut(&mut part)).await?;
    }
    if let Some(period) = used.filter(|_| any_used) {
        let days = period.utc_day_range();
        unpriced_without_row = read_used(store, books, order, days, &mut part.tables).await?;
    }
    let tallies = part.finish()?;
    agree(tallies.iter().filter(|tally| !by_use(&tally.table)))?;
    agree(tallies.iter().filter(|tally| by_use(&tally.table)))?;
    let left_out = left_out.filter(|_| any_ended).or(left_out_used.filter(|_| any_used));
    let starts = [(any_ended, order.period.start), (any_used, order.utc_period.start)];
    let kept_since = store.kept_since(order.now);
    let is_cut = starts.iter().any(|(wanted, start)| *wanted && *start < kept_since);
    let kept_since = is_cut.then_some(kept_since);
    Ok(Exported { tallies, left_out, kept_since, unpriced_without_row })
}

/// Whatever is counted by the same days costs the same in every table.
fn agree<'t>(tallies: impl Iterator<Item = &'t Tally>) -> Result<(), ExportError> {
    let costs: Vec<Usd> = tallies.filter_map(Tally::cost).collect();
    if costs.windows(2).all(|pair| pair[0] == pair[1]) { Ok(()) } else { Err(ExportError::Moved) }
}

async fn figures_of(
    store: &Store,
    books: &Arc<Books>,
    order: &Order,
    period: &Period,
) -> Result<Figures, ExportError> {
    let request = Request {
        period: period.clone(),
        now: order.now,
        quotas: order.quotas.clone(),
        expected: order.expected.clone(),
        restate_threshold: Usd::ZERO,
        // Tables have no columns for these.
        budgets: Budgets::default(),
        bill: BillSettings::default(),
        overdue_since: None,
        alerts: StandingAlerts::default(),
        own_use: OwnUse::default(),
        own_rates: OwnCostSettings::default(),
        own_place: None,
    };
    let edition = Edition { team: order.team.clone(), ..Edition::default() };
    let mut all = figures(store, books, &request, &[edition]).await?;
    // One edition was asked for.
    all.pop().ok_or(ExportError::Moved)
}

/// Whether any of the tables is of what a report computes.
fn wants_figures(tables: &TableWriter<'_>) -> bool {
    [Table::Jobs, Table::Teams, Table::Quota].iter().any(|table| tables.wants(*table))
}

fn write_figures(figures: &Figures, tables: &mut TableWriter<'_>) -> Result<(), TableError> {
    let period: std::rc::Rc<str> = figures.period.name.as_str().into();
    for job in &figures.jobs {
        let row = OfPeriod { period: period.clone(), figures: job.clone() };
        tables.add(Table::Jobs, JOBS, &row)?;
    }
    for team in &figures.teams {
        let row = OfPeriod { period: period.clone(), figures: team.clone() };
        tables.add(Table::Teams, TEAMS, &row)?;
    }
    for quota in &figures.quotas {
        let row = OfPeriod { period: period.clone(), figures: quota.clone() };
        tables.add(Table::Quota, QUOTA, &row)?;
    }
    Ok(())
}
