//! What a rate is for, as bits: a run's use fits a rate when their bits meet. Words are compared
//! once, when the card is loaded, and not for each run.

use super::rate::Rate;
use crate::model::{Architecture, ExecutionClass, JobKind};

/// The words that a rate may use. One that is misspelt would never fit anything.
pub(super) mod known {
    /// The engines with their components.
    pub(in crate::pricing) const ENGINES: [(&str, &[&str]); 2] =
        [("glue", &["DPU", "M-DPU"]), ("emr-serverless", &["vCPU", "memory", "storage"])];
    /// The kinds of job.
    pub(in crate::pricing) const KINDS: [&str; 5] =
        ["spark", "streaming", "python-shell", "ray", "session"];
    /// Glue's execution classes.
    pub(in crate::pricing) const CLASSES: [&str; 2] = ["STANDARD", "FLEX"];
    /// EMR Serverless' architectures.
    pub(in crate::pricing) const ARCHITECTURES: [&str; 2] = ["X86_64", "ARM64"];

    /// An engine's name for readers.
    pub(in crate::pricing) fn engine_name(engine: &str) -> &str {
        match engine {
            "glue" => "Glue",
            "emr-serverless" => "EMR Serverless",
            other => other,
        }
    }
}

/// The bit of what no rate names: it meets only rates for all.
const UNNAMED: u8 = 0x80;
const ALL: u8 = 0xff;

/// Kinds, execution classes and architectures, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use {
    kinds: u8,
    classes: u8,
    architectures: u8,
}

impl Use {
    /// What a rate is for.
    pub(super) fn of(rate: &Rate) -> Self {
        let one = |word: &Option<String>, words: &[&str]| match word {
            Some(word) => bit(word, words),
            None => ALL,
        };
        let kinds = rate.kinds.iter().fold(0, |bits, kind| bits | bit(kind, &known::KINDS));
        Self {
            kinds: if rate.kinds.is_empty() { ALL } else { kinds },
            classes: one(&rate.execution_class, &known::CLASSES),
            architectures: one(&rate.architecture, &known::ARCHITECTURES),
        }
    }

    /// What a Glue run is.
    pub(super) const fn glue(kind: &JobKind, class: Option<&ExecutionClass>) -> Self {
        let classes = match class {
            None | Some(ExecutionClass::Standard) => 1,
            Some(ExecutionClass::Flex) => 2,
            Some(ExecutionClass::Other(_)) => UNNAMED,
        };
        Self { kinds: kind_bit(kind), classes, architectures: UNNAMED }
    }

    /// What an EMR Serverless run is. It is not told apart by execution class: a Flex run does not
    /// say which part of it was on spare capacity.
    pub(super) const fn emr_serverless(kind: &JobKind, architecture: &Architecture) -> Self {
        let architectures = match architecture {
            Architecture::X86 => 1,
            Architecture::Arm => 2,
            Architecture::Other(_) => UNNAMED,
        };
        Self { kinds: kind_bit(kind), classes: UNNAMED, architectures }
    }

    /// Whether something is of both.
    pub(super) const fn meets(&self, other: &Self) -> bool {
        self.kinds & other.kinds != 0
            && self.classes & other.classes != 0
            && self.architectures & other.architectures != 0
    }

    /// Whether everything that is of the other is of this.
    pub(super) const fn contains(&self, other: &Self) -> bool {
        other.kinds & !self.kinds == 0
            && other.classes & !self.classes == 0
            && other.architectures & !self.architectures == 0
    }
}

/// The bit of a word, by its place.
fn bit(word: &str, words: &[&str]) -> u8 {
    words.iter().position(|known| *known == word).map_or(0, |place| 1 << place)
}

/// The kinds' bits are in the order of [`known::KINDS`]; a test keeps them so.
const fn kind_bit(kind: &JobKind) -> u8 {
    match kind {
        JobKind::Spark => 1,
        JobKind::Streaming => 2,
        JobKind::PythonShell => 4,
        JobKind::Ray => 8,
        JobKind::Session => 16,
        JobKind::Other(_) => UNNAMED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_its_type_have_one_bit() {
        for word in known::KINDS {
            assert_eq!(bit(word, &known::KINDS), kind_bit(&JobKind::from(word)), "{word}");
        }
        for word in known::CLASSES {
            let class = ExecutionClass::from(word);
            let of_class = Use::glue(&JobKind::Spark, Some(&class)).classes;
            assert_eq!(bit(word, &known::CLASSES), of_class, "{word}");
        }
        for word in known::ARCHITECTURES {
            let architecture = Architecture::from(word);
            let of_type = Use::emr_serverless(&JobKind::Spark, &architecture).architectures;
            assert_eq!(bit(word, &known::ARCHITECTURES), of_type, "{word}");
        }
        let other = JobKind::Other("gluefuture".into());
        assert_eq!(Use::glue(&other, None).kinds & 0b1_1111, 0);
    }
}
