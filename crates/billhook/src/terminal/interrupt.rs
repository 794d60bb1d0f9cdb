//! How a command reacts to signals. SIGINT and SIGTERM end it at once and remove its unfinished files.
//! SIGXFSZ, for a file at its size limit, is caught: the write then fails with an error.

use std::{io, sync::Arc, thread};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals,
    low_level::emulate_default_handler,
};

use crate::failure::Failure;

/// Makes a write beyond the limit on files (`ulimit -f`) an error, instead of the program's end.
pub(crate) fn outlive_limits() -> Result<(), Failure> {
    // Nobody reads the flag: catching the signal is enough.
    flag::register(SIGXFSZ, Arc::default()).map(drop).map_err(not_caught)
}

/// Makes SIGINT or SIGTERM remove unfinished files and end the program. A server handles them differently.
pub(crate) fn leave_nothing_unfinished() -> Result<(), Failure> {
    on_signal(|signal| {
        billhook_store::end_unfinished(|| {
            // Ends by the signal, so that a shell stops its loop too. It can't fail for these two.
            let _ = emulate_default_handler(signal);
        });
    })
}

/// Makes SIGINT or SIGTERM the usual end of a command that has no other.
pub(crate) fn end_well() -> Result<(), Failure> {
    on_signal(|_| std::process::exit(0))
}

/// Does something once SIGINT or SIGTERM came.
fn on_signal(end: impl FnOnce(i32) + Send + 'static) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(not_caught)?;
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            end(signal);
        }
    };
    thread::Builder::new().name("billhook-interrupt".to_owned()).spawn(wait).map(drop).map_err(not_caught)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn not_caught(error: io::Error) -> Failure {
    Failure::failed(format!("cannot catch signals: {error}"))
}
