//! Months closed before one that is open, and what has become known of them since.
//!
//! A closed month is corrected in the first month after it that is open: those are the months
//! before this one, back to the first that is not closed.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{ChargebackError, cell_of, is_off_bill, month_before};
use crate::analysis::{BillState, Books, Estimate, speaks_for};
use crate::chargeback::{Booked, Correction, Frozen, NewBill, RunLedger, run_hash};
use crate::model::{JobRun, Period, Price, Unpriced, Usd, utc_day};
use crate::pricing::{RateCard, by_day};
use crate::sources::BillSettings;
use crate::store::{ClosedMonth, Store};
use crate::tasks::bill::{self, Around};
use crate::tasks::chargeback::close::{FROZEN, LEDGER, part};
use crate::tasks::used::ran_on;

/// The closed months before an open one, the nearest first.
pub(super) struct Earlier {
    months: Vec<EarlierMonth>,
}

struct EarlierMonth {
    period: Period,
    days: Range<Date>,
    booked: Booked,
    /// The rates as they were frozen; owners and names as they are now, for runs that are new.
    books: Arc<Books>,
    /// As they are now: for runs that had no rate when the month was closed.
    now: Arc<Books>,
    late: Vec<JobRun>,
    /// Whether runs of it can still be stored.
    kept: bool,
    /// What its runs come to that are known today; `None` where some of them have expired.
    estimate: Option<Estimate>,
}

impl Earlier {
    /// Reads what was booked for the closed months right before this one, as far back as anything
    /// can still become known: while their runs are kept, or late runs are waiting.
    pub(super) async fn load(
        store: &Store,
        books: &Arc<Books>,
        month: &Period,
        now: Timestamp,
    ) -> Result<Self, ChargebackError> {
        let closed = store.closed_months().await?;
        let mut found = Vec::new();
        let mut needed = 0;
        let mut period = month_before(month)?;
        while let Some(header) = closed.iter().find(|header| header.month == period.name) {
            let late = store.late_runs(&period.name, now).await?;
            let kept = period.end > store.kept_since(now);
            let before = month_before(&period)?;
            let is_needed = kept || !late.is_empty();
            found.push((header, std::mem::replace(&mut period, before), late, kept));
            if is_needed {
                needed = found.len();
            }
        }
        // What lies further back than the last one needed books nothing and is not read.
        found.truncate(needed);
        let mut months: Vec<EarlierMonth> = Vec::new();
        let mut later: Vec<(Frozen, RunLedger)> = Vec::new();
        for (header, period, late, kept) in found {
            let (frozen, ledger) = read(store, header).await?;
            let closed_on = utc_day(header.closed.at);
            let mut booked = Booked::of(&frozen, ledger.clone(), closed_on);
            for (frozen, ledger) in later.iter().rev() {
                booked.add_corrections(frozen, ledger);
            }
            let frozen_books = Arc::new(Books {
                card: RateCard::of_frozen(frozen.rates.clone()),
                pricing: frozen.pricing.clone(),
                ..Books::clone(books)
            });
            // Only what it corrected of others is looked at again.
            later.push((frozen, RunLedger { own: Vec::new(), ..ledger }));
            let days = period.utc_day_range();
            let whole = store.kept_since(now) <= period.start;
            let estimate = whole.then(|| Estimate::new(&frozen_books, days.clone()));
            let (books, now) = (frozen_books, Arc::clone(books));
            months.push(EarlierMonth { period, days, booked, books, now, late, kept, estimate });
        }
        Ok(Self { months })
    }

    /// The first day that has to be read.
    pub(super) fn first_day(&self) -> Option<Date> {
        self.months.iter().filter(|month| month.kept).map(|month| month.days.start).min()
    }

    /// The closed month right before the open one.
    pub(super) fn nearest(&self) -> Option<&str> {
        self.months.first().map(|month| month.period.name.as_str())
    }

    /// Takes a run as it is known now.
    pub(super) fn meet(&mut self, run: &JobRun) {
        if self.months.is_empty() {
            return;
        }
        let hash = run_hash(&run.identity);
        for month in &mut self.months {
            month.meet(hash, run);
        }
    }

    /// What is to be booked for each month, the earliest first; and of which months how many runs
    /// have no price to this day.
    pub(super) async fn finish(
        self,
        store: &Store,
        settings: &BillSettings,
        around: &Around,
    ) -> Result<(Vec<Correction>, Vec<(String, u64)>), ChargebackError> {
        let (mut corrections, mut unpriced) = (Vec::new(), Vec::new());
        for mut month in self.months.into_iter().rev() {
            for run in std::mem::take(&mut month.late) {
                month.meet(run_hash(&run.identity), &run);
            }
            let bill = month.bill(store, settings, around).await?;
            if let runs @ 1.. = month.booked.unpriced_runs() {
                unpriced.push((month.period.name.clone(), runs));
            }
            corrections.extend(month.booked.correction(&bill));
        }
        Ok((corrections, unpriced))
    }
}

impl EarlierMonth {
    /// What is known of its bill today, beside the runs that are.
    async fn bill(
        &mut self,
        store: &Store,
        settings: &BillSettings,
        around: &Around,
    ) -> Result<NewBill, ChargebackError> {
        let cached = bill::cached(store, settings, &self.days).await?;
        // Runs may have expired, so whose bill is wanted is what the closed month tells.
        if !speaks_for(&cached.bills, &self.days, self.booked.accounts()) {
            return Ok(NewBill::default());
        }
        let known = self.estimate.take();
        let is_whole = known.is_some();
        let estimate = known.unwrap_or_else(|| Estimate::new(&self.books, self.days.clone()));
        let true_up = bill::held_against(estimate, &cached, around, settings).true_up;
        let usd = true_up.bill_usd.filter(|_| true_up.state == BillState::Final);
        Ok(NewBill { usd, lines: usd.filter(|_| is_whole).map(|_| true_up.lines) })
    }

    fn meet(&mut self, hash: u128, run: &JobRun) {
        // A run of which another time became known may have left the month that it was booked in.
        if !ran_on(run, &self.days) && !self.booked.knows(hash) {
            return;
        }
        let mut priced = self.books.price(run);
        if matches!(priced.price, Price::Unpriced(Unpriced::NoRate(_))) {
            // Nothing was frozen for it, so what the rate is known to be by now is booked.
            priced = self.now.price(run);
        }
        let mut shares = by_day(run, &priced.price);
        shares.retain(|share| self.days.contains(&share.day));
        if let Some(estimate) = self.estimate.as_mut() {
            estimate.add(run, &priced, &shares);
        }
        let used = shares.iter().map(|share| share.amount).sum::<Usd>();
        let used = priced.price.cost().map(|_| used);
        self.booked.meet(hash, used, is_off_bill(&priced.price), || {
            let job = self.books.job(run);
            cell_of(run, &self.books.owner(run, &job), &job)
        });
    }
}

/// What closing a month froze.
pub(super) async fn read(
    store: &Store,
    header: &ClosedMonth,
) -> Result<(Frozen, RunLedger), ChargebackError> {
    let frozen = Frozen::of_bytes(&header.month, &part(store, header, FROZEN).await?)?;
    let ledger = RunLedger::unpack(&part(store, header, LEDGER).await?)?;
    Ok((frozen, ledger))
}
