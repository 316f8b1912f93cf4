//! Writing tables: rows come in, one after the other, and a format's bytes go out. Nothing is held
//! but what the format needs, so a table may have any number of rows.
//!
//! What adds up is added up here, exactly, for the totals of a workbook and for whoever compares
//! tables with each other. Where the bytes go is not asked here.

use std::io::{self, Write};

use jiff::Timestamp;

use super::column::{Exact, Field, MONEY_DECIMALS, Value};
use super::csv::CsvWriter;
use super::jsonl::JsonlWriter;
use super::parquet::ParquetWriter;
use super::table::Table;
use super::xlsx::XlsxWriter;
use crate::model::Usd;

/// A table that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file, the disk or the pipe.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// The format's own rules.
    #[error("cannot write {format}: {reason}")]
    Refused {
        /// The format.
        format: &'static str,
        /// What it said.
        reason: String,
    },
    /// A number beyond what its column holds.
    #[error("`{column}` of `{table}`: {number} has more digits than the column holds")]
    OutOfRange {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The number.
        number: String,
    },
    /// More rows than a sheet has.
    #[error(
        "`{table}` has more than {max} rows, which is all that a sheet holds: choose a shorter \
         period or a team, or csv or parquet"
    )]
    TooManyRows {
        /// The table.
        table: &'static str,
        /// Rows that fit beside header and total.
        max: u32,
    },
    /// A format that holds one table in a file.
    #[error("{format} holds one table in a file: export one after the other, or choose xlsx")]
    OneTable {
        /// The format.
        format: &'static str,
    },
}

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, for everything.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// Typed columns, for engines.
    Parquet,
    /// A workbook, for people.
    Xlsx,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Jsonl, Self::Parquet, Self::Xlsx];

    /// The format's word, which is also how its files end.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Xlsx => "xlsx",
        }
    }

    /// The media type of its files.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// Whether a person can read it as it is.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Jsonl)
    }
}

/// What a format is told beside the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether CSV begins with a byte order mark, by which Excel knows that it is UTF-8.
    pub bom: bool,
    /// What a workbook says of when it was made: what "now" is, so that equal data are equal bytes.
    pub created: Timestamp,
    /// Rows of a sheet at most; as many as it holds where nothing is said. The rows of a workbook
    /// are on the disk until it is packed, so its size is not known before.
    pub sheet_rows_max: Option<u32>,
}

/// Sums of a table, as far as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The table.
    pub table: Table,
    /// Its rows.
    pub rows: u64,
    /// The sum of each summed column, in order of the columns: units of the column's last digit.
    pub(super) sums: Vec<Option<i128>>,
}

impl Tally {
    fn new(table: Table) -> Self {
        let sums = table.columns().iter().map(|column| column.is_summed.then_some(0)).collect();
        Self { table, rows: 0, sums }
    }

    /// What the rows cost; `None` for a table without money.
    #[must_use]
    pub fn cost(&self) -> Option<Usd> {
        let name = self.table.cost_column()?;
        let place = self.table.columns().iter().position(|column| column.name == name)?;
        self.sums[place].map(Usd::from_nanos)
    }

    fn add(&mut self, row: &[Value<'_>]) {
        self.rows += 1;
        for (sum, value) in self.sums.iter_mut().zip(row) {
            let Some(sum) = sum else { continue };
            *sum += match value {
                Value::Integer(number) => i128::from(*number),
                Value::Exact(exact) => exact.at_scale(MONEY_DECIMALS).unwrap_or_default(),
                _ => 0,
            };
        }
    }
}

/// What a format does.
pub(super) trait FormatWriter {
    /// Adds a row to the table with that place in the list of tables.
    fn row(&mut self, place: usize, row: &[Value<'_>]) -> Result<(), TableError>;

    /// Writes what is still to be written.
    fn finish(self: Box<Self>, tallies: &[Tally]) -> Result<(), TableError>;
}

/// Tables under way.
pub struct TableWriter<'w> {
    format: Box<dyn FormatWriter + 'w>,
    tallies: Vec<Tally>,
}

impl<'w> TableWriter<'w> {
    /// Begins tables in a format.
    ///
    /// # Errors
    /// When the format cannot hold them, or the beginning cannot be written.
    pub fn new(
        format: Format,
        tables: &[Table],
        options: &Options,
        out: impl Write + Send + 'w,
    ) -> Result<Self, TableError> {
        let one = || match tables {
            [table] => Ok(*table),
            _ => Err(TableError::OneTable { format: format.word() }),
        };
        let writer: Box<dyn FormatWriter + 'w> = match format {
            Format::Csv => Box::new(CsvWriter::new(&one()?.columns(), options.bom, out)?),
            Format::Jsonl => Box::new(JsonlWriter::new(one()?.columns(), out)),
            Format::Parquet => Box::new(ParquetWriter::new(one()?, out)?),
            Format::Xlsx => Box::new(XlsxWriter::new(tables, options, out)?),
        };
        Ok(Self { format: writer, tallies: tables.iter().copied().map(Tally::new).collect() })
    }

    /// Whether a table is among those that are written.
    #[must_use]
    pub fn wants(&self, table: Table) -> bool {
        self.tallies.iter().any(|tally| tally.table == table)
    }

    /// Adds a row to a table; nothing where that table is not wanted.
    ///
    /// # Errors
    /// When the row cannot be written.
    pub fn add<S>(
        &mut self,
        table: Table,
        fields: &'static [Field<S>],
        source: &S,
    ) -> Result<(), TableError> {
        let Some(place) = self.tallies.iter().position(|tally| tally.table == table) else {
            return Ok(());
        };
        let row: Vec<Value<'_>> = fields.iter().map(|field| (field.value)(source)).collect();
        self.tallies[place].add(&row);
        self.format.row(place, &row)
    }

    /// Finishes the tables and answers with their sums. The bytes are with the operating system
    /// then; bringing them to the disk is the caller's.
    ///
    /// # Errors
    /// When the rest cannot be written.
    pub fn finish(self) -> Result<Vec<Tally>, TableError> {
        self.format.finish(&self.tallies)?;
        Ok(self.tallies)
    }
}

/// The exact number of a cell in units of its column's last digit.
pub(super) fn units(
    table: &'static str,
    column: &super::Column,
    exact: Exact,
) -> Result<i128, TableError> {
    let scale = column.kind.scale().unwrap_or_default();
    exact.at_scale(scale).ok_or_else(|| TableError::OutOfRange {
        table,
        column: column.name,
        number: exact.to_string(),
    })
}
