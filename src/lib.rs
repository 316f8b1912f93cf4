//! Runledger keeps the ledger of a company's AWS Glue and EMR Serverless job runs, and tells people
//! what they cost.
//!
//! The rooms stand on floors, and a room imports only from lower ones; `ARCHITECTURE.md` draws
//! them, and `tests/integration/tidy.rs` keeps them.

// Floor 1
pub mod aws;
pub mod delivery;
pub mod model;
// Floor 2
pub mod ownership;
pub mod pricing;
pub mod quota;
pub mod schedule;
pub mod sources;
pub mod store;
// Floor 3
pub mod analysis;
// Floor 4
pub mod alerts;
pub mod chargeback;
// Floor 5
pub mod report;
pub mod tables;
// Floor 6
pub mod config;
// Floor 7
pub mod tasks;
// Floor 8
pub mod app;
// Floor 9
pub mod demo;
// Floor 10
pub mod cli;
