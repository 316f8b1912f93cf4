//! Use against quota: now, over a period, and where the trend of the weekly peaks leads.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::{Desk, Everywhere, StandingNow, add_forecasts};
use crate::analysis::{Books, JobKey, QuotaFigures, QuotaUse};
use crate::model::{MeasuredUse, Period, QuotaPlace, utc_day};
use crate::store::{Reach, Store, StoreError, StoredRun};

/// The longest that a Glue run can go on: so far behind a period the end of a run that touched it
/// can lie.
const RUN_DAYS_MAX: i64 = 7;

/// What `quota show` shows. Serialised, it is `quota show --format json`.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// What "now" was.
    pub as_of: Timestamp,
    /// The period's name.
    pub period: String,
    /// How it stands now, by account, region and quota.
    pub now: Vec<StandingNow>,
    /// The use over the period, fullest quota first.
    pub over_period: Vec<QuotaFigures>,
    /// What CloudWatch measured of each of them, where it was asked.
    pub measured: Option<Vec<MeasuredUse>>,
}

impl Desk<'_> {
    /// Use against quota, now and over a period.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn show(
        &self,
        books: &Arc<Books>,
        period: &Period,
        now: Timestamp,
    ) -> Result<Shown, StoreError> {
        let guards = self.store.guards().await?;
        let open = self.store.open_runs(now).await?;
        let limits = self.limits(self.store.quotas().await?);
        let states = self.store.source_states().await?;
        let everywhere = Everywhere { guards, open: &open, limits: &limits, states: &states };
        let standings = self.standings(everywhere, now);
        let used = use_over(self.store, books, period, now).await?;
        let mut over_period = used.figures(&limits);
        add_forecasts(self.store, period, &mut over_period, now).await?;
        let period = period.name.clone();
        Ok(Shown { as_of: now, period, now: standings, over_period, measured: None })
    }
}

/// The use over a period, from the runs that touched it.
pub(super) async fn use_over(
    store: &Store,
    books: &Arc<Books>,
    period: &Period,
    now: Timestamp,
) -> Result<QuotaUse, StoreError> {
    let mut used = QuotaUse::new(period);
    // Before the days: a run that ends meanwhile is then met twice and not missed.
    for run in store.open_runs(now).await?.iter().filter(|run| run.end().is_none()) {
        if run.state.is_terminal() {
            continue;
        }
        let job = books.job(run);
        let team = books.ownership.team(run, &job);
        let QuotaPlace { account, region, engine } = run.identity.place();
        used.add_open(run, &JobKey { engine, account, region, job }, &team, now);
    }
    let keep = |books: Arc<Books>| move |stored: StoredRun| books.row(&stored);
    let first = period.utc_days().next().unwrap_or_else(|| utc_day(period.start));
    let last = period.utc_days().last().unwrap_or(first);
    let mut add = |rows: Vec<_>| rows.iter().for_each(|row| used.add(row));
    let days = first.series(1.day()).take_while(|day| *day <= last);
    store.read_days(days, Reach::All, now, keep(Arc::clone(books)), &mut add).await?;
    let until = period.end.checked_add((RUN_DAYS_MAX * 24).hours()).unwrap_or(now).min(now);
    let later = last.series(1.day()).skip(1).take_while(|day| *day <= utc_day(until));
    let reach = Reach::StartedBefore(period.end);
    store.read_days(later, reach, now, keep(Arc::clone(books)), &mut add).await?;
    Ok(used)
}
