//! What the drivers share: the program that they drive, what it takes of the machine, loads, connections that say nothing.

pub mod billhook;
pub mod folders;
pub mod idle;
pub mod open_loop;
pub mod pool;
pub mod usage;

use std::error::Error;

/// These programs end at the first failure and say what it was.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
