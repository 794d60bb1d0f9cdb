//! The connections to one database: idle ones, and how the last attempt to make one ended.
//!
//! While a database is down every request wants to know whether it is back. One of them attempts it, now and then; the others get
//! the error that it got.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{
    address::Address,
    connection::{ConnectOptions, Connection},
};
use crate::{Error, Kind};

/// After an attempt that failed nobody makes another one for so long.
const PAUSE: Duration = Duration::from_millis(200);
/// A connection that was idle for longer is not used again: something on the way may have forgotten it.
const IDLE_TIME_MAX: Duration = Duration::from_mins(5);
/// Idle connections for threads that read by themselves, at most.
const IDLE_MAX: usize = 4;

pub(super) struct Pool {
    pub(super) address: Address,
    pub(super) options: ConnectOptions,
    down: Mutex<Option<Down>>,
    idle: Mutex<Vec<Idle>>,
}

pub(super) struct Idle {
    connection: Connection,
    since: Instant,
}

/// A failed attempt to connect.
struct Down {
    error: Error,
    since: Instant,
    is_attempted: bool,
}

impl Pool {
    pub(super) fn new(address: Address, options: ConnectOptions) -> Self {
        Self { address, options, down: Mutex::default(), idle: Mutex::default() }
    }

    pub(super) fn connect(&self) -> Result<Connection, Error> {
        let _attempt = self.attempt()?;
        let made = Connection::connect(&self.address, self.options).map_err(|failed| failed.error);
        self.found(made.as_ref().err());
        made
    }

    /// Notes how an attempt to connect ended.
    pub(super) fn found(&self, error: Option<&Error>) {
        let down = |error: &Error| Down { error: error.clone(), since: Instant::now(), is_attempted: false };
        *self.down.lock() = error.map(down);
    }

    /// The right to connect, if the last attempt has failed. None is needed where it has not.
    pub(super) fn attempt(&self) -> Result<Option<Attempt<'_>>, Error> {
        let mut down = self.down.lock();
        let Some(known) = down.as_mut() else { return Ok(None) };
        if known.is_attempted || known.since.elapsed() < PAUSE {
            return Err(known.error.clone());
        }
        known.is_attempted = true;
        Ok(Some(Attempt(self)))
    }

    /// Fails if a caller has waited longer than a statement may take.
    pub(super) fn in_time(&self, since: Instant) -> Result<(), Error> {
        match self.options.timeout {
            Some(timeout) if since.elapsed() > timeout => {
                let text = format!("store: no connection was free within {timeout:?}; try again");
                Err(Error::new(Kind::Busy, text))
            }
            _ => Ok(()),
        }
    }

    /// A connection: the idle one, if it is of use, or a new one.
    pub(super) fn open(&self, idle: Option<Idle>) -> Result<Connection, Error> {
        match idle {
            Some(Idle { connection, since }) if since.elapsed() < IDLE_TIME_MAX && !connection.was_lost() => {
                Ok(connection)
            }
            _ => self.connect(),
        }
    }

    /// A connection for a thread without one of its own.
    pub(super) fn borrow(&self) -> Result<Connection, Error> {
        let idle = self.idle.lock().pop();
        self.open(idle)
    }

    /// Returns a connection from [`Self::borrow`].
    pub(super) fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX {
            idle.push(Idle::new(connection));
        }
    }
}

/// The right to find out whether a database is back, which one thread has at a time.
pub(super) struct Attempt<'a>(&'a Pool);

impl Drop for Attempt<'_> {
    /// However the attempt ended, another one may begin.
    fn drop(&mut self) {
        if let Some(down) = self.0.down.lock().as_mut() {
            down.is_attempted = false;
        }
    }
}

impl Idle {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, since: Instant::now() }
    }
}
