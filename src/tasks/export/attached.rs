//! The tables that go with a report's mails: of its own period, team and time, and from as few
//! readings of the runs as there are tables of chains, whatever the number of editions.
//!
//! A table is whole, or it is left out: one that no mail has room for is given up on the way, and
//! its mail says so. Its rows lie on the disk until a mail is made of them. Where its sum is not
//! the report's, runs were stored meanwhile, and nothing of it may leave.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::passes::{Part, Scope, read_ended};
use super::{CostBasis, ExportError};
use crate::analysis::{Books, Figures};
use crate::delivery::{Attachment, Contents, Extent, attachment_bytes_max};
use crate::store::Store;
use crate::tables::{Format, Options, Table, TableError, TableFile, TableWriter, Tally};

/// Rows of a workbook that goes with a mail: its size is known only when it is packed, and until
/// then a row takes some two kilobytes of the disk. 200,000 rows of runs, packed, are more than a
/// mail may hold.
const SHEET_ROWS_MAX: u32 = 200_000;

/// Whether a table goes with every mail that has rows of it, asked for or not.
#[must_use]
pub fn is_attached_anyway(file: TableFile) -> bool {
    file == TableFile { table: Table::Jobs, format: Format::Csv }
}

/// The files of each edition, in the order in which they are asked for; `size_max` is the largest
/// mail, in bytes. As of an earlier time, `as_known` leaves out what became known later.
///
/// # Errors
/// When the store cannot be read, the disk takes no more, or runs are stored meanwhile.
pub async fn attached(
    store: &Store,
    books: &Arc<Books>,
    editions: &[Figures],
    files: &[TableFile],
    size_max: usize,
    as_known: bool,
) -> Result<Vec<Vec<Attachment>>, ExportError> {
    let Some(first) = editions.first() else { return Ok(Vec::new()) };
    let room = attachment_bytes_max(size_max);
    let (mut parts, mut spools) = (Vec::new(), Vec::new());
    for figures in editions {
        for file in files {
            let spool = Bounded::new(room).map_err(TableError::Write)?;
            parts.push(begin(*file, figures, spool.clone())?);
            spools.push(spool);
        }
    }
    let scope = Scope { period: &first.period, now: first.as_of, as_known };
    read_ended(store, books, scope, &mut parts).await?;
    let mut made = parts.into_iter().zip(spools);
    let mut all = Vec::with_capacity(editions.len());
    for figures in editions {
        let mut attachments = Vec::with_capacity(files.len());
        for (file, (part, spool)) in files.iter().zip(made.by_ref()) {
            attachments.push(Attachment {
                file_name: file.file_name(&figures.period),
                content_type: file.format.content_type().to_owned(),
                bytes: contents(part, &spool, figures)?,
            });
        }
        all.push(attachments);
    }
    Ok(all)
}

/// Begins a file; what is of the report's own figures is in it then.
fn begin(file: TableFile, figures: &Figures, out: Bounded) -> Result<Part<'static>, ExportError> {
    let created = figures.as_of;
    let options = Options { bom: false, created, sheet_rows_max: Some(SHEET_ROWS_MAX) };
    let tables = TableWriter::new(file.format, &[file.table], &options, out)?;
    let mut part = Part::new(figures.team.clone(), CostBasis::Ended, tables);
    part.take_figures(figures);
    Ok(part)
}

/// What became of a file: its bytes, or that it is too large.
fn contents(part: Part<'_>, spool: &Bounded, figures: &Figures) -> Result<Contents, ExportError> {
    let tallies = match part.finish() {
        Ok(tallies) => tallies,
        Err(_) if spool.is_over() => return Ok(Contents::TooLarge(Extent::MoreThan(spool.max))),
        Err(ExportError::Table(TableError::TooManyRows { max, .. })) => {
            return Ok(Contents::TooLarge(Extent::MoreRowsThan(max)));
        }
        Err(error) => return Err(error),
    };
    let differs = |cost| cost != figures.totals.cost_usd;
    if tallies.iter().filter_map(Tally::cost).any(differs) {
        return Err(ExportError::Moved);
    }
    let spooled = spool.file.try_clone().and_then(Contents::on_disk);
    Ok(spooled.map_err(TableError::Write)?)
}

/// A file without a name that takes so many bytes and no more.
#[derive(Clone)]
struct Bounded {
    file: Arc<File>,
    /// The bytes so far; more than `max` once that was too little.
    written: Arc<AtomicUsize>,
    max: usize,
}

impl Bounded {
    fn new(max: usize) -> io::Result<Self> {
        let file = Arc::new(tempfile::tempfile()?);
        Ok(Self { file, written: Arc::default(), max })
    }

    fn is_over(&self) -> bool {
        self.written.load(Ordering::Relaxed) > self.max
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.written.fetch_add(bytes.len(), Ordering::Relaxed);
        if before.saturating_add(bytes.len()) > self.max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        (&*self.file).write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.file).flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_what_a_mail_has_room_for_and_no_more() {
        let mut spool = Bounded::new(5).unwrap();
        spool.write_all(b"12345").unwrap();
        assert!(!spool.is_over());
        let other = spool.clone();
        assert_eq!(spool.write_all(b"6").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(other.is_over());
        let written = Contents::on_disk(spool.file.try_clone().unwrap()).unwrap();
        assert_eq!(written.bytes().unwrap().as_ref(), b"12345");
    }
}
