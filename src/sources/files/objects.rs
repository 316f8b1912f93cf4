//! The runs of a JSON or JSONL file.

use std::collections::VecDeque;
use std::io::BufRead;
use std::ops::Range;

use super::frames::{Frames, MisfitReason};
use super::record::{Content, GlueRecord, content, glue_record};
use super::{Defaults, Failure, LineErrorReason};
use crate::model::JobRun;

/// Reads runs from JSON objects, in order.
pub(super) struct Objects<R> {
    frames: Frames<R>,
    /// The records of the page at hand that are still to be read: where in the frames' bytes, and
    /// on which line.
    page: VecDeque<(Range<usize>, u64)>,
    /// What the page at hand is of.
    page_of: GlueRecord,
    /// Runs that an event told of besides its first.
    runs: VecDeque<JobRun>,
}

impl<R: BufRead> Objects<R> {
    /// Reads runs from what has been read of the input already, and from the input.
    pub(super) fn new(read_already: Vec<u8>, input: R) -> Self {
        let frames = Frames::new(read_already, input);
        let (page, page_of) = (VecDeque::new(), GlueRecord::JobRun);
        Self { frames, page, page_of, runs: VecDeque::new() }
    }

    /// The next run, or why there is none in its place.
    pub(super) fn next_run(&mut self, defaults: &Defaults) -> Option<Result<JobRun, Failure>> {
        loop {
            if let Some(run) = self.runs.pop_front() {
                return Some(Ok(run));
            }
            if let Some((range, line)) = self.page.pop_front() {
                let json = text(&self.frames.bytes()[range]);
                let kind = self.page_of;
                let run = json.and_then(|json| glue_record(kind, json, line, defaults));
                return Some(run.map_err(|reason| Failure { line, reason }));
            }
            let frame = match self.frames.next_frame()? {
                Ok(frame) => frame,
                Err(misfit) => return Some(Err((misfit.line, misfit.reason).into())),
            };
            match self.read(frame.range, frame.line, defaults) {
                Ok(Some(run)) => return Some(Ok(run)),
                Ok(None) => {}
                Err(reason) => return Some(Err(Failure { line: frame.line, reason })),
            }
        }
    }

    /// The run of an object; none where it holds several, which come next, or tells of none.
    fn read(
        &mut self,
        range: Range<usize>,
        line: u64,
        defaults: &Defaults,
    ) -> Result<Option<JobRun>, LineErrorReason> {
        let start = range.start;
        match content(text(&self.frames.bytes()[range])?, line, defaults)? {
            Content::Run(run) => return Ok(Some(*run)),
            Content::Runs(runs) => self.runs.extend(runs),
            Content::GluePage(kind, records) => {
                self.page_of = kind;
                let moved = |(inner, line): (Range<usize>, u64)| {
                    (start + inner.start..start + inner.end, line)
                };
                self.page.extend(records.into_iter().map(moved));
            }
        }
        Ok(None)
    }
}

impl From<(u64, MisfitReason)> for Failure {
    fn from((line, reason): (u64, MisfitReason)) -> Self {
        let reason = match reason {
            MisfitReason::Io(error) => LineErrorReason::Io(error),
            reason => LineErrorReason::Unreadable(reason.to_string()),
        };
        Self { line, reason }
    }
}

fn text(bytes: &[u8]) -> Result<&str, LineErrorReason> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to() + 1;
        LineErrorReason::Unreadable(format!("not UTF-8 at byte {at} of the record"))
    })
}
