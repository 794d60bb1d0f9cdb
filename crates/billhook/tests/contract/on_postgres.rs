//! The same contract with the stores in PostgreSQL, and what only a database asks for.

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

// `crate::program` and the like, for all of them.
use both::*;

/// Where the stores of these tests are.
const ON_POSTGRES: bool = true;
