//! What goes where: data to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::report::words::{visible, visible_json};

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

/// Tells a person something.
pub(super) fn say(quiet: bool, text: &str) {
    if !quiet {
        let _ = writeln!(io::stderr().lock(), "{}", printable(text));
    }
}

/// Tells a person what went wrong and what to do.
pub(super) fn complain(message: &str, hint: Option<&str>) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", printable(message));
    if let Some(hint) = hint {
        let _ = writeln!(stderr, "hint: {}", printable(hint));
    }
}

/// Text that may hold anything, without what a terminal or an eye would obey. Its lines stay lines:
/// what is wrong with a configuration is shown with the lines around it.
fn printable(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// A moving line on a terminal for what takes longer than a second; nothing elsewhere.
pub(super) fn progress(quiet: bool, what: &'static str) -> ProgressBar {
    if quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {human_pos} [{elapsed}]") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}

/// Log lines on stderr: readable on a terminal, JSON elsewhere.
pub(super) fn start_logging(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        // The SDK warns of missing credentials with its innards; the command says it in words.
        (false, 0) => "warn,task=info,aws_config::meta::credentials=error",
        (false, 1) => "runledger=info,task=info,warn",
        (false, 2) => "runledger=debug,info",
        (false, _) => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if io::stderr().is_terminal() {
        let _ = builder.without_time().try_init();
    } else {
        let _ = builder.json().try_init();
    }
}
