//! The usage types under which AWS bills runs, and which of our rates each of them is.
//!
//! A usage type is a region's prefix and a tail, as `EU-ETL-DPU-Hour`; the tail says what was used.
//! Tails are matched longest first, since some begin like others. Sources: third-party readings of
//! the Price List and of bills; a tail that nobody has been seen to be billed under is not here.

use super::glue::kind_of;
use super::rate::{Rate, Version};
use crate::model::{Architecture, JobRun};

/// The version from which Glue has rates of its own ("Gen2").
const GLUE_6: Version = (6, 0);

/// What a usage type counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageType {
    /// What follows the region's prefix.
    pub tail: &'static str,
    /// `glue`, `emr-serverless`.
    pub engine: &'static str,
    /// `DPU`, `M-DPU`, `vCPU`, `memory`, `storage`.
    pub component: &'static str,
    /// The kinds of job it is for; all where empty.
    pub kinds: &'static [&'static str],
    /// Glue versions it is for: from, and below.
    pub versions: (Option<Version>, Option<Version>),
    /// The execution class it is for.
    pub execution_class: Option<&'static str>,
    /// The architecture it is for.
    pub architecture: Option<&'static str>,
}

const SPARK: &[&str] = &["spark", "streaming"];

const fn glue(
    tail: &'static str,
    component: &'static str,
    kinds: &'static [&'static str],
    versions: (Option<Version>, Option<Version>),
    class: &'static str,
) -> UsageType {
    let (engine, execution_class, architecture) = ("glue", Some(class), None);
    UsageType { tail, engine, component, kinds, versions, execution_class, architecture }
}

const fn emr(tail: &'static str, component: &'static str, architecture: &'static str) -> UsageType {
    UsageType {
        tail,
        engine: "emr-serverless",
        component,
        kinds: &[],
        versions: (None, None),
        execution_class: None,
        architecture: Some(architecture),
    }
}

const ANY: (Option<Version>, Option<Version>) = (None, None);
const BEFORE_6: (Option<Version>, Option<Version>) = (None, Some(GLUE_6));
const FROM_6: (Option<Version>, Option<Version>) = (Some(GLUE_6), None);

/// Every usage type that a run is billed under. `ETL-MemOptimized-DPU-Hour-Gen2` was not seen but
/// formed as the others are. Python shell is billed as Spark before 6.0 is, so
/// two entries share a tail.
pub const USAGE_TYPES: [UsageType; 15] = [
    glue("ETL-DPU-Hour", "DPU", SPARK, BEFORE_6, "STANDARD"),
    glue("ETL-DPU-Hour", "DPU", &["python-shell"], ANY, "STANDARD"),
    glue("ETL-DPU-Hour-Gen2", "DPU", SPARK, FROM_6, "STANDARD"),
    glue("ETL-Flex-DPU-Hour", "DPU", &["spark"], BEFORE_6, "FLEX"),
    glue("ETL-Flex-DPU-Hour-Gen2", "DPU", &["spark"], FROM_6, "FLEX"),
    glue("ETL-MemOptimized-DPU-Hour", "M-DPU", SPARK, BEFORE_6, "STANDARD"),
    glue("ETL-MemOptimized-DPU-Hour-Gen2", "M-DPU", SPARK, FROM_6, "STANDARD"),
    glue("GlueInteractiveSession-DPU-Hour", "DPU", &["session"], ANY, "STANDARD"),
    glue("GlueInteractiveSession-MemOptimized-DPU-Hour", "M-DPU", &["session"], ANY, "STANDARD"),
    emr("EMR-SERVERLESS-vCPUHours", "vCPU", "X86_64"),
    emr("EMR-SERVERLESS-MemoryGBHours", "memory", "X86_64"),
    emr("EMR-SERVERLESS-StorageGBHours", "storage", "X86_64"),
    emr("EMR-SERVERLESS-ARM-vCPUHours", "vCPU", "ARM64"),
    emr("EMR-SERVERLESS-ARM-MemoryGBHours", "memory", "ARM64"),
    emr("EMR-SERVERLESS-StorageGBHours", "storage", "ARM64"),
];

impl UsageType {
    /// What a usage type of a bill or price list counts, most specific tail first: all entries that
    /// share the tail. Empty where no run is billed under it.
    #[must_use]
    pub fn of(usage_type: &str) -> Vec<&'static Self> {
        let longest = USAGE_TYPES
            .iter()
            .filter(|known| has_tail(usage_type, known.tail))
            .map(|known| known.tail)
            .max_by_key(|tail| tail.len());
        USAGE_TYPES.iter().filter(|known| Some(known.tail) == longest).collect()
    }

    /// What it counts, in words: `DPU spark, streaming STANDARD`.
    #[must_use]
    pub fn what(&self) -> String {
        let mut words = vec![self.component.to_owned()];
        if !self.kinds.is_empty() {
            words.push(self.kinds.join(", "));
        }
        words.extend(self.execution_class.or(self.architecture).map(str::to_owned));
        words.join(" ")
    }

    /// The usage type under which a component of a run is charged; `None` where none is known for
    /// it, as for Ray and for other engines. `assumed` is the architecture of an EMR Serverless run
    /// whose own is not known, as in pricing.
    #[must_use]
    pub fn of_run(run: &JobRun, component: &str, assumed: &Architecture) -> Option<&'static Self> {
        let kind = kind_of(run);
        let version = run.version.as_deref().and_then(glue_version);
        let class = run.execution_class.as_ref().map_or("STANDARD", |class| class.as_str());
        let architecture = run.definition.as_ref().and_then(|known| known.architecture.as_ref());
        let architecture = architecture.unwrap_or(assumed).as_str();
        USAGE_TYPES.iter().find(|known| {
            let (from, below) = known.versions;
            known.engine == run.identity.engine.as_str()
                && known.component == component
                && (known.kinds.is_empty() || known.kinds.contains(&kind.as_str()))
                && known.execution_class.is_none_or(|own| own == class)
                && known.architecture.is_none_or(|own| own == architecture)
                && from.is_none_or(|from| version.is_some_and(|version| version >= from))
                && below.is_none_or(|below| version.is_some_and(|version| version < below))
        })
    }

    /// The usage type that a rate is charged under; `None` where none is known for it.
    #[must_use]
    pub fn of_rate(rate: &Rate) -> Option<&'static Self> {
        let same = |own: Option<&str>, rate: &Option<String>| {
            rate.is_none() || own.is_none() || own == rate.as_deref()
        };
        USAGE_TYPES.iter().find(|known| {
            let kinds = known.kinds;
            let fits = |kind: &String| kinds.contains(&kind.as_str());
            let (from, below) = rate.versions;
            known.engine == rate.engine
                && known.component == rate.component
                && (kinds.is_empty() || rate.kinds.iter().any(fits))
                && same(known.execution_class, &rate.execution_class)
                && same(known.architecture, &rate.architecture)
                // A rate for all versions is charged under the older name below 6.0 only.
                && known.versions.0.is_none_or(|first| from.is_some_and(|from| from >= first))
                && known.versions.1.is_none_or(|end| below.is_some_and(|below| below <= end))
        })
    }
}

/// The region prefix of a usage type whose tail is known: `EU` of `EU-ETL-DPU-Hour`; empty where
/// there is none.
#[must_use]
pub fn region_prefix<'u>(usage_type: &'u str, tail: &str) -> &'u str {
    usage_type.strip_suffix(tail).unwrap_or_default().trim_end_matches('-')
}

/// `6.0` as numbers.
fn glue_version(text: &str) -> Option<Version> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A tail is the whole usage type, or follows a prefix without a dash of its own.
fn has_tail(usage_type: &str, tail: &str) -> bool {
    let Some(prefix) = usage_type.strip_suffix(tail) else { return false };
    prefix.is_empty()
        || prefix
            .strip_suffix('-')
            .is_some_and(|prefix| !prefix.is_empty() && !prefix.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::RateCard;

    #[test]
    fn the_longest_tail_wins() {
        let tail = |usage_type| UsageType::of(usage_type).first().map(|known| known.tail);
        assert_eq!(tail("USE1-ETL-DPU-Hour"), Some("ETL-DPU-Hour"));
        assert_eq!(tail("USE1-ETL-DPU-Hour-Gen2"), Some("ETL-DPU-Hour-Gen2"));
        assert_eq!(tail("EU-EMR-SERVERLESS-ARM-vCPUHours"), Some("EMR-SERVERLESS-ARM-vCPUHours"));
        assert_eq!(tail("ETL-DPU-Hour"), Some("ETL-DPU-Hour"));
        assert_eq!(tail("EU-Crawler-DPU-Hour"), None);
        assert_eq!(
            tail("EU-GlueInteractiveSession-DPU-Hour"),
            Some("GlueInteractiveSession-DPU-Hour")
        );
        assert_eq!(region_prefix("EU-ETL-DPU-Hour", "ETL-DPU-Hour"), "EU");
        assert_eq!(region_prefix("ETL-DPU-Hour", "ETL-DPU-Hour"), "");
    }

    /// Ray is the one thing that is priced without anybody having seen what it is billed under.
    #[test]
    fn every_shipped_rate_but_ray_has_its_usage_type() {
        for rate in RateCard::shipped().unwrap().rates() {
            let known = UsageType::of_rate(rate);
            assert_eq!(known.is_none(), rate.kinds == ["ray"], "{rate:?}");
        }
    }
}
