//! An account's data in bulk: import, export, and synthetic orders.

pub(crate) mod export;
pub(crate) mod generate;
pub(crate) mod import;
mod pipeline;
