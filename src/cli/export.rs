//! `export`: tables for other programs, to a file, standard output or S3.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read};

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use super::log::{caution, say};
use super::output::data;
use super::period::PeriodArguments;
use super::{Exit, Failure, World};
use crate::app::App;
use crate::aws::S3;
use crate::report::words::visible;
use crate::tables::{Format, Options, Table, TableError, TableWriter};
use crate::tasks::export::target::{Spool, Target, copy};
use crate::tasks::export::{CostBasis, ExportError, Exported, Order, export};

#[derive(Debug, Args)]
pub(super) struct Export {
    /// runs, costs, jobs, chains, teams, quota, hourly, focus; several with commas, or all, in xlsx
    #[arg(value_name = "TABLE", required = true, value_delimiter = ',')]
    tables: Vec<String>,
    #[command(flatten)]
    period: PeriodArguments,
    /// Only this team's runs
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// How to write it [default: as the file's name ends, else csv]
    #[arg(long, value_enum)]
    format: Option<FormatArgument>,
    /// Where to: a file, - for stdout, or s3://bucket/key
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: OsString,
    /// To which days `costs` belong; all else but `focus` is by the run's end
    #[arg(long, value_enum, default_value = "ended")]
    basis: BasisArgument,
    /// Begin CSV with a byte order mark, by which Excel knows UTF-8
    #[arg(long)]
    bom: bool,
    /// Take days too that are not over, or not read to their end
    #[arg(long)]
    incomplete: bool,
    /// Show the tables' columns, with type and meaning, and export nothing
    #[arg(long)]
    columns: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArgument {
    Csv,
    Jsonl,
    Parquet,
    Xlsx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BasisArgument {
    /// Wholly to the day on which the run ended, as reports count
    Ended,
    /// To the UTC days in which it ran, as AWS bills
    Used,
}

impl Export {
    /// Whether it leaves the machine.
    pub(super) fn leaves(&self) -> bool {
        self.output.to_string_lossy().starts_with("s3://")
    }

    pub(super) async fn run(mut self, world: &World) -> Result<Exit, Failure> {
        let tables = self.tables()?;
        if self.columns {
            let documented: Vec<String> = tables.iter().map(|table| table.documented()).collect();
            data(&documented.join("\n"))?;
            return Ok(Exit::Done);
        }
        let (target, format) = self.target_and_format(&tables)?;
        let app = world.app().await?;
        self.team = self.team.map(|team| app.config.team_named(&team));
        let order = self.order(&app, world)?;
        write(&app, world, &order, &Output { tables, target, format, bom: self.bom }).await
    }

    fn tables(&self) -> Result<Vec<Table>, Failure> {
        if self.tables.iter().any(|name| name == "all") {
            return Ok(Table::ALL.to_vec());
        }
        let mut tables = Vec::new();
        for name in &self.tables {
            let table = Table::named(name).ok_or_else(|| {
                let names = Table::ALL.map(Table::name).join(", ");
                Failure::usage(
                    format!("there is no table `{name}`"),
                    format!("choose from {names}, or all"),
                )
            })?;
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
        Ok(tables)
    }

    /// Where to and how; what does not go together is refused before anything is read.
    fn target_and_format(&self, tables: &[Table]) -> Result<(Target, Format), Failure> {
        let target = Target::named(&self.output)
            .map_err(|error| Failure::usage(error.to_string(), "or name a file"))?;
        let by_name = || {
            let extension = target.extension()?;
            Format::ALL.into_iter().find(|format| format.word() == extension)
        };
        let format = match self.format {
            Some(FormatArgument::Csv) => Format::Csv,
            Some(FormatArgument::Jsonl) => Format::Jsonl,
            Some(FormatArgument::Parquet) => Format::Parquet,
            Some(FormatArgument::Xlsx) => Format::Xlsx,
            None => by_name().unwrap_or(Format::Csv),
        };
        let refused = |message: String, hint: &str| Err(Failure::usage(message, hint));
        if tables.len() > 1 && format != Format::Xlsx {
            return refused(
                format!("{} holds one table in a file", format.word()),
                "export one after the other, or choose --format xlsx, with a sheet for each",
            );
        }
        if self.bom && format != Format::Csv {
            return refused(format!("--bom is for csv, not {}", format.word()), "leave it out");
        }
        if self.basis == BasisArgument::Used && !tables.contains(&Table::Costs) {
            return refused(
                "--basis used is for costs alone".to_owned(),
                "focus is always on that basis, and all other tables count by the run's end",
            );
        }
        if target == Target::Stdout && !format.is_text() && io::stdout().is_terminal() {
            return refused(
                format!("{} is nothing for a terminal", format.word()),
                "name a file with -o, or redirect the output",
            );
        }
        Ok((target, format))
    }

    fn order(&self, app: &App, world: &World) -> Result<Order, Failure> {
        let basis = match self.basis {
            BasisArgument::Ended => CostBasis::Ended,
            BasisArgument::Used => CostBasis::Used,
        };
        let (team, incomplete) = (self.team.clone(), self.incomplete);
        Ok(Order { team, basis, incomplete, ..order(app, world, &self.period)? })
    }
}

/// The order of everything of a period.
pub(super) fn order(app: &App, world: &World, period: &PeriodArguments) -> Result<Order, Failure> {
    let zone = app.config.report("weekly").unwrap_or_default().zone()?;
    Ok(Order {
        period: period.period(world.now, &zone)?,
        utc_period: period.period(world.now, &TimeZone::UTC)?,
        team: None,
        basis: CostBasis::Ended,
        incomplete: false,
        now: world.now,
        quotas: app.config.quota_values(),
        expected: app.config.expected_sources(),
    })
}

/// Which tables go where, and how.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) tables: Vec<Table>,
    pub(super) target: Target,
    pub(super) format: Format,
    pub(super) bom: bool,
}

/// Writes tables, and says what was written.
pub(super) async fn write(
    app: &App,
    world: &World,
    order: &Order,
    output: &Output,
) -> Result<Exit, Failure> {
    let Output { tables, target, format, bom } = output;
    let spool = Spool::open(target).map_err(|error| cannot_write(target, &error))?;
    let out = spool.file().map_err(|error| cannot_write(target, &error))?;
    let options = Options { bom: *bom, created: world.now, sheet_rows_max: None };
    let failed = |error: ExportError| match error {
        ExportError::Table(TableError::Write(error)) => cannot_write(target, &error),
        other => other.into(),
    };
    let writer = TableWriter::new(*format, tables, &options, out);
    let writer = writer.map_err(|error| failed(error.into()))?;
    let books = app.books().await?;
    let exported = export(&app.store, &books, order, writer).await.map_err(failed)?;
    deliver(app, spool, target, *format).await?;
    Ok(tell(world, target, &exported))
}

/// Brings what was written to its place.
async fn deliver(app: &App, spool: Spool, target: &Target, format: Format) -> Result<(), Failure> {
    let file = spool.finish().map_err(|error| cannot_write(target, &error))?;
    let (Some(file), target) = (file, target) else { return Ok(()) };
    match target {
        Target::S3(place) => {
            let s3 = S3::new(app.aws().await);
            s3.put(file, place, format.content_type()).await.map_err(|error| Failure {
                exit: if error.is_unavailable() { Exit::AwsUnavailable } else { Exit::Failed },
                message: error.to_string(),
                hint: Some(error.trouble.hint().to_owned()),
            })
        }
        Target::Device(path) => {
            let copied = File::options().write(true).open(path).map(|mut to| copy(file, &mut to));
            copied.and_then(|done| done).map_err(|error| cannot_write(target, &error))
        }
        Target::Stdout | Target::File(_) => to_stdout(file, format),
    }
}

/// A reader that has gone away (`| head`) is no failure; a full disk behind a redirection is.
fn to_stdout(mut file: File, format: Format) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let done = if stdout.is_terminal() && format.is_text() {
        // Names out of AWS may hold what a terminal obeys.
        let mut text = String::new();
        file.read_to_string(&mut text).and_then(|_| {
            let lines: Vec<_> = text.split('\n').map(|line| visible(line.trim_end())).collect();
            io::Write::write_all(&mut stdout, lines.join("\n").as_bytes())
        })
    } else {
        copy(file, &mut stdout)
    };
    match done {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(cannot_write(&Target::Stdout, &error))
        }
        _ => Ok(()),
    }
}

fn cannot_write(target: &Target, error: &io::Error) -> Failure {
    let place = match target {
        Target::Stdout => "to stdout".to_owned(),
        Target::File(path) | Target::Device(path) => path.display().to_string(),
        Target::S3(place) => format!("the temporary file for {place}"),
    };
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded => {
            "make room, or choose another place; nothing half written is left"
        }
        _ => "choose another place with -o; nothing half written is left",
    };
    let message = format!("cannot write {place}: {error}");
    Failure { exit: Exit::Failed, message, hint: Some(hint.to_owned()) }
}

/// Says what was written, and what was not.
fn tell(world: &World, target: &Target, exported: &Exported) -> Exit {
    let place = match target {
        Target::Stdout => "stdout".to_owned(),
        Target::File(path) | Target::Device(path) => path.display().to_string(),
        Target::S3(place) => place.to_string(),
    };
    for tally in &exported.tallies {
        let cost = tally.cost().map_or_else(String::new, |cost| format!(", {cost} USD"));
        let rows = if tally.rows == 1 { "row" } else { "rows" };
        let table = tally.table.name();
        say(world.quiet, &format!("wrote {table}: {} {rows}{cost}, to {place}", tally.rows));
    }
    if exported.unpriced_without_row > 0 {
        let runs = exported.unpriced_without_row;
        let line = format!("{runs} runs without a price are not in focus");
        caution(world.quiet, &line, None);
    }
    if let Some(kept_since) = exported.kept_since {
        let line =
            format!("runs that ended before {kept_since} are past their retention, and gone");
        caution(world.quiet, &line, None);
    }
    let Some(left_out) = &exported.left_out else {
        return if exported.kept_since.is_some() { Exit::Partly } else { Exit::Done };
    };
    let line = format!("nothing is exported from {} on: {}", left_out.from, left_out.because);
    let hint = "--incomplete takes days too that are not complete";
    caution(world.quiet, &line, Some(hint));
    Exit::Partly
}
