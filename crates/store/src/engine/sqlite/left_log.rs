//! The log that an earlier process has left: looked through, and written once more before anything is built on it.
//!
//! Where a sync failed, Linux takes what it could not write for written, and shows it to readers as long as it is in memory. A process
//! that ends then leaves a log that is whole to the next one, which would commit behind it; a power cut would take both, and the
//! second commit was acknowledged. What is written again is synced, or the sync fails again.
//!
//! Whoever calls these knows that no process of ours has the store open.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::{
    FILE_NAME, begin, connect, end, free_name,
    log_frames::{Damage, find_damage},
    with_suffix,
};
use crate::{DataFolder, Error, Kind};

const PIECE_BYTES: usize = 1 << 20;
const LOG: &str = "-wal";

/// What was done about a damaged log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCut {
    /// Where the log is kept as it was.
    pub kept: PathBuf,
    /// How many transactions are given up: so many at least.
    pub lost: u64,
}

/// Writes a folder's log once more, if there is one. A damaged one is an error.
pub(crate) fn write_again(folder: &DataFolder) -> Result<(), Error> {
    let store = folder.path().join(FILE_NAME);
    let path = with_suffix(&store, LOG);
    if !path.exists() {
        return Ok(());
    }
    refuse_damage(folder.path())?;
    let connection = connect(&store)?;
    // Whoever else may have it open does not write meanwhile.
    begin(&connection, "BEGIN IMMEDIATE")?;
    let written = File::options().read(true).write(true).open(&path).and_then(|log| write_over(&log));
    end(&connection, "ROLLBACK")?;
    written.map_err(|cause| Error::file("write once more", &path, &cause))
}

/// Whether a folder's log is damaged. To be asked before SQLite opens the store, which drops what it can't read without a word, and
/// removes the log.
pub(crate) fn refuse_damage(folder: &Path) -> Result<(), Error> {
    let path = with_suffix(&folder.join(FILE_NAME), LOG);
    let Some(Damage { readable, lost }) = damage(&path)? else { return Ok(()) };
    Err(Error::new(
        Kind::Damaged,
        format!(
            "{} is damaged behind its first {readable} bytes: {lost} or more transactions that were acknowledged can't be read; restore a \
             backup with `billhook restore FILE --replace`, or give them up with `billhook check --cut-log`",
            path.display()
        ),
    ))
}

/// Keeps a damaged log under another name, and cuts it off where the damage begins. None where it is sound.
pub(crate) fn cut(folder: &DataFolder) -> Result<Option<LogCut>, Error> {
    let path = with_suffix(&folder.path().join(FILE_NAME), LOG);
    let Some(Damage { readable, lost }) = damage(&path)? else { return Ok(None) };
    let kept = keep(&path, &free_name(&path, "damaged"))?;
    let cut = File::options().write(true).open(&path).and_then(|log| {
        log.set_len(readable)?;
        log.sync_all()
    });
    cut.map_err(|cause| Error::file("cut off", &path, &cause))?;
    Ok(Some(LogCut { kept, lost }))
}

/// Keeps a store's log under another name if it is damaged.
pub(super) fn keep_if_damaged(store: &Path, name: &Path) -> Result<(), Error> {
    let path = with_suffix(store, LOG);
    if damage(&path)?.is_some() {
        keep(&path, &with_suffix(name, "-wal.damaged"))?;
    }
    Ok(())
}

fn damage(path: &Path) -> Result<Option<Damage>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    File::open(path)
        .and_then(|log| find_damage(BufReader::with_capacity(PIECE_BYTES, log)))
        .map_err(|cause| Error::file("read", path, &cause))
}

/// A copy of a log, for its owner alone.
fn keep(log: &Path, name: &Path) -> Result<PathBuf, Error> {
    // With the log's own rights.
    let copied = fs::copy(log, name).and_then(|_| File::open(name)?.sync_all());
    copied.map_err(|cause| Error::file("copy the log to", name, &cause))?;
    DataFolder::sync(crate::folder::containing(name))?;
    Ok(name.to_owned())
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
