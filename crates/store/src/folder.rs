//! The data folder: who may read it, and who holds it.
//!
//! Two lock files keep processes apart. `serve.lock` is held by the one `serve` (or `restore`, or `copy`). `open.lock` is held by
//! everyone who has the store open, shared; `restore` takes it alone, so that nobody goes on writing into a file that was
//! replaced, and so do `copy` and a migration, so that nobody writes what the copy would lack.

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

/// A lock on a file; given up when dropped.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// To close the file would not do: a child that this process has just forked has it, too, until it runs its own program.
    fn drop(&mut self) {
        // Closing it gives the lock up in any case, if only later.
        let _ = self.0.unlock();
    }
}

/// The right to serve from a folder; given back when dropped.
#[derive(Debug)]
pub struct ServingLock {
    _lock: Lock,
}

/// A share in a folder's open store; given back when dropped.
#[derive(Debug)]
pub(crate) struct OpenLock {
    _lock: Lock,
    /// The folder, where it is a copy for this one use.
    _copy: Option<PartialFolder>,
}

impl OpenLock {
    fn new(file: File) -> Self {
        Self { _lock: Lock(file), _copy: None }
    }

    /// The same, of a copy that goes with it.
    pub(crate) fn of_copy(self, copy: PartialFolder) -> Self {
        Self { _copy: Some(copy), ..self }
    }
}

impl DataFolder {
    /// Opens a folder, and makes it (for its owner alone) if it isn't there.
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
            // What will be acknowledged in it must not go with its name.
            made.into_iter().map(containing).try_for_each(Self::sync)?;
        }
        let mut entries =
            fs::read_dir(path).map_err(|cause| Error::file("read the data folder", path, &cause))?;
        if entries.next().is_none() {
            // Somebody made it for us, with whatever mode their shell gives.
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
                .map_err(|cause| Error::file("close the data folder to others", path, &cause))?;
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the right to serve from this folder, which one process at a time can have.
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

    /// Waits for its turn to bring the store up to date.
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

    /// A file of this folder, readable by its owner alone.
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

    /// Makes what was created, renamed or removed in this folder survive a power cut.
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

/// The folder that a file's or folder's name is in.
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
