//! Being told to stop, by an orchestrator or a person. Without a handler nothing would happen at
//! all in a container, whose first process the kernel spares the signals that it does not handle.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Failure;
use crate::delivery::no_call;

/// How long a call may still take: orchestrators kill after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the process is told to stop, by whom it was started or by a person.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

/// Listens from now on: whoever asks later hears what was said before too.
pub(super) fn listen() -> Result<Stop, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::failed(format!("cannot listen to signals: {error}")))
    };
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tell.send_replace(true);
        // As long as there is anybody who may ask.
        tell.closed().await;
    });
    Ok(Stop(told))
}

impl Stop {
    /// Ready once the process is told to stop.
    pub(super) fn told(&self) -> impl Future<Output = ()> + use<> {
        let mut told = self.0.clone();
        async move {
            // It is not taken back, so that nobody misses it.
            let _ = told.wait_for(|told| *told).await;
        }
    }
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
