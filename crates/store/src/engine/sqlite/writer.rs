//! The writer: one thread that commits many waiting transactions with one sync.
//!
//! Each transaction of a group except the first runs in a savepoint, so that its failure or refusal leaves
//! the others alone. Each is answered after the commit that made it durable. While a commit runs, the next
//! transactions gather in the queue.
//!
//! An I/O error at commit stops all writing for good. A failed sync must not be repeated, since the kernel
//! may have dropped the unwritten pages. Damage, found by a reader or the writer, stops writing as well:
//! writing to a damaged file can make it worse.
//!
//! Between groups the writer copies a long log into the file. SQLite would do so within a commit, and would
//! give up if a reader has an open transaction. Here the answers were sent before, and the readers are told
//! to end their transactions.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    BUSY_TIMEOUT, Open, Readers, begin, end, failure,
    fair_queue::{FairQueue, Next},
};
use crate::{Error, Kind, Tx, engine::Work};

/// The maximum size of a group.
const GROUP_MAX: usize = 512;
/// A group that has run this long is committed even if more are waiting.
const GROUP_TIME_MAX: Duration = Duration::from_millis(50);
/// An account that has used this much of a group's time waits for the next group.
const SHARE_MAX: Duration = Duration::from_millis(5);
/// How often idle readers with old states end their transactions, because other processes wait for that.
const LET_GO_EVERY: Duration = Duration::from_millis(50);
/// The pauses in which the writer waits for readers that block the log's copying. Together they are longer
/// than [`LET_GO_EVERY`], after which only busy readers can block it.
const PAUSES_MS: [u64; 8] = [0, 1, 2, 4, 8, 16, 32, 64];
/// If a reader blocked the copying, the log grows to this many times its usual length before a retry.
const AGAIN_AFTER: u32 = 8;

pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    path: PathBuf,
    queue: FairQueue,
    failed: OnceLock<Error>,
}

impl Writer {
    /// Starts the thread. A log of `log_pages` pages is copied into the file.
    pub(super) fn start(
        mut connection: Connection,
        readers: Arc<Readers>,
        log_pages: u32,
    ) -> Result<Self, Error> {
        let path = readers.path().to_owned();
        let shared = Arc::new(Shared { path, queue: FairQueue::default(), failed: OnceLock::new() });
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let shared = Arc::clone(&shared);
                move || {
                    let log = Log {
                        connection: &mut connection,
                        readers: &readers,
                        usual: log_pages,
                        due: log_pages,
                    };
                    let _ = catch_unwind(AssertUnwindSafe(|| write(log, &shared)));
                    // After a panic of this thread, nobody may wait for ever.
                    shared.queue.close();
                    while let Next::Work(work) = shared.queue.next(Duration::ZERO) {
                        work.finish(Err(Error::new(Kind::Closed, "store: the writer has ended")));
                    }
                    readers.close();
                }
            })
            .map_err(|cause| {
                Error::new(Kind::Statement, format!("cannot start the writer's thread: {cause}"))
            })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn submit(&self, work: Box<dyn Work>) {
        if let Some(error) = self.failed() {
            return work.finish(Err(error));
        }
        if let Err((work, error)) = self.shared.queue.add(work) {
            work.finish(Err(error));
        }
    }

    /// Stops all writing if a reader's failure is damage.
    pub(super) fn stop_if_damaged(&self, error: &Error) {
        if error.kind() == Kind::Damaged {
            self.shared.stop_after(Err(error));
        }
    }

    pub(super) fn failed(&self) -> Option<Error> {
        self.shared.failed.get().cloned()
    }
}

impl Drop for Writer {
    /// Waits until the queue is empty. If the writer's own thread drops the store's last handle, inside a
    /// callback, it can't wait for itself. It then ends when the queue is empty.
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // The panic hook has reported a panic of that thread.
            let _ = thread.join();
        }
    }
}

fn write(mut log: Log<'_>, shared: &Shared) {
    loop {
        let first = match shared.queue.next(LET_GO_EVERY) {
            Next::Work(first) => first,
            Next::Nothing => {
                log.readers.let_go_of_old();
                continue;
            }
            Next::Closed => return,
        };
        if let Some(error) = shared.failed.get() {
            first.finish(Err(error.clone()));
            continue;
        }
        let (group, outcome) = run_group(log.connection, first, &shared.queue);
        shared.stop_after(outcome.as_ref());
        // Those that met the failure get the same error as all later ones.
        let outcome = outcome.map_err(|error| shared.failed.get().cloned().unwrap_or(error));
        for work in group {
            // A panic in a caller's callback must not end the writer either.
            let _ = catch_unwind(AssertUnwindSafe(|| work.finish(outcome.clone())));
        }
        if outcome.is_ok()
            && let Err(error) = log.copy_if_due()
        {
            shared.stop_after(Err(&error));
            // A failure that stops the store is reported with each refusal, and so is a full disk.
            if shared.failed.get().is_none() && error.kind() != Kind::Full {
                tracing::warn!(
                    store = %shared.path.display(), %error,
                    "the log could not be copied into the file; the log grows, and the copy is tried again later"
                );
            }
        }
    }
}

impl Shared {
    /// Stops all writing after an I/O error or damage.
    fn stop_after(&self, outcome: Result<&(), &Error>) {
        let Err(error) = outcome else { return };
        let (kind, mend) = match error.kind() {
            Kind::Io => (Kind::Closed, ": restart Billhook once the disk is sound"),
            Kind::Damaged => (Kind::Stopped, ""),
            _ => return,
        };
        let text = format!("{}: {error}. Nothing is written any more{mend}", self.path.display());
        // Set once; from then on everything is refused.
        let _ = self.failed.set(Error::new(kind, text));
    }
}

/// The write-ahead log.
struct Log<'a> {
    connection: &'a mut Connection,
    readers: &'a Readers,
    /// The usual length at which it is copied, and the length for the next attempt, in pages.
    usual: u32,
    due: u32,
}

impl Log<'_> {
    /// Copies a log that is long enough into the file, so that the next transaction restarts it.
    fn copy_if_due(&mut self) -> Result<(), Error> {
        let pages = self.readers.log_pages();
        if pages < self.usual {
            self.due = self.usual;
        }
        if pages < self.due {
            return Ok(());
        }
        self.due = pages.saturating_add(AGAIN_AFTER * self.usual);
        let failed = |error| failure("copy the log", &error);
        // Do not wait here; blocking readers are handled below.
        self.connection.busy_timeout(Duration::ZERO).map_err(failed)?;
        let copied = self.copy();
        self.connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        if copied.map_err(failed)? {
            self.due = self.usual;
        }
        Ok(())
    }

    /// Copies it; false if a reader still blocks it.
    fn copy(&self) -> rusqlite::Result<bool> {
        for pause in PAUSES_MS {
            thread::sleep(Duration::from_millis(pause));
            self.readers.let_go();
            let checkpoint = "PRAGMA wal_checkpoint(RESTART)";
            let busy: bool = self.connection.query_row(checkpoint, [], |row| row.get(0))?;
            if !busy {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Runs transactions until none is waiting that may have a turn, and commits them together.
fn run_group(
    connection: &mut Connection,
    mut first: Box<dyn Work>,
    queue: &FairQueue,
) -> (Vec<Box<dyn Work>>, Result<(), Error>) {
    if let Err(error) = begin(connection, "BEGIN IMMEDIATE") {
        return (vec![first], Err(error));
    }
    let started = Instant::now();
    // The first needs no savepoint, which would copy all pages that it changes: if it fails, all is undone.
    let mut outcome = match run_one(connection, first.as_mut()) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let outcome = end(connection, "ROLLBACK").map_err(|error| roll_back(connection, error));
            return (vec![first], outcome);
        }
        Err(error) => Err(error),
    };
    let mut shares = HashMap::from([(first.account(), started.elapsed())]);
    let mut group = vec![first];
    while outcome.is_ok() && group.len() < GROUP_MAX && started.elapsed() < GROUP_TIME_MAX {
        let has_share = |party| shares.get(&party).is_none_or(|had| *had < SHARE_MAX);
        let next = queue.next_of(has_share);
        let Some(mut work) = next.or_else(|| queue.next_of(|_| shares.len() < 2)) else { break };
        let begun = Instant::now();
        outcome = run_in_savepoint(connection, work.as_mut());
        *shares.entry(work.account()).or_default() += begun.elapsed();
        group.push(work);
    }
    let outcome = outcome.and_then(|()| end(connection, "COMMIT"));
    (group, outcome.map_err(|error| roll_back(connection, error)))
}

/// Runs one transaction in a savepoint. An error means that the whole group is lost.
fn run_in_savepoint(connection: &mut Connection, work: &mut dyn Work) -> Result<(), Error> {
    begin(connection, "SAVEPOINT work")?;
    if !run_one(connection, work)? {
        end(connection, "ROLLBACK TO work")?;
    }
    end(connection, "RELEASE work")
}

/// Runs one transaction's body. Returns whether to keep its changes.
fn run_one(connection: &mut Connection, work: &mut dyn Work) -> Result<bool, Error> {
    // A panic in one body must not end the writer. Its caller learns of it, because there is no result.
    let keep =
        catch_unwind(AssertUnwindSafe(|| work.run(Tx::writing(&mut Open(connection))))).unwrap_or(false);
    if connection.is_autocommit() {
        // A full or failed disk has rolled everything back. The transaction's own error says which it was.
        return Err(work.error().unwrap_or_else(|| {
            Error::new(Kind::Io, "store: the transaction was rolled back, as after an I/O error")
        }));
    }
    if let Some(error) = work.error().filter(|error| error.kind() == Kind::Damaged) {
        // Nothing may be written any more, not even the rest of the group.
        return Err(error);
    }
    Ok(keep)
}

fn roll_back(connection: &Connection, error: Error) -> Error {
    if connection.is_autocommit() {
        return error;
    }
    match connection.execute_batch("ROLLBACK") {
        Ok(()) => error,
        // If the roll-back fails, the connection can't be used; treated as a failed disk.
        Err(second) => Error::new(Kind::Io, format!("{error}; {}", failure("rollback", &second))),
    }
}
