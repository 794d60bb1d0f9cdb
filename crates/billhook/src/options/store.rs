//! Which store a command works on: a data folder, or a database.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use billhook_store::{Location, Store};
use clap::{ArgMatches, Args, parser::ValueSource};

use crate::{failure::Failure, options::small_file, terminal::priority::step_back};

const DATA: &str = "./billhook-data";
/// Where the demo is if nothing else is said: a seller's own accounts come into a folder without it.
const DEMO_DATA: &str = "./billhook-demo";

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
    /// Whether the store was named anywhere.
    #[arg(skip)]
    is_named: bool,
    /// Whether the store was named on the command line itself.
    #[arg(skip)]
    is_at_hand: bool,
    /// Whether the replica was named farther from the command line than the store.
    #[arg(skip)]
    reads_are_farther: bool,
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
        let url = nearer(sources, (&mut self.store, "store"), (&mut self.store_file, "store-file"))?;
        let reads = nearer(
            sources,
            (&mut self.store_read, "store-read"),
            (&mut self.store_read_file, "store-read-file"),
        )?;
        let data = Near::of(sources, "data");
        let data = if data > Near::File || self.data != Path::new(DATA) { data } else { Near::Nowhere };
        if url == Near::Flag && data == Near::Flag {
            return Err(twice(url, "data", if self.store.is_some() { "store" } else { "store-file" }));
        }
        if data > url {
            (self.store, self.store_file) = (None, None);
        }
        self.is_named = data.max(url) > Near::Nowhere;
        self.is_at_hand = url == Near::Flag;
        self.reads_are_farther = reads < data.max(url);
        Ok(())
    }

    /// Takes the demo's own folder, unless a store was named.
    pub(crate) fn for_demo(&mut self) {
        if !self.is_named {
            self.data = DEMO_DATA.into();
        }
    }

    /// What to say of the files with URLs that others can read, and that hold a password.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let files = [&self.store_file, &self.store_read_file].into_iter().flatten();
        // One that can't be read is told of by the command that needs it. A pipe could be read only once.
        files
            .filter(|file| file.is_file() && small_file::is_readable_by_others(file))
            .filter(|file| small_file::read(file).is_ok_and(|url| has_password(&url)))
            .map(|file| small_file::warning(file))
            .collect()
    }

    /// Where the store is.
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        let location = match &self.store_file {
            Some(file) => in_file(file, Location::parse)?,
            None => match &self.store {
                Some(url) => Location::parse(url).map_err(Failure::usage)?,
                None => Location::folder(&self.data),
            },
        };
        // A replica that is configured is not for a folder that is named here and now.
        if self.reads_are_farther && location.as_folder().is_some() {
            return Ok(location);
        }
        let location = location.with_connections(self.store_connections);
        match (&self.store_read_file, &self.store_read) {
            (Some(file), _) => in_file(file, |url| location.with_reads_from(url)),
            (None, Some(url)) => location.with_reads_from(url).map_err(Failure::usage),
            (None, None) => Ok(location),
        }
    }

    /// Opens a store that is there. One that isn't would be a slip of the pen, or a disk that was not mounted: its backup, say,
    /// would be sound and empty.
    pub(crate) fn open(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.there()?)?)
    }

    /// The same for a command that reads all of it, on whatever file system.
    pub(crate) fn open_to_save(&self) -> Result<Store, Failure> {
        Ok(Store::open_to_save(&self.there()?)?)
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
        let (flag, value) = match (&self.store, &self.store_file) {
            (None, None) if self.data == Path::new(DATA) => return String::new(),
            (None, None) => ("data", self.data.display().to_string()),
            // The next command finds it in the same place.
            _ if !self.is_at_hand => return String::new(),
            (_, Some(file)) => ("store-file", file.display().to_string()),
            (Some(_), None) => match self.location() {
                Ok(location) => ("store", location.to_string()),
                Err(_) => return String::new(),
            },
        };
        let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
        if value.chars().all(is_plain) {
            format!(" --{flag} {value}")
        } else {
            format!(" --{flag} '{}'", value.replace('\'', "'\\''"))
        }
    }
}

/// How near to the command line something was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Near {
    Nowhere,
    /// In the configuration file.
    File,
    Environment,
    Flag,
}

impl Near {
    /// By an option's name.
    fn of(sources: &ArgMatches, long: &str) -> Self {
        match sources.value_source(&long.replace('-', "_")) {
            Some(ValueSource::CommandLine) => Self::Flag,
            Some(ValueSource::EnvVariable) => Self::Environment,
            // The configuration file's values stand in the place of the defaults.
            Some(_) => Self::File,
            None => Self::Nowhere,
        }
    }

    /// An option as it is written there.
    fn name(self, long: &str) -> String {
        match self {
            Self::Environment => format!("BILLHOOK_{}", long.replace('-', "_").to_uppercase()),
            Self::Flag => format!("--{long}"),
            Self::File | Self::Nowhere => long.to_owned(),
        }
    }
}

/// Leaves the nearer one of a URL and a file that holds one, and says how near it is.
fn nearer(
    sources: &ArgMatches,
    (url, url_name): (&mut Option<String>, &str),
    (file, file_name): (&mut Option<PathBuf>, &str),
) -> Result<Near, Failure> {
    let (of_url, of_file) = (Near::of(sources, url_name), Near::of(sources, file_name));
    if url.is_some() && of_url == of_file {
        return Err(twice(of_url, url_name, file_name));
    }
    if of_url > of_file {
        *file = None;
    } else {
        *url = None;
    }
    Ok(of_url.max(of_file))
}

fn twice(near: Near, one: &str, other: &str) -> Failure {
    let (one, other) = (near.name(one), near.name(other));
    Failure::usage(format!("the store is named twice: leave one of {one} and {other} out"))
}

/// Does something with the URL in a file. What is wrong with it is wrong with the file.
fn in_file<T>(
    file: &Path,
    take: impl FnOnce(&str) -> Result<T, billhook_store::Error>,
) -> Result<T, Failure> {
    let text =
        small_file::read(file).map_err(|error| Failure::file("read the store's URL in", file, &error))?;
    take(text.trim()).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

/// Whether a URL holds a password.
pub(crate) fn has_password(url: &str) -> bool {
    let user = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map_or("", |(user, _)| user);
    user.contains(':') || url.contains("password=")
}

impl fmt::Debug for StoreOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOption").field("data", &self.data).finish_non_exhaustive()
    }
}
