//! The thread that watches the store: it takes changed accounts over, and notices when the store has failed.

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use billhook_store as store;
use tokio::sync::oneshot;

use crate::request::Service;

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(200);
/// How many looks lie between two rounds of what need not be done so often.
const LOOKS_PER_ROUND: u32 = 25;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    _alive: mpsc::Sender<()>,
}

/// Starts the thread. The receiver gets the store's failure, if it ever fails.
pub(crate) fn start(service: Arc<Service>) -> io::Result<(Watch, oneshot::Receiver<store::Error>)> {
    let (alive, ended) = mpsc::channel();
    let (tell, failed) = oneshot::channel();
    thread::Builder::new().name("billhook-watch".to_owned()).spawn(move || watch(&service, &ended, tell))?;
    Ok((Watch { _alive: alive }, failed))
}

fn watch(service: &Service, ended: &mpsc::Receiver<()>, tell: oneshot::Sender<store::Error>) {
    let mut tell = Some(tell);
    let mut reachable = true;
    let mut looks = 0;
    let mut refused = 0;
    while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
        let failure = service.store.failed();
        let refreshed = service.directory.refresh(&service.store);
        service.metrics.store_ready.set((failure.is_none() && refreshed.is_ok()).into());
        if let Some(failure) = failure
            // What is sound of a damaged store is still read.
            && failure.kind() != store::Kind::Stopped
            && let Some(tell) = tell.take()
        {
            // Nobody listens once the server is stopping for another reason.
            let _ = tell.send(failure);
        }
        match refreshed {
            Ok(()) if !reachable => tracing::info!("the store answers again"),
            Err(ref error) if reachable => {
                let then = if service.store.is_shared() {
                    "answering code 9"
                } else {
                    "serving those that are known"
                };
                tracing::error!(%error, "the accounts can't be read; {then}");
            }
            _ => {}
        }
        reachable = refreshed.is_ok();
        service.refusals.tell_rest();
        looks = (looks + 1) % LOOKS_PER_ROUND;
        if looks == 0 {
            service.directory.forget_rested_callers();
            let all = service.metrics.refused_connections.get();
            if all > refused {
                tracing::warn!(
                    refused = all - refused,
                    "connections were refused: --max-connections, or the share of one address, is reached"
                );
                refused = all;
            }
        }
    }
}
