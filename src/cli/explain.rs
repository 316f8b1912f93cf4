//! `explain`: how a run's cost came about, or a period's total down to its lines.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use jiff::civil::Date;

use super::log::say;
use super::output::{data, json, progress};
use super::period::PeriodArguments;
use super::{Exit, Failure, World};
use crate::app::App;
use crate::report::ReportSettings;
use crate::report::explain::{explanation_text, total_text};
use crate::report::words::visible;
use crate::tasks::explain::{Found, RunRequest, Wanted, explain_run, explain_total, find};

/// Runs of one id that are explained one after the other; of more, one has to be chosen.
const EXPLAINED_MAX: usize = 10;

/// After so long a search says where it is.
const LONG: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The run's id
    #[arg(value_name = "RUN_ID", required_unless_present = "total", conflicts_with = "total")]
    run_id: Option<String>,
    /// The account it ran in
    #[arg(long, value_name = "ID", conflicts_with = "total")]
    account: Option<String>,
    /// The region it ran in
    #[arg(long, value_name = "REGION", conflicts_with = "total")]
    region: Option<String>,
    /// Which attempt of it
    #[arg(long, value_name = "N", conflicts_with = "total")]
    attempt: Option<u32>,
    /// The UTC day it ended on, where that is known: found faster
    #[arg(long, value_name = "DAY", conflicts_with = "total")]
    day: Option<Date>,
    /// A period's total instead of a run, down to the lines that make it
    #[arg(long)]
    total: bool,
    #[command(flatten)]
    period: PeriodArguments,
    /// Only this team's total
    #[arg(long, value_name = "TEAM", requires = "total")]
    team: Option<String>,
    /// The report whose weeks are meant
    #[arg(long, value_name = "NAME", default_value = "weekly")]
    report: String,
    /// What to write to stdout
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text, for a terminal
    Text,
    /// The same for programs
    Json,
}

impl Explain {
    pub(super) async fn run(mut self, world: &World) -> Result<Exit, Failure> {
        let app = world.app().await?;
        self.team = self.team.map(|team| app.config.team_named(&team));
        let settings = app.config.report(&self.report).ok_or_else(|| {
            Failure::usage(
                format!("there is no report `{}`", self.report),
                format!("add a [reports.{}] section to the configuration", self.report),
            )
        })?;
        match &self.run_id {
            Some(_) if self.period.is_given() => Err(Failure::usage(
                "a run is in one period, which need not be named",
                "leave it out; --day speeds the search up, and --total explains a period",
            )),
            Some(run_id) => self.explain(world, &app, &settings, run_id).await,
            None => self.total(world, &app, &settings).await,
        }
    }

    async fn explain(
        &self,
        world: &World,
        app: &App,
        settings: &ReportSettings,
        run_id: &str,
    ) -> Result<Exit, Failure> {
        let wanted = Wanted {
            run_id: run_id.to_owned(),
            account: self.account.clone(),
            region: self.region.clone(),
            attempt: self.attempt,
            day: self.day,
        };
        let bar = progress(world.quiet, "searching back to");
        let since = Instant::now();
        let back_to = |day: Date| {
            bar.set_message(format!("searching back to {day}"));
            // Where no bar moves, somebody may still be waiting.
            if bar.is_hidden() && since.elapsed() >= LONG {
                say(world.quiet, &format!("searching back to {day}; --day would say where"));
            }
        };
        let found = find(&app.store, &wanted, world.now, back_to).await;
        bar.finish_and_clear();
        let found = found?;
        if found.runs.is_empty() {
            return Err(self.not_found(run_id, &found, app));
        }
        if found.runs.len() > EXPLAINED_MAX {
            return Err(Failure::usage(
                format!("{} runs have the id `{}`", found.runs.len(), visible(run_id)),
                "choose one with --account, --region or --attempt",
            ));
        }
        let request = RunRequest {
            report: &self.report,
            zone: settings.zone()?,
            retention_days: app.config.store.retention_days,
            now: world.now,
        };
        let (books, ledger) = (app.books().await?, app.ledger());
        let mut explanations = Vec::new();
        for stored in &found.runs {
            let explained = explain_run(&app.store, &ledger, &books, stored, &request).await?;
            explanations.push(explained);
        }
        if explanations.len() > 1 {
            let runs = explanations.len();
            say(
                world.quiet,
                &format!(
                    "note: {runs} runs have this id; --account, --region and --attempt choose"
                ),
            );
        }
        match self.format {
            Format::Json => data(&json(&explanations)?)?,
            Format::Text => {
                let texts: Vec<String> = explanations.iter().map(explanation_text).collect();
                data(&texts.join("\n\n"))?;
            }
        }
        Ok(Exit::Done)
    }

    async fn total(
        &self,
        world: &World,
        app: &App,
        settings: &ReportSettings,
    ) -> Result<Exit, Failure> {
        if self.period.copy_to().is_some() {
            return Err(Failure::usage("nothing is sent by explain", "give --to a time"));
        }
        let period = self.period.period(world.now, &settings.zone()?)?;
        let (books, team) = (app.books().await?, self.team.as_deref());
        let total = explain_total(&app.store, &books, &period, team, world.now).await?;
        data(&match self.format {
            Format::Text => total_text(&total),
            Format::Json => json(&total)?,
        })?;
        Ok(if total.adds_up { Exit::Done } else { Exit::Failed })
    }

    fn not_found(&self, run_id: &str, found: &Found, app: &App) -> Failure {
        let run_id = visible(run_id);
        let message = match self.day {
            Some(day) => format!("no run `{run_id}` ended on {day} (UTC)"),
            None => {
                format!("no run `{run_id}` is stored, open or ended since {}", found.searched_from)
            }
        };
        let days = app.config.store.retention_days;
        let hint = match self.day {
            Some(_) => "leave out --day to search every day that is kept".to_owned(),
            None => format!(
                "check the id, and --account, --region and --attempt; runs are kept for {days} days \
                 after their end; `runledger import` or `collect --since` brings in what is missing"
            ),
        };
        Failure { exit: Exit::Failed, message, hint: Some(hint) }
    }
}
