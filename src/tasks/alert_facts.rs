//! What alerts are judged by, gathered from the store: the last day run by run, the weeks before
//! by what was rolled up of them, and what is due to be read, sent and spent.
//!
//! However many runs are kept, what is read is the open ones, two days of others, and five weeks
//! of roll-ups (eight where there are budgets). Days with marks are rolled up first, as each round
//! does: the facts are then what the runs say, and the next gathering has nothing to do. A day that
//! another process is rebuilding meanwhile is computed from its runs, and left to that process.

mod budgets;
mod jobs;
mod quotas;
mod reports;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::budgets::Complete;
use super::roll_up::days_as_they_are;
use crate::alerts::{Facts, SourceFacts};
use crate::analysis::Books;
use crate::chargeback::Budgets;
use crate::model::{Engine, utc_day};
use crate::quota::{QuotaCheckSettings, QuotaSetting};
use crate::report::ReportSettings;
use crate::schedule::Schedules;
use crate::store::{SourceState, Store, StoreError};

use self::jobs::Gathering;

/// What facts are gathered of, beside runs.
#[derive(Clone, Debug)]
pub struct FactsSources<'s> {
    /// What teams may spend in a month.
    pub budgets: &'s Budgets,
    /// The reports that somebody waits for, by name.
    pub reports: &'s BTreeMap<String, ReportSettings>,
    /// The configured quotas and shares.
    pub quotas: &'s [QuotaSetting],
    /// What a run of unknown capacity is taken to hold.
    pub quota_check: &'s QuotaCheckSettings,
    /// The accounts, regions and engines that are to be collected; empty where that is not
    /// configured.
    pub expected: Vec<(String, String, Engine)>,
    /// When reports are due, and for whom, where a schedule says so.
    pub schedules: Option<Schedules>,
}

/// Everything that rules look at, as of `now`.
///
/// # Errors
/// When the store fails.
pub async fn alert_facts(
    store: &Store,
    books: &Arc<Books>,
    sources: &FactsSources<'_>,
    now: Timestamp,
) -> Result<Facts, StoreError> {
    // Before any run is read: what is collected meanwhile is then known, and not claimed to be.
    let states = store.source_states().await?;
    let month = budgets::month(sources.budgets, now);
    let history = jobs::history(month.as_ref(), now);
    let rebuilt = days_as_they_are(store, books, history.clone(), now).await?;
    let guards = store.guards().await?;
    let open = store.open_runs(now).await?;
    let mut gathering = Gathering::new(books, history.start, now);
    gathering.read_ended(store, &open).await?;
    gathering.read_history(store, history, rebuilt).await?;
    let Gathering { jobs, quota_use, used, .. } = gathering;
    let held = (guards, open.as_slice(), states.as_slice());
    let quotas = quotas::quotas(store, books, sources, held, quota_use, now).await?;
    let reports = reports::due(store, sources, &jobs, now).await?;
    let complete = Complete::of(states.clone(), &sources.expected, utc_day(now));
    let budgets =
        month.map(|month| budgets::of(sources.budgets, &month, &used, &complete, store, now));
    let (sources, budgets) = (source_facts(states, &sources.expected), budgets.unwrap_or_default());
    Ok(Facts { now, jobs, quotas, sources, budgets, reports })
}

/// Every source that is to be read or was, those that never were among them.
fn source_facts(
    states: Vec<SourceState>,
    expected: &[(String, String, Engine)],
) -> Vec<SourceFacts> {
    let is_expected = |state: &SourceState| {
        let of = |(account, region, engine): &(String, String, Engine)| {
            (account, region, engine) == (&state.account, &state.region, &state.engine)
        };
        expected.is_empty() || expected.iter().any(of)
    };
    let is_known = |(account, region, engine): &&(String, String, Engine)| {
        let is_it = |state: &SourceState| {
            (&state.account, &state.region, &state.engine, state.sessions)
                == (account, region, engine, false)
        };
        states.iter().any(is_it)
    };
    let never = expected.iter().filter(|source| !is_known(source)).map(|source| SourceFacts {
        account: source.0.clone(),
        region: source.1.clone(),
        engine: source.2.to_string(),
        collected_through: None,
        error: None,
        wanted: true,
    });
    let mut facts: Vec<_> = never.collect();
    facts.extend(states.into_iter().map(|state| SourceFacts {
        wanted: is_expected(&state),
        // Sessions are read apart: their own failure must not make the job runs look unread.
        engine: if state.sessions {
            format!("{} sessions", state.engine)
        } else {
            state.engine.to_string()
        },
        account: state.account,
        region: state.region,
        collected_through: state.collected_through,
        error: state.error,
    }));
    facts
}
