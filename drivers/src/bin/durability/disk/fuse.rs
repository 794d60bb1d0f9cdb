//! The kernel's requests, passed on to [`State`].

use std::{
    ffi::OsStr,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::{
    content::Content,
    state::{Answer, Body, Folder, Node, State},
};

/// All changes go through the kernel, so it may cache answers.
const KEPT: Duration = Duration::from_hours(1);
const GENERATION: Generation = Generation(0);
const BLOCK_BYTES: u32 = 4096;

pub(super) struct Fuse(pub(super) Arc<Mutex<State>>);

impl Fuse {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(reply: ReplyEntry, request: &Request, state: &State, number: Answer<u64>) {
        match number.and_then(|number| Ok((number, state.node(number)?))) {
            Ok((number, node)) => reply.entry(&KEPT, &attributes(request, number, node), GENERATION),
            Err(error) => reply.error(error),
        }
    }
}

fn attributes(request: &Request, number: u64, node: &Node) -> FileAttr {
    let (size, kind) = match &node.body {
        Body::File(content) => (content.len() as u64, FileType::RegularFile),
        Body::Folder(_) => (0, FileType::Directory),
    };
    let at = SystemTime::UNIX_EPOCH;
    FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: at,
        mtime: at,
        ctime: at,
        crtime: at,
        kind,
        perm: u16::try_from(node.mode).unwrap_or_default(),
        nlink: node.names,
        uid: request.uid(),
        gid: request.gid(),
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    }
}

fn done(reply: ReplyEmpty, answer: Answer<()>) {
    match answer {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn place(offset: u64) -> Answer<usize> {
    usize::try_from(offset).map_err(|_| Errno::EFBIG)
}

impl Filesystem for Fuse {
    fn init(&mut self, _: &Request, _: &mut KernelConfig) -> io::Result<()> {
        Ok(())
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let state = self.state();
        let found = state.find(parent.0, name);
        Self::enter(reply, request, &state, found);
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.state().node(ino.0) {
            Ok(node) => reply.attr(&KEPT, &attributes(request, ino.0, node)),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut state = self.state();
        let set = mode.map_or(Ok(()), |mode| state.set_mode(ino.0, mode)).and_then(|()| {
            size.map_or(Ok(()), |size| place(size).and_then(|bytes| state.set_len(ino.0, bytes)))
        });
        match set.and_then(|()| state.node(ino.0)) {
            Ok(node) => reply.attr(&KEPT, &attributes(request, ino.0, node)),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(&self, request: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        let mut state = self.state();
        let number = state.make(parent.0, name, mode, Body::Folder(Folder::default()));
        Self::enter(reply, request, &state, number);
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut state = self.state();
        let number = state.make(parent.0, name, mode, Body::File(Content::default()));
        match number.and_then(|number| Ok((number, state.node(number)?))) {
            Ok((number, node)) => reply.created(
                &KEPT,
                &attributes(request, number, node),
                GENERATION,
                FileHandle(0),
                FopenFlags::FOPEN_KEEP_CACHE,
            ),
            Err(error) => reply.error(error),
        }
    }

    fn link(&self, request: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut state = self.state();
        let linked = state.link(ino.0, parent.0, name).map(|()| ino.0);
        Self::enter(reply, request, &state, linked);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.state().remove(parent.0, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.state().remove(parent.0, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let replace = !flags.contains(RenameFlags::RENAME_NOREPLACE);
        let answer = if parent != newparent {
            // A rename across folders would be two changes, and nobody here does that.
            Err(Errno::EXDEV)
        } else if flags.difference(RenameFlags::RENAME_NOREPLACE).is_empty() {
            self.state().rename(parent.0, name, newname, replace)
        } else {
            Err(Errno::EINVAL)
        };
        done(reply, answer);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // Keeps the pages that several processes have mapped when another one opens the file.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let state = self.state();
        match state.file(ino.0).and_then(|file| Ok(file.read(place(offset)?, place(size.into())?))) {
            Ok(bytes) => reply.data(bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        flags: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let is_mapped = flags.contains(WriteFlags::FUSE_WRITE_CACHE);
        match place(offset).and_then(|at| self.state().write(ino.0, at, data, is_mapped)) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or_default()),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(reply, self.state().sync_file(ino.0));
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, reply: ReplyDirectory) {
        let state = self.state();
        let mut reply = reply;
        match state.folder(ino.0) {
            Ok(folder) => {
                for ((name, number), next) in folder.live.iter().zip(1..).skip(place(offset).unwrap_or(0)) {
                    let kind = match state.node(*number).map(|node| &node.body) {
                        Ok(Body::Folder(_)) => FileType::Directory,
                        _ => FileType::RegularFile,
                    };
                    if reply.add(INodeNo(*number), next, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error),
        }
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(reply, self.state().sync_folder(ino.0));
    }
}
