//! Tools for tests and drivers that run the program from outside: the program as a process, HTTP as bytes, a
//! store with one of everything, stores of earlier versions, a private PostgreSQL, and the fuzzer's inputs.
//!
//! **Invariant:** of our crates it depends on `wire` alone, for the names of fields. It computes
//! signatures independently of the code under test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "who uses it is a test, which shall stop at a fault"
)]

mod corpus;
pub mod everything;
pub mod frozen;
pub mod http;
mod postgres;
mod process;
pub mod receiver;

pub use corpus::replay;
pub use postgres::{Cluster, Error, Options, Tls};
pub use process::{Done, Running, Store, command, run, run_watched, until, within};
