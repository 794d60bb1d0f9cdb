//! The terminal and the process: output, progress, the log, signals, priority.

pub(crate) mod interrupt;
pub(crate) mod logging;
pub(crate) mod output;
pub(crate) mod priority;
pub(crate) mod progress;
