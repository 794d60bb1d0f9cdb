//! Files and folders by number, what is synced of each, and the planned faults.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use fuser::Errno;
use rand::{RngExt as _, rngs::StdRng};

use super::{Fault, Operation, content::Content};

pub(super) type Answer<T> = Result<T, Errno>;

/// The folder that is mounted.
pub(super) const ROOT: u64 = 1;
const FOLDER_MODE: u32 = 0o700;

#[derive(Clone)]
pub(super) struct Node {
    pub(super) mode: u32,
    /// How many names it has.
    pub(super) names: u32,
    pub(super) body: Body,
}

#[derive(Clone)]
pub(super) enum Body {
    File(Content),
    Folder(Folder),
}

type Names = BTreeMap<OsString, u64>;
/// Names that are made or removed in one step.
type Renaming = Vec<(OsString, Option<u64>)>;

/// A folder. A name that was made or removed is durable only once the folder is synced.
#[derive(Clone, Default)]
pub(super) struct Folder {
    pub(super) live: Names,
    durable: Names,
    unsynced: Vec<Renaming>,
}

impl Folder {
    fn change(&mut self, names: Renaming) {
        apply(&mut self.live, &names);
        self.unsynced.push(names);
    }

    fn sync(&mut self) {
        for names in self.unsynced.drain(..) {
            apply(&mut self.durable, &names);
        }
    }

    fn lose(&mut self, dice: &mut StdRng) {
        let share = match dice.random_range(0..4) {
            0 => 0.0,
            1 => 1.0,
            _ => 0.5,
        };
        for names in self.unsynced.drain(..) {
            if dice.random_bool(share) {
                apply(&mut self.durable, &names);
            }
        }
        self.live.clone_from(&self.durable);
    }
}

fn apply(names: &mut Names, changes: &Renaming) {
    for (name, node) in changes {
        match node {
            Some(node) => drop(names.insert(name.clone(), *node)),
            None => drop(names.remove(name)),
        }
    }
}

#[derive(Clone)]
pub(super) struct State {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Without power nothing is written or synced.
    pub(super) is_off: bool,
    /// The number of operations until the power is lost.
    pub(super) off_after: Option<u64>,
    pub(super) fault: Option<Fault>,
    /// Operations that a fault made fail.
    pub(super) faults: u64,
}

impl State {
    pub(super) fn new() -> Self {
        let root = Node { mode: FOLDER_MODE, names: 1, body: Body::Folder(Folder::default()) };
        let nodes = BTreeMap::from([(ROOT, root)]);
        let next = ROOT + 1;
        Self { nodes, next, is_off: false, off_after: None, fault: None, faults: 0 }
    }

    /// Lets an operation succeed or fail.
    fn pass(&mut self, operation: Operation) -> Answer<()> {
        if let Some(left) = &mut self.off_after {
            self.is_off |= *left == 0;
            *left = left.saturating_sub(1);
        }
        if self.is_off {
            return Err(Errno::EIO);
        }
        let Some(fault) = &mut self.fault else { return Ok(()) };
        if fault.of != operation {
            return Ok(());
        }
        if fault.after > 0 {
            fault.after -= 1;
            return Ok(());
        }
        let error = fault.error;
        self.faults += 1;
        if !fault.lasts {
            self.fault = None;
        }
        Err(error)
    }

    pub(super) fn node(&self, number: u64) -> Answer<&Node> {
        self.nodes.get(&number).ok_or(Errno::ENOENT)
    }

    fn node_mut(&mut self, number: u64) -> Answer<&mut Node> {
        self.nodes.get_mut(&number).ok_or(Errno::ENOENT)
    }

    pub(super) fn folder(&self, number: u64) -> Answer<&Folder> {
        match &self.node(number)?.body {
            Body::Folder(folder) => Ok(folder),
            Body::File(_) => Err(Errno::ENOTDIR),
        }
    }

    fn folder_mut(&mut self, number: u64) -> Answer<&mut Folder> {
        match &mut self.node_mut(number)?.body {
            Body::Folder(folder) => Ok(folder),
            Body::File(_) => Err(Errno::ENOTDIR),
        }
    }

    pub(super) fn file(&self, number: u64) -> Answer<&Content> {
        match &self.node(number)?.body {
            Body::File(content) => Ok(content),
            Body::Folder(_) => Err(Errno::EISDIR),
        }
    }

    fn file_mut(&mut self, number: u64) -> Answer<&mut Content> {
        match &mut self.node_mut(number)?.body {
            Body::File(content) => Ok(content),
            Body::Folder(_) => Err(Errno::EISDIR),
        }
    }

    pub(super) fn find(&self, folder: u64, name: &OsStr) -> Answer<u64> {
        self.folder(folder)?.live.get(name).copied().ok_or(Errno::ENOENT)
    }

    pub(super) fn make(&mut self, folder: u64, name: &OsStr, mode: u32, body: Body) -> Answer<u64> {
        if self.find(folder, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.pass(Operation::Change)?;
        let number = self.next;
        self.folder_mut(folder)?.change(vec![(name.to_owned(), Some(number))]);
        self.next += 1;
        self.nodes.insert(number, Node { mode: mode & 0o777, names: 1, body });
        Ok(number)
    }

    pub(super) fn link(&mut self, number: u64, folder: u64, name: &OsStr) -> Answer<()> {
        if self.find(folder, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.pass(Operation::Change)?;
        self.node_mut(number)?.names += 1;
        self.folder_mut(folder)?.change(vec![(name.to_owned(), Some(number))]);
        Ok(())
    }

    /// Removes a file's name, or an empty folder. Processes that have the file open keep it.
    pub(super) fn remove(&mut self, folder: u64, name: &OsStr) -> Answer<()> {
        let number = self.find(folder, name)?;
        if let Body::Folder(inner) = &self.node(number)?.body
            && !inner.live.is_empty()
        {
            return Err(Errno::ENOTEMPTY);
        }
        self.pass(Operation::Change)?;
        self.folder_mut(folder)?.change(vec![(name.to_owned(), None)]);
        self.node_mut(number)?.names -= 1;
        Ok(())
    }

    pub(super) fn rename(&mut self, folder: u64, from: &OsStr, to: &OsStr, replace: bool) -> Answer<()> {
        let number = self.find(folder, from)?;
        let taken = self.find(folder, to).ok();
        if taken == Some(number) {
            return Ok(());
        }
        if taken.is_some() && !replace {
            return Err(Errno::EEXIST);
        }
        self.pass(Operation::Change)?;
        let names = vec![(from.to_owned(), None), (to.to_owned(), Some(number))];
        self.folder_mut(folder)?.change(names);
        if let Some(taken) = taken {
            self.node_mut(taken)?.names -= 1;
        }
        Ok(())
    }

    /// Writes to a file. Writes from a shared mapping never fail, since nobody would get the error.
    pub(super) fn write(&mut self, file: u64, at: usize, bytes: &[u8], is_mapped: bool) -> Answer<()> {
        if !is_mapped {
            self.pass(Operation::Change)?;
        } else if self.is_off {
            return Err(Errno::EIO);
        }
        self.file_mut(file)?.write(at, bytes);
        Ok(())
    }

    pub(super) fn set_len(&mut self, file: u64, bytes: usize) -> Answer<()> {
        self.pass(Operation::Change)?;
        self.file_mut(file)?.set_len(bytes);
        Ok(())
    }

    pub(super) fn set_mode(&mut self, node: u64, mode: u32) -> Answer<()> {
        self.node_mut(node)?.mode = mode & 0o777;
        Ok(())
    }

    pub(super) fn sync_file(&mut self, file: u64) -> Answer<()> {
        let passed = self.pass(Operation::Sync);
        let is_off = self.is_off;
        let content = self.file_mut(file)?;
        match passed {
            Ok(()) => content.sync(),
            Err(_) if is_off => {}
            Err(_) => content.fail_sync(),
        }
        passed
    }

    pub(super) fn sync_folder(&mut self, folder: u64) -> Answer<()> {
        self.pass(Operation::Sync)?;
        self.folder_mut(folder)?.sync();
        Ok(())
    }

    pub(super) fn settle(&mut self) {
        for node in self.nodes.values_mut() {
            match &mut node.body {
                Body::File(content) => content.sync(),
                Body::Folder(folder) => folder.sync(),
            }
        }
    }

    /// Applies a power cut: what it keeps is the new content.
    pub(super) fn lose(&mut self, dice: &mut StdRng) {
        for node in self.nodes.values_mut() {
            match &mut node.body {
                Body::File(content) => content.lose(dice),
                Body::Folder(folder) => folder.lose(dice),
            }
            node.names = 0;
        }
        let mut names = vec![ROOT];
        for node in self.nodes.values() {
            if let Body::Folder(folder) = &node.body {
                names.extend(folder.live.values());
            }
        }
        for number in names {
            if let Some(node) = self.nodes.get_mut(&number) {
                node.names += 1;
            }
        }
        self.nodes.retain(|_, node| node.names > 0);
    }
}
