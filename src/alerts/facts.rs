//! What rules look at: plain values, gathered once for all of them. Nothing here was judged yet.
//!
//! The last day is known run by run; the days before by their totals and their last ends, which is
//! all that history is needed for. Whoever gathers facts need not sort them or look for nonsense in
//! them: [`Facts::tidied`] does.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::finding::Subject;
use crate::analysis::JobKey;
use crate::model::{
    Engine, JobKind, JobRun, Price, PricedRun, RetryOf, RollUp, RunIdentity, RunSample, RunState,
    Usd, utc_day,
};
use crate::pricing::kind_of;

/// How far back runs are known one by one.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// How far back days are known: four weeks of every weekday, and the one at hand.
pub const HISTORY_DAYS: i64 = 35;

/// How far ahead of `now` a source's clock may be. An end within it is now; one beyond it is no
/// time at all, and its run is not judged.
pub const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// How old a source's last complete reading may be for its silence to mean anything.
const FRESH: SignedDuration = SignedDuration::from_hours(6);

/// Everything that an evaluation knows.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What "now" is.
    pub now: Timestamp,
    /// The jobs that ran within [`HISTORY_DAYS`], or are running.
    pub jobs: BTreeMap<JobKey, JobFacts>,
    /// The quotas, with their use.
    pub quotas: Vec<QuotaFacts>,
    /// The sources that are to be collected.
    pub sources: Vec<SourceFacts>,
    /// The teams that have a budget.
    pub budgets: Vec<BudgetFacts>,
    /// The reports that are due, whether they were sent or not.
    pub reports: Vec<ReportFacts>,
}

/// A job and what is known of its runs.
#[derive(Clone, Debug, Default)]
pub struct JobFacts {
    /// Who pays for its latest run.
    pub team: String,
    /// Whether that is known by a tag.
    pub tagged: bool,
    /// The tags that count for its latest run.
    pub tags: BTreeMap<String, String>,
    /// Every run that ended within [`WINDOW`].
    pub ended: Vec<RunFacts>,
    /// Every run under way.
    pub open: Vec<RunFacts>,
    /// The UTC days before today on which runs of it ended.
    pub days: Vec<JobDay>,
}

/// One run, as rules see it.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// What makes the run itself.
    pub identity: RunIdentity,
    /// Where it stands.
    pub state: RunState,
    /// What kind of job it is of.
    pub kind: JobKind,
    /// What it tries again, if it is a retry.
    pub retry_of: Option<RetryOf>,
    /// When it started, where it did.
    pub started: Option<Timestamp>,
    /// When it ended; `None` while it is under way.
    pub ended: Option<Timestamp>,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// The timeout it was configured with, in minutes.
    pub timeout_minutes: Option<u64>,
    /// How many workers it had.
    pub workers: Option<u32>,
    /// The Glue version or EMR release.
    pub version: Option<String>,
    /// What it cost, where that is known.
    pub cost: Option<Usd>,
    /// Of that, what a billing minimum added over the seconds used.
    pub minimum_extra: Usd,
    /// The first line of its error.
    pub error: Option<String>,
    /// EMR Serverless: whether its application has a maximum capacity; `None` where not known.
    pub has_maximum: Option<bool>,
}

impl RunFacts {
    /// The facts of a run and its price.
    #[must_use]
    pub fn of(run: &JobRun, priced: &PricedRun) -> Self {
        let emr = run.identity.engine == Engine::EmrServerless;
        Self {
            identity: run.identity.clone(),
            state: run.state.clone(),
            kind: kind_of(run),
            retry_of: run.retry_of(),
            started: run.started_at,
            ended: run.end(),
            runtime_seconds: run.runtime_seconds(),
            timeout_minutes: run.timeout_minutes,
            workers: run.worker_count,
            version: run.version.clone(),
            cost: priced.price.cost(),
            minimum_extra: match priced.price {
                Price::Priced { minimum_extra, .. } => minimum_extra,
                Price::Unpriced(_) => Usd::ZERO,
            },
            error: run.error_line(),
            has_maximum: run
                .definition
                .as_ref()
                .filter(|_| emr)
                .map(|definition| definition.maximum_vcpus.is_some()),
        }
    }

    /// Whether it ends by itself: neither a stream nor a session, which last as long as they may.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        is_batch(&self.kind)
    }

    /// Seconds since it started, as of a time.
    #[must_use]
    pub fn elapsed_seconds(&self, at: Timestamp) -> Option<u64> {
        u64::try_from(at.as_second() - self.started?.as_second()).ok()
    }

    fn end(&self) -> Option<End<'_>> {
        Some(End {
            run: Some(&self.identity.run_id),
            attempt: self.identity.attempt,
            application: self.identity.application_id.as_deref(),
            error: self.error.as_deref(),
            state: &self.state,
            kind: &self.kind,
            started: self.started,
            ended: self.ended?,
            runtime_seconds: self.runtime_seconds,
            cost: self.cost,
        })
    }
}

/// What a job did on one UTC day.
#[derive(Clone, Debug)]
pub struct JobDay {
    /// The day.
    pub day: Date,
    /// Runs that ended on it.
    pub runs: u64,
    /// What they cost.
    pub cost: Usd,
    /// Its runs one by one: all of them, or those that are kept of many.
    pub ends: Vec<RunSample>,
    /// What its runs try again that ended on an earlier day.
    pub retries: Vec<RetryOf>,
}

impl JobDay {
    /// The job and the day of a roll-up.
    #[must_use]
    pub fn of(roll_up: RollUp) -> (JobKey, Self) {
        let totals = roll_up.totals();
        let RollUp { day, job, samples: ends, retries, .. } = roll_up;
        (job, Self { day, runs: totals.runs, cost: totals.cost, ends, retries })
    }
}

/// An end of a run, whether of the last day or from before.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The run's id, where it is known.
    pub run: Option<&'a str>,
    /// Which attempt of that.
    pub attempt: u32,
    /// Its EMR Serverless application, where it is known.
    pub application: Option<&'a str>,
    /// The first line of its error, where it is known.
    pub error: Option<&'a str>,
    /// How it ended.
    pub state: &'a RunState,
    /// What kind of job it is of.
    pub kind: &'a JobKind,
    /// When it started, where that is known.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Timestamp,
    /// Seconds of work.
    pub runtime_seconds: u64,
    /// What it cost, where that is known.
    pub cost: Option<Usd>,
}

impl<'a> End<'a> {
    fn of(run: &'a RunSample) -> Self {
        Self {
            run: run.run_id.as_deref(),
            attempt: run.attempt,
            application: run.application_id.as_deref(),
            error: run.error.as_deref(),
            state: &run.state,
            kind: &run.kind,
            started: run.started,
            ended: run.ended,
            runtime_seconds: run.runtime_seconds,
            cost: run.cost,
        }
    }

    /// Whether it did what it was started for; see [`RunState::is_good_end_of`].
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.state.is_good_end_of(self.kind)
    }

    /// Whether it was to end by itself: neither a stream nor a session.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        is_batch(self.kind)
    }

    /// When it began, as far as that is known: no later than it ended.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        self.started.unwrap_or(self.ended)
    }
}

impl JobFacts {
    /// Every end that is known, the oldest first.
    pub fn ends(&self) -> impl DoubleEndedIterator<Item = End<'_>> {
        let before = self.days.iter().flat_map(|day| &day.ends).map(End::of);
        before.chain(self.ended.iter().filter_map(RunFacts::end))
    }

    /// The days before the window of which not every run is known one by one, each with when the
    /// last of the others ended at the latest.
    pub fn gaps(&self, now: Timestamp) -> impl Iterator<Item = (Date, Timestamp)> {
        let count = |day: Date| {
            let of_day = self.ended.iter().filter(move |run| run.ended.map(utc_day) == Some(day));
            of_day.count()
        };
        let gap = move |day: &JobDay| {
            let kept = |more: usize| u64::try_from(day.ends.len() + more).unwrap_or(u64::MAX);
            let is_gap = day.runs > kept(0) && day.runs > kept(count(day.day));
            // The first that is kept may be the day's last good run, from long before the others.
            let until = day.ends.get(1).map_or(now - WINDOW, |end| end.ended);
            is_gap.then_some((day.day, until))
        };
        self.days.iter().filter_map(gap)
    }

    /// When runs of it began, the earliest first: those that ended and those under way.
    #[must_use]
    pub fn starts(&self) -> Vec<Timestamp> {
        let open = self.open.iter().filter_map(|run| run.started);
        let mut starts: Vec<_> = self.ends().filter_map(|end| end.started).chain(open).collect();
        starts.sort_unstable();
        starts
    }

    /// The runs of the window and those under way: what tells how it is configured now.
    pub fn recent(&self) -> impl Iterator<Item = &RunFacts> {
        self.ended.iter().chain(&self.open)
    }

    /// What it cost on each UTC day, the latest last; today's is what it cost so far.
    #[must_use]
    pub fn day_costs(&self, today: Date) -> Vec<(Date, Usd)> {
        let mut costs: Vec<_> = self.days.iter().map(|day| (day.day, day.cost)).collect();
        let ended_today = |run: &&RunFacts| run.ended.is_some_and(|end| utc_day(end) == today);
        let mut today_runs = self.ended.iter().filter(ended_today).peekable();
        if today_runs.peek().is_some() {
            costs.push((today, today_runs.filter_map(|run| run.cost).sum()));
        }
        costs
    }
}

/// A quota and its use.
#[derive(Clone, Debug)]
pub struct QuotaFacts {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Which quota.
    pub quota: String,
    /// Its value.
    pub limit: f64,
    /// What is in use now.
    pub now: f64,
    /// The highest use within [`WINDOW`].
    pub peak: f64,
    /// When that was.
    pub peak_at: Option<Timestamp>,
    /// Who uses it or waits for it now.
    pub by_team: Vec<TeamUse>,
}

/// What a team has of a quota now.
#[derive(Clone, Debug)]
pub struct TeamUse {
    /// The team.
    pub team: String,
    /// What it uses, in the quota's unit.
    pub used: f64,
    /// What it may use at most by the configured shares, burst included, in the quota's unit.
    pub share: Option<f64>,
    /// Its runs that wait for the quota.
    pub waiting: u64,
}

/// A source and how far it was read.
#[derive(Clone, Debug)]
pub struct SourceFacts {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The engine, in its word.
    pub engine: String,
    /// Until when it was read completely.
    pub collected_through: Option<Timestamp>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// Whether it is to be read. One that no longer is does not tell what its jobs do, and nobody
    /// has to be told so.
    pub wanted: bool,
}

/// A team's budget of a calendar month.
#[derive(Clone, Debug)]
pub struct BudgetFacts {
    /// The team.
    pub team: String,
    /// The month, `2026-11`.
    pub month: String,
    /// The budget.
    pub budget: Usd,
    /// What was used of it so far.
    pub used: Usd,
    /// What will have been used at the month's end, where that can be said.
    pub forecast: Option<Usd>,
}

/// A report that is due.
#[derive(Clone, Debug)]
pub struct ReportFacts {
    /// The report's name.
    pub report: String,
    /// The period that it is due for.
    pub period: String,
    /// Since when it is due.
    pub due: Timestamp,
    /// How many of its readers do not have it.
    pub missing: u64,
}

impl Facts {
    /// The same facts, in an order that does not depend on how they were gathered, without what is
    /// from no time that can be: skewed clocks must neither break a rule nor set it off.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        let now = self.now;
        for job in self.jobs.values_mut() {
            job.tidy(now);
        }
        self.quotas.retain(|quota| quota.limit.is_finite() && quota.limit > 0.0);
        for quota in &mut self.quotas {
            quota.by_team.sort_by(|a, b| b.used.total_cmp(&a.used).then(a.team.cmp(&b.team)));
        }
        self.quotas.sort_by_cached_key(|q| (q.account.clone(), q.region.clone(), q.quota.clone()));
        self.sources.sort_by_cached_key(|s| [&s.account, &s.region, &s.engine].map(String::clone));
        self.budgets.sort_by_cached_key(|budget| (budget.team.clone(), budget.month.clone()));
        self.reports.sort_by_cached_key(|report| (report.report.clone(), report.due));
        self
    }

    /// Until when a job's runs are known completely; `None` where its source was never read. What
    /// no source is known for was imported, and is taken to be complete.
    #[must_use]
    pub fn seen_through(&self, job: &JobKey) -> Option<Timestamp> {
        let source = self.source(&job.account, &job.region, job.engine.as_str());
        source.map_or(Some(self.now), |source| Some(source.collected_through?.min(self.now)))
    }

    /// Why nothing can be concluded from what is not found about a subject.
    #[must_use]
    pub fn blind_to(&self, subject: &Subject) -> Option<String> {
        if subject.engine.is_empty() {
            return None;
        }
        let Subject { account, region, engine, .. } = subject;
        let source = self.source(account, region, engine)?;
        let place = format!("{engine} of {account} in {region}");
        match source.collected_through {
            None => Some(format!("{place} was never read")),
            Some(at) if self.now.duration_since(at) > FRESH => {
                Some(format!("{place} was last read at {}", at.strftime("%Y-%m-%d %H:%M UTC")))
            }
            Some(_) => None,
        }
    }

    /// The job that a subject is about, if it is about one that is known.
    #[must_use]
    pub fn job(&self, subject: &Subject) -> Option<&JobFacts> {
        self.jobs.get(&JobKey {
            engine: Engine::from(subject.engine.as_str()),
            account: subject.account.clone(),
            region: subject.region.clone(),
            job: subject.job.clone(),
        })
    }

    fn source(&self, account: &str, region: &str, engine: &str) -> Option<&SourceFacts> {
        let is_it = |source: &&SourceFacts| {
            source.account == account && source.region == region && source.engine == engine
        };
        self.sources.iter().find(is_it)
    }
}

impl JobFacts {
    fn tidy(&mut self, now: Timestamp) {
        let window = now - WINDOW;
        for run in self.ended.iter_mut().chain(&mut self.open) {
            run.ended = run.ended.and_then(|end| sensible(end, now));
            let latest = run.ended.unwrap_or(now);
            run.started = run.started.and_then(|start| sensible(start, now)).map(|s| s.min(latest));
        }
        self.ended.retain(|run| run.ended.is_some_and(|end| end > window));
        self.ended.sort_by_cached_key(|run| (run.ended, order(&run.identity)));
        self.ended.dedup_by(|a, b| a.identity == b.identity);
        self.open.retain(|run| !run.state.is_terminal());
        self.open.sort_by_cached_key(|run| (run.started, order(&run.identity)));
        self.days.retain(|day| day.day < utc_day(now));
        self.days.sort_by_key(|day| day.day);
        for day in &mut self.days {
            // The window's runs are known better than by their day.
            day.ends.retain(|end| end.ended <= window);
            for end in &mut day.ends {
                end.started = end.started.map(|start| start.min(end.ended));
            }
            day.ends.sort_by(|a, b| (a.ended, &a.run_id).cmp(&(b.ended, &b.run_id)));
        }
    }
}

fn is_batch(kind: &JobKind) -> bool {
    !matches!(kind, JobKind::Streaming | JobKind::Session)
}

/// A time that a clock a little ahead may have told.
fn sensible(time: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (time.duration_since(now) <= SKEW).then(|| time.min(now))
}

fn order(run: &RunIdentity) -> (String, u32) {
    (run.run_id.clone(), run.attempt)
}
