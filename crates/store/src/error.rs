//! What goes wrong in the store, told to the operator: one line that says what, where and how to mend it.

use std::{fmt, io, path::Path};

/// A failure of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    text: Box<str>,
}

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What names a store can't be understood, or is not for this.
    Location,
    /// The data folder, or a file in it, can't be used.
    Folder,
    /// Another process holds what this one needs.
    Locked,
    /// The store was written by a newer version of the program.
    Newer,
    /// The store was written by an older version of the program, and is to be brought up to date first.
    Older,
    /// The file or database is not a Billhook store, or can't be one.
    Foreign,
    /// There is something already where something new was to be put.
    Exists,
    /// No space is left on the disk. Nothing of the transaction was kept; the store goes on.
    Full,
    /// Reading or writing the disk failed.
    Io,
    /// Another writer held the store for too long, or too many writes are waiting.
    Busy,
    /// The database can't be reached, or does not answer.
    Unreachable,
    /// The connection was lost while a transaction was committed: it may have been kept, or not.
    Unknown,
    /// A copy into the store was begun and never finished.
    Unfinished,
    /// The store has stopped, after an I/O error at commit.
    Closed,
    /// What the store holds is damaged.
    Damaged,
    /// The store was found damaged: it is read, and written no more.
    Stopped,
    /// The change would break a rule of the store, such as two products of one name.
    Conflict,
    /// An answer would be larger than the bound on answers.
    TooLarge,
    /// A statement failed: a fault of ours.
    Statement,
}

impl Error {
    /// A failure in one line.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into().into_boxed_str() }
    }

    /// Data that nothing here has written as it is, and what is to be done about it.
    pub(crate) fn damaged(what: &str) -> Self {
        Self::new(Kind::Damaged, format!("{what}: the data was damaged; restore a backup"))
    }

    /// A failed file operation: what was being done, to which file.
    pub(crate) fn file(doing: &str, path: &Path, cause: &io::Error) -> Self {
        let is_of_the_disk = cause.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
        let mend = match cause.kind() {
            io::ErrorKind::PermissionDenied => {
                ": give this user the right to it, or choose another folder with --data"
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                ": the file system is read-only; choose another folder with --data"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ": the disk is full; free some space and try again"
            }
            io::ErrorKind::FileTooLarge => {
                ": it has reached the limit of this process; raise it with `ulimit -f`"
            }
            io::ErrorKind::NotFound => ": check the path",
            io::ErrorKind::NotADirectory => {
                ": a part of the path is a file; choose another folder with --data"
            }
            _ if is_of_the_disk => ": the disk failed; look into the system's log",
            _ => "",
        };
        let kind = match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Full,
            _ if is_of_the_disk => Kind::Io,
            _ => Kind::Folder,
        };
        Self::new(kind, format!("cannot {doing} {}: {cause}{mend}", path.display()))
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the store can't be reached or written right now: the caller may try again (decision 56). Otherwise it is a
    /// fault.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self.kind,
            Kind::Locked
                | Kind::Full
                | Kind::Io
                | Kind::Busy
                | Kind::Closed
                | Kind::Stopped
                | Kind::Unreachable
                | Kind::Unknown
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
