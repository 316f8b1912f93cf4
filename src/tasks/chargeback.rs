//! Finance's month: read, split, shown, closed and mailed.
//!
//! A month that is open is computed from what is stored now; a month that is closed is read from
//! what closing it froze, and nothing of it is computed again.

mod booked;
mod close;
mod corrections;
mod expiry;
mod mail;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{Timestamp, ToSpan};

pub use self::booked::booked_for;
pub use self::close::{CloseOrder, Closed, close, closed};
use self::corrections::Earlier;
pub use self::mail::mails;
use super::bill::{self, Around};
use super::budgets::outlooks;
use super::report::collection;
use super::used::{UsedRun, ran_on, read};
use crate::analysis::{Books, Estimate};
use crate::chargeback::{
    Book, Budgets, CellKey, Correction, Facts, FrozenError, LedgerError, RunLedger, RunUse,
    SplitRules, Statement,
};
use crate::model::{Basis, Engine, JobRun, Period, PeriodError, Price, Usd, utc_day};
use crate::ownership::{Owner, UNALLOCATED};
use crate::report::{RenderedReport, TemplateError, Templates};
use crate::sources::BillSettings;
use crate::store::{Store, StoreError};
use crate::tables::{TableError, chargeback_csv};

/// What is asked of one month.
#[derive(Clone, Debug)]
pub struct Request {
    /// The UTC month.
    pub month: Period,
    /// What "now" is.
    pub now: Timestamp,
    /// Who bears which line.
    pub rules: SplitRules,
    /// What teams may spend.
    pub budgets: Budgets,
    /// Whose bill is read, and how far it may differ.
    pub bill: BillSettings,
    /// The accounts, regions and engines that are to be collected.
    pub expected: Vec<(String, String, Engine)>,
}

/// A month that is open, as it stands.
#[derive(Clone, Debug)]
pub struct OpenMonth {
    /// What it comes to.
    pub statement: Statement,
    /// What was booked for each run.
    pub ledger: RunLedger,
    /// What is corrected of months closed before.
    pub corrections: Vec<Correction>,
    /// What expires, or has, before it was booked: also among the statement's warnings.
    pub expiring: Vec<String>,
}

/// A month in every format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The mail.
    pub mail: RenderedReport,
    /// The documented JSON.
    pub json: String,
    /// Every finest cell, and every line that stays unallocated.
    pub csv: Vec<u8>,
}

/// A month that cannot be computed, closed or shown.
#[derive(Debug, thiserror::Error)]
pub enum ChargebackError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The month before lies outside the calendar.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// What a closed month keeps cannot be read.
    #[error(transparent)]
    Frozen(#[from] FrozenError),
    /// Likewise.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A part of a closed month is not there.
    #[error("closed month {month} has no `{part}`")]
    NoPart {
        /// The month.
        month: String,
        /// The part.
        part: &'static str,
    },
    /// A template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The statement is no JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The month has not begun.
    #[error("{month} has not begun: it begins at {start}")]
    NotBegun {
        /// The month.
        month: String,
        /// Its first instant.
        start: Timestamp,
    },
    /// The month is not over.
    #[error("{month} is over at {end}, and is not closed before")]
    NotOver {
        /// The month.
        month: String,
        /// Its end.
        end: Timestamp,
    },
    /// The bill is not final.
    #[error("the bill of {month} is not final: {reason}")]
    BillNotFinal {
        /// The month.
        month: String,
        /// Why not.
        reason: String,
    },
}

/// Computes a month that is open, from one reading of its runs.
///
/// # Errors
/// When it has not begun, or the store, or a month closed before, cannot be read.
pub async fn open_month(
    store: &Store,
    books: &Arc<Books>,
    request: &Request,
) -> Result<OpenMonth, ChargebackError> {
    let Request { month, now, .. } = request;
    if month.start > *now {
        return Err(ChargebackError::NotBegun { month: month.name.clone(), start: month.start });
    }
    let days = month.utc_day_range();
    let cached = bill::cached(store, &request.bill, &days).await?;
    let around = Around::read(store, books, *now).await?;
    let mut earlier = Earlier::load(store, books, month, *now).await?;
    let (mut book, mut estimate) = (Book::default(), Estimate::new(books, days.clone()));
    let first = earlier.first_day().unwrap_or(days.start).min(days.start);
    read(store, books, first..days.end, *now, |used| {
        earlier.meet(&used.stored.run);
        if let Some(run) = run_use(&used, &days) {
            book.add(run);
            estimate.add(&used.stored.run, &used.priced, &used.shares);
        }
    })
    .await?;
    let against = || bill::held_against(estimate, &cached, &around, &request.bill).true_up;
    let bill = (!cached.is_off()).then(against);
    let nearest = earlier.nearest().map(str::to_owned);
    let (corrections, unpriced_before) = earlier.finish(store, &request.bill, &around).await?;
    let (budgets, expected) = (&request.budgets, &request.expected);
    let budgets = outlooks(store, books, budgets, month, expected, *now).await?;
    let (under_way_runs, without_end_runs) = open_runs(store, month, *now).await?;
    let states = store.source_states().await?;
    let kept_since = store.kept_since(*now);
    let expiring = expiry::warnings(kept_since, month, nearest.as_deref(), &corrections);
    let mut also = expiring.clone();
    if states.is_empty() && expected.is_empty() {
        let nothing = "nothing was collected from AWS: imported files do not say what they lack";
        also.push(nothing.to_owned());
    }
    also.extend(unknown_teams(request, &book, books));
    let (_, not_collected) = collection(states, expected, month);
    let facts = Facts {
        month: &month.name,
        as_of: *now,
        bill: bill.as_ref(),
        rules: &request.rules,
        corrections: &corrections,
        unpriced_before: &unpriced_before,
        budgets,
        under_way_runs,
        without_end_runs,
        not_collected: &not_collected,
        is_kept: month.end > kept_since,
        cost_centers: &cost_centers(&request.rules, books),
        also: &also,
    };
    let (statement, ledger) = book.finish(facts);
    Ok(OpenMonth { statement, ledger, corrections, expiring })
}

/// The cost centres that the configuration gives teams with fixed shares.
fn cost_centers(rules: &SplitRules, books: &Books) -> BTreeMap<String, String> {
    let own = |team: &str| books.ownership.cost_center_of(team).map(str::to_owned);
    rules.teams().filter_map(|team| Some((team.to_owned(), own(team)?))).collect()
}

/// Teams that the configuration gives a budget or a share, and that no run and no rule knows: most
/// likely a slip of the pen.
fn unknown_teams(request: &Request, book: &Book, books: &Books) -> Vec<String> {
    let is_unknown = |team: &&str| {
        !book.has_team(team) && !books.ownership.names_team(team) && *team != UNALLOCATED
    };
    let shares: BTreeSet<&str> = request.rules.teams().filter(is_unknown).collect();
    let budgets = request.budgets.0.keys().map(String::as_str).filter(is_unknown);
    let nobody = "a team that no run of the month and no rule knows";
    let share = |team: &str| format!("[chargeback.split] has a share of `{team}`, {nobody}");
    let budget = |team: &str| format!("[budgets] has `{team}`, {nobody}");
    budgets.map(budget).chain(shares.into_iter().map(share)).collect()
}

/// What a run brings to the month; `None` where it neither used anything in it nor ended in it, nor
/// ran in it without a price.
fn run_use<'u>(used: &'u UsedRun, days: &std::ops::Range<jiff::civil::Date>) -> Option<RunUse<'u>> {
    let run = &used.stored.run;
    let mut ours = used.shares.iter().filter(|share| days.contains(&share.day)).peekable();
    let ended_here = run.end().is_some_and(|end| days.contains(&utc_day(end)));
    let is_unpriced = used.priced.price.cost().is_none() && run.end().is_some();
    let is_unknown = is_unpriced && ran_on(run, days);
    if !ended_here && ours.peek().is_none() && !is_unknown {
        return None;
    }
    Some(RunUse {
        identity: &run.identity,
        cell: cell_of(run, &used.owner, &used.job),
        used: ours.map(|share| share.amount).sum::<Usd>(),
        cost: match &used.priced.price {
            Price::Priced { lines, .. } => Ok(lines.iter().map(|line| line.amount).sum()),
            Price::Unpriced(reason) => Err(reason),
        },
        ended_here,
        under_way: run.end().is_none(),
        off_bill: is_off_bill(&used.priced.price),
    })
}

/// Whether a run came with its own cost: its engine's bill is none of AWS's for these services.
const fn is_off_bill(price: &Price) -> bool {
    matches!(price, Price::Priced { basis: Basis::Imported, .. })
}

/// Where a run is booked.
fn cell_of(run: &JobRun, owner: &Owner, job: &str) -> CellKey {
    CellKey {
        cost_center: owner.cost_center.clone().unwrap_or_default(),
        team: owner.team.clone(),
        account: run.identity.account.clone(),
        region: run.identity.region.clone(),
        engine: run.identity.engine.to_string(),
        job: job.to_owned(),
    }
}

/// Runs that began before the month's end and had not ended, and runs whose end nobody told.
async fn open_runs(
    store: &Store,
    month: &Period,
    now: Timestamp,
) -> Result<(u64, u64), StoreError> {
    let (mut under_way, mut without_end) = (0, 0);
    for run in store.open_runs(now).await?.iter().filter(|run| run.end().is_none()) {
        if run.state.is_terminal() {
            without_end += 1;
        } else if run.start().is_none_or(|start| start < month.end) {
            under_way += 1;
        }
    }
    Ok((under_way, without_end))
}

impl Files {
    /// A statement in every format.
    ///
    /// # Errors
    /// When a template fails on it.
    pub fn of(statement: &Statement, templates: &Templates) -> Result<Self, ChargebackError> {
        let json = serde_json::to_string_pretty(statement)?;
        Ok(Self {
            mail: templates.render_chargeback(statement)?,
            json: crate::report::words::visible_json(&json) + "\n",
            csv: chargeback_csv(statement)?,
        })
    }
}

/// The UTC month before.
fn month_before(month: &Period) -> Result<Period, PeriodError> {
    let first = month.utc_day_range().start;
    let before = first.checked_sub(1.month()).map_err(|_| PeriodError::Range)?;
    Period::month(&before.strftime("%Y-%m").to_string(), &jiff::tz::TimeZone::UTC)
}
