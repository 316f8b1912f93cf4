//! What Runledger does, each task in a file: load, compute, save or send.

pub mod import;
pub mod report;
pub mod deliver;
