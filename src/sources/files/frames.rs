//! Cuts an input into its JSON objects, one at a time, and finds the way back after a broken one.
//!
//! Arrays around objects, commas and line ends between them are all passed over, so that JSON,
//! JSONL, arrays and documents set one behind the other are one format. Only the object at hand is
//! in memory. What an object means is not asked here.

use std::io::{self, BufRead};
use std::ops::Range;

use super::scan::{Break, Found, Scan};
use crate::sources::convert::shown;

/// Bytes of one object. A page of `get-job-runs` has 200 kB; the CLI joins all pages of a job.
const OBJECT_BYTES_MAX: usize = 256 << 20;

/// Bytes of a text that is no object, as far as an error looks at it.
const SHOWN_BYTES_MAX: usize = 200;

/// One object of the input.
#[derive(Debug)]
pub(super) struct Frame {
    /// Where it is in [`Frames::bytes`].
    pub(super) range: Range<usize>,
    /// The line on which it begins, from 1.
    pub(super) line: u64,
}

/// What is not an object.
#[derive(Debug)]
pub(super) struct Misfit {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// What is wrong with it.
    pub(super) reason: MisfitReason,
}

/// Why a part of the input is not an object.
#[derive(Debug, thiserror::Error)]
pub(super) enum MisfitReason {
    #[error("not a JSON object: {0}")]
    Broken(Break),
    #[error("not a JSON object: the file ends inside it")]
    Unfinished,
    #[error("the file ends inside the array that begins here")]
    UnfinishedArray,
    #[error("one object has more than {} MB; split the file", OBJECT_BYTES_MAX >> 20)]
    TooLong,
    #[error("expected a JSON object, and found `{0}`")]
    NoObject(String),
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The objects of an input.
pub(super) struct Frames<R> {
    input: R,
    /// What has been read and not been passed yet.
    buffer: Vec<u8>,
    /// Where in the buffer the next object is looked for.
    at: usize,
    /// The line of `at`, from 1, and how far it is indented.
    line: u64,
    indent: usize,
    in_indent: bool,
    /// How many arrays are open around the objects, and where the outermost began.
    arrays: u64,
    arrays_line: u64,
    object_bytes_max: usize,
}

impl<R: BufRead> Frames<R> {
    /// Reads objects from what has been read of the input already, and from the input.
    pub(super) const fn new(read_already: Vec<u8>, input: R) -> Self {
        Self {
            input,
            buffer: read_already,
            at: 0,
            line: 1,
            indent: 0,
            in_indent: true,
            arrays: 0,
            arrays_line: 0,
            object_bytes_max: OBJECT_BYTES_MAX,
        }
    }

    /// What the ranges of frames are ranges of, until the next call of [`Self::next_frame`].
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// The next object, or what stands in the place of one. An error of the input itself may come
    /// again and again: the caller stops there.
    pub(super) fn next_frame(&mut self) -> Option<Result<Frame, Misfit>> {
        loop {
            let Some(byte) = self.buffer.get(self.at).copied() else {
                match self.read_more() {
                    Ok(true) => continue,
                    Ok(false) => return self.unfinished_array().map(Err),
                    Err(error) => {
                        return Some(Err(Misfit { line: self.line, reason: error.into() }));
                    }
                }
            };
            match byte {
                b'\n' => self.begin_line(),
                b' ' | b'\t' => {
                    self.indent += usize::from(self.in_indent);
                    self.at += 1;
                }
                b'\r' | b',' | b'[' | b']' => self.punctuation(byte),
                b'{' => return Some(self.object()),
                _ => return Some(Err(self.no_object())),
            }
        }
    }

    /// Takes the object that begins at `at`.
    fn object(&mut self) -> Result<Frame, Misfit> {
        let line = self.line;
        let mut scan = Scan::default();
        let mut scanned = 0;
        let reason = loop {
            match scan.feed(&self.buffer[self.at + scanned..]) {
                Found::End(length) => {
                    let range = self.at..self.at + scanned + length;
                    self.at = range.end;
                    self.line += scan.lines;
                    self.in_indent = false;
                    return Ok(Frame { range, line });
                }
                Found::Broken(reason) => break MisfitReason::Broken(reason),
                Found::More => scanned = self.buffer.len() - self.at,
            }
            if scanned > self.object_bytes_max {
                break MisfitReason::TooLong;
            }
            match self.read_more() {
                Ok(true) => {}
                Ok(false) => break MisfitReason::Unfinished,
                Err(error) => break error.into(),
            }
        };
        self.recover(scan.lines > 0);
        Err(Misfit { line, reason })
    }

    /// Goes on behind a broken object. One that broke on its own line costs that line. One that
    /// goes over several lines has broken somewhere inside: what is indented deeper than its first
    /// line is taken for a part of it, up to a line that opens a record again. So a line of JSONL
    /// that has lost its end does not take the next one along, and a broken document is told once.
    fn recover(&mut self, over_lines: bool) {
        self.arrays = 0;
        let indent_max = self.indent;
        while self.skip_line() {
            if !over_lines {
                return;
            }
            while let Some(b' ' | b'\t') = self.peek() {
                self.indent += 1;
                self.at += 1;
            }
            if self.indent <= indent_max && matches!(self.peek(), Some(b'{' | b'[')) {
                return;
            }
        }
    }

    fn no_object(&mut self) -> Misfit {
        let line = self.line;
        while self.buffer.len() - self.at < SHOWN_BYTES_MAX && matches!(self.read_more(), Ok(true))
        {
        }
        let rest = &self.buffer[self.at..];
        let text = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = String::from_utf8_lossy(&text[..text.len().min(SHOWN_BYTES_MAX)]);
        let reason = MisfitReason::NoObject(shown(text.trim_end()));
        self.arrays = 0;
        self.skip_line();
        Misfit { line, reason }
    }

    /// The one mistake that only the end of the input shows, told once.
    fn unfinished_array(&mut self) -> Option<Misfit> {
        let open = std::mem::take(&mut self.arrays) > 0;
        open.then_some(Misfit { line: self.arrays_line, reason: MisfitReason::UnfinishedArray })
    }

    /// Passes what stands between objects.
    fn punctuation(&mut self, byte: u8) {
        if byte == b'[' {
            if self.arrays == 0 {
                self.arrays_line = self.line;
            }
            self.arrays += 1;
        } else if byte == b']' {
            self.arrays = self.arrays.saturating_sub(1);
        }
        self.in_indent = false;
        self.at += 1;
    }

    /// Passes the line end at `at`.
    fn begin_line(&mut self) {
        self.at += 1;
        self.line += 1;
        self.indent = 0;
        self.in_indent = true;
    }

    /// Goes to the beginning of the next line; false where there is none.
    fn skip_line(&mut self) -> bool {
        loop {
            match self.buffer[self.at..].iter().position(|byte| *byte == b'\n') {
                Some(length) => {
                    self.at += length;
                    self.begin_line();
                    return true;
                }
                None => self.at = self.buffer.len(),
            }
            // An error of the input is met again, and told, by whoever reads on.
            if !matches!(self.read_more(), Ok(true)) {
                return false;
            }
        }
    }

    /// The byte at `at`, read from the input where needed.
    fn peek(&mut self) -> Option<u8> {
        if self.at == self.buffer.len() && !matches!(self.read_more(), Ok(true)) {
            return None;
        }
        self.buffer.get(self.at).copied()
    }

    /// Lets go of what is before `at`, and adds what the input has ready; false at its end.
    fn read_more(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let length = loop {
            match self.input.fill_buf() {
                Ok(ready) => {
                    self.buffer.extend_from_slice(ready);
                    break ready.len();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        self.input.consume(length);
        Ok(length > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// What is told of a text, read in pieces of a few bytes: `line:text` or `line!reason`.
    fn told(text: &str, object_bytes_max: usize) -> Vec<String> {
        let mut frames = Frames::new(Vec::new(), BufReader::with_capacity(7, text.as_bytes()));
        frames.object_bytes_max = object_bytes_max;
        let mut told = Vec::new();
        while let Some(next) = frames.next_frame() {
            told.push(match next {
                Ok(Frame { range, line }) => {
                    format!("{line}:{}", String::from_utf8_lossy(&frames.bytes()[range]))
                }
                Err(Misfit { line, reason }) => format!("{line}!{reason}"),
            });
        }
        told
    }

    #[test]
    fn objects_are_found_in_arrays_lines_and_rows() {
        let text = "[{\"a\":1},\n {\"b\":\n 2}][]\n\n{\"c\":3}{\"d\":4}\r\n{\"e\":5}";
        assert_eq!(
            told(text, 99),
            ["1:{\"a\":1}", "2:{\"b\":\n 2}", "5:{\"c\":3}", "5:{\"d\":4}", "6:{\"e\":5}"]
        );
    }

    #[test]
    fn a_lost_end_of_an_array_is_told() {
        let text = "{\"a\":1}\n[\n{\"b\":2},\n";
        assert_eq!(
            told(text, 99),
            ["1:{\"a\":1}", "3:{\"b\":2}", "2!the file ends inside the array that begins here"]
        );
    }

    #[test]
    fn an_element_of_an_array_that_is_broken_costs_no_other() {
        let text = "[\n  {\n    \"a\": \"x\n  },\n  {\n    \"b\": 2\n  }\n]\n{\"c\":3}";
        assert_eq!(
            told(text, 99),
            [
                "2!not a JSON object: a text has no closing quote on its line",
                "5:{\n    \"b\": 2\n  }",
                "9:{\"c\":3}"
            ]
        );
    }

    #[test]
    fn what_is_no_object_is_told_line_by_line() {
        let text = "hello\n17\n{\"a\":1} tail {\"b\":2}\n{\"c\":3}";
        assert_eq!(
            told(text, 99),
            [
                "1!expected a JSON object, and found `hello`",
                "2!expected a JSON object, and found `17`",
                "3:{\"a\":1}",
                "3!expected a JSON object, and found `tail {\"b\":2}`",
                "4:{\"c\":3}"
            ]
        );
    }

    #[test]
    fn an_object_without_measure_is_let_go() {
        let long = format!("{{\"a\":\"{}\"}}\n{{\"b\":2}}", "x".repeat(200));
        let told = told(&long, 50);
        assert!(told[0].starts_with("1!one object has more than"), "{told:?}");
        assert_eq!(told[1..], ["2:{\"b\":2}"]);
    }
}
