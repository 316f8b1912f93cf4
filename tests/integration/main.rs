//! The integration tests, one binary: a module a room.

mod import_files;
