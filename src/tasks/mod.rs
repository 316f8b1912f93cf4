//! What Runledger does, each task in a file: load, compute, save or send.

pub mod alert_facts;
pub mod alerts;
pub mod bill;
pub mod budgets;
pub mod chargeback;
pub mod collect;
pub mod deliver;
pub mod doctor;
pub mod events;
pub mod explain;
pub mod export;
pub mod import;
pub mod metrics;
pub mod own_use;
pub mod prices;
pub mod publish;
pub mod quota;
pub mod replaced;
pub mod replay;
pub mod report;
pub mod roll_up;
pub mod round;
pub mod schedule;
pub mod used;
pub mod watch;
