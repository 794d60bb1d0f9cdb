//! What the operator learns: a line for each request, lines about failures, numbers.

pub(crate) mod access_log;
pub(crate) mod metrics;
mod refusals;
pub(crate) mod reporter;
