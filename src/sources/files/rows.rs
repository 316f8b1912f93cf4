//! The rows of a CSV file in Runledger's own `runs` columns.

use std::io::{BufRead, Chain, Cursor, Read};

use super::columns::{Columns, Row};
use super::{Defaults, Failure, LineErrorReason};
use crate::model::JobRun;

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
        let header = rows.headers().map_err(Failure::from)?;
        let columns = Columns::of_header(header.iter());
        let columns = columns.map_err(|reason| Failure { line: 1, reason })?;
        Ok(Self { rows, columns, row: csv::StringRecord::new() })
    }

    /// The next run, or why there is none in its place.
    pub(super) fn next_run(&mut self, defaults: &Defaults) -> Option<Result<JobRun, Failure>> {
        match self.rows.read_record(&mut self.row) {
            Ok(false) => None,
            Err(error) => Some(Err(error.into())),
            Ok(true) => {
                let line = self.row.position().map_or(0, csv::Position::line);
                let cells = |at| self.row.get(at).map(without_guard);
                let run = Row { columns: &self.columns, cells: &cells }.run(defaults);
                Some(run.map_err(|reason| Failure { line, reason }))
            }
        }
    }
}

/// A cell without the apostrophe that keeps a spreadsheet from taking a text for a formula: an
/// export puts one in front of such a text, and takes care that this finds no other.
fn without_guard(cell: &str) -> &str {
    let Some(rest) = cell.strip_prefix('\'') else { return cell };
    let bare = rest.trim_start_matches('\'');
    let formula = bare.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula || bare.starts_with(['\t', '\r', '\n']) { rest } else { cell }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_guarding_apostrophe_is_taken_off() {
        assert_eq!(without_guard("'=1+1"), "=1+1");
        assert_eq!(without_guard("''-x"), "'-x");
        assert_eq!(without_guard("'quoted'"), "'quoted'");
        assert_eq!(without_guard("=1"), "=1");
    }
}
