//! What a rule found: about whom, what was observed against which limit, and what to do about it.

use serde::{Deserialize, Serialize};

use super::words;
use crate::model::Usd;
// Rules name them beside their findings.
pub use crate::model::{Severity, Subject};

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's stable code.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whom it is about.
    pub subject: Subject,
    /// What was observed, with its unit, as people read it.
    pub observed: String,
    /// The limit that it is beyond, likewise; empty where there is none.
    pub limit: String,
    /// How far beyond the limit, in thousandths of it: what a later evaluation compares to tell
    /// whether it became worse. 0 where it can only be or not be.
    pub magnitude: u64,
    /// One sentence: what is wrong.
    pub message: String,
    /// What shows it: run ids, days, amounts; a line each.
    pub evidence: Vec<String>,
    /// What to do about it.
    pub advice: String,
}

impl Finding {
    /// A finding of which only rule and subject are said yet.
    #[must_use]
    pub fn new(code: &str, severity: Severity, subject: Subject, message: String) -> Self {
        Self {
            code: code.to_owned(),
            severity,
            subject,
            observed: String::new(),
            limit: String::new(),
            magnitude: 0,
            message,
            evidence: Vec::new(),
            advice: String::new(),
        }
    }

    /// With an amount beyond its limit.
    #[must_use]
    pub fn beyond_usd(self, observed: Usd, limit: Usd) -> Self {
        Self {
            observed: words::dollars(observed),
            limit: words::dollars(limit),
            magnitude: words::beyond_usd(observed, limit),
            ..self
        }
    }

    /// With seconds beyond their limit.
    #[must_use]
    pub fn beyond_seconds(self, observed: u64, limit: u64) -> Self {
        Self {
            observed: words::duration(observed),
            limit: words::duration(limit),
            magnitude: words::beyond(observed, limit),
            ..self
        }
    }

    /// With a number of things beyond its limit.
    #[must_use]
    pub fn beyond_count(self, observed: u64, limit: u64, one: &str) -> Self {
        Self {
            observed: words::counted(observed, one),
            limit: words::counted(limit, one),
            magnitude: words::beyond(observed, limit),
            ..self
        }
    }

    /// With what shows it.
    #[must_use]
    pub fn shown(self, evidence: Vec<String>) -> Self {
        Self { evidence, ..self }
    }

    /// With what to do about it.
    #[must_use]
    pub fn advise(self, advice: &str) -> Self {
        Self { advice: advice.to_owned(), ..self }
    }

    /// What makes two findings the same one at different times: the rule and the subject, never a
    /// number or the run that happens to show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.code, &self.subject)
    }
}

/// What makes two findings of a rule about a subject the same one.
pub(super) fn fingerprint(code: &str, subject: &Subject) -> String {
    let Subject { account, region, engine, job, team, detail, run_id: _, application_id: _ } =
        subject;
    // What an engine runs has no other problem because its team changes.
    let team = if engine.is_empty() { team.as_str() } else { "" };
    let parts = [account.as_str(), region, engine, job, team, detail];
    let escaped = parts.map(|part| part.replace('%', "%25").replace('|', "%7C"));
    format!("{code}|{}", escaped.join("|"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finding(subject: Subject) -> Finding {
        Finding::new("run-cost", Severity::Warning, subject, String::new())
    }

    #[test]
    fn a_fingerprint_survives_numbers_runs_and_a_new_team() {
        let (engine, job, team) = ("glue".into(), "load".into(), "orders".into());
        let job = Subject { engine, job, team, ..Subject::default() };
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        let first = finding(job.clone()).beyond_usd(usd("200"), usd("100"));
        assert_eq!((first.observed.as_str(), first.magnitude), ("$200.00", 2_000));
        let other = Subject { team: "sales".into(), run_id: "jr_2".into(), ..job };
        let second = finding(other).beyond_usd(usd("300"), usd("150"));
        assert_eq!(first.fingerprint(), second.fingerprint());
        let budget = |team| finding(Subject::team(team)).fingerprint();
        assert_ne!(budget("orders"), budget("sales"));
    }

    proptest! {
        /// No name can be chosen so that two subjects become one.
        #[test]
        fn different_subjects_have_different_fingerprints(
            a in prop::array::uniform3("[a|%7C]{0,4}"), b in prop::array::uniform3("[a|%7C]{0,4}")
        ) {
            let of = |[account, region, job]: &[String; 3]| {
                let (account, region, job) = (account.clone(), region.clone(), job.clone());
                finding(Subject { account, region, job, ..Subject::default() }).fingerprint()
            };
            prop_assert_eq!(a == b, of(&a) == of(&b));
        }
    }
}
