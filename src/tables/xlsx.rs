//! Tables as an Excel workbook: a sheet a table, typed cells, a header that stays in view, filters,
//! and a last line with totals that are formulas.
//!
//! A workbook's numbers are binary floats of some 15 digits. So a column of money holds the float
//! nearest to the exact amount, and every summed one has a twin at the sheet's right end, in whole
//! nano-dollars: integers, which Excel adds up exactly up to 9,007,199 dollars. The totals are
//! formulas over the twins, so what Excel computes is what this program computed; their results are
//! in the file too, for readers that compute nothing. Prices, quantities and products are the
//! nearest floats.
//!
//! Rows go to temporary files as they come; memory does not grow with them.

mod guard;

use std::io::{self, Write};

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, Formula, Workbook, Worksheet, XlsxError,
    utility::column_number_to_name,
};

use self::guard::guarded;
use super::column::{Column, Exact, Kind, Value};
use super::table::{TABLES_VERSION, Table};
use super::writer::{FormatWriter, Options, TableError, Tally};

/// Rows that fit between the header and the total.
const ROWS_MAX: u32 = 1_048_576 - 2;
/// Characters that a cell holds.
const CELL_CHARS_MAX: usize = 32_767;
const CUT: &str = "... (cut: a cell holds no more)";

/// Writes tables as sheets.
pub(super) struct XlsxWriter<W: Write + Send> {
    workbook: Workbook,
    sheets: Vec<Sheet>,
    looks: Looks,
    rows_max: u32,
    out: W,
}

struct Sheet {
    table: Table,
    columns: Vec<&'static Column>,
    /// The columns that have a twin in nano-dollars, in the order of the twins.
    twins: Vec<usize>,
    rows: u32,
}

/// How cells are shown.
struct Looks {
    header: Format,
    total: Format,
    money: Format,
    total_money: Format,
    integer: Format,
    total_integer: Format,
    timestamp: Format,
    date: Format,
}

impl<W: Write + Send> XlsxWriter<W> {
    pub(super) fn new(tables: &[Table], options: &Options, out: W) -> Result<Self, TableError> {
        let mut workbook = Workbook::new();
        let made = ExcelDateTime::from_timestamp(options.created.as_second()).map_err(refused)?;
        let versions = format!("Runledger's tables, version {TABLES_VERSION}");
        workbook.set_properties(
            &DocProperties::new().set_creation_datetime(&made).set_comment(versions),
        );
        let looks = Looks::new();
        let mut sheets = Vec::with_capacity(tables.len());
        for table in tables {
            let sheet = Sheet::new(*table);
            guarded(|| sheet.begin(workbook.add_worksheet_with_constant_memory()?, &looks))?;
            sheets.push(sheet);
        }
        let rows_max = options.sheet_rows_max.unwrap_or(ROWS_MAX).min(ROWS_MAX);
        Ok(Self { workbook, sheets, looks, rows_max, out })
    }
}

impl<W: Write + Send> FormatWriter for XlsxWriter<W> {
    fn row(&mut self, place: usize, row: &[Value<'_>]) -> Result<(), TableError> {
        let sheet = &mut self.sheets[place];
        if sheet.rows == self.rows_max {
            let (table, max) = (sheet.table.name(), self.rows_max);
            return Err(TableError::TooManyRows { table, max });
        }
        sheet.rows += 1;
        guarded(|| sheet.row(self.workbook.worksheet_from_index(place)?, &self.looks, row))
    }

    fn finish(mut self: Box<Self>, tallies: &[Tally]) -> Result<(), TableError> {
        for (place, (sheet, tally)) in self.sheets.iter().zip(tallies).enumerate() {
            guarded(|| sheet.end(self.workbook.worksheet_from_index(place)?, &self.looks, tally))?;
        }
        let mut out = Patient { out: &mut self.out, failed: None };
        let saved = guarded(|| self.workbook.save_to_writer(&mut out));
        match out.failed {
            Some(failed) => Err(TableError::Write(failed)),
            None => Ok(saved.and_then(|()| Ok(self.out.flush()?))?),
        }
    }
}

/// Keeps the first error, and takes what comes after it: the library that packs a workbook writes
/// of an error to stderr by itself, in the middle of what this program says there.
struct Patient<'o, W> {
    out: &'o mut W,
    failed: Option<io::Error>,
}

impl<W: Write> Write for Patient<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed.is_none() {
            match self.out.write(bytes) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    self.failed = Some(error);
                }
                written => return written,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.failed {
            None => self.out.flush(),
            Some(_) => Ok(()),
        }
    }
}

impl Sheet {
    fn new(table: Table) -> Self {
        let columns = table.columns();
        let has_twin = |column: &&'static Column| column.is_summed && column.kind == Kind::Money;
        let twins = columns.iter().enumerate().filter(|(_, column)| has_twin(column));
        Self { table, twins: twins.map(|(place, _)| place).collect(), columns, rows: 0 }
    }

    /// Name, header and widths.
    fn begin(&self, sheet: &mut Worksheet, looks: &Looks) -> Result<(), XlsxError> {
        sheet.set_name(self.table.name())?;
        sheet.set_freeze_panes(1, 0)?;
        let twins = self.twins.iter().map(|place| twin_name(self.columns[*place].name));
        let names = self.columns.iter().map(|column| column.name.to_owned()).chain(twins);
        for (place, name) in names.enumerate() {
            let kind = self.columns.get(place).map_or(Kind::Money, |column| column.kind);
            let least = match kind {
                Kind::Timestamp => 19,
                Kind::Money => 16,
                Kind::Text => 14,
                _ => 10,
            };
            let width = u32::try_from(name.len() + 3).unwrap_or(u32::MAX).max(least);
            sheet.set_column_width(column_number(place), width)?;
            sheet.write_string_with_format(0, column_number(place), name, &looks.header)?;
        }
        Ok(())
    }

    fn row(
        &self,
        sheet: &mut Worksheet,
        looks: &Looks,
        row: &[Value<'_>],
    ) -> Result<(), XlsxError> {
        for (place, (column, value)) in self.columns.iter().zip(row).enumerate() {
            write(sheet, (self.rows, column_number(place)), column.kind, value, looks)?;
        }
        for (twin, place) in self.twins.iter().enumerate() {
            let Some(Value::Exact(exact)) = row.get(*place) else { continue };
            let nanos = exact.at_scale(9).unwrap_or_default();
            let at = column_number(self.columns.len() + twin);
            sheet.write_number_with_format(self.rows, at, float(nanos, 0), &looks.integer)?;
        }
        Ok(())
    }

    /// Filters, and the line of totals: formulas with the results that they have.
    fn end(&self, sheet: &mut Worksheet, looks: &Looks, tally: &Tally) -> Result<(), XlsxError> {
        let width = self.columns.len() + self.twins.len();
        sheet.autofilter(0, 0, self.rows, column_number(width - 1))?;
        let line = self.rows + 1;
        let sum_of = |place: usize| {
            let letters = column_number_to_name(column_number(place));
            // A table without rows has nothing to add up but its empty first line.
            format!("SUM({letters}2:{letters}{})", self.rows.max(1) + 1)
        };
        if tally.sums.first() == Some(&None) {
            sheet.write_string_with_format(line, 0, "Total", &looks.total)?;
        }
        for (place, sum) in tally.sums.iter().enumerate() {
            let Some(sum) = sum else { continue };
            let twin = self.twins.iter().position(|twinned| *twinned == place);
            let (formula, result, look) = match twin {
                Some(twin) => {
                    let sum_of_twin = sum_of(self.columns.len() + twin);
                    let dollars = Exact { units: *sum, scale: 9 };
                    (format!("{sum_of_twin}/1000000000"), dollars.to_string(), &looks.total_money)
                }
                None => (sum_of(place), sum.to_string(), &looks.total_integer),
            };
            let formula = Formula::new(formula).set_result(result);
            sheet.write_formula_with_format(line, column_number(place), formula, look)?;
        }
        for (twin, place) in self.twins.iter().enumerate() {
            let at = self.columns.len() + twin;
            let result = tally.sums[*place].unwrap_or_default().to_string();
            let formula = Formula::new(sum_of(at)).set_result(result);
            sheet.write_formula_with_format(
                line,
                column_number(at),
                formula,
                &looks.total_integer,
            )?;
        }
        Ok(())
    }
}

/// The name of the twin of a column of dollars: `cost_usd` is exact as `cost_nanousd`.
fn twin_name(name: &str) -> String {
    match name.strip_suffix("_usd") {
        Some(stem) => format!("{stem}_nanousd"),
        None => format!("{name}_nanousd"),
    }
}

fn column_number(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

fn write(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    kind: Kind,
    value: &Value<'_>,
    looks: &Looks,
) -> Result<(), XlsxError> {
    match value {
        Value::Null => {}
        Value::Text(text) => {
            sheet.write_string(row, column, fitting(text))?;
        }
        Value::Integer(number) => {
            sheet.write_number_with_format(
                row,
                column,
                float(i128::from(*number), 0),
                &looks.integer,
            )?;
        }
        Value::Boolean(boolean) => {
            sheet.write_boolean(row, column, *boolean)?;
        }
        Value::Timestamp(at) => match ExcelDateTime::from_timestamp(at.as_second()) {
            Ok(time) => {
                sheet.write_datetime_with_format(row, column, &time, &looks.timestamp)?;
            }
            // Before 1900 there are no dates in Excel.
            Err(_) => {
                sheet.write_string(row, column, at.to_string())?;
            }
        },
        Value::Date(day) => {
            let date = ExcelDateTime::parse_from_str(&day.to_string());
            match date {
                Ok(date) => {
                    sheet.write_datetime_with_format(row, column, &date, &looks.date)?;
                }
                Err(_) => {
                    sheet.write_string(row, column, day.to_string())?;
                }
            }
        }
        Value::Ratio(ratio) => {
            sheet.write_number(row, column, *ratio)?;
        }
        Value::Exact(exact) => {
            let number = float(exact.units, exact.scale);
            if kind == Kind::Money {
                sheet.write_number_with_format(row, column, number, &looks.money)?;
            } else {
                sheet.write_number(row, column, number)?;
            }
        }
    }
    Ok(())
}

/// The float nearest to an exact number, which is how its decimal text reads.
fn float(units: i128, scale: u32) -> f64 {
    Exact { units, scale }.to_string().parse().unwrap_or(f64::NAN)
}

/// A text of no more characters than a cell holds, as Excel counts them: in UTF-16.
fn fitting(text: &str) -> String {
    if text.len() <= CELL_CHARS_MAX || text.encode_utf16().count() <= CELL_CHARS_MAX {
        return text.to_owned();
    }
    let mut room = CELL_CHARS_MAX - CUT.len();
    let fits = |letter: &char| {
        let enough = room >= letter.len_utf16();
        room = room.saturating_sub(letter.len_utf16());
        enough
    };
    text.chars().take_while(fits).chain(CUT.chars()).collect()
}

impl Looks {
    fn new() -> Self {
        let header = Format::new().set_bold().set_align(FormatAlign::Top);
        let money = Format::new().set_num_format("#,##0.00#######");
        let integer = Format::new().set_num_format("#,##0");
        Self {
            header,
            total: Format::new().set_bold(),
            total_money: money.clone().set_bold(),
            money,
            total_integer: integer.clone().set_bold(),
            integer,
            timestamp: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            date: Format::new().set_num_format("yyyy-mm-dd"),
        }
    }
}

fn refused(error: XlsxError) -> TableError {
    match error {
        XlsxError::IoError(error) => error.into(),
        other => TableError::Refused { format: "a workbook", reason: other.to_string() },
    }
}
