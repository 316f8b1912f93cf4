//! Computing a report: read the period, the one before and what overlaps it; price, own and name
//! each run; ask the questions. Nothing is sent here.

use std::sync::Arc;

use super::bill;
use super::budgets::outlooks;
use super::own_use::DAYS;
use super::quota::add_forecasts;
use crate::analysis::{
    AnalysisError, Books, Context, Edition, Figures, NotCollected, OwnCost, OwnCostSettings,
    ReportAnalysis, Restated, RunRow,
};
use crate::chargeback::Budgets;
use crate::model::{
    Engine, JobRun, Period, PeriodError, QuotaValue, RunState, StandingAlerts, Usd, utc_day,
};
use crate::sources::BillSettings;
use crate::store::{OwnPlace, OwnUse, Reach, SourceState, Store, StoreError, StoredRun};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The longest that a run can go on (Glue's ceiling), so the furthest behind a period that the end
/// of a run which overlaps it can lie. Streaming runs of EMR Serverless may go on for longer; while
/// they do they are open, and counted as such.
const RUN_DAYS_MAX: i64 = 7;

/// What is asked of one period.
#[derive(Clone, Debug)]
pub struct Request {
    /// The period.
    pub period: Period,
    /// What "now" is.
    pub now: Timestamp,
    /// Quotas that the configuration sets; they come before those that were read.
    pub quotas: Vec<QuotaValue>,
    /// The accounts, regions and engines that are to be collected: one that never was is missing.
    pub expected: Vec<(String, String, Engine)>,
    /// See `ReportSettings::restate_threshold_usd`.
    pub restate_threshold: Usd,
    /// What teams may spend in the month of the period's last day.
    pub budgets: Budgets,
    /// Whose bill the estimate is held against.
    pub bill: BillSettings,
    /// When the report was due, where it goes out late.
    pub overdue_since: Option<Timestamp>,
    /// The alerts that stand.
    pub alerts: StandingAlerts,
    /// What Runledger itself used: the company's edition says what that cost.
    pub own_use: OwnUse,
    /// What AWS takes for it, as far as that is said.
    pub own_rates: OwnCostSettings,
    /// Where it was, for the rest of its prices.
    pub own_place: Option<OwnPlace>,
}

/// What has become known since a report was computed, which is now computed again.
#[derive(Clone, Debug)]
pub struct Since {
    /// How far the sources had been read then; as they are now where that is on no record.
    pub sources: Option<Vec<SourceState>>,
    /// Until when runs can have ended that were under way then.
    pub until: Timestamp,
}

/// A report that cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A question failed.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// The period before lies outside the calendar.
    #[error(transparent)]
    Period(#[from] PeriodError),
}

/// Computes the figures of each edition, from one reading of the store.
///
/// # Errors
/// When the store cannot be read.
pub async fn figures(
    store: &Store,
    books: &Arc<Books>,
    request: &Request,
    editions: &[Edition],
) -> Result<Vec<Figures>, ReportError> {
    figures_as_known(store, books, request, editions, None).await
}

/// Computes them from what was known at the request's `now`, as far as that is on record: without
/// the runs that were first stored later, and with those under way that have ended since.
///
/// # Errors
/// When the store cannot be read.
pub async fn figures_as_known(
    store: &Store,
    books: &Arc<Books>,
    request: &Request,
    editions: &[Edition],
    since: Option<&Since>,
) -> Result<Vec<Figures>, ReportError> {
    let before = request.period.previous()?;
    let mut quotas = request.quotas.clone();
    quotas.extend(store.quotas().await?);
    let sources = match since.and_then(|since| since.sources.clone()) {
        Some(sources) => sources,
        None => store.source_states().await?,
    };
    let (collected_through, not_collected) =
        collection(sources, &request.expected, &request.period);
    let context = Context {
        as_of: request.now,
        kept_since: store.kept_since(request.now),
        card: &books.card,
        quotas,
        collected_through,
        not_collected,
        teams: request.budgets.0.keys().cloned().collect(),
    };
    let mut analysis =
        ReportAnalysis::new(request.period.clone(), before.clone(), editions.to_vec());
    // Before the days: a run that ends meanwhile is then met twice, which shows, and not missed.
    for run in open_runs(store, request, since).await? {
        add_open(&mut analysis, books, &run);
    }
    let as_known = since.is_some();
    let take = &mut |row| analysis.add(&row);
    read(store, books, (&request.period, &before), request.now, as_known, take).await?;
    let mut all = analysis.figures(&context)?;
    fill_budgets(store, books, request, &mut all).await?;
    // Everybody's runs share the quotas, so every edition shows the same.
    if let Some((first, rest)) = all.split_first_mut() {
        add_forecasts(store, &request.period, &mut first.quotas, request.now).await?;
        rest.iter_mut().for_each(|figures| figures.quotas.clone_from(&first.quotas));
    }
    for (figures, edition) in all.iter_mut().zip(editions) {
        named(figures, books);
        figures.completeness.overdue_since = request.overdue_since;
        (figures.alerts, figures.alerts_total) = request.alerts.of(edition.team.as_deref());
        figures.alerts_missing.clone_from(&request.alerts.missing);
        figures.completeness.restated_before = restated(
            &before,
            edition.sent_before,
            figures.before.as_ref().map(|totals| totals.cost_usd),
            request.restate_threshold,
        );
    }
    // The bill is the company's, and no team's; so is what Runledger costs.
    let whole = || editions.iter().map(|edition| edition.team.is_none());
    if whole().any(|is_whole| is_whole) {
        let days = request.period.utc_day_range();
        let (bill, missing) =
            bill::for_report(store, books, &request.bill, days, request.now).await?;
        for (figures, _) in all.iter_mut().zip(whole()).filter(|(_, is_whole)| *is_whole) {
            figures.bill.clone_from(&bill);
            figures.bill_missing.clone_from(&missing);
            let (used, rates) = (&request.own_use, &request.own_rates);
            figures.runledger_cost = OwnCost::of(used, DAYS, rates, request.own_place.as_ref());
        }
    }
    Ok(all)
}

/// Adds a run under way. What is under OPEN and has an end waits for its bill only; its day holds
/// it too.
fn add_open(analysis: &mut ReportAnalysis, books: &Books, run: &JobRun) {
    if run.end().is_some() {
        return;
    }
    let job = books.job(run);
    let team = books.ownership.team(run, &job);
    if run.state.is_terminal() {
        analysis.add_without_end(&team);
    } else {
        analysis.add_open(run, &books.price(run), &job, team);
    }
}

/// Whether a run that has ended was known, with its end, at an instant.
pub(super) fn was_known(stored: &StoredRun, at: Timestamp) -> bool {
    stored.first_stored <= at && stored.run.end().is_none_or(|end| end <= at)
}

/// The runs under way; of an earlier time, also those that have ended since.
async fn open_runs(
    store: &Store,
    request: &Request,
    since: Option<&Since>,
) -> Result<Vec<JobRun>, StoreError> {
    let at = request.now;
    let Some(since) = since else { return store.open_runs(at).await };
    let open = store.open_stored_runs(at).await?.into_iter();
    let mut runs: Vec<JobRun> =
        open.filter(|stored| stored.first_stored <= at).map(|stored| stored.run).collect();
    runs.extend(ended_since(store, request, since).await?);
    Ok(runs)
}

/// The runs that were under way at the request's `now` and have ended since, as they were then: a
/// run under way has no end and no bill.
pub(super) async fn ended_since(
    store: &Store,
    request: &Request,
    since: &Since,
) -> Result<Vec<JobRun>, StoreError> {
    let (at, mut runs) = (request.now, Vec::new());
    let until = utc_day(since.until);
    let days = utc_day(at).series(1.day()).take_while(|day| *day <= until);
    let under_way = move |stored: StoredRun| {
        let is_known = stored.first_stored <= at && stored.run.end()? > at;
        is_known.then_some(JobRun {
            state: RunState::Running,
            ended_at: None,
            execution_seconds: None,
            dpu_seconds: None,
            used: None,
            billed: None,
            error: None,
            ..stored.run
        })
    };
    let reach = Reach::StartedBefore(request.period.end);
    store.read_days(days, reach, at, under_way, |page| runs.extend(page)).await?;
    Ok(runs)
}

/// Puts the names of accounts to their ids.
fn named(figures: &mut Figures, books: &Books) {
    let name = |account: &str| books.ownership.account_name(account).map(str::to_owned);
    for job in &mut figures.jobs {
        job.account_name = name(&job.account);
    }
    for failure in &mut figures.failures {
        failure.account_name = name(&failure.account);
    }
}

/// Puts budgets and forecasts beside the teams that have one. The days that a forecast looks back
/// on are read where there are budgets only.
async fn fill_budgets(
    store: &Store,
    books: &Arc<Books>,
    request: &Request,
    all: &mut [Figures],
) -> Result<(), ReportError> {
    if request.budgets.is_empty() {
        return Ok(());
    }
    let last_day = request.period.utc_day_range().end.yesterday().unwrap_or(Date::MAX);
    let month = Period::month(&last_day.strftime("%Y-%m").to_string(), &TimeZone::UTC)?;
    let (budgets, expected) = (&request.budgets, &request.expected);
    let outlooks = outlooks(store, books, budgets, &month, expected, request.now).await?;
    for team in all.iter_mut().flat_map(|figures| &mut figures.teams) {
        if let Some(outlook) = outlooks.iter().find(|outlook| outlook.team == team.team) {
            team.budget_usd = Some(outlook.budget_usd);
            team.forecast_usd = outlook.forecast.map(|forecast| forecast.usd);
            team.budget_used_usd = Some(outlook.used_usd);
            team.budget_through = outlook.through;
            team.budget_incomplete_because.clone_from(&outlook.incomplete_because);
        }
    }
    Ok(())
}

async fn read(
    store: &Store,
    books: &Arc<Books>,
    (period, before): (&Period, &Period),
    now: Timestamp,
    as_known: bool,
    add: &mut impl FnMut(RunRow),
) -> Result<(), StoreError> {
    let keep = |wanted: Period, also: Option<Period>| {
        let books = Arc::clone(books);
        move |stored: StoredRun| -> Option<RunRow> {
            // A period need not begin with a UTC day: the days at its edges hold others' runs too.
            let end = stored.run.end()?;
            if as_known && !was_known(&stored, now) {
                return None;
            }
            let ours = wanted.contains(end) || also.as_ref().is_some_and(|p| p.contains(end));
            ours.then(|| books.row(&stored)).flatten()
        }
    };
    let mut days: Vec<_> = before.utc_days().chain(period.utc_days()).collect();
    days.dedup();
    let both = keep(before.clone(), Some(period.clone()));
    let last = *days.last().unwrap_or(&utc_day(period.start));
    store
        .read_days(days, Reach::All, now, both, |rows| {
            rows.into_iter().for_each(&mut *add);
        })
        .await?;
    // Runs that ended later can still have overlapped the period, or have retried one of its runs.
    let reach = period.end.checked_add((RUN_DAYS_MAX * 24).hours());
    let until = reach.unwrap_or(Timestamp::MAX).min(now);
    if until <= period.end {
        return Ok(());
    }
    let (until_day, after) = (utc_day(until), period.end);
    let books = Arc::clone(books);
    let later = move |stored: StoredRun| {
        let is_told = !as_known || was_known(&stored, now);
        (is_told && stored.run.end()? >= after).then(|| books.row(&stored)).flatten()
    };
    let first = if last < utc_day(period.end) { utc_day(period.end) } else { last };
    let days = first.series(1.day()).take_while(|day| *day <= until_day);
    store
        .read_days(days, Reach::StartedBefore(period.end), now, later, |rows| {
            rows.into_iter().for_each(&mut *add);
        })
        .await
}

/// The sources that are to be collected, and those of them that never were.
pub(super) fn sources_wanted(
    sources: Vec<SourceState>,
    expected: &[(String, String, Engine)],
) -> (Vec<SourceState>, Vec<(String, String, Engine)>) {
    // Where targets are configured, what was collected from others before is nobody's worry.
    let wanted = |s: &SourceState| {
        let own = (s.account.clone(), s.region.clone(), s.engine.clone());
        expected.is_empty() || expected.contains(&own)
    };
    let sources: Vec<_> = sources.into_iter().filter(wanted).collect();
    let is_known = |(account, region, engine): &&(String, String, Engine)| {
        let same = |s: &SourceState| {
            (&s.account, &s.region, &s.engine, s.sessions) == (account, region, engine, false)
        };
        sources.iter().any(same)
    };
    let never = expected.iter().filter(|place| !is_known(place)).cloned().collect();
    (sources, never)
}

/// Until when all sources were read, and those that were not read up to the period's end.
pub(super) fn collection(
    sources: Vec<SourceState>,
    expected: &[(String, String, Engine)],
    period: &Period,
) -> (Option<Timestamp>, Vec<NotCollected>) {
    let (sources, never) = sources_wanted(sources, expected);
    let never = never.into_iter().map(|(account, region, engine)| NotCollected {
        account,
        region,
        engine: engine.to_string(),
        collected_through: None,
        error: Some("never collected".to_owned()),
    });
    let never: Vec<_> = never.collect();
    let through = sources.iter().map(|source| source.collected_through).min().flatten();
    let through = through.filter(|_| never.is_empty());
    let missing = |source: &SourceState| {
        source.error.is_some() || source.collected_through.is_none_or(|at| at < period.end)
    };
    let not_collected = sources.into_iter().filter(missing).map(|source| NotCollected {
        account: source.account,
        region: source.region,
        engine: match source.sessions {
            true => format!("{} sessions", source.engine),
            false => source.engine.to_string(),
        },
        collected_through: source.collected_through,
        error: source.error,
    });
    (through, not_collected.chain(never).collect())
}

fn restated(
    before: &Period,
    sent: Option<Usd>,
    now: Option<Usd>,
    threshold: Usd,
) -> Option<Restated> {
    let (sent_usd, now_usd) = (sent?, now.unwrap_or_default());
    let moved = if now_usd > sent_usd { now_usd - sent_usd } else { sent_usd - now_usd };
    (moved > threshold).then(|| Restated { period: before.name.clone(), sent_usd, now_usd })
}
