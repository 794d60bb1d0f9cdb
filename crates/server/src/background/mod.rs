//! What runs by the clock, beside all requests.

pub(crate) mod timers;
pub(crate) mod watch;
