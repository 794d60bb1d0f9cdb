//! What signals do to a command. At SIGINT and SIGTERM it ends at once, and takes with it what it has not finished. At SIGXFSZ, for a file
//! that has reached its limit, it goes on: the write fails, and is told like any other.

use std::{io, sync::Arc, thread};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals,
    low_level::emulate_default_handler,
};

use crate::failure::Failure;

/// From now on a write beyond the limit on files (`ulimit -f`) is an error, and does not end the program.
pub(crate) fn outlive_limits() -> Result<(), Failure> {
    // Nobody looks at the flag.
    flag::register(SIGXFSZ, Arc::default()).map(drop).map_err(not_caught)
}

/// From now on the first of these signals removes unfinished files and ends the program. A server has its own way to stop.
pub(crate) fn leave_nothing_unfinished() -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(not_caught)?;
    let wait = move || {
        let Some(signal) = signals.forever().next() else { return };
        billhook_store::end_unfinished(|| {
            // By the signal, as if it had not been caught: a shell then stops its loop, too. It can't fail for these two.
            let _ = emulate_default_handler(signal);
        });
    };
    thread::Builder::new().name("billhook-interrupt".to_owned()).spawn(wait).map(drop).map_err(not_caught)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn not_caught(error: io::Error) -> Failure {
    Failure::failed(format!("cannot catch signals: {error}"))
}
