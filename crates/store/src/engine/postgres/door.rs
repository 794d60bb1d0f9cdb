//! The way to one database: who may try to connect, and what is known of the last try.
//!
//! While a database is down every request wants to know whether it is back. One of them tries, now and then; the others are told
//! at once what that one found.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    address::Address,
    link::{Link, Terms},
    numbers::Numbers,
};
use crate::{Error, Kind};

/// So long after a try that failed nobody tries again.
const PAUSE: Duration = Duration::from_millis(200);
/// A connection that nobody has used for so long is not used again: something on the way may have forgotten it.
const REST_MAX: Duration = Duration::from_mins(5);
/// Connections kept for threads that read by themselves.
const KEPT_MAX: usize = 4;

pub(super) struct Door {
    pub(super) address: Address,
    pub(super) terms: Terms,
    down: Mutex<Option<Down>>,
    kept: Mutex<Vec<Kept>>,
    pub(super) numbers: Numbers,
}

/// A connection that waits for its next use.
pub(super) struct Kept {
    link: Link,
    since: Instant,
}

/// A database that could not be reached.
struct Down {
    error: Error,
    since: Instant,
    is_tried: bool,
}

impl Door {
    pub(super) fn new(address: Address, terms: Terms) -> Self {
        Self { address, terms, down: Mutex::default(), kept: Mutex::default(), numbers: Numbers::default() }
    }

    /// A new connection.
    pub(super) fn connect(&self) -> Result<Link, Error> {
        let _trying = self.try_again()?;
        let made = Link::connect(&self.address, self.terms).map_err(|failed| failed.error);
        self.found(made.as_ref().err());
        made
    }

    /// Notes how a try to connect ended.
    pub(super) fn found(&self, error: Option<&Error>) {
        let down = |error: &Error| Down { error: error.clone(), since: Instant::now(), is_tried: false };
        *self.down() = error.map(down);
    }

    /// The right to try again, if the last try has failed. None is needed where none has.
    pub(super) fn try_again(&self) -> Result<Option<Trying<'_>>, Error> {
        let mut down = self.down();
        let Some(known) = down.as_mut() else { return Ok(None) };
        if known.is_tried || known.since.elapsed() < PAUSE {
            return Err(known.error.clone());
        }
        known.is_tried = true;
        Ok(Some(Trying(self)))
    }

    /// Refuses what is waited for longer than a statement would be.
    pub(super) fn in_time(&self, since: Instant) -> Result<(), Error> {
        match self.terms.patience {
            Some(patience) if since.elapsed() > patience => {
                let text = format!("store: no connection was free within {patience:?}; try again");
                Err(Error::new(Kind::Busy, text))
            }
            _ => Ok(()),
        }
    }

    /// A connection: the one that is kept, if it is of use, or a new one.
    pub(super) fn open(&self, kept: Option<Kept>) -> Result<Link, Error> {
        match kept {
            Some(Kept { link, since }) if since.elapsed() < REST_MAX && !link.was_lost() => Ok(link),
            _ => self.connect(),
        }
    }

    /// A connection for a thread that has none of its own.
    pub(super) fn borrow(&self) -> Result<Link, Error> {
        let kept = lock(&self.kept).pop();
        self.open(kept)
    }

    /// Gives back what [`Self::borrow`] gave.
    pub(super) fn give_back(&self, link: Link) {
        let mut kept = lock(&self.kept);
        if kept.len() < KEPT_MAX {
            kept.push(Kept::new(link));
        }
    }

    fn down(&self) -> MutexGuard<'_, Option<Down>> {
        lock(&self.down)
    }
}

/// The one who tries whether a database is back.
pub(super) struct Trying<'a>(&'a Door);

impl Drop for Trying<'_> {
    /// However the try ended, another one may begin.
    fn drop(&mut self) {
        if let Some(down) = self.0.down().as_mut() {
            down.is_tried = false;
        }
    }
}

impl Kept {
    pub(super) fn new(link: Link) -> Self {
        Self { link, since: Instant::now() }
    }
}

/// What a thread that panicked left behind is whole: nothing here is changed in steps.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
