//! The states of a run, in AWS's own words.
//!
//! Glue's and EMR Serverless's words are kept as they are (`SUCCEEDED` and `SUCCESS` stay two), and
//! a word met for the first time is kept too: it counts as not terminal, so it is asked for again.

use std::fmt;

use super::JobKind;

/// A run's state as AWS names it: Glue `JobRunState`, EMR Serverless `JobRunState`, and the states
/// of both engines' interactive sessions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// Resources are being prepared.
    Starting,
    /// A Glue session: resources are being prepared.
    Provisioning,
    /// A Glue session: waits for statements, or is at work on one. It is paid for either way.
    Ready,
    /// An EMR Serverless session: has its resources.
    Started,
    /// An EMR Serverless session: waits for work.
    Idle,
    /// An EMR Serverless session: at work.
    Busy,
    /// An EMR Serverless session: being ended.
    Terminating,
    /// At work.
    Running,
    /// Glue: being stopped.
    Stopping,
    /// Glue: waiting for resources (queued, or Flex capacity).
    Waiting,
    /// EMR Serverless: accepted.
    Submitted,
    /// EMR Serverless: waiting to be scheduled.
    Pending,
    /// EMR Serverless: about to start.
    Scheduled,
    /// EMR Serverless: held in the application's queue.
    Queued,
    /// EMR Serverless: being cancelled.
    Cancelling,
    /// Glue: ended well.
    Succeeded,
    /// EMR Serverless: ended well.
    Success,
    /// Ended with an error.
    Failed,
    /// Glue: ran into its configured timeout; a session was idle for as long as it may be
    /// (`JobRun::is_wasted_end`).
    Timeout,
    /// Glue: a trigger or workflow tried to run a deleted job.
    Error,
    /// Glue: ended at its maintenance window (streaming), or never started in time.
    Expired,
    /// Glue: ended by a person or a program that asked for it.
    Stopped,
    /// EMR Serverless: ended by a person or a program that asked for it.
    Cancelled,
    /// An EMR Serverless session that its user, or its idle timeout, has ended.
    Terminated,
    /// A word that this version does not know.
    Other(Box<str>),
}

/// Every known state with AWS's word for it: the one list that reading and writing share.
const WORDS: [(RunState, &str); 24] = [
    (RunState::Starting, "STARTING"),
    (RunState::Provisioning, "PROVISIONING"),
    (RunState::Ready, "READY"),
    (RunState::Started, "STARTED"),
    (RunState::Idle, "IDLE"),
    (RunState::Busy, "BUSY"),
    (RunState::Terminating, "TERMINATING"),
    (RunState::Running, "RUNNING"),
    (RunState::Stopping, "STOPPING"),
    (RunState::Waiting, "WAITING"),
    (RunState::Submitted, "SUBMITTED"),
    (RunState::Pending, "PENDING"),
    (RunState::Scheduled, "SCHEDULED"),
    (RunState::Queued, "QUEUED"),
    (RunState::Cancelling, "CANCELLING"),
    (RunState::Succeeded, "SUCCEEDED"),
    (RunState::Success, "SUCCESS"),
    (RunState::Failed, "FAILED"),
    (RunState::Timeout, "TIMEOUT"),
    (RunState::Error, "ERROR"),
    (RunState::Expired, "EXPIRED"),
    (RunState::Stopped, "STOPPED"),
    (RunState::Cancelled, "CANCELLED"),
    (RunState::Terminated, "TERMINATED"),
];

impl RunState {
    /// AWS's word for the state.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(word) => word,
            known => WORDS.iter().find(|(state, _)| state == known).map_or("", |(_, word)| word),
        }
    }

    /// Whether the run has ended. An unknown state has not: it is asked for again.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.is_good_end() || self.is_bad_end() || self.is_stopped()
    }

    /// Whether the run is in line for capacity that it does not hold yet.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        matches!(
            self,
            Self::Waiting | Self::Submitted | Self::Pending | Self::Scheduled | Self::Queued
        )
    }

    /// Whether the run did what it was started for.
    #[must_use]
    pub const fn is_good_end(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Success)
    }

    /// Whether a run of this kind did what it was started for. A stream's weekly restart
    /// (`EXPIRED`) is no bad end, and neither is how sessions end that nobody uses any more.
    #[must_use]
    pub fn is_good_end_of(&self, kind: &JobKind) -> bool {
        let unused = self.is_stopped() || *self == Self::Timeout;
        match kind {
            JobKind::Streaming if *self == Self::Expired => true,
            JobKind::Session if unused => true,
            _ => self.is_good_end(),
        }
    }

    /// Whether the run's cost counts as failed cost: `FAILED`, `TIMEOUT`, `ERROR`, `EXPIRED`.
    /// (`EXPIRED` of a streaming job is its weekly restart and no waste: `JobRun::is_wasted_end`.)
    #[must_use]
    pub const fn is_bad_end(&self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Error | Self::Expired)
    }

    /// Whether a person or a scale-down chose this end: `STOPPED`, `CANCELLED`, `TERMINATED`. It is
    /// how every session ends that nothing went wrong with.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped | Self::Cancelled | Self::Terminated)
    }
}

impl From<&str> for RunState {
    fn from(word: &str) -> Self {
        WORDS
            .iter()
            .find(|(_, known)| *known == word)
            .map_or_else(|| Self::Other(word.into()), |(state, _)| state.clone())
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for RunState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for RunState {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Ok(Self::from(word.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for (state, word) in &WORDS {
            assert_eq!(&RunState::from(*word), state);
            assert_eq!(state.as_str(), *word);
        }
    }

    /// The words of both engines' session states, from their API models.
    #[test]
    fn sessions_end_as_they_should() {
        let state = |word: &str| RunState::from(word);
        for word in ["PROVISIONING", "READY", "STOPPING", "SUBMITTED", "STARTING", "STARTED"]
            .into_iter()
            .chain(["IDLE", "BUSY", "TERMINATING"])
        {
            assert!(!state(word).is_terminal(), "{word}");
            assert!(!matches!(state(word), RunState::Other(_)), "{word}");
        }
        assert!(state("STOPPED").is_stopped() && state("TERMINATED").is_stopped());
        assert!(state("FAILED").is_bad_end() && state("TIMEOUT").is_bad_end());
    }

    #[test]
    fn an_unknown_word_is_kept_and_has_not_ended() {
        let state = RunState::from("HIBERNATING");
        assert_eq!(state.as_str(), "HIBERNATING");
        assert!(!state.is_terminal());
    }
}
