//! How a command ends: the exit codes are a documented contract, by which a scheduler tells
//! breakage from findings and from work half done.

use std::process::ExitCode;

use crate::app::{AlertingError, BooksError, ReportRequestError};
use crate::config::ConfigError;
use crate::model::PeriodError;
use crate::report::TemplateError;
use crate::schedule::ScheduleError;
use crate::store::StoreError;
use crate::tables::{TableError, TableFileError};
use crate::tasks::alerts::AlertsError;
use crate::tasks::export::ExportError;
use crate::tasks::publish::PublishError;
use crate::tasks::report::ReportError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: failed.
    Failed,
    /// 2: wrong usage or configuration; nothing was done.
    Usage,
    /// 3: found what was looked for (alerts), or the answer is no (quota check).
    Found,
    /// 4: partly done: some accounts, lines or recipients failed.
    Partly,
    /// 5: AWS could not be reached.
    AwsUnavailable,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Found => 3,
            Self::Partly => 4,
            Self::AwsUnavailable => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not do its work: what happened, where, what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened, and where.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// Wrong usage or configuration.
    #[must_use]
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hint: Some(hint.into()) }
    }

    /// Anything else.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hint: None }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string(), "`runledger init` writes a configuration with comments")
    }
}

impl From<ScheduleError> for Failure {
    fn from(error: ScheduleError) -> Self {
        Self::usage(error.to_string(), "`runledger schedule list` shows what there is")
    }
}

impl From<PeriodError> for Failure {
    fn from(error: PeriodError) -> Self {
        Self { exit: Exit::Usage, message: error.to_string(), hint: None }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::NoRegion { .. } | StoreError::Newer { .. } => Exit::Usage,
            error if error.is_unavailable() => Exit::AwsUnavailable,
            _ => Exit::Failed,
        };
        Self { exit, message: error.to_string(), hint: Some(error.hint().to_owned()) }
    }
}

impl From<BooksError> for Failure {
    fn from(error: BooksError) -> Self {
        match error {
            BooksError::Store(error) => error.into(),
            BooksError::Config(error) => error.into(),
        }
    }
}

impl From<AlertsError> for Failure {
    fn from(error: AlertsError) -> Self {
        match error {
            AlertsError::Store(error) => error.into(),
            AlertsError::Template(error) => error.into(),
            AlertsError::Table(error) => error.into(),
            AlertsError::State(_) => Self::failed(error.to_string()),
        }
    }
}

impl From<AlertingError> for Failure {
    fn from(error: AlertingError) -> Self {
        Self { exit: Exit::Usage, message: error.to_string(), hint: None }
    }
}

impl From<ReportRequestError> for Failure {
    fn from(error: ReportRequestError) -> Self {
        match error {
            ReportRequestError::Store(error) => error.into(),
            ReportRequestError::Settings(error) => {
                Self { exit: Exit::Usage, message: error.to_string(), hint: None }
            }
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Store(error) => error.into(),
            ReportError::Period(error) => error.into(),
            ReportError::Analysis(error) => Self::failed(error.to_string()),
        }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        // Shipped templates are tested; whoever replaced them can mend them.
        Self { exit: Exit::Usage, message: error.to_string(), hint: None }
    }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<TableFileError> for Failure {
    fn from(error: TableFileError) -> Self {
        Self { exit: Exit::Usage, message: error.to_string(), hint: None }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Table(error) => error.into(),
            ExportError::Period(error) => error.into(),
            ExportError::Analysis(error) => Self::failed(error.to_string()),
            ExportError::Moved => Self::failed(error.to_string()),
        }
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Report(error) => error.into(),
            PublishError::Template(error) => error.into(),
            PublishError::Table(error) => error.into(),
            PublishError::Export(error) => error.into(),
        }
    }
}
