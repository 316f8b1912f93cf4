//! Tables as CSV: RFC 4180 with CRLF, UTF-8, and safe to open in a spreadsheet. What is not known
//! is an empty cell.
//!
//! A text that a spreadsheet would take for a formula gets an apostrophe in front, which the
//! spreadsheet hides and `import` takes off again. Numbers are written by this program and stay as
//! they are.

use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::rc::Rc;

use super::column::{Column, Field, Kind, Value, columns_of};
use super::figures::{FAILURES, JOBS, OfPeriod};
use super::writer::{FormatWriter, TableError, Tally};
use crate::analysis::Figures;
use crate::model::Usd;

const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// Writes one table as CSV.
pub(super) struct CsvWriter<W: Write> {
    csv: csv::Writer<W>,
    kinds: Vec<Kind>,
}

impl<W: Write> CsvWriter<W> {
    /// Begins with the header, and before it the byte order mark where one is wanted.
    pub(super) fn new(columns: &[&Column], bom: bool, mut out: W) -> Result<Self, TableError> {
        if bom {
            out.write_all(UTF8_BOM)?;
        }
        let mut csv = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .buffer_capacity(1 << 16)
            .from_writer(out);
        csv.write_record(columns.iter().map(|column| column.name)).map_err(refused)?;
        Ok(Self { csv, kinds: columns.iter().map(|column| column.kind).collect() })
    }

    fn write(&mut self, row: &[Value<'_>]) -> Result<(), TableError> {
        for (value, kind) in row.iter().zip(&self.kinds) {
            self.csv.write_field(cell(value, *kind).as_ref()).map_err(refused)?;
        }
        self.csv.write_record(None::<&[u8]>).map_err(refused)
    }
}

impl<W: Write> FormatWriter for CsvWriter<W> {
    fn row(&mut self, _place: usize, row: &[Value<'_>]) -> Result<(), TableError> {
        self.write(row)
    }

    fn finish(mut self: Box<Self>, _tallies: &[Tally]) -> Result<(), TableError> {
        Ok(self.csv.flush()?)
    }
}

fn refused(error: csv::Error) -> TableError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => TableError::Refused { format: "CSV", reason: format!("{other:?}") },
    }
}

fn cell<'a>(value: &'a Value<'_>, kind: Kind) -> Cow<'a, str> {
    match value {
        Value::Null => "".into(),
        Value::Text(value) => text(value),
        Value::Integer(number) => number.to_string().into(),
        Value::Boolean(true) => "true".into(),
        Value::Boolean(false) => "false".into(),
        Value::Timestamp(at) => at.to_string().into(),
        Value::Date(day) => day.to_string().into(),
        Value::Ratio(ratio) => ratio.to_string().into(),
        Value::Exact(exact) => match (kind, exact.at_scale(9)) {
            (Kind::Money, Some(nanos)) => Usd::from_nanos(nanos).to_string().into(),
            _ => exact.to_string().into(),
        },
    }
}

/// A text with an apostrophe where a spreadsheet would take it for a formula, or where it begins
/// with apostrophes before such a text: so taking one off always gives back what was there.
pub(super) fn text(value: &str) -> Cow<'_, str> {
    let bare = value.trim_start_matches('\'');
    // The wide forms count too: a spreadsheet set to Japanese or Chinese takes them for the others.
    let formula = bare.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula || bare.starts_with(['\t', '\r', '\n']) {
        Cow::Owned(format!("'{value}"))
    } else {
        Cow::Borrowed(value)
    }
}

/// Every job of the report, in its order.
///
/// # Errors
/// Never for a writer in memory, as this is.
pub fn jobs_csv(figures: &Figures) -> Result<Vec<u8>, TableError> {
    of_figures(JOBS, figures, &figures.jobs)
}

/// Every failure of the report, in its order.
///
/// # Errors
/// Never for a writer in memory, as this is.
pub fn failures_csv(figures: &Figures) -> Result<Vec<u8>, TableError> {
    of_figures(FAILURES, figures, &figures.failures)
}

fn of_figures<T: Clone>(
    fields: &'static [Field<OfPeriod<T>>],
    figures: &Figures,
    rows: &[T],
) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    let mut csv = CsvWriter::new(&columns_of(fields), false, BufWriter::new(&mut bytes))?;
    let period: Rc<str> = figures.period.name.as_str().into();
    for row in rows {
        let source = OfPeriod { period: Rc::clone(&period), figures: row.clone() };
        let row: Vec<_> = fields.iter().map(|field| (field.value)(&source)).collect();
        csv.write(&row)?;
    }
    csv.csv.flush()?;
    drop(csv);
    Ok(bytes)
}

/// A table of texts and numbers that this program wrote.
pub(super) fn written<'a>(
    header: &[&str],
    rows: impl Iterator<Item = Vec<Cow<'a, str>>>,
) -> Result<Vec<u8>, TableError> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(header).map_err(refused)?;
    for row in rows {
        writer.write_record(row.iter().map(AsRef::as_ref)).map_err(refused)?;
    }
    writer.into_inner().map_err(|error| TableError::Write(error.into_error()))
}

/// A number in such a table.
pub(super) fn number(value: impl std::fmt::Display) -> Cow<'static, str> {
    Cow::Owned(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_stays_a_text() {
        for harmful in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "'=1"] {
            assert!(text(harmful).starts_with('\''), "{harmful}");
            assert_eq!(text(harmful).strip_prefix('\''), Some(harmful));
        }
        assert_eq!(text("load-2026"), "load-2026");
        assert_eq!(text("'quoted'"), "'quoted'");
    }

    #[test]
    fn what_is_written_reads_back() {
        let column = |name, kind| Column { name, kind, meaning: "", is_summed: false };
        let (x, y) = (column("x", Kind::Text), column("y", Kind::Money));
        let mut bytes = Vec::new();
        let mut csv = CsvWriter::new(&[&x, &y], true, &mut bytes).unwrap();
        let money = Value::money(Usd::from_nanos(-1_500_000_000));
        csv.write(&[Value::text("a,\"b\"\r\nc"), money]).unwrap();
        csv.write(&[Value::Null, Value::Null]).unwrap();
        drop(csv);
        assert_eq!(bytes, b"\xEF\xBB\xBFx,y\r\n\"a,\"\"b\"\"\r\nc\",-1.50\r\n,\r\n");
    }
}
