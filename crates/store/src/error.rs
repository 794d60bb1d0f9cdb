//! The store's errors, as one line for the operator: what, where, how to mend it.

use std::{fmt, io, path::Path};

/// A failure of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    text: Box<str>,
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The store's location is invalid, or not suitable.
    Location,
    /// The data folder, or a file in it, can't be used.
    Folder,
    /// Another process holds a lock.
    Locked,
    /// A newer version of the program wrote the store.
    Newer,
    /// An older version of the program wrote the store, which must be migrated first.
    Older,
    /// The file or database is no Billhook store.
    Foreign,
    /// The target exists already.
    Exists,
    /// The disk is full. The transaction was rolled back; the store goes on.
    Full,
    /// Reading or writing the disk failed.
    Io,
    /// Another writer held the store for too long, or too many writes are waiting.
    Busy,
    /// The database can't be reached, or does not answer.
    Unreachable,
    /// The connection was lost during a commit: the transaction may have been kept or not.
    Unknown,
    /// An unfinished copy into the store.
    Unfinished,
    /// The store has stopped, after an I/O error at commit.
    Closed,
    /// The data is damaged.
    Damaged,
    /// The store was found damaged: it can be read, but not written.
    Stopped,
    /// The change would break a rule of the store, such as unique product names.
    Conflict,
    /// The answer would be too large.
    TooLarge,
    /// A statement failed: a bug.
    Statement,
}

impl Error {
    /// A failure in one line.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into().into_boxed_str() }
    }

    /// The error for damaged data, with what to do about it.
    pub(crate) fn damaged(what: &str) -> Self {
        Self::new(Kind::Damaged, format!("{what}: the data was damaged; restore a backup"))
    }

    /// A failed file operation; `doing` says which.
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

    /// The kind of the failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the store can't be reached or written at the moment, and the caller may try again (decision
    /// 56). Otherwise it is a lasting failure.
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
