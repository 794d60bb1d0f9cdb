//! The contract with strangers' clients: the real program on a port of its own, spoken to over HTTP; with the stores in folders.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets a fault shall stop"
)]

mod backup;
#[path = "both.rs"]
mod both;
mod clock;
mod damaged_log;
mod disk;
mod durable;
mod pages;
mod reference;
mod smuggling;

// `crate::program` and the like, for all of them.
use both::*;

/// Where the stores of these tests are.
const ON_POSTGRES: bool = false;
