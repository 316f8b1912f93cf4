//! From the runs of a period, and of the one before, to the report's figures.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use polars::prelude::*;

use super::actions::{self, Evidence};
use super::failures::Failures;
use super::frame::{FrameBuilder, RunFrame, wide};
use super::quotas::QuotaUse;
use super::row::{JobKey, RunRow, identity_hash, previous};
use super::unpriced::Waiting;
use super::{
    AnalysisError, Completeness, Figures, NotCollected, OpenRun, QuotaFigures, Waste, groups, jobs,
    totals,
};
use crate::model::{Basis, JobRun, Period, PricedRun, QuotaValue, Unpriced, Usd};
use crate::pricing::RateCard;

/// What the figures need beside the runs.
#[derive(Debug)]
pub struct Context<'a> {
    /// What "now" is.
    pub as_of: Timestamp,
    /// Runs that ended before have expired.
    pub kept_since: Timestamp,
    /// The rates that priced the runs.
    pub card: &'a RateCard,
    /// The quotas' values.
    pub quotas: Vec<QuotaValue>,
    /// Until when every source was read.
    pub collected_through: Option<Timestamp>,
    /// What was not read.
    pub not_collected: Vec<NotCollected>,
    /// Teams that stand among the teams whether they ran anything or not.
    pub teams: Vec<String>,
}

/// For whom the figures are: the whole company, or a team.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edition {
    /// The team whose runs alone are shown.
    pub team: Option<String>,
    /// 0 for the report, 1 for its first restatement, and so on.
    pub revision: u32,
    /// When this edition was first sent, if it was: runs stored later are late.
    pub sent_at: Option<Timestamp>,
    /// The total of the period before as its readers know it, if that was sent.
    pub sent_before: Option<Usd>,
}

/// Takes runs in any order, those under way first, and answers when all are in. What all editions
/// share is kept once: everybody's runs share the quotas, and chains know no teams.
#[derive(Debug)]
pub struct ReportAnalysis {
    period: Period,
    before_period: Period,
    quota_use: QuotaUse,
    /// Runs that are followed by a later attempt, wherever that ended.
    followed: Vec<u128>,
    /// Runs outside the period that are known at all, as far as chains may reach them.
    elsewhere: HashMap<u128, ()>,
    /// Runs under way, until a row says that they have ended after all.
    open: HashMap<u128, Open>,
    editions: Vec<EditionAnalysis>,
}

/// A run under way, and what it holds of a quota.
#[derive(Debug)]
struct Open {
    run: OpenRun,
    job: JobKey,
    /// What it holds, read off when it is known that it has not ended.
    facts: Box<JobRun>,
}

/// What one edition counts.
#[derive(Debug, Default)]
struct EditionAnalysis {
    edition: Edition,
    current: FrameBuilder,
    before: FrameBuilder,
    failures: Failures,
    late_runs: u64,
    without_end: u64,
    assumed_architecture: u64,
    unpriced: BTreeMap<Unpriced, Waiting>,
    rates_used: BTreeSet<u16>,
    still_running: Vec<OpenRun>,
}

impl ReportAnalysis {
    /// Nothing yet, for a period and the one before it.
    #[must_use]
    pub fn new(period: Period, before_period: Period, editions: Vec<Edition>) -> Self {
        let analysis = |edition| EditionAnalysis { edition, ..EditionAnalysis::default() };
        Self {
            quota_use: QuotaUse::new(&period),
            period,
            before_period,
            followed: Vec::new(),
            elsewhere: HashMap::new(),
            open: HashMap::new(),
            editions: editions.into_iter().map(analysis).collect(),
        }
    }

    /// Adds a run that has not ended, with what it cost so far.
    pub fn add_open(&mut self, run: &JobRun, so_far: &PricedRun, job: &str, team: String) {
        let identity = &run.identity;
        self.followed.extend(previous(run));
        if run.start().is_some_and(|start| start >= self.period.end) {
            return;
        }
        let open = Open {
            job: JobKey {
                engine: identity.engine.clone(),
                account: identity.account.clone(),
                region: identity.region.clone(),
                job: job.to_owned(),
            },
            facts: Box::new(run.clone()),
            run: OpenRun {
                identity: identity.clone(),
                job: job.to_owned(),
                team,
                state: run.state.as_str().to_owned(),
                started_at: run.start(),
                running_seconds: 0,
                cost_so_far_usd: so_far.price.cost(),
            },
        };
        self.open.insert(identity_hash(identity), open);
    }

    /// Counts a run that has ended at a time that its source did not give: it belongs to no period,
    /// so every report says that it is missing.
    pub fn add_without_end(&mut self, team: &str) {
        for edition in self.editions.iter_mut().filter(|edition| edition.shows(team)) {
            edition.without_end += 1;
        }
    }

    /// Adds a run that has ended, in the period, before or after it.
    pub fn add(&mut self, row: &RunRow) {
        self.quota_use.add(row);
        // A run may be followed by one that ended in another of the periods looked at.
        self.followed.extend(&row.previous);
        if !self.open.is_empty() {
            // It ended while the report was being read, or a late RUNNING was stored after its end.
            self.open.remove(&identity_hash(&row.identity));
        }
        let (current, before) =
            (self.period.contains(row.ended), self.before_period.contains(row.ended));
        if !current {
            self.elsewhere.insert(identity_hash(&row.identity), ());
        }
        for edition in self.editions.iter_mut().filter(|edition| edition.shows(&row.team)) {
            if current {
                edition.count(row);
                edition.current.push(row);
            } else if before {
                edition.before.push(row);
            }
        }
    }

    /// The figures of each edition.
    ///
    /// # Errors
    /// When Polars refuses a question.
    pub fn figures(mut self, context: &Context<'_>) -> Result<Vec<Figures>, AnalysisError> {
        let now = context.as_of;
        let mut open: Vec<Open> = self.open.into_values().collect();
        for open in &mut open {
            self.quota_use.add_open(&open.facts, &open.job, &open.run.team, now);
            let since = open.run.started_at.map_or(0, |at| now.as_second() - at.as_second());
            open.run.running_seconds = u64::try_from(since).unwrap_or(0);
        }
        open.sort_by(|a, b| {
            let longest = b.run.running_seconds.cmp(&a.run.running_seconds);
            longest.then_with(|| a.run.identity.cmp(&b.run.identity))
        });
        let quotas = self.quota_use.figures(&context.quotas);
        let mut all = Vec::with_capacity(self.editions.len());
        for mut edition in self.editions {
            let shown = open.iter().filter(|open| edition.shows(&open.run.team));
            edition.still_running = shown.map(|open| open.run.clone()).collect();
            all.push(edition.figures(
                context,
                (&self.period, &self.before_period),
                (&self.followed, &self.elsewhere),
                quotas.clone(),
            )?);
        }
        Ok(all)
    }
}

impl EditionAnalysis {
    fn shows(&self, team: &str) -> bool {
        self.edition.team.as_ref().is_none_or(|shown| shown == team)
    }

    fn count(&mut self, row: &RunRow) {
        self.failures.add(row);
        let late = self.edition.sent_at.is_some_and(|sent| row.first_stored > sent);
        self.late_runs += u64::from(late);
        self.assumed_architecture += u64::from(row.assumed_architecture);
        self.rates_used.extend(row.rate_indexes.iter().flatten());
        if let Some(reason) = &row.unpriced {
            self.unpriced.entry(reason.clone()).or_default().add(reason, row);
        }
    }

    /// The edition's figures, from its own runs and from what all editions share: the period and
    /// the one before, the runs that are followed by others, and those known outside the period.
    fn figures(
        self,
        context: &Context<'_>,
        (period, before_period): (&Period, &Period),
        (followed, elsewhere): (&[u128], &HashMap<u128, ()>),
        quotas: Vec<QuotaFigures>,
    ) -> Result<Figures, AnalysisError> {
        let completeness_so_far = self.completeness(context, period);
        let before = self.before.finish(followed, &HashMap::new())?;
        let runs = self.current.finish(followed, elsewhere)?;
        // A period of which a part has expired is no measure of change.
        let has_before = before.frame.height() > 0 && context.kept_since <= before_period.start;
        let costs_before = has_before.then(|| jobs::costs(&before)).transpose()?;
        let teams_before = has_before.then(|| groups::team_costs(&before)).transpose()?;
        let totals_before = has_before.then(|| totals::totals(&before)).transpose()?;
        let totals = totals::totals(&runs)?;
        let failures = self.failures.figures();
        let completeness = Completeness {
            runs: totals.runs,
            unpriced_runs: totals.unpriced_runs,
            by_basis: by_basis(&runs.by_basis),
            ..completeness_so_far
        };
        let evidence = Evidence {
            runs: &runs,
            card: context.card,
            period,
            failures: &failures,
            quotas: &quotas,
            completeness: &completeness,
        };
        let actions = actions::actions(&evidence)?;
        let shown = |team: &&String| self.edition.team.as_ref().is_none_or(|own| own == *team);
        let teams: Vec<&String> = context.teams.iter().filter(shown).collect();
        let teams = groups::teams(&runs, teams_before.as_ref(), teams)?;
        Ok(Figures {
            compared_with: before_period.name.clone(),
            period: period.clone(),
            as_of: context.as_of,
            team: self.edition.team,
            revision: self.edition.revision,
            before: totals_before,
            jobs: jobs::jobs(&runs, costs_before.as_ref())?,
            teams,
            states: groups::states(&runs)?,
            configurations: groups::configurations(&runs)?,
            waste: waste(&runs)?,
            still_running: self.still_running,
            bill: None,
            bill_missing: None,
            runledger_cost: None,
            alerts: Vec::new(),
            alerts_total: 0,
            alerts_missing: None,
            totals,
            completeness,
            failures,
            quotas,
            actions,
        })
    }

    fn completeness(&self, context: &Context<'_>, period: &Period) -> Completeness {
        let waiting = self.unpriced.iter();
        let mut unpriced_reasons: Vec<_> =
            waiting.map(|(reason, waiting)| waiting.figure(reason)).collect();
        unpriced_reasons.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.reason.cmp(&b.reason)));
        let used = || {
            let rates = context.card.rates();
            self.rates_used.iter().filter_map(|index| rates.get(usize::from(*index)))
        };
        let undated: BTreeSet<String> = used()
            .filter(|rate| rate.as_of.is_none())
            .map(|rate| {
                format!("{} {} in {}: {}", rate.engine, rate.component, rate.region, rate.source)
            })
            .collect();
        Completeness {
            unpriced_reasons,
            still_running: self.still_running.len() as u64,
            late_runs: self.late_runs,
            without_end: self.without_end,
            assumed_architecture_runs: self.assumed_architecture,
            collected_through: context.collected_through,
            not_collected: context.not_collected.clone(),
            kept_since: Some(context.kept_since).filter(|kept| *kept > period.start),
            undated_rates: undated.into_iter().collect(),
            agreed_rates: used().filter(|rate| !rate.is_list_price).count() as u64,
            ..Completeness::default()
        }
    }
}

fn by_basis(bases: &[Option<Basis>]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for basis in bases.iter().flatten() {
        *counts.entry(basis.as_str()).or_default() += 1;
    }
    counts
}

/// The waterfall: each dollar in the first step that it fits.
fn waste(runs: &RunFrame) -> Result<Waste, AnalysisError> {
    let zero = || lit(0).cast(DataType::Int128);
    let repeated = col("repeated").and(col("wasted_end").not());
    let rest = col("repeated").or(col("wasted_end")).not();
    let sums = runs
        .frame
        .clone()
        .lazy()
        .select([
            when(col("wasted_end")).then(col("cost")).otherwise(zero()).sum().alias("bad_end"),
            when(repeated).then(col("cost")).otherwise(zero()).sum().alias("repeated"),
            when(rest).then(col("minimum_extra")).otherwise(zero()).sum().alias("minimum"),
        ])
        .collect()?;
    let sum = |column: &str| {
        Ok::<_, AnalysisError>(Usd::from_nanos(wide(&sums, column)?.first().copied().unwrap_or(0)))
    };
    Ok(Waste {
        bad_end_usd: sum("bad_end")?,
        repeated_usd: sum("repeated")?,
        minimum_usd: sum("minimum")?,
    })
}
