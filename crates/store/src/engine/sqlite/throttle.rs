//! Runs long work in short stretches with a pause after each, so that concurrent requests hardly notice.
//!
//! A lower priority alone is not enough. It has no effect on processes of other groups, such as a systemd
//! service beside a shell's command, nor on the kernel's threads that write to the disk.

use std::{
    thread,
    time::{Duration, Instant},
};

/// The length of a stretch.
const STRETCH: Duration = Duration::from_millis(1);
/// The longest pause.
const REST_MAX: Duration = Duration::from_secs(1);

/// Pauses as long as it worked.
pub(super) struct Throttle {
    working_since: Instant,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self { working_since: Instant::now() }
    }

    /// A point at which the work can pause. If the stretch took longer, because others used the processor or
    /// the disk, the pause is longer too.
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
