//! Facts for the tests of rules, in few words: runs with times of November 2026.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::alerts::facts::{Facts, JobDay, JobFacts, RunFacts, WINDOW};
use crate::alerts::finding::Finding;
use crate::alerts::rule::Rules;
use crate::analysis::JobKey;
use crate::model::{Engine, JobKind, RetryOf, RunIdentity, RunSample, RunState, Usd, utc_day};

/// What "now" is in these tests: a Saturday.
pub(crate) const NOW: &str = "2026-11-14T12:00:00Z";

/// A run to be.
#[derive(Clone, Debug)]
pub(crate) struct Run(pub(crate) RunFacts);

impl Run {
    pub(crate) fn ended(id: &str, state: &str, from: &str, to: &str) -> Self {
        let mut run = Self::open(id, from);
        let (started, ended) = (at(from), at(to));
        run.0.state = RunState::from(state);
        run.0.ended = Some(ended);
        run.0.runtime_seconds = u64::try_from(ended.as_second() - started.as_second()).unwrap_or(0);
        run
    }

    pub(crate) fn open(id: &str, from: &str) -> Self {
        Self(RunFacts {
            identity: RunIdentity {
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                engine: Engine::Glue,
                application_id: None,
                run_id: id.into(),
                attempt: 1,
            },
            state: RunState::Running,
            kind: JobKind::Spark,
            retry_of: None,
            started: Some(at(from)),
            ended: None,
            runtime_seconds: 0,
            timeout_minutes: None,
            workers: None,
            version: None,
            cost: None,
            minimum_extra: Usd::ZERO,
            error: None,
            has_maximum: None,
        })
    }

    pub(crate) fn retry_of(mut self, id: &str) -> Self {
        self.0.retry_of = Some(RetryOf { run_id: id.to_owned(), below: u32::MAX });
        self
    }

    pub(crate) fn attempt(mut self, attempt: u32) -> Self {
        self.0.identity.attempt = attempt;
        let run_id = self.0.identity.run_id.clone();
        self.0.retry_of = (attempt > 1).then_some(RetryOf { run_id, below: attempt });
        self
    }

    pub(crate) fn cost(mut self, usd: &str) -> Self {
        self.0.cost = Some(usd.parse().unwrap());
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut RunFacts)) -> Self {
        change(&mut self.0);
        self
    }
}

/// `11-14 09:00` of 2026, in UTC.
pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-{}:00Z", text.replace(' ', "T")).parse().unwrap()
}

/// Glue jobs of one account and region with their runs, as of [`NOW`]: those of the last day one by
/// one, those before as their days.
pub(crate) fn facts(jobs: &[(&str, &[Run])]) -> Facts {
    facts_at(NOW, jobs)
}

/// The same as of another time.
pub(crate) fn facts_at(now: &str, jobs: &[(&str, &[Run])]) -> Facts {
    let now: Timestamp = now.parse().unwrap();
    let jobs = jobs.iter().map(|(name, runs)| (key(name), job_facts(now, runs))).collect();
    Facts { now, jobs, ..Facts::default() }.tidied()
}

fn job_facts(now: Timestamp, runs: &[Run]) -> JobFacts {
    let mut job = JobFacts { team: "orders".into(), tagged: true, ..JobFacts::default() };
    let mut days: BTreeMap<_, JobDay> = BTreeMap::new();
    for Run(run) in runs.iter().cloned() {
        let Some(ended) = run.ended else {
            job.open.push(run);
            continue;
        };
        let day = utc_day(ended);
        let of_day = days.entry(day).or_insert_with(|| JobDay {
            day,
            runs: 0,
            cost: Usd::ZERO,
            ends: Vec::new(),
            retries: Vec::new(),
        });
        of_day.retries.extend(run.retry_of.clone());
        of_day.runs += 1;
        of_day.cost += run.cost.unwrap_or_default();
        of_day.ends.push(RunSample {
            run_id: Some(run.identity.run_id.clone()),
            attempt: run.identity.attempt,
            application_id: None,
            error: run.error.clone(),
            state: run.state.clone(),
            kind: run.kind.clone(),
            started: run.started,
            ended,
            runtime_seconds: run.runtime_seconds,
            cost: run.cost,
        });
        if now.duration_since(ended) < WINDOW {
            job.ended.push(run);
        }
    }
    job.days = days.into_values().collect();
    job
}

pub(crate) fn key(job: &str) -> JobKey {
    JobKey {
        engine: Engine::Glue,
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        job: job.into(),
    }
}

pub(crate) fn job<'f>(facts: &'f Facts, name: &str) -> &'f JobFacts {
    &facts.jobs[&key(name)]
}

/// What a rule finds, with its section of the configuration.
pub(crate) fn found(code: &str, section: &str, facts: &Facts) -> Vec<Finding> {
    let sections = BTreeMap::from([(code.to_owned(), toml::from_str(section).unwrap())]);
    let findings = Rules::new(&sections).unwrap().get(code).unwrap().find(facts);
    for Finding { message, evidence, .. } in &findings {
        assert!(!evidence.is_empty(), "nothing shows it: {message}");
        let says = |line: &String| !line.is_empty() && !message.contains(line.as_str());
        assert!(evidence.iter().all(says), "{message}: {evidence:?}");
    }
    findings
}

/// Its sentences alone.
pub(crate) fn messages(code: &str, section: &str, facts: &Facts) -> Vec<String> {
    found(code, section, facts).into_iter().map(|finding| finding.message).collect()
}

/// Whether a rule finds anything with its default limits.
pub(crate) fn finds(code: &str, facts: &Facts) -> bool {
    !found(code, "", facts).is_empty()
}
