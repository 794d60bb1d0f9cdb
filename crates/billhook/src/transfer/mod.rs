//! Orders in bulk: import, export, and synthetic ones.

pub(crate) mod export;
pub(crate) mod generate;
pub(crate) mod import;
mod pipeline;
