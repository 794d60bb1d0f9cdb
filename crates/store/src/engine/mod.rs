//! What an engine must do. Everything that differs between engines is below this module.

mod sqlite;

use std::{ops::ControlFlow, path::Path, sync::Arc};

use crate::{BackupReport, DataFolder, Error, Finding, Progress, RestoreReport, Row, Sql, Tx, tx::Arg};

/// What a store is opened for: how much memory its writer may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Many small transactions beside other things.
    Serving,
    /// A few huge ones.
    Bulk,
}

/// Whether a folder holds a store.
pub(crate) fn is_in(folder: &Path) -> bool {
    sqlite::is_in(folder)
}

/// Opens the store of a folder, or makes it.
pub(crate) fn open(folder: &DataFolder, purpose: Purpose) -> Result<Arc<dyn Engine>, Error> {
    Ok(Arc::new(sqlite::Sqlite::open(folder, purpose)?))
}

/// Puts a backup in place of a folder's store. The caller holds all locks.
pub(crate) fn restore(
    from: &Path,
    folder: &DataFolder,
    replace: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, Error> {
    sqlite::backup::restore(from, folder, replace, progress)
}

/// The statements of one open transaction.
pub(crate) trait Statements {
    /// Runs a statement, row by row, until its end or until `each` breaks off.
    fn rows(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        each: &mut dyn FnMut(&dyn Row) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Runs a statement that gives no rows; says how many rows it touched.
    fn execute(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<u64, Error>;

    /// Runs a statement that gives no rows, once for each row of arguments.
    fn execute_each(
        &mut self,
        sql: &'static Sql,
        rows: &mut dyn Iterator<Item = Vec<Arg<'_>>>,
    ) -> Result<(), Error>;
}

/// One write transaction on its way through an engine.
pub(crate) trait Work: Send {
    /// Runs the body; it may be run more than once. True: keep what it did; false: roll it back.
    fn run(&mut self, tx: Tx<'_>) -> bool;

    /// The store's error that the body met in its last run, if any.
    fn error(&self) -> Option<Error>;

    /// Answers the caller: after the commit (or the roll-back that the body asked for), or with the error that prevented it.
    fn finish(self: Box<Self>, outcome: Result<(), Error>);
}

/// A database engine.
pub(crate) trait Engine: Send + Sync {
    /// Runs `body` once, on this thread, with a transaction that takes one statement: that sees one state by itself, so an engine
    /// may do without a transaction around it.
    fn read_one(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error>;

    /// Runs `body` once in a read transaction, on this thread.
    fn read(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error>;

    /// Queues a write transaction. [`Work::finish`] is called once, on whatever thread.
    fn submit(&self, work: Box<dyn Work>);

    /// One real read, and the writer's state.
    fn health(&self) -> Result<(), Error>;

    /// Why no write is done any more; none while all is well.
    fn failed(&self) -> Option<Error>;

    /// Writes a copy of the whole store into the new file `to`, and verifies it.
    fn backup(&self, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<BackupReport, Error>;

    /// The engine's own check of its files.
    fn check(&self) -> Result<Vec<Finding>, Error>;
}
