//! The store as its users see it: transactions, health, backup.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use crate::{
    AccountId, Error, Finding, Holdings, Kind, Location, Salvage, Tx, copy,
    engine::{self, Engine, Purpose, Read, Version, Work},
    folder::OpenLock,
    holdings,
};

/// How many rows a brief read may take.
const BRIEF_ROWS: u32 = 500;

/// What a read takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// One statement, which sees one state by itself. A second one is an error.
    Statement,
    /// As many as it likes, which see one state together.
    Transaction,
}

/// An open store. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    // Dropped in this order: the engine's last write is done before the lock goes.
    engine: Arc<dyn Engine>,
    _open: Option<Arc<OpenLock>>,
    place: Arc<str>,
}

/// How far a long step has come, in its own units (pages, orders).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// The file's size.
    pub bytes: u64,
    /// Accounts in it.
    pub accounts: u64,
    /// Orders in it, of all accounts.
    pub orders: u64,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// What the restored store holds.
    pub restored: BackupReport,
    /// Where the store that stood there before was put, if there was one.
    pub kept: Option<PathBuf>,
}

impl Store {
    /// Opens a store, or makes it; an older or newer one is refused.
    pub fn open(location: &Location) -> Result<Self, Error> {
        Self::opened(engine::open(location, Purpose::Serving)?, location).whole()
    }

    /// The same for the one server of a data folder, which may follow one that was killed, and brings the folder's store up to date.
    pub fn open_to_serve(location: &Location) -> Result<Self, Error> {
        Self::opened(engine::open_to_serve(location)?, location).whole()
    }

    /// The same for a command that reads or writes a great many orders: it may use some hundred megabytes of memory for that, and one
    /// statement may take as long as it takes.
    pub fn open_for_bulk(location: &Location) -> Result<Self, Error> {
        Self::opened(engine::open(location, Purpose::Bulk)?, location).whole()
    }

    /// The same for a command that reads all of it, on whatever file system: of one that is read-only a copy is read.
    pub fn open_to_save(location: &Location) -> Result<Self, Error> {
        Self::opened(engine::open_to_save(location)?, location).whole()
    }

    /// Opens a store to be copied from, or to; then it may be half of an earlier copy. A data folder's is open nowhere else meanwhile.
    pub(crate) fn open_for_copy(location: &Location) -> Result<Self, Error> {
        Ok(Self::opened(engine::open_alone(location)?, location))
    }

    fn opened((engine, open): (Arc<dyn Engine>, Option<OpenLock>), location: &Location) -> Self {
        Self { engine, _open: open.map(Arc::new), place: location.to_string().into() }
    }

    /// Where it is, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Refuses a store that is half of a copy.
    pub(crate) fn whole(self) -> Result<Self, Error> {
        self.read_one(copy::is_whole)?;
        Ok(self)
    }

    /// How far a store has been brought up to date. One that a newer program wrote is an error.
    pub fn version(location: &Location) -> Result<Version, Error> {
        engine::version(location)
    }

    /// Takes the steps that a store lacks. Of a folder's it keeps a verified copy as it was, and says where; a database's there is no way
    /// back from, so it is refused unless that was agreed to.
    pub fn migrate(
        location: &Location,
        is_agreed: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<PathBuf>, Error> {
        engine::migrate(location, is_agreed, progress)
    }

    /// Removes the copies that [`Self::migrate`] and a server's start have kept; says which.
    pub fn forget_older(location: &Location) -> Result<Vec<PathBuf>, Error> {
        engine::forget(location)
    }

    /// Runs one read transaction on the calling thread: all its statements see one state, the newest. Not for a thread of an
    /// asynchronous server, which must not wait: see [`Self::begin_read`].
    pub fn read<T, E: From<Error>>(&self, body: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        once(body, |run| self.engine.read(run))
    }

    /// Runs a read that two threads may share: the second transaction, where the engine can have one, sees the same state as the first.
    pub fn read_two<T, E: From<Error>>(
        &self,
        body: impl for<'t> FnOnce(&mut Tx<'t>, Option<&mut Tx<'t>>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut body = Some(body);
        let mut result = None;
        self.engine.read_two(&mut |tx, second| result = body.take().map(|body| body(tx, second)))?;
        result.unwrap_or_else(|| Err(not_run().into()))
    }

    /// Runs a read of one statement on the calling thread. It sees one state by itself, so an engine may leave out the transaction
    /// around it. A second statement is an error.
    pub fn read_one<T, E: From<Error>>(
        &self,
        body: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        once(body, |run| self.engine.read_one(run))
    }

    /// Runs a read of one statement on the calling thread, if it is brief: none where it meets more rows than are read in half a
    /// millisecond or so.
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

    /// Runs one write transaction and waits until it is durable. The body may run more than once; on an error of its own
    /// nothing is kept.
    pub fn write<T, E>(&self, body: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (send, receive) = mpsc::sync_channel(1);
        self.write_then(None, body, move |result| {
            // The receiver waits below until it has this.
            let _ = send.send(result);
        });
        receive.recv().unwrap_or_else(|_| Err(Error::new(Kind::Closed, "the store was closed").into()))
    }

    /// Begins a read for somebody who calls an account. Gives the result if the read was brief and is done; else hands it to the first of
    /// what `later` gives, on another thread, unless the second says that nobody waits for it any more. The body may run more than once.
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

    /// Queues one write transaction and hands its result to `done` once it is durable, on one of the engine's threads. Where it has to
    /// wait, `account` takes turns with others.
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

    /// Whether other machines may write the store: then what this one knows of it may be out of date while it can't be reached.
    pub fn is_shared(&self) -> bool {
        self.engine.is_shared()
    }

    /// One real read, and the writer's state.
    pub fn health(&self) -> Result<(), Error> {
        self.engine.health()
    }

    /// Why the store writes no more, once an I/O error at commit, or damage that was met, has stopped it.
    pub fn failed(&self) -> Option<Error> {
        self.engine.failed()
    }

    /// Copies the whole store into the new file `to` while it goes on being used, and checks the copy: there is no backup of a damaged
    /// store. A file that exists is refused.
    pub fn backup(&self, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<BackupReport, Error> {
        self.engine.backup(to, progress)
    }

    /// How much it holds.
    pub fn holdings(&self) -> Result<Holdings, Error> {
        self.read(holdings::counted)
    }

    /// Looks for anything that can't be: damage to the files, tables that are not what they should be, data that can't be read or
    /// contradicts itself.
    pub fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
        self.engine.check(progress)
    }
}

/// Looks through a backup, which is copied to the temporary folder for that; says what is wrong with it.
pub fn check_backup(from: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
    engine::check_backup(from, progress)
}

/// Puts a verified backup in place of a folder's store. A store that is there is refused unless `replace` says so, and is then
/// kept beside the new one.
pub fn restore(
    from: &Path,
    location: &Location,
    replace: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, Error> {
    engine::restore(from, location, replace, progress)
}

/// Takes what a damaged log of a data folder still holds into its store, and keeps both files as they were; none where all of it can be
/// read.
pub fn salvage_log(location: &Location) -> Result<Option<Salvage>, Error> {
    engine::salvage_log(location)
}

/// Has an engine run a body, and gives what the body gave.
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

/// A read transaction as its caller gave it.
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

/// A write transaction as its caller gave it.
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
        // What an earlier run gave must not answer for one that panics.
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
            // A refusal of the body's own stands, whatever happened to the others' commit.
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
