//! `bill`: reads AWS's bill from Cost Explorer, and shows it beside the estimate.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::log::{complain, say};
use super::output::{data, json, progress};
use super::period::PeriodArguments;
use super::{Exit, Failure, World};
use crate::analysis::{BillState, Comparison};
use crate::model::Period;
use crate::report::bill_text;
use crate::tasks::bill::{Refreshed, comparison, days_of_interest, refresh};

#[derive(Debug, Args)]
pub(super) struct Bill {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read what is due of the bill; AWS takes $0.01 for each request
    Refresh(Refresh),
    /// Show the estimate beside the bill as far as it was read; asks AWS nothing
    Show(Show),
}

#[derive(Debug, Args)]
struct Refresh {
    /// The UTC month to read, as 2026-10 [default: last month and this one]
    #[arg(long, value_name = "MONTH", conflicts_with = "since")]
    month: Option<String>,
    /// The first UTC day to read, as 2026-09-01
    #[arg(long, value_name = "DAY")]
    since: Option<Date>,
    /// Requests that may be made [default: `max_requests` under `[bill]`]
    #[arg(long, value_name = "N")]
    max_requests: Option<u32>,
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    period: PeriodArguments,
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// End with 3 where the gap is beyond the tolerance or more was estimated than billed, and
    /// with 4 where days of the bill are missing
    #[arg(long)]
    exit_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text, for a terminal
    Text,
    /// Every figure
    Json,
}

impl Bill {
    /// Whether it asks AWS, and stores the answers.
    pub(super) const fn refreshes(&self) -> bool {
        matches!(self.command, Command::Refresh(_))
    }

    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        match self.command {
            Command::Refresh(refresh) => refresh.run(world).await,
            Command::Show(show) => show.run(world).await,
        }
    }
}

impl Refresh {
    async fn run(self, world: &World) -> Result<Exit, Failure> {
        let days = match (&self.month, self.since) {
            (Some(month), _) => Period::month(month, &TimeZone::UTC)?.utc_day_range(),
            (_, Some(since)) => since..days_of_interest(world.now).end,
            _ => days_of_interest(world.now),
        };
        if days.start >= days_of_interest(world.now).end {
            return Err(Failure::usage(
                "no day of these is over, so there is nothing of a bill to read",
                "ask for days before today, in UTC",
            ));
        }
        let app = world.app_to_write().await?;
        let settings = &app.config.bill;
        if settings.accounts.is_empty() {
            return Err(Failure::usage(
                "reading the bill is not switched on: no account is configured for it",
                "add an account under [[bill.accounts]]; AWS takes $0.01 for each request",
            ));
        }
        let accounts = app.accounts().await;
        let max_requests = self.max_requests.unwrap_or(settings.max_requests);
        let bar = progress(world.quiet, "reading the bill");
        let done = refresh(&app.store, &accounts, settings, days, max_requests, world.now).await;
        bar.finish_and_clear();
        let done = done?;
        world.journal.count("cost_explorer_requests", done.requests.into());
        tell(world, &done);
        Ok(match done.exit_code() {
            0 => Exit::Done,
            4 => Exit::Partly,
            5 => Exit::AwsUnavailable,
            _ => Exit::Failed,
        })
    }
}

fn tell(world: &World, done: &Refreshed) {
    for account in &done.accounts {
        let days = |number: usize| if number == 1 { "day" } else { "days" };
        let mut line = format!("bill of {}: ", account.account);
        if account.days_due == 0 {
            line += "nothing is due, nothing was asked";
        } else {
            let (due, read) = (account.days_due, account.days_read);
            line += &format!("{due} {} due, {read} {} read", days(due), days(read));
        }
        match &account.failure {
            Some(failure) => {
                let message = format!("{line}; not read to the end: {}", failure.message);
                complain(&message, Some(failure.hint));
            }
            None => say(world.quiet, &line),
        }
    }
    let cents = done.requests;
    say(
        world.quiet,
        &format!(
            "{} to Cost Explorer, ${}.{:02}",
            match done.requests {
                1 => "1 request".to_owned(),
                number => format!("{number} requests"),
            },
            cents / 100,
            cents % 100
        ),
    );
}

impl Show {
    async fn run(self, world: &World) -> Result<Exit, Failure> {
        if self.period.copy_to().is_some() {
            return Err(Failure::usage(
                "--to takes a day or an instant here, and no address",
                "give it with --from, as --from 2026-11-09 --to 2026-11-16",
            ));
        }
        let days = self.period.period(world.now, &TimeZone::UTC)?.utc_day_range();
        let app = world.app().await?;
        let books = app.books().await?;
        let comparison = comparison(&app.store, &books, &app.config.bill, days, world.now).await?;
        data(&match self.format {
            Format::Text => bill_text(&comparison),
            Format::Json => json(&comparison)?,
        })?;
        Ok(if self.exit_code { exit(&comparison) } else { Exit::Done })
    }
}

fn exit(comparison: &Comparison) -> Exit {
    let true_up = &comparison.true_up;
    if true_up.over_tolerance || !true_up.over_estimates.is_empty() {
        Exit::Found
    } else if true_up.state == BillState::Unknown || true_up.days_read < true_up.day_count {
        Exit::Partly
    } else {
        Exit::Done
    }
}
