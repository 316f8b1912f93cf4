//! From the runs of a period, and of the one before, to the report's figures.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use polars::prelude::*;
use rust_decimal::Decimal;

use super::actions::{self, Evidence};
use super::failures::Failures;
use super::frame::{FrameBuilder, RunFrame, wide};
use super::quotas::QuotaUse;
use super::row::{JobKey, RunRow, held, identity_hash, previous};
use super::{
    AnalysisError, Completeness, Figures, NotCollected, OpenRun, UnpricedReason, Waste, groups,
    jobs, totals,
};
use crate::model::{Basis, ExecutionClass, JobRun, Period, PricedRun, QuotaValue, Usd};
use crate::pricing::RateCard;

/// What the figures need beside the runs.
#[derive(Debug)]
pub struct Context<'a> {
    /// What "now" is.
    pub as_of: Timestamp,
    /// The team whose runs alone are shown.
    pub team: Option<String>,
    /// 0 for the report, 1 for its first restatement, and so on.
    pub revision: u32,
    /// The rates that priced the runs.
    pub card: &'a RateCard,
    /// The quotas' values.
    pub quotas: Vec<QuotaValue>,
    /// Until when every source was read.
    pub collected_through: Option<Timestamp>,
    /// What was not read.
    pub not_collected: Vec<NotCollected>,
    /// When the report of this period was first sent, if it was: runs stored later are late.
    pub sent_at: Option<Timestamp>,
}

/// Takes runs in any order, and answers when all are in.
#[derive(Debug)]
pub struct ReportAnalysis {
    period: Period,
    before_period: Period,
    team: Option<String>,
    sent_at: Option<Timestamp>,
    current: FrameBuilder,
    before: FrameBuilder,
    quota_use: QuotaUse,
    failures: Failures,
    /// Runs that are followed by a later attempt, wherever that ended.
    followed: Vec<u128>,
    /// Runs outside the period that are known at all, as far as chains may reach them.
    elsewhere: HashMap<u128, ()>,
    late_runs: u64,
    without_end: u64,
    assumed_architecture: u64,
    unpriced: BTreeMap<String, (u64, Decimal)>,
    rates_used: BTreeSet<u16>,
    still_running: Vec<OpenRun>,
}

impl ReportAnalysis {
    /// Nothing yet, for a period and the one before it.
    #[must_use]
    pub fn new(period: Period, before_period: Period, context: &Context<'_>) -> Self {
        Self {
            quota_use: QuotaUse::new(&period),
            period,
            before_period,
            team: context.team.clone(),
            sent_at: context.sent_at,
            current: FrameBuilder::default(),
            before: FrameBuilder::default(),
            failures: Failures::default(),
            followed: Vec::new(),
            elsewhere: HashMap::new(),
            late_runs: 0,
            without_end: 0,
            assumed_architecture: 0,
            unpriced: BTreeMap::new(),
            rates_used: BTreeSet::new(),
            still_running: Vec::new(),
        }
    }

    /// Adds a run that has ended, in the period, before or after it.
    pub fn add(&mut self, row: RunRow) {
        // Everybody's runs share the quotas, whoever reads the report.
        self.quota_use.add(&row);
        // A run may be followed by one that ended in another of the periods looked at.
        self.followed.extend(&row.previous);
        let others = self.team.as_ref().is_some_and(|team| *team != row.team);
        if self.period.contains(row.ended) {
            if !others {
                self.count(&row);
                self.current.push(row);
            }
        } else {
            self.elsewhere.insert(identity_hash(&row.identity), ());
            if self.before_period.contains(row.ended) && !others {
                self.before.push(row);
            }
        }
    }

    fn count(&mut self, row: &RunRow) {
        self.failures.add(row);
        self.late_runs += u64::from(self.sent_at.is_some_and(|sent| row.first_stored > sent));
        self.assumed_architecture += u64::from(row.assumed_architecture);
        self.rates_used.extend(row.rate_indexes.iter().flatten());
        if let Some(reason) = &row.unpriced {
            let waiting = self.unpriced.entry(reason.to_string()).or_default();
            waiting.0 += 1;
            waiting.1 = waiting.1.saturating_add(row.dpu_seconds);
        }
    }

    /// Counts a run that has ended at a time that its source did not give: it belongs to no period,
    /// so every report says that it is missing.
    pub fn add_without_end(&mut self, team: &str) {
        let others = self.team.as_ref().is_some_and(|shown| shown != team);
        self.without_end += u64::from(!others);
    }

    /// Adds a run that has not ended, with what it cost so far.
    pub fn add_open(
        &mut self,
        run: &JobRun,
        so_far: &PricedRun,
        job: &str,
        team: String,
        now: Timestamp,
    ) {
        let identity = &run.identity;
        self.followed.extend(previous(run));
        if run.start().is_some_and(|start| start >= self.period.end) {
            return;
        }
        let key = JobKey {
            engine: identity.engine.clone(),
            account: identity.account.clone(),
            region: identity.region.clone(),
            job: job.to_owned(),
        };
        let flex = run.execution_class == Some(ExecutionClass::Flex);
        self.quota_use.add_span(&key, run.started_at, now, flex, held(run));
        if self.team.as_ref().is_some_and(|shown| *shown != team) {
            return;
        }
        let running = run.start().map_or(0, |start| now.as_second() - start.as_second());
        self.still_running.push(OpenRun {
            identity: identity.clone(),
            job: job.to_owned(),
            team,
            state: run.state.as_str().to_owned(),
            started_at: run.start(),
            running_seconds: u64::try_from(running).unwrap_or(0),
            cost_so_far_usd: so_far.price.cost(),
        });
    }

    /// The figures.
    ///
    /// # Errors
    /// When Polars refuses a question.
    pub fn figures(mut self, context: Context<'_>) -> Result<Figures, AnalysisError> {
        self.still_running.sort_by(|a, b| {
            b.running_seconds.cmp(&a.running_seconds).then_with(|| a.identity.cmp(&b.identity))
        });
        let completeness_so_far = self.completeness(&context);
        let before = self.before.finish(&self.followed, &HashMap::new())?;
        let runs = self.current.finish(&self.followed, &self.elsewhere)?;
        let has_before = before.frame.height() > 0;
        let costs_before = has_before.then(|| jobs::costs(&before)).transpose()?;
        let teams_before = has_before.then(|| groups::team_costs(&before)).transpose()?;
        let totals_before = has_before.then(|| totals::totals(&before)).transpose()?;
        let totals = totals::totals(&runs)?;
        let failures = self.failures.figures();
        let quotas = self.quota_use.figures(&context.quotas);
        let completeness = Completeness {
            runs: totals.runs,
            unpriced_runs: totals.unpriced_runs,
            by_basis: by_basis(&runs.by_basis),
            ..completeness_so_far
        };
        let evidence = Evidence {
            runs: &runs,
            card: context.card,
            failures: &failures,
            quotas: &quotas,
            completeness: &completeness,
        };
        let actions = actions::actions(&evidence)?;
        Ok(Figures {
            compared_with: self.before_period.name,
            period: self.period,
            as_of: context.as_of,
            team: context.team,
            revision: context.revision,
            before: totals_before,
            jobs: jobs::jobs(&runs, costs_before.as_ref())?,
            teams: groups::teams(&runs, teams_before.as_ref())?,
            states: groups::states(&runs)?,
            configurations: groups::configurations(&runs)?,
            waste: waste(&runs)?,
            still_running: self.still_running,
            alerts: Vec::new(),
            totals,
            completeness,
            failures,
            quotas,
            actions,
        })
    }

    fn completeness(&self, context: &Context<'_>) -> Completeness {
        let mut unpriced_reasons: Vec<_> = self
            .unpriced
            .iter()
            .map(|(reason, (runs, dpu_seconds))| UnpricedReason {
                reason: reason.clone(),
                runs: *runs,
                dpu_hours: (dpu_seconds / Decimal::from(3600)).round_dp(6).normalize(),
            })
            .collect();
        unpriced_reasons.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.reason.cmp(&b.reason)));
        let undated: BTreeSet<String> = self
            .rates_used
            .iter()
            .filter_map(|index| context.card.rates().get(usize::from(*index)))
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
            undated_rates: undated.into_iter().collect(),
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
