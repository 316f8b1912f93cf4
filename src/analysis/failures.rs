//! What broke, how often, and what did it cost? Bad ends, grouped by job and error.

use std::collections::HashMap;

use super::FailureFigures;
use super::row::{JobKey, RunRow};
use crate::model::Usd;

/// Groups as rows are added, so that only different errors take memory.
#[derive(Debug, Default)]
pub(super) struct Failures {
    groups: HashMap<(JobKey, bool, String), FailureFigures>,
}

impl Failures {
    /// Counts the run if it ended badly.
    pub(super) fn add(&mut self, row: &RunRow) {
        let Some(error) = &row.error else { return };
        let key = (row.job.clone(), row.wasted_end, signature(error));
        let group = self.groups.entry(key).or_insert_with(|| FailureFigures {
            engine: row.job.engine.to_string(),
            account: row.job.account.clone(),
            account_name: None,
            region: row.job.region.clone(),
            job: row.job.job.clone(),
            team: row.team.clone(),
            state: row.state.as_str().to_owned(),
            runs: 0,
            unpriced_runs: 0,
            cost_usd: Usd::ZERO,
            restart: !row.wasted_end,
            error: error.clone(),
            latest: row.identity.clone(),
            latest_end: row.ended,
        });
        group.runs += 1;
        group.unpriced_runs += u64::from(row.cost.is_none());
        group.cost_usd += row.cost.unwrap_or_default();
        // Ties by identity, so that the order in which runs are read makes no difference.
        if (row.ended, &row.identity) > (group.latest_end, &group.latest) {
            group.team.clone_from(&row.team);
            row.state.as_str().clone_into(&mut group.state);
            group.error.clone_from(error);
            group.latest = row.identity.clone();
            group.latest_end = row.ended;
        }
    }

    /// The groups, dearest first, then the most frequent, ties by name; restarts, which are no
    /// failures to mend, after all others.
    pub(super) fn figures(self) -> Vec<FailureFigures> {
        let mut figures: Vec<_> = self.groups.into_iter().collect();
        figures.sort_by(|(key_a, a), (key_b, b)| {
            a.restart
                .cmp(&b.restart)
                .then_with(|| b.cost_usd.cmp(&a.cost_usd))
                .then_with(|| b.runs.cmp(&a.runs))
                .then_with(|| key_a.cmp(key_b))
        });
        figures.into_iter().map(|(_, figures)| figures).collect()
    }
}

/// An error without what differs from run to run: every word with a figure in it is dropped, so
/// `Request ID: 021AAB` and `Request ID: 267122` are one error.
fn signature(error: &str) -> String {
    let words = error.split(|c: char| !c.is_alphanumeric());
    let constant =
        words.filter(|word| !word.is_empty() && !word.contains(|c: char| c.is_ascii_digit()));
    constant.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_numbers_do_not_split_an_error() {
        let error = |id: &str| format!("Access Denied (Service: Amazon S3; Request ID: {id})");
        assert_eq!(signature(&error("021AAB703DB20A2D")), signature(&error("2671D37856AE7ABB")));
        assert_ne!(signature("no such table"), signature("no such column"));
    }
}
