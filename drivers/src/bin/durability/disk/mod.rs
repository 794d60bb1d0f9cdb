//! A disk in memory, mounted through FUSE, which knows what is synced of each file and folder: for power cuts
//! and faults.
//!
//! After a power cut, each file has its synced content, and a random part of the later writes, in sectors. A
//! name that was made, changed or removed is durable once its folder is synced. Every real file system
//! promises more. So what survives here does not rely on one system's order of writes.
//!
//! A disk that is *off* has no power: every write and sync fails.

mod content;
mod fuse;
mod state;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use billhook_drivers::Result;
use fuser::{BackgroundSession, Config, Errno, MountOption};
use rand::rngs::StdRng;

use self::{fuse::Fuse, state::State};

/// An operation that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Writing, truncating, making, renaming or removing a name.
    Change,
    /// Syncing a file or a folder.
    Sync,
}

/// Which operations fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Their kind.
    pub(crate) of: Operation,
    /// How many of them succeed before.
    pub(crate) after: u64,
    /// Whether all fail from then on; otherwise only one does.
    pub(crate) lasts: bool,
    /// The error for the process.
    pub(crate) error: Errno,
}

/// The state of a disk at one moment.
pub(crate) struct Picture(State);

/// A mounted disk, unmounted on drop.
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    place: PathBuf,
    session: Option<BackgroundSession>,
}

impl Disk {
    /// Mounts an empty disk at a folder.
    pub(crate) fn new(place: &Path) -> Result<Self> {
        let state = Arc::new(Mutex::new(State::new()));
        let mut disk = Self { state, place: place.to_owned(), session: None };
        disk.mount()?;
        Ok(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place
    }

    /// Makes operations fail; `None`: no longer.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// How many operations have failed by a [`Fault`].
    pub(crate) fn faults(&self) -> u64 {
        self.state().faults
    }

    /// Turns the power off: nothing reaches the disk. The caller must then kill the processes that use it.
    pub(crate) fn cut(&self) {
        self.state().is_off = true;
    }

    /// Turns the power off after this many more operations.
    pub(crate) fn cut_after(&self, operations: u64) {
        self.state().off_after = Some(operations);
    }

    /// Whether the power is off.
    pub(crate) fn is_off(&self) -> bool {
        self.state().is_off
    }

    pub(crate) fn settle(&self) {
        self.state().settle();
    }

    /// The whole content, for [`Self::put_back`].
    pub(crate) fn picture(&self) -> Picture {
        Picture(self.state().clone())
    }

    /// Restores that content, once all processes that use the disk have ended.
    pub(crate) fn put_back(&mut self, picture: &Picture) -> Result<()> {
        self.unmount()?;
        *self.state() = picture.0.clone();
        self.mount()
    }

    /// Turns the power on, once all processes that used the disk have ended. The files have what the cut
    /// kept, and the kernel has nothing cached.
    pub(crate) fn come_back(&mut self, dice: &mut StdRng) -> Result<()> {
        self.unmount()?;
        {
            let mut state = self.state();
            state.lose(dice);
            state.is_off = false;
            state.off_after = None;
            state.fault = None;
        }
        self.mount()
    }

    fn mount(&mut self) -> Result<()> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("billhook-test".to_owned())];
        let session = fuser::spawn_mount(Fuse(self.state.clone()), &self.place, &config);
        let failed = |cause| format!("{}: no FUSE can be mounted: {cause}", self.place.display());
        self.session = Some(session.map_err(failed)?);
        Ok(())
    }

    fn unmount(&mut self) -> Result<()> {
        // A killed process may hold it for a moment longer.
        let place = self.place.clone();
        let unmounted = (0..100).any(|_| {
            rustix::mount::unmount(&place, rustix::mount::UnmountFlags::empty())
                .inspect_err(|_| thread::sleep(Duration::from_millis(20)))
                .is_ok()
        });
        if !unmounted {
            return Err(format!("{}: somebody still uses it", place.display()).into());
        }
        match self.session.take() {
            Some(session) => Ok(session.join()?),
            None => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
