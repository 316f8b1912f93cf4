//! Whether a planned start fits: into the account's quotas, beside what runs, what is reserved and
//! what other teams are sure of.
//!
//! What a team may have of a quota is what neither runs nor reservations hold, less what the other
//! teams are sure of and do not use; and its use stays within its burst. So whoever asks first,
//! every team can have what it is sure of, and what nobody needs is anybody's. Runs that started
//! without asking can break this; then nothing is given until they are through.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Answer, QuotaAnswer, QuotaCheckSettings, ShareSetting, Standing, TeamRoom, TeamStanding,
    Verdict,
};
use crate::model::{
    Engine, GLUE_CONCURRENT_RUNS, GLUE_RUNS_PER_JOB, Need, QUOTAS, QuotaPlace, QuotaValue,
    Reservation, StartedRun,
};

/// Smaller than any unit of capacity: sums of floats are not compared to the last bit.
const TINY: f64 = 1e-6;

/// What is about to start.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Where.
    pub place: QuotaPlace,
    /// For whom.
    pub team: String,
    /// The job, where it is known: its own quota is looked at then.
    pub job: Option<String>,
    /// How much.
    pub need: Need,
    /// From when on.
    pub from: Timestamp,
    /// Until when, as far as is known: windows that begin meanwhile count.
    pub until: Timestamp,
}

/// A run that has not ended, and what it holds.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its id.
    pub run_id: String,
    /// Its job's name, normalised.
    pub job: String,
    /// Its team.
    pub team: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// Whether it uses spare capacity.
    pub flex: bool,
    /// Whether it waits for capacity: it will have it before anything that starts later.
    pub waiting: bool,
    /// What it holds or will hold.
    pub units: Units,
}

impl Running {
    /// The run as reservations know it.
    #[must_use]
    pub fn as_started(&self) -> StartedRun<'_> {
        let Self { run_id, job, team, started, .. } = self;
        StartedRun { run_id, job, team, started: *started }
    }
}

/// What a run holds of a capacity quota now, in DPUs or vCPUs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Units {
    /// This, all the time.
    Fixed(f64),
    /// This at most; AWS does not say how much it is now.
    AtMost(f64),
    /// Nobody knows.
    Unknown,
}

/// What is known when the question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// The quotas of the place; of two values for one quota the first counts.
    pub limits: &'f [QuotaValue],
    /// How teams share each of them.
    pub shares: &'f [(String, Vec<ShareSetting>)],
    /// The runs of the place that have not ended.
    pub running: &'f [Running],
    /// The reservations of the place, those whose runs have shown up marked.
    pub reservations: &'f [Reservation],
    /// The terms.
    pub settings: &'f QuotaCheckSettings,
}

/// Whether it fits.
#[must_use]
pub fn decide(ask: &Ask, facts: &Facts<'_>) -> Answer {
    let counts = |quota: &&&str| **quota != GLUE_RUNS_PER_JOB || ask.job.is_some();
    let quotas: Vec<QuotaAnswer> =
        QUOTAS.iter().filter(counts).filter_map(|quota| quota_answer(quota, ask, facts)).collect();
    // Of several the capacity is named: it says more.
    let mut refusals = quotas.iter().filter(|quota| quota.fits == Some(false));
    let refused = refusals.clone().find(|q| !is_of_runs(&q.quota)).or_else(|| refusals.next());
    // Numbers of runs are looked at where their quota is known; the capacity asked for has to be.
    let unknown = quotas.iter().find(|q| q.fits.is_none() && !is_of_runs(&q.quota));
    let (verdict, reason) = match (refused, unknown) {
        (Some(quota), _) => (Verdict::DoesNotFit, refusal(quota, &ask.team)),
        (None, Some(quota)) => (Verdict::CannotKnow, ignorance(quota, ask)),
        (None, None) => (Verdict::Fits, assent(&quotas)),
    };
    Answer { verdict, reason, quotas }
}

/// How it stands with every quota of a place that something counts against or has a value; not
/// with the one per job, which is many.
#[must_use]
pub fn standings(place: &QuotaPlace, facts: &Facts<'_>, now: Timestamp) -> Vec<Standing> {
    let one_run = |flex| Need { each: 1.0, runs: 1, flex };
    let counts = |quota: &str| {
        let any = [false, true].map(|flex| one_run(flex).of(quota, &place.engine));
        quota != GLUE_RUNS_PER_JOB && any.iter().any(Option::is_some)
    };
    let quotas = QUOTAS.into_iter().filter(|quota| counts(quota));
    let standing = |quota: &str| {
        let held_by = |team: Option<&str>| held(quota, None, (&place.engine, now), facts, team);
        let all = held_by(None);
        let known = facts.limits.iter().find(|limit| limit.quota == quota);
        let is_used = all.running + all.reserved > 0.0 || all.unknown_runs > 0;
        if !is_used && known.is_none() {
            return None;
        }
        let shares = facts.shares.iter().filter(|(of, _)| of == quota).flat_map(|(_, s)| s);
        let shares: Vec<&ShareSetting> = shares.collect();
        let running = facts.running.iter().map(|run| run.team.as_str());
        let reserved = facts.reservations.iter().map(|held| held.team.as_str());
        let teams: BTreeSet<&str> =
            running.chain(reserved).chain(shares.iter().map(|share| share.team.as_str())).collect();
        let team = |name: &str| {
            let own = held_by(Some(name));
            let share = shares.iter().find(|share| share.team == name);
            let standing = TeamStanding {
                team: name.to_owned(),
                running: rounded(own.running),
                waiting: rounded(own.waiting),
                waiting_runs: own.waiting_runs,
                reserved: rounded(own.reserved),
                sure_of: share.map_or(0.0, |share| share.sure_of(now, now)),
                burst: share.and_then(|share| share.burst),
            };
            (own.running + own.reserved > 0.0 || share.is_some()).then_some(standing)
        };
        Some(Standing {
            quota: quota.to_owned(),
            limit: known.map(|limit| limit.value),
            limit_source: known.map(|limit| limit.source.as_str()),
            running: rounded(all.running),
            running_at_most: rounded(all.at_most),
            waiting: rounded(all.waiting),
            unknown_runs: all.unknown_runs,
            reserved: rounded(all.reserved),
            teams: teams.into_iter().filter_map(team).collect(),
        })
    };
    quotas.filter_map(standing).collect()
}

fn is_of_runs(quota: &str) -> bool {
    quota == GLUE_CONCURRENT_RUNS || quota == GLUE_RUNS_PER_JOB
}

/// What is held of a quota, by one team or by all.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    running: f64,
    at_most: f64,
    waiting: f64,
    waiting_runs: u64,
    reserved: f64,
    unknown_runs: u64,
}

fn quota_answer(quota: &str, ask: &Ask, facts: &Facts<'_>) -> Option<QuotaAnswer> {
    let asked = ask.need.of(quota, &ask.place.engine)?;
    let held_by = |team: Option<&str>| {
        held(quota, ask.job.as_deref(), (&ask.place.engine, ask.from), facts, team)
    };
    let all = held_by(None);
    let known = facts.limits.iter().find(|limit| limit.quota == quota);
    let limit = known.map(|limit| limit.value);
    let no_shares = Vec::new();
    let shares = facts.shares.iter().find(|(of, _)| of == quota).map_or(&no_shares, |(_, s)| s);
    let kept_for_others: f64 = shares
        .iter()
        .filter(|share| share.team != ask.team)
        .map(|share| {
            let theirs = held_by(Some(&share.team));
            (share.sure_of(ask.from, ask.until) - theirs.running - theirs.reserved).max(0.0)
        })
        // Not `sum`, whose nothing is a negative zero.
        .fold(0.0, |kept, theirs| kept + theirs);
    let team = shares.iter().find(|share| share.team == ask.team).map(|share| {
        let own = held_by(Some(&share.team));
        let used = rounded(own.running + own.reserved);
        TeamRoom { used, sure_of: share.sure_of(ask.from, ask.until), burst: share.burst }
    });
    let burst = team.as_ref().and_then(|room| Some(room.burst? - room.used));
    let free = limit.map(|limit| {
        let left = limit - all.running - all.reserved - kept_for_others;
        rounded(burst.map_or(left, |burst| left.min(burst)).max(0.0))
    });
    // Where it does not fit beside what is known, what is unknown makes it no better.
    let guessed = all.unknown_runs > 0 && facts.settings.unknown_run.is_none();
    let fits = free.map(|free| asked <= free + TINY).filter(|fits| !(*fits && guessed));
    Some(QuotaAnswer {
        quota: quota.to_owned(),
        limit,
        limit_source: known.map(|limit| limit.source.as_str()),
        running: rounded(all.running),
        running_at_most: rounded(all.at_most),
        waiting: rounded(all.waiting),
        unknown_runs: all.unknown_runs,
        reserved: rounded(all.reserved),
        kept_for_others: rounded(kept_for_others),
        asked,
        free,
        team,
        fits,
    })
}

/// What is held of a quota: by one team or by all, of one job where its own quota is meant.
fn held(
    quota: &str,
    of_job: Option<&str>,
    (engine, now): (&Engine, Timestamp),
    facts: &Facts<'_>,
    team: Option<&str>,
) -> Use {
    let mut used = Use::default();
    let of_job = |job: Option<&str>| quota != GLUE_RUNS_PER_JOB || job == of_job;
    let of_team = |other: &str| team.is_none_or(|team| team == other);
    for run in facts.running.iter().filter(|run| of_team(&run.team) && of_job(Some(&run.job))) {
        let one = |each| Need { each, runs: 1, flex: run.flex }.of(quota, engine);
        let (units, is_bound) = match run.units {
            Units::Fixed(units) => (one(units), false),
            Units::AtMost(units) => (one(units), !is_of_runs(quota)),
            Units::Unknown => {
                let units = one(facts.settings.unknown_run.unwrap_or(0.0));
                used.unknown_runs += u64::from(units.is_some() && !is_of_runs(quota));
                (units, false)
            }
        };
        used.waiting_runs += u64::from(run.waiting && units.is_some());
        let units = units.unwrap_or(0.0);
        used.running += units;
        used.at_most += if is_bound { units } else { 0.0 };
        used.waiting += if run.waiting { units } else { 0.0 };
    }
    let live = facts.reservations.iter().filter(|reservation| reservation.is_live(now));
    for reservation in live.filter(|r| of_team(&r.team) && of_job(r.job.as_deref())) {
        used.reserved += reservation.held().of(quota, engine).unwrap_or(0.0);
    }
    used
}

fn refusal(quota: &QuotaAnswer, team: &str) -> String {
    let QuotaAnswer { running, reserved, kept_for_others, asked, .. } = quota;
    let (limit, free) = (quota.limit.unwrap_or(0.0), quota.free.unwrap_or(0.0));
    let mut text = format!(
        "{asked} of {} asked for, {free} free: {running} of {limit} in use, {reserved} reserved",
        quota.quota
    );
    if *kept_for_others > 0.0 {
        text.push_str(&format!(", {kept_for_others} kept for other teams"));
    }
    if let Some(TeamRoom { used, burst: Some(burst), .. }) = &quota.team {
        text.push_str(&format!("; {team} holds {used} of at most {burst}"));
    }
    text
}

fn ignorance(quota: &QuotaAnswer, ask: &Ask) -> String {
    let QuotaPlace { account, region, .. } = &ask.place;
    if quota.limit.is_none() {
        return format!("the value of {} in {account} {region} is not known", quota.quota);
    }
    let runs = quota.unknown_runs;
    format!("{runs} runs in {account} {region} hold a part of {} that is not known", quota.quota)
}

fn assent(quotas: &[QuotaAnswer]) -> String {
    let known = quotas.iter().filter_map(|quota| {
        let QuotaAnswer { asked, quota: name, .. } = quota;
        Some(format!("{asked} of {} free {name}", quota.free?))
    });
    let unknown = quotas
        .iter()
        .filter(|quota| quota.limit.is_none())
        .map(|quota| format!("the value of {} is not known and was not looked at", quota.quota));
    known.chain(unknown).collect::<Vec<_>>().join(", ")
}

/// To the ten-thousandth: finer than any unit of capacity.
fn rounded(units: f64) -> f64 {
    (units * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests;
