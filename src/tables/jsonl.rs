//! Tables as JSONL: one JSON object a line, its members in the order of the columns.
//!
//! Money, prices and quantities are decimal strings, because readers would make binary floats of
//! numbers; counts are numbers, times RFC 3339, and what is not known is null.

use std::io::{BufWriter, Write};

use serde_json::Value as Json;

use super::column::{Column, Kind, Value};
use super::writer::{FormatWriter, TableError, Tally};
use crate::model::Usd;

/// Writes one table as JSONL.
pub(super) struct JsonlWriter<W: Write> {
    columns: Vec<&'static Column>,
    out: BufWriter<W>,
}

impl<W: Write> JsonlWriter<W> {
    pub(super) fn new(columns: Vec<&'static Column>, out: W) -> Self {
        Self { columns, out: BufWriter::with_capacity(1 << 16, out) }
    }
}

impl<W: Write> FormatWriter for JsonlWriter<W> {
    fn row(&mut self, _place: usize, row: &[Value<'_>]) -> Result<(), TableError> {
        for (number, (column, value)) in self.columns.iter().zip(row).enumerate() {
            let before = if number == 0 { '{' } else { ',' };
            write!(self.out, "{before}\"{}\":{}", column.name, json(value, column.kind))?;
        }
        Ok(self.out.write_all(b"}\n")?)
    }

    fn finish(mut self: Box<Self>, _tallies: &[Tally]) -> Result<(), TableError> {
        Ok(self.out.flush()?)
    }
}

fn json(value: &Value<'_>, kind: Kind) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => text.as_ref().into(),
        Value::Integer(number) => (*number).into(),
        Value::Boolean(boolean) => (*boolean).into(),
        Value::Timestamp(at) => at.to_string().into(),
        Value::Date(day) => day.to_string().into(),
        Value::Ratio(ratio) => (*ratio).into(),
        Value::Exact(exact) => match (kind, exact.at_scale(9)) {
            (Kind::Money, Some(nanos)) => Usd::from_nanos(nanos).to_string().into(),
            _ => exact.to_string().into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Exact;
    use super::super::table::Table;
    use super::*;

    #[test]
    fn members_are_in_the_order_of_the_columns_and_numbers_exact() {
        let mut bytes = Vec::new();
        let columns = Table::Teams.columns();
        let mut jsonl = Box::new(JsonlWriter::new(columns, &mut bytes));
        let row = [
            Value::text("a\"b\u{1b}"),
            Value::count(3_u64),
            Value::count(0_u64),
            Value::Exact(Exact { units: 660_000_000, scale: 9 }),
            Value::Null,
            Value::Exact(Exact { units: 1, scale: 9 }),
            Value::Ratio(0.5),
            Value::text("2026-W46"),
        ];
        jsonl.row(0, &row).unwrap();
        jsonl.finish(&[]).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "{\"team\":\"a\\\"b\\u001b\",\"runs\":3,\"unpriced_runs\":0,\"cost_usd\":\"0.66\",\
             \"change_usd\":null,\"waste_usd\":\"0.000000001\",\"share\":0.5,\
             \"period\":\"2026-W46\"}\n"
        );
    }
}
