//! From what was known of an alert, and what a rule found now, to what is known next and whether
//! anybody is to be told. Pure: the state is a value, the time an argument.
//!
//! An alert is told when it opens, when it becomes worse, after one, three and then every seven
//! days while it lasts, and when it is over. Not being able to look is not the same as finding
//! nothing: such an alert stays, and says so. Whatever is not told has its reason.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::finding::{Finding, Severity};

/// After how long an alert that lasts is told again, counted from the time before; the last of
/// them again and again.
const REMINDERS: [SignedDuration; 3] = [
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(72),
    SignedDuration::from_hours(168),
];

/// An alert that comes back so soon after it was over is the same one, flapping.
const FLAPPING: SignedDuration = SignedDuration::from_hours(24);

/// An alert of which nothing could be seen for so long is stale: it is told once more, and no
/// longer reminded of.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How much further beyond its limit an alert must be than when it was last told, in thousandths
/// of that, to be worse.
const WORSE: u64 = 1_500;

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// The rule finds it.
    Open,
    /// The rule cannot tell whether it is still there.
    NoData,
    /// It could not tell for so long that nobody should rely on it.
    Stale,
    /// The rule looked, and it is over.
    Resolved,
}

/// What an alert is told as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Notice {
    /// It is new.
    Open,
    /// It is further beyond its limit, or more severe, than it was told.
    Worsened,
    /// It lasts.
    Remind,
    /// Nobody can tell any more.
    Stale,
    /// It is over.
    Resolved,
}

/// Why an alert is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Quiet {
    /// It was told, and the next reminder is not due.
    Told {
        /// When it was told last.
        at: Timestamp,
        /// When it is told again if it lasts.
        again_at: Timestamp,
    },
    /// It was over only shortly before.
    Flapping {
        /// When it was told last.
        at: Timestamp,
    },
    /// It was there when Runledger was installed.
    Baseline,
    /// The job carries the tag that silences it.
    Tag {
        /// The tag as it is written, `remediate=false`.
        tag: String,
    },
    /// The configuration mutes it.
    Muted {
        /// Until when.
        until: Option<Timestamp>,
        /// Why, in the words of the configuration.
        why: String,
    },
    /// The rule could not look.
    NoData {
        /// Why not.
        why: String,
    },
    /// It was never told, so its end is nobody's news.
    NeverTold,
    /// It is over, and that was told.
    Over,
}

/// What is known of an alert from one evaluation to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    /// Where it stands.
    pub stage: Stage,
    /// Since when it stands there.
    pub since: Timestamp,
    /// When it began, flapping included.
    pub opened_at: Timestamp,
    /// When its rule could last look.
    pub looked_at: Timestamp,
    /// What was told last of it, if anything was.
    pub told: Option<Told>,
    /// How often it came back within a day.
    pub came_back: u32,
    /// Whether it was there when Runledger was installed, and was not told for that.
    pub baseline: bool,
}

/// What was told last of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// As what.
    pub notice: Notice,
    /// When.
    pub at: Timestamp,
    /// How often it was told since it opened, its opening included.
    pub times: u32,
    /// How severe it was.
    pub severity: StoredSeverity,
    /// How far it was beyond its limit.
    pub magnitude: u64,
}

/// A severity as it is stored: a number, so that comparing needs no words.
pub type StoredSeverity = u8;

/// What a rule sees of an alert now.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// It is there; and why it is not to be told, where it is silenced.
    Found(&'a Finding, Option<&'a Quiet>),
    /// The rule looked and did not find it.
    Clear,
    /// The rule could not look.
    Blind(&'a str),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is known from now on; `None` where there is nothing to know.
    pub state: Option<AlertState>,
    /// As what the alert is to be told, or why it is not.
    pub outcome: Result<Notice, Quiet>,
}

/// What follows from the state before, if there was one, and what is seen now.
#[must_use]
pub fn step(before: Option<&AlertState>, seen: Seen<'_>, baseline: bool, now: Timestamp) -> Step {
    match (before, seen) {
        (None, Seen::Found(finding, silence)) => opened(finding, silence, baseline, now),
        (None, Seen::Clear | Seen::Blind(_)) => Step { state: None, outcome: Err(Quiet::Over) },
        (Some(state), Seen::Found(finding, silence)) => {
            let state = AlertState { looked_at: now, ..state.clone() };
            if state.stage == Stage::Resolved && now.duration_since(state.since) >= FLAPPING {
                return opened(finding, silence, false, now);
            }
            lasting(state, finding, silence, now)
        }
        (Some(state), Seen::Clear) => over(state, now),
        (Some(state), Seen::Blind(why)) => blind(state, why, now),
    }
}

fn opened(finding: &Finding, silence: Option<&Quiet>, baseline: bool, now: Timestamp) -> Step {
    let state = AlertState {
        stage: Stage::Open,
        since: now,
        opened_at: now,
        looked_at: now,
        told: None,
        came_back: 0,
        baseline,
    };
    match silence {
        Some(reason) => Step { state: Some(state), outcome: Err(reason.clone()) },
        None if baseline => Step { state: Some(state), outcome: Err(Quiet::Baseline) },
        None => told(state, finding, Notice::Open, now),
    }
}

/// An alert that is there now and was known before, whether or not it was over in between.
fn lasting(state: AlertState, finding: &Finding, silence: Option<&Quiet>, now: Timestamp) -> Step {
    let came_back = state.stage == Stage::Resolved;
    let state = AlertState {
        stage: Stage::Open,
        since: if state.stage == Stage::Open { state.since } else { now },
        came_back: state.came_back + u32::from(came_back),
        ..state
    };
    if let Some(reason) = silence {
        return Step { state: Some(state), outcome: Err(reason.clone()) };
    }
    let Some(last) = state.told else {
        if state.baseline {
            return Step { state: Some(state), outcome: Err(Quiet::Baseline) };
        }
        // It was silenced so far.
        return told(state, finding, Notice::Open, now);
    };
    let worse_from = last.magnitude.saturating_mul(WORSE) / 1_000;
    let worse = severity_number(finding.severity) > last.severity
        || (last.magnitude > 0 && finding.magnitude >= worse_from && worse_from > last.magnitude);
    if worse {
        return told(state, finding, Notice::Worsened, now);
    }
    let again_at = reminder(&last);
    if now >= again_at {
        return told(state, finding, Notice::Remind, now);
    }
    let flapping = state.came_back > 0;
    let quiet = if flapping {
        Quiet::Flapping { at: last.at }
    } else {
        Quiet::Told { at: last.at, again_at }
    };
    Step { state: Some(state), outcome: Err(quiet) }
}

fn over(state: &AlertState, now: Timestamp) -> Step {
    let after = AlertState { looked_at: now, ..state.clone() };
    if state.stage == Stage::Resolved {
        // Kept for as long as it may come back, then forgotten.
        let kept = now.duration_since(state.since) < FLAPPING;
        return Step { state: kept.then_some(after), outcome: Err(Quiet::Over) };
    }
    let after = AlertState { stage: Stage::Resolved, since: now, ..after };
    match state.told {
        // What came back and went again unsaid is not said to be over twice.
        Some(last) if last.notice != Notice::Resolved => {
            let last = Told { notice: Notice::Resolved, ..last };
            Step {
                state: Some(AlertState { told: Some(last), ..after }),
                outcome: Ok(Notice::Resolved),
            }
        }
        Some(_) => Step { state: Some(after), outcome: Err(Quiet::Over) },
        None => Step { state: Some(after), outcome: Err(Quiet::NeverTold) },
    }
}

fn blind(state: &AlertState, why: &str, now: Timestamp) -> Step {
    let quiet = || Err(Quiet::NoData { why: why.to_owned() });
    match state.stage {
        Stage::Resolved | Stage::Stale => Step { state: Some(state.clone()), outcome: quiet() },
        Stage::Open | Stage::NoData if now.duration_since(state.looked_at) >= STALE_AFTER => {
            let after = AlertState { stage: Stage::Stale, since: now, ..state.clone() };
            match state.told {
                Some(last) if last.notice != Notice::Resolved => {
                    let last = Told { notice: Notice::Stale, at: now, ..last };
                    let after = AlertState { told: Some(last), ..after };
                    Step { state: Some(after), outcome: Ok(Notice::Stale) }
                }
                _ => Step { state: Some(after), outcome: quiet() },
            }
        }
        Stage::Open => {
            let after = AlertState { stage: Stage::NoData, since: now, ..state.clone() };
            Step { state: Some(after), outcome: quiet() }
        }
        Stage::NoData => Step { state: Some(state.clone()), outcome: quiet() },
    }
}

fn told(state: AlertState, finding: &Finding, notice: Notice, now: Timestamp) -> Step {
    let times = state.told.map_or(0, |last| last.times) + 1;
    let told = Told {
        notice,
        at: now,
        times,
        severity: severity_number(finding.severity),
        magnitude: finding.magnitude,
    };
    Step { state: Some(AlertState { told: Some(told), ..state }), outcome: Ok(notice) }
}

/// When an alert that lasts is told again.
fn reminder(last: &Told) -> Timestamp {
    let place = usize::try_from(last.times.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = REMINDERS[place.min(REMINDERS.len() - 1)];
    last.at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

const fn severity_number(severity: Severity) -> StoredSeverity {
    severity as StoredSeverity
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;
    use crate::alerts::finding::Subject;

    fn finding(severity: Severity, magnitude: u64) -> Finding {
        Finding {
            code: "job-cost",
            severity,
            subject: Subject { job: "load".into(), ..Subject::default() },
            observed: "$12".into(),
            limit: "$10".into(),
            magnitude,
            message: "load cost $12".into(),
            evidence: Vec::new(),
            advice: "look".into(),
        }
    }

    /// What is told of a course of sightings: `+` found, `-` clear, `?` blind, `!` found far beyond,
    /// one an hour.
    fn course(marks: &str) -> String {
        let mut state: Option<AlertState> = None;
        let start: Timestamp = "2026-11-09T00:00:00Z".parse().unwrap();
        let (usual, far) = (finding(Severity::Warning, 1_200), finding(Severity::Warning, 9_000));
        let tell = |(hour, mark): (usize, char)| {
            let now = start + i64::try_from(hour).unwrap().hours();
            let seen = match mark {
                '+' => Seen::Found(&usual, None),
                '!' => Seen::Found(&far, None),
                '-' => Seen::Clear,
                _ => Seen::Blind("not collected"),
            };
            let next = step(state.as_ref(), seen, false, now);
            state = next.state;
            match next.outcome {
                Ok(Notice::Open) => 'O',
                Ok(Notice::Worsened) => 'W',
                Ok(Notice::Remind) => 'R',
                Ok(Notice::Stale) => 'S',
                Ok(Notice::Resolved) => 'E',
                Err(_) => '.',
            }
        };
        marks.chars().enumerate().map(tell).collect()
    }

    #[test]
    fn told_when_it_opens_worsens_and_ends() {
        assert_eq!(course("--+++-"), "..O..E");
        assert_eq!(course("++!!+-"), "O.W..E");
        assert_eq!(course("+?+-"), "O..E");
    }

    #[test]
    fn flapping_is_told_once_a_day() {
        assert_eq!(course("+-+-+-+-"), "OE......");
        let day = "+-".repeat(13) + "+";
        assert_eq!(course(&day), "OE......................RE.");
    }

    #[test]
    fn reminders_come_after_one_three_and_seven_days() {
        let told = course(&"+".repeat(24 * 20));
        let hours: Vec<_> = told.char_indices().filter(|(_, c)| *c != '.').collect();
        assert_eq!(hours, [(0, 'O'), (24, 'R'), (96, 'R'), (264, 'R'), (432, 'R')]);
    }

    #[test]
    fn blindness_is_no_recovery_and_goes_stale() {
        let told = course(&("+".to_owned() + &"?".repeat(24 * 9) + "+-"));
        let notices: Vec<_> = told.char_indices().filter(|(_, c)| *c != '.').collect();
        assert_eq!(notices, [(0, 'O'), (168, 'S'), (217, 'R'), (218, 'E')]);
    }

    #[test]
    fn what_is_silenced_is_not_told_until_it_no_longer_is() {
        let now: Timestamp = "2026-11-09T00:00:00Z".parse().unwrap();
        let found = finding(Severity::Critical, 0);
        let tag = Quiet::Tag { tag: "remediate=false".into() };
        let first = step(None, Seen::Found(&found, Some(&tag)), false, now);
        assert_eq!(first.outcome, Err(tag));
        let second = step(first.state.as_ref(), Seen::Found(&found, None), false, now);
        assert_eq!(second.outcome, Ok(Notice::Open));
        let known = step(None, Seen::Found(&found, None), true, now);
        assert_eq!(known.outcome, Err(Quiet::Baseline));
        let later = step(known.state.as_ref(), Seen::Found(&found, None), false, now);
        assert_eq!(later.outcome, Err(Quiet::Baseline));
        let over = step(later.state.as_ref(), Seen::Clear, false, now);
        assert_eq!(over.outcome, Err(Quiet::NeverTold));
    }

    proptest! {
        /// Whatever happens: nothing is told to be over that was not told before, nothing twice at
        /// one time, and never more than a handful a day.
        #[test]
        fn few_and_in_order(marks in "[+!?-]{1,200}") {
            let told = course(&marks);
            let mut open = false;
            for notice in told.chars().filter(|c| *c != '.') {
                match notice {
                    'O' => { prop_assert!(!open); open = true; }
                    'E' => { prop_assert!(open); open = false; }
                    'R' | 'W' => open = true,
                    _ => prop_assert!(open),
                }
            }
        }
    }
}
