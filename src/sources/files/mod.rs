//! Import files: job runs as AWS's tools print them, read one record at a time.
//!
//! A record that cannot be read is told with its file and line, and the next one is read. What a
//! record means is decided by the converters of its engine.

mod columns;
mod frames;
mod objects;
mod parquet;
mod record;
mod rows;
mod scan;

use std::io::{self, BufRead};

use self::objects::Objects;
use self::parquet::ParquetRows;
use self::rows::Rows;
use super::ConvertError;
use crate::model::JobRun;

const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// How much of a file is looked at to see what it is: more than any header of columns has.
const START_BYTES_MAX: usize = 1 << 16;

/// Where a run was, as far as its file does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The AWS account, twelve digits.
    pub account: Option<String>,
    /// The AWS region, as `eu-west-1`.
    pub region: Option<String>,
}

/// A part of a file that could not be read, as `file:line: reason`. In Parquet, which has no lines,
/// the row's number stands for the line, and 0 for the file as a whole.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct LineError {
    /// The file's path, or `-`.
    pub file: String,
    /// The line on which the record begins, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: LineErrorReason,
}

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineErrorReason {
    /// The record does not say in which account or region it ran, and nobody else does. Another
    /// try with a default for it will do, so the caller has a hint to give.
    #[error("the {0} is not known: the record does not name it, and no default is given")]
    MissingPlace(&'static str),
    /// The text is not what a record is made of, with what it is instead.
    #[error("{0}")]
    Unreadable(String),
    /// An object, but neither engine's.
    #[error(
        "not a job run: expected a Glue `JobRun`, an EMR Serverless `jobRun`, a `Session` or \
         `session` of either, or an EventBridge event"
    )]
    NoRun,
    /// What `aws emr-serverless list-job-runs` and `list-sessions` print.
    #[error(
        "a list of EMR Serverless runs, which leaves out what they used: import the output of \
         `get-job-run` or `get-session` for each"
    )]
    EmrList,
    /// A job run that lacks something, or has something that cannot be.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The file cannot be read any further.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A part of a file that could not be read, before the file's name is put to it.
struct Failure {
    line: u64,
    reason: LineErrorReason,
}

impl Failure {
    fn in_file(self, name: &str) -> LineError {
        LineError { file: name.to_owned(), line: self.line, reason: self.reason }
    }
}

/// Reads the runs of one file, in order: JSON, JSONL, CSV or Parquet, as the file itself shows.
pub struct Reader<'n, R> {
    name: &'n str,
    defaults: Defaults,
    form: Form<R>,
    ended: bool,
}

enum Form<R> {
    Objects(Objects<R>),
    Rows(Box<Rows<R>>),
    Parquet(Box<ParquetRows>),
}

impl<'n, R: BufRead> Reader<'n, R> {
    /// Reads a file that is called `name` in errors: its path, or `-`.
    ///
    /// # Errors
    /// Where the beginning of the file cannot be read, is plainly no text, or is a header without
    /// the columns that make a run.
    pub fn new(mut input: R, name: &'n str, defaults: Defaults) -> Result<Self, LineError> {
        let failed = |failure: Failure| failure.in_file(name);
        let unreadable = |reason| failed(Failure { line: 1, reason });
        let start = read_start(&mut input).map_err(|error| unreadable(error.into()))?;
        if ParquetRows::are_in(&start) {
            let rows = ParquetRows::new(&start, &mut input).map_err(failed)?;
            return Ok(Self { name, defaults, form: Form::Parquet(Box::new(rows)), ended: false });
        }
        if let Some(reason) = foreign_encoding(&start) {
            return Err(unreadable(LineErrorReason::Unreadable(reason.to_owned())));
        }
        let start = start.strip_prefix(UTF8_BOM).unwrap_or(&start).to_vec();
        let form = if Rows::<R>::are_in(&String::from_utf8_lossy(&start)) {
            Form::Rows(Box::new(Rows::new(start, input).map_err(failed)?))
        } else {
            Form::Objects(Objects::new(start, input))
        };
        Ok(Self { name, defaults, form, ended: false })
    }
}

impl<R: BufRead> Iterator for Reader<'_, R> {
    type Item = Result<JobRun, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = match &mut self.form {
            Form::Objects(objects) => objects.next_run(&self.defaults),
            Form::Rows(rows) => rows.next_run(&self.defaults),
            Form::Parquet(rows) => rows.next_run(&self.defaults),
        };
        // An input that failed once would fail again, without end.
        let failed = |failure: &Failure| matches!(failure.reason, LineErrorReason::Io(_));
        self.ended = match &next {
            None => true,
            Some(Err(failure)) => failed(failure),
            Some(Ok(_)) => false,
        };
        next.map(|next| next.map_err(|failure| failure.in_file(self.name)))
    }
}

/// The first line of the input, or as much of it as shows what the file is.
fn read_start(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    while start.len() < START_BYTES_MAX && !start.contains(&b'\n') {
        let ready = input.fill_buf()?;
        let length = ready.len();
        if length == 0 {
            break;
        }
        start.extend_from_slice(ready);
        input.consume(length);
    }
    Ok(start)
}

/// What a file is that is plainly not UTF-8 text, with what to do.
fn foreign_encoding(start: &[u8]) -> Option<&'static str> {
    match start {
        // What Windows PowerShell writes for `aws ... > runs.json`.
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("the file is UTF-16: save it as UTF-8"),
        [0x1F, 0x8B, ..] => Some("the file is compressed with gzip: decompress it first"),
        _ => None,
    }
}
