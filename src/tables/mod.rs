//! Runledger's own columns, as files: what a mail's tables cut is whole here.

mod csv;

pub use csv::{TableError, failures_csv, jobs_csv};
