//! What commands are told, and where it comes from: options that several of them have, the configuration file, the environment.

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
