//! What the fuzzer checks of files that operators give us (`cargo xtask fuzz`).

pub use crate::{
    options::config_file::fuzzing::config,
    transfer::import::fuzzing::{import_csv, import_jsonl},
};
