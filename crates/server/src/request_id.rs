//! The identifier of a request: on its answer, and on each line that the log has about it.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Makes identifiers of 16 hex digits that never repeat, also after a restart.
#[derive(Debug)]
pub(crate) struct RequestIds {
    next: AtomicU64,
}

impl RequestIds {
    /// Begins at a random number.
    pub(crate) fn new() -> Self {
        // RandomState is seeded by the system, which is all the randomness that is needed here.
        Self { next: AtomicU64::new(RandomState::new().hash_one(0)) }
    }

    /// The next identifier.
    pub(crate) fn next(&self) -> String {
        format!("{:016x}", self.next.fetch_add(1, Relaxed))
    }
}
