//! The embedded engine: one SQLite file in the data folder, in WAL mode with `synchronous=FULL`.
//!
//! Brief reads run on the caller's thread, others on a few threads of their own (`long_reads`), each with a
//! connection from the pool (`readers`). One thread runs all writes (`writer`), and commits many waiting
//! transactions with one sync.

pub(crate) mod backup;
mod checksum;
mod fair_queue;
pub(crate) mod left_log;
mod log_frames;
mod long_reads;
mod migrations;
pub(crate) mod read_only;
mod readers;
mod soundness;
mod throttle;
mod writer;

use std::{
    cell::Cell,
    fs, iter,
    ops::ControlFlow,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{
    CachedStatement, Connection, ErrorCode, OpenFlags, config::DbConfig, ffi::SQLITE_IOERR_SHMSIZE,
    types::ValueRef,
};
use rustix::process::{Resource, getrlimit};

use super::{Engine, Purpose, Read, SchemaVersion, TwoReads, Work, older};
use crate::{
    AccountId, BackupReport, DataFolder, Error, Finding, Kind, Progress, Row, Sql, Tx,
    products::product_versions::KnownVersions,
    tx::{Arg, Statements},
};
use long_reads::LongReads;
use readers::Readers;
use writer::Writer;

/// Earlier versions can corrupt a file if the WAL restarts while it is read.
const VERSION_MIN: i32 = 3_051_003;
/// The file's application id: "Bhk1".
const APPLICATION_ID: i32 = 0x4268_6B31;
pub(crate) const FILE_NAME: &str = "billhook.db";
/// The suffixes of a store's files: the log, its index, and the store itself.
const FILES: [&str; 3] = ["-wal", "-shm", ""];
/// The suffix of a store's copy from before a migration; the new version follows.
const KEPT: &str = ".before-v";
/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
/// The writer's page cache, and the length of the log, in pages, at which it is copied into the file. A bulk
/// load changes pages everywhere, because lines are sorted by customer. Large values make it write each page
/// only once per transaction and log.
const SERVING_CACHE_KIB: i32 = 8 * 1024;
const SERVING_LOG_PAGES: u32 = 1000;
const BULK_CACHE_KIB: i32 = 256 * 1024;
const BULK_LOG_PAGES: u32 = 32_768;
/// How many prepared statements each connection keeps: more than there are.
const PREPARED_MAX: usize = 256;

/// After this many rows a bulk write yields the processor. Otherwise the scheduler would let it run for
/// milliseconds, while a request takes microseconds.
const ROWS_AT_A_STRETCH: u32 = 32;

/// A read that always returns a row.
const HEALTH: Sql = Sql::new("health", "SELECT COUNT(*) FROM marks");

pub(crate) struct Sqlite {
    // Dropped first: its threads use `inner`.
    long_reads: LongReads,
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    /// Device and inode of the opened file.
    identity: (u64, u64),
    readers: Arc<Readers>,
    known_versions: KnownVersions,
    writer: Writer,
}

impl Sqlite {
    /// Opens the folder's store, or creates it. An older one is refused.
    pub(crate) fn open(folder: &DataFolder, purpose: Purpose) -> Result<Self, Error> {
        check_library()?;
        let path = folder.path().join(FILE_NAME);
        let _alone = folder.lock_migrations()?;
        let mut connection = connect(&path)?;
        let version = migrations::plan(migrations::version(&connection, &path)?);
        if version.is_older() {
            let mend = "`billhook migrate` brings it up to date, and keeps a copy of it for that version";
            return Err(older(&path.display(), &version, mend));
        }
        migrations::run(&mut connection, &path)?;
        let (cache, log) = match purpose {
            Purpose::Serving => (SERVING_CACHE_KIB, SERVING_LOG_PAGES),
            Purpose::Bulk => (BULK_CACHE_KIB, BULK_LOG_PAGES),
        };
        let failed = |error| file_failure(&path, &error);
        connection.pragma_update(None, "cache_size", -cache).map_err(failed)?;
        // The writer checkpoints the log itself (`Writer`).
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(())).map_err(failed)?;
        let file = fs::metadata(&path).map_err(|cause| Error::file("read", &path, &cause))?;
        let identity = (file.dev(), file.ino());
        let readers = Arc::new(Readers::new(path.clone())?);
        let writer = Writer::start(connection, readers.clone(), log)?;
        let known_versions = KnownVersions::default();
        let inner = Arc::new(Inner { path, identity, readers, known_versions, writer });
        Ok(Self { long_reads: LongReads::default(), inner })
    }

    /// Refuses a store whose table of accounts is damaged.
    pub(crate) fn check_accounts(&self) -> Result<(), Error> {
        soundness::of_accounts(&self.inner.path)
    }
}

impl Inner {
    /// A store whose file was moved or removed is not written any more: the data would be lost.
    fn is_gone(&self) -> Option<Error> {
        let there = fs::metadata(&self.path).ok().map(|file| (file.dev(), file.ino()));
        (there != Some(self.identity)).then(|| {
            let path = self.path.display();
            Error::new(
                Kind::Closed,
                format!(
                    "store: {path} was moved or removed while it was in use: put it back and start again"
                ),
            )
        })
    }

    /// Runs a body in a reader's transaction of at most `statements` statements, or any number.
    fn read_some(&self, statements: Option<u32>, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error> {
        let mut reader = self.readers.take()?;
        let mut open = Open(&mut reader.connection);
        let mut tx = Tx::reading(&mut open, &self.known_versions, statements);
        body(&mut tx);
        // The body knows of a failed statement; its transaction is not used again.
        match tx.finish() {
            Ok(_) => self.readers.give_back(reader),
            Err(error) => self.writer.stop_if_damaged(&error),
        }
        Ok(())
    }
}

impl Engine for Sqlite {
    fn read_one(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error> {
        self.inner.read_some(Some(1), body)
    }

    fn read(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error> {
        self.inner.read_some(None, body)
    }

    fn read_two(&self, body: &mut TwoReads<'_>) -> Result<(), Error> {
        let Some([mut first, mut second]) = self.inner.readers.take_two()? else {
            return self.read(&mut |tx| body(tx, None));
        };
        let (mut one, mut other) = (Open(&mut first.connection), Open(&mut second.connection));
        let mut one = Tx::reading(&mut one, &self.inner.known_versions, None);
        let mut other = Tx::reading(&mut other, &self.inner.known_versions, None);
        body(&mut one, Some(&mut other));
        let are_done = [one.finish().is_ok(), other.finish().is_ok()];
        for (reader, _) in [first, second].into_iter().zip(are_done).filter(|(_, is_done)| *is_done) {
            self.inner.readers.give_back(reader);
        }
        Ok(())
    }

    fn queue_read(&self, account: AccountId, _: Option<u32>, read: Box<dyn Read>) {
        self.long_reads.submit(&self.inner, account, read);
    }

    fn submit(&self, work: Box<dyn Work>) {
        self.inner.writer.submit(work);
    }

    fn health(&self) -> Result<(), Error> {
        self.failed().map_or(Ok(()), Err)?;
        let mut found = Ok(None);
        self.read_one(&mut |tx| found = tx.row(&HEALTH, &[], |row| row.int(0)))?;
        found.map(drop)
    }

    fn failed(&self) -> Option<Error> {
        self.inner.writer.failed().or_else(|| self.inner.is_gone())
    }

    fn backup(&self, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<BackupReport, Error> {
        backup::write(&connect(&self.inner.path)?, to, progress)
    }

    fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
        soundness::findings(&mut connect(&self.inner.path)?, &self.inner.path, progress)
    }
}

/// The version of a folder's store, and its missing steps.
pub(crate) fn version(folder: &Path) -> Result<SchemaVersion, Error> {
    let path = folder.join(FILE_NAME);
    let taken = if path.exists() { migrations::version(&connect(&path)?, &path)? } else { 0 };
    Ok(migrations::plan(taken))
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let place = folder.join(FILE_NAME);
    FILES.iter().map(|suffix| with_suffix(&place, suffix)).collect()
}

/// Migrates a folder's store that no other process has open. Keeps the old one, and returns its path.
pub(crate) fn migrate(folder: &DataFolder, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, Error> {
    let path = folder.path().join(FILE_NAME);
    let mut connection = connect(&path)?;
    let SchemaVersion { taken, known, .. } = migrations::plan(migrations::version(&connection, &path)?);
    let kept = with_suffix(&path, &format!("{KEPT}{known}"));
    backup::keep(&connection, &kept, progress)?;
    migrations::run(&mut connection, &path)?;
    tracing::info!(
        "{} was migrated from store version {taken} to {known}; the old store is kept as {}, until `billhook migrate --forget`",
        path.display(),
        kept.display()
    );
    Ok(kept)
}

/// Removes the copies from before migrations.
pub(crate) fn forget(folder: &DataFolder) -> Result<Vec<PathBuf>, Error> {
    let failed = |cause| Error::file("read the data folder", folder.path(), &cause);
    let entries =
        fs::read_dir(folder.path()).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let is_kept = |name: &std::ffi::OsStr| {
        let version = name.to_str()?.strip_prefix(FILE_NAME)?.strip_prefix(KEPT)?;
        version.parse::<usize>().ok()
    };
    let mut kept: Vec<_> = entries
        .into_iter()
        .filter(|entry| is_kept(&entry.file_name()).is_some())
        .map(|entry| entry.path())
        .collect();
    kept.sort();
    for path in &kept {
        fs::remove_file(path).map_err(|cause| Error::file("remove", path, &cause))?;
    }
    DataFolder::sync(folder.path())?;
    Ok(kept)
}

pub(crate) fn is_in(folder: &Path) -> bool {
    folder.join(FILE_NAME).exists()
}

/// The statements of a connection's open transaction.
struct Open<'a>(&'a mut Connection);

impl Open<'_> {
    fn prepare(&self, sql: &'static Sql) -> Result<CachedStatement<'_>, Error> {
        let statement = self.0.prepare_cached(sql.text).map_err(|error| failure(sql.name, &error))?;
        // SQLite numbers parameters by their first appearance, whatever their names.
        debug_assert!(
            (1..=statement.parameter_count())
                .all(|n| statement.parameter_name(n) == Some(format!("${n}").as_str())),
            "{}: parameters are not numbered in order of appearance",
            sql.name
        );
        Ok(statement)
    }
}

/// Binds the arguments, except those that `bound` already has: most of an order's forty texts are empty.
fn bind(
    statement: &mut CachedStatement<'_>,
    sql: &Sql,
    args: &[Arg<'_>],
    bound: &[Arg<'_>],
) -> Result<(), Error> {
    if statement.parameter_count() != args.len() {
        let text =
            format!("{}: takes {} arguments, not {}", sql.name, statement.parameter_count(), args.len());
        return Err(Error::new(Kind::Statement, text));
    }
    let bound = bound.iter().map(Some).chain(iter::repeat(None));
    for ((n, arg), bound) in (1..).zip(args).zip(bound) {
        match arg {
            Arg::Int(_) | Arg::Text("") if bound == Some(arg) => Ok(()),
            Arg::Int(number) => statement.raw_bind_parameter(n, number),
            Arg::Text(text) => statement.raw_bind_parameter(n, text),
        }
        .map_err(|error| failure(sql.name, &error))?;
    }
    Ok(())
}

impl Statements for Open<'_> {
    fn rows(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        each: &mut dyn FnMut(&dyn Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, sql, args, &[])?;
        let mut rows = statement.raw_query();
        let damage = Cell::default();
        while let Some(row) = rows.next().map_err(|error| failure(sql.name, &error))? {
            if each(&Columns { row, sql, damage: &damage }).is_break() {
                break;
            }
        }
        damage.into_inner().map_or(Ok(()), Err)
    }

    fn execute(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<u64, Error> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, sql, args, &[])?;
        let touched = statement.raw_execute().map_err(|error| failure(sql.name, &error))?;
        Ok(touched as u64)
    }

    fn execute_each(
        &mut self,
        sql: &'static Sql,
        rows: &mut dyn Iterator<Item = Vec<Arg<'_>>>,
    ) -> Result<(), Error> {
        let mut statement = self.prepare(sql)?;
        let mut bound = Vec::new();
        for (number, args) in (1_u32..).zip(rows) {
            if number % ROWS_AT_A_STRETCH == 0 {
                thread::yield_now();
            }
            bind(&mut statement, sql, &args, &bound)?;
            bound = args;
            statement.raw_execute().map_err(|error| failure(sql.name, &error))?;
        }
        Ok(())
    }
}

struct Columns<'a> {
    row: &'a rusqlite::Row<'a>,
    sql: &'static Sql,
    /// Damage that was found in a row.
    damage: &'a Cell<Option<Error>>,
}

impl Row for Columns<'_> {
    fn int(&self, column: usize) -> Result<i64, Error> {
        self.row.get(column).map_err(|error| failure(self.sql.name, &error))
    }

    fn text(&self, column: usize) -> Result<&str, Error> {
        let value = self.row.get_ref(column).map_err(|error| failure(self.sql.name, &error))?;
        value.as_str().map_err(|error| {
            // Columns of texts never hold anything else.
            let error = damaged(&format!("store: {}: {error}", self.sql.name));
            self.damage.set(Some(error.clone()));
            error
        })
    }

    fn width(&self) -> usize {
        self.row.as_ref().column_count()
    }

    fn value(&self, column: usize) -> Result<Arg<'_>, Error> {
        match self.row.get_ref(column).map_err(|error| failure(self.sql.name, &error))? {
            ValueRef::Integer(number) => Ok(Arg::Int(number)),
            _ => self.text(column).map(Arg::Text),
        }
    }
}

/// The path with a suffix.
fn with_suffix(place: &Path, suffix: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A free name beside `place`, with `what` and the time. A second one within a second gets a number: a
/// restore that was killed may have used the first.
fn free_name(place: &Path, what: &str) -> PathBuf {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut aside = with_suffix(place, &format!(".{what}-{now}"));
    let mut names = 1;
    while FILES.iter().any(|suffix| with_suffix(&aside, suffix).exists()) {
        names += 1;
        aside = with_suffix(place, &format!(".{what}-{now}-{names}"));
    }
    aside
}

/// Opens a connection to the file. Creates the file, readable by its owner alone, if it does not exist.
fn connect(path: &Path) -> Result<Connection, Error> {
    // A file that is there is not opened here: closing it would drop all locks that this process has on it (POSIX),
    // SQLite's too. Another program would then take itself for the only one, and remove the log under our writers.
    if !path.exists() {
        DataFolder::private_file(path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
        harden(&connection)?;
        // Plans must not depend on arguments: otherwise `$3 = ''` would be prepared again at every call.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(connection)
    };
    open().map_err(|error| file_failure(path, &error))
}

/// Makes a connection distrust the file's schema.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map(drop)
}

/// Refuses a library that could lose data, and warns of one built without our options.
fn check_library() -> Result<(), Error> {
    if rusqlite::version_number() < VERSION_MIN {
        let text =
            format!("SQLite {} is too old: build Billhook with the bundled library", rusqlite::version());
        return Err(Error::new(Kind::Statement, text));
    }
    let options = Connection::open_in_memory()
        .and_then(|connection| {
            let mut statement = connection.prepare("PRAGMA compile_options")?;
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()
        })
        .map_err(|error| failure("compile_options", &error))?;
    let slow = !options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0")
        || options
            .iter()
            .any(|option| matches!(option.as_str(), "ENABLE_STAT4" | "ENABLE_MEMORY_MANAGEMENT"));
    if slow {
        tracing::warn!(
            "SQLite was built without the options of .cargo/config.toml and is about half as fast: \
             build inside the repository, or set LIBSQLITE3_FLAGS as that file does"
        );
    }
    Ok(())
}

fn begin(connection: &Connection, text: &'static str) -> Result<(), Error> {
    run(connection, text).map_err(|error| failure("begin", &error))
}

fn end(connection: &Connection, text: &'static str) -> Result<(), Error> {
    run(connection, text).map_err(|error| failure("end", &error))
}

fn run(connection: &Connection, text: &'static str) -> rusqlite::Result<()> {
    connection.prepare_cached(text)?.raw_execute().map(drop)
}

/// A failure while a file was opened.
fn file_failure(path: &Path, error: &rusqlite::Error) -> Error {
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return Error::new(Kind::Foreign, format!("{} is not a Billhook store", path.display()));
    }
    let general = failure("open", error);
    Error::new(general.kind(), format!("{}: {general}", path.display()))
}

/// The error for impossible data in the file.
fn damaged(what: &str) -> Error {
    Error::new(
        Kind::Damaged,
        format!("{what}: the store is damaged; restore a backup with `billhook restore`"),
    )
}

/// The failure of a statement, or of a step with a name.
fn failure(name: &str, error: &rusqlite::Error) -> Error {
    let has_no_index = error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_SHMSIZE);
    let (kind, mend) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (Kind::Full, ": the disk is full; free some space and try again"),
        Some(ErrorCode::SystemIoFailure) if getrlimit(Resource::Fsize).current.is_some() => (
            Kind::Io,
            ": a file has reached the limit of this process (`ulimit -f`), or the disk failed; raise it, or look into the system's log",
        ),
        // The log's index could not grow. The commit may be in the log, so this counts as an I/O error.
        Some(_) if has_no_index => (Kind::Io, ": the disk is full; free some space and try again"),
        Some(ErrorCode::SystemIoFailure) => (Kind::Io, ": the disk failed; look into the system's log"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Kind::Busy, ": another process holds the store; try again when it has finished")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return damaged(&format!("store: {name}: {error}"));
        }
        Some(ErrorCode::ConstraintViolation) => (Kind::Conflict, ""),
        Some(ErrorCode::ReadOnly) => {
            (Kind::Folder, ": the store can't be written; check the rights to its folder")
        }
        Some(ErrorCode::CannotOpen) => {
            (Kind::Folder, ": the file can't be opened; check the rights to its folder, and the disk")
        }
        _ => (Kind::Statement, ""),
    };
    Error::new(kind, format!("store: {name}: {error}{mend}"))
}

#[cfg(test)]
mod tests;
