//! Reading connections, each with a read transaction that stays open from one read to the next.
//!
//! To begin and end a transaction, SQLite takes two locks of the file, and one that all readers of the
//! process share. That is half the cost of finding a customer's orders. So a reader keeps its transaction
//! until any process commits. The header of the shared-memory file (`-shm`) shows commits: each one changes
//! the header before it is reported as done. The header is compared before each read, a hundred bytes from
//! the kernel's memory. So no read sees a state older than the last commit.
//!
//! The log can't restart while such a transaction uses a part of it. So idle readers must end their
//! transactions. The writer makes them: regularly ([`Readers::let_go_of_old`]), and before it copies the log
//! into the file ([`Readers::let_go`]).

use std::{
    fs::File,
    mem::ManuallyDrop,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::{begin, connect, end, failure, with_suffix};
use crate::Error;

/// How often a second reader is begun in the hope that nothing is committed between.
const TRIES_FOR_TWO: u32 = 100;

/// The idle readers.
pub(super) struct Readers {
    path: PathBuf,
    log: LogHead,
    idle: Mutex<Vec<Reader>>,
}

/// A connection for reading.
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// The log's state just before the open transaction began, if known.
    since: Option<State>,
}

impl Readers {
    /// For the file at this path, which must stay open in this process meanwhile.
    pub(super) fn new(path: PathBuf) -> Result<Self, Error> {
        Ok(Self { log: LogHead::open(&path)?, path, idle: Mutex::default() })
    }

    /// A reader whose transaction sees every commit so far.
    pub(super) fn take(&self) -> Result<Reader, Error> {
        let idle = self.idle.lock().pop();
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

    /// Two readers whose transactions see the same state; `None` if the store is written all the time.
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

    /// Takes a reader back, with its open transaction.
    pub(super) fn give_back(&self, reader: Reader) {
        self.idle.lock().push(reader);
    }

    /// Ends the transactions of all idle readers.
    pub(super) fn let_go(&self) {
        self.idle.lock().retain(|reader| reader.let_go().is_ok());
    }

    /// Ends the transactions of idle readers that see an old state.
    pub(super) fn let_go_of_old(&self) {
        let mut idle = self.idle.lock();
        if !idle.is_empty() {
            let now = self.log.state();
            idle.retain(|reader| reader.shows(now) || reader.let_go().is_ok());
        }
    }

    pub(super) fn close(&self) {
        self.idle.lock().clear();
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The length of the log in pages.
    pub(super) fn log_pages(&self) -> u32 {
        self.log.state().map_or(0, State::pages)
    }
}

impl Reader {
    /// Whether its transaction sees this state of the log.
    fn shows(&self, now: Option<State>) -> bool {
        now.is_some() && self.since == now && !self.connection.is_autocommit()
    }

    /// Reads something: only then does the transaction fix its state.
    fn look(&self) -> Result<(), Error> {
        let look = self.connection.pragma_query_value(None, "schema_version", |_| Ok(()));
        look.map_err(|error| failure("look", &error))
    }

    /// Ends its transaction, which wrote nothing. After an error the reader can't be used again.
    fn let_go(&self) -> Result<(), Error> {
        if self.connection.is_autocommit() { Ok(()) } else { end(&self.connection, "COMMIT") }
    }
}

/// The header of the `-shm` file.
struct LogHead {
    /// Never closed: that would drop all locks that the process has on the file (POSIX), SQLite's too.
    file: ManuallyDrop<File>,
}

/// The header as it is in the file (<https://sqlite.org/walformat.html>). It has two equal copies of 48
/// bytes, which each commit changes. Then comes the number of the log's pages that were copied into the file,
/// which readers no longer need.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    head: [u8; HEAD_BYTES],
    copied: [u8; 4],
}

const HEAD_BYTES: usize = 48;
/// The offset of the log's length in pages.
const PAGES_AT: usize = 16;

impl LogHead {
    fn open(path: &Path) -> Result<Self, Error> {
        let path = with_suffix(path, "-shm");
        let file = File::open(&path).map_err(|cause| Error::file("read", &path, &cause))?;
        Ok(Self { file: ManuallyDrop::new(file) })
    }

    /// The current state; `None` while it is being changed, or if it can't be read.
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
