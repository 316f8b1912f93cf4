//! How much of each list is shown.
//!
//! A mail has a budget of bytes, and every limit gives way together until it fits. What is cut is
//! always said, and its sum shown.

/// The most rows and columns of text of each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs.
    pub jobs: usize,
    /// Teams.
    pub teams: usize,
    /// Jobs whose cost moved most.
    pub movers: usize,
    /// End states.
    pub states: usize,
    /// Worker types, classes and versions.
    pub configurations: usize,
    /// Bad ends.
    pub failures: usize,
    /// Quotas.
    pub quotas: usize,
    /// Runs that had not ended.
    pub still_running: usize,
    /// Things to do.
    pub actions: usize,
    /// Alerts.
    pub alerts: usize,
    /// Notes below the completeness line.
    pub notes: usize,
    /// Columns of a name.
    pub name_columns: usize,
    /// Columns of an error or an advice.
    pub text_columns: usize,
}

impl Limits {
    /// What a mail shows where it has the room: as much as two minutes take.
    pub const MAIL: Self = Self {
        jobs: 20,
        teams: 15,
        movers: 6,
        states: 10,
        configurations: 10,
        failures: 12,
        quotas: 8,
        still_running: 8,
        actions: 6,
        alerts: 6,
        notes: 10,
        name_columns: 80,
        text_columns: 240,
    };

    /// No limit but that of a name and a text: for a page that nothing clips.
    pub const NONE: Self = Self {
        jobs: usize::MAX,
        teams: usize::MAX,
        movers: 20,
        states: usize::MAX,
        configurations: usize::MAX,
        failures: usize::MAX,
        quotas: usize::MAX,
        still_running: usize::MAX,
        actions: usize::MAX,
        alerts: usize::MAX,
        notes: usize::MAX,
        name_columns: 256,
        text_columns: 1000,
    };

    /// These limits, at `numerator / denominator` of their size, but never below what still makes
    /// a report: some rows of each list and the ends of each name.
    #[must_use]
    pub fn scaled(&self, numerator: usize, denominator: usize) -> Self {
        let at_least =
            |least: usize, limit: usize| (limit * numerator / denominator).max(least.min(limit));
        Self {
            jobs: at_least(5, self.jobs),
            teams: at_least(4, self.teams),
            movers: at_least(2, self.movers),
            states: at_least(4, self.states),
            configurations: at_least(2, self.configurations),
            failures: at_least(3, self.failures),
            quotas: at_least(2, self.quotas),
            still_running: at_least(1, self.still_running),
            actions: at_least(4, self.actions),
            alerts: at_least(1, self.alerts),
            notes: at_least(6, self.notes),
            name_columns: at_least(24, self.name_columns),
            text_columns: at_least(80, self.text_columns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_shrink_to_a_floor() {
        assert_eq!(Limits::MAIL.scaled(8, 8), Limits::MAIL);
        let half = Limits::MAIL.scaled(4, 8);
        assert_eq!((half.jobs, half.failures, half.name_columns), (10, 6, 40));
        let least = Limits::MAIL.scaled(0, 8);
        assert_eq!((least.jobs, least.movers, least.text_columns), (5, 2, 80));
    }
}
