//! The thread that watches the store: it loads changed accounts, and notices when the store has failed.

use std::{io, sync::Arc, time::Duration};

use billhook_store::{self as store, contacts::erasure};
use tokio::sync::oneshot;

use crate::{
    background::{Repeating, every},
    state::State,
};

const INTERVAL: Duration = Duration::from_millis(200);
/// How many intervals are between two rounds of rarer work.
const LOOKS_PER_ROUND: u32 = 25;

/// Starts the thread. The receiver gets the store's failure, if it fails.
pub(crate) fn start(state: Arc<State>) -> io::Result<(Repeating, oneshot::Receiver<store::Error>)> {
    let (send, failed) = oneshot::channel();
    let mut send = Some(send);
    let mut is_reachable = true;
    let mut looks = 0;
    let mut refused = 0;
    let thread = every(INTERVAL, "billhook-watch", move || {
        let failure = state.store.failed();
        let refreshed = state.directory.refresh(&state.store);
        state.metrics.store_ready.set((failure.is_none() && refreshed.is_ok()).into());
        if let Some(failure) = failure
            // Undamaged parts of a damaged store can still be read.
            && failure.kind() != store::Kind::Stopped
            && let Some(send) = send.take()
        {
            // If the server is already stopping, nobody receives it.
            let _ = send.send(failure);
        }
        match refreshed {
            Ok(()) if !is_reachable => tracing::info!("the store answers again"),
            Err(ref error) if is_reachable => {
                let then =
                    if state.store.is_shared() { "answering code 9" } else { "serving the known ones" };
                tracing::error!(%error, "the accounts can't be read; {then}");
            }
            _ => {}
        }
        is_reachable = refreshed.is_ok();
        state.reporter.refusals.report_left_out();
        looks = (looks + 1) % LOOKS_PER_ROUND;
        if looks == 0 {
            state.directory.forget_rested_callers();
            // Remembered calls may be those of a person who was erased.
            if let Ok(erased) = state.store.read(erasure::last) {
                state.directory.forget_calls_until(erased);
            }
            let all = state.metrics.refused_connections.get();
            if all > refused {
                tracing::warn!(
                    refused = all - refused,
                    "connections were refused: --max-connections, or the share of one address, is reached"
                );
                refused = all;
            }
        }
    })?;
    Ok((thread, failed))
}
