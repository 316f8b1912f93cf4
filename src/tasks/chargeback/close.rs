//! Closing a month, and reading what closing it froze.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ChargebackError, Files, OpenMonth};
use crate::analysis::Books;
use crate::chargeback::{Closing, Frozen, TotalIs};
use crate::model::{Period, Usd};
use crate::report::{RenderedReport, Templates};
use crate::store::{ClosedBy, ClosedMonth, ClosingOutcome, MonthToClose, Store};

/// The parts that a closed month keeps.
pub(super) const FROZEN: &str = "frozen.json";
pub(super) const LEDGER: &str = "runs";
const SUBJECT: &str = "subject.txt";
const TEXT: &str = "body.txt";
const HTML: &str = "body.html";
const JSON: &str = "statement.json";
const CSV: &str = "statement.csv";

/// Who closes a month, and on what terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseOrder {
    /// Who, for the record.
    pub by: String,
    /// What "now" is.
    pub now: Timestamp,
    /// Why it is to be closed before its bill is final.
    pub forced_because: Option<String>,
}

/// A closed month as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Its header.
    pub header: ClosedMonth,
    /// Its files, as they were frozen.
    pub files: Files,
    /// Its total.
    pub total_usd: Usd,
}

/// Refuses what must not be closed.
pub(super) fn check(
    month: &Period,
    open: &OpenMonth,
    order: &CloseOrder,
) -> Result<(), ChargebackError> {
    if order.now < month.end {
        return Err(ChargebackError::NotOver { month: month.name.clone(), end: month.end });
    }
    if order.forced_because.is_some() {
        return Ok(());
    }
    if open.statement.says_total_is == TotalIs::Bill {
        let month_usd = open.statement.total_usd - open.statement.earlier_months_usd;
        let off_bill = open.statement.off_bill_usd;
        if open.statement.bill_usd.is_some_and(|bill| bill + off_bill == month_usd) {
            return Ok(());
        }
        // Both are made from one reading; what is frozen for ever is checked all the same.
        let reason = "runs changed while the month was computed; close it again".to_owned();
        return Err(ChargebackError::BillNotFinal { month: month.name.clone(), reason });
    }
    let reason = open.statement.bill_reason.clone();
    Err(ChargebackError::BillNotFinal {
        month: month.name.clone(),
        reason: reason.unwrap_or_else(|| "AWS still calls a part of it an estimate".to_owned()),
    })
}

/// Closes a month as it stands: everything is written first, and one header makes it count. Where
/// somebody else has closed it, theirs stands.
///
/// # Errors
/// When it is not over, its bill is not final and nobody forced it, or the store fails.
pub async fn close(
    store: &Store,
    books: &Books,
    templates: &Templates,
    month: &Period,
    mut open: OpenMonth,
    order: &CloseOrder,
) -> Result<ClosingOutcome, ChargebackError> {
    check(month, &open, order)?;
    // A reason is only on record where it was needed.
    let is_final = open.statement.says_total_is == TotalIs::Bill;
    let forced_because = order.forced_because.clone().filter(|_| !is_final);
    let closing = Closing { at: order.now, by: order.by.clone(), forced_because };
    open.statement.closed = true;
    open.statement.closing = Some(closing.clone());
    let frozen = Frozen::of(&open.statement, &open.corrections, &books.card, &books.pricing);
    let Files { mail, json, csv } = Files::of(&open.statement, templates)?;
    let parts = BTreeMap::from([
        (FROZEN.to_owned(), frozen.to_bytes()?),
        (LEDGER.to_owned(), open.ledger.pack()),
        (SUBJECT.to_owned(), mail.subject.into_bytes()),
        (TEXT.to_owned(), mail.text.into_bytes()),
        (HTML.to_owned(), mail.html.into_bytes()),
        (JSON.to_owned(), json.into_bytes()),
        (CSV.to_owned(), csv),
    ]);
    let Closing { at, by, forced_because } = closing;
    let closed = ClosedBy { at, by, forced_because };
    let to_close = MonthToClose { month: month.name.clone(), closed, parts };
    Ok(store.close_month(&to_close).await?)
}

/// A closed month as closing it froze it; `None` while it is open.
///
/// # Errors
/// When the store fails, or what is kept is not what was written.
pub async fn closed(store: &Store, month: &str) -> Result<Option<Closed>, ChargebackError> {
    let Some(header) = store.closed_month(month).await? else { return Ok(None) };
    let files = Files {
        mail: RenderedReport {
            subject: text(store, &header, SUBJECT).await?,
            html: text(store, &header, HTML).await?,
            text: text(store, &header, TEXT).await?,
        },
        json: text(store, &header, JSON).await?,
        csv: part(store, &header, CSV).await?,
    };
    let frozen = Frozen::of_bytes(month, &part(store, &header, FROZEN).await?)?;
    Ok(Some(Closed { header, files, total_usd: frozen.total_usd }))
}

/// A part of a closed month.
pub(super) async fn part(
    store: &Store,
    header: &ClosedMonth,
    name: &'static str,
) -> Result<Vec<u8>, ChargebackError> {
    let month = || header.month.clone();
    let found = store.closed_part(header, name).await?;
    found.ok_or_else(|| ChargebackError::NoPart { month: month(), part: name })
}

async fn text(
    store: &Store,
    header: &ClosedMonth,
    name: &'static str,
) -> Result<String, ChargebackError> {
    let month = || header.month.clone();
    let bytes = part(store, header, name).await?;
    String::from_utf8(bytes).map_err(|_| ChargebackError::NoPart { month: month(), part: name })
}
