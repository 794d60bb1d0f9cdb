//! The log that an earlier process has left: written once more before anything is built on it.
//!
//! Where a sync failed, Linux takes what it could not write for written, and shows it to readers as long as it is in memory. A process
//! that ends then leaves a log that is whole to the next one, which would commit behind it; a power cut would take both, and the
//! second commit was acknowledged. What is written again is synced, or the sync fails again.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::{FILE_NAME, begin, connect, end, with_suffix};
use crate::{DataFolder, Error};

const PIECE_BYTES: usize = 1 << 20;

/// Writes a folder's log once more, if there is one. The caller knows that no process of ours has the store open.
pub(crate) fn write_again(folder: &DataFolder) -> Result<(), Error> {
    let store = folder.path().join(FILE_NAME);
    let path = with_suffix(&store, "-wal");
    if !path.exists() {
        return Ok(());
    }
    let connection = connect(&store)?;
    // Whoever else may have it open does not write meanwhile.
    begin(&connection, "BEGIN IMMEDIATE")?;
    let written = File::options().read(true).write(true).open(&path).and_then(|log| write_over(&log));
    end(&connection, "ROLLBACK")?;
    written.map_err(|cause| Error::file("write once more", &path, &cause))
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
