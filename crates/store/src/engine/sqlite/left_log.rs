//! The write-ahead log of an earlier process: refused if it is damaged, else written again before the store
//! is used.
//!
//! After a failed sync, Linux treats the unwritten pages as clean, and shows them to readers while they are
//! in memory. So after a crash the next process could find a complete log and commit after it. A power cut
//! would then lose both, although the second commit was acknowledged. Writing the log again makes it durable,
//! or the sync fails again.
//!
//! SQLite silently drops the unreadable part of a damaged log, and all acknowledged transactions after it. So
//! the operator must decide.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{FILE_NAME, begin, connect, end, failure, free_name, log_frames::left_out, with_suffix};
use crate::{DataFolder, Error, Kind, folder::containing};

const PIECE_BYTES: usize = 1 << 20;
const LOG: &str = "-wal";
/// How long to wait for other processes.
const IN_USE_MAX: Duration = Duration::from_secs(2);

/// What a salvage did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvage {
    /// The copies of the store's file and its log as they were.
    pub kept: [PathBuf; 2],
    /// How many acknowledged transactions the store lacks, at least.
    pub left_out: usize,
}

/// A store's files.
struct Files {
    store: PathBuf,
    log: PathBuf,
}

impl Files {
    fn of(folder: &Path) -> Self {
        let store = folder.join(FILE_NAME);
        let log = with_suffix(&store, LOG);
        Self { store, log }
    }

    /// Whether there is a log. A log without a store is an error.
    fn have_log(&self) -> Result<bool, Error> {
        let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        if bytes(&self.log) == 0 {
            return Ok(false);
        }
        if bytes(&self.store) > 0 {
            return Ok(true);
        }
        Err(Error::new(
            Kind::Damaged,
            format!(
                "the log {} is there, but its store {} is missing: put the store back, or restore a backup with `billhook restore FILE --replace`",
                self.log.display(),
                self.store.display()
            ),
        ))
    }
}

/// Prepares a folder's log for use. The caller knows that no process of ours has the store open.
pub(crate) fn take_over(folder: &DataFolder) -> Result<(), Error> {
    let files = Files::of(folder.path());
    if !files.have_log()? {
        return Ok(());
    }
    match alone(&files.store)? {
        Some(_connection) => files.take_over_log(),
        // Another program has it open, and relies on the log.
        None => take_over_in_use(folder),
    }
}

/// The same while others have the store open. If they write all the time, they have checked the log.
pub(crate) fn take_over_in_use(folder: &DataFolder) -> Result<(), Error> {
    let files = Files::of(folder.path());
    if !files.have_log()? {
        return Ok(());
    }
    let connection = connect(&files.store)?;
    connection.busy_timeout(IN_USE_MAX).map_err(|error| failure("take over the log", &error))?;
    // The other processes can't write meanwhile.
    match begin(&connection, "BEGIN IMMEDIATE") {
        Err(error) if error.kind() == Kind::Busy => return Ok(()),
        begun => begun?,
    }
    let taken = files.take_over_log();
    end(&connection, "ROLLBACK")?;
    taken
}

/// Lets SQLite copy a damaged log into the store up to the damage, and keeps copies of both files. `None` if
/// all of the log can be read. The caller knows that no process of ours has the store open.
pub(crate) fn salvage(folder: &DataFolder) -> Result<Option<Salvage>, Error> {
    let files = Files::of(folder.path());
    if !files.have_log()? {
        return Ok(None);
    }
    let connection = alone(&files.store)?.ok_or_else(|| {
        let text = format!("another program has {} open: stop it first", files.store.display());
        Error::new(Kind::Locked, text)
    })?;
    let left_out = files.left_out()?;
    if left_out == 0 {
        return Ok(None);
    }
    let kept = [keep(&files.store)?, keep(&files.log)?];
    let copied = connection
        .execute_batch("ROLLBACK")
        .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    copied.map_err(|error| failure("copy the log into the store", &error))?;
    // Logged now, because opening the store may still fail.
    tracing::warn!(
        "{} was damaged: the store lacks {left_out} or more of its transactions; both files are kept as they were: {} and {}",
        files.log.display(),
        kept[0].display(),
        kept[1].display()
    );
    Ok(Some(Salvage { kept, left_out }))
}

/// Whether the log is damaged, so that a store must not be opened before it is put aside.
pub(super) fn is_damaged(store: &Path) -> Result<bool, Error> {
    let files = Files { store: store.to_owned(), log: with_suffix(store, LOG) };
    Ok(files.log.exists() && files.left_out()? > 0)
}

impl Files {
    fn left_out(&self) -> Result<usize, Error> {
        let found = open(&self.log).and_then(|log| left_out(&log));
        found.map_err(|cause| Error::file("read", &self.log, &cause))
    }

    /// Writes the log again. Nobody else may write it meanwhile.
    fn take_over_log(&self) -> Result<(), Error> {
        match self.left_out()? {
            0 => {
                let written = open(&self.log).and_then(|log| write_over(&log));
                written.map_err(|cause| Error::file("write once more", &self.log, &cause))
            }
            left_out => Err(Error::new(
                Kind::Damaged,
                format!(
                    "{} is damaged, and {left_out} or more acknowledged transactions are behind the damage: restore a \
                     backup with `billhook restore FILE --replace`, or go on without them with `billhook check --salvage-log`",
                    self.log.display()
                ),
            )),
        }
    }
}

/// A connection to a store that no other process has open or can open. `None` if another process has it open,
/// or SQLite can't open it; opening it normally reports that error.
fn alone(store: &Path) -> Result<Option<Connection>, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connected = || {
        let connection = Connection::open_with_flags(store, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        // It must not change either file by itself.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(connection)
    };
    match connected() {
        Ok(connection) => Ok(Some(connection)),
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(
                error.code,
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(failure("take over the log", &error)),
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(path)
}

/// Copies a file to a new name beside it, with its permissions.
fn keep(path: &Path) -> Result<PathBuf, Error> {
    let kept = free_name(path, "damaged");
    let copied = fs::copy(path, &kept).and_then(|_| File::open(&kept)?.sync_all());
    if let Err(cause) = copied {
        // An incomplete copy is useless.
        let _ = fs::remove_file(&kept);
        return Err(Error::file("keep a copy of the damaged file as", &kept, &cause));
    }
    DataFolder::sync(containing(&kept))?;
    Ok(kept)
}

/// Writes a file's bytes again at the same place.
fn write_over(file: &File) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    loop {
        let read = file.read_at(&mut piece, at)?;
        if read == 0 {
            return file.sync_data();
        }
        file.write_all_at(piece.get(..read).unwrap_or_default(), at)?;
        at += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stays_what_it_was() {
        let file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..PIECE_BYTES + 70_000).map(|n| u8::try_from(n % 251).unwrap()).collect();
        file.write_all_at(&bytes, 0).unwrap();
        write_over(&file).unwrap();
        let mut found = vec![0; bytes.len() + 1];
        assert_eq!(file.read_at(&mut found, 0).unwrap(), bytes.len());
        assert_eq!(found[..bytes.len()], bytes);
    }
}
