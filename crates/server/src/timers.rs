//! The thread that cancels orders whose time to be paid has run out (`bill_timer_kill`, section 4.1).

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use billhook_store::{self as store, order_changes};

use crate::dispatch::{Service, unix_now};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
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
        let mut is_well = true;
        while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
            let outcome = cancel_due(&service);
            if let Err(error) = &outcome
                && is_well
            {
                tracing::error!(%error, "orders that are not paid in time can't be cancelled; trying on");
            }
            is_well = outcome.is_ok();
        }
    })?;
    Ok(Timers { _alive: alive })
}

/// Cancels what is due, each order in a transaction of its own: another node may be at the same. One that can't be read holds up no other.
fn cancel_due(service: &Service) -> Result<(), store::Error> {
    let mut failed = None;
    loop {
        let now = unix_now();
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
