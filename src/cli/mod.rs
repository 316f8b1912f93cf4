//! The command line: one file a command. Here the world is read: arguments, environment, clock.
//!
//! Data goes to stdout, everything else to stderr, and the exit code is a contract (`exit`).

mod alerts;
mod bill;
mod chargeback;
mod collect;
mod config;
mod demo;
mod doctor;
mod exit;
mod explain;
mod export;
mod history;
mod import;
mod init;
mod journal;
mod log;
mod output;
mod period;
mod prices;
mod quota;
mod replay;
mod report;
mod roll_up;
mod schedule;
mod stop;
mod watch;

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use self::journal::{Journal, Task, recorded};
use self::log::{caution, tell_failure};
use self::stop::Stop;
use crate::app::App;
use crate::config::{Config, DEFAULT_FILE, MORE_VARIABLE, TEXT_VARIABLE};
use crate::report::{MailKind, Templates};
use crate::schedule::Due;
use crate::store::StoreLocation;

pub use exit::{Exit, Failure};

/// Keeps the ledger of a company's AWS Glue and EMR Serverless job runs, and tells people what they
/// cost.
#[derive(Debug, Parser)]
#[command(name = "runledger", version, propagate_version = true)]
struct Arguments {
    /// The configuration [default: the text that RUNLEDGER_CONFIG_TOML holds, else runledger.toml,
    /// where there is one]; what RUNLEDGER_CONFIG_MORE_TOML holds is laid over it, key by key
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Where runs are kept: embedded[:FILE] or dynamodb[:TABLE]
    #[arg(long, value_name = "STORE", global = true)]
    store: Option<StoreLocation>,
    /// What "now" is, for data: 2026-11-16 or 2026-11-16T06:00:00Z [default: the clock]
    #[arg(long, value_name = "TIME", global = true, value_parser = now)]
    now: Option<Timestamp>,
    /// Say more on stderr; twice for even more
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what Runledger does on a simulated company, with no AWS account
    Demo(demo::Demo),
    /// Write a configuration that works as it stands, and create the table
    Init(init::Init),
    /// What can be configured: the reference, and a schema for editors
    Config(config::ConfigCommand),
    /// Store runs from files
    Import(import::Import),
    /// Read the runs of the configured AWS accounts
    Collect(collect::Collect),
    /// Collect without end, events as they arrive
    Watch(watch::Watch),
    /// Find what is wrong, and tell those concerned once
    Alerts(alerts::Alerts),
    /// Read the bill from Cost Explorer, and hold it against the estimate
    Bill(bill::Bill),
    /// Show or send a report
    Report(report::Report),
    /// Show how a run's cost, or a period's total, came about
    Explain(explain::Explain),
    /// The rate card: show it, refresh it from AWS's Price List, compare the two
    Prices(prices::Prices),
    /// Show, close or mail finance's month by team and cost centre
    Chargeback(chargeback::Chargeback),
    /// Write tables for other programs: CSV, Parquet, Excel, JSONL
    Export(export::Export),
    /// Compute the roll-ups of the kept days anew, after prices or rules changed
    RollUp(roll_up::RollUp),
    /// Look at everything that can be wrong, and say what to do about it
    Doctor(doctor::Doctor),
    /// What is due when, and doing it: once for a scheduler, or without end
    Schedule(schedule::Schedule),
    /// Compute again what was sent, and say whether it comes out the same; sends nothing
    Replay(replay::Replay),
    /// What Runledger did itself: each run of a task that stores or sends
    History(history::History),
    /// Use against quota, whether a planned start fits, and places held for it
    Quota(quota::Quota),
}

/// What every command is given.
#[derive(Clone, Debug)]
struct World {
    config_file: Option<PathBuf>,
    store: Option<StoreLocation>,
    now: Timestamp,
    /// Whether `--now` says so, rather than the clock.
    now_is_given: bool,
    quiet: bool,
    verbose: bool,
    /// What has it done, where that is a schedule.
    occasion: Option<Occasion>,
    /// The record of the command under way.
    journal: Journal,
    /// Whether it is to end.
    stop: Stop,
}

/// What a schedule says about the command that it has done.
#[derive(Clone, Debug)]
struct Occasion {
    schedule: crate::schedule::Schedule,
    due: Due,
}

/// What the environment says in a variable, if it says anything.
fn said_in(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.trim().is_empty())
}

impl World {
    /// When the command was due, where it is late.
    fn overdue_since(&self) -> Option<Timestamp> {
        self.occasion.as_ref().map(|occasion| occasion.due).filter(|due| due.late).map(|due| due.at)
    }

    fn config(&self) -> Result<Config, Failure> {
        let more = said_in(MORE_VARIABLE);
        Ok(match self.config_text() {
            Some(text) => Config::parse_with(&text, Path::new(TEXT_VARIABLE), more.as_deref())?,
            None => Config::load(self.config_file.as_deref(), more.as_deref())?,
        })
    }

    /// The text of the configuration, where it is in the environment and no file.
    fn config_text(&self) -> Option<String> {
        said_in(TEXT_VARIABLE).filter(|_| self.config_file.is_none())
    }

    /// Where the configuration is, in words, but for what is laid over it.
    fn config_origin(&self) -> String {
        let file = self.config_file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        match self.config_text() {
            Some(_) => format!("the text in {TEXT_VARIABLE}"),
            None => file.display().to_string(),
        }
    }

    /// SHA-256 of the configuration's text, in hexadecimal: which one it is, for the record.
    fn configuration_hash(&self) -> String {
        let file = self.config_file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        let of_file = || std::fs::read_to_string(file).unwrap_or_default();
        let text = self.config_text().unwrap_or_else(of_file);
        let hash = Sha256::digest(text + &said_in(MORE_VARIABLE).unwrap_or_default());
        hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Tells a person what only `-v` asks for.
    fn detail(&self, text: &str) {
        log::say(self.quiet || !self.verbose, text);
    }

    /// Who is at work, for the record: a person and a machine, as far as they say.
    fn who(&self) -> String {
        let name = |variables: &[&str]| variables.iter().find_map(|name| std::env::var(name).ok());
        let user = name(&["USER", "LOGNAME"]).unwrap_or_else(|| "somebody".to_owned());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = name(&["HOSTNAME"]).unwrap_or_else(|| host.trim().to_owned());
        format!("{user}@{host} process {}", std::process::id())
    }

    /// A word that nothing else is called by.
    fn token(&self) -> String {
        let random = || RandomState::new().hash_one(self.now);
        format!("{:016x}{:016x}", random(), random())
    }

    /// For commands that only read: they make no store, so that a mistyped name is noticed.
    async fn app(&self) -> Result<App, Failure> {
        let config = self.config()?;
        let location = self.store.as_ref().unwrap_or(&config.store.location);
        if let StoreLocation::Embedded(file) = location
            && !file.exists()
        {
            return Err(Failure::usage(
                format!("there is no store {}", file.display()),
                "`runledger init`, `import` and `collect` make one; --store names another",
            ));
        }
        self.open(config, self.journal.is_kept()).await
    }

    /// For commands that write: an embedded store is made where there is none.
    async fn app_to_write(&self) -> Result<App, Failure> {
        self.open(self.config()?, true).await
    }

    /// For the command whose sweeps are on record one by one.
    async fn app_to_watch(&self) -> Result<App, Failure> {
        let app = App::open(self.config()?, self.store.clone()).await?;
        if app.store.table().reach().await?.is_behind() {
            app.store.table().record_form().await?;
        }
        Ok(app)
    }

    async fn open(&self, config: Config, writes: bool) -> Result<App, Failure> {
        let app = App::open(config, self.store.clone()).await?;
        let form = app.store.table().reach().await?;
        if writes && form.is_behind() {
            app.store.table().record_form().await?;
        }
        self.journal.begin(&app).await;
        Ok(app)
    }

    /// Says what is wrong with own templates that a mail was to be rendered with, and how a command
    /// ends by that. One that a schedule does is done: trying it again would mend nothing.
    fn by_templates(&self, templates: &Templates, kind: MailKind, exit: Exit) -> Exit {
        for stray in templates.strays() {
            let line = format!("no template is called {stray}: it has no effect");
            caution(self.quiet, &line, None);
        }
        let Some(trouble) = templates.trouble(kind) else { return exit };
        log::complain(
            &format!("own templates fail, and those that ship are used: {trouble}"),
            Some("compare it with the one that ships, in report_templates/ of this version"),
        );
        if exit == Exit::Done && self.occasion.is_none() { Exit::Partly } else { exit }
    }

    /// Says where runs are about to be stored for ever. A warning: the table of a company may have
    /// its reasons, and no run is lost by it.
    async fn warn_without_ttl(&self, app: &App) {
        let table = app.store.table();
        let line = match table.has_ttl().await {
            Ok(true) => return,
            Ok(false) => format!("table `{}` has no TTL, so its runs never expire", table.name()),
            Err(error) => format!("cannot tell whether runs expire: {error}"),
        };
        let hint = "`runledger init` with the same --store turns TTL on";
        caution(self.quiet, &line, Some(hint));
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return unparsed(&error).into(),
    };
    log::start_logging(arguments.verbose, arguments.quiet);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            log::complain(&format!("cannot start: {error}"), None);
            return Exit::Failed.into();
        }
    };
    runtime.block_on(run(arguments)).into()
}

/// Says what is wrong with a command line; help and version go to stdout and are no error.
fn unparsed(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    if !log::is_json() {
        // In its own colours.
        let _ = error.print();
        return Exit::Usage;
    }
    log::start_logging(0, false);
    let text = error.to_string();
    let (what, usage) = text.split_once("\n\n").unwrap_or((&text, ""));
    let hint = Some(usage.trim()).filter(|usage| !usage.is_empty());
    tell_failure(&Failure {
        exit: Exit::Usage,
        message: what.trim_start_matches("error: ").trim_end().to_owned(),
        hint: hint.map(str::to_owned),
    });
    Exit::Usage
}

/// Whether a command line, without the program's name, is one that there is: for documents that
/// give command lines. Nothing is done.
///
/// # Errors
/// With what is wrong with it.
pub fn check_words<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<(), String> {
    let words = std::iter::once("runledger").chain(words);
    match Arguments::try_parse_from(words) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

async fn run(arguments: Arguments) -> Exit {
    let stop = match stop::listen() {
        Ok(stop) => stop,
        Err(failure) => {
            tell_failure(&failure);
            return failure.exit;
        }
    };
    let world = World {
        config_file: arguments.config,
        store: arguments.store,
        now: arguments.now.unwrap_or_else(Timestamp::now),
        now_is_given: arguments.now.is_some(),
        quiet: arguments.quiet,
        verbose: arguments.verbose > 0,
        occasion: None,
        journal: Journal::default(),
        stop,
    };
    let command = arguments.command;
    let ends_itself = command.ends_itself();
    let words = || std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let task = command.task().map(|name| Task { name: name.to_owned(), words: words().collect() });
    let done = recorded(task, &world, async |world| {
        if ends_itself {
            return dispatch(command, world).await;
        }
        tokio::select! {
            done = dispatch(command, world) => done,
            stopped = stop::stopped(world.stop.told()) => Err(stopped),
        }
    });
    // Why it failed is told by then.
    done.await.unwrap_or_else(|failure| failure.exit)
}

impl Command {
    /// What the command is called in the records, where it stores or sends anything. What only
    /// reads is not on record, nor is `init`, which makes the table that records are in; `demo` has
    /// a store of its own, and of `watch` and `schedule serve` each sweep and each task is.
    fn task(&self) -> Option<&'static str> {
        match self {
            Self::Import(_) => Some("import"),
            Self::Collect(_) => Some("collect"),
            Self::Report(report) if report.sends() => Some("report"),
            Self::Alerts(alerts) if alerts.keeps() => Some("alerts"),
            Self::Chargeback(chargeback) if chargeback.keeps() => Some("chargeback"),
            Self::Prices(prices) if prices.refreshes() => Some("prices refresh"),
            Self::Bill(bill) if bill.refreshes() => Some("bill refresh"),
            Self::RollUp(_) => Some("roll-up"),
            Self::Export(export) if export.leaves() => Some("export"),
            Self::Quota(quota) => quota.keeps(),
            _ => None,
        }
    }

    /// Whether it sends reports, which tables can go with.
    const fn sends_reports(&self) -> bool {
        matches!(self, Self::Report(report) if report.sends())
    }

    /// The name of the report that it is, where it is one.
    fn report_name(&self) -> Option<&str> {
        match self {
            Self::Report(report) => Some(report.name()),
            _ => None,
        }
    }

    /// Whether it goes on until it is told to stop, and sees to its end by itself.
    const fn ends_itself(&self) -> bool {
        match self {
            Self::Watch(_) => true,
            Self::Schedule(schedule) => schedule.serves(),
            _ => false,
        }
    }
}

async fn dispatch(command: Command, world: &World) -> Result<Exit, Failure> {
    match command {
        Command::Demo(demo) => demo.run(world).await,
        Command::Init(init) => init.run(world).await,
        Command::Config(config) => config.run(),
        Command::Import(import) => import.run(world).await,
        Command::Collect(collect) => collect.run(world).await,
        Command::Watch(watch) => watch.run(world).await,
        Command::Alerts(alerts) => alerts.run(world).await,
        Command::Bill(bill) => bill.run(world).await,
        Command::Report(report) => report.run(world).await,
        Command::Explain(explain) => explain.run(world).await,
        Command::Prices(prices) => prices.run(world).await,
        Command::Chargeback(chargeback) => chargeback.run(world).await,
        Command::Export(export) => export.run(world).await,
        Command::RollUp(roll_up) => roll_up.run(world).await,
        Command::Replay(replay) => replay.run(world).await,
        Command::History(history) => history.run(world).await,
        Command::Quota(quota) => quota.run(world).await,
        Command::Doctor(doctor) => doctor.run(world).await,
        // A schedule does other commands.
        Command::Schedule(schedule) => Box::pin(schedule.run(world)).await,
    }
}

fn now(text: &str) -> Result<Timestamp, String> {
    let day = || text.parse::<jiff::civil::DateTime>().ok();
    let at_utc = || day()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse()
        .ok()
        .or_else(at_utc)
        .ok_or_else(|| "write it like 2026-11-16 or 2026-11-16T06:00:00Z".to_owned())
}
