//! What can go wrong between Runledger and its table, and what to do about it.

use std::path::PathBuf;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::form::FORM;
use crate::aws::{AwsError, Trouble};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The embedded database cannot be opened.
    #[error("cannot open the embedded store {}: {reason}", path.display())]
    OpenFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The SDK's environment and files name no region.
    #[error("no AWS region is set, and table `{table}` is in one")]
    NoRegion {
        /// The table's name.
        table: String,
    },
    /// There is no such table.
    #[error("there is no table `{table}`")]
    NoTable {
        /// The table's name.
        table: String,
    },
    /// The credentials do not allow the call.
    #[error("not allowed to {operation} on table `{table}`: {message}")]
    Denied {
        /// The table's name.
        table: String,
        /// The DynamoDB operation.
        operation: &'static str,
        /// AWS's words.
        message: String,
    },
    /// DynamoDB cannot be used: not reached, no credentials that it takes, throttled, or failing by
    /// itself, after retries.
    #[error("DynamoDB did not answer {operation} on table `{table}`: {message}")]
    Unavailable {
        /// The table's name.
        table: String,
        /// The DynamoDB operation.
        operation: &'static str,
        /// What kind of trouble it is.
        trouble: Trouble,
        /// What happened.
        message: String,
    },
    /// DynamoDB refused the call.
    #[error("DynamoDB refused {operation} on table `{table}`: {message}")]
    Refused {
        /// The table's name.
        table: String,
        /// The DynamoDB operation.
        operation: &'static str,
        /// AWS's code and words.
        message: String,
    },
    /// A newer program has written to the table, in a form that this one does not know.
    #[error(
        "table `{table}` is in form {}, which a newer Runledger wrote; this one knows form {FORM}, \
         and does nothing rather than misread it",
        form.map_or_else(|| "?".to_owned(), |form| form.to_string())
    )]
    Newer {
        /// The table's name.
        table: String,
        /// The number of its form, where it can be read.
        form: Option<u32>,
    },
    /// An item that this version cannot read.
    #[error("item {key} of table `{table}` cannot be read: {reason}")]
    Unreadable {
        /// The table's name.
        table: String,
        /// The item's keys.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Other writers changed the same items, or the table was throttled, again and again.
    #[error("table `{table}`: other writers, or throttling, kept items from being stored")]
    Contended {
        /// The table's name.
        table: String,
    },
}

impl StoreError {
    /// What to do, in one line.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::OpenFile { .. } => "name a writable file with --store embedded:FILE",
            Self::NoTable { .. } => "run `runledger init` with the same --store to create it",
            Self::Denied { .. } => "give the role this action on the table",
            Self::NoRegion { .. } => "set AWS_REGION, or `region` in the AWS profile",
            Self::Unavailable { trouble: Trouble::Throttled, .. } => {
                "start again later, nothing is lost; or raise the table's capacity"
            }
            Self::Unavailable { trouble, .. } => trouble.hint(),
            Self::Refused { .. } => "check that the table has the keys `pk` and `sk`",
            Self::Newer { .. } => "start the newer version again: going back ends at a new form",
            Self::Unreadable { .. } => "a newer version may have written it: upgrade",
            Self::Contended { .. } => "run it again: what was stored until then stays",
        }
    }

    /// Whether AWS could not be reached, as opposed to having said no.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Sorts an SDK error by whose fault it is.
    pub(super) fn of<E>(table: &str, operation: &'static str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let table = table.to_owned();
        let AwsError { trouble, message, .. } = AwsError::new(operation, error);
        match trouble {
            Trouble::NotFound => Self::NoTable { table },
            Trouble::AccessDenied => Self::Denied { table, operation, message },
            Trouble::Other if error.as_service_error().is_some() => {
                Self::Refused { table, operation, message }
            }
            _ => Self::Unavailable { table, operation, trouble, message },
        }
    }
}
