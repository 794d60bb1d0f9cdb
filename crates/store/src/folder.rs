//! The data folder: its permissions and its locks.
//!
//! Two lock files keep processes apart. `serve.lock` is held by the one `serve`, `restore` or `copy`.
//! `open.lock` is shared by all who have the store open. `restore` takes it exclusively, so that nobody goes
//! on writing into a replaced file. So do `copy` and a migration, so that nobody writes what the copy would
//! lack.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{Error, Kind, partial::PartialFolder};

/// A folder that holds a store.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
}

/// A file lock, released on drop.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing is not enough: a child that was just forked has the file open too, until it runs its program.
    fn drop(&mut self) {
        // If this fails, closing the file releases the lock later.
        let _ = self.0.unlock();
    }
}

/// The right to serve from a folder, released on drop.
#[derive(Debug)]
pub struct ServingLock {
    _lock: Lock,
}

/// A share in a folder's open store, released on drop.
#[derive(Debug)]
pub(crate) struct OpenLock {
    _lock: Lock,
    /// The folder, if it is a temporary copy.
    _copy: Option<PartialFolder>,
}

impl OpenLock {
    fn new(file: File) -> Self {
        Self { _lock: Lock(file), _copy: None }
    }

    /// The same, for a copy that is removed with it.
    pub(crate) fn of_copy(self, copy: PartialFolder) -> Self {
        Self { _copy: Some(copy), ..self }
    }
}

impl DataFolder {
    /// Opens a folder. Creates it, for its owner alone, if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if !path.is_dir() {
            if path.exists() {
                let text = format!("{} is no folder: choose another one with --data", path.display());
                return Err(Error::new(Kind::Folder, text));
            }
            let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
            let made: Vec<_> = path.ancestors().take_while(is_missing).collect();
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(|cause| Error::file("make the data folder", path, &cause))?;
            // Sync the parent folders, so that a power cut does not lose the new folder.
            made.into_iter().map(containing).try_for_each(Self::sync)?;
        }
        let mut entries =
            fs::read_dir(path).map_err(|cause| Error::file("read the data folder", path, &cause))?;
        if entries.next().is_none() {
            // Somebody created it for us, with the permissions of their umask.
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
                .map_err(|cause| Error::file("close the data folder to others", path, &cause))?;
        }
        Ok(Self { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the right to serve from this folder, which only one process can have.
    pub(crate) fn lock_for_serving(&self) -> Result<ServingLock, Error> {
        let file = self.lock_file("serve.lock")?;
        match file.try_lock() {
            Ok(()) => Ok(ServingLock { _lock: Lock(file) }),
            Err(error) => Err(self.not_locked(error, "another `billhook serve`, `restore` or `copy` holds")),
        }
    }

    pub(crate) fn lock_open(&self) -> Result<OpenLock, Error> {
        let file = self.lock_file("open.lock")?;
        match file.try_lock_shared() {
            Ok(()) => Ok(OpenLock::new(file)),
            Err(error) => Err(self.not_locked(error, "a `billhook restore` or `copy` is at work in")),
        }
    }

    /// Waits for its turn to migrate the store.
    pub(crate) fn lock_migrations(&self) -> Result<OpenLock, Error> {
        let file = self.lock_file("migrate.lock")?;
        file.lock().map_err(|cause| Error::file("lock", &self.path, &cause))?;
        Ok(OpenLock::new(file))
    }

    pub(crate) fn lock_alone(&self) -> Result<OpenLock, Error> {
        let file = self.lock_file("open.lock")?;
        match file.try_lock() {
            Ok(()) => Ok(OpenLock::new(file)),
            Err(error) => Err(self.not_locked(error, "another billhook command has open")),
        }
    }

    /// Opens a file that only its owner can read.
    pub(crate) fn private_file(path: &Path) -> Result<File, Error> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|cause| Error::file("open", path, &cause))
    }

    /// Syncs a folder, so that files created, renamed or removed in it survive a power cut.
    pub(crate) fn sync(path: &Path) -> Result<(), Error> {
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(|cause| Error::file("sync the folder", path, &cause))
    }

    fn lock_file(&self, name: &str) -> Result<File, Error> {
        Self::private_file(&self.path.join(name))
    }

    fn not_locked(&self, error: TryLockError, who: &str) -> Error {
        match error {
            TryLockError::WouldBlock => Error::new(
                Kind::Locked,
                format!(
                    "{who} {}: wait for it, stop it, or choose another folder with --data",
                    self.path.display()
                ),
            ),
            TryLockError::Error(cause) => Error::file("lock", &self.path, &cause),
        }
    }
}

/// The parent folder.
pub(crate) fn containing(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_a_folder() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&place.path().join("data")).unwrap();
        let held = folder.lock_for_serving().unwrap();
        assert_eq!(folder.lock_for_serving().unwrap_err().kind(), Kind::Locked);
        drop(held);
        folder.lock_for_serving().unwrap();
    }

    #[test]
    fn the_folder_is_its_owners() {
        let place = tempfile::tempdir().unwrap();
        let fresh = place.path().join("a/b");
        DataFolder::open(&fresh).unwrap();
        assert_eq!(fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o700);

        let made = place.path().join("made");
        fs::create_dir(&made).unwrap();
        fs::set_permissions(&made, fs::Permissions::from_mode(0o755)).unwrap();
        DataFolder::open(&made).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_path_below_a_file_is_refused_in_one_line() {
        let place = tempfile::NamedTempFile::new().unwrap();
        let error = DataFolder::open(&place.path().join("data")).unwrap_err().to_string();
        assert!(error.contains("cannot make the data folder") && error.contains("--data"), "{error}");
        assert!(!error.contains('\n'));
    }
}
