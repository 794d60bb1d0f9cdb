//! The parts of the table, one module each: every one starts what it needs and adds its rows.

pub(crate) mod bulk;
pub(crate) mod closed;
pub(crate) mod durable;
pub(crate) mod growth;
pub(crate) mod memory;
pub(crate) mod open;
pub(crate) mod orders;
pub(crate) mod postgres;
pub(crate) mod start;
