//! The readings of the store that tables are made from: one of the runs that ended in the period
//! (two where chains are wanted), one of what was used on its UTC days.

use std::cell::RefCell;
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::{Either, select};
use jiff::civil::Date;
use tokio::sync::Notify;

use super::{CostBasis, ExportError, Order};
use crate::analysis::{BookedRun, Books, Chains, Hours};
use crate::model::{Period, Price, Usd, utc_day};
use crate::store::{Reach, Store, StoreError, StoredRun};
use crate::tables::{CHAINS, COSTS, FOCUS, FocusLine, HOURLY, RUNS, Table, TableWriter, UsageLine};
use crate::tasks::used::{UsedRun, read};

/// What the readings need.
pub(super) struct Passes<'a> {
    pub(super) store: &'a Store,
    pub(super) books: &'a Arc<Books>,
    pub(super) order: &'a Order,
    /// Runs that FOCUS has no row for.
    pub(super) unpriced_without_row: u64,
}

impl Passes<'_> {
    /// Writes the tables of runs that ended in the period.
    pub(super) async fn ended(
        &self,
        period: &Period,
        tables: &mut TableWriter<'_>,
    ) -> Result<(), ExportError> {
        let costs = self.order.basis == CostBasis::Ended && tables.wants(Table::Costs);
        let others = [Table::Runs, Table::Chains, Table::Hourly];
        if !costs && !others.iter().any(|table| tables.wants(*table)) {
            return Ok(());
        }
        let mut chains = Chains::default();
        if tables.wants(Table::Chains) {
            self.look_for_retries(period, &mut chains).await?;
        }
        let mut hours = Hours::default();
        let (books, inside) = (Arc::clone(self.books), period.clone());
        let team = self.order.team.clone();
        let keep = move |stored: StoredRun| {
            // A period need not begin with a UTC day: the days at its edges hold others' runs too.
            if !inside.contains(stored.run.end()?) {
                return None;
            }
            let booked = BookedRun::of(stored, &books);
            team.as_ref().is_none_or(|team| booked.owner.team == *team).then_some(booked)
        };
        let stop = Stop::default();
        let reading =
            self.store.read_days(period.utc_days(), Reach::All, self.order.now, keep, |page| {
                stop.unless(|| {
                    for booked in page {
                        one_run(booked, costs, &mut chains, &mut hours, tables)?;
                    }
                    Ok(())
                });
            });
        stop.or(reading).await?;
        for figures in hours.finish() {
            tables.add(Table::Hourly, HOURLY, &figures)?;
        }
        for chain in chains.finish() {
            tables.add(Table::Chains, CHAINS, &chain)?;
        }
        Ok(())
    }

    /// The first look at the runs: which of them are followed by others.
    async fn look_for_retries(
        &self,
        period: &Period,
        chains: &mut Chains,
    ) -> Result<(), StoreError> {
        let inside = period.clone();
        let keep = move |stored: StoredRun| {
            let run = stored.run;
            (run.is_retry() && inside.contains(run.end()?)).then_some(run)
        };
        let (days, now) = (period.utc_days(), self.order.now);
        let take = |page: Vec<_>| page.iter().for_each(|run| chains.look(run));
        self.store.read_days(days, Reach::All, now, keep, take).await
    }

    /// Writes the tables of what was used on UTC days.
    pub(super) async fn used(
        &mut self,
        days: Range<Date>,
        tables: &mut TableWriter<'_>,
    ) -> Result<(), ExportError> {
        let (order, books) = (self.order, self.books);
        let unpriced = &mut self.unpriced_without_row;
        let stop = Stop::default();
        let costs = order.basis == CostBasis::Used && tables.wants(Table::Costs);
        let reading = read(self.store, books, days, order.now, |used| {
            if order.team.as_ref().is_some_and(|team| used.owner.team != *team) {
                return;
            }
            if matches!(used.priced.price, Price::Unpriced(_)) && tables.wants(Table::Focus) {
                *unpriced += 1;
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
        stop.or(reading).await
    }
}

/// Writes what the tables say of a run that ended in the period.
fn one_run(
    booked: BookedRun,
    costs: bool,
    chains: &mut Chains,
    hours: &mut Hours,
    tables: &mut TableWriter<'_>,
) -> Result<(), ExportError> {
    tables.add(Table::Runs, RUNS, &booked)?;
    if tables.wants(Table::Hourly) {
        for figures in hours.add(&booked) {
            tables.add(Table::Hourly, HOURLY, &figures)?;
        }
    }
    if tables.wants(Table::Chains)
        && let Some(chain) = chains.add(&booked).map_err(|_| ExportError::Moved)?
    {
        tables.add(Table::Chains, CHAINS, &chain)?;
    }
    if costs {
        for line in whole_lines(booked) {
            tables.add(Table::Costs, COSTS, &line)?;
        }
    }
    Ok(())
}

/// A run's cost lines as they are, on the UTC day of its end.
fn whole_lines(booked: BookedRun) -> Vec<UsageLine> {
    let day = booked.stored.run.end().map_or(Date::MIN, utc_day);
    let run = Rc::new(booked);
    match &run.priced.price {
        Price::Unpriced(_) => vec![without_price(&run, day)],
        Price::Priced { lines, .. } => lines
            .iter()
            .enumerate()
            .map(|(place, line)| UsageLine {
                run: Rc::clone(&run),
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
