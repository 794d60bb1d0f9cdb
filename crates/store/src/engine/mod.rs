//! The interface of an engine. All code that differs between engines is in this folder.

pub(crate) mod postgres;
mod shape;
pub(crate) mod sqlite;
mod steps;

#[cfg(test)]
pub(crate) use steps::{POSTGRES, SQLITE};

pub use sqlite::left_log::Salvage;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    AccountId, BackupReport, DataFolder, Error, Finding, Kind, Location, Progress, RestoreReport, Tx,
    folder::OpenLock, location::Place,
};

/// The purpose of opening a store. It decides the writer's memory and the time-out of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Many small transactions, besides other processes.
    Serving,
    /// A few very large transactions.
    Bulk,
}

/// The version of a store, and the migration steps that it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The number of steps that it has taken; 0: there is no store yet.
    pub taken: usize,
    /// The number of steps that this program knows.
    pub known: usize,
    /// The names of the missing steps, in order.
    pub missing: Vec<&'static str>,
}

impl SchemaVersion {
    /// Whether there is a store, and it lacks steps.
    pub fn is_older(&self) -> bool {
        self.taken > 0 && !self.missing.is_empty()
    }
}

/// The files that hold a store; none for a database.
pub(crate) fn files(location: &Location) -> Vec<PathBuf> {
    location.as_folder().map(sqlite::files).unwrap_or_default()
}

impl Location {
    /// Whether there is a store. False if the folder or the database's tables do not exist. A database that
    /// can't be reached is an error.
    pub fn holds_store(&self) -> Result<bool, Error> {
        match &self.0 {
            Place::Folder(path) => Ok(sqlite::is_in(path)),
            Place::Database(database) => postgres::is_in(database),
        }
    }
}

/// The version of a store. One that a newer program wrote is an error.
pub(crate) fn version(location: &Location) -> Result<SchemaVersion, Error> {
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

/// An open store, and the lock that keeps a folder's store from being replaced meanwhile.
type Opened = (Arc<dyn Engine>, Option<OpenLock>);

/// Takes the missing steps. Keeps a copy of a folder's old store, and returns its path. A database is not
/// copied, so the operator must have agreed. Without a store nothing is done.
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

/// Removes the copies of earlier migrations, and returns their paths.
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

/// The error for a store that lacks steps.
fn older(store: &dyn fmt::Display, version: &SchemaVersion, mend: &str) -> Error {
    let SchemaVersion { taken, known, .. } = version;
    let text = format!(
        "{store} was written by an older version of Billhook (store version {taken}, this one needs {known}): {mend}"
    );
    Error::new(Kind::Older, text)
}

/// Opens a store, or creates it.
pub(crate) fn open(location: &Location, purpose: Purpose) -> Result<Opened, Error> {
    open_with(location, purpose, false, DataFolder::lock_open)
}

/// Opens a store to read all of it. On a read-only file system, a copy of it is opened.
pub(crate) fn open_to_save(location: &Location) -> Result<Opened, Error> {
    let Some(path) = location.as_folder().filter(|path| sqlite::read_only::is_read_only(path)) else {
        return open(location, Purpose::Bulk);
    };
    let copy = sqlite::read_only::copied(path)?;
    let copied = Location::folder(copy.path());
    // The old store can't be migrated in place, but its copy is temporary anyway.
    migrate(&copied, false, &mut |_| {})?;
    let (engine, open) = open(&copied, Purpose::Bulk)?;
    Ok((engine, open.map(|open| open.of_copy(copy))))
}

/// The same for the one server of a data folder; it migrates the store.
pub(crate) fn open_to_serve(location: &Location) -> Result<Opened, Error> {
    if let Place::Folder(_) = &location.0 {
        migrate(location, false, &mut |_| {})?;
    }
    open_with(location, Purpose::Serving, true, DataFolder::lock_open)
}

/// Opens or creates a store for a few very large transactions. A folder's must not be open elsewhere.
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
                // Callers take turns, so that nobody meets the lock that is held for a moment here.
                let _turn = folder.lock_migrations()?;
                // A command relies on earlier processes' checks. A server may follow one that was killed.
                match folder.lock_alone() {
                    Ok(_alone) => sqlite::left_log::take_over(&folder)?,
                    Err(_) if is_server => sqlite::left_log::take_over_in_use(&folder)?,
                    Err(_) => {}
                }
                lock(&folder)?
            };
            let store = sqlite::Sqlite::open(&folder, purpose)?;
            if is_server {
                store.check_accounts()?;
            }
            Ok((Arc::new(store), Some(open)))
        }
        Place::Database(database) => Ok((Arc::new(postgres::Postgres::open(database, purpose)?), None)),
    }
}

/// Puts a backup in the place of a store.
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

/// Checks a backup like a restore does, in a temporary folder.
pub(crate) fn check_backup(from: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
    sqlite::backup::check(from, progress)
}

/// Copies the readable part of a damaged log into a folder's store; `None` if all of it can be read.
pub(crate) fn salvage_log(location: &Location) -> Result<Option<Salvage>, Error> {
    let Place::Folder(path) = &location.0 else {
        let text = format!("{location} is a database: PostgreSQL repairs its own log");
        return Err(Error::new(Kind::Location, text));
    };
    let folder = DataFolder::open(path)?;
    let _turn = folder.lock_migrations()?;
    let _alone = folder.lock_alone()?;
    sqlite::left_log::salvage(&folder)
}

/// A queued write transaction.
pub(crate) trait Work: Send {
    /// Runs the body; it may run more than once. True: commit; false: roll back.
    fn run(&mut self, tx: Tx<'_>) -> bool;

    /// The account whose data it changes, if it is one account's. Accounts take turns in the queue.
    fn account(&self) -> Option<AccountId> {
        None
    }

    /// The store's error in the body's last run, if any.
    fn error(&self) -> Option<Error>;

    /// Answers the caller: after the commit or the requested roll-back, or with the error that prevented it.
    fn finish(self: Box<Self>, outcome: Result<(), Error>);
}

/// A queued read transaction.
pub(crate) trait Read: Send {
    /// Runs the body. It may run more than once, and the last result counts.
    fn run(&mut self, tx: &mut Tx<'_>);

    /// Answers the caller with the body's result.
    fn finish(self: Box<Self>);

    /// Answers the caller that the transaction failed.
    fn fail(self: Box<Self>, error: Error);
}

/// A body that gets one or two read transactions.
pub(crate) type TwoReads<'a> = dyn for<'t> FnMut(&mut Tx<'t>, Option<&mut Tx<'t>>) + 'a;

/// A database engine.
pub(crate) trait Engine: Send + Sync {
    /// Runs `body` once, on this thread, with a transaction of one statement. One statement sees one state
    /// anyway, so an engine may send no BEGIN and COMMIT.
    fn read_one(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error>;

    /// Runs `body` once in a read transaction, on this thread.
    fn read(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error>;

    /// Runs `body` with a read transaction and, if the engine can, a second one that sees the same state.
    fn read_two(&self, body: &mut TwoReads<'_>) -> Result<(), Error> {
        self.read(&mut |tx| body(tx, None))
    }

    /// Whether a read waits for another machine, and so can't be brief.
    fn is_remote(&self) -> bool {
        false
    }

    /// Queues a read of at most `statements` statements; `None`: any number. Accounts share the threads.
    fn queue_read(&self, account: AccountId, statements: Option<u32>, read: Box<dyn Read>);

    /// Whether other machines may write the store.
    fn is_shared(&self) -> bool {
        false
    }

    /// Queues a write transaction. [`Work::finish`] is called once, on any thread.
    fn submit(&self, work: Box<dyn Work>);

    /// Reads once, and checks the writer's state.
    fn health(&self) -> Result<(), Error>;

    /// Why the store no longer writes, if it has stopped.
    fn failed(&self) -> Option<Error>;

    /// Writes a copy of the whole store into the new file `to`, and verifies it.
    fn backup(&self, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<BackupReport, Error>;

    /// Finds damage: in the files, in the tables' definitions, and in the data.
    fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error>;
}
