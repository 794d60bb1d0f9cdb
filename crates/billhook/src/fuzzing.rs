//! What the fuzzer checks of files that people give us (`cargo xtask fuzz`).

pub use crate::{
    config_file::fuzzing::config,
    import::fuzzing::{import_csv, import_jsonl},
};
