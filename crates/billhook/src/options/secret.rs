//! The options for an API key: the key itself, or a file that holds it.

use std::{fmt, path::PathBuf};

use billhook_wire::Key;
use clap::{ArgMatches, Args, parser::ValueSource};

use crate::{failure::Failure, options::small_file};

/// `--key` and `--key-file`.
///
/// The text is parsed only in [`KeyOption::resolve`], because clap's messages would repeat it.
#[derive(Args)]
pub(crate) struct KeyOption {
    /// The account's API key; other users of this machine can see it in the list of processes, so the
    /// environment or --key-file is safer
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A file that holds the key on one line
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl KeyOption {
    /// The key, if given. The source nearer to the command line wins; both from one source are an error.
    pub(crate) fn resolve(self, sources: &ArgMatches) -> Result<Option<Key>, Failure> {
        let rank = |id| match sources.value_source(id) {
            Some(ValueSource::CommandLine) => 3,
            Some(ValueSource::EnvVariable) => 2,
            Some(_) => 1,
            None => 0,
        };
        let (key, file) = (rank("key"), rank("key_file"));
        match self.key_file {
            Some(_) if key == file => Err(Failure::usage(
                "both a key and a file of the key are given: leave one of --key and --key-file out",
            )),
            Some(path) if file > key => {
                let text = small_file::read(&path)
                    .map_err(|error| Failure::file("read the key in", &path, &error))?;
                let key = Key::parse(text.trim_end_matches(['\r', '\n']));
                key.map(Some).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
            }
            _ => {
                let key = self.key.map(|key| Key::parse(&key)).transpose();
                key.map_err(|error| Failure::usage(format!("--key: {error}")))
            }
        }
    }

    /// The key; fails if none is given.
    pub(crate) fn require(self, sources: &ArgMatches) -> Result<Key, Failure> {
        self.resolve(sources)?.ok_or_else(|| {
            Failure::usage("a key is needed: give --key-file FILE, --key KEY, or the environment's BILLHOOK_KEY or BILLHOOK_KEY_FILE")
        })
    }
}

impl fmt::Debug for KeyOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyOption").field("key_file", &self.key_file).finish_non_exhaustive()
    }
}
