//! Which store a command works on: a data folder, or a database.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use billhook_store::{Location, Store};
use clap::{ArgMatches, Args, parser::ValueSource};

use crate::{command_line::step_back, failure::Failure, small_file};

const DATA: &str = "./billhook-data";

/// `--data`, `--store` and what belongs to them. What stands nearer to the command line wins.
///
/// URLs hold passwords: they are looked at only in [`StoreOption::location`], since clap's own messages would repeat them.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "these texts are the options' help")]
pub(crate) struct StoreOption {
    /// The data folder; serve, account add, copy and restore make it if it isn't there
    #[arg(long, global = true, value_name = "DIR", default_value = DATA)]
    data: PathBuf,
    /// The store, instead of --data: postgres://USER@HOST/DATABASE or sqlite:DIR; a password in it can be seen in the list of
    /// processes, so better use the environment or --store-file
    #[arg(long, global = true, value_name = "URL", hide_default_value = true)]
    store: Option<String>,
    /// A file that holds the store's URL
    #[arg(long, global = true, value_name = "FILE")]
    store_file: Option<PathBuf>,
    /// A replica of the database: methods that only read are answered from it, as old as it is
    #[arg(long, global = true, value_name = "URL", hide_default_value = true)]
    store_read: Option<String>,
    /// A file that holds the replica's URL
    #[arg(long, global = true, value_name = "FILE")]
    store_read_file: Option<PathBuf>,
    /// How many connections to the database, at most, for reads, and as many for writes
    #[arg(long, global = true, value_name = "N", default_value_t = billhook_store::CONNECTIONS, value_parser = connections)]
    store_connections: usize,
    /// Whether the store was named on the command line itself.
    #[arg(skip)]
    is_at_hand: bool,
}

fn connections(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| "a number from 1 to 1000 is needed".to_owned())
}

impl StoreOption {
    /// Leaves what was named nearest to the command line: flag, environment, file, default.
    pub(crate) fn choose(&mut self, sources: &ArgMatches) -> Result<(), Failure> {
        // An empty variable is one that was not set.
        for url in [&mut self.store, &mut self.store_read] {
            url.take_if(|url| url.is_empty());
        }
        let rank = |id| match sources.value_source(id) {
            Some(ValueSource::CommandLine) => 3,
            Some(ValueSource::EnvVariable) => 2,
            // From the configuration file, unless there is nothing.
            Some(_) => 1,
            None => 0,
        };
        let store = if self.store.is_some() { rank("store") } else { 0 };
        let (data, file) = (rank("data"), rank("store_file"));
        let folder_is_named = data > 1 || self.data != Path::new(DATA);
        let data = if folder_is_named { data } else { 0 };
        let both = |one, other| {
            Err(Failure::usage(format!("the store is named twice: leave one of {one} and {other} out")))
        };
        if store > 0 && store == file {
            return both("--store", "--store-file");
        }
        let url = store.max(file);
        if url == 3 && data == 3 {
            return both("--data", "--store");
        }
        self.is_at_hand = store == 3;
        if data > url {
            (self.store, self.store_file) = (None, None);
        } else if store > file {
            self.store_file = None;
        } else {
            self.store = None;
        }
        Ok(())
    }

    /// Where the store is.
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        let url = match &self.store_file {
            Some(file) => Some(read(file)?),
            None => self.store.clone(),
        };
        let location = match url {
            Some(url) => Location::parse(&url).map_err(Failure::usage)?,
            None => Location::folder(&self.data),
        };
        let reads = match &self.store_read_file {
            Some(file) => Some(read(file)?),
            None => self.store_read.clone(),
        };
        let location = location.with_connections(self.store_connections);
        match reads {
            Some(url) => location.with_reads_from(&url).map_err(Failure::usage),
            None => Ok(location),
        }
    }

    /// Opens a store that is there. One that isn't would be a slip of the pen, or a disk that was not mounted: its backup, say,
    /// would be sound and empty.
    pub(crate) fn open(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.there()?)?)
    }

    /// The same for a command that reads or writes a great many orders.
    pub(crate) fn open_for_bulk(&self) -> Result<Store, Failure> {
        let location = self.there()?;
        step_back();
        Ok(Store::open_for_bulk(&location)?)
    }

    /// Opens the store, or makes it.
    pub(crate) fn open_or_make(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.location()?)?)
    }

    /// Where the store is, which has to be there.
    pub(crate) fn there(&self) -> Result<Location, Failure> {
        let location = self.location()?;
        let (what, mend) = match location.as_folder() {
            Some(path) => match path.try_exists() {
                Ok(false) => ("data folder", "name another folder with --data, or begin one"),
                Ok(true) if path.is_dir() && !location.holds_store()? => {
                    ("store in", "name another folder with --data, or begin one")
                }
                _ => return Ok(location),
            },
            None if location.holds_store()? => return Ok(location),
            None => ("store in", "name another database with --store, or begin one"),
        };
        Err(Failure::failed(format!("there is no {what} {location}: {mend} with `billhook account add`")))
    }

    /// The option as the next command has to repeat it, with a space before it; without a password.
    pub(crate) fn flag(&self) -> String {
        let shown = match self.location() {
            Ok(location) if self.is_at_hand => (" --store ", location.to_string()),
            _ if self.store.is_some() || self.store_file.is_some() => return String::new(),
            _ if self.data == Path::new(DATA) => return String::new(),
            _ => (" --data ", self.data.display().to_string()),
        };
        let (flag, value) = shown;
        let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
        if value.chars().all(is_plain) {
            format!("{flag}{value}")
        } else {
            format!("{flag}'{}'", value.replace('\'', "'\\''"))
        }
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let text =
        small_file::read(file).map_err(|error| Failure::file("read the store's URL in", file, &error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl fmt::Debug for StoreOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOption").field("data", &self.data).finish_non_exhaustive()
    }
}
