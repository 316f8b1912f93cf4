//! The tables that go with the mail as files, and how they are called: the mail points to them
//! where it cuts. Writing and attaching them is done above.

use crate::model::Period;

/// A table that goes with the mail whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// Every job.
    Jobs,
    /// Every error.
    Failures,
}

impl Attached {
    /// The file's name: `jobs-2026-W46.csv`.
    #[must_use]
    pub fn file_name(self, period: &Period) -> String {
        let table = match self {
            Self::Jobs => "jobs",
            Self::Failures => "failures",
        };
        format!("{table}-{}.csv", period.name)
    }
}
