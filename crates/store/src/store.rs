//! The store's public interface: transactions, health, backup.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use crate::{
    AccountId, Error, Finding, Holdings, Kind, Location, Salvage, Tx,
    engine::{self, Engine, Purpose, Read, SchemaVersion, Work},
    folder::OpenLock,
    holdings, marks,
};

/// The maximum number of rows in a brief read.
const BRIEF_ROWS: u32 = 500;

/// The statements of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// One statement. A second one is an error.
    Statement,
    /// Any number of statements, which see one state.
    Transaction,
}

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    // Dropped in this order: the engine finishes its last write before the lock is released.
    engine: Arc<dyn Engine>,
    _open: Option<Arc<OpenLock>>,
    place: Arc<str>,
}

/// The progress of a long operation, in its own units (pages, orders).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
}

/// The content of a backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// The file's size.
    pub bytes: u64,
    /// Accounts in it.
    pub accounts: u64,
    /// Orders in it, of all accounts.
    pub orders: u64,
}

/// The result of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// The content of the restored store.
    pub restored: BackupReport,
    /// The path of the replaced store, if there was one.
    pub kept: Option<PathBuf>,
}

impl Store {
    /// Opens a store, or creates it. An older or newer one is refused.
    pub fn open(location: &Location) -> Result<Self, Error> {
        Self::opened(engine::open(location, Purpose::Serving)?, location).whole()
    }

    /// The same for the one server of a data folder, which migrates it. It may follow one that was killed.
    pub fn open_to_serve(location: &Location) -> Result<Self, Error> {
        Self::opened(engine::open_to_serve(location)?, location).whole()
    }

    /// The same for a command that reads or writes very many orders. It may use some hundred megabytes of
    /// memory, and its statements have no time-out.
    pub fn open_for_bulk(location: &Location) -> Result<Self, Error> {
        Self::opened(engine::open(location, Purpose::Bulk)?, location).whole()
    }

    /// The same for a command that reads the whole store. On a read-only file system a copy is read.
    pub fn open_to_save(location: &Location) -> Result<Self, Error> {
        Self::opened(engine::open_to_save(location)?, location).whole()
    }

    /// Opens the source or target of a copy, which may be unfinished. A folder's must not be open elsewhere.
    pub(crate) fn open_for_copy(location: &Location) -> Result<Self, Error> {
        Ok(Self::opened(engine::open_alone(location)?, location))
    }

    fn opened((engine, open): (Arc<dyn Engine>, Option<OpenLock>), location: &Location) -> Self {
        Self { engine, _open: open.map(Arc::new), place: location.to_string().into() }
    }

    /// Its location, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Fails for an unfinished copy.
    pub(crate) fn whole(self) -> Result<Self, Error> {
        self.read_one(marks::is_whole)?;
        Ok(self)
    }

    /// A store's version, and its missing migration steps. One that a newer program wrote is an error.
    pub fn version(location: &Location) -> Result<SchemaVersion, Error> {
        engine::version(location)
    }

    /// Takes the missing migration steps. Keeps a verified copy of a folder's old store, and returns its
    /// path. A database is not copied, so it is refused unless the operator agreed.
    pub fn migrate(
        location: &Location,
        is_agreed: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<PathBuf>, Error> {
        engine::migrate(location, is_agreed, progress)
    }

    /// Removes the copies from before migrations, and returns their paths.
    pub fn forget_older(location: &Location) -> Result<Vec<PathBuf>, Error> {
        engine::forget(location)
    }

    /// Runs one read transaction on the calling thread; all its statements see the newest state. It blocks,
    /// so an asynchronous server uses [`Self::begin_read`].
    pub fn read<T, E: From<Error>>(&self, body: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        once(body, |run| self.engine.read(run))
    }

    /// Runs a read for two threads. If the engine can have a second transaction, both see the same state.
    pub fn read_two<T, E: From<Error>>(
        &self,
        body: impl for<'t> FnOnce(&mut Tx<'t>, Option<&mut Tx<'t>>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut body = Some(body);
        let mut result = None;
        self.engine.read_two(&mut |tx, second| result = body.take().map(|body| body(tx, second)))?;
        result.unwrap_or_else(|| Err(not_run().into()))
    }

    /// Runs a read of one statement on the calling thread. An engine may send it without a transaction around
    /// it. A second statement is an error.
    pub fn read_one<T, E: From<Error>>(
        &self,
        body: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        once(body, |run| self.engine.read_one(run))
    }

    /// Runs a read of one statement here, if it is brief: some half millisecond. `None` if there are more
    /// rows.
    fn read_one_briefly<T, E: From<Error>>(
        &self,
        body: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let mut is_cut = false;
        let read = self.read_one(|tx| {
            tx.limit_rows(BRIEF_ROWS);
            let read = body(tx);
            is_cut = tx.is_cut();
            read
        });
        if is_cut { Ok(None) } else { read.map(Some) }
    }

    /// Runs one write transaction and waits until it is durable. The body may run more than once. If it
    /// returns an error, nothing is kept.
    pub fn write<T, E>(&self, body: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (send, receive) = mpsc::sync_channel(1);
        self.write_then(None, body, move |result| {
            // The receiver below waits for this.
            let _ = send.send(result);
        });
        receive.recv().unwrap_or_else(|_| Err(Error::new(Kind::Closed, "the store was closed").into()))
    }

    /// Begins a read for a caller of an account. Returns the result of a brief read. Otherwise `later` gives
    /// two functions: the first gets the result on another thread, and the second says whether nobody waits
    /// for it any more. The body may run more than once.
    pub fn begin_read<T, E, D, W>(
        &self,
        account: AccountId,
        extent: Extent,
        body: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        later: impl FnOnce() -> (D, W),
    ) -> Option<Result<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        D: FnOnce(Result<T, E>) + Send + 'static,
        W: Fn() -> bool + Send + 'static,
    {
        let statements = match extent {
            Extent::Statement => Some(1),
            Extent::Transaction => None,
        };
        if extent == Extent::Statement
            && !self.engine.is_remote()
            && let Some(read) = self.read_one_briefly(&body).transpose()
        {
            return Some(read);
        }
        let (done, is_awaited) = later();
        let read = QueuedRead { body, done, is_awaited, result: None };
        self.engine.queue_read(account, statements, Box::new(read));
        None
    }

    /// Queues one write transaction. `done` gets its result on an engine's thread, once it is durable.
    /// Transactions of different accounts take turns.
    pub fn write_then<T, E>(
        &self,
        account: Option<AccountId>,
        body: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        done: impl FnOnce(Result<T, E>) + Send + 'static,
    ) where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.engine.submit(Box::new(Write {
            account,
            body,
            done,
            result: None,
            on_commit: Vec::new(),
            broken: None,
        }));
    }

    /// Whether other machines may write, so that data in memory may be out of date.
    pub fn is_shared(&self) -> bool {
        self.engine.is_shared()
    }

    /// Reads once, and checks the writer's state.
    pub fn health(&self) -> Result<(), Error> {
        self.engine.health()
    }

    /// Why the store no longer writes, after an I/O error at commit or damage.
    pub fn failed(&self) -> Option<Error> {
        self.engine.failed()
    }

    /// Copies the whole store into the new file `to` while it is in use, and checks the copy. Fails for a
    /// damaged store, and if the file exists.
    pub fn backup(&self, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<BackupReport, Error> {
        self.engine.backup(to, progress)
    }

    /// The numbers of its main rows.
    pub fn holdings(&self) -> Result<Holdings, Error> {
        self.read(holdings::counted)
    }

    /// Finds damage: in the files, in the tables' definitions, and in the data.
    pub fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
        self.engine.check(progress)
    }
}

/// Checks a backup, in a copy in the temporary folder, and returns the findings.
pub fn check_backup(from: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
    engine::check_backup(from, progress)
}

/// Puts a verified backup in the place of a folder's store. An existing store is refused unless `replace` is
/// set, and is then kept beside the new one.
pub fn restore(
    from: &Path,
    location: &Location,
    replace: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, Error> {
    engine::restore(from, location, replace, progress)
}

/// Copies the readable part of a damaged log into a data folder's store, and keeps copies of both files.
/// `None` if all of the log can be read.
pub fn salvage_log(location: &Location) -> Result<Option<Salvage>, Error> {
    engine::salvage_log(location)
}

/// Makes an engine run a body, and returns the body's result.
fn once<T, E: From<Error>>(
    body: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    engine: impl FnOnce(&mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error>,
) -> Result<T, E> {
    let mut body = Some(body);
    let mut result = None;
    engine(&mut |tx| result = body.take().map(|body| body(tx)))?;
    result.unwrap_or_else(|| Err(not_run().into()))
}

fn not_run() -> Error {
    Error::new(Kind::Statement, "the engine ran no transaction")
}

/// A queued read with its callbacks.
struct QueuedRead<B, D, W, T, E> {
    body: B,
    done: D,
    is_awaited: W,
    result: Option<Result<T, E>>,
}

impl<B, D, W, T, E> Read for QueuedRead<B, D, W, T, E>
where
    B: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    D: FnOnce(Result<T, E>) + Send,
    W: Fn() -> bool + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) {
        self.result = Some(if (self.is_awaited)() {
            (self.body)(tx)
        } else {
            Err(Error::new(Kind::Closed, "store: nobody waits for a read any more").into())
        });
    }

    fn finish(self: Box<Self>) {
        let Self { done, result, .. } = *self;
        done(
            result.unwrap_or_else(|| Err(Error::new(Kind::Statement, "the transaction was not run").into())),
        );
    }

    fn fail(self: Box<Self>, error: Error) {
        (self.done)(Err(error.into()));
    }
}

/// A queued write with its callback.
struct Write<B, D, T, E> {
    account: Option<AccountId>,
    body: B,
    done: D,
    result: Option<Result<T, E>>,
    on_commit: Vec<Box<dyn FnOnce() + Send>>,
    broken: Option<Error>,
}

impl<B, D, T, E> Work for Write<B, D, T, E>
where
    B: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    D: FnOnce(Result<T, E>) + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, mut tx: Tx<'_>) -> bool {
        // If the body panics, the result of an earlier run must not be used.
        (self.result, self.broken) = (None, None);
        self.on_commit.clear();
        let mut result = (self.body)(&mut tx);
        match tx.finish() {
            Ok(acts) if result.is_ok() => self.on_commit = acts,
            Ok(_) => {}
            Err(broken) => {
                self.broken = Some(broken.clone());
                result = result.and(Err(broken.into()));
            }
        }
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn account(&self) -> Option<AccountId> {
        self.account
    }

    fn error(&self) -> Option<Error> {
        self.broken.clone()
    }

    fn finish(self: Box<Self>, outcome: Result<(), Error>) {
        let Self { done, result, on_commit, .. } = *self;
        match (outcome, result) {
            // The body's own refusal stands, whatever happened at the commit.
            (_, Some(Err(refusal))) => done(Err(refusal)),
            (Ok(()), Some(result)) => {
                for act in on_commit {
                    act();
                }
                done(result);
            }
            (Err(error), _) => done(Err(error.into())),
            (Ok(()), None) => done(Err(Error::new(Kind::Statement, "the transaction was not run").into())),
        }
    }
}
