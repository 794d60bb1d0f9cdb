//! What the programs for developers share: servers as processes, HTTP as bytes, a load that holds its rate,
//! connections that say nothing.

pub mod disk;
pub mod http;
pub mod idle;
pub mod open_loop;
pub mod process;

use std::error::Error;

/// These programs end at the first failure and say what it was.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
