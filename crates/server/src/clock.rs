//! The system clock, and whether somebody has changed it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many seconds the clock may deviate, between two calls, from the monotonic clock.
const MOVED_MAX: u64 = 60;
/// How long a clock is not trusted after a larger change.
const DOUBT: Duration = Duration::from_mins(5);

/// Unix seconds.
pub(crate) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The system clock, compared with the monotonic clock.
#[derive(Debug)]
pub(crate) struct Clock {
    before: (i64, Instant),
    in_doubt_until: Instant,
}

impl Clock {
    /// `wall` is in unix seconds.
    pub(crate) fn new(wall: i64, now: Instant) -> Self {
        Self { before: (wall, now), in_doubt_until: now }
    }

    /// The time, or `None` if the clock was changed recently.
    pub(crate) fn look(&mut self, wall: i64, now: Instant) -> Option<i64> {
        let (wall_before, before) = std::mem::replace(&mut self.before, (wall, now));
        let passed = now.saturating_duration_since(before).as_secs();
        let moved = wall.saturating_sub(wall_before).saturating_sub_unsigned(passed);
        if moved.unsigned_abs() > MOVED_MAX {
            self.in_doubt_until = now + DOUBT;
            tracing::warn!(
                "the clock was changed by {moved} seconds: no order is cancelled and no key deleted for {DOUBT:?}"
            );
        }
        (now >= self.in_doubt_until).then_some(wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_moved_is_not_gone_by_for_five_minutes() {
        // Seconds since the start, the clock's time, and whether it is trusted.
        for looks in [
            &[(0, 1000, true), (1, 1001, true), (2, 1062, true), (3, 1003, true)][..],
            &[(0, 1000, true), (1, 1062, false), (300, 1361, false), (301, 1362, true)],
            &[(0, 1000, true), (1, 940, false), (301, 1240, true)],
            // Changed and changed back: the pause starts at the last change.
            &[(0, 1000, true), (1, 9001, false), (200, 1200, false), (499, 1499, false), (500, 1500, true)],
            // A machine that was suspended, and one that was busy.
            &[(0, 1000, true), (1, 99_001, false), (301, 99_301, true)],
            &[(0, 1000, true), (500, 1500, true)],
        ] {
            let start = Instant::now();
            let mut clock = Clock::new(1000, start);
            for &(passed, wall, is_gone_by) in looks {
                let told = clock.look(wall, start + Duration::from_secs(passed));
                assert_eq!(told, is_gone_by.then_some(wall), "{looks:?}: {passed}");
            }
        }
    }
}
