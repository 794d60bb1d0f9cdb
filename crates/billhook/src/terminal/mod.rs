//! What commands have to do with the terminal and the process that they run in.

pub(crate) mod interrupt;
pub(crate) mod logging;
pub(crate) mod output;
pub(crate) mod priority;
pub(crate) mod progress;
