//! Files in progress: they have temporary names until they are complete, and are removed if they never are.
//!
//! They hold customers' data, so none may remain. Drop removes them. A signal handler calls
//! [`end_unfinished`]. What a killed process left is removed when the next one is made in that folder. A lock
//! shows that a file is still in use.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use rustix::fs::OFlags;
use tempfile::{NamedTempFile, TempDir};

/// The start and the end of an unfinished file's name.
const NAME: (&str, &str) = (".billhook-", ".partial");

/// The unfinished files of this process.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// An unfinished file, for its owner alone.
#[derive(Debug)]
pub struct PartialFile {
    // Removed before it is taken off the list.
    file: NamedTempFile,
    listed: Unfinished,
}

impl PartialFile {
    /// A new file in its final folder.
    pub fn new_in(folder: &Path) -> io::Result<Self> {
        remove_left(folder);
        loop {
            let mut unfinished = UNFINISHED.lock();
            let file = tempfile::Builder::new().prefix(NAME.0).suffix(NAME.1).tempfile_in(folder)?;
            unfinished.push(file.path().to_owned());
            drop(unfinished);
            let partial = Self { listed: Unfinished(vec![file.path().to_owned()]), file };
            // Where files can't be locked, unlocked ones are never removed.
            let _ = partial.as_file().lock();
            // Before it was locked, another process could have removed it.
            if partial.as_file().metadata()?.nlink() > 0 {
                return Ok(partial);
            }
        }
    }

    /// Its temporary path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file itself.
    pub fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives it its final name, which must be free.
    pub fn keep_as(self, name: &Path) -> io::Result<()> {
        let Self { file, listed } = self;
        listed.finish(|| file.persist_noclobber(name).map(drop).map_err(|error| error.error))
    }

    /// Gives it its final name, replacing an existing file.
    pub fn replace(self, name: &Path) -> io::Result<()> {
        let Self { file, listed } = self;
        listed.finish(|| file.persist(name).map(drop).map_err(|error| error.error))
    }
}

impl io::Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A temporary folder for its owner alone, removed on drop.
#[derive(Debug)]
pub(crate) struct PartialFolder {
    folder: TempDir,
    _lock: File,
    _listed: Unfinished,
}

impl PartialFolder {
    pub(crate) fn new_in(place: &Path) -> io::Result<Self> {
        remove_left(place);
        loop {
            let mut unfinished = UNFINISHED.lock();
            let mut named = tempfile::Builder::new();
            named.prefix(NAME.0).suffix(NAME.1).permissions(Permissions::from_mode(0o700));
            let folder = named.tempdir_in(place)?;
            unfinished.push(folder.path().to_owned());
            drop(unfinished);
            let listed = Unfinished(vec![folder.path().to_owned()]);
            let lock = File::open(folder.path())?;
            let _ = lock.lock();
            if lock.metadata()?.nlink() > 0 {
                return Ok(Self { folder, _lock: lock, _listed: listed });
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Files that [`end_unfinished`] removes while this exists.
#[derive(Debug)]
pub(crate) struct Unfinished(Vec<PathBuf>);

impl Unfinished {
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        UNFINISHED.lock().extend_from_slice(&files);
        Self(files)
    }

    /// Runs the last step. A signal finds the files either unfinished or finished.
    pub(crate) fn finish<T, E>(self, step: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut unfinished = UNFINISHED.lock();
        let done = step();
        unfinished.retain(|file| !self.0.contains(file));
        done
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().retain(|file| !self.0.contains(file));
    }
}

/// Removes this process's unfinished files, and ends the process with `end`. Blocks begins and finishes.
pub fn end_unfinished(end: impl FnOnce()) {
    let unfinished = UNFINISHED.lock();
    for file in &*unfinished {
        // Some may be gone already.
        let _ = remove(file);
    }
    end();
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Removes the files that killed processes left in a folder: each can be as large as a store.
fn remove_left(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if !name.starts_with(NAME.0.as_bytes()) || !name.ends_with(NAME.1.as_bytes()) {
            continue;
        }
        // Unreadable files belong to others. In a folder that anybody can write it may be no regular file.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let Ok(file) = File::options().read(true).custom_flags(flags).open(&path) else { continue };
        let is_ours = file.metadata().is_ok_and(|it| it.is_file() || it.is_dir());
        if !is_ours || file.try_lock().is_err() {
            continue;
        }
        let removed = remove(&path);
        let path = path.display();
        match removed {
            Ok(()) => tracing::info!("{path} was left by a command that was killed: removed"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, "{path} was left by a command that was killed: remove it");
            }
        }
    }
}
