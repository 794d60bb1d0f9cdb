//! Threads that run periodically, independent of requests.

pub(crate) mod timers;
pub(crate) mod watch;

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// A thread that repeats its work; it ends on drop.
#[derive(Debug)]
pub(crate) struct Repeating {
    _alive: mpsc::Sender<()>,
}

/// Starts a thread that calls `work` once per interval.
fn every(interval: Duration, name: &str, mut work: impl FnMut() + Send + 'static) -> io::Result<Repeating> {
    let (alive, ended) = mpsc::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(interval) {
            work();
        }
    })?;
    Ok(Repeating { _alive: alive })
}
