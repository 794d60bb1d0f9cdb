//! The log that an earlier process has left: refused if it is damaged, and written once more before anything is built on it.
//!
//! Where a sync failed, Linux takes what it could not write for written, and shows it to readers as long as it is in memory. A process
//! that ends then leaves a log that is whole to the next one, which would commit behind it; a power cut would take both, and the
//! second commit was acknowledged. What is written again is synced, or the sync fails again.
//!
//! Of a damaged log SQLite drops what it can't read, and all that was acknowledged behind it, without a word. So that is for the operator
//! to decide.

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
/// How long others are waited for.
const IN_USE_MAX: Duration = Duration::from_secs(2);

/// What was done about a damaged log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvage {
    /// Where the store's file and its log are kept as they were.
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

    /// Whether there is a log, of a store that is there, too.
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
                "{} is there, and {} is not, to which it belongs: put that back, or restore a backup with `billhook restore FILE --replace`",
                self.log.display(),
                self.store.display()
            ),
        ))
    }
}

/// Makes a folder's log one that can be built on. The caller knows that no process of ours has the store open.
pub(crate) fn take_over(folder: &DataFolder) -> Result<(), Error> {
    let files = Files::of(folder.path());
    if !files.have_log()? {
        return Ok(());
    }
    match alone(&files.store)? {
        Some(_connection) => files.take_over_log(),
        // A program of somebody else's has it open, and goes by what it has read of it.
        None => take_over_in_use(folder),
    }
}

/// The same while others have the store open. Where one of them is writing all the time it is left to them, who have looked at it.
pub(crate) fn take_over_in_use(folder: &DataFolder) -> Result<(), Error> {
    let files = Files::of(folder.path());
    if !files.have_log()? {
        return Ok(());
    }
    let connection = connect(&files.store)?;
    connection.busy_timeout(IN_USE_MAX).map_err(|error| failure("take over the log", &error))?;
    // Whoever else has it open does not write meanwhile.
    match begin(&connection, "BEGIN IMMEDIATE") {
        Err(error) if error.kind() == Kind::Busy => return Ok(()),
        begun => begun?,
    }
    let taken = files.take_over_log();
    end(&connection, "ROLLBACK")?;
    taken
}

/// Lets SQLite copy a damaged log into the store, up to the damage, and keeps both files as they were. None where all of it can be read.
/// The caller knows that no process of ours has the store open.
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
    // Said now: the store may not be one that can be opened.
    tracing::warn!(
        "{} was damaged: the store lacks {left_out} or more of its transactions; both files are kept as they were: {} and {}",
        files.log.display(),
        kept[0].display(),
        kept[1].display()
    );
    Ok(Some(Salvage { kept, left_out }))
}

/// Whether a store that is put aside must not be opened: SQLite would take its log for what it is not.
pub(super) fn is_damaged(store: &Path) -> Result<bool, Error> {
    let files = Files { store: store.to_owned(), log: with_suffix(store, LOG) };
    Ok(files.log.exists() && files.left_out()? > 0)
}

impl Files {
    fn left_out(&self) -> Result<usize, Error> {
        let found = open(&self.log).and_then(|log| left_out(&log));
        found.map_err(|cause| Error::file("read", &self.log, &cause))
    }

    /// Writes the log once more. Nobody else writes it meanwhile.
    fn take_over_log(&self) -> Result<(), Error> {
        match self.left_out()? {
            0 => {
                let written = open(&self.log).and_then(|log| write_over(&log));
                written.map_err(|cause| Error::file("write once more", &self.log, &cause))
            }
            left_out => Err(Error::new(
                Kind::Damaged,
                format!(
                    "{} is damaged, and {left_out} or more transactions that were acknowledged stand behind the damage: restore a \
                     backup with `billhook restore FILE --replace`, or go on without them with `billhook check --salvage-log`",
                    self.log.display()
                ),
            )),
        }
    }
}

/// A connection to a store that no other process has open or can open. None if another one has, or if it is no store that SQLite can
/// open: what is wrong with it, whoever opens it in earnest says.
fn alone(store: &Path) -> Result<Option<Connection>, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connected = || {
        let connection = Connection::open_with_flags(store, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        // It is to touch neither file unasked.
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

/// A copy of a file beside it, with its rights.
fn keep(path: &Path) -> Result<PathBuf, Error> {
    let kept = free_name(path, "damaged");
    let copied = fs::copy(path, &kept).and_then(|_| File::open(&kept)?.sync_all());
    if let Err(cause) = copied {
        // A part of it is of no use.
        let _ = fs::remove_file(&kept);
        return Err(Error::file("keep a copy of the damaged file as", &kept, &cause));
    }
    DataFolder::sync(containing(&kept))?;
    Ok(kept)
}

/// Writes a file's bytes to where they are.
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
