//! `report`: shows a report, writes it to a folder, or sends it.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::output::data;
use super::period::PeriodArguments;
use super::{Exit, Failure, World};
use crate::tasks::report::{Request, figures};

#[derive(Debug, Args)]
pub(super) struct Report {
    /// The report's name
    #[arg(default_value = "weekly", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    period: PeriodArguments,
    /// Only this team's runs
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// What to write to stdout
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Text,
    Json,
    Web,
}

impl Report {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let app = world.app().await?;
        let settings = app.config.report(&self.name).ok_or_else(|| {
            Failure::usage(
                format!("there is no report `{}`", self.name),
                format!("add a [reports.{}] section to the configuration", self.name),
            )
        })?;
        let period = self.period.period(world.now, &settings.zone()?)?;
        let books = Arc::new(app.config.books()?);
        let request = Request {
            period,
            team: self.team.clone(),
            now: world.now,
            quotas: app.config.quota_values(),
            sent_at: None,
            sent_before: None,
            restate_threshold: settings.restate_threshold_usd,
        };
        let figures = figures(&app.store, &books, request).await?;
        let json = serde_json::to_string_pretty(&figures)
            .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
        data(&(json + "\n"))?;
        Ok(Exit::Done)
    }
}
