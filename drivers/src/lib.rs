//! Shared parts of the drivers: the program under test, its use of the machine, loads, idle connections.

pub mod billhook;
pub mod folders;
pub mod idle;
pub mod open_loop;
pub mod pool;
pub mod usage;

use std::error::Error;

/// The drivers end at the first failure and print it.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
