//! Orders in bulk: from files, into files, and made up.

pub(crate) mod export;
pub(crate) mod generate;
pub(crate) mod import;
mod pipeline;
