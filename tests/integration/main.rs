//! Tests of Runledger from outside: its binary, its store against real servers, and its house.
//!
//! One binary, because each would link the whole tree again. A new file is one line here.

#![cfg(test)]

mod alert_facts;
mod alerts;
mod attachments;
mod bill;
mod chargeback;
mod collect;
mod configuration;
mod delivery;
mod doctor;
mod events;
mod explain;
mod export;
mod fakes;
mod faults;
mod harness;
mod history;
mod import_events;
mod import_files;
mod import_hostile;
mod import_rows;
mod import_sessions;
mod infra;
mod log;
mod metrics;
mod own_cost;
mod peers;
mod prices;
mod quota;
mod readme;
mod replay;
mod report;
mod roll_ups;
mod schedule;
mod store;
mod stored_form;
mod structured_log;
mod tidy;
mod weekly;
