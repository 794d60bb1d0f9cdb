//! A disk in memory, mounted through FUSE, that knows of each file and folder what is synced: for power cuts, and for faults.
//!
//! After a power cut there is of each file what was synced, and of what was written since then an arbitrary part, in sectors; a
//! name that was given, changed or removed is sure once its folder is synced. That is less than any file system in use promises:
//! what holds here needs nothing of the order in which one of them happens to write.
//!
//! Names: *off* is a disk without power, on which every write and sync fails.

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

/// What a process asks of a disk, as far as it can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Writing, changing a size, making, renaming or removing a name.
    Change,
    /// Syncing a file or a folder.
    Sync,
}

/// Operations that are to fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Which.
    pub(crate) of: Operation,
    /// How many of them pass before.
    pub(crate) after: u64,
    /// Whether all fail from then on; otherwise one does.
    pub(crate) lasts: bool,
    /// What their process is told.
    pub(crate) error: Errno,
}

/// A disk at one moment.
pub(crate) struct Picture(State);

/// A disk that is mounted. Dropped, it is gone.
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

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.place
    }

    /// Has operations fail; none: not any more.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// How many operations a [`Fault`] has had fail.
    pub(crate) fn faults(&self) -> u64 {
        self.state().faults
    }

    /// Takes the power away: from now on nothing gets to the disk. Whoever uses it is to be killed then.
    pub(crate) fn cut(&self) {
        self.state().is_off = true;
    }

    /// Takes the power away after so many more operations.
    pub(crate) fn cut_after(&self, operations: u64) {
        self.state().off_after = Some(operations);
    }

    /// Whether it is without power.
    pub(crate) fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// Syncs everything.
    pub(crate) fn settle(&self) {
        self.state().settle();
    }

    /// All that is on it, for [`Self::put_back`].
    pub(crate) fn picture(&self) -> Picture {
        Picture(self.state().clone())
    }

    /// Has it as it was, when all processes that use it have ended.
    pub(crate) fn put_back(&mut self, picture: &Picture) -> Result<()> {
        self.unmount()?;
        *self.state() = picture.0.clone();
        self.mount()
    }

    /// Gives the power back, when all processes that used the disk have ended: the same files with what the cut left of them,
    /// and nothing of them in the kernel's memory.
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
        // A process that was killed may hold it for a moment longer.
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
