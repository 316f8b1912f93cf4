//! `doctor`: what is wrong, before it is found out on a Monday.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::log::say;
use super::output::{data, json};
use super::{Exit, Failure, World, said_in, schedule};
use crate::app::patient;
use crate::config::{Config, DEFAULT_FILE, MORE_VARIABLE};
use crate::report::words::visible;
use crate::report::{MailKind, Templates};
use crate::store::RealClock;
use crate::tasks::doctor::{Check, Examination, Setup, State, Verdict, examine};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Ask Cost Explorer too, which costs $0.01 a request: two for each account of `[bill]`
    #[arg(long)]
    spend: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Doctor {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let config = world.config()?;
        let location = world.store.as_ref().unwrap_or(&config.store.location);
        let setup = setup(world, &config);
        let patient = patient(&config, location, setup).await;
        let examination = examine(&patient, self.spend, &RealClock, world.now).await;
        match self.format {
            Format::Text => data(&text(&examination))?,
            Format::Json => data(&json(&examination)?)?,
        }
        say(world.quiet, &summary(&examination));
        Ok(match examination.verdict() {
            Verdict::Fine => Exit::Done,
            Verdict::Wrong => Exit::Failed,
            Verdict::Unreachable => Exit::AwsUnavailable,
        })
    }
}

/// Loads what other commands would stumble over.
fn setup(world: &World, config: &Config) -> Setup {
    let is_default = world.config_file.is_none()
        && world.config_text().is_none()
        && !Path::new(DEFAULT_FILE).exists();
    let more = said_in(MORE_VARIABLE).map(|_| format!(", with {MORE_VARIABLE} laid over it"));
    let origin = world.config_origin() + &more.unwrap_or_default();
    Setup { origin, is_default, schedules: schedules(world, config), templates: templates(config) }
}

/// Whether every mail would go out by the templates that it is to go out by.
fn templates(config: &Config) -> Result<(), String> {
    let templates = Templates::load(config.templates.as_deref()).map_err(|e| e.to_string())?;
    let kinds = [MailKind::Report, MailKind::Chargeback, MailKind::Alerts];
    if let Some(trouble) = kinds.into_iter().find_map(|kind| templates.trouble(kind)) {
        return Err(format!("{trouble}; until then mails go out by the templates that ship"));
    }
    let stray = templates.strays().first();
    stray.map_or(Ok(()), |stray| Err(format!("no template is called {stray}: it has no effect")))
}

fn schedules(world: &World, config: &Config) -> Result<usize, String> {
    let schedules = config.schedules().map_err(|error| error.to_string())?;
    for entry in schedules.iter() {
        schedule::task(entry, world.now).map_err(|failure| failure.message)?;
    }
    Ok(schedules.iter().count())
}

/// One line a finding, under the name of its group.
fn text(examination: &Examination) -> String {
    let mut lines = Vec::new();
    let mut group = None;
    for check in &examination.checks {
        if group != Some(check.group) {
            lines.push(check.group.as_str().to_owned());
            group = Some(check.group);
        }
        lines.push(line(check));
    }
    lines.iter().map(|line| visible(line) + "\n").collect()
}

fn line(check: &Check) -> String {
    let fix = check.fix.as_ref().map(|fix| format!(" -> {fix}")).unwrap_or_default();
    format!("  {:<12} {}: {}{fix}", check.state.as_str(), check.name, check.found)
}

fn summary(examination: &Examination) -> String {
    let count = |state| examination.count(state);
    format!(
        "{} ok, {} to know, {} wrong, {} not checked",
        count(State::Ok),
        count(State::Warn),
        count(State::Wrong),
        count(State::NotChecked)
    )
}
