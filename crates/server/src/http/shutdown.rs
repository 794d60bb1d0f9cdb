//! The signal that the server is to stop, which thousands of connections wait for at no cost.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::watch;

/// Whether the server is stopping.
#[derive(Debug)]
pub(crate) struct Shutdown {
    // Read on each poll of each connection, which a lock would be too dear for.
    begun: AtomicBool,
    signal: watch::Sender<bool>,
}

impl Shutdown {
    /// Not yet.
    pub(crate) fn new() -> Self {
        Self { begun: AtomicBool::new(false), signal: watch::Sender::new(false) }
    }

    /// Begins to stop.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Relaxed);
        self.signal.send_replace(true);
    }

    /// Whether the stop has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Relaxed)
    }

    /// Waits until it begins.
    pub(crate) fn begun(&self) -> impl Future<Output = ()> + use<> {
        let mut signal = self.signal.subscribe();
        async move {
            // An error would mean that the sender is gone: the server has ended.
            let _ = signal.wait_for(|begun| *begun).await;
        }
    }
}
