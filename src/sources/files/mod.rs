//! Import files: job runs as AWS's tools print them, read one record at a time.
//!
//! A record that cannot be read is told with its file and line, and the next one is read. What a
//! record means is decided by the converters of its engine.

mod frames;
mod record;
mod scan;

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::ops::Range;

use self::frames::{Frames, Misfit, MisfitReason};
use self::record::{Content, content, glue_run};
use super::ConvertError;
use crate::model::JobRun;

const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// Where a run was, as far as its file does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The AWS account, twelve digits.
    pub account: Option<String>,
    /// The AWS region, as `eu-west-1`.
    pub region: Option<String>,
}

/// A part of a file that could not be read, as `file:line: reason`.
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
    /// The text is not what a record is made of.
    #[error("{0}")]
    NotJson(String),
    /// An object, but neither engine's.
    #[error(
        "not a job run: expected a Glue `JobRun`, an EMR Serverless `jobRun`, or an EventBridge \
         event of either"
    )]
    NoRun,
    /// A job run that lacks something, or has something that cannot be.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The file cannot be read any further.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads the runs of one file, in order.
pub struct Reader<'n, R> {
    name: &'n str,
    defaults: Defaults,
    frames: Frames<R>,
    /// The records of the `JobRuns` at hand that are still to be read: where in the frames' bytes,
    /// and on which line.
    list: VecDeque<(Range<usize>, u64)>,
    /// Runs that a record held besides its first.
    runs: VecDeque<JobRun>,
    ended: bool,
}

impl<'n, R: BufRead> Reader<'n, R> {
    /// Reads a file that is called `name` in errors: its path, or `-`.
    ///
    /// # Errors
    /// Where the beginning of the file cannot be read, or is not text as it is written here.
    pub fn new(mut input: R, name: &'n str, defaults: Defaults) -> Result<Self, LineError> {
        let failed = |reason| LineError { file: name.to_owned(), line: 1, reason };
        let start = read_start(&mut input).map_err(|error| failed(error.into()))?;
        if let Some(reason) = foreign_encoding(&start) {
            return Err(failed(LineErrorReason::NotJson(reason.to_owned())));
        }
        let start = start.strip_prefix(UTF8_BOM).unwrap_or(&start).to_vec();
        Ok(Self {
            name,
            defaults,
            frames: Frames::new(start, input),
            list: VecDeque::new(),
            runs: VecDeque::new(),
            ended: false,
        })
    }

    fn error(&self, line: u64, reason: LineErrorReason) -> LineError {
        LineError { file: self.name.to_owned(), line, reason }
    }

    /// The next record of the `JobRuns` at hand.
    fn next_of_list(&mut self) -> Option<Result<JobRun, LineError>> {
        let (range, line) = self.list.pop_front()?;
        let json = &self.frames.bytes()[range];
        let run = text(json).and_then(|json| glue_run(json, line, &self.defaults));
        Some(run.map_err(|reason| self.error(line, reason)))
    }

    /// The next record of the file; `None` where it holds no run.
    fn read_frame(&mut self, range: Range<usize>, line: u64) -> Option<Result<JobRun, LineError>> {
        let bytes = &self.frames.bytes()[range.clone()];
        match text(bytes).and_then(|json| content(json, line, &self.defaults)) {
            Ok(Content::Run(run)) => Some(Ok(*run)),
            Ok(Content::Runs(runs)) => {
                self.runs.extend(runs);
                self.runs.pop_front().map(Ok)
            }
            Ok(Content::GlueList(records)) => {
                self.list.extend(records.into_iter().map(|(inner, line)| {
                    (range.start + inner.start..range.start + inner.end, line)
                }));
                self.next_of_list()
            }
            Err(reason) => Some(Err(self.error(line, reason))),
        }
    }

    fn misfit(&mut self, misfit: Misfit) -> LineError {
        let reason = match misfit.reason {
            MisfitReason::Io(error) => {
                self.ended = true;
                LineErrorReason::Io(error)
            }
            reason => LineErrorReason::NotJson(reason.to_string()),
        };
        self.error(misfit.line, reason)
    }
}

impl<R: BufRead> Iterator for Reader<'_, R> {
    type Item = Result<JobRun, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(run) = self.runs.pop_front() {
            return Some(Ok(run));
        }
        if let Some(record) = self.next_of_list() {
            return Some(record);
        }
        while !self.ended {
            match self.frames.next_frame()? {
                Err(misfit) => return Some(Err(self.misfit(misfit))),
                Ok(frame) => {
                    if let Some(record) = self.read_frame(frame.range, frame.line) {
                        return Some(record);
                    }
                }
            }
        }
        None
    }
}

/// Enough of the input to see its encoding.
fn read_start(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    while start.len() < UTF8_BOM.len() {
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

fn text(bytes: &[u8]) -> Result<&str, LineErrorReason> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to() + 1;
        LineErrorReason::NotJson(format!("not UTF-8 at byte {at} of the record"))
    })
}
