//! Who told of a run, and when: where its facts come from. A run keeps each teller with the first
//! time it told; how old a single fact is stands with the run (`merge`).

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::JobRun;
use super::job_run::serde_as_word;

/// A way by which facts of a run came in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Teller {
    /// Glue's API, asked by `collect`.
    GlueApi,
    /// EMR Serverless's API, asked by `collect`.
    EmrServerlessApi,
    /// An `EventBridge` event.
    Event,
    /// A file, by `import`.
    File,
    /// The simulated company.
    Demo,
    /// A way that this version does not know.
    Other(Box<str>),
}

impl Teller {
    /// The teller's word in the store and in `explain`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::GlueApi => "glue-api",
            Self::EmrServerlessApi => "emr-serverless-api",
            Self::Event => "event",
            Self::File => "file",
            Self::Demo => "demo",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for Teller {
    fn from(word: &str) -> Self {
        match word {
            "glue-api" => Self::GlueApi,
            "emr-serverless-api" => Self::EmrServerlessApi,
            "event" => Self::Event,
            "file" => Self::File,
            "demo" => Self::Demo,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_word!(Teller);

impl JobRun {
    /// Notes that a teller told of the run. The first time is kept, so that a fact that is told
    /// again, or a file that is imported twice, changes nothing.
    pub fn told(&mut self, teller: Teller, at: Timestamp) {
        let first = self.told_by.entry(teller).or_insert(at);
        *first = at.min(*first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_an_unknown_one_is_kept() {
        for word in ["glue-api", "emr-serverless-api", "event", "file", "demo", "carrier-pigeon"] {
            assert_eq!(Teller::from(word).as_str(), word);
        }
        assert_eq!(Teller::from("demo"), Teller::Demo);
        assert_eq!(Teller::from("carrier-pigeon"), Teller::Other("carrier-pigeon".into()));
    }
}
