//! Connections that read, each in a read transaction that is held from one read to the next.
//!
//! Beginning and ending a transaction takes SQLite two locks of the file, and one that all readers of the process share: half of
//! what it costs to find a customer's orders. So a reader keeps its transaction for as long as nothing was committed, by whatever
//! process. What tells it is the head of the file beside the log that the processes share (`-shm`): every commit changes it before
//! anybody learns that the commit is done. It is read before each transaction, a hundred bytes out of the kernel's memory; so no
//! state is ever shown that is older than the last commit.
//!
//! The log can't be begun anew while such a transaction shows a part of it. So readers that are not at work let go: the writer
//! sees to that, all the time ([`Readers::let_go_of_old`]) and before it copies the log into the file ([`Readers::let_go`]).

use std::{
    fs::File,
    mem::ManuallyDrop,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;

use super::{begin, connect, end, failure, with_suffix};
use crate::Error;

/// How often two readers are begun in the hope that nothing is committed meanwhile.
const TRIES_FOR_TWO: u32 = 100;

/// The readers that are not at work.
pub(super) struct Readers {
    path: PathBuf,
    log: LogHead,
    idle: Mutex<Vec<Reader>>,
}

/// A connection for reading.
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// The log's state just before the present transaction began, if it could be told.
    since: Option<State>,
}

impl Readers {
    /// For the file of this path, which must stay open in this process meanwhile.
    pub(super) fn new(path: PathBuf) -> Result<Self, Error> {
        Ok(Self { log: LogHead::open(&path)?, path, idle: Mutex::default() })
    }

    /// A reader in a transaction that shows every commit there has been.
    pub(super) fn take(&self) -> Result<Reader, Error> {
        let idle = self.idle().pop();
        let now = self.log.state();
        let connection = match idle {
            Some(reader) if reader.shows(now) => return Ok(reader),
            Some(reader) => {
                reader.let_go()?;
                reader.connection
            }
            None => {
                let connection = connect(&self.path)?;
                connection
                    .pragma_update(None, "query_only", true)
                    .map_err(|error| failure("open", &error))?;
                connection
            }
        };
        begin(&connection, "BEGIN DEFERRED")?;
        Ok(Reader { connection, since: now })
    }

    /// Two readers whose transactions show the same state; none where the store is written to all the time.
    pub(super) fn take_two(&self) -> Result<Option<[Reader; 2]>, Error> {
        for _ in 0..TRIES_FOR_TWO {
            let before = self.log.state();
            let both = [self.take()?, self.take()?];
            for reader in &both {
                reader.look()?;
            }
            if before.is_some() && self.log.state() == before {
                return Ok(Some(both));
            }
            for reader in both {
                self.give_back(reader);
            }
        }
        Ok(None)
    }

    /// Takes a reader back, with its transaction.
    pub(super) fn give_back(&self, reader: Reader) {
        self.idle().push(reader);
    }

    /// Ends the transactions of all idle readers.
    pub(super) fn let_go(&self) {
        self.idle().retain(|reader| reader.let_go().is_ok());
    }

    /// Ends the transactions of those idle readers that show an old state.
    pub(super) fn let_go_of_old(&self) {
        let mut idle = self.idle();
        if !idle.is_empty() {
            let now = self.log.state();
            idle.retain(|reader| reader.shows(now) || reader.let_go().is_ok());
        }
    }

    /// Closes all idle readers.
    pub(super) fn close(&self) {
        self.idle().clear();
    }

    /// The store's file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many pages the log holds.
    pub(super) fn log_pages(&self) -> u32 {
        self.log.state().map_or(0, State::pages)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Whether its transaction shows this state of the log.
    fn shows(&self, now: Option<State>) -> bool {
        now.is_some() && self.since == now && !self.connection.is_autocommit()
    }

    /// Reads something: before its first read a transaction has chosen no state yet.
    fn look(&self) -> Result<(), Error> {
        let look = self.connection.pragma_query_value(None, "schema_version", |_| Ok(()));
        look.map_err(|error| failure("look", &error))
    }

    /// Ends its transaction. Nothing was written, so nothing can be lost; a reader that can't is not to be used again.
    fn let_go(&self) -> Result<(), Error> {
        if self.connection.is_autocommit() { Ok(()) } else { end(&self.connection, "COMMIT") }
    }
}

/// The head of the `-shm` file.
struct LogHead {
    /// Never closed: to close any descriptor of a file gives up all locks that the process has on it (POSIX), SQLite's too.
    file: ManuallyDrop<File>,
}

/// What the head says, as it stands there (<https://sqlite.org/walformat.html>): two equal copies of 48 bytes, of which each commit
/// changes both, and how many pages of the log have been copied into the file, after which readers need it no more.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    head: [u8; HEAD_BYTES],
    copied: [u8; 4],
}

const HEAD_BYTES: usize = 48;
/// Where a head says how many pages the log holds.
const PAGES_AT: usize = 16;

impl LogHead {
    fn open(path: &Path) -> Result<Self, Error> {
        let path = with_suffix(path, "-shm");
        let file = File::open(&path).map_err(|cause| Error::file("read", &path, &cause))?;
        Ok(Self { file: ManuallyDrop::new(file) })
    }

    /// The present state; none while it is being changed, or if it can't be read.
    fn state(&self) -> Option<State> {
        let mut bytes = [0; 2 * HEAD_BYTES + 4];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        let (heads, copied) = bytes.split_first_chunk::<{ 2 * HEAD_BYTES }>()?;
        let (head, second) = heads.split_first_chunk::<HEAD_BYTES>()?;
        (head == second).then_some(State { head: *head, copied: copied.try_into().ok()? })
    }
}

impl State {
    fn pages(self) -> u32 {
        let pages = self.head.get(PAGES_AT..).and_then(|rest| rest.first_chunk());
        pages.map_or(0, |pages| u32::from_ne_bytes(*pages))
    }
}
