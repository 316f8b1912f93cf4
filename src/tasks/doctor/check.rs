//! One finding, and all of them: what `doctor` prints and what its exit code is made from.

use jiff::Timestamp;
use serde::Serialize;

use crate::aws::{AwsError, Trouble};
use crate::delivery::masked;

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Files that are read at start.
    Configuration,
    /// The table or file of runs.
    Store,
    /// Whose credentials are in use, and this machine's clock beside AWS's.
    Credentials,
    /// What the accounts let be read.
    Accounts,
    /// The queue of events.
    Events,
    /// How mails leave, and to whom.
    Mail,
    /// What was due and done.
    Schedules,
    /// How far the sources were read.
    Freshness,
    /// What runs are priced with.
    Prices,
    /// What the bill is read with.
    Bill,
}

impl Group {
    /// The word in the output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Store => "store",
            Self::Credentials => "credentials",
            Self::Accounts => "accounts",
            Self::Events => "events",
            Self::Mail => "mail",
            Self::Schedules => "schedules",
            Self::Freshness => "freshness",
            Self::Prices => "prices",
            Self::Bill => "bill",
        }
    }
}

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was looked at and is good.
    Ok,
    /// It works, and somebody should know.
    Warn,
    /// Something will fail, or fails already.
    Wrong,
    /// It could not be looked at, or was not to be.
    NotChecked,
}

impl State {
    /// The words in the output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Wrong => "wrong",
            Self::NotChecked => "not checked",
        }
    }
}

/// Whether AWS was heard when something was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// It was not asked.
    Unasked,
    /// It answered, be it with a refusal.
    Answer,
    /// It was asked and gave nothing that can be used.
    Silence,
}

/// One finding. Mail addresses in it are masked, whoever wrote its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about.
    pub group: Group,
    /// Which thing of that.
    pub name: String,
    /// How it stands with it.
    pub state: State,
    /// What was found, as a sentence without its period.
    pub found: String,
    /// What to do, where there is something to do.
    pub fix: Option<String>,
    #[serde(skip)]
    heard: Heard,
}

impl Check {
    fn new(group: Group, name: &str, state: State, found: &str, fix: Option<&str>) -> Self {
        let fix = fix.filter(|fix| !fix.is_empty()).map(masked);
        let heard = Heard::Unasked;
        Self { group, name: masked(name), state, found: masked(found), fix, heard }
    }

    /// All is good.
    pub(super) fn ok(group: Group, name: &str, found: &str) -> Self {
        Self::new(group, name, State::Ok, found, None)
    }

    /// It works, with something to know.
    pub(super) fn warn(group: Group, name: &str, found: &str, fix: &str) -> Self {
        Self::new(group, name, State::Warn, found, Some(fix))
    }

    /// It does not work.
    pub(super) fn wrong(group: Group, name: &str, found: &str, fix: &str) -> Self {
        Self::new(group, name, State::Wrong, found, Some(fix))
    }

    /// It is not known.
    pub(super) fn not_checked(group: Group, name: &str, found: &str, fix: &str) -> Self {
        Self::new(group, name, State::NotChecked, found, Some(fix))
    }

    /// What a call found out that failed, where the work itself needs the call: `state` says how
    /// bad that is. A missing permission is named.
    pub(super) fn failed(
        group: Group,
        name: &str,
        (state, permission): (State, &str),
        error: &AwsError,
    ) -> Self {
        let allow = format!("allow the role `{permission}`");
        let fix =
            if error.trouble == Trouble::AccessDenied { &allow } else { error.trouble.hint() };
        Self::new(group, name, state, &error.to_string(), Some(fix)).heard_of(error)
    }

    /// The same for a call that nothing but this examination makes: a permission that nobody else
    /// needs is no fault where it is missing.
    pub(super) fn unseen(group: Group, name: &str, permission: &str, error: &AwsError) -> Self {
        let state = match error.trouble {
            Trouble::AccessDenied | Trouble::Throttled | Trouble::Other => State::NotChecked,
            Trouble::NoCredentials
            | Trouble::Unreachable
            | Trouble::NotFound
            | Trouble::Garbled => State::Wrong,
        };
        Self::failed(group, name, (state, permission), error)
    }

    /// The same finding, from an answer of AWS.
    pub(super) const fn answered(mut self) -> Self {
        self.heard = Heard::Answer;
        self
    }

    /// The same finding, from AWS's silence.
    pub(super) const fn unanswered(mut self) -> Self {
        self.heard = Heard::Silence;
        self
    }

    const fn heard_of(self, error: &AwsError) -> Self {
        if error.is_unavailable() { self.unanswered() } else { self.answered() }
    }
}

/// What all findings come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong; there may be warnings.
    Fine,
    /// Something is wrong.
    Wrong,
    /// AWS is needed, and could not be reached at all.
    Unreachable,
}

/// Everything that was found. Serialised, it is `doctor --format json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// When it was looked at.
    pub checked_at: Timestamp,
    /// The findings, group by group.
    pub checks: Vec<Check>,
}

impl Examination {
    /// How many findings are in a state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }

    /// What they come to. AWS counts as unreachable where something that needs it met silence, and
    /// nothing met an answer.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let wrong = || self.checks.iter().filter(|check| check.state == State::Wrong);
        let answered = self.checks.iter().any(|check| check.heard == Heard::Answer);
        match wrong().next() {
            None => Verdict::Fine,
            _ if !answered && wrong().any(|check| check.heard == Heard::Silence) => {
                Verdict::Unreachable
            }
            _ => Verdict::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(trouble: Trouble) -> AwsError {
        AwsError { action: "glue GetJobs".into(), trouble, message: "by ada@example.org".into() }
    }

    fn verdict(checks: Vec<Check>) -> Verdict {
        Examination { checked_at: Timestamp::UNIX_EPOCH, checks }.verdict()
    }

    fn failed(state: State, trouble: Trouble) -> Check {
        Check::failed(Group::Accounts, "x", (state, "glue:GetJobs"), &error(trouble))
    }

    #[test]
    fn unreachable_is_silence_alone() {
        let silence = || failed(State::Wrong, Trouble::Unreachable);
        let denied = failed(State::Wrong, Trouble::AccessDenied);
        let local = Check::wrong(Group::Mail, "outbox", "no", "do");
        assert_eq!(verdict(vec![silence(), local.clone()]), Verdict::Unreachable);
        assert_eq!(verdict(vec![silence(), denied]), Verdict::Wrong);
        assert_eq!(
            verdict(vec![silence(), Check::ok(Group::Mail, "x", "y").answered()]),
            Verdict::Wrong
        );
        assert_eq!(verdict(vec![local]), Verdict::Wrong);
        // Where nothing needs AWS its silence fails nothing.
        assert_eq!(verdict(vec![failed(State::Warn, Trouble::Unreachable)]), Verdict::Fine);
        assert_eq!(verdict(vec![Check::warn(Group::Mail, "x", "y", "z")]), Verdict::Fine);
    }

    #[test]
    fn a_missing_permission_is_named_and_addresses_are_masked() {
        let check = failed(State::Wrong, Trouble::AccessDenied);
        assert_eq!(check.fix.as_deref(), Some("allow the role `glue:GetJobs`"));
        assert_eq!(check.found, "glue GetJobs: by a***@e***.org");
        let unseen = |trouble| Check::unseen(Group::Mail, "x", "ses:GetAccount", &error(trouble));
        assert_eq!(unseen(Trouble::AccessDenied).state, State::NotChecked);
        assert_eq!(unseen(Trouble::Unreachable).state, State::Wrong);
    }
}
