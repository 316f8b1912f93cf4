//! The readings of the store that tables are made from: one of the runs that ended in the period
//! (two where chains are wanted), one of what was used on its UTC days.

use std::cell::RefCell;
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::{Either, select};
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::Notify;

use super::{CostBasis, ExportError, Order, write_figures};
use crate::analysis::{BookedRun, Books, Chains, Figures, Hours};
use crate::model::{Period, Price, Usd, utc_day};
use crate::store::{Reach, Store, StoreError, StoredRun};
use crate::tables::{
    CHAINS, COSTS, FOCUS, FocusLine, HOURLY, RUNS, Table, TableWriter, Tally, UsageLine,
};
use crate::tasks::report::was_known;
use crate::tasks::used::{UsedRun, read};

/// Tables under way, of everybody's runs or of one team's. What goes wrong with them stays with
/// them: of the parts that are made from one reading, one that fails takes no more, and the others
/// go on.
pub(super) struct Part<'w> {
    team: Option<String>,
    costs: bool,
    pub(super) tables: TableWriter<'w>,
    chains: Chains,
    hours: Hours,
    failed: Option<ExportError>,
}

impl<'w> Part<'w> {
    pub(super) fn new(team: Option<String>, basis: CostBasis, tables: TableWriter<'w>) -> Self {
        let costs = basis == CostBasis::Ended && tables.wants(Table::Costs);
        let (chains, hours) = (Chains::default(), Hours::default());
        Self { team, costs, tables, chains, hours, failed: None }
    }

    /// Whether any of its tables is about runs that ended.
    fn wants_runs(&self) -> bool {
        let others = [Table::Runs, Table::Chains, Table::Hourly];
        self.costs || others.iter().any(|table| self.tables.wants(*table))
    }

    /// Writes what its tables say of a report's own figures.
    pub(super) fn take_figures(&mut self, figures: &Figures) {
        self.failed = write_figures(figures, &mut self.tables).err().map(ExportError::from);
    }

    fn is_about(&self, team: &str) -> bool {
        self.team.as_ref().is_none_or(|ours| ours == team)
    }

    /// Writes what its tables say of a run that ended in the period.
    fn take(&mut self, run: &Rc<BookedRun>) {
        if self.failed.is_none() && self.is_about(&run.owner.team) {
            self.failed = self.rows_of(run).err();
        }
    }

    fn rows_of(&mut self, run: &Rc<BookedRun>) -> Result<(), ExportError> {
        let tables = &mut self.tables;
        tables.add(Table::Runs, RUNS, &**run)?;
        if tables.wants(Table::Hourly) {
            for figures in self.hours.add(run) {
                tables.add(Table::Hourly, HOURLY, &figures)?;
            }
        }
        if tables.wants(Table::Chains)
            && let Some(chain) = self.chains.add(run).map_err(|_| ExportError::Moved)?
        {
            tables.add(Table::Chains, CHAINS, &chain)?;
        }
        if self.costs {
            for line in whole_lines(run) {
                tables.add(Table::Costs, COSTS, &line)?;
            }
        }
        Ok(())
    }

    /// Writes what is held to the end, and answers with the sums; or with what went wrong.
    pub(super) fn finish(mut self) -> Result<Vec<Tally>, ExportError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        for figures in self.hours.finish() {
            self.tables.add(Table::Hourly, HOURLY, &figures)?;
        }
        for chain in self.chains.finish() {
            self.tables.add(Table::Chains, CHAINS, &chain)?;
        }
        Ok(self.tables.finish()?)
    }
}

/// The runs that are read, and as of when.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) period: &'a Period,
    pub(super) now: Timestamp,
    /// Whether runs that became known after `now` are left out: where an earlier time is told of.
    pub(super) as_known: bool,
}

impl Scope<'_> {
    /// A period need not begin with a UTC day: the days at its edges hold others' runs too.
    fn holds(&self) -> impl Fn(&StoredRun) -> bool + Send + Sync + use<> {
        let Self { period, now, as_known } = *self;
        let period = period.clone();
        move |stored| {
            let is_inside = stored.run.end().is_some_and(|end| period.contains(end));
            is_inside && (!as_known || was_known(stored, now))
        }
    }
}

/// Writes the tables of runs that ended in a period, all parts from one reading. What goes wrong
/// with a part comes out where that is finished.
pub(super) async fn read_ended(
    store: &Store,
    books: &Arc<Books>,
    scope: Scope<'_>,
    parts: &mut [Part<'_>],
) -> Result<(), StoreError> {
    if !parts.iter().any(Part::wants_runs) {
        return Ok(());
    }
    look_for_retries(store, scope, parts).await?;
    let (books, holds) = (Arc::clone(books), scope.holds());
    let keep = move |stored: StoredRun| holds(&stored).then(|| BookedRun::of(stored, &books));
    let stop = Stop::default();
    let reading = store.read_days(scope.period.utc_days(), Reach::All, scope.now, keep, |page| {
        for run in page.into_iter().map(Rc::new) {
            parts.iter_mut().for_each(|part| part.take(&run));
        }
        if parts.iter().all(|part| part.failed.is_some()) {
            stop.signal.notify_one();
        }
    });
    match select(pin!(stop.signal.notified()), pin!(reading)).await {
        Either::Left(_) => Ok(()),
        Either::Right((result, _)) => result,
    }
}

/// The first look at the runs, where chains are wanted: which of them are followed by others.
async fn look_for_retries(
    store: &Store,
    scope: Scope<'_>,
    parts: &mut [Part<'_>],
) -> Result<(), StoreError> {
    let mut chains: Vec<&mut Chains> = parts
        .iter_mut()
        .filter(|part| part.tables.wants(Table::Chains))
        .map(|part| &mut part.chains)
        .collect();
    if chains.is_empty() {
        return Ok(());
    }
    let holds = scope.holds();
    let keep =
        move |stored: StoredRun| (stored.run.is_retry() && holds(&stored)).then_some(stored.run);
    let take = |page: Vec<_>| {
        for run in &page {
            chains.iter_mut().for_each(|chains| chains.look(run));
        }
    };
    store.read_days(scope.period.utc_days(), Reach::All, scope.now, keep, take).await
}

/// Writes the tables of what was used on UTC days. Answers with the runs that FOCUS has no row for.
pub(super) async fn read_used(
    store: &Store,
    books: &Arc<Books>,
    order: &Order,
    days: Range<Date>,
    tables: &mut TableWriter<'_>,
) -> Result<u64, ExportError> {
    let mut unpriced = 0;
    let stop = Stop::default();
    let costs = order.basis == CostBasis::Used && tables.wants(Table::Costs);
    let reading = read(store, books, days, order.now, |used| {
        if order.team.as_ref().is_some_and(|team| used.owner.team != *team) {
            return;
        }
        if matches!(used.priced.price, Price::Unpriced(_)) && tables.wants(Table::Focus) {
            unpriced += 1;
        }
        stop.unless(|| {
            for line in usage_lines(used) {
                if costs {
                    tables.add(Table::Costs, COSTS, &line)?;
                }
                if tables.wants(Table::Focus)
                    && let Some(row) = FocusLine::new(line, books)
                {
                    tables.add(Table::Focus, FOCUS, &row)?;
                }
            }
            Ok(())
        });
    });
    stop.or(reading).await?;
    Ok(unpriced)
}

/// A run's cost lines as they are, on the UTC day of its end.
fn whole_lines(run: &Rc<BookedRun>) -> Vec<UsageLine> {
    let day = run.stored.run.end().map_or(Date::MIN, utc_day);
    match &run.priced.price {
        Price::Unpriced(_) => vec![without_price(run, day)],
        Price::Priced { lines, .. } => lines
            .iter()
            .enumerate()
            .map(|(place, line)| UsageLine {
                run: Rc::clone(run),
                line: Some(place),
                day,
                quantity: line.quantity,
                amount: line.amount,
            })
            .collect(),
    }
}

/// What UTC days took of a run's cost lines.
fn usage_lines(used: UsedRun) -> Vec<UsageLine> {
    let UsedRun { stored, job, owner, priced, shares, .. } = used;
    let day = stored.run.end().map(utc_day);
    let run = Rc::new(BookedRun { stored, job, owner, priced });
    if let (Price::Unpriced(_), Some(day)) = (&run.priced.price, day) {
        return vec![without_price(&run, day)];
    }
    let line = |share: crate::pricing::DayShare| UsageLine {
        run: Rc::clone(&run),
        line: Some(share.line),
        day: share.day,
        quantity: share.quantity,
        amount: share.amount,
    };
    shares.into_iter().map(line).collect()
}

/// The one row of a run without a price.
fn without_price(run: &Rc<BookedRun>, day: Date) -> UsageLine {
    let (quantity, amount) = (rust_decimal::Decimal::ZERO, Usd::ZERO);
    UsageLine { run: Rc::clone(run), line: None, day, quantity, amount }
}

/// Ends a reading early: what takes the pages cannot, and reading millions of runs to the end after
/// the disk is full would help nobody.
#[derive(Default)]
struct Stop {
    failed: RefCell<Option<ExportError>>,
    signal: Notify,
}

impl Stop {
    /// Does the work, unless some has failed before.
    fn unless(&self, work: impl FnOnce() -> Result<(), ExportError>) {
        if self.failed.borrow().is_some() {
            return;
        }
        if let Err(error) = work() {
            *self.failed.borrow_mut() = Some(error);
            self.signal.notify_one();
        }
    }

    /// Waits for a reading, or for the first failure of what takes its pages.
    async fn or(
        &self,
        reading: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), ExportError> {
        let result = match select(pin!(self.signal.notified()), pin!(reading)).await {
            Either::Left(_) => Ok(()),
            Either::Right((result, _)) => result,
        };
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(result?),
        }
    }
}
