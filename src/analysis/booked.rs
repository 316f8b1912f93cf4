//! A run with everything that tables say of it: its job, its price, who pays.

use super::Books;
use crate::model::PricedRun;
use crate::ownership::Owner;
use crate::store::StoredRun;

/// A run, priced and owned.
#[derive(Clone, Debug)]
pub struct BookedRun {
    /// The run, as stored.
    pub stored: StoredRun,
    /// Its job's name.
    pub job: String,
    /// Who pays.
    pub owner: Owner,
    /// Its price.
    pub priced: PricedRun,
}

impl BookedRun {
    /// The run as the books have it.
    #[must_use]
    pub fn of(stored: StoredRun, books: &Books) -> Self {
        let job = books.job(&stored.run);
        let owner = books.owner(&stored.run, &job);
        let priced = books.price(&stored.run);
        Self { stored, job, owner, priced }
    }
}
