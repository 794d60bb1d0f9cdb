//! What runs by the clock, beside all requests.

pub(crate) mod timers;
pub(crate) mod watch;

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// A thread that does something again and again; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Repeating {
    _alive: mpsc::Sender<()>,
}

/// Starts a thread that calls `work` once in each interval.
fn every(interval: Duration, name: &str, mut work: impl FnMut() + Send + 'static) -> io::Result<Repeating> {
    let (alive, ended) = mpsc::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(interval) {
            work();
        }
    })?;
    Ok(Repeating { _alive: alive })
}
