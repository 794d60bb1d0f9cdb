//! A private PostgreSQL for tests and benchmarks, on a free port and in a temporary folder.
//!
//! Tests may kill it, and nothing of it remains, however they end. It needs Debian's `postgresql`, 15 or newer.
//!
//! ```no_run
//! use billhook_test_kit::Cluster;
//!
//! # fn main() -> Result<(), billhook_test_kit::Error> {
//! let cluster = Cluster::shared();
//! let url = cluster.create_database()?;
//! # let _ = url;
//! # Ok(())
//! # }
//! ```
//!
//! How it ends: `watcher.sh`, started first, waits for the end of its standard input. Only this process holds the
//! other end of that pipe. So the watcher notices a drop and a `SIGKILL` alike, and cleans up.

mod cluster;
mod error;
mod port;
mod programs;
mod watcher;

pub use cluster::{Cluster, Options, Tls};
pub use error::Error;
