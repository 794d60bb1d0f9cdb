//! Options that several commands share, and the sources of their values.

pub(crate) mod account;
pub(crate) mod config_file;
pub(crate) mod connection;
pub(crate) mod domain;
pub(crate) mod environment;
pub(crate) mod everywhere;
pub(crate) mod input_file;
pub(crate) mod method_words;
pub(crate) mod secret;
mod small_file;
pub(crate) mod store;
pub(crate) mod time;
