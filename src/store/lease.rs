//! The real clock, for leases and for waiting alone: two machines at work now must agree on what
//! "now" is, whatever `--now` says. Everything else takes its time as an argument.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

/// What time it is, and waiting. A trait, so that tests need not wait for leases to end.
pub trait Clock: Sync {
    /// What time it is.
    fn now(&self) -> Timestamp;
    /// Waits that long.
    fn sleep(&self, span: Duration) -> impl Future<Output = ()> + Send;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}
