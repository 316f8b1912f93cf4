//! What Runledger does, each task in a file: load, compute, save or send.

pub mod bill;
pub mod budgets;
pub mod chargeback;
pub mod collect;
pub mod deliver;
pub mod explain;
pub mod export;
pub mod import;
pub mod prices;
pub mod publish;
pub mod report;
pub mod used;
