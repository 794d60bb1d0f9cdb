//! The thread that goes by the clock: it cancels orders whose time to be paid has run out (`bill_timer_kill`, section 4.1), and deletes old
//! keys whose time is over, so that a clock that is set back does not let them in again. It also forgets calls that are kept no longer.
//!
//! Neither can be taken back, so it does not go by a clock that has just been moved (decision 75): somebody may be about to mend it.

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use billhook_store::{self as store, accounts, order_changes};

use crate::{
    methods::idempotency,
    request::{Service, unix_now},
};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// By how many seconds the clock may differ, between two looks, from the time that has passed.
const MOVED_MAX: u64 = 60;
/// How long a clock that was moved by more is not gone by.
const DOUBT: Duration = Duration::from_mins(5);
/// How often it looks for calls to forget.
const FORGET_INTERVAL: Duration = Duration::from_mins(1);
/// Orders taken up at once.
const AT_ONCE: u32 = 500;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Timers {
    _alive: mpsc::Sender<()>,
}

/// Starts the thread.
pub(crate) fn start(service: Arc<Service>) -> io::Result<Timers> {
    let (alive, ended) = mpsc::channel();
    thread::Builder::new().name("billhook-timers".to_owned()).spawn(move || {
        let mut clock = Clock::new(unix_now(), Instant::now());
        let mut is_well = true;
        let mut forgot: Option<Instant> = None;
        while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
            let Some(now) = clock.look(unix_now(), Instant::now()) else { continue };
            let outcome = end_old_keys(&service, now).and_then(|()| cancel_due(&service, now));
            if let Err(error) = &outcome
                && is_well
            {
                tracing::error!(%error, "orders that are not paid in time, or keys whose time is over, stay; trying on");
            }
            is_well = outcome.is_ok();
            if is_well && forgot.is_none_or(|at| at.elapsed() >= FORGET_INTERVAL) {
                forgot = Some(Instant::now());
                if let Err(error) = idempotency::forget_expired(&service.store, now) {
                    tracing::warn!(%error, "calls of more than a day ago can't be forgotten; trying on");
                }
            }
        }
    })?;
    Ok(Timers { _alive: alive })
}

/// The clock on the wall, beside the one that nobody can move.
#[derive(Debug)]
struct Clock {
    before: (i64, Instant),
    in_doubt_until: Instant,
}

impl Clock {
    /// Begins with what the clock on the wall shows (unix seconds).
    fn new(wall: i64, now: Instant) -> Self {
        Self { before: (wall, now), in_doubt_until: now }
    }

    /// The time on the wall, unless it was moved a short while ago.
    fn look(&mut self, wall: i64, now: Instant) -> Option<i64> {
        let (wall_before, before) = std::mem::replace(&mut self.before, (wall, now));
        let passed = now.saturating_duration_since(before).as_secs();
        let moved = wall.saturating_sub(wall_before).saturating_sub_unsigned(passed);
        if moved.unsigned_abs() > MOVED_MAX {
            self.in_doubt_until = now + DOUBT;
            tracing::warn!(
                "the clock was moved by {moved} seconds: for {DOUBT:?} no order is cancelled and no key deleted by it"
            );
        }
        (now >= self.in_doubt_until).then_some(wall)
    }
}

/// Deletes old keys whose time is over.
fn end_old_keys(service: &Service, now: i64) -> Result<(), store::Error> {
    service.directory.with_ended_keys(now).into_iter().try_for_each(|account| {
        if service.store.write(move |tx| accounts::end_old_key(tx, account, now))? {
            tracing::info!(account = account.0, "the time of its old key is over: deleted");
        }
        Ok(())
    })
}

/// Cancels what is due, each order in a transaction of its own: another node may be at the same. One that can't be read holds up no other.
fn cancel_due(service: &Service, now: i64) -> Result<(), store::Error> {
    let mut failed = None;
    loop {
        let due = service.store.read_one(|tx| order_changes::due(tx, now, AT_ONCE))?;
        let mut cancelled = 0;
        for &(account, order) in &due {
            match service.store.write(move |tx| order_changes::cancel_if_due(tx, account, order, now)) {
                Ok(true) => {
                    cancelled += 1;
                    tracing::info!(
                        account = account.0,
                        order = order.0,
                        "an order was not paid in time and is cancelled"
                    );
                }
                Ok(false) => {}
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => {
                    let text = format!("order {} of account {}: {error}", order.0, account.0);
                    failed.get_or_insert(store::Error::new(error.kind(), text));
                }
            }
        }
        let is_all = due.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        if is_all || cancelled == 0 {
            return failed.map_or(Ok(()), Err);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_moved_is_not_gone_by_for_five_minutes() {
        // Seconds that have passed, what the clock shows then, and whether it is gone by.
        for looks in [
            &[(0, 1000, true), (1, 1001, true), (2, 1062, true), (3, 1003, true)][..],
            &[(0, 1000, true), (1, 1062, false), (300, 1361, false), (301, 1362, true)],
            &[(0, 1000, true), (1, 940, false), (301, 1240, true)],
            // Moved away and back: from the last time on.
            &[(0, 1000, true), (1, 9001, false), (200, 1200, false), (499, 1499, false), (500, 1500, true)],
            // A machine that slept, and one that was busy.
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
