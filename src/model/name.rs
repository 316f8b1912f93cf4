//! What job a run belongs to: names with dates, times and ids in them are folded, so that
//! `load-2026-11-14` and `load-2026-11-15` are one job.
//!
//! Folding is for names that a caller makes up per run (EMR Serverless). A Glue job's name is an
//! identity in AWS and stays as it is, unless a pattern of the configuration says otherwise.

use std::borrow::Cow;

use regex::Regex;

/// A pattern of the configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is not a regular expression: {reason}")]
pub struct NamePatternError {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The rules that fold run names into job names.
#[derive(Clone, Debug)]
pub struct JobNames {
    built_in: Vec<(Regex, &'static str)>,
    configured: Vec<(Regex, String)>,
}

/// A rule that changed a run's name on the way to its job's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The regular expression.
    pub pattern: String,
    /// Whether the configuration has it; else it is built in.
    pub is_configured: bool,
    /// The name as it then was.
    pub name: String,
}

/// Dates and times first, because an id rule would eat parts of them. A separator before what is
/// folded stays, so the fold is visible: `load-{date}`.
const BUILT_IN: [(&str, &str); 6] = [
    // 2026-11-14T02:00:00Z, 2026-11-14_02-00-00, 20261114T020000
    (
        r"(^|[^0-9A-Za-z])(?:19|20)\d\d[-_./]?(?:0[1-9]|1[0-2])[-_./]?(?:0[1-9]|[12]\d|3[01])(?:[T_ ](?:[01]\d|2[0-3])[-_:.]?[0-5]\d(?:[-_:.]?[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?($|[^0-9A-Za-z])",
        "${1}{date}${2}",
    ),
    // 14-11-2026
    (
        r"(^|[^0-9A-Za-z])(?:0[1-9]|[12]\d|3[01])[-_./](?:0[1-9]|1[0-2])[-_./](?:19|20)\d\d($|[^0-9A-Za-z])",
        "${1}{date}${2}",
    ),
    // 2026-11, 2026-W46
    (
        r"(^|[^0-9A-Za-z])(?:19|20)\d\d[-_./](?:W[0-5]\d|0[1-9]|1[0-2])($|[^0-9A-Za-z])",
        "${1}{date}${2}",
    ),
    // UUIDs
    (
        r"(^|[^0-9A-Za-z])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}($|[^0-9A-Za-z])",
        "${1}{id}${2}",
    ),
    // Hashes and hexadecimal ids: eight digits or more with at least one figure; checked in `fold`.
    (r"(^|[^0-9A-Za-z])([0-9a-fA-F]{8,64})($|[^0-9A-Za-z])", "${1}{id}${3}"),
    // Epoch seconds or milliseconds, and counters of six digits or more.
    (r"(^|[^0-9A-Za-z])\d{6,20}($|[^0-9A-Za-z])", "${1}{id}${2}"),
];

impl JobNames {
    /// The built-in rules and, before them, those of the configuration: a regular expression and
    /// what replaces each of its matches.
    ///
    /// # Errors
    /// When a configured pattern is no regular expression.
    pub fn new(configured: &[(String, String)]) -> Result<Self, NamePatternError> {
        let compile = |pattern: &str| {
            Regex::new(pattern).map_err(|error| NamePatternError {
                pattern: pattern.to_owned(),
                reason: error.to_string(),
            })
        };
        Ok(Self {
            built_in: BUILT_IN
                .iter()
                .map(|(pattern, fold)| Ok((compile(pattern)?, *fold)))
                .collect::<Result<_, NamePatternError>>()?,
            configured: configured
                .iter()
                .map(|(pattern, fold)| Ok((compile(pattern)?, fold.clone())))
                .collect::<Result<_, NamePatternError>>()?,
        })
    }

    /// The job that a run of this name belongs to. `made_up_per_run` says whether the engine lets
    /// each run have a name of its own, as EMR Serverless does.
    #[must_use]
    pub fn job_of<'n>(&self, name: &'n str, made_up_per_run: bool) -> Cow<'n, str> {
        self.fold(name, made_up_per_run, |_, _, _| {})
    }

    /// The rules that make a run's name its job's, in the order in which they are applied; none
    /// where the name is the job's as it is.
    #[must_use]
    pub fn folds(&self, name: &str, made_up_per_run: bool) -> Vec<Fold> {
        let mut folds = Vec::new();
        self.fold(name, made_up_per_run, |pattern, is_configured, name| {
            let (pattern, name) = (pattern.as_str().to_owned(), name.to_owned());
            folds.push(Fold { pattern, is_configured, name });
        });
        folds
    }

    fn fold<'n>(
        &self,
        name: &'n str,
        made_up_per_run: bool,
        mut tell: impl FnMut(&Regex, bool, &str),
    ) -> Cow<'n, str> {
        let mut folded = Cow::Borrowed(name);
        let mut replace = |name: &mut Cow<'n, str>, after: String, pattern: &Regex, configured| {
            // A pattern of letters alone matches words, which it leaves as they are.
            if **name != after {
                tell(pattern, configured, &after);
                *name = Cow::Owned(after);
            }
        };
        for (pattern, fold) in &self.configured {
            if pattern.is_match(&folded) {
                let after = pattern.replace_all(&folded, fold.as_str()).into_owned();
                replace(&mut folded, after, pattern, true);
            }
        }
        if made_up_per_run && folded.bytes().any(|byte| byte.is_ascii_digit()) {
            for (pattern, fold) in &self.built_in {
                // Twice, because two folds next to each other share the separator between them.
                for _ in 0..2 {
                    if pattern.is_match(&folded) {
                        let after = fold_figures(&folded, pattern, fold);
                        replace(&mut folded, after, pattern, false);
                    }
                }
            }
        }
        folded
    }
}

/// Replaces the matches that hold a figure: letters alone (`deadbeef`, `facade`) are a word.
fn fold_figures(text: &str, pattern: &Regex, fold: &str) -> String {
    let replace = |captures: &regex::Captures<'_>| {
        if !captures[0].contains(|c: char| c.is_ascii_digit()) {
            return captures[0].to_owned();
        }
        let mut result = String::new();
        captures.expand(fold, &mut result);
        result
    };
    pattern.replace_all(text, replace).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(name: &str) -> String {
        JobNames::new(&[]).unwrap().job_of(name, true).into_owned()
    }

    #[test]
    fn dates_times_and_ids_fold() {
        assert_eq!(folded("load-2026-11-14"), "load-{date}");
        assert_eq!(folded("load-2026-11-14"), folded("load-2026-11-15"));
        assert_eq!(folded("load_20261114"), "load_{date}");
        assert_eq!(folded("load 2026-11-14T02:00:00Z full"), "load {date} full");
        assert_eq!(folded("load_20261114T020000"), "load_{date}");
        assert_eq!(folded("2026-11-14-2026-11-15"), "{date}-{date}");
        assert_eq!(folded("close-2026-11"), "close-{date}");
        assert_eq!(folded("x-550e8400-e29b-41d4-a716-446655440000"), "x-{id}");
        assert_eq!(folded("run-1731549600123"), "run-{id}");
        assert_eq!(folded("build-3f2a9c1b77"), "build-{id}");
    }

    #[test]
    fn what_only_looks_like_an_id_stays() {
        for name in ["orders-compact", "etl-v2", "facade-deadbeef", "top10", "s3-to-rds-2"] {
            assert_eq!(folded(name), name);
        }
    }

    #[test]
    fn a_glue_name_stays_unless_configured() {
        let names = JobNames::new(&[("-(blue|green)$".into(), String::new())]).unwrap();
        assert_eq!(names.job_of("load-2026-11-14", false), "load-2026-11-14");
        assert_eq!(names.job_of("load-blue", false), "load");
        assert!(JobNames::new(&[("(".into(), String::new())]).is_err());
    }

    #[test]
    fn the_folds_are_told_in_order() {
        let names = JobNames::new(&[("-(blue|green)$".into(), String::new())]).unwrap();
        let told = |name| {
            let folds = names.folds(name, true);
            let told = |fold: Fold| (fold.is_configured, fold.name);
            folds.into_iter().map(told).collect::<Vec<_>>()
        };
        let steps = [(true, "load-2026-11-14".to_owned()), (false, "load-{date}".to_owned())];
        assert_eq!(told("load-2026-11-14-blue"), steps);
        assert_eq!(told("facade-deadbeef-2"), []);
    }
}
