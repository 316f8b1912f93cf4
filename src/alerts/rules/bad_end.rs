//! What the rules about how runs end have in common: bad ends of a job that nothing has made good.
//!
//! A bad end is made good by a run that began after it and ended well. One that was at work already
//! had nothing to do with it. Of a chain of retries only the last end counts, and none while
//! another retry is under way: a run whose retry went well is for the weekly report, not for a
//! mail.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::alerts::facts::{End, Facts, HISTORY_DAYS, JobFacts};
use crate::alerts::finding::{Finding, Severity, Subject};
use crate::alerts::rule::job_is_gone;
use crate::alerts::words::{counted, number, time};
use crate::model::{RunState, utc_day};

/// How many runs are named as evidence.
const EVIDENCE_MAX: usize = 5;

/// How such a rule speaks.
pub(super) struct Words {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// What happened to the runs: `failed`.
    pub(super) happened: &'static str,
    pub(super) advice: &'static str,
}

/// A finding for each job with runs that ended this way and that nothing made good.
pub(super) fn findings(
    facts: &Facts,
    words: &Words,
    is_one: impl Fn(&RunState) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, job) in &facts.jobs {
        let ends = unrepaired(job);
        let ends: Vec<_> = ends.into_iter().filter(|end| is_one(end.state)).collect();
        let (Some(first), Some(last)) = (ends.first(), ends.last()) else { continue };
        let more = Gaps::of(facts, job, first).more;
        let counted = counted(number(ends.len()), "run");
        let runs = if more { format!("At least {counted}") } else { counted };
        let subject = shown_by(Subject::job(key, &job.team), last);
        let message = format!("{runs} of {} {}{}", key.job, words.happened, why(last));
        let finding = Finding {
            observed: runs,
            ..Finding::new(words.code, words.severity, subject, message)
        };
        let evidence = ends.iter().rev().take(EVIDENCE_MAX).map(shown).collect();
        findings.push(finding.shown(evidence).advise(words.advice));
    }
    findings
}

/// Why a job's alert of this kind is not over although the rule does not find it: such an end was
/// tried again, and that is under way or came to another bad end; or nothing that is known of the
/// job made it good.
pub(super) fn undecided(
    facts: &Facts,
    subject: &Subject,
    is_one: impl Fn(&RunState) -> bool,
) -> Option<String> {
    let Some(job) = facts.job(subject) else { return job_is_gone(facts, subject) };
    let last_good = last_good(job);
    let stands = |end: &End<'_>| is_bad_since(end, last_good) && is_one(end.state);
    match job.ends().rfind(stands) {
        Some(bad) => Some(format!("it has not ended well since it was {}", bad.state)),
        None if last_good.is_none() => Some("no good end of the job is known".to_owned()),
        None => None,
    }
}

/// When the last of a job's good runs began: what makes good the bad ends before it.
pub(super) fn last_good(job: &JobFacts) -> Option<Timestamp> {
    job.ends().filter(End::is_good).map(|end| end.began()).max()
}

fn is_bad_since(end: &End<'_>, last_good: Option<Timestamp>) -> bool {
    !end.is_good() && last_good.is_none_or(|good| good < end.ended)
}

/// What is not known of a row of bad ends.
#[derive(Clone, Copy)]
pub(super) struct Gaps {
    /// Whether there may be more of them.
    pub(super) more: bool,
    /// Whether there may be one before the first.
    pub(super) earlier: bool,
}

impl Gaps {
    /// What is not known of the bad ends that nothing made good, by the first that is known.
    pub(super) fn of(facts: &Facts, job: &JobFacts, first: &End<'_>) -> Self {
        let (last_good, first_day) = (last_good(job), utc_day(first.ended));
        // Nothing ends it where what is known begins; a week, because not every job runs daily.
        let old = facts.now.duration_since(first.ended).as_hours() / 24 >= HISTORY_DAYS - 7;
        let began_before = last_good.is_none() && old;
        let gaps = job.gaps(facts.now).filter(|(_, until)| last_good.is_none_or(|g| g < *until));
        let gaps: Vec<_> = gaps.collect();
        Self {
            more: began_before || !gaps.is_empty(),
            earlier: began_before || gaps.iter().any(|(day, _)| *day <= first_day),
        }
    }

    /// The word before a number that may be too small.
    pub(super) const fn bound(self) -> &'static str {
        if self.more { "at least " } else { "" }
    }
}

/// The bad ends of a job that nothing made good, the oldest first.
pub(super) fn unrepaired(job: &JobFacts) -> Vec<End<'_>> {
    let last_good = last_good(job);
    let before = job.days.iter().flat_map(|day| &day.retries);
    let mut retried: BTreeMap<&str, u32> = BTreeMap::new();
    for retry in before.chain(job.recent().filter_map(|run| run.retry_of.as_ref())) {
        let below = retried.entry(&retry.run_id).or_default();
        *below = retry.below.max(*below);
    }
    // A roll-up keeps no id of a run that was tried again on its own day.
    let is_last = |end: &End<'_>| {
        end.run.is_some_and(|run| retried.get(run).is_none_or(|below| end.attempt >= *below))
    };
    job.ends().filter(|end| is_bad_since(end, last_good) && is_last(end)).collect()
}

/// A subject with the run that shows it, so that it can be opened in the console.
pub(super) fn shown_by(subject: Subject, end: &End<'_>) -> Subject {
    Subject {
        run_id: end.run.unwrap_or_default().to_owned(),
        application_id: end.application.unwrap_or_default().to_owned(),
        ..subject
    }
}

/// Why a run ended as it did, to be put behind a sentence; empty where it does not say.
pub(super) fn why(end: &End<'_>) -> String {
    let error = end.error.filter(|error| !error.is_empty());
    error.map(|error| format!(": {error}")).unwrap_or_default()
}

/// A run and how it ended, as evidence.
pub(super) fn shown(end: &End<'_>) -> String {
    format!("{} {} at {}", end.run.unwrap_or("a run"), end.state, time(end.ended))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::facts::JobDay;
    use crate::alerts::rules::testing::{Run, at, facts, job, key, messages};
    use crate::model::{JobKind, RunSample, RunState, Usd};

    fn unrepaired_ids(runs: &[Run]) -> Vec<String> {
        let facts = facts(&[("load", runs)]);
        let ends = unrepaired(job(&facts, "load"));
        ends.iter().map(|end| end.run.unwrap().to_owned()).collect()
    }

    #[test]
    fn a_later_good_run_makes_good_and_one_under_way_does_not() {
        let failed = Run::ended("a", "FAILED", "11-14 08:00", "11-14 09:00");
        let later = Run::ended("b", "SUCCEEDED", "11-14 09:30", "11-14 10:00");
        assert!(unrepaired_ids(&[failed.clone(), later]).is_empty());
        let beside = Run::ended("b", "SUCCEEDED", "11-14 08:30", "11-14 10:00");
        assert_eq!(unrepaired_ids(&[failed, beside]), ["a"]);
    }

    #[test]
    fn of_a_chain_only_the_last_end_counts() {
        let first = Run::ended("a", "FAILED", "11-14 08:00", "11-14 09:00");
        let retry = Run::ended("b", "FAILED", "11-14 09:10", "11-14 10:00").retry_of("a");
        assert_eq!(unrepaired_ids(&[first.clone(), retry]), ["b"]);
        let under_way = Run::open("b", "11-14 09:10").retry_of("a");
        assert!(unrepaired_ids(&[first.clone(), under_way]).is_empty());
        // A rerun that nobody chained is another try, and not over.
        assert_eq!(unrepaired_ids(&[first, Run::open("b", "11-14 09:10")]), ["a"]);
    }

    /// After a day the chain is known by its roll-ups alone.
    #[test]
    fn of_an_old_chain_only_the_last_end_counts_too() {
        let mut facts = facts(&[("load", &[])]);
        let sample = |run_id: Option<&str>, minute: i64| RunSample {
            ended: at("11-12 05:00") + jiff::SignedDuration::from_mins(minute),
            started: None,
            run_id: run_id.map(str::to_owned),
            attempt: 1,
            application_id: None,
            error: None,
            state: RunState::Failed,
            kind: JobKind::Spark,
            runtime_seconds: 60,
            cost: None,
        };
        let ends = vec![sample(None, 0), sample(None, 10), sample(Some("c"), 20)];
        let (day, cost, retries) = (jiff::civil::date(2026, 11, 12), Usd::ZERO, Vec::new());
        let job = facts.jobs.get_mut(&key("load")).unwrap();
        job.days.push(JobDay { day, runs: 3, cost, ends, retries });
        assert_eq!(unrepaired(&facts.jobs[&key("load")]).len(), 1);
        let found = messages("failure-streak", "", &facts);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn attempts_of_one_run_are_one_chain() {
        let attempt = |n, from, to| Run::ended("a", "FAILED", from, to).attempt(n);
        let runs = [
            attempt(1, "11-14 08:00", "11-14 08:10"),
            attempt(2, "11-14 08:11", "11-14 08:20"),
            attempt(3, "11-14 08:21", "11-14 08:30"),
        ];
        assert_eq!(unrepaired_ids(&runs).len(), 1);
        let last = unrepaired_ids(&[runs[0].clone(), Run::open("a", "11-14 08:11").attempt(2)]);
        assert!(last.is_empty());
    }
}
