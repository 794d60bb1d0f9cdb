//! The same contract with stores in PostgreSQL, and tests that only a database needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets a fault shall stop"
)]

#[path = "both.rs"]
mod both;
mod database;
mod node_races;
mod nodes;
mod outbox_nodes;

// Makes `crate::program` and the other modules known to the tests.
use both::*;

const ON_POSTGRES: bool = true;
