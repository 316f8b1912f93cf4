//! Watching: one round after the other, for as long as the process is let live. Events are stored
//! within seconds of their arrival, the sources are swept every few minutes for what events lose.
//!
//! No trouble with AWS or the store ends it: the next round is put off, twice as long each time.
//! Told to stop, it gives up waiting at once and gives the work under way a while to finish; since
//! every step may be stopped at any instant, what is left undone then is done by the next start.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{Either, select};
use tracing::{Instrument, Span};

use super::collect::CollectError;
use super::metrics::MetricSink;
use super::round::{Extent, Round, Rounds};
use crate::sources::{Sources, WAIT_MAX};
use crate::store::Clock;

/// How long the work under way may go on after being told to stop: orchestrators kill after 30
/// seconds.
const GRACE: Duration = Duration::from_secs(20);

/// The first pause after trouble, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How often is done what.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// A round at least this often, even if nothing arrives.
    pub every: Duration,
    /// A sweep of the sources, and what follows from it, this often.
    pub sweep_every: Duration,
}

/// Does rounds until `stop` is ready, and tells which sweep begins and what each round came to. A
/// sweep's log lines are in the span that its beginning answers with.
pub async fn watch<S: Sources, M: MetricSink, C: Clock + Clone>(
    rounds: &mut Rounds<'_, S, M, C>,
    rhythm: Rhythm,
    stop: impl Future<Output = ()>,
    mut sweep_begins: impl FnMut(jiff::Timestamp) -> Span,
    mut tell: impl FnMut(jiff::Timestamp, &Result<Round, CollectError>),
) {
    let stop = pin!(stop);
    let mut stop = stop.fuse();
    let (mut swept, mut troubles): (Option<Instant>, u32) = (None, 0);
    loop {
        let is_due = swept.is_none_or(|at| at.elapsed() >= rhythm.sweep_every);
        let waiting = async {
            if troubles > 0 {
                let pause = PAUSE.saturating_mul(2_u32.saturating_pow(troubles - 1));
                rounds.clock.sleep(pause.min(PAUSE_MAX)).await;
            }
            let round = if is_due { Duration::ZERO } else { rhythm.every };
            wait_for_events(rounds, round).await
        };
        let received = match select(pin!(waiting), &mut stop).await {
            Either::Left((received, _)) => received,
            Either::Right(_) => return,
        };
        let now = rounds.clock.now();
        let extent = if is_due { Extent::Sweep(None) } else { Extent::Named };
        let span = if is_due { sweep_begins(now) } else { Span::none() };
        let clock = rounds.clock.clone();
        let mut work = pin!(rounds.with(received, extent, now).instrument(span));
        let (done, stopped) = match select(&mut work, &mut stop).await {
            Either::Left((done, _)) => (Some(done), false),
            Either::Right(_) => {
                let grace = pin!(clock.sleep(GRACE));
                match select(work, grace).await {
                    Either::Left((done, _)) => (Some(done), true),
                    Either::Right(_) => (None, true),
                }
            }
        };
        if let Some(done) = &done {
            tell(now, done);
            let is_troubled = done.as_ref().map_or(true, Round::is_troubled);
            troubles = if is_troubled { troubles.saturating_add(1) } else { 0 };
            if is_due && done.is_ok() {
                swept = Some(Instant::now());
            }
        }
        if stopped {
            return;
        }
    }
}

/// The first events to arrive within the time, or none. A queue is asked once even where there is
/// no time.
async fn wait_for_events<S: Sources, M: MetricSink, C: Clock>(
    rounds: &Rounds<'_, S, M, C>,
    time: Duration,
) -> Option<super::events::Received> {
    if rounds.drain.is_none() {
        return rounds.wait(time).await;
    }
    let begun = Instant::now();
    loop {
        let left = time.saturating_sub(begun.elapsed());
        let received = rounds.wait(left.min(WAIT_MAX)).await;
        let is_over = begun.elapsed() >= time;
        if is_over || received.as_ref().is_some_and(|received| !received.is_empty()) {
            return received;
        }
    }
}
