//! Tables as Parquet: typed columns, Snappy-compressed, in row groups of a fixed number of rows, so
//! that equal rows are equal bytes.
//!
//! Money, prices and quantities are decimals of 38 digits, times microseconds in UTC. Every column
//! may be null. The file's metadata names the table, the version of its columns, and for FOCUS that
//! of the specification.

use std::io::Write;
use std::sync::Arc;

use jiff::civil::Date;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::column::{Column, Kind, Value};
use super::focus::FOCUS_VERSION;
use super::table::{TABLES_VERSION, Table};
use super::writer::{FormatWriter, TableError, Tally, units};

/// Rows of a row group: they are held until it is full. Part of what makes equal bytes.
const GROUP_ROWS: usize = 65_536;
/// The digits of every decimal, and the bytes that hold them.
const DECIMAL_DIGITS: i32 = 38;
const DECIMAL_BYTES: i32 = 16;

/// Writes one table as Parquet.
pub(super) struct ParquetWriter<W: Write + Send> {
    table: Table,
    columns: Vec<(&'static Column, Cells)>,
    rows: usize,
    file: SerializedFileWriter<W>,
}

/// A column's cells of the row group at hand: the values that are not null, and for each row
/// whether it has one.
struct Cells {
    values: Values,
    levels: Vec<i16>,
}

enum Values {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Boolean(Vec<bool>),
    Micros(Vec<i64>),
    Days(Vec<i32>),
    Ratio(Vec<f64>),
    Exact(Vec<FixedLenByteArray>),
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(super) fn new(table: Table, out: W) -> Result<Self, TableError> {
        let columns = table.columns();
        let fields: Result<Vec<TypePtr>, _> = columns.iter().map(|c| field(c)).collect();
        let schema = Type::group_type_builder(table.name())
            .with_fields(fields.map_err(refused)?)
            .build()
            .map_err(refused)?;
        let mut metadata = vec![
            KeyValue::new("runledger.table".to_owned(), table.name().to_owned()),
            KeyValue::new("runledger.table_version".to_owned(), TABLES_VERSION.to_string()),
        ];
        if table == Table::Focus {
            metadata.push(KeyValue::new("focus.version".to_owned(), FOCUS_VERSION.to_owned()));
        }
        let properties = WriterProperties::builder()
            .set_created_by(concat!("runledger ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(metadata))
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties));
        let empty = |column: &'static Column| (column, Cells::of(column.kind));
        Ok(Self {
            table,
            columns: columns.into_iter().map(empty).collect(),
            rows: 0,
            file: file.map_err(refused)?,
        })
    }

    /// Writes the rows that are held as a row group.
    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for (_, cells) in &mut self.columns {
            // The schema has as many columns as there are cells.
            if let Some(column) = group.next_column()? {
                cells.write(column)?;
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl<W: Write + Send> FormatWriter for ParquetWriter<W> {
    fn row(&mut self, _place: usize, row: &[Value<'_>]) -> Result<(), TableError> {
        for ((column, cells), value) in self.columns.iter_mut().zip(row) {
            cells.push(self.table, column, value)?;
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group().map_err(refused) } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>, _tallies: &[Tally]) -> Result<(), TableError> {
        if self.rows > 0 {
            self.write_group().map_err(refused)?;
        }
        self.file.finish().map_err(refused)?;
        Ok(())
    }
}

impl Cells {
    const fn of(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text => Values::Text(Vec::new()),
            Kind::Integer => Values::Integer(Vec::new()),
            Kind::Boolean => Values::Boolean(Vec::new()),
            Kind::Timestamp => Values::Micros(Vec::new()),
            Kind::Date => Values::Days(Vec::new()),
            Kind::Ratio => Values::Ratio(Vec::new()),
            Kind::Money | Kind::Decimal(_) => Values::Exact(Vec::new()),
        };
        Self { values, levels: Vec::new() }
    }

    fn push(&mut self, table: Table, column: &Column, value: &Value<'_>) -> Result<(), TableError> {
        self.levels.push(i16::from(*value != Value::Null));
        match (&mut self.values, value) {
            (_, Value::Null) => {}
            (Values::Text(values), Value::Text(text)) => values.push(shared(values, text)),
            (Values::Integer(values), Value::Integer(number)) => values.push(*number),
            (Values::Boolean(values), Value::Boolean(boolean)) => values.push(*boolean),
            (Values::Micros(values), Value::Timestamp(at)) => values.push(at.as_microsecond()),
            (Values::Days(values), Value::Date(day)) => values.push(days(*day)),
            (Values::Ratio(values), Value::Ratio(ratio)) => values.push(*ratio),
            (Values::Exact(values), Value::Exact(exact)) => {
                let units = units(table.name(), column, *exact)?;
                values.push(ByteArray::from(units.to_be_bytes().to_vec()).into());
            }
            _ => {
                let reason = format!("`{}` is not of the type it is documented as", column.name);
                return Err(TableError::Refused { format: "Parquet", reason });
            }
        }
        Ok(())
    }

    /// Writes the cells into their column, and forgets them.
    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Some(&self.levels[..]);
        match &mut self.values {
            Values::Text(values) => {
                column.typed::<ByteArrayType>().write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Integer(values) | Values::Micros(values) => {
                column.typed::<Int64Type>().write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Boolean(values) => {
                column.typed::<BoolType>().write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Days(values) => {
                column.typed::<Int32Type>().write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Ratio(values) => {
                column.typed::<DoubleType>().write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Exact(values) => {
                column.typed::<FixedLenByteArrayType>().write_batch(values, levels, None)?;
                values.clear();
            }
        }
        self.levels.clear();
        column.close()
    }
}

/// The text's bytes, shared with those of the row before where they are the same: most columns
/// say the same for many rows.
fn shared(values: &[ByteArray], text: &str) -> ByteArray {
    match values.last() {
        Some(last) if last.data() == text.as_bytes() => last.clone(),
        _ => ByteArray::from(text.as_bytes().to_vec()),
    }
}

fn days(day: Date) -> i32 {
    day.since(Date::constant(1970, 1, 1)).map_or(i32::MAX, |span| span.get_days())
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Boolean => (Physical::BOOLEAN, None),
        Kind::Timestamp => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
        Kind::Ratio => (Physical::DOUBLE, None),
        Kind::Money | Kind::Decimal(_) => {
            let scale = column.kind.scale().and_then(|scale| i32::try_from(scale).ok());
            let scale = scale.unwrap_or_default();
            (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(scale, DECIMAL_DIGITS)))
        }
    };
    let mut builder = Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    if let Some(scale) = column.kind.scale() {
        builder = builder
            .with_length(DECIMAL_BYTES)
            .with_precision(DECIMAL_DIGITS)
            .with_scale(i32::try_from(scale).unwrap_or_default());
    }
    builder.build().map(Arc::new)
}

fn refused(error: ParquetError) -> TableError {
    match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => TableError::Write(*error),
            Err(error) => TableError::Refused { format: "Parquet", reason: error.to_string() },
        },
        other => TableError::Refused { format: "Parquet", reason: other.to_string() },
    }
}
