//! How it stands with quotas now: what runs and reservations hold of each, and whose they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Desk;
use crate::model::{Engine, JobRun, QuotaPlace, QuotaValue, StartedRun, take_places};
use crate::quota::{Facts, QuotaSetting, Running, Standing, standings};
use crate::store::{Guard, SourceState};

/// How it stands with a quota now.
#[derive(Clone, Debug, Serialize)]
pub struct StandingNow {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Until when the runs there were collected.
    pub collected_through: Option<Timestamp>,
    /// The rest.
    #[serde(flatten)]
    pub standing: Standing,
}

/// What the store says of all places.
pub(in crate::tasks) struct Everywhere<'s> {
    /// The reservations, which are to be read before the runs: one that takes its place between the
    /// two readings then counts twice for a moment, and never not at all.
    pub(in crate::tasks) guards: Vec<Guard>,
    /// The open runs.
    pub(in crate::tasks) open: &'s [JobRun],
    /// The quotas, configured ones first.
    pub(in crate::tasks) limits: &'s [QuotaValue],
    /// How far sources were read.
    pub(in crate::tasks) states: &'s [SourceState],
}

impl Desk<'_> {
    /// The quotas that are known, those that the configuration sets first: of two values of one
    /// quota the first counts.
    pub(in crate::tasks) fn limits(&self, read: Vec<QuotaValue>) -> Vec<QuotaValue> {
        self.quotas.iter().filter_map(QuotaSetting::value).chain(read).collect()
    }

    /// How it stands with the quotas of every place of which there is something to show.
    pub(in crate::tasks) fn standings(
        &self,
        everywhere: Everywhere<'_>,
        now: Timestamp,
    ) -> Vec<StandingNow> {
        let Everywhere { guards, open, limits, states } = everywhere;
        let mut places: BTreeMap<QuotaPlace, Vec<JobRun>> = BTreeMap::new();
        for limit in limits {
            places.entry(place_of(limit)).or_default();
        }
        for run in open.iter().filter(|run| run.end().is_none()) {
            places.entry(run.identity.place()).or_default().push(run.clone());
        }
        let mut held = BTreeMap::new();
        for Guard { place, reservations, .. } in guards {
            places.entry(place.clone()).or_default();
            held.insert(place, reservations);
        }
        let mut all = Vec::new();
        for (place, open) in places {
            let (running, mut reservations) =
                (self.running(open), held.remove(&place).unwrap_or_default());
            let started: Vec<StartedRun<'_>> = running.iter().map(Running::as_started).collect();
            take_places(&mut reservations, &started, now);
            let is_here = |limit: &&QuotaValue| {
                limit.account == place.account && limit.region == place.region
            };
            let facts = Facts {
                limits: &limits.iter().filter(is_here).cloned().collect::<Vec<_>>(),
                shares: &self.shares(&place),
                running: &running,
                reservations: &reservations,
                settings: self.settings,
            };
            let through = collected_through(states, &place);
            let told = |standing| StandingNow {
                account: place.account.clone(),
                region: place.region.clone(),
                collected_through: through,
                standing,
            };
            all.extend(standings(&place, &facts, now).into_iter().map(told));
        }
        all
    }
}

fn place_of(limit: &QuotaValue) -> QuotaPlace {
    let glue = limit.quota.starts_with("glue");
    QuotaPlace {
        account: limit.account.clone(),
        region: limit.region.clone(),
        engine: if glue { Engine::Glue } else { Engine::EmrServerless },
    }
}

fn collected_through(states: &[SourceState], place: &QuotaPlace) -> Option<Timestamp> {
    let QuotaPlace { account, region, engine } = place;
    let is_it = |state: &&SourceState| {
        (&state.account, &state.region, &state.engine) == (account, region, engine)
            && !state.sessions
    };
    states.iter().find(is_it)?.collected_through
}
