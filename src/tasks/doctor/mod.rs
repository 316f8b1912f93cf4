//! Everything that can be wrong before the first Monday, looked at for real: what stands in the
//! configuration is asked for by harmless calls, and each finding says what to do.
//!
//! `examine` asks; one file a subject judges what was found, without asking anything. Nothing is
//! changed, sent or, unless somebody says so, paid for.

mod access;
mod bill;
mod check;
mod clock;
mod examine;
mod freshness;
mod mail;
mod queue;
mod rates;
mod setup;
mod store;
mod turns;

pub use check::{Check, Examination, Group, State, Verdict};
pub use examine::{Patient, examine};
pub use setup::Setup;
pub use store::StoreFound;
