//! The contract with API clients: the real program over HTTP, with stores in data folders.

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
mod screenshots;
mod smuggling;

// Makes `crate::program` and the other modules known to the tests.
use both::*;

const ON_POSTGRES: bool = false;
