//! The shutdown signal. Thousands of connections wait for it cheaply.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct Shutdown {
    // Read on each poll of each connection, so a lock would be too slow.
    begun: AtomicBool,
    signal: watch::Sender<bool>,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self { begun: AtomicBool::new(false), signal: watch::Sender::new(false) }
    }

    /// Begins the shutdown.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Relaxed);
        self.signal.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Relaxed)
    }

    /// Waits until the shutdown begins.
    pub(crate) fn begun(&self) -> impl Future<Output = ()> + use<> {
        let mut signal = self.signal.subscribe();
        async move {
            // An error means that the sender was dropped: the server has ended.
            let _ = signal.wait_for(|begun| *begun).await;
        }
    }
}
