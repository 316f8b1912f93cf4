//! What goes wrong in runs, and what the engines say about it: texts of this room's own making, in
//! the manner of Glue's and Spark's.

use super::chance::Chance;

/// One kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    /// The role may not read or write an object.
    AccessDenied,
    /// An executor ran out of memory.
    OutOfMemory,
    /// The data is not what the job expects.
    Schema,
    /// A database does not answer.
    Connection,
    /// The input is not there yet.
    MissingInput,
    /// Storage asks to slow down.
    SlowDown,
}

/// How often each kind happens: a kind listed twice happens twice as often.
const ODDS: [Mishap; 10] = [
    Mishap::AccessDenied,
    Mishap::OutOfMemory,
    Mishap::OutOfMemory,
    Mishap::Schema,
    Mishap::Schema,
    Mishap::Connection,
    Mishap::Connection,
    Mishap::MissingInput,
    Mishap::MissingInput,
    Mishap::SlowDown,
];

impl Mishap {
    /// What goes wrong this time.
    pub(super) fn draw(chance: &mut Chance) -> Self {
        *chance.pick(&ODDS)
    }

    /// What part of its usual time a run takes until it fails, in percent, at least and at most.
    pub(super) const fn after_percent(self) -> (u32, u32) {
        match self {
            Self::AccessDenied => (5, 95),
            Self::OutOfMemory => (40, 130),
            Self::Schema => (5, 30),
            Self::Connection => (10, 60),
            Self::MissingInput => (3, 10),
            Self::SlowDown => (50, 110),
        }
    }

    /// The probability that the next attempt succeeds: waiting helps against some mishaps alone.
    pub(super) const fn cured_by_retry(self) -> f64 {
        match self {
            Self::Connection | Self::SlowDown => 0.85,
            Self::MissingInput => 0.6,
            Self::OutOfMemory => 0.4,
            Self::AccessDenied | Self::Schema => 0.1,
        }
    }

    /// Glue's `ErrorMessage` for a job of that name.
    pub(super) fn glue_message(self, job: &str, chance: &mut Chance) -> String {
        let bucket = format!("s3://retail-lake/{}", job.replace('-', "/"));
        let call = chance.between(80, 140);
        match self {
            Self::AccessDenied => format!(
                "An error occurred while calling o{call}.pyWriteDynamicFrame. Access Denied \
                 (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: {})",
                chance.hex(16).to_uppercase()
            ),
            Self::OutOfMemory => format!(
                "An error occurred while calling o{call}.parquet. Job aborted due to stage \
                 failure: ExecutorLostFailure (executor {} exited caused by one of the running \
                 tasks) Reason: Container killed for exceeding its memory limit",
                chance.between(1, 12)
            ),
            Self::Schema => "AnalysisException: column 'updated_at' cannot be cast from string to \
                             timestamp in the source partition"
                .to_owned(),
            Self::Connection => format!(
                "An error occurred while calling o{call}.getDynamicFrame. The connection attempt \
                 timed out after 60000 ms (jdbc, port 5432)"
            ),
            Self::MissingInput => format!("AnalysisException: Path does not exist: {bucket}/in"),
            Self::SlowDown => format!(
                "An error occurred while calling o{call}.save. Please reduce your request rate. \
                 (Service: Amazon S3; Status Code: 503; Error Code: SlowDown)"
            ),
        }
    }

    /// EMR Serverless' `stateDetails`.
    pub(super) fn emr_message(self) -> String {
        let cause = match self {
            Self::AccessDenied => {
                "AmazonS3Exception: Access Denied (Status Code: 403; Error Code: AccessDenied)"
            }
            Self::OutOfMemory => "java.lang.OutOfMemoryError: Java heap space",
            Self::Schema => "SparkException: Parquet column 'amount' cannot be read as decimal",
            Self::Connection => "java.net.SocketTimeoutException: connect timed out",
            Self::MissingInput => "java.io.FileNotFoundException: no such file or directory",
            Self::SlowDown => "AmazonS3Exception: Please reduce your request rate (503 SlowDown)",
        };
        format!(
            "Job failed, see the logs at the configured destination. ExitCode: 1. \
             Last exceptions: Caused by: {cause}"
        )
    }
}
