//! Storing runs from files: what can be read is stored, what cannot is told line by line.

use std::io::BufRead;

use jiff::Timestamp;

use crate::model::Teller;
use crate::sources::files::{Defaults, LineError, LineErrorReason, Reader};
use crate::store::{Saved, Store, StoreError};

/// Runs held in memory before they are stored. Large, because a batch reads what the table holds of
/// the days it touches.
const BATCH_RUNS_MAX: usize = 50_000;

/// What an import came to.
#[derive(Debug, Default)]
pub struct Imported {
    /// What storing came to.
    pub saved: Saved,
    /// What could not be read, with file, line and reason.
    pub unreadable: Vec<LineError>,
    /// Runs that do not say where they ran, with no default for it.
    pub without_place: u64,
    /// The first of them.
    pub first_without_place: Option<LineError>,
}

/// Stores the runs of an input. `progress` is told how many runs have been stored.
///
/// # Errors
/// When the store fails. What was stored until then stays: importing again finishes the work.
pub async fn import(
    store: &Store,
    input: impl BufRead,
    name: &str,
    defaults: Defaults,
    now: Timestamp,
    progress: impl Fn(u64),
) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    let reader = match Reader::new(input, name, defaults) {
        Ok(reader) => reader,
        Err(error) => {
            imported.unreadable.push(error);
            return Ok(imported);
        }
    };
    let mut batch = Vec::new();
    let mut read = 0;
    for record in reader {
        match record {
            Ok(mut run) => {
                // An event says itself when it told.
                if run.told_by.is_empty() {
                    run.told(Teller::File, now);
                }
                batch.push(run);
            }
            // A whole file may lack the same: the first is told, the rest is counted.
            Err(error) if matches!(error.reason, LineErrorReason::MissingPlace(_)) => {
                imported.without_place += 1;
                imported.first_without_place.get_or_insert(error);
            }
            Err(error) => imported.unreadable.push(error),
        }
        if batch.len() >= BATCH_RUNS_MAX {
            read += batch.len() as u64;
            imported.saved += store.save_runs(std::mem::take(&mut batch), now).await?;
            progress(read);
        }
    }
    imported.saved += store.save_runs(batch, now).await?;
    Ok(imported)
}
