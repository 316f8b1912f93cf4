//! Runledger's own columns, as files: what a mail's tables cut is whole here.

mod csv;
mod rates;

pub use csv::{TableError, failures_csv, jobs_csv};
pub use rates::rates_csv;
