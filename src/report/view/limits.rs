//! How much of each list is shown.
//!
//! A mail's HTML has a budget of bytes, and its lists give way in an order until it fits: details
//! before jobs, names last. What is cut is always said, and its sum shown.

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
    /// Columns of an error, a reason or an alert.
    pub text_columns: usize,
    /// Columns of an advice: it is followed only by whoever can read it whole.
    pub advice_columns: usize,
}

impl Limits {
    /// What a mail shows where it has the room: as much as two minutes take.
    pub const MAIL: Self = Self {
        jobs: 25,
        teams: 15,
        movers: 10,
        states: 20,
        configurations: 12,
        failures: 15,
        quotas: 6,
        still_running: 6,
        actions: 12,
        alerts: 8,
        notes: 10,
        name_columns: 80,
        text_columns: 240,
        advice_columns: 300,
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
        advice_columns: 1000,
    };

    /// These limits after `cuts` of at most `cuts_max` cuts. The first half of the cuts takes from
    /// the lists that explain: errors, configurations, movers and the like. The second half takes
    /// from the jobs and the length of names and texts. Actions, teams and states are what the
    /// mail is opened for, so none of them is ever taken.
    #[must_use]
    pub fn after(&self, cuts: usize, cuts_max: usize) -> Self {
        let half = cuts_max.div_ceil(2);
        let left = |limit: usize, least: usize, taken: usize, of: usize| {
            (limit * (of - taken) / of.max(1)).max(least.min(limit))
        };
        let detail = |least, limit| left(limit, least, cuts.min(half), half);
        let main = |least, limit| left(limit, least, cuts.max(half) - half, cuts_max - half);
        Self {
            jobs: main(10, self.jobs),
            movers: detail(3, self.movers),
            configurations: detail(4, self.configurations),
            failures: detail(5, self.failures),
            quotas: detail(2, self.quotas),
            still_running: detail(1, self.still_running),
            alerts: detail(3, self.alerts),
            notes: main(6, self.notes),
            name_columns: main(24, self.name_columns),
            text_columns: main(80, self.text_columns),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_give_way_before_jobs_and_never_what_the_mail_is_for() {
        assert_eq!(Limits::MAIL.after(0, 10), Limits::MAIL);
        let half = Limits::MAIL.after(5, 10);
        assert_eq!((half.jobs, half.name_columns), (Limits::MAIL.jobs, Limits::MAIL.name_columns));
        assert_eq!((half.failures, half.movers, half.configurations), (5, 3, 4));
        let least = Limits::MAIL.after(10, 10);
        assert_eq!((least.jobs, least.name_columns, least.text_columns), (10, 24, 80));
        for cuts in 0..=10 {
            let cut = Limits::MAIL.after(cuts, 10);
            assert_eq!((cut.teams, cut.actions, cut.states), (15, 12, 20));
            assert_eq!(cut.advice_columns, 300);
        }
    }
}
