//! `history`: what Runledger itself did: every run of a task, by whom, when, and what came of it.

use clap::{Args, ValueEnum};
use jiff::Span;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::journal::GIVEN_UP;
use super::log::say;
use super::output::{data, json};
use super::{Exit, Failure, World};
use crate::report::words::visible;
use crate::store::TaskRun;

#[derive(Debug, Args)]
pub(super) struct History {
    /// Only this task, as `collect` or `prices refresh`
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// How far back, as 30d
    #[arg(long, value_name = "SPAN", default_value = "30d")]
    since: Span,
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text, for a terminal
    Text,
    /// Everything that is on record
    Json,
}

/// A run as it is shown.
#[derive(Serialize)]
struct Shown<'r> {
    state: &'static str,
    #[serde(flatten)]
    run: &'r TaskRun,
}

impl History {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let now = world.now.to_zoned(TimeZone::UTC);
        let since = now.checked_sub(self.since.abs()).map_err(|_| {
            Failure::usage("`--since` reaches back beyond the calendar", "write it like 30d")
        })?;
        let app = world.app().await?;
        let mut runs = app.store.task_runs(since.timestamp(), world.now).await?;
        runs.retain(|run| self.task.as_ref().is_none_or(|task| *task == run.task));
        // The turns that one look at a schedule takes begin at once: then by when they were due.
        runs.sort_by(|one, other| {
            let key = |run: &TaskRun| (run.began, run.due);
            key(one).cmp(&key(other)).then_with(|| one.period.cmp(&other.period))
        });
        runs.reverse();
        let shown = |run| Shown { state: state(run, world), run };
        let shown: Vec<Shown<'_>> = runs.iter().map(shown).collect();
        match self.format {
            Format::Text => data(&shown.iter().map(in_text).collect::<String>())?,
            Format::Json => {
                data(&json(&serde_json::json!({ "tasks": shown }))?)?;
            }
        }
        if shown.is_empty() {
            say(world.quiet, "nothing that stores or sends is on record in this time");
        }
        Ok(Exit::Done)
    }
}

fn state(run: &TaskRun, world: &World) -> &'static str {
    match run.ended {
        Some(_) if run.counts.contains_key(GIVEN_UP) => "given-up",
        Some(_) => "ended",
        None if run.is_lost(world.now) => "killed",
        None => "under-way",
    }
}

fn in_text(shown: &Shown<'_>) -> String {
    let Shown { state, run } = shown;
    let end = match (run.ended, run.exit) {
        _ if *state == "given-up" => "given up, never done".to_owned(),
        (Some(ended), Some(exit)) => {
            format!("exit {exit} after {} s", ended.duration_since(run.began).as_secs())
        }
        _ if *state == "killed" => {
            format!("killed: it began, and was last heard of before {:.0}", run.until)
        }
        _ => "under way".to_owned(),
    };
    let mut text = format!("{:.0}  {:<14}  {end}", run.began, run.task);
    if let Some(period) = &run.period {
        text += &format!("  {period}");
    }
    if let (Some(schedule), Some(due)) = (&run.schedule, run.due) {
        text += &format!("  (schedule {schedule}, due {due:.0})");
    }
    let counts = run.counts.iter().map(|(name, count)| format!("{name} {count}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let mails = run.mails.iter().map(|mail| {
        let hash: String = mail.sha256.chars().take(12).collect();
        let files = mail.files.iter().map(|file| format!(", {} ({} bytes)", file.name, file.bytes));
        format!("mail {} sha256 {hash}{}", mail.message_id, files.collect::<String>())
    });
    let lines = [format!("by {}: {}", run.by, run.words.join(" ")), counts];
    let failure = run.failure.as_ref().map(|failure| format!("failed: {failure}"));
    for line in lines.into_iter().chain(mails).chain(failure).filter(|line| !line.is_empty()) {
        text += &format!("\n    {line}");
    }
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n") + "\n"
}
