//! What a report repeats: the alerts that were told and are not over. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::evaluate::{Evaluator, Known};
use super::lifecycle::Stage;
use crate::model::{Period, StandingAlert, StandingAlerts};

impl Evaluator {
    /// The alerts that stand, of what was known after the last evaluation, without those that are
    /// muted now. What was only taken as known, or is silenced, was told to nobody and stays so.
    ///
    /// The report of the period that has just ended shows all that stand; one of a period further
    /// back those that had begun by its end, since the others are no part of its story.
    #[must_use]
    pub fn standing(
        &self,
        known: &BTreeMap<String, Known>,
        period: &Period,
        now: Timestamp,
    ) -> StandingAlerts {
        let length = period.end.duration_since(period.start);
        let is_recent = now.duration_since(period.end) < length;
        let until = if is_recent { now } else { period.end };
        let stands = |known: &&Known| {
            let Known { state, finding } = known;
            state.stage != Stage::Resolved
                && state.owes_an_end()
                && state.opened_at <= until
                && self.silences.silence(finding, now).is_none()
        };
        let all = known.iter().filter(|(_, known)| stands(known));
        StandingAlerts::new(all.map(|(fingerprint, known)| alert(fingerprint, known)).collect())
    }
}

fn alert(fingerprint: &str, known: &Known) -> StandingAlert {
    let Known { state, finding } = known;
    StandingAlert {
        code: finding.code.clone(),
        severity: finding.severity,
        state: state.stage.as_str().to_owned(),
        fingerprint: fingerprint.to_owned(),
        subject: finding.subject.clone(),
        observed: finding.observed.clone(),
        limit: finding.limit.clone(),
        message: finding.message.clone(),
        advice: finding.advice.clone(),
        opened_at: state.opened_at,
    }
}
