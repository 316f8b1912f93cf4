//! A scripted month: `november.txt` says in plain lines what happens and what is told of it, and
//! nothing else may be.
//!
//! Facts are made anew for every evaluation from what has happened by then, as they would be
//! gathered from the store; only what was known is carried from one evaluation to the next.

mod script;

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};

use super::rules::testing::{Run, at, key};
use super::*;
use crate::model::{Recipient, RunSample, Usd, utc_day};
use crate::ownership::UNALLOCATED;
use script::{Happening, Job, Script, What};

pub(crate) const SETTINGS: &str = "
    recipients = ['platform@example.com']
    fallback = ['duty@example.com']
    [teams]
    orders = ['orders@example.com']
    sales = ['sales@example.com']
    [[rules.deadline-missed.for]]
    job = '^sales-'
    by = '08:00 Europe/London'
    days = ['mon', 'tue', 'wed', 'thu', 'fri']
    [[mutes]]
    job = '^orders-load$'
    from = '2026-11-26'
    until = '2026-11-27'
    why = 'the source is being moved'
";

/// How many ends of each day are kept.
const ENDS_OF_A_DAY: usize = 6;

/// Everything that happens, as it is known in the end.
struct World<'s> {
    script: &'s Script,
    /// The runs of each job, by start.
    runs: BTreeMap<&'s str, Vec<Run>>,
}

impl<'s> World<'s> {
    fn new(script: &'s Script) -> Self {
        let runs = script.jobs.iter().map(|job| (job.name.as_str(), runs(job, script))).collect();
        Self { script, runs }
    }

    /// What is known at a time, as far as the source was read by then.
    fn facts(&self, now: Timestamp) -> Facts {
        let read = self.read_through(now);
        let mut facts = Facts { now, ..Facts::default() };
        for job in &self.script.jobs {
            facts.jobs.insert(key(&job.name), self.job_facts(job, now, read));
        }
        facts.sources.push(SourceFacts {
            account: key("").account,
            region: key("").region,
            engine: "glue".into(),
            collected_through: Some(read),
            error: None,
            wanted: true,
        });
        facts.quotas.extend(self.quota(now));
        facts.budgets = self.budgets(now);
        facts
    }

    fn job_facts(&self, job: &Job, now: Timestamp, read: Timestamp) -> JobFacts {
        let team = if job.team == "nobody" { UNALLOCATED } else { &job.team };
        let tagged = job.team != "nobody";
        let mut facts = JobFacts { team: team.into(), tagged, ..JobFacts::default() };
        let mut days: BTreeMap<_, JobDay> = BTreeMap::new();
        let known = |run: &&Run| run.0.started.is_some_and(|start| start <= read);
        let recent = |run: &&Run| run.0.ended.is_some_and(|end| end > now - (35 * 24).hours());
        for Run(run) in self.runs[job.name.as_str()].iter().filter(known).filter(recent) {
            let ended = run.ended.unwrap();
            if ended > read {
                facts.open.push(Run::open(&run.identity.run_id, "01-01 00:00").0);
                let open = facts.open.last_mut().unwrap();
                (open.started, open.retry_of) = (run.started, run.retry_of.clone());
                continue;
            }
            if ended > now - WINDOW {
                facts.ended.push(run.clone());
            }
            let day = utc_day(ended);
            let (ends, retries) = (Vec::new(), Vec::new());
            let new = || JobDay { day, runs: 0, cost: Usd::ZERO, ends, retries };
            let of_day = days.entry(day).or_insert_with(new);
            of_day.runs += 1;
            of_day.cost += run.cost.unwrap();
            // As many as the store keeps of a day's runs.
            if of_day.ends.len() == ENDS_OF_A_DAY {
                of_day.ends.remove(0);
            }
            of_day.ends.push(RunSample {
                run_id: (!run.state.is_good_end()).then(|| run.identity.run_id.clone()),
                attempt: run.identity.attempt,
                application_id: None,
                error: None,
                state: run.state.clone(),
                kind: run.kind.clone(),
                started: run.started,
                ended,
                runtime_seconds: run.runtime_seconds,
                cost: run.cost,
            });
        }
        facts.days = days.into_values().collect();
        facts
    }

    fn happened(&self, by: Timestamp) -> impl DoubleEndedIterator<Item = &Happening> {
        self.script.happenings.iter().filter(move |happening| happening.at <= by)
    }

    fn read_through(&self, now: Timestamp) -> Timestamp {
        let last = self.happened(now).rfind(|h| matches!(h.what, What::Source { .. }));
        match last {
            Some(Happening { at, what: What::Source { read: false } }) => *at,
            _ => now,
        }
    }

    fn quota(&self, now: Timestamp) -> Option<QuotaFacts> {
        let uses: Vec<_> = self
            .happened(now)
            .filter_map(|h| match &h.what {
                What::Quota(teams) => Some((h.at, teams)),
                _ => None,
            })
            .collect();
        let (_, teams) = uses.last()?;
        let sum = |teams: &[TeamUse]| teams.iter().map(|team| team.used).sum::<f64>();
        // A use lasts until the next one, so the one at the window's start counts too.
        let first = uses.iter().rposition(|(at, _)| *at <= now - WINDOW).unwrap_or(0);
        let peak = uses[first..].iter().max_by(|a, b| sum(a.1).total_cmp(&sum(b.1)))?;
        Some(QuotaFacts {
            account: key("").account,
            region: key("").region,
            quota: "glue-dpus".into(),
            limit: 100.0,
            now: sum(teams),
            peak: sum(peak.1),
            peak_at: Some(peak.0),
            by_team: teams.to_vec(),
        })
    }

    fn budgets(&self, now: Timestamp) -> Vec<BudgetFacts> {
        let last = self.happened(now).rev().find_map(|h| match &h.what {
            What::Budget(budget) => Some(budget.clone()),
            _ => None,
        });
        last.into_iter().collect()
    }
}

/// The runs of a job, from five weeks before the month to its end.
fn runs(job: &Job, script: &Script) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut start = at("09-27 00:00");
    while start < at("12-01 00:00") {
        if job.starts(start) {
            let what = script.of_run(&job.name, start);
            runs.extend(job.runs(start, what));
        }
        start += 5.minutes();
    }
    runs
}

/// The month: the facts of every quarter of an hour, and the notices that it may lead to.
pub(crate) struct Month(Script);

impl Month {
    pub(crate) fn read() -> Self {
        Self(Script::read(include_str!("november.txt")))
    }

    /// What is to be told, a line each, in order.
    pub(crate) fn expected(&self) -> Vec<String> {
        let mut expected = self.0.expected.clone();
        expected.sort();
        expected
    }

    /// Facts, made when they are asked for.
    pub(crate) fn facts(&self) -> impl Iterator<Item = Facts> {
        let (world, mut now) = (World::new(&self.0), at("11-01 00:00"));
        std::iter::from_fn(move || {
            let facts = (now < at("12-01 00:00")).then(|| world.facts(now));
            now += 15.minutes();
            facts
        })
    }
}

/// The key of a job of tests.
pub(crate) fn job_key(job: &str) -> crate::analysis::JobKey {
    key(job)
}

/// A run of ten minutes.
pub(crate) fn run(job: &str, state: &str, ended: Timestamp) -> RunFacts {
    let text = |at: Timestamp| at.strftime("%m-%d %H:%M").to_string();
    let id = format!("{job}-{}", ended.as_second());
    Run::ended(&id, state, &text(ended - 10.minutes()), &text(ended)).0
}

/// What is told in the month, a line each.
fn told(month: &Month, evaluator: &Evaluator) -> Vec<String> {
    let mut known = BTreeMap::new();
    let mut told = Vec::new();
    for facts in month.facts() {
        let evaluation = evaluator.evaluate(facts, &known, false);
        told.extend(lines(&evaluation.messages()));
        known = evaluation.known;
    }
    told
}

/// The notices of messages with whom they reach.
pub(crate) fn lines(messages: &[Message]) -> Vec<String> {
    let mut to: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in messages {
        let Recipient::Mail(address) = &message.recipient else { continue };
        let name = address.mailbox().split('@').next().unwrap().to_owned();
        for news in &message.news {
            let subject = &news.finding.subject;
            let subject = [&subject.job, &subject.detail, &subject.team, &subject.engine];
            let subject = subject.into_iter().find(|text| !text.is_empty()).unwrap();
            let at = message.at.strftime("%m-%d %H:%M");
            let (notice, code) = (news.notice.as_str(), &news.finding.code);
            to.entry(format!("{at} {notice} {code} {subject}")).or_default().push(name.clone());
        }
    }
    to.into_iter().map(|(line, names)| format!("{line}: {}", names.join(" "))).collect()
}

#[test]
fn a_month_is_told_as_it_is_written() {
    let month = Month::read();
    let settings: AlertSettings = toml::from_str(SETTINGS).unwrap();
    let recipients = Recipients::new(&settings, &BTreeMap::new());
    let evaluator = Evaluator::new(&settings, recipients).unwrap();
    let mut told = told(&month, &evaluator);
    let expected = month.expected();
    told.sort();
    let missing: Vec<_> = expected.iter().filter(|line| !told.contains(line)).collect();
    let unexpected: Vec<_> = told.iter().filter(|line| !expected.contains(line)).collect();
    assert!(
        missing.is_empty() && unexpected.is_empty(),
        "not told: {missing:#?}\ntold: {unexpected:#?}"
    );
    assert_eq!(told, expected, "each once");
}
