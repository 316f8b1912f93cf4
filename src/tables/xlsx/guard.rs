//! Calls into the workbook library that turn its panics into errors: it panics where the disk under
//! its temporary files is full, and a full disk is no defect of this program.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use rust_xlsxwriter::XlsxError;

use super::refused;
use crate::tables::TableError;

thread_local! {
    /// Whether this thread is in such a call: then the panic is told as an error, and not twice.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Does work of the library. After an error its workbook must not be used any more.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, TableError> {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                before(panic);
            }
        }));
    });
    GUARDED.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    match done {
        Ok(result) => result.map_err(refused),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let text = text.unwrap_or("no reason given");
            Err(TableError::Write(std::io::Error::other(format!("a temporary file: {text}"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_work_goes_on() {
        let failed = guarded::<()>(|| panic!("disk {}", "full")).unwrap_err();
        assert_eq!(failed.to_string(), "cannot write: a temporary file: disk full");
        assert_eq!(guarded(|| Ok(7)).unwrap(), 7);
        assert!(guarded::<()>(|| Err(XlsxError::RowColumnLimitError)).is_err());
    }
}
