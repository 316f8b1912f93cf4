//! Calls that must not be cut in half: whose end would not be known, because nothing asks for it
//! again. Whoever makes one says so here, and a process that is told to stop waits for it.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One for the process, as being told to stop is. Tokio's is fair: once somebody waits to write,
/// nobody begins to read.
static CALLS: RwLock<()> = RwLock::const_new(());

/// A call, with what goes on record before and after it: under way as long as this is kept.
#[derive(Debug)]
#[must_use]
pub struct WholeCall(#[expect(dead_code, reason = "kept, not read")] RwLockReadGuard<'static, ()>);

impl WholeCall {
    /// Begins one. Once the process has been told to stop, this never returns.
    pub async fn begin() -> Self {
        Self(CALLS.read().await)
    }
}

/// Waits for the calls that are under way, and lets no other begin while what it gives is kept.
pub async fn no_call() -> RwLockWriteGuard<'static, ()> {
    CALLS.write().await
}
