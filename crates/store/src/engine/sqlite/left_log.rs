//! The log that an earlier process has left: mended if it is damaged, and written once more, before anything is built on it.
//!
//! Where a sync failed, Linux takes what it could not write for written, and shows it to readers as long as it is in memory. A process
//! that ends then leaves a log that is whole to the next one, which would commit behind it; a power cut would take both, and the
//! second commit was acknowledged. What is written again is synced, or the sync fails again.
//!
//! Of a damaged log SQLite drops what it can't read, and all that was acknowledged behind it, without a word; worse, what it can read
//! then hides newer pages that were copied into the file already. What the log and the file still hold together is often everything.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{
    FILE_NAME, begin, connect, end, failure, free_name,
    log_frames::{Damage, find_damage},
    with_suffix,
};
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
    /// How many pages are not known to be as they were written.
    pub unknown_pages: usize,
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
    let Some(held) = Held::alone(&files)? else {
        // A program of somebody else's has it open, and goes by what it has read of it.
        return take_over_in_use(folder);
    };
    let Some(damage) = held.damage()? else { return held.on_log("write once more", write_over) };
    if damage.unknown_pages() > 0 {
        return Err(refusal(&files, &damage));
    }
    let kept = keep(&files.log)?;
    held.on_log("copy into the store", |log| damage.copy_into_store(log, &held.store))?;
    tracing::warn!(
        "{} was damaged, and nothing is lost: all of its pages were to be had; it is kept as {}",
        files.log.display(),
        kept.display()
    );
    Ok(())
}

/// The same while others have the store open: a damaged log is an error, as it can't be mended under their hands. Where one of them is
/// writing all the time it is left to them, who have looked at it.
pub(crate) fn take_over_in_use(folder: &DataFolder) -> Result<(), Error> {
    let files = Files::of(folder.path());
    if !files.have_log()? {
        return Ok(());
    }
    // Closed behind the connection: to close a file gives up all locks on it that this process has.
    let store = open(&files.store).map_err(|cause| Error::file("open", &files.store, &cause))?;
    let connection = connect(&files.store)?;
    connection.busy_timeout(IN_USE_MAX).map_err(|error| failure("take over the log", &error))?;
    // Whoever else has it open does not write meanwhile.
    match begin(&connection, "BEGIN IMMEDIATE") {
        Err(error) if error.kind() == Kind::Busy => return Ok(()),
        begun => begun?,
    }
    let written = open(&files.log).and_then(|log| match find_damage(&log, &store)? {
        Some(damage) => Ok(Some(damage)),
        None => write_over(&log).map(|()| None),
    });
    end(&connection, "ROLLBACK")?;
    match written.map_err(|cause| Error::file("write once more", &files.log, &cause))? {
        Some(damage) => Err(refusal(&files, &damage)),
        None => Ok(()),
    }
}

/// Takes what a damaged log still holds into the store, and keeps both files as they were. None where all of it can be read. The caller knows
/// that no process of ours has the store open.
pub(crate) fn salvage(folder: &DataFolder) -> Result<Option<Salvage>, Error> {
    let files = Files::of(folder.path());
    if !files.have_log()? {
        return Ok(None);
    }
    let held = Held::alone(&files)?.ok_or_else(|| {
        let text = format!("another program has {} open: stop it first", files.store.display());
        Error::new(Kind::Locked, text)
    })?;
    let Some(damage) = held.damage()? else { return Ok(None) };
    let unknown_pages = damage.unknown_pages();
    let kept = [keep(&files.store)?, keep(&files.log)?];
    held.on_log("copy into the store", |log| damage.copy_into_store(log, &held.store))?;
    // Said now: the store may not be one that can be opened.
    tracing::warn!(
        "{} was damaged: what it held is in the store, {unknown_pages} pages as they are; both files are kept as they were: {} and {}",
        files.log.display(),
        kept[0].display(),
        kept[1].display()
    );
    Ok(Some(Salvage { kept, unknown_pages }))
}

/// Whether a store that is put aside must not be opened: SQLite would take its log for what it is not.
pub(super) fn is_damaged(store: &Path) -> Result<bool, Error> {
    let log = with_suffix(store, LOG);
    if !log.exists() {
        return Ok(false);
    }
    let found = open(&log).and_then(|log| find_damage(&log, &open(store)?));
    Ok(found.map_err(|cause| Error::file("read", &log, &cause))?.is_some())
}

fn refusal(files: &Files, damage: &Damage) -> Error {
    Error::new(
        Kind::Damaged,
        format!(
            "{} is damaged, and {} or more transactions that were acknowledged stand behind the damage: restore a backup with `billhook restore FILE \
             --replace`, or take what can be had with `billhook check --salvage-log`",
            files.log.display(),
            damage.left_out
        ),
    )
}

/// A store's files, which no other process has open or can open.
struct Held {
    // Dropped in this order: to close a file gives up all locks on it that this process has.
    _connection: Connection,
    store: File,
    log: File,
    log_path: PathBuf,
}

impl Held {
    /// None if another process has the store open, or if it is none that SQLite can open.
    fn alone(files: &Files) -> Result<Option<Self>, Error> {
        let opened = |path: &Path| open(path).map_err(|cause| Error::file("open", path, &cause));
        let (store, log) = (opened(&files.store)?, opened(&files.log)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let held = || {
            let connection = Connection::open_with_flags(&files.store, flags)?;
            connection.busy_timeout(Duration::ZERO)?;
            // It is to touch neither of them.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
            connection.execute_batch("BEGIN IMMEDIATE")?;
            Ok(connection)
        };
        match held() {
            Ok(connection) => {
                Ok(Some(Self { _connection: connection, store, log, log_path: files.log.clone() }))
            }
            // What is wrong with it, whoever opens it in earnest says.
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

    fn on_log<T>(&self, doing: &str, act: impl FnOnce(&File) -> io::Result<T>) -> Result<T, Error> {
        act(&self.log).map_err(|cause| Error::file(doing, &self.log_path, &cause))
    }

    fn damage(&self) -> Result<Option<Damage>, Error> {
        self.on_log("read", |log| find_damage(log, &self.store))
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
