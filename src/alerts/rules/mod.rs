//! The rules, one file each.

pub(super) mod bad_end;
pub(super) mod run_failed;
pub(super) mod run_stopped;
pub(super) mod run_timeout;
