//! Runledger keeps the ledger of a company's AWS Glue and EMR Serverless job runs, and tells people
//! what they cost.
//!
//! The rooms stand on floors, and a room imports only from lower ones; `ARCHITECTURE.md` draws
//! them, and `tests/integration/tidy.rs` keeps them.

pub mod model;
