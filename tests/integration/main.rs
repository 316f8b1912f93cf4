//! The integration tests, one binary: a module a room.

mod import_events;
mod import_files;
mod import_hostile;
mod import_rows;
mod report;
