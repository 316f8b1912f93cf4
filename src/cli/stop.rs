//! Being told to stop, by an orchestrator or a person. Without a handler nothing would happen at
//! all in a container, whose first process the kernel spares the signals that it does not handle.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::delivery::no_call;

/// How long a call may still take: orchestrators kill after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ready once the process is told to stop, by whom it was started or by a person.
pub(super) fn told_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::failed(format!("cannot listen to signals: {error}")))
    };
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// Ready once the process is told to stop and no mail is half sent. All else may be dropped at any
/// point: what is stored is stored whole, and the next start goes on from there.
pub(super) async fn stopped(told: impl Future<Output = ()>) -> Failure {
    told.await;
    // A call that takes longer is on record as one that may have had an effect.
    let _ = tokio::time::timeout(PATIENCE, no_call()).await;
    Failure {
        hint: Some("what was done stays; the same command goes on from there".to_owned()),
        ..Failure::failed("told to stop before the end")
    }
}
