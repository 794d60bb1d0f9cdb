//! Work that can take its time, in short stretches with a rest after each, so that requests beside it hardly notice.
//!
//! A lower priority alone does not do that. It says nothing to processes of other groups (a server that systemd started and a
//! command from a shell are two), and nothing to the kernel's own threads that write what was copied to the disk.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long it works until it rests.
const STRETCH: Duration = Duration::from_millis(1);
/// The longest rest, whatever happened in the stretch before.
const REST_MAX: Duration = Duration::from_secs(1);

/// Rests as long as it worked.
pub(super) struct Throttle {
    working_since: Instant,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self { working_since: Instant::now() }
    }

    /// A point at which the work can rest. A stretch that took longer, since others had the processor or the disk, is followed by a
    /// longer rest.
    pub(super) fn step(&mut self) {
        let worked = self.working_since.elapsed();
        if worked < STRETCH {
            return;
        }
        thread::sleep(worked.min(REST_MAX));
        self.working_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_followed_by_as_long_a_rest() {
        let worked = Duration::from_millis(20);
        let mut throttle = Throttle::new();
        thread::sleep(worked);
        let resting_since = Instant::now();
        throttle.step();
        assert!(resting_since.elapsed() >= worked);
    }
}
