//! From a row in Runledger's own `runs` columns to a run, whatever kind of file the row is in: how
//! runs of engines that AWS's APIs do not tell of come in, and how exported runs come back.
//!
//! A row's cells are texts here. What a file's own types have to do with that is its reader's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Defaults, LineErrorReason};
use crate::model::{
    Architecture, Definition, Engine, ExecutionClass, JobKind, JobRun, Resources, RunIdentity,
    RunState, Usd,
};
use crate::sources::ConvertError;
use crate::sources::convert::{error_text, name, required, word};
use crate::sources::json::instant;

const RECORD: &str = "a row";

/// The team of a run that has none, in exports.
const NO_TEAM: &str = "Unallocated";

const WHOLE: &str = "a whole number";
const POSITIVE: &str = "a decimal number of zero or more, as 0.0625";
const DOLLARS: &str = "US dollars of zero or more with at most nine decimals, as 0.66";
const TIME: &str = "a time with an offset, as 2026-11-10T02:00:00Z";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Whole,
    Decimal,
    Time,
}

/// Declares the columns that are read, so that a name stands in one place only.
macro_rules! columns {
    ($($column:ident: $form:ident),* $(,)?) => {
        /// Where each column stands in a row.
        #[derive(Debug, Default)]
        pub(super) struct Columns { $($column: Option<usize>),* }

        impl Columns {
            /// Finds the columns by their names; others are passed over.
            fn of_names<'n>(names: impl Iterator<Item = &'n str>) -> Self {
                let mut columns = Self::default();
                for (at, name) in names.enumerate() {
                    match name.trim() {
                        $(stringify!($column) => columns.$column = Some(at),)*
                        _ => {}
                    }
                }
                columns
            }
        }

        /// What the column of that name holds; `None` for one that is not read.
        pub(super) fn form_of(name: &str) -> Option<Form> {
            match name {
                $(stringify!($column) => Some(Form::$form),)*
                _ => None,
            }
        }
    };
}
columns!(
    account: Text,
    region: Text,
    engine: Text,
    application_id: Text,
    job: Text,
    run_name: Text,
    run_id: Text,
    attempt: Whole,
    previous_run_id: Text,
    kind: Text,
    state: Text,
    created_at: Time,
    started_at: Time,
    ended_at: Time,
    runtime_seconds: Whole,
    execution_seconds: Whole,
    version: Text,
    execution_class: Text,
    architecture: Text,
    worker_type: Text,
    worker_count: Whole,
    max_capacity: Decimal,
    metered_dpu_seconds: Decimal,
    billed_vcpu_hours: Decimal,
    billed_memory_gb_hours: Decimal,
    billed_storage_gb_hours: Decimal,
    used_vcpu_hours: Decimal,
    used_memory_gb_hours: Decimal,
    used_storage_gb_hours: Decimal,
    trigger: Text,
    error: Text,
    team: Text,
    cost_center: Text,
    environment: Text,
    cost_usd: Decimal,
    basis: Text,
);

impl Columns {
    /// The columns of a header.
    ///
    /// # Errors
    /// Where one is missing without which there is no run.
    pub(super) fn of_header<'n>(
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Self, LineErrorReason> {
        let columns = Self::of_names(names);
        let missing = |member| {
            let record = "a header";
            Err(ConvertError::Missing { record, member }.into())
        };
        match &columns {
            Self { engine: None, .. } => missing("engine"),
            Self { run_id: None, .. } => missing("run_id"),
            Self { state: None, .. } => missing("state"),
            _ => Ok(columns),
        }
    }
}

/// A row: its columns, and the texts in them.
pub(super) struct Row<'r> {
    pub(super) columns: &'r Columns,
    /// What stands at a place of the row.
    pub(super) cells: &'r dyn Fn(usize) -> Option<&'r str>,
}

impl Row<'_> {
    /// The run that the row tells of.
    pub(super) fn run(&self, defaults: &Defaults) -> Result<JobRun, LineErrorReason> {
        let columns = self.columns;
        let mut run = JobRun::new(self.identity(defaults)?, self.state()?);
        // The job's own column has its name folded already.
        let job = self.owned(columns.run_name).or_else(|| self.owned(columns.job));
        run.job_name = name("job", job)?;
        run.previous_run_id = word("previous_run_id", self.owned(columns.previous_run_id))?;
        let kind = word("kind", self.owned(columns.kind))?;
        run.kind = kind.map(|kind| JobKind::from(kind.as_str()));
        run.created_at = self.time(columns.created_at, "created_at")?;
        run.started_at = self.time(columns.started_at, "started_at")?;
        run.ended_at = self.time(columns.ended_at, "ended_at")?;
        run.updated_at = run.ended_at.or(run.started_at);
        run.execution_seconds = match columns.execution_seconds {
            // An export tells the source's own count apart from what it computed.
            Some(_) => self.parsed(columns.execution_seconds, "execution_seconds", WHOLE)?,
            None => self.parsed(columns.runtime_seconds, "runtime_seconds", WHOLE)?,
        };
        self.capacity(&mut run)?;
        run.trigger = name("trigger", self.owned(columns.trigger))?;
        run.error = error_text(self.owned(columns.error));
        run.tags = self.tags()?;
        run.imported_cost = self.cost(&run.identity.engine)?;
        Ok(run)
    }

    fn identity(&self, defaults: &Defaults) -> Result<RunIdentity, LineErrorReason> {
        let columns = self.columns;
        Ok(RunIdentity {
            account: self.place(columns.account, defaults.account.as_deref(), "account")?,
            region: self.place(columns.region, defaults.region.as_deref(), "region")?,
            engine: Engine::from(required(RECORD, "engine", self.owned(columns.engine))?.as_str()),
            application_id: word("application_id", self.owned(columns.application_id))?,
            run_id: required(RECORD, "run_id", self.owned(columns.run_id))?,
            attempt: self.parsed(columns.attempt, "attempt", WHOLE)?.unwrap_or(1),
        })
    }

    fn state(&self) -> Result<RunState, LineErrorReason> {
        let state = required(RECORD, "state", self.owned(self.columns.state))?;
        Ok(RunState::from(state.as_str()))
    }

    /// What the run's price is computed from.
    fn capacity(&self, run: &mut JobRun) -> Result<(), LineErrorReason> {
        let columns = self.columns;
        run.version = word("version", self.owned(columns.version))?;
        let class = word("execution_class", self.owned(columns.execution_class))?;
        run.execution_class = class.map(|class| ExecutionClass::from(class.as_str()));
        run.worker_type = word("worker_type", self.owned(columns.worker_type))?;
        run.worker_count = self.parsed(columns.worker_count, "worker_count", WHOLE)?;
        run.max_capacity = self.positive(columns.max_capacity, "max_capacity")?;
        run.dpu_seconds = self.positive(columns.metered_dpu_seconds, "metered_dpu_seconds")?;
        run.billed = self.resources([
            (columns.billed_vcpu_hours, "billed_vcpu_hours"),
            (columns.billed_memory_gb_hours, "billed_memory_gb_hours"),
            (columns.billed_storage_gb_hours, "billed_storage_gb_hours"),
        ])?;
        run.used = self.resources([
            (columns.used_vcpu_hours, "used_vcpu_hours"),
            (columns.used_memory_gb_hours, "used_memory_gb_hours"),
            (columns.used_storage_gb_hours, "used_storage_gb_hours"),
        ])?;
        let architecture = word("architecture", self.owned(columns.architecture))?;
        run.definition = architecture.map(|architecture| Definition {
            // Older than any that a source was asked for, so that it yields to one.
            observed_at: Timestamp::UNIX_EPOCH,
            architecture: Some(Architecture::from(architecture.as_str())),
            ..Definition::default()
        });
        Ok(())
    }

    /// vCPU-, memory- and storage-hours; `None` where the first two are not both known.
    fn resources(
        &self,
        [vcpu, memory, storage]: [(Option<usize>, &'static str); 3],
    ) -> Result<Option<Resources>, LineErrorReason> {
        let of = |(column, member)| self.positive(column, member);
        let (vcpu_hours, memory, storage) = (of(vcpu)?, of(memory)?, of(storage)?);
        let known = vcpu_hours.zip(memory);
        Ok(known.map(|(vcpu_hours, memory_gb_hours)| Resources {
            vcpu_hours,
            memory_gb_hours,
            storage_gb_hours: storage.unwrap_or_default(),
        }))
    }

    /// Who pays, as tags: these decide before any rule.
    fn tags(&self) -> Result<Option<BTreeMap<String, String>>, LineErrorReason> {
        let columns = self.columns;
        let team = name("team", self.owned(columns.team))?.filter(|team| team != NO_TEAM);
        let cost_center = name("cost_center", self.owned(columns.cost_center))?;
        let environment = name("environment", self.owned(columns.environment))?;
        let told = [("team", team), ("cost-center", cost_center), ("environment", environment)];
        let tags: BTreeMap<String, String> =
            told.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        Ok((!tags.is_empty()).then_some(tags))
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
        let column = self.columns.cost_usd;
        let is_priced_here = matches!(engine, Engine::Glue | Engine::EmrServerless);
        if is_priced_here && self.cell(self.columns.basis) != Some("imported") {
            return Ok(None);
        }
        match self.parsed::<Usd>(column, "cost_usd", DOLLARS)? {
            Some(cost) if cost < Usd::ZERO => {
                Err(self.unexpected(column, "cost_usd", DOLLARS).into())
            }
            cost => Ok(cost),
        }
    }

    fn positive(
        &self,
        column: Option<usize>,
        member: &str,
    ) -> Result<Option<Decimal>, LineErrorReason> {
        match self.parsed::<Decimal>(column, member, POSITIVE)? {
            Some(number) if number < Decimal::ZERO => {
                Err(self.unexpected(column, member, POSITIVE).into())
            }
            number => Ok(number),
        }
    }

    fn time(
        &self,
        column: Option<usize>,
        member: &str,
    ) -> Result<Option<Timestamp>, LineErrorReason> {
        let Some(text) = self.cell(column) else { return Ok(None) };
        let time = instant(text).ok_or_else(|| self.unexpected(column, member, TIME))?;
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

    fn owned(&self, column: Option<usize>) -> Option<String> {
        self.cell(column).map(str::to_owned)
    }

    /// What stands in the row under a column; `None` where it is empty.
    fn cell(&self, column: Option<usize>) -> Option<&str> {
        let text = (self.cells)(column?)?.trim();
        (!text.is_empty()).then_some(text)
    }
}
