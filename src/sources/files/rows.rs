//! The runs of a CSV file in the columns of Runledger's own `runs` export: how runs of engines that
//! AWS's APIs do not tell of come in.

use std::collections::BTreeMap;
use std::io::{BufRead, Chain, Cursor, Read};

use jiff::Timestamp;

use super::{Defaults, Failure, LineErrorReason};
use crate::model::{Engine, JobRun, RunIdentity, RunState, Usd};
use crate::sources::ConvertError;
use crate::sources::convert::{name, required, word};
use crate::sources::json::instant;

const RECORD: &str = "a row";

/// The team of a run that has none, in exports.
const NO_TEAM: &str = "Unallocated";

/// Declares the columns that are read, so that a name stands in one place only.
macro_rules! columns {
    ($($column:ident),* $(,)?) => {
        /// Where each column stands in a row.
        #[derive(Default)]
        struct Columns { $($column: Option<usize>),* }

        impl Columns {
            /// Finds the columns by their names; others are passed over.
            fn of_header(header: &csv::StringRecord) -> Self {
                let mut columns = Self::default();
                for (at, title) in header.iter().enumerate() {
                    match title.trim() {
                        $(stringify!($column) => columns.$column = Some(at),)*
                        _ => {}
                    }
                }
                columns
            }
        }
    };
}
columns!(
    account,
    region,
    engine,
    application_id,
    job,
    run_id,
    attempt,
    state,
    started_at,
    ended_at,
    runtime_seconds,
    team,
    cost_usd,
    basis,
);

/// Reads runs from rows, in order.
pub(super) struct Rows<R> {
    rows: csv::Reader<Chain<Cursor<Vec<u8>>, R>>,
    columns: Columns,
    row: csv::StringRecord,
}

impl<R: BufRead> Rows<R> {
    /// Whether a file that begins like this is one of rows: its header has a run's id.
    pub(super) fn are_in(start: &str) -> bool {
        let header = start.lines().next().unwrap_or_default();
        header.split(',').any(|title| title.trim().trim_matches('"') == "run_id")
    }

    /// Reads runs from what has been read of the input already, and from the input.
    ///
    /// # Errors
    /// Where the header cannot be read, or lacks a column without which there is no run.
    pub(super) fn new(read_already: Vec<u8>, input: R) -> Result<Self, Failure> {
        let mut rows = csv::Reader::from_reader(Cursor::new(read_already).chain(input));
        let columns = Columns::of_header(rows.headers().map_err(Failure::from)?);
        let missing = |member| {
            let record = "a header";
            Err(Failure { line: 1, reason: ConvertError::Missing { record, member }.into() })
        };
        match &columns {
            Columns { engine: None, .. } => missing("engine"),
            Columns { run_id: None, .. } => missing("run_id"),
            Columns { state: None, .. } => missing("state"),
            _ => Ok(Self { rows, columns, row: csv::StringRecord::new() }),
        }
    }

    /// The next run, or why there is none in its place.
    pub(super) fn next_run(&mut self, defaults: &Defaults) -> Option<Result<JobRun, Failure>> {
        match self.rows.read_record(&mut self.row) {
            Ok(false) => None,
            Err(error) => Some(Err(error.into())),
            Ok(true) => {
                let line = self.row.position().map_or(0, csv::Position::line);
                let run = self.run(defaults);
                Some(run.map_err(|reason| Failure { line, reason }))
            }
        }
    }

    fn run(&self, defaults: &Defaults) -> Result<JobRun, LineErrorReason> {
        let columns = &self.columns;
        let owned = |column| self.cell(column).map(str::to_owned);
        let identity = RunIdentity {
            account: self.place(columns.account, defaults.account.as_deref(), "account")?,
            region: self.place(columns.region, defaults.region.as_deref(), "region")?,
            engine: Engine::from(required(RECORD, "engine", owned(columns.engine))?.as_str()),
            application_id: word("application_id", owned(columns.application_id))?,
            run_id: required(RECORD, "run_id", owned(columns.run_id))?,
            attempt: self.parsed(columns.attempt, "attempt", "a whole number")?.unwrap_or(1),
        };
        let state = RunState::from(required(RECORD, "state", owned(columns.state))?.as_str());
        let mut run = JobRun::new(identity, state);
        run.job_name = name("job", owned(columns.job))?;
        run.started_at = self.time(columns.started_at, "started_at")?;
        run.ended_at = self.time(columns.ended_at, "ended_at")?;
        run.updated_at = run.ended_at.or(run.started_at);
        run.execution_seconds =
            self.parsed(columns.runtime_seconds, "runtime_seconds", "a whole number")?;
        let team = name("team", owned(columns.team))?.filter(|team| team != NO_TEAM);
        run.tags = team.map(|team| BTreeMap::from([("team".to_owned(), team)]));
        run.imported_cost = self.cost(&run.identity.engine)?;
        Ok(run)
    }

    /// The row's own account or region, else the default.
    fn place(
        &self,
        column: Option<usize>,
        default: Option<&str>,
        what: &'static str,
    ) -> Result<String, LineErrorReason> {
        let place = self.cell(column).or(default).ok_or(LineErrorReason::MissingPlace(what))?;
        Ok(required(RECORD, what, Some(place.to_owned()))?)
    }

    /// The cost of a run that Runledger does not price itself. A cost that it computed once is
    /// computed anew.
    fn cost(&self, engine: &Engine) -> Result<Option<Usd>, LineErrorReason> {
        let is_priced_here = matches!(engine, Engine::Glue | Engine::EmrServerless);
        if is_priced_here && self.cell(self.columns.basis) != Some("imported") {
            return Ok(None);
        }
        let expected = "US dollars of zero or more with at most nine decimals, as 0.66";
        let cost: Option<Usd> = self.parsed(self.columns.cost_usd, "cost_usd", expected)?;
        match cost {
            Some(cost) if cost < Usd::ZERO => {
                Err(self.unexpected(self.columns.cost_usd, "cost_usd", expected).into())
            }
            cost => Ok(cost),
        }
    }

    fn time(
        &self,
        column: Option<usize>,
        member: &str,
    ) -> Result<Option<Timestamp>, LineErrorReason> {
        let Some(text) = self.cell(column) else { return Ok(None) };
        let expected = "a time with an offset, as 2026-11-10T02:00:00Z";
        let time = instant(text).ok_or_else(|| self.unexpected(column, member, expected))?;
        Ok(Some(time))
    }

    fn parsed<T: std::str::FromStr>(
        &self,
        column: Option<usize>,
        member: &str,
        expected: &'static str,
    ) -> Result<Option<T>, LineErrorReason> {
        let Some(text) = self.cell(column) else { return Ok(None) };
        let value = text.parse().map_err(|_| self.unexpected(column, member, expected))?;
        Ok(Some(value))
    }

    fn unexpected(
        &self,
        column: Option<usize>,
        member: &str,
        expected: &'static str,
    ) -> ConvertError {
        ConvertError::unexpected(member, expected, self.cell(column).unwrap_or_default())
    }

    /// What stands in the row under a column; `None` where it is empty.
    fn cell(&self, column: Option<usize>) -> Option<&str> {
        let text = self.row.get(column?)?.trim();
        (!text.is_empty()).then_some(text)
    }
}

impl From<csv::Error> for Failure {
    fn from(error: csv::Error) -> Self {
        let line = error.position().map_or(1, csv::Position::line);
        let reason = match error.into_kind() {
            csv::ErrorKind::Io(error) => LineErrorReason::Io(error),
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                LineErrorReason::Unreadable(format!(
                    "the row has {len} columns, and the header has {expected_len}"
                ))
            }
            csv::ErrorKind::Utf8 { err, .. } => {
                LineErrorReason::Unreadable(format!("not UTF-8 in column {}", err.field() + 1))
            }
            other => LineErrorReason::Unreadable(format!("not CSV: {other:?}")),
        };
        Self { line, reason }
    }
}
