//! A PostgreSQL of a test's (or a benchmark's) own: on a free port, in a temporary folder, ended with its process.
//!
//! Tests need a real PostgreSQL that nobody else uses, that they may kill, and that is never left behind, however they
//! end. Debian's package `postgresql` (15 or newer) has all that this takes.
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
//! How it ends: a `sh` that was started first, `watcher.sh`, waits for the end of its standard input. Only this process
//! holds the other end of that pipe, so the watcher learns of a drop as of a `SIGKILL`, and clears up.

mod cluster;
mod error;
mod port;
mod programs;
mod watcher;

pub use cluster::{Cluster, Options, Tls};
pub use error::Error;
