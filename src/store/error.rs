//! What can go wrong between Runledger and its table, and what to do about it.

use std::path::PathBuf;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

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
    /// DynamoDB cannot be reached, or answers with errors of its own, after retries.
    #[error("DynamoDB did not answer {operation} on table `{table}`: {message}")]
    Unavailable {
        /// The table's name.
        table: String,
        /// The DynamoDB operation.
        operation: &'static str,
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
    /// Other writers changed the same runs again and again.
    #[error("table `{table}`: other writers kept changing the same items; nothing is lost")]
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
            Self::Unavailable { .. } => {
                "check region, network, credentials and AWS_ENDPOINT_URL_DYNAMODB, then run it again"
            }
            Self::Refused { .. } => "check that the table has the keys `pk` and `sk`",
            Self::Unreadable { .. } => "a newer version may have written it: upgrade",
            Self::Contended { .. } => "run it again",
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
        let Some(service) = error.as_service_error() else {
            let message = DisplayErrorContext(error).to_string();
            return Self::Unavailable { table, operation, message };
        };
        let code = service.code().unwrap_or("unknown error");
        let message = format!("{code}: {}", service.message().unwrap_or("no message"));
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        match code {
            "ResourceNotFoundException" => Self::NoTable { table },
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "MissingAuthenticationTokenException"
            | "ExpiredTokenException"
            | "InvalidSignatureException" => Self::Denied { table, operation, message },
            "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "ThrottledException" => Self::Unavailable { table, operation, message },
            _ if status >= 500 => Self::Unavailable { table, operation, message },
            _ => Self::Refused { table, operation, message },
        }
    }
}
