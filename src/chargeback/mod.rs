//! The month that finance books: what every cost centre, team, account and job used in a UTC month,
//! what it bears of lines that no run explains, and what is corrected of months closed before.
//!
//! Pure. A month is a [`Book`] while its runs come in, and a [`Statement`] when they are all there;
//! a closed month is a [`Frozen`] one with its [`RunLedger`], against which later facts are held.
//! Reading, storing, rendering and sending is done above.
//!
//! | file | concern |
//! |---|---|
//! | `settings` | who gets it, and by which rule each kind of line is split |
//! | `cell` | the finest cells, and what each bears |
//! | `book` | from runs, lines and corrections to a statement |
//! | `split` | a line's way into cells |
//! | `statement` | the result, and its JSON |
//! | `tables` | the booked tables, each a sum of cells |
//! | `warnings` | what to know before it is booked |
//! | `run_ledger` | what was booked for each run, packed |
//! | `frozen` | what a closed month keeps beside its files |
//! | `correction` | later facts about a closed month |
//! | `budget` | what a team may spend, and where it is heading |

mod book;
mod budget;
mod cell;
mod correction;
mod frozen;
#[cfg(test)]
mod property;
mod run_ledger;
mod settings;
mod split;
mod statement;
mod tables;
mod warnings;

pub use book::{Book, Facts, RunUse};
pub use budget::{Budgets, Forecast, HISTORY_WEEKS, Outlook, forecast};
pub use cell::{CellKey, Nanos};
pub use correction::{BalancePart, Booked, Corrected, Correction, NewBill};
pub use frozen::{Frozen, FrozenCell, FrozenCorrection, FrozenError};
pub use run_ledger::{Entry, LedgerError, RunLedger, run_hash};
pub use settings::{ChargebackSettings, SplitRule, SplitRules};
pub use statement::{
    BookedTotals, Bridge, Closing, CostCenterRow, Counts, Job, Line, Residual, Row, Statement,
    TeamRow, TotalIs, Unallocated, UnallocatedJob,
};
