//! The timer thread. It cancels orders that were not paid in time (`bill_timer_kill`, section 4.1). It
//! deletes expired old keys, so that a clock that is set back does not revive them, and expired idempotency
//! keys.
//!
//! These actions can't be undone. So the thread pauses after the clock was changed (decision 75), because the
//! change may be a mistake.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use billhook_store::{self as store, accounts, orders::order_changes};

use crate::{
    background::{Repeating, every},
    clock::{Clock, unix_now},
    methods::idempotency,
    state::State,
};

const INTERVAL: Duration = Duration::from_secs(1);
const FORGET_INTERVAL: Duration = Duration::from_mins(1);
/// How many orders are read at once.
const AT_ONCE: u32 = 500;

pub(crate) fn start(state: Arc<State>) -> io::Result<Repeating> {
    let mut clock = Clock::new(unix_now(), Instant::now());
    let mut is_well = true;
    let mut forgot: Option<Instant> = None;
    every(INTERVAL, "billhook-timers", move || {
        let Some(now) = clock.look(unix_now(), Instant::now()) else { return };
        let outcome = end_old_keys(&state, now).and_then(|()| cancel_due(&state, now));
        if let Err(error) = &outcome
            && is_well
        {
            tracing::error!(%error, "unpaid orders are not cancelled and expired keys not deleted yet; trying again");
        }
        is_well = outcome.is_ok();
        if is_well && forgot.is_none_or(|at| at.elapsed() >= FORGET_INTERVAL) {
            forgot = Some(Instant::now());
            if let Err(error) = idempotency::forget_expired(&state.store, now) {
                tracing::warn!(%error, "expired idempotency keys are not deleted yet; trying again");
            }
        }
    })
}

/// Deletes expired old keys.
fn end_old_keys(state: &State, now: i64) -> Result<(), store::Error> {
    state.directory.with_ended_keys(now).into_iter().try_for_each(|account| {
        if state.store.write(move |tx| accounts::end_old_key(tx, account, now))? {
            tracing::info!(account = account.0, "the old key has expired and was deleted");
        }
        Ok(())
    })
}

/// Cancels the orders that are due, each in its own transaction, since other nodes do the same. An unreadable
/// order does not stop the others.
fn cancel_due(state: &State, now: i64) -> Result<(), store::Error> {
    let mut failed = None;
    loop {
        let due = state.store.read_one(|tx| order_changes::due(tx, now, AT_ONCE))?;
        let mut cancelled = 0;
        for &(account, order) in &due {
            match state.store.write(move |tx| order_changes::cancel_if_due(tx, account, order, now)) {
                Ok(true) => {
                    cancelled += 1;
                    tracing::info!(
                        account = account.0,
                        order = order.0,
                        "an order was not paid in time and was cancelled"
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
