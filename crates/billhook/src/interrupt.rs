//! What SIGINT and SIGTERM do to a command: it ends at once, and takes with it what it has not finished.

use std::thread;

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
    low_level::emulate_default_handler,
};

use crate::failure::Failure;

/// From now on the first of these signals removes unfinished files and ends the program. A server has its own way to stop.
pub(crate) fn leave_nothing_unfinished() -> Result<(), Failure> {
    let failed = |error| Failure::failed(format!("cannot catch signals: {error}"));
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let wait = move || {
        let Some(signal) = signals.forever().next() else { return };
        billhook_store::end_unfinished(|| {
            // By the signal, as if it had not been caught: a shell then stops its loop, too. It can't fail for these two.
            let _ = emulate_default_handler(signal);
        });
    };
    thread::Builder::new().name("billhook-interrupt".to_owned()).spawn(wait).map_err(failed).map(drop)
}
