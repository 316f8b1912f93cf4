//! The words of Runledger as types: runs, money, periods, and the states of a delivery.
//!
//! Nothing here does I/O or knows where a value came from; every other room builds on this one.

mod address;
mod alert;
mod apportion;
mod bill;
mod cents;
mod delivery;
mod job_key;
mod job_run;
mod list_price;
mod merge;
mod money;
mod name;
mod period;
mod priced;
mod quota;
mod recipient;
mod reservation;
mod retry;
mod roll_up;
mod state;
mod told;
pub mod written;

pub use address::{Address, AddressError};
pub use alert::{Severity, StandingAlert, StandingAlerts, Subject};
pub use apportion::apportion;
pub use bill::{BillDay, BillLine, BillSource, USAGE, USD};
pub use cents::{columns_in_cents, in_cents, in_cents_of};
pub use delivery::{DeliveryState, Occurrence, SentFile, key_part};
pub use job_key::JobKey;
pub use job_run::{
    Architecture, Definition, Engine, ExecutionClass, JobKind, JobRun, Reading, Resources,
    RunIdentity,
};
pub use list_price::ListPrice;
pub use merge::{Stamp, merge};
pub use money::{AmountOutOfRange, Usd};
pub use name::{Fold, JobNames, NamePatternError};
pub use period::{Period, PeriodError, utc_day};
pub use priced::{Basis, CostLine, MissingRate, Price, PricedRun, Unpriced, Usage};
pub use quota::{
    EMR_SERVERLESS_VCPUS, GLUE_CONCURRENT_RUNS, GLUE_DPUS, GLUE_FLEX_DPUS, GLUE_RUNS_PER_JOB,
    MeasuredUse, QUOTAS, QuotaPeak, QuotaPlace, QuotaSource, QuotaValue, quota_title,
};
pub use recipient::{Recipient, RecipientError};
pub use reservation::{
    Need, Reservation, ReservationId, ReservationIdError, StartedRun, take_places,
};
pub use retry::RetryOf;
pub use roll_up::{Counts, EarlierUse, HourCount, LastOwner, RollUp, RunSample};
pub use state::RunState;
pub use told::Teller;
