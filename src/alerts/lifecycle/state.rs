//! What is known of an alert from one evaluation to the next, and the words for what is told of it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alerts::finding::{Finding, Severity};
use crate::alerts::words;

/// For how long an alert of which nothing is seen still speaks for its parts: a retry is under way,
/// or its rule is broken.
const UNSEEN_SPEAKS: SignedDuration = SignedDuration::from_hours(24);

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

impl Stage {
    /// The word in JSON and stored states.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::NoData => "NO_DATA",
            Self::Stale => "STALE",
            Self::Resolved => "RESOLVED",
        }
    }
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

impl Notice {
    /// The word in JSON and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Worsened => "WORSENED",
            Self::Remind => "REMIND",
            Self::Stale => "STALE",
            Self::Resolved => "RESOLVED",
        }
    }
}

/// Why an alert is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Quiet {
    /// It was told, and the next reminder is not due.
    Told {
        /// When it was told last.
        at: Timestamp,
        /// When it is told again if it lasts; `None` where it is not.
        again_at: Option<Timestamp>,
    },
    /// It comes and goes.
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
        /// The first day on which it is heard again.
        until: Option<jiff::civil::Date>,
        /// Why, in the words of the configuration.
        why: String,
    },
    /// Nobody is configured to get it.
    NoRecipient,
    /// Another alert of the same subject tells it.
    PartOf {
        /// The rule of that one.
        code: String,
    },
    /// Nothing has happened that would tell whether it is still there.
    Waiting {
        /// What it waits for.
        why: String,
    },
    /// The rule could not look.
    NoData {
        /// Why not.
        why: String,
    },
    /// The rule is switched off.
    RuleOff,
    /// Nothing was seen of it for so long that it is no longer kept.
    Forgotten,
    /// It was never told, so its end is nobody's news.
    NeverTold,
    /// It is over, and that was told.
    Over,
}

/// The reason in a sentence, as `--explain` and JSON give it.
impl std::fmt::Display for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Told { at, again_at: Some(again) } => {
                let (at, again) = (words::time(*at), words::time(*again));
                write!(f, "told at {at}, again at {again} if it lasts")
            }
            Self::Told { at, again_at: None } => write!(f, "told at {}", words::time(*at)),
            Self::Flapping { at } => {
                write!(f, "comes and goes, told at {}", words::time(*at))
            }
            Self::Baseline => f.write_str("known from the first day (baseline)"),
            Self::Tag { tag } => write!(f, "the job's tag {tag} silences it"),
            Self::Muted { until: Some(until), why } => write!(f, "muted until {until}: {why}"),
            Self::Muted { until: None, why } => write!(f, "muted: {why}"),
            Self::NoRecipient => f.write_str("no recipient is configured for it"),
            Self::PartOf { code } => write!(f, "part of {code}"),
            Self::Waiting { why } => write!(f, "nothing new to judge by: {why}"),
            Self::NoData { why } => write!(f, "it cannot be seen: {why}"),
            Self::RuleOff => f.write_str("its rule is switched off"),
            Self::Forgotten => f.write_str("nothing was seen of it for five weeks"),
            Self::NeverTold => f.write_str("it is over, and was never told"),
            Self::Over => f.write_str("it is over, and that was told"),
        }
    }
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
    /// Since when nothing is seen of it; `None` where it is.
    pub blind_since: Option<Timestamp>,
    /// What was told last of it, if anything was.
    pub told: Option<Told>,
    /// How often it came back within a day.
    pub came_back: u32,
    /// How bad it was when Runledger was installed, if it was there and was not told for that.
    pub baseline: Option<Weight>,
    /// The rule whose alert tells it, and will tell its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
}

impl AlertState {
    /// Whether its readers believe that it is there, and nothing else will tell them its end.
    #[must_use]
    pub fn owes_an_end(&self) -> bool {
        self.part_of.is_none() && self.told.is_some_and(|last| last.notice != Notice::Resolved)
    }

    /// Whether it stands for its readers, so that nobody need tell them a part of it: until they
    /// are told its end. What nobody has seen for long is no news of its parts.
    #[must_use]
    pub fn speaks(&self, now: Timestamp) -> bool {
        let unseen = self.blind_since.map(|since| now.duration_since(since));
        self.stage != Stage::Stale
            && self.owes_an_end()
            && unseen.is_none_or(|unseen| unseen < UNSEEN_SPEAKS)
    }
}

impl AlertState {
    /// The same where the end of the alert that told it was told: its readers take it to be over
    /// too, so that it is new to them if it is not.
    #[must_use]
    pub fn ended_with(&self, whole: Option<&Self>) -> Option<Self> {
        let is_over = |last: Told| last.notice == Notice::Resolved;
        let told = self.told.filter(|last| !is_over(*last))?;
        whole.and_then(|whole| whole.told).filter(|last| is_over(*last))?;
        Some(Self { told: Some(Told { notice: Notice::Resolved, ..told }), ..self.clone() })
    }
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
    /// How bad it was.
    pub weight: Weight,
}

/// How bad an alert is: what "worse" is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// How severe.
    pub severity: Severity,
    /// How far beyond its limit, in thousandths of it.
    pub magnitude: u64,
}

impl Weight {
    /// How bad a finding is.
    #[must_use]
    pub const fn of(finding: &Finding) -> Self {
        Self { severity: finding.severity, magnitude: finding.magnitude }
    }
}
