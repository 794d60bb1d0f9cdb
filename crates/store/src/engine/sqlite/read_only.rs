//! Reads a store on a read-only file system, as after a disk error, when its data must be saved.
//!
//! SQLite writes files beside a store even to read it. (`immutable=1` prevents that, but ignores the log.) So
//! file and log are copied to the folder for temporary files, and read there.

use std::{
    env,
    fs::{self, File},
    io,
    path::Path,
    time::SystemTime,
};

use super::{FILE_NAME, with_suffix};
use crate::{DataFolder, Error, Kind, partial::PartialFolder};

/// How often files that change during the copy are copied again.
const TRIES_MAX: usize = 3;
/// The copied files: the store and its log.
const COPIED: [&str; 2] = ["", "-wal"];

/// Whether a folder's store is on a read-only file system.
pub(crate) fn is_read_only(folder: &Path) -> bool {
    let opened = File::options().append(true).open(folder.join(FILE_NAME));
    opened.is_err_and(|error| error.kind() == io::ErrorKind::ReadOnlyFilesystem)
}

/// A copy of a folder's store, removed on drop.
pub(crate) fn copied(folder: &Path) -> Result<PartialFolder, Error> {
    let place = env::temp_dir();
    let copy =
        PartialFolder::new_in(&place).map_err(|cause| Error::file("make a folder in", &place, &cause))?;
    for _ in 0..TRIES_MAX {
        let before = state(folder);
        for suffix in COPIED {
            copy_file(folder, copy.path(), suffix)?;
        }
        // The same file system may be mounted elsewhere, and written there.
        if state(folder) == before {
            tracing::warn!(
                "the file system of {} is read-only: a copy in {} is read, and removed then",
                folder.display(),
                copy.path().display()
            );
            return Ok(copy);
        }
    }
    Err(Error::new(
        Kind::Busy,
        format!(
            "{} is read-only for this command, and written by another: run it where that one runs",
            folder.display()
        ),
    ))
}

/// The files' lengths and times.
fn state(folder: &Path) -> [Option<(u64, Option<SystemTime>)>; 2] {
    COPIED.map(|suffix| {
        let file = fs::metadata(with_suffix(&folder.join(FILE_NAME), suffix)).ok()?;
        Some((file.len(), file.modified().ok()))
    })
}

fn copy_file(from: &Path, to: &Path, suffix: &str) -> Result<(), Error> {
    let [from, to] = [from, to].map(|folder| with_suffix(&folder.join(FILE_NAME), suffix));
    let mut source = match File::open(&from) {
        // A closed store has no log.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound && !suffix.is_empty() => return Ok(()),
        opened => opened.map_err(|cause| Error::file("read", &from, &cause))?,
    };
    let mut target = DataFolder::private_file(&to)?;
    let copied = target.set_len(0).and_then(|()| io::copy(&mut source, &mut target));
    copied.map(drop).map_err(|cause| {
        let failed =
            Error::file(&format!("copy {}, whose file system is read-only, to", from.display()), &to, &cause);
        Error::new(failed.kind(), format!("{failed} (TMPDIR names another folder for temporary files)"))
    })
}
