//! Quotas: who uses them and waits for them now, and the peak of the last day.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::FactsSources;
use crate::alerts::{QuotaFacts, TeamUse};
use crate::analysis::{Books, QuotaFigures, QuotaUse};
use crate::model::JobRun;
use crate::quota::{Standing, TeamStanding};
use crate::store::{Guard, SourceState, Store, StoreError};
use crate::tasks::quota::{Desk, Everywhere, StandingNow};

/// Every quota with a value of which something is known.
pub(super) async fn quotas(
    store: &Store,
    books: &Arc<Books>,
    sources: &FactsSources<'_>,
    (guards, open, states): (Vec<Guard>, &[JobRun], &[SourceState]),
    quota_use: QuotaUse,
    now: Timestamp,
) -> Result<Vec<QuotaFacts>, StoreError> {
    let desk = Desk {
        store,
        books,
        quotas: sources.quotas,
        settings: sources.quota_check,
        expected: &sources.expected,
    };
    let limits = desk.limits(store.quotas().await?);
    let everywhere = Everywhere { guards, open, limits: &limits, states };
    let mut quotas: BTreeMap<[String; 3], QuotaFacts> = BTreeMap::new();
    for standing in desk.standings(everywhere, now) {
        let quota = of_standing(standing);
        quotas.extend(quota.map(|q| ([q.account.clone(), q.region.clone(), q.quota.clone()], q)));
    }
    for figures in quota_use.figures(&limits) {
        let QuotaFigures { account, region, quota, limit, peak, peak_at, .. } = figures;
        let Some(limit) = limit else { continue };
        let key = [account.clone(), region.clone(), quota.clone()];
        // How it stands with each job's own quota now is not said by job; its peak is.
        let facts = quotas.entry(key).or_insert_with(|| QuotaFacts {
            account,
            region,
            quota,
            limit,
            now: 0.0,
            peak: 0.0,
            peak_at: None,
            by_team: Vec::new(),
        });
        (facts.peak, facts.peak_at) = (peak, peak_at);
    }
    Ok(quotas.into_values().collect())
}

fn of_standing(now: StandingNow) -> Option<QuotaFacts> {
    let StandingNow { account, region, standing, .. } = now;
    let Standing { quota, limit, running, waiting, teams, .. } = standing;
    Some(QuotaFacts {
        account,
        region,
        quota,
        limit: limit?,
        now: running - waiting,
        peak: 0.0,
        peak_at: None,
        by_team: teams.into_iter().map(of_team).collect(),
    })
}

fn of_team(standing: TeamStanding) -> TeamUse {
    let TeamStanding { team, running, waiting, waiting_runs, sure_of, burst, .. } = standing;
    // Without a burst a team may use what nobody else needs; while others wait, that is what it is
    // sure of. A team that is sure of nothing has no share of its own.
    let sure_of = Some(sure_of).filter(|sure_of| *sure_of > 0.0);
    TeamUse { team, used: running - waiting, share: burst.or(sure_of), waiting: waiting_runs }
}
