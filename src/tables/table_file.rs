//! A table as a file that goes with a report's mail, by name: `runs.xlsx` is the table `runs` in
//! the format `xlsx`. Making the file and attaching it are done above.

use std::fmt;
use std::str::FromStr;

use super::table::Table;
use super::writer::Format;
use crate::model::Period;

/// A table and the format that it is wanted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFile {
    /// The table.
    pub table: Table,
    /// The format.
    pub format: Format,
}

/// A name that stands for no table that can go with a mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableFileError {
    /// No table of that name.
    #[error("there is no table `{name}`: write it like runs.csv; there are {}", tables())]
    Table {
        /// The name.
        name: String,
    },
    /// No format of that name.
    #[error("`{name}`: there is no format `{format}`; there are {}", formats())]
    Format {
        /// The whole name.
        name: String,
        /// Its part after the dot.
        format: String,
    },
    /// A table that counts otherwise than a report.
    #[error(
        "`{name}` cannot go with a report: FOCUS counts what was used on UTC days, and a report \
         the runs that ended, so the two would not agree; `runledger export focus` writes it"
    )]
    Focus {
        /// The name.
        name: String,
    },
}

impl TableFile {
    /// What the file of a period is called: `runs-2026-W46.xlsx`.
    #[must_use]
    pub fn file_name(self, period: &Period) -> String {
        format!("{}-{}.{}", self.table.name(), period.name, self.format.word())
    }
}

impl FromStr for TableFile {
    type Err = TableFileError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let (stem, format) = name.split_once('.').unwrap_or((name, ""));
        let table =
            Table::named(stem).ok_or_else(|| TableFileError::Table { name: stem.to_owned() })?;
        let known = Format::ALL.into_iter().find(|known| known.word() == format);
        let format = known.ok_or_else(|| TableFileError::Format {
            name: name.to_owned(),
            format: format.to_owned(),
        })?;
        if table == Table::Focus {
            return Err(TableFileError::Focus { name: name.to_owned() });
        }
        Ok(Self { table, format })
    }
}

impl fmt::Display for TableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table.name(), self.format.word())
    }
}

fn tables() -> String {
    let attachable = Table::ALL.into_iter().filter(|table| *table != Table::Focus);
    attachable.map(Table::name).collect::<Vec<_>>().join(", ")
}

fn formats() -> String {
    Format::ALL.map(Format::word).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_table_and_a_format() {
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Focus) {
            for format in Format::ALL {
                let name = format!("{}.{}", table.name(), format.word());
                let file: TableFile = name.parse().unwrap();
                assert_eq!((file, file.to_string()), (TableFile { table, format }, name));
            }
        }
    }

    #[test]
    fn a_mistake_is_named_with_what_there_is() {
        let refused = |name: &str| name.parse::<TableFile>().unwrap_err().to_string();
        assert!(refused("runz.csv").contains("no table `runz`: write it like runs.csv"));
        assert!(refused("").contains("no table ``"));
        assert!(refused("runs").contains("no format ``; there are csv, jsonl, parquet, xlsx"));
        assert!(refused("runs.csv.gz").contains("no format `csv.gz`"));
        assert!(refused("focus.csv").contains("`runledger export focus`"));
    }
}
