//! What is written to stderr, and how: readable lines on a terminal, one JSON object a line
//! elsewhere. All of it passes through `tracing`, so that in a log a line for people carries the
//! run of the task as every other event does. The line of metrics is the one exception: its form
//! is CloudWatch's (`line`).
//!
//! What goes to stdout is `output`'s.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};

use sha2::{Digest, Sha256};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber, error, info, warn};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt as lines};

use super::Failure;
use crate::model::Occurrence;
use crate::report::words::visible;

/// Marks the events that are lines for people, and the task that they are about: no filter takes
/// them away.
pub(super) const TOLD: &str = "told";
/// Where the form of the log is said, if it is not to follow from what stderr is.
const FORMAT_VARIABLE: &str = "RUNLEDGER_LOG_FORMAT";

/// Whether stderr gets JSON: where it is no terminal, a program reads it, and not a person.
pub(super) fn is_json() -> bool {
    let said = std::env::var(FORMAT_VARIABLE).unwrap_or_default();
    match said.trim().to_ascii_lowercase().as_str() {
        "json" => true,
        "text" => false,
        _ => !io::stderr().is_terminal(),
    }
}

/// Says where the form that is asked for is none.
fn warn_of_format(quiet: bool) {
    let said = std::env::var(FORMAT_VARIABLE).unwrap_or_default();
    let known = ["", "json", "text"];
    if !known.iter().any(|form| said.trim().eq_ignore_ascii_case(form)) {
        let line = format!("{FORMAT_VARIABLE}: there is no form `{}`", said.trim());
        caution(quiet, &line, Some("write `json` or `text`; without it, what stderr is decides"));
    }
}

/// Starts the log on stderr.
pub(super) fn start_logging(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        // The SDK warns of missing regions and credentials with its innards; the command says it in
        // words, and `-v` shows both.
        (false, 0) => "error,aws_config=off,aws_smithy_runtime=off,runledger=warn,task=info",
        (false, 1) => "runledger=info,task=info,warn",
        (false, 2) => "runledger=debug,info",
        (false, _) => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    if is_json() {
        // Beside what is asked for, by `RUST_LOG` too: people's lines are nobody's to leave out.
        let filter = Targets::new().with_target(TOLD, LevelFilter::TRACE).or(filter);
        let all = lines::layer().json().with_writer(io::stderr).with_filter(filter);
        let _ = tracing_subscriber::registry().with(all).try_init();
        let told = |panic: &PanicHookInfo<'_>| error!(target: TOLD, error = %panic, "panicked");
        panic::set_hook(Box::new(told));
    } else {
        let others = lines::layer().with_writer(io::stderr).without_time();
        let others = others.with_ansi(io::stderr().is_terminal());
        let filter = filter.and(filter_fn(|what| what.is_span() || what.target() != TOLD));
        let _ =
            tracing_subscriber::registry().with(Plain).with(others.with_filter(filter)).try_init();
    }
    warn_of_format(quiet);
}

/// Tells a person something.
pub(super) fn say(quiet: bool, text: &str) {
    if !quiet {
        info!(target: TOLD, "{}", printable(text));
    }
}

/// Tells a person something, and what may be done.
pub(super) fn advise(quiet: bool, text: &str, hint: &str) {
    if !quiet {
        info!(target: TOLD, hint = printable(hint), "{}", printable(text));
    }
}

/// Warns a person of something that is no error, with what to do about it.
pub(super) fn caution(quiet: bool, text: &str, hint: Option<&str>) {
    if !quiet {
        warn!(target: TOLD, hint = hint.map(printable), "{}", printable(text));
    }
}

/// Tells a person what went wrong and what to do.
pub(super) fn complain(message: &str, hint: Option<&str>) {
    let (error, hint) = (printable(message), hint.map(printable));
    error!(target: TOLD, error, hint, "not all of it could be done");
}

/// Tells a person why a command could not do its work.
pub(super) fn tell_failure(failure: &Failure) {
    let (error, hint) = (printable(&failure.message), failure.hint.as_deref().map(printable));
    error!(target: TOLD, error, hint, exit = failure.exit.code(), "the command failed");
}

/// Tells a person what came of one mail.
pub(super) fn tell_mail(
    quiet: bool,
    mail: &Occurrence,
    outcome: Result<&str, (&str, Option<&str>)>,
) {
    let occurrence = printable(&occurrence_of(mail));
    let recipient_hash = recipient_hash(mail);
    match outcome {
        Ok(text) if !quiet => {
            info!(target: TOLD, occurrence, recipient_hash, "{}", printable(text));
        }
        Ok(_) => {}
        Err((text, hint)) => {
            let (error, hint) = (printable(text), hint.map(printable));
            error!(target: TOLD, error, hint, occurrence, recipient_hash, "a mail is not sent");
        }
    }
}

/// Which mail it is, without its reader: `weekly/2026-W46/all/r0`.
fn occurrence_of(mail: &Occurrence) -> String {
    let key = mail.key();
    key.rsplit_once('/').map_or_else(String::new, |(mail, _)| mail.to_owned())
}

/// What tells one reader from another in a log, where no address is to be.
fn recipient_hash(mail: &Occurrence) -> String {
    let hash = Sha256::digest(mail.recipient.identity());
    hash.iter().take(6).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A line as it stands.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Text that may hold anything, without what a terminal or an eye would obey. Its lines stay lines:
/// what is wrong with a configuration is shown with the lines around it.
fn printable(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Lines for people as people read them.
struct Plain;

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Plain {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != TOLD {
            return;
        }
        let mut told = Told::default();
        event.record(&mut told);
        let first = match (told.error, *event.metadata().level()) {
            (Some(error), _) => format!("error: {error}"),
            (None, tracing::Level::WARN) => format!("warning: {}", told.message),
            (None, _) => told.message,
        };
        let hint = told.hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        line(&(first + &hint));
    }
}

#[derive(Default)]
struct Told {
    message: String,
    error: Option<String>,
    hint: Option<String>,
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "error" => self.error = Some(value.to_owned()),
            "hint" => self.hint = Some(value.to_owned()),
            // The text says it already.
            _ => {}
        }
    }
}
