//! Data, which goes to stdout, and the moving line of a terminal. All else is `log`'s.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Failure;
use super::log::is_json;
use crate::report::words::visible_json;

/// Writes data to stdout. A reader that has gone away (`| head`) is no failure.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Data as JSON, a line each member, without what a terminal would obey.
pub(super) fn json(what: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(what)
        .map(|json| visible_json(&json) + "\n")
        .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))
}

/// A moving line on a terminal for what takes longer than a second; nothing elsewhere.
pub(super) fn progress(quiet: bool, what: &'static str) -> ProgressBar {
    if quiet || is_json() || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {human_pos} [{elapsed}]") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}
