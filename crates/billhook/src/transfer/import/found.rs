//! What is found in a source, or why nothing is.

use std::io;

use crate::record::{Fault, Record};

/// Why a source cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// From this line on nothing can be made out.
    #[error("line {0}: {1}")]
    Line(u64, Fault),
}

/// What stands at a place of a source.
pub(super) struct Found {
    /// The line that the record begins in, or that the fault stands in.
    pub(super) line: u64,
    pub(super) record: Result<Record, Fault>,
}
