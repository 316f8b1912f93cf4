//! From what was known of an alert, and what a rule found now, to what is known next and whether
//! anybody is to be told. Pure: the state is a value, the time an argument.
//!
//! An alert is told when it opens, when it becomes worse, after one, three and then every seven
//! days while it lasts, and when it is over. Not being able to look is not the same as finding
//! nothing: such an alert stays, and says so. Whatever is not told has its reason. A quiet
//! evaluation leaves the state as it is, so nothing needs to be written.
//!
//! An alert that is a part of another one's story is not told while that one is, and its end is the
//! other's: who was told of it first reads the other as its worsening.

mod state;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

pub use state::{AlertState, Notice, Quiet, Stage, Told, Weight};

use super::finding::{Finding, Severity};

/// After how long an alert that lasts is told again where the settings say nothing else, counted
/// from the time before; the last of them again and again.
pub const REMINDERS: [SignedDuration; 3] = [
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(72),
    SignedDuration::from_hours(168),
];

/// An alert that comes back so soon after it was over is the same one, flapping.
const FLAPPING: SignedDuration = SignedDuration::from_hours(24);

/// For how long an alert that has come back must be gone before it is said to be over again.
const CALM: SignedDuration = SignedDuration::from_hours(6);

/// An alert of which nothing could be seen for so long is stale: it is told once more, and no
/// longer reminded of.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// After so long it is forgotten.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(35 * 24);

/// How much further beyond its limit an alert must be than when it was last told, in thousandths
/// of that, to be worse.
const WORSE: u64 = 1_500;

/// What a rule sees of an alert now.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// It is there; and why it is not to be told, where it is silenced.
    Found(&'a Finding, Option<&'a Quiet>),
    /// The rule looked and did not find it.
    Clear,
    /// Nothing has happened that would tell: a retry is under way, the job has not run again.
    Waiting(&'a str),
    /// The rule could not look.
    Blind(&'a str),
}

/// How alerts are told.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// What "now" is.
    pub now: Timestamp,
    /// Whether everything new is taken as known: the first day of an installation.
    pub baseline: bool,
    /// After how long an alert that lasts is told again, as [`REMINDERS`]. None: never.
    pub reminders: &'a [SignedDuration],
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is known from now on; `None` where there is nothing to know.
    pub state: Option<AlertState>,
    /// As what the alert is to be told, or why it is not.
    pub outcome: Result<Notice, Quiet>,
}

impl Step {
    /// The same as news of something that its readers know a part of.
    #[must_use]
    pub fn as_worsening(mut self) -> Self {
        if let (Ok(Notice::Open), Some(state)) = (&self.outcome, &mut self.state) {
            state.told = state.told.map(|told| Told { notice: Notice::Worsened, ..told });
            self.outcome = Ok(Notice::Worsened);
        }
        self
    }

    const fn quiet(state: Option<AlertState>, why: Quiet) -> Self {
        Self { state, outcome: Err(why) }
    }
}

/// What follows from the state before, if there was one, and what is seen now.
#[must_use]
pub fn step(before: Option<&AlertState>, seen: Seen<'_>, pace: &Pace<'_>) -> Step {
    let Some(state) = before else {
        return match seen {
            Seen::Found(finding, silence) => opened(finding, silence, pace),
            Seen::Clear | Seen::Waiting(_) | Seen::Blind(_) => Step::quiet(None, Quiet::Over),
        };
    };
    match seen {
        Seen::Found(finding, silence) => {
            // What nobody was told of does not flap: that it was known on the first day says
            // nothing once it was over.
            let is_new = state.stage == Stage::Resolved
                && !state.owes_an_end()
                && (state.told.is_none() || pace.now.duration_since(state.since) >= FLAPPING);
            if is_new {
                return opened(finding, silence, &Pace { baseline: false, ..*pace });
            }
            lasting(state, finding, silence, pace)
        }
        Seen::Clear => over(state, pace.now),
        Seen::Waiting(_) | Seen::Blind(_) if state.stage == Stage::Resolved => {
            over(state, pace.now)
        }
        Seen::Waiting(why) => unseen(state, pace.now, Quiet::Waiting { why: why.to_owned() }),
        Seen::Blind(why) => blind(state, why, pace.now),
    }
}

fn opened(finding: &Finding, silence: Option<&Quiet>, pace: &Pace<'_>) -> Step {
    let state = AlertState {
        stage: Stage::Open,
        since: pace.now,
        opened_at: pace.now,
        blind_since: None,
        told: None,
        came_back: 0,
        baseline: pace.baseline.then(|| Weight::of(finding)),
        part_of: part_of(silence),
    };
    match silence {
        Some(reason) => Step::quiet(Some(state), reason.clone()),
        None if pace.baseline => Step::quiet(Some(state), Quiet::Baseline),
        None => told(state, finding, Notice::Open, pace.now),
    }
}

/// An alert that is there now and was known before, whether or not it was over in between.
fn lasting(
    before: &AlertState,
    finding: &Finding,
    silence: Option<&Quiet>,
    pace: &Pace<'_>,
) -> Step {
    let now = pace.now;
    let came_back = before.stage == Stage::Resolved;
    let state = AlertState {
        stage: Stage::Open,
        since: if before.stage == Stage::Open { before.since } else { now },
        blind_since: None,
        came_back: before.came_back.saturating_add(u32::from(came_back)),
        part_of: part_of(silence),
        ..before.clone()
    };
    if let Some(reason) = silence {
        return Step::quiet(Some(state), reason.clone());
    }
    let Some(last) = state.told else {
        return match state.baseline {
            Some(known) if worse(finding, known) => told(state, finding, Notice::Worsened, now),
            Some(_) => Step::quiet(Some(state), Quiet::Baseline),
            // It was silenced so far.
            None => told(state, finding, Notice::Open, now),
        };
    };
    match last.notice {
        // Nobody may go on believing that it is over, or that nobody knows.
        Notice::Resolved => return told(state, finding, Notice::Open, now),
        Notice::Stale => return told(state, finding, Notice::Remind, now),
        Notice::Open | Notice::Worsened | Notice::Remind => {}
    }
    if worse(finding, last.weight) {
        return told(state, finding, Notice::Worsened, now);
    }
    let again_at = reminder(&last, finding.severity, pace.reminders);
    if again_at.is_some_and(|again_at| now >= again_at) {
        return told(state, finding, Notice::Remind, now);
    }
    let quiet = match came_back {
        true => Quiet::Flapping { at: last.at },
        false => Quiet::Told { at: last.at, again_at },
    };
    Step::quiet(Some(state), quiet)
}

fn over(state: &AlertState, now: Timestamp) -> Step {
    let after = match state.stage {
        Stage::Resolved => state.clone(),
        Stage::Open | Stage::NoData | Stage::Stale => {
            AlertState { stage: Stage::Resolved, since: now, blind_since: None, ..state.clone() }
        }
    };
    let gone_for = now.duration_since(after.since);
    match after.told {
        Some(last) if after.owes_an_end() => {
            // What comes and goes is not said to be over each time that it is gone.
            if after.came_back > 0 && gone_for < CALM {
                return Step::quiet(Some(after), Quiet::Flapping { at: last.at });
            }
            let last = Told { notice: Notice::Resolved, at: now, ..last };
            let after = AlertState { told: Some(last), ..after };
            Step { state: Some(after), outcome: Ok(Notice::Resolved) }
        }
        // Kept for as long as it may come back, then forgotten.
        told => {
            let quiet = match (&after.part_of, told) {
                (Some(code), _) => Quiet::PartOf { code: code.clone() },
                (None, None) => Quiet::NeverTold,
                (None, Some(_)) => Quiet::Over,
            };
            // Of a part the end was told with the whole: should it come back, it is new.
            let told = told.map(|last| Told { notice: Notice::Resolved, ..last });
            let kept = (gone_for < FLAPPING).then_some(AlertState { told, ..after });
            Step::quiet(kept, quiet)
        }
    }
}

/// An alert of which nothing is seen. What nobody could see for weeks is nobody's concern.
fn unseen(state: &AlertState, now: Timestamp, why: Quiet) -> Step {
    let since = state.blind_since.unwrap_or(now);
    if now.duration_since(since) >= FORGOTTEN_AFTER {
        return Step::quiet(None, Quiet::Forgotten);
    }
    Step::quiet(Some(AlertState { blind_since: Some(since), ..state.clone() }), why)
}

fn blind(state: &AlertState, why: &str, now: Timestamp) -> Step {
    let seen = unseen(state, now, Quiet::NoData { why: why.to_owned() });
    let Some(after) = &seen.state else { return seen };
    let blind_for = now.duration_since(after.blind_since.unwrap_or(now));
    let stage = match state.stage {
        Stage::Open | Stage::NoData if blind_for >= STALE_AFTER => Stage::Stale,
        Stage::Open => Stage::NoData,
        Stage::NoData | Stage::Stale | Stage::Resolved => return seen,
    };
    let after = AlertState { stage, since: now, ..after.clone() };
    match after.told {
        Some(last) if stage == Stage::Stale && after.owes_an_end() => {
            let last = Told { notice: Notice::Stale, at: now, ..last };
            let after = AlertState { told: Some(last), ..after };
            Step { state: Some(after), outcome: Ok(Notice::Stale) }
        }
        _ => Step { state: Some(after), ..seen },
    }
}

fn part_of(silence: Option<&Quiet>) -> Option<String> {
    match silence {
        Some(Quiet::PartOf { code }) => Some(code.clone()),
        _ => None,
    }
}

fn told(state: AlertState, finding: &Finding, notice: Notice, now: Timestamp) -> Step {
    let times = match (notice, state.told) {
        (Notice::Open, _) | (_, None) => 1,
        (_, Some(last)) => last.times.saturating_add(1),
    };
    let told = Told { notice, at: now, times, weight: Weight::of(finding) };
    Step { state: Some(AlertState { told: Some(told), ..state }), outcome: Ok(notice) }
}

/// Whether a finding is more severe than it was, or much further beyond its limit.
fn worse(finding: &Finding, than: Weight) -> bool {
    let worse_from = than.magnitude.saturating_mul(WORSE) / 1_000;
    finding.severity > than.severity
        || (worse_from > than.magnitude && finding.magnitude >= worse_from)
}

/// When an alert that lasts is told again. What is only good to know is told once.
fn reminder(last: &Told, severity: Severity, reminders: &[SignedDuration]) -> Option<Timestamp> {
    if severity == Severity::Info {
        return None;
    }
    let place = usize::try_from(last.times.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = reminders.get(place).or(reminders.last())?;
    last.at.checked_add(*wait).ok()
}
