//! Runledger's own tables, as files for other programs: their columns, and the formats that they
//! are written in. Each column's name, type, meaning and value stand in one place.
//!
//! Where the rows come from and where the bytes go is not asked here.

mod alerts_csv;
mod chargeback_csv;
mod column;
mod costs;
mod csv;
mod figures;
mod focus;
mod groups;
mod jsonl;
mod parquet;
mod rates;
mod runs;
mod table;
mod table_file;
mod writer;
mod xlsx;

pub use self::alerts_csv::alerts_csv;
pub use self::chargeback_csv::chargeback_csv;
pub use self::column::{Column, Exact, Field, Kind, Value};
pub use self::costs::{COSTS, UsageLine};
pub use self::csv::{failures_csv, jobs_csv};
pub use self::figures::{JOBS, OfPeriod, QUOTA, TEAMS};
pub use self::focus::{FOCUS, FOCUS_VERSION, FocusLine, Sku, SkuOrigin};
pub use self::groups::{CHAINS, HOURLY};
pub use self::rates::rates_csv;
pub use self::runs::RUNS;
pub use self::table::{TABLES_VERSION, Table};
pub use self::table_file::{TableFile, TableFileError};
pub use self::writer::{Format, Options, TableError, TableWriter, Tally};
