//! The bill: reading what is due of it from Cost Explorer, and holding it against the estimate.
//!
//! Reading costs money, so what was read is asked for again only where AWS may know more
//! ([`BillDay::is_due`]), a month at a time, the newest first, and never beyond the number of
//! requests that may be paid for. Comparing reads the store alone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::used;
use crate::analysis::{
    AccountBill, Books, Collected, Comparison, Estimate, Facts, TrueUp, compare,
};
use crate::model::{BillDay, BillSource, Engine, JobRun, utc_day};
use crate::pricing::by_day;
use crate::sources::{AwsAccounts, BillError, BillSettings, BillTarget, CostExplorer, Requests};
use crate::store::{Store, StoreError};

/// What reading came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// The days that were wanted, the last one excluded.
    pub days: Option<Range<Date>>,
    /// One for each account, in the order of the configuration.
    pub accounts: Vec<AccountRefreshed>,
    /// The requests that were made in all.
    pub requests: u32,
}

/// What reading one account's bill came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRefreshed {
    /// The account.
    pub account: String,
    /// Days of which AWS may know more than was read before.
    pub days_due: usize,
    /// Days that were read; they may hold some that were not due but lay between.
    pub days_read: usize,
    /// The requests that were made for it.
    pub requests: u32,
    /// Why not all was read, if it was not.
    pub failure: Option<RefreshFailure>,
}

/// Why a bill was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshFailure {
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
    /// Whether there was no answer, as against one that said no.
    pub is_unavailable: bool,
    /// Whether no more requests may be paid for.
    pub is_out_of_requests: bool,
}

impl Refreshed {
    /// The exit code: 0 where all that was due was read, 4 where a part of it was or where no more
    /// could be paid for, 5 where nothing was for want of an answer, 1 where nothing was otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let failures: Vec<_> = self.accounts.iter().filter_map(|a| a.failure.as_ref()).collect();
        let any_read = self.accounts.iter().any(|account| account.days_read > 0);
        if failures.is_empty() {
            0
        } else if any_read
            || failures.len() < self.accounts.len()
            || failures.iter().any(|failure| failure.is_out_of_requests)
        {
            4
        } else if failures.iter().all(|failure| failure.is_unavailable) {
            5
        } else {
            1
        }
    }
}

/// The days that are looked after where nothing else is asked for: last month's and this month's.
#[must_use]
pub fn days_of_interest(now: Timestamp) -> Range<Date> {
    let today = utc_day(now);
    today.first_of_month().saturating_sub(1.month())..today
}

/// Reads what is due of these UTC days (the last one excluded), in every account. Today is never
/// read: its bill says nothing yet.
///
/// # Errors
/// When the store fails. An account that cannot be read is no error but part of the outcome.
pub async fn refresh(
    store: &Store,
    aws: &AwsAccounts,
    settings: &BillSettings,
    days: Range<Date>,
    max_requests: u32,
    now: Timestamp,
) -> Result<Refreshed, StoreError> {
    let days = days.start..days.end.min(utc_day(now));
    let mut requests = Requests::new(max_requests);
    let mut refreshed = Refreshed { days: Some(days.clone()), ..Refreshed::default() };
    let known = store.bill_sources().await?;
    for target in &settings.accounts {
        let before = requests.used();
        let due = due(store, &target.account, &days, now).await?;
        let mut read = 0;
        let ended = if due.is_empty() {
            Ok(())
        } else {
            let reading = Reading { store, aws, settings, target, now };
            reading.read(&due, &mut requests, &mut read).await?
        };
        let failure = ended.err().map(|error| RefreshFailure {
            message: error.to_string(),
            hint: error.hint(),
            is_unavailable: error.is_unavailable(),
            is_out_of_requests: matches!(error, BillError::OutOfRequests { .. }),
        });
        let made = requests.used() - before;
        if !due.is_empty() {
            let paid = known.iter().find(|known| known.account == target.account);
            let source = BillSource {
                account: target.account.clone(),
                payer: target.payer,
                attempted_at: now,
                problem: failure.as_ref().map(|failure| failure.message.clone()),
                requests: paid.map_or(0, |known| known.requests) + u64::from(made),
            };
            store.put_bill_source(&source).await?;
        }
        refreshed.accounts.push(AccountRefreshed {
            account: target.account.clone(),
            days_due: due.len(),
            days_read: read,
            requests: made,
            failure,
        });
    }
    refreshed.requests = requests.used();
    Ok(refreshed)
}

/// The days of an account of which AWS may know more than the store.
async fn due(
    store: &Store,
    account: &str,
    days: &Range<Date>,
    now: Timestamp,
) -> Result<Vec<Date>, StoreError> {
    let read = store.bill_days(account, days.clone()).await?;
    let read: BTreeMap<Date, BillDay> = read.into_iter().map(|day| (day.day, day)).collect();
    let is_due = |day: &Date| read.get(day).is_none_or(|read| read.is_due(now));
    Ok(days_of(days).filter(is_due).collect())
}

/// One account, being read.
struct Reading<'r> {
    store: &'r Store,
    aws: &'r AwsAccounts,
    settings: &'r BillSettings,
    target: &'r BillTarget,
    now: Timestamp,
}

impl Reading<'_> {
    /// Reads the months that the days lie in, from the first day that is due to the last one, and
    /// keeps each month as it is whole. What is wrong with Cost Explorer is the inner error.
    async fn read(
        &self,
        due: &[Date],
        requests: &mut Requests,
        read: &mut usize,
    ) -> Result<Result<(), BillError>, StoreError> {
        let explorer = match self.aws.cost_explorer(self.target).await {
            Ok(explorer) => explorer,
            Err(error) => return Ok(Err(error)),
        };
        let (Some(first), Some(last)) = (due.first(), due.last()) else { return Ok(Ok(())) };
        let all = *first..last.tomorrow().unwrap_or(*last);
        let billed = match explorer.billed(&self.settings.services, &all, requests).await {
            Ok(billed) => billed,
            Err(error) => return Ok(Err(error)),
        };
        let mut months = BTreeMap::<Date, Range<Date>>::new();
        for day in due {
            let end = day.tomorrow().unwrap_or(*day);
            let month = months.entry(day.first_of_month()).or_insert_with(|| *day..end);
            month.end = end;
        }
        for days in months.into_values().rev() {
            match self.month(&explorer, &billed, &days, requests).await? {
                Ok(number) => *read += number,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    async fn month(
        &self,
        explorer: &CostExplorer,
        billed: &crate::sources::Billed,
        days: &Range<Date>,
        requests: &mut Requests,
    ) -> Result<Result<usize, BillError>, StoreError> {
        let found = match explorer.read(billed, days, requests, self.now).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let mut kept = 0;
        for day in found.iter().filter(|found| days.contains(&found.day)) {
            self.store.put_bill_day(&self.target.account, day).await?;
            kept += 1;
        }
        Ok(Ok(kept))
    }
}

/// What the store holds of the bill of some days.
#[derive(Clone, Debug, Default)]
pub struct Cached {
    /// The bills: one for each account that is asked, read or not.
    pub bills: Vec<AccountBill>,
    /// What went wrong when they were read last.
    pub problems: Vec<String>,
}

impl Cached {
    /// Whether any of the days was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bills.iter().all(|bill| bill.days.is_empty())
    }

    /// Whether nobody ever asked for a bill, or is to.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.bills.is_empty()
    }
}

/// What was read of the bill of these UTC days (the last one excluded): of the configured accounts,
/// or of all that were ever asked where none is configured.
///
/// # Errors
/// When the store cannot be read.
pub async fn cached(
    store: &Store,
    settings: &BillSettings,
    days: &Range<Date>,
) -> Result<Cached, StoreError> {
    let known = store.bill_sources().await?;
    let mut accounts: Vec<(String, bool)> =
        settings.accounts.iter().map(|target| (target.account.clone(), target.payer)).collect();
    if accounts.is_empty() {
        accounts = known.iter().map(|source| (source.account.clone(), source.payer)).collect();
    }
    let mut cached = Cached::default();
    for (account, payer) in accounts {
        match known.iter().find(|source| source.account == account) {
            None => cached.problems.push(format!("account {account} was never asked for its bill")),
            Some(source) => cached.problems.extend(
                source.problem.as_ref().map(|problem| format!("account {account}: {problem}")),
            ),
        }
        let days = store.bill_days(&account, days.clone()).await?;
        cached.bills.push(AccountBill { account, payer, days });
    }
    Ok(cached)
}

/// What a report shows: the comparison where something of the bill was read, else why nothing was;
/// neither where no bill is to be read. Where nothing was read, no run is read for it either.
///
/// # Errors
/// When the store cannot be read.
pub async fn for_report(
    store: &Store,
    books: &Arc<Books>,
    settings: &BillSettings,
    days: Range<Date>,
    now: Timestamp,
) -> Result<(Option<TrueUp>, Option<String>), StoreError> {
    let cached = cached(store, settings, &days).await?;
    if cached.is_off() {
        return Ok((None, None));
    }
    if cached.is_empty() {
        let mut why = vec!["Cost Explorer has not been read for these days".to_owned()];
        why.extend(cached.problems);
        return Ok((None, Some(why.join("; "))));
    }
    let comparison = compared(store, books, settings, &cached, days, now).await?;
    Ok((Some(comparison.true_up), None))
}

/// The estimate of these UTC days (the last one excluded) beside what was read of their bill. Reads
/// every run that used something on them.
///
/// # Errors
/// When the store cannot be read.
pub async fn comparison(
    store: &Store,
    books: &Arc<Books>,
    settings: &BillSettings,
    days: Range<Date>,
    now: Timestamp,
) -> Result<Comparison, StoreError> {
    let cached = cached(store, settings, &days).await?;
    compared(store, books, settings, &cached, days, now).await
}

/// The same, of a bill that was looked up already.
///
/// # Errors
/// When the store cannot be read.
pub async fn compared(
    store: &Store,
    books: &Arc<Books>,
    settings: &BillSettings,
    cached: &Cached,
    days: Range<Date>,
    now: Timestamp,
) -> Result<Comparison, StoreError> {
    let mut estimate = Estimate::new(books, days.clone());
    let around = Around::read(store, books, now).await?;
    used::read(store, books, days, now, |used| {
        estimate.add(&used.stored.run, &used.priced, &used.shares);
    })
    .await?;
    Ok(held_against(estimate, cached, &around, settings))
}

/// What a comparison has to know beside runs and bill: how far runs were collected, and accounts
/// with EMR Serverless runs under way of whose use nothing is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    collected: Vec<Collected>,
    under_way: Vec<(String, Date)>,
}

impl Around {
    pub(super) async fn read(
        store: &Store,
        books: &Books,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let collected = store.source_states().await?.into_iter().map(|state| Collected {
            account: state.account,
            region: state.region,
            engine: state.engine,
            through: state.collected_through,
        });
        let open = store.open_runs(now).await?;
        let under_way = open.iter().filter_map(|run| under_way(run, books)).collect();
        Ok(Self { collected: collected.collect(), under_way })
    }
}

/// An estimate beside what was read of its bill.
pub(super) fn held_against(
    estimate: Estimate,
    cached: &Cached,
    around: &Around,
    settings: &BillSettings,
) -> Comparison {
    let facts = Facts {
        bills: &cached.bills,
        collected: &around.collected,
        under_way: &around.under_way,
        problems: &cached.problems,
        tolerance_percent: settings.tolerance_percent,
        tolerance_usd: settings.tolerance_usd,
    };
    compare(estimate, &facts)
}

/// An EMR Serverless run under way of whose use no meter was read, and since when.
fn under_way(run: &JobRun, books: &Books) -> Option<(String, Date)> {
    let counts = run.identity.engine == Engine::EmrServerless && run.end().is_none();
    let unknown = counts && by_day(run, &books.price(run).price).is_empty();
    let start = run.start().filter(|_| unknown)?;
    Some((run.identity.account.clone(), utc_day(start)))
}

fn days_of(days: &Range<Date>) -> impl Iterator<Item = Date> + use<> {
    let end = days.end;
    days.start.series(1.day()).take_while(move |day| *day < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(days_read: usize, failure: Option<(bool, bool)>) -> AccountRefreshed {
        AccountRefreshed {
            account: "111122223333".into(),
            days_due: 7,
            days_read,
            requests: 4,
            failure: failure.map(|(is_unavailable, is_out_of_requests)| RefreshFailure {
                message: "no".into(),
                hint: "wait",
                is_unavailable,
                is_out_of_requests,
            }),
        }
    }

    #[test]
    fn the_exit_code_tells_what_was_read() {
        let code = |accounts: Vec<AccountRefreshed>| {
            Refreshed { accounts, ..Refreshed::default() }.exit_code()
        };
        let (denied, silent, spent) =
            (Some((false, false)), Some((true, false)), Some((false, true)));
        assert_eq!(code(vec![account(7, None)]), 0);
        assert_eq!(code(vec![account(7, None), account(0, denied)]), 4);
        assert_eq!(code(vec![account(0, spent)]), 4);
        assert_eq!(code(vec![account(3, silent)]), 4);
        assert_eq!(code(vec![account(0, silent), account(0, silent)]), 5);
        assert_eq!(code(vec![account(0, silent), account(0, denied)]), 1);
        assert_eq!(code(Vec::new()), 0);
    }

    #[test]
    fn this_month_and_the_last_one_are_looked_after() {
        let days = days_of_interest("2026-01-16T06:00:00Z".parse().unwrap());
        assert_eq!(
            (days.start.to_string(), days.end.to_string()),
            ("2025-12-01".into(), "2026-01-16".into())
        );
    }
}
