//! What closed months have booked for one run: what `explain` holds against what the run comes to
//! now.

use crate::chargeback::{Entry, Frozen, run_hash};
use crate::model::{JobRun, Usd, utc_day};
use crate::store::Store;

use super::ChargebackError;
use super::corrections::read;

/// What the closed months of a run's days, and those after them, booked for it: a sentence each,
/// the earliest month first. Nothing where none of its months is closed.
///
/// # Errors
/// When the store fails, or a closed month cannot be read.
pub async fn booked_for(store: &Store, run: &JobRun) -> Result<Vec<String>, ChargebackError> {
    let Some(end) = run.end() else { return Ok(Vec::new()) };
    let month = |at| utc_day(at).strftime("%Y-%m").to_string();
    let (first, last) = (month(run.start().map_or(end, |start| start.min(end))), month(end));
    let hash = run_hash(&run.identity);
    let mut said = Vec::new();
    for header in store.closed_months().await? {
        if header.month < first {
            continue;
        }
        let (frozen, ledger) = read(store, &header).await?;
        let closed = format!("{}, closed at {}", header.month, header.closed.at);
        match found(&ledger.own, hash) {
            Some(entry) => {
                said.push(format!("{closed}, booked ${} {}", entry.usd, owner(&frozen, entry)));
            }
            // Months close in any order, and a run need not have run in each.
            None if header.month <= last => said.push(format!(
                "{closed}, booked nothing for it; what it used there is corrected in the next \
                 month that is open"
            )),
            None => {}
        }
        for (month, entries) in &ledger.corrections {
            if let Some(entry) = found(entries, hash) {
                let owner = owner(&frozen, entry);
                said.push(format!("{closed}, corrected {month} by ${} {owner}", entry.usd));
            }
        }
    }
    Ok(said)
}

fn found(entries: &[Entry], run: u128) -> Option<&Entry> {
    let place = entries.binary_search_by_key(&run, |entry| entry.run).ok()?;
    entries.get(place).filter(|entry| entry.usd != Usd::ZERO)
}

/// Who bears it, as it was frozen.
fn owner(frozen: &Frozen, entry: &Entry) -> String {
    let cell = usize::try_from(entry.cell).ok().and_then(|place| frozen.cells.get(place));
    cell.map_or_else(String::new, |cell| {
        let cost_center = match cell.key.cost_center.as_str() {
            "" => "no cost centre",
            cost_center => cost_center,
        };
        format!("to {} ({cost_center}), at the rates frozen with it", cell.key.team)
    })
}
