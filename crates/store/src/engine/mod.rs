//! What an engine must do. Everything that differs between engines is below this module.

pub(crate) mod postgres;
mod shape;
mod sqlite;
mod steps;

#[cfg(test)]
pub(crate) use steps::{POSTGRES, SQLITE};

pub use sqlite::left_log::Salvage;

use std::{
    fmt,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    AccountId, BackupReport, DataFolder, Error, Finding, Kind, Location, Progress, RestoreReport, Row, Sql,
    Tx, folder::OpenLock, location::Place, tx::Arg,
};

/// What a store is opened for: how much memory its writer may use, and how long one statement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Many small transactions beside other things.
    Serving,
    /// A few huge ones.
    Bulk,
}

/// How far a store has been brought up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The steps that it has taken; 0: there is no store yet.
    pub taken: usize,
    /// The steps that this program knows.
    pub known: usize,
    /// What the missing ones are about, in their order.
    pub missing: Vec<&'static str>,
}

impl Version {
    /// Whether there is a store, and it lacks steps.
    pub fn is_older(&self) -> bool {
        self.taken > 0 && !self.missing.is_empty()
    }
}

/// Whether a path is called as the embedded engine's file is.
pub(crate) fn is_store_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == sqlite::FILE_NAME)
}

/// The files that hold a store; a database has none of ours.
pub(crate) fn files(location: &Location) -> Vec<PathBuf> {
    location.as_folder().map(sqlite::files).unwrap_or_default()
}

/// Whether there is a store.
pub(crate) fn is_in(location: &Location) -> Result<bool, Error> {
    match &location.0 {
        Place::Folder(path) => Ok(sqlite::is_in(path)),
        Place::Database(database) => postgres::is_in(database),
    }
}

/// How far a store has been brought up to date; one that a newer program wrote is an error.
pub(crate) fn version(location: &Location) -> Result<Version, Error> {
    match &location.0 {
        Place::Folder(path) => {
            if sqlite::is_in(path) {
                let folder = DataFolder::open(path)?;
                let _turn = folder.lock_migrations()?;
                if let Ok(_alone) = folder.lock_alone() {
                    sqlite::left_log::take_over(&folder)?;
                }
            }
            sqlite::version(path)
        }
        Place::Database(database) => postgres::version(database),
    }
}

/// An open store, with the lock that keeps a folder's from being replaced meanwhile.
type Opened = (Arc<dyn Engine>, Option<OpenLock>);

/// Takes the steps that a store lacks; of a folder's it keeps a copy as it was, and says where. A database's there is no way back from:
/// somebody has to have agreed. Where there is no store yet, nothing is done.
pub(crate) fn migrate(
    location: &Location,
    is_agreed: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<PathBuf>, Error> {
    match &location.0 {
        Place::Folder(path) => {
            let folder = DataFolder::open(path)?;
            let _turn = folder.lock_migrations()?;
            let alone = folder.lock_alone();
            if alone.is_ok() {
                sqlite::left_log::take_over(&folder)?;
            }
            if !sqlite::version(path)?.is_older() {
                return Ok(None);
            }
            // An older program that has it open would go on writing, and the copy would lack that.
            let _alone = alone?;
            sqlite::migrate(&folder, progress).map(Some)
        }
        Place::Database(database) => postgres::migrate(database, is_agreed).map(|()| None),
    }
}

/// Removes what earlier migrations have kept; says what that was.
pub(crate) fn forget(location: &Location) -> Result<Vec<PathBuf>, Error> {
    match &location.0 {
        Place::Folder(path) => {
            let folder = DataFolder::open(path)?;
            let _turn = folder.lock_migrations()?;
            sqlite::forget(&folder)
        }
        Place::Database(_) => Ok(Vec::new()),
    }
}

/// What is said of a store that lacks steps.
fn older(store: &dyn fmt::Display, version: &Version, mend: &str) -> Error {
    let Version { taken, known, .. } = version;
    let text = format!(
        "{store} was written by an older version of Billhook (store version {taken}, this one needs {known}): {mend}"
    );
    Error::new(Kind::Older, text)
}

/// Opens a store, or makes it.
pub(crate) fn open(location: &Location, purpose: Purpose) -> Result<Opened, Error> {
    open_with(location, purpose, false, DataFolder::lock_open)
}

/// Opens a store that is to be read as a whole. On a file system that is read-only that is a copy of it.
pub(crate) fn open_to_save(location: &Location) -> Result<Opened, Error> {
    let Some(path) = location.as_folder().filter(|path| sqlite::read_only::is_read_only(path)) else {
        return open(location, Purpose::Bulk);
    };
    let copy = sqlite::read_only::copied(path)?;
    let copied = Location::folder(copy.path());
    // An older store can't be brought up to date where it is; its copy goes in any case.
    migrate(&copied, false, &mut |_| {})?;
    let (engine, open) = open(&copied, Purpose::Bulk)?;
    Ok((engine, open.map(|open| open.of_copy(copy))))
}

/// The same for the one server of a data folder, which brings it up to date.
pub(crate) fn open_to_serve(location: &Location) -> Result<Opened, Error> {
    if let Place::Folder(_) = &location.0 {
        migrate(location, false, &mut |_| {})?;
    }
    open_with(location, Purpose::Serving, true, DataFolder::lock_open)
}

/// Opens a store, or makes it, for a few huge transactions; a data folder's is open nowhere else meanwhile.
pub(crate) fn open_alone(location: &Location) -> Result<Opened, Error> {
    open_with(location, Purpose::Bulk, false, DataFolder::lock_alone)
}

fn open_with(
    location: &Location,
    purpose: Purpose,
    is_server: bool,
    lock: impl FnOnce(&DataFolder) -> Result<OpenLock, Error>,
) -> Result<Opened, Error> {
    match &location.0 {
        Place::Folder(path) => {
            let folder = DataFolder::open(path)?;
            let open = {
                // One after the other: nobody else takes the lock that is held for a moment here.
                let _turn = folder.lock_migrations()?;
                // What another command has found, a command goes by. A server may be the next of one that was killed beside it.
                match folder.lock_alone() {
                    Ok(_alone) => sqlite::left_log::take_over(&folder)?,
                    Err(_) if is_server => sqlite::left_log::take_over_in_use(&folder)?,
                    Err(_) => {}
                }
                lock(&folder)?
            };
            Ok((Arc::new(sqlite::Sqlite::open(&folder, purpose)?), Some(open)))
        }
        Place::Database(database) => Ok((Arc::new(postgres::Postgres::open(database, purpose)?), None)),
    }
}

/// Puts a backup in place of a store.
pub(crate) fn restore(
    from: &Path,
    location: &Location,
    replace: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, Error> {
    let Place::Folder(path) = &location.0 else {
        return Err(Error::new(
            Kind::Location,
            format!(
                "`billhook restore` puts a backup into a data folder, and {location} is a database: restore what pg_dump wrote \
                 with pg_restore, or restore into a folder and `billhook copy` that"
            ),
        ));
    };
    let folder = DataFolder::open(path)?;
    let _serving = folder.lock_for_serving()?;
    let _alone = folder.lock_alone()?;
    sqlite::backup::restore(from, &folder, replace, progress)
}

/// Looks through a backup as a restore does, in a folder that is removed again.
pub(crate) fn check_backup(from: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
    sqlite::backup::check(from, progress)
}

/// Takes what a damaged log of a data folder still holds into its store; none where all of it can be read.
pub(crate) fn salvage_log(location: &Location) -> Result<Option<Salvage>, Error> {
    let Place::Folder(path) = &location.0 else {
        let text = format!("{location} is a database, whose log is PostgreSQL's to mend");
        return Err(Error::new(Kind::Location, text));
    };
    let folder = DataFolder::open(path)?;
    let _turn = folder.lock_migrations()?;
    let _alone = folder.lock_alone()?;
    sqlite::left_log::salvage(&folder)
}

/// The statements of one open transaction.
pub(crate) trait Statements: Send {
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

    /// Runs a statement that gives rows once for each row of arguments; tells which of them a row answers.
    fn rows_each(
        &mut self,
        sql: &'static Sql,
        all: &[Vec<Arg<'_>>],
        each: &mut dyn FnMut(usize, &dyn Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for (at, args) in all.iter().enumerate() {
            self.rows(sql, args, &mut |row| each(at, row))?;
        }
        Ok(())
    }

    /// Runs a few statements that give no rows, one after the other.
    fn execute_all(&mut self, statements: &[(&'static Sql, Vec<Arg<'_>>)]) -> Result<(), Error> {
        statements.iter().try_for_each(|(sql, args)| self.execute(sql, args).map(drop))
    }

    /// A number for a new order of the account, set aside for this transaction alone. None where the transaction is to
    /// count for itself: transactions run one after the other, or next to no numbers are left.
    fn order_number(&mut self, account: i64) -> Result<Option<i64>, Error> {
        let _ = account;
        Ok(None)
    }
}

/// One write transaction on its way through an engine.
pub(crate) trait Work: Send {
    /// Runs the body; it may be run more than once. True: keep what it did; false: roll it back.
    fn run(&mut self, tx: Tx<'_>) -> bool;

    /// Whose data it changes, if it is one account's: accounts take turns where writes wait for each other.
    fn account(&self) -> Option<AccountId> {
        None
    }

    /// The store's error that the body met in its last run, if any.
    fn error(&self) -> Option<Error>;

    /// Answers the caller: after the commit (or the roll-back that the body asked for), or with the error that prevented it.
    fn finish(self: Box<Self>, outcome: Result<(), Error>);
}

/// A read transaction on its way through an engine.
pub(crate) trait Read: Send {
    /// Runs the body; it may be run more than once, and what its last run gave counts.
    fn run(&mut self, tx: &mut Tx<'_>);

    /// Answers the caller with what the body gave.
    fn finish(self: Box<Self>);

    /// Answers the caller that there was no transaction.
    fn fail(self: Box<Self>, error: Error);
}

/// What is run with two read transactions, or with one.
pub(crate) type TwoReads<'a> = dyn for<'t> FnMut(&mut Tx<'t>, Option<&mut Tx<'t>>) + 'a;

/// A database engine.
pub(crate) trait Engine: Send + Sync {
    /// Runs `body` once, on this thread, with a transaction that takes one statement: that sees one state by itself, so an engine
    /// may do without a transaction around it.
    fn read_one(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error>;

    /// Runs `body` once in a read transaction, on this thread.
    fn read(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error>;

    /// Runs `body` once with a read transaction and, where the engine can have it, a second one that sees the same state.
    fn read_two(&self, body: &mut TwoReads<'_>) -> Result<(), Error> {
        self.read(&mut |tx| body(tx, None))
    }

    /// Whether a read waits for another machine, and so can't be brief.
    fn is_remote(&self) -> bool {
        false
    }

    /// Queues a read transaction, for which so many statements may be run; none: any number. Accounts share what reads them.
    fn queue_read(&self, account: AccountId, statements: Option<u32>, read: Box<dyn Read>);

    /// Whether other machines may write the store.
    fn is_shared(&self) -> bool {
        false
    }

    /// Queues a write transaction. [`Work::finish`] is called once, on whatever thread.
    fn submit(&self, work: Box<dyn Work>);

    /// One real read, and the writer's state.
    fn health(&self) -> Result<(), Error>;

    /// Why no write is done any more; none while all is well.
    fn failed(&self) -> Option<Error>;

    /// Writes a copy of the whole store into the new file `to`, and verifies it.
    fn backup(&self, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<BackupReport, Error>;

    /// Looks for anything that can't be: damage to the files, tables that are not what they should be, data that can't be read or contradicts
    /// itself.
    fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error>;
}
