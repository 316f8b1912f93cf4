//! Runledger's own columns, as files: what a mail's tables cut is whole here.

mod chargeback_csv;
mod csv;
mod rates;

pub use chargeback_csv::chargeback_csv;
pub use csv::{TableError, failures_csv, jobs_csv};
pub use rates::rates_csv;
