//! What operators and integrators learn: a line for each request, lines about failures, numbers, the last calls.

pub(crate) mod access_log;
pub(crate) mod calls;
pub(crate) mod metrics;
pub(crate) mod refusal;
mod refusal_lines;
pub(crate) mod reporter;
