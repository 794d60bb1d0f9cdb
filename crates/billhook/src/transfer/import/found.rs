//! A record of the source, or why it could not be read.

use std::io;

use crate::record::{Fault, Record};

/// Why a source cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Nothing can be recognised from this line on.
    #[error("line {0}: {1}")]
    Line(u64, Fault),
}

/// A record or a fault, with its place in the source.
pub(super) struct Found {
    /// The line in which the record begins, or the fault is.
    pub(super) line: u64,
    pub(super) record: Result<Record, Fault>,
}
