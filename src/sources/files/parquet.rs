//! The rows of a Parquet file in Runledger's own `runs` columns.
//!
//! Its columns have types, and are held to them before a row is read: a column of another type is a
//! file of another making, and guessing what its numbers mean is how money gets wrong. Columns that
//! are not ours are passed over, whatever they are.

use std::fs::File;
use std::io::{self, BufRead, Seek, Write};
use std::sync::Arc;

use jiff::Timestamp;
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row as Record};
use parquet::schema::types::{Type, TypePtr};
use rust_decimal::Decimal;

use super::columns::{Columns, Form, Row, form_of};
use super::{Defaults, Failure, LineErrorReason};
use crate::model::JobRun;
use crate::sources::convert::shown;

/// How a Parquet file begins, and ends.
const MAGIC: &[u8] = b"PAR1";
/// Digits of a decimal that are read: those that 128 bits hold.
const DECIMAL_BYTES_MAX: usize = 16;

/// Reads runs from the rows of a file, in order.
pub(super) struct ParquetRows {
    rows: RowIter<'static>,
    columns: Columns,
    forms: Vec<Form>,
    number: u64,
}

impl ParquetRows {
    /// Whether a file that begins like this is one.
    pub(super) fn are_in(start: &[u8]) -> bool {
        start.starts_with(MAGIC)
    }

    /// Reads runs from what has been read of the input already, and from the input. A Parquet
    /// file is read from its end, so the input goes through a temporary file without a name.
    ///
    /// # Errors
    /// Where the file is cut or damaged, or lacks a column without which there is no run, or has
    /// one of ours with another type.
    pub(super) fn new(read_already: &[u8], input: &mut impl BufRead) -> Result<Self, Failure> {
        let file = spooled(read_already, input).map_err(|error| failure(0, error.into()))?;
        let reader = SerializedFileReader::new(file).map_err(|error| damaged(0, &error))?;
        let schema = reader.metadata().file_metadata().schema().clone();
        let ours: Vec<TypePtr> = schema
            .get_fields()
            .iter()
            .filter(|field| form_of(field.name()).is_some())
            .cloned()
            .collect();
        let columns = Columns::of_header(ours.iter().map(|field| field.name()));
        let columns = columns.map_err(|reason| failure(0, reason))?;
        let mut forms = Vec::with_capacity(ours.len());
        for field in &ours {
            let Some(form) = form_of(field.name()) else { continue };
            check(field, form).map_err(|reason| failure(0, reason))?;
            forms.push(form);
        }
        let projection = Type::group_type_builder(schema.name()).with_fields(ours).build();
        let rows = projection
            .and_then(|projection| {
                RowIter::from_file_into(Box::new(reader)).project(Some(projection))
            })
            .map_err(|error| damaged(0, &error))?;
        Ok(Self { rows, columns, forms, number: 0 })
    }

    /// The next run, or why there is none in its place.
    pub(super) fn next_run(&mut self, defaults: &Defaults) -> Option<Result<JobRun, Failure>> {
        let record = self.rows.next()?;
        self.number += 1;
        let run = match record {
            Ok(record) => {
                self.run(&record, defaults).map_err(|reason| failure(self.number, reason))
            }
            // What is damaged here may be anything behind it too.
            Err(error) => Err(failure(
                self.number,
                LineErrorReason::Io(io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
            )),
        };
        Some(run)
    }

    fn run(&self, record: &Record, defaults: &Defaults) -> Result<JobRun, LineErrorReason> {
        let fields = record.get_column_iter().zip(&self.forms);
        let cells: Result<Vec<Option<String>>, _> =
            fields.map(|((name, field), form)| text(name, field, *form)).collect();
        let cells = cells?;
        let cell = |at: usize| cells.get(at)?.as_deref();
        Row { columns: &self.columns, cells: &cell }.run(defaults)
    }
}

/// The whole input in a file that goes when it is closed.
fn spooled(read_already: &[u8], input: &mut impl BufRead) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(read_already)?;
    io::copy(input, &mut file)?;
    file.rewind()?;
    Ok(file)
}

/// A Parquet file has no lines: a row's number stands for it, and 0 for the file as a whole.
const fn failure(line: u64, reason: LineErrorReason) -> Failure {
    Failure { line, reason }
}

fn damaged(line: u64, error: &ParquetError) -> Failure {
    failure(
        line,
        LineErrorReason::Unreadable(format!("not Parquet: {}", shown(&error.to_string()))),
    )
}

/// Whether a column is of the type that it has in an export, or of one that says no less.
fn check(field: &Arc<Type>, form: Form) -> Result<(), LineErrorReason> {
    let refused = |found: &str| {
        let expected = match form {
            Form::Text => "text",
            Form::Whole => "an integer",
            Form::Decimal => "a decimal or an integer",
            Form::Time => "a timestamp in UTC, of milli- or microseconds",
        };
        let name = field.name();
        Err(LineErrorReason::Unreadable(format!(
            "column `{name}` should be {expected}, and is {found}"
        )))
    };
    let info = field.get_basic_info();
    let is_list = info.has_repetition() && info.repetition() == Repetition::REPEATED;
    if !field.is_primitive() || is_list {
        return refused("a group or a list");
    }
    let physical = field.get_physical_type();
    let (logical, converted) = (info.logical_type_ref(), info.converted_type());
    let is_decimal =
        matches!(logical, Some(LogicalType::Decimal { .. })) || converted == ConvertedType::DECIMAL;
    let is_integer = matches!(physical, Physical::INT32 | Physical::INT64)
        && match logical {
            None => matches!(
                converted,
                ConvertedType::NONE
                    | ConvertedType::INT_32
                    | ConvertedType::INT_64
                    | ConvertedType::UINT_32
                    | ConvertedType::UINT_64
            ),
            Some(LogicalType::Integer { .. }) => true,
            Some(_) => false,
        };
    let fits = match form {
        Form::Text => {
            physical == Physical::BYTE_ARRAY
                && (matches!(logical, Some(LogicalType::String))
                    || converted == ConvertedType::UTF8)
        }
        Form::Whole => is_integer,
        Form::Decimal => is_decimal || is_integer,
        Form::Time => is_utc_time(logical, converted),
    };
    if fits { Ok(()) } else { refused(&named(physical, logical)) }
}

/// Times of a zone that nobody names are no instants, and nanoseconds are more than is read here.
fn is_utc_time(logical: Option<&LogicalType>, converted: ConvertedType) -> bool {
    match logical {
        Some(LogicalType::Timestamp(timestamp)) => {
            timestamp.is_adjusted_to_u_t_c && timestamp.unit != TimeUnit::NANOS
        }
        Some(_) => false,
        None => {
            matches!(converted, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS)
        }
    }
}

fn named(physical: Physical, logical: Option<&LogicalType>) -> String {
    logical.map_or_else(|| physical.to_string(), |logical| format!("{physical} ({logical:?})"))
}

/// A cell as the text that stands for it in CSV; `None` where it is null.
fn text(name: &str, field: &Field, form: Form) -> Result<Option<String>, LineErrorReason> {
    let unreadable = || LineErrorReason::Unreadable(format!("column `{name}` cannot be read"));
    let micros = |instant: Result<Timestamp, jiff::Error>| {
        instant.map(|instant| instant.to_string()).map_err(|_| unreadable())
    };
    Ok(Some(match (field, form) {
        (Field::Null, _) => return Ok(None),
        (Field::Str(text), Form::Text) => text.clone(),
        (Field::Int(number), Form::Whole | Form::Decimal) => number.to_string(),
        (Field::Long(number), Form::Whole | Form::Decimal) => number.to_string(),
        (Field::UInt(number), Form::Whole | Form::Decimal) => number.to_string(),
        (Field::ULong(number), Form::Whole | Form::Decimal) => number.to_string(),
        (Field::Short(number), Form::Whole | Form::Decimal) => number.to_string(),
        (Field::Byte(number), Form::Whole | Form::Decimal) => number.to_string(),
        (Field::Decimal(decimal), Form::Decimal) => {
            let number = units(decimal.data()).zip(u32::try_from(decimal.scale()).ok());
            let number = number.and_then(|(units, scale)| normal(units, scale));
            number.ok_or_else(unreadable)?.to_string()
        }
        (Field::TimestampMillis(at), Form::Time) => micros(Timestamp::from_millisecond(*at))?,
        (Field::TimestampMicros(at), Form::Time) => micros(Timestamp::from_microsecond(*at))?,
        _ => return Err(unreadable()),
    }))
}

/// A big-endian two's complement number.
fn units(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    if bytes.len() > DECIMAL_BYTES_MAX {
        return None;
    }
    let filler = if first & 0x80 == 0 { 0 } else { 0xFF };
    let mut wide = [filler; DECIMAL_BYTES_MAX];
    wide[DECIMAL_BYTES_MAX - bytes.len()..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

/// The number without needless zeros, which may not fit 96 bits with them.
fn normal(mut units: i128, mut scale: u32) -> Option<Decimal> {
    while scale > 0 && units % 10 == 0 {
        (units, scale) = (units / 10, scale - 1);
    }
    Decimal::try_from_i128_with_scale(units, scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_whatever_their_width() {
        let read = |bytes: &[u8], scale| Some(normal(units(bytes)?, scale)?.to_string());
        assert_eq!(read(&[0x02, 0x94], 3).as_deref(), Some("0.66"));
        assert_eq!(read(&[0xFF], 0).as_deref(), Some("-1"));
        assert_eq!(read(&0_i128.to_be_bytes(), 9).as_deref(), Some("0"));
        let wide = 79_228_162_514_264_337_593_000_000_000_i128 * 1_000_000_000;
        assert_eq!(read(&wide.to_be_bytes(), 9), read(&(wide / 1_000_000_000).to_be_bytes(), 0));
        assert_eq!(units(&[0; 17]), None);
        assert_eq!(units(&[]), None);
    }
}
